//! A run as a picture: a space-time diagram, one line a node, time to the right.
//!
//! Above, packets are arrows between the lines, and what the scenario does is a mark at its time. Below, each pair of
//! nodes of which one is not taken for alive all the time has a strip with the colour and the word of its state. Nothing
//! is shown by colour alone, the colours follow the reader's light or dark theme, and `desc` has the same in sentences.
//!
//! A picture that no one can read or load helps no one, so it has bounds: at most twelve nodes, a window of a few
//! seconds round the first fault, and [`DIAGRAM_BYTES`]; it says what it leaves out.

mod arrows;
mod beliefs;
mod canvas;
mod window;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::time::Duration;

use self::beliefs::Strip;
use self::canvas::{Canvas, LEFT};
use self::window::Window;
use super::host_state::HostState;
use super::packets::{Packet, PacketTrace};
use super::run::{Run, run, run_traced};
use super::scenario::{Action, HostId, Scenario};
use super::shown::shown;
use super::timeline::What;
use crate::detector::event::EventKind;
use crate::render::sentence;

/// A diagram is no larger. It is embedded in pages, and one may hold several.
pub const DIAGRAM_BYTES: usize = 200_000;

/// More lines than this cannot be told apart.
const NODES_MAX: usize = 12;
/// More strips than this no one reads.
const STRIPS_MAX: usize = 24;
/// Sentences in the description, for those who cannot see the picture.
const SENTENCES_MAX: usize = 40;

/// Between two nodes.
const ROW: f64 = 64.0;
/// A strip with the gap below it.
const STRIP: f64 = 18.0;
/// Title and the marks of the steps.
const TOP: f64 = 92.0;

/// The picture of a scenario under one seed, as SVG. Without `from` the window is round the first fault.
pub fn diagram(scenario: &Scenario, seed: u64, from: Option<Duration>) -> String {
    let first = run(scenario, seed);
    let hosts = shown_hosts(scenario);
    let mut window = Window::of(&first, from);
    loop {
        let trace = PacketTrace::new(window.from, window.until).between(hosts.iter().copied().collect());
        let (run, trace) = run_traced(scenario, seed, trace);
        let svg = Picture { run: &run, packets: &trace.packets, hosts: &hosts, window }.draw();
        if svg.len() <= DIAGRAM_BYTES || !window.shorten() {
            return svg;
        }
    }
}

/// Those that something happens to, then the first ones.
fn shown_hosts(scenario: &Scenario) -> Vec<HostId> {
    let mut hosts = BTreeSet::new();
    let named = scenario.steps.iter().flat_map(|step| match &step.action {
        Action::Host(_, host) | Action::HostLoss(_, host, _) => vec![*host],
        Action::Link(_, a, b) => vec![*a, *b],
        Action::Split(_) | Action::AllLoss(_) | Action::Heal => Vec::new(),
    });
    for host in named.chain((0..scenario.nodes).map(HostId)) {
        if hosts.len() < NODES_MAX {
            hosts.insert(host);
        }
    }
    hosts.into_iter().collect()
}

struct Picture<'a> {
    run: &'a Run,
    packets: &'a [Packet],
    hosts: &'a [HostId],
    window: Window,
}

impl Picture<'_> {
    fn draw(&self) -> String {
        let strips = beliefs::strips(self.run, self.hosts, self.window);
        let shown_strips = &strips[..strips.len().min(STRIPS_MAX)];
        let lines_end = TOP + ROW * (self.hosts.len() as f64 - 1.0) + 20.0;
        let strips_end = lines_end + 34.0 + STRIP * shown_strips.len() as f64;
        let mut canvas = Canvas::new(self.window, strips_end + 84.0);
        self.words(&mut canvas);
        canvas.axis(TOP - 22.0, strips_end);
        self.steps(&mut canvas, strips_end);
        self.nodes(&mut canvas);
        arrows::draw(&mut canvas, self.packets, |host| self.row(host));
        self.verdicts(&mut canvas);
        self.strips(&mut canvas, shown_strips, lines_end, strips.len());
        canvas.legend(strips_end + 46.0);
        canvas.finish()
    }

    fn row(&self, host: HostId) -> Option<f64> {
        let place = self.hosts.iter().position(|shown| *shown == host)?;
        Some(TOP + ROW * place as f64)
    }

    /// Title and description; the title is also drawn.
    fn words(&self, canvas: &mut Canvas) {
        let Run { scenario, seed, .. } = self.run;
        let Window { from, until } = self.window;
        let seconds = |time: Duration| time.as_secs_f64();
        let title = format!("{}, seed {seed}, {:.2} s to {:.2} s", scenario.name, seconds(from), seconds(until));
        let left_out = match scenario.nodes - self.hosts.len() {
            0 => String::new(),
            more => format!(" {more} more nodes are not drawn."),
        };
        let about = if scenario.about.is_empty() { String::new() } else { format!("{}. ", scenario.about) };
        let mut told = format!("{about}The whole run: {}.{left_out}", shown(self.run));
        let inside = self.run.timeline.iter().filter(|entry| self.window.has(entry.at));
        for entry in inside.clone().take(SENTENCES_MAX) {
            let at = seconds(entry.at);
            // Writing into a string does not fail.
            let _ = match &entry.what {
                What::Step(action) => write!(told, "\n{at:.3} s: {action}."),
                What::Event(node, event) => write!(told, "\n{at:.3} s, {node}: {}.", sentence(event)),
            };
        }
        let more = inside.count().saturating_sub(SENTENCES_MAX);
        if more > 0 {
            let _ = write!(told, "\n{more} more entries.");
        }
        canvas.words(&title, &told);
        canvas.text(LEFT, 22.0, "title", &title);
        canvas.text(LEFT, 38.0, "note", &format!("{}.{left_out}", shown(self.run)));
    }

    fn steps(&self, canvas: &mut Canvas, bottom: f64) {
        // Marks of one moment stand above each other, in three rows at most.
        let mut free = [0.0_f64; 3];
        for entry in &self.run.timeline {
            let What::Step(action) = &entry.what else { continue };
            let Some(x) = canvas.place(entry.at) else { continue };
            canvas.line("step", (x, 46.0), (x, bottom));
            let text = action.to_string();
            if let Some(row) = free.iter().position(|until| *until <= x) {
                free[row] = x + 6.5 * text.chars().count() as f64 + 12.0;
                canvas.text(x + 4.0, 52.0 + 12.0 * row as f64, "step-text", &text);
            }
        }
    }

    /// The line of each node, in pieces by what its process does.
    fn nodes(&self, canvas: &mut Canvas) {
        for host in self.hosts {
            let Some(y) = self.row(*host) else { continue };
            canvas.text(8.0, y + 4.0, "name", &host.to_string());
            let mut state = HostState { ended: self.run.scenario.absent.contains(host), ..HostState::default() };
            let mut since = Duration::ZERO;
            for entry in &self.run.timeline {
                let next = match &entry.what {
                    What::Step(Action::Host(act, acted)) if acted == host => state.after(*act),
                    What::Step(Action::Heal) => HostState { unplugged: false, ..state },
                    What::Step(_) | What::Event(..) => continue,
                };
                if next != state {
                    process_line(canvas, state, y, since, entry.at);
                    (state, since) = (next, entry.at);
                }
            }
            process_line(canvas, state, y, since, self.run.scenario.length);
        }
    }

    fn verdicts(&self, canvas: &mut Canvas) {
        for entry in &self.run.timeline {
            let What::Event(node, event) = &entry.what else { continue };
            let class = match event.kind {
                EventKind::PeerDown { .. } => "dead",
                EventKind::PeerUnreachable { .. } => "unreachable",
                EventKind::PeerRecovered { .. } | EventKind::PeerRestarted { .. } => "alive",
                _ => continue,
            };
            let row = HostId::of(node.as_str()).and_then(|host| self.row(host));
            if let (Some(y), Some(x)) = (row, canvas.place(entry.at)) {
                canvas.mark(class, (x, y), &format!("{:.3} s, {node}: {}", entry.at.as_secs_f64(), sentence(event)));
            }
        }
    }

    fn strips(&self, canvas: &mut Canvas, strips: &[Strip], lines_end: f64, all: usize) {
        let heading = match (all, all.saturating_sub(strips.len())) {
            (0, _) => "every node takes every other for alive all the time".to_owned(),
            (_, 0) => "what each node believes of the peers that it does not take for alive all the time".to_owned(),
            (_, more) => format!("what nodes believe of peers; {more} more pairs are not drawn"),
        };
        canvas.text(LEFT, lines_end + 22.0, "note", &heading);
        for (index, strip) in strips.iter().enumerate() {
            let y = lines_end + 30.0 + STRIP * index as f64;
            canvas.text(8.0, y + 11.0, "pair", &format!("{} of {}", strip.observer, strip.peer));
            for part in &strip.parts {
                canvas.strip(part.state.as_str(), y, part.from, part.until);
            }
        }
    }
}

fn process_line(canvas: &mut Canvas, state: HostState, y: f64, from: Duration, until: Duration) {
    let Some((left, right)) = canvas.span(from, until) else { return };
    let (class, word) = match state {
        HostState { ended: true, .. } => ("ended", "no process"),
        HostState { frozen: true, .. } => ("frozen", "frozen"),
        HostState { unplugged: true, .. } => ("unplugged", "no network"),
        HostState { starved: true, .. } => ("starved", "starved"),
        HostState { .. } => ("runs", ""),
    };
    canvas.line(class, (left, y), (right, y));
    if !word.is_empty() {
        let room = right - left > 7.0 * word.len() as f64;
        canvas.text(left + 4.0, y - 5.0, "note", if room { word } else { "" });
    }
}

#[cfg(test)]
mod tests;
