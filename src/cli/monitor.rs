//! `heartbeat monitor`: the mesh and what happens to it, for somebody who watches.
//!
//! Two tasks ask: one looks at the mesh once a second, one follows the node's
//! events. Both go on when the node goes away, from where they were; whether it
//! is there is what the first of them finds out, so there is one answer to that.

use std::collections::VecDeque;
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::answer::{self, Answer, Part};
use super::ask::{Address, Place};
use super::events::{event_line, number};
use super::exit::{Failure, Outcome, until_asked, usual_end};
use super::live::Live;
use super::matrix::{LOOK_EVERY, silent_note};
use super::output::{Cell, Output, Paint, age, names};
use super::verify::{CLUSTER, findings};
use crate::config::environment::Environment;
use crate::detector::time::Monotonic;
use crate::mesh::{MeshVerdict, RowFreshness};
use crate::render::matrix::said;
use crate::runtime::clock::Clock;

/// Events on the screen, below the table.
const EVENTS_SHOWN: usize = 12;
/// Messages that wait to be shown. A full queue slows the asking down.
const TOLD_WAITING_MAX: usize = 64;
/// After a stream has ended.
const REOPEN_AFTER: Duration = Duration::from_secs(1);

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  heartbeat monitor                        the node of this host, until Ctrl-C
  heartbeat monitor --addr=:8002 | tee log    a line for each change of the mesh and each event
  heartbeat monitor --json | jq -r .sentence

On a terminal it is one picture that is kept young. With --json each line is an event as in
`heartbeat events --json`, or one of mesh_changed (with the answer of /api/v1/cluster as `mesh`),
contact_lost, contact_restored, no_events (they cannot be followed) and events_restored. A node that
goes away is waited for.
Exit codes: 0 ended by Ctrl-C, 69 the node cannot be reached at the start.")]
pub struct Monitor {
    #[command(flatten)]
    pub address: Address,
    /// Print one JSON object a line
    #[arg(long)]
    pub json: bool,
}

/// Shows the mesh and what happens until somebody has seen enough.
///
/// # Errors
/// When the node cannot be reached at the start.
pub async fn monitor(command: &Monitor, environment: &Environment) -> Outcome {
    let output = Output::stdout(environment);
    let place = command.address.place(environment)?;
    until_asked(watch(&place, Live::new(output, command.json), command.json), usual_end).await
}

/// What the two tasks tell.
enum Update {
    Mesh(Result<Answer, Failure>),
    Event(Box<Value>),
    /// The stream is refused although the node answers.
    NoStream(String),
    /// It was refused before.
    StreamAgain,
}

async fn watch(place: &Place, live: Live, as_json: bool) -> Outcome {
    let first = place.ask(CLUSTER, "a view of the mesh").await?;
    let (sender, mut told) = mpsc::channel(TOLD_WAITING_MAX);
    tokio::spawn(follow(place.clone(), sender.clone()));
    tokio::spawn(look(place.clone(), sender));
    let mut show = Show::new(place, live, as_json, first)?;
    while let Some(told) = told.recv().await {
        show.take(told)?;
    }
    Err(Failure::Internal("nobody is left who asks".into()))
}

async fn look(place: Place, told: mpsc::Sender<Update>) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        if told.send(Update::Mesh(place.ask(CLUSTER, "a view of the mesh").await)).await.is_err() {
            return;
        }
    }
}

/// Follows the events of the node, in whichever life of it.
async fn follow(place: Place, told: mpsc::Sender<Update>) {
    let mut read = Read::default();
    loop {
        if let Err(failure) = follow_once(&place, &mut read, &told).await {
            let why = failure.cause();
            // A node that is gone is noticed by whoever looks at the mesh.
            if !matches!(failure, Failure::Unreachable { .. }) && why != read.refused {
                read.refused.clone_from(&why);
                let _ = told.send(Update::NoStream(why)).await;
            }
        }
        if told.is_closed() {
            return;
        }
        tokio::time::sleep(REOPEN_AFTER).await;
    }
}

/// How far the events were read, and of which life of the node.
#[derive(Default)]
struct Read {
    boot: String,
    last: Option<u64>,
    /// Why they cannot be read, as it was told last.
    refused: String,
}

async fn follow_once(place: &Place, read: &mut Read, told: &mpsc::Sender<Update>) -> Result<(), Failure> {
    let node = place.ask("/api/v1/node", "a description of itself").await?;
    let boot = node.root().text("boot");
    if read.boot != boot {
        // Of a new life everything is news; of the one that was met first only the latest is.
        read.last = if read.boot.is_empty() { None } else { Some(0) };
        boot.clone_into(&mut read.boot);
    }
    let since = match read.last {
        Some(last) => last,
        // Asked for the latest, a node mixes in what its peers tell, under their numbers; from a number on it tells its own.
        None => {
            let latest = place.ask("/api/v1/events?limit=1", "a list of events").await?;
            let next = latest.root().0["next"].as_u64().unwrap_or_default();
            next.saturating_sub(EVENTS_SHOWN as u64)
        }
    };
    read.last = Some(since);
    let mut stream = place.follow(&format!("/api/v1/events?since={since}")).await?;
    if !std::mem::take(&mut read.refused).is_empty() {
        let _ = told.send(Update::StreamAgain).await;
    }
    while !told.is_closed() {
        let frame = stream.next().await?;
        if let Ok(event) = answer::parse(&frame.data) {
            tell(event, read, told).await;
        }
    }
    Ok(())
}

async fn tell(event: Value, read: &mut Read, told: &mpsc::Sender<Update>) {
    read.last = number(&event).or(read.last);
    let _ = told.send(Update::Event(Box::new(event))).await;
}

/// What is known, and how it is shown.
struct Show<'a> {
    place: &'a Place,
    live: Live,
    as_json: bool,
    clock: Clock,
    mesh: Answer,
    answered: Monotonic,
    /// Why the last look failed.
    lost: Option<Failure>,
    /// What the last line about the mesh was about.
    about: String,
    events: VecDeque<Value>,
    no_stream: String,
}

impl<'a> Show<'a> {
    fn new(place: &'a Place, live: Live, as_json: bool, mesh: Answer) -> Result<Show<'a>, Failure> {
        let clock = Clock::start();
        let mut show = Show {
            place,
            live,
            as_json,
            clock,
            answered: clock.now(),
            mesh,
            lost: None,
            about: String::new(),
            events: VecDeque::new(),
            no_stream: String::new(),
        };
        show.mesh_line()?;
        show.redraw()?;
        Ok(show)
    }

    fn take(&mut self, told: Update) -> Result<(), Failure> {
        match told {
            Update::Mesh(Ok(mesh)) => {
                if self.lost.take().is_some() {
                    self.found_again(&mesh)?;
                }
                (self.mesh, self.answered) = (mesh, self.clock.now());
                self.mesh_line()?;
            }
            Update::Mesh(Err(why)) => {
                if self.lost.is_none() {
                    let note = silent_note(self.place, self.clock.now() - self.answered, &why, self.as_json);
                    self.line(Paint::Bad, &note)?;
                }
                self.lost = Some(why);
            }
            Update::Event(event) => {
                let line = if self.as_json { event.to_string() } else { event_line(&event, true, &self.live.output) };
                self.line(Paint::Plain, &line)?;
                if self.events.len() == EVENTS_SHOWN {
                    self.events.pop_front();
                }
                self.events.push_back(*event);
            }
            Update::NoStream(why) => {
                self.no_stream = format!("its events cannot be followed: {}", why);
                let note = match self.as_json {
                    true => json!({ "event": "no_events", "why": why }).to_string(),
                    false => self.no_stream.clone(),
                };
                self.line(Paint::Bad, &note)?;
            }
            Update::StreamAgain => {
                self.no_stream.clear();
                let note =
                    if self.as_json { r#"{"event":"events_restored"}"# } else { "its events are followed again" };
                self.line(Paint::Good, note)?;
            }
        }
        Ok(self.redraw()?)
    }

    /// Its boot tells whether it is another process now.
    fn found_again(&mut self, mesh: &Answer) -> std::io::Result<()> {
        let silent = self.clock.now() - self.answered;
        let restarted = boot(mesh.root()) != boot(self.mesh.root());
        self.about.clear();
        if self.as_json {
            let silent_ms = u64::try_from(silent.as_millis()).unwrap_or(u64::MAX);
            let note = json!({ "event": "contact_restored", "place": self.place.0, "silent_ms": silent_ms, "restarted": restarted });
            return self.line(Paint::Plain, &note.to_string());
        }
        let restarted = if restarted { ", restarted" } else { "" };
        self.line(Paint::Good, &format!("http://{} answers again after {}{restarted}", self.place.0, age(silent)))
    }

    /// Without a screen: a line when the mesh is not what it was.
    fn mesh_line(&mut self) -> std::io::Result<()> {
        let mesh = self.mesh.root();
        let about = about(mesh);
        if self.live.in_place() || about == self.about {
            return Ok(());
        }
        self.about = about;
        let (paint, sentence) = (paint_of(mesh), mesh.text("sentence").to_owned());
        let line = match self.as_json {
            true => json!({ "event": "mesh_changed", "sentence": sentence, "mesh": mesh.0 }).to_string(),
            false => format!("mesh: {sentence}"),
        };
        self.line(paint, &line)
    }

    /// Where there is no screen to draw on.
    fn line(&mut self, paint: Paint, text: &str) -> std::io::Result<()> {
        if self.live.in_place() {
            return Ok(());
        }
        let text = if self.as_json { text.to_owned() } else { self.live.output.paint(paint, text) };
        self.live.output.line(&text)
    }

    fn redraw(&mut self) -> std::io::Result<()> {
        if !self.live.in_place() {
            return Ok(());
        }
        let (mesh, output) = (self.mesh.root(), &self.live.output);
        let mut lines = Vec::new();
        if let Some(why) = &self.lost {
            let note = silent_note(self.place, self.clock.now() - self.answered, why, false);
            lines.extend([output.paint(Paint::Bad, &note), "What it said last:".to_owned(), String::new()]);
        }
        lines.extend(findings(mesh, output));
        lines.push(String::new());
        lines.extend(table(mesh, output));
        lines.extend([String::new(), format!("What {} saw:", mesh.name("node"))]);
        if !self.no_stream.is_empty() {
            lines.push(output.paint(Paint::Bad, &self.no_stream));
        }
        lines.extend(self.events.iter().rev().map(|event| event_line(event, true, output)));
        lines.extend([
            String::new(),
            output.paint(Paint::Faint, &format!("http://{}, newest first; Ctrl-C ends", self.place.0)),
        ]);
        self.live.show(lines, String::new())
    }
}

fn boot(mesh: Part<'_>) -> &str {
    let asked = mesh.text("node");
    mesh.parts("nodes").find(|node| node.text("node") == asked).map(|node| node.text("boot")).unwrap_or_default()
}

fn paint_of(mesh: Part<'_>) -> Paint {
    if mesh.flag("whole") { Paint::Good } else { Paint::Bad }
}

/// Everything of a mesh that is not a figure.
fn about(mesh: Part<'_>) -> String {
    let mut about = format!("{} {}", mesh.flag("whole"), mesh.flag("split"));
    for node in mesh.parts("nodes") {
        about.extend(["node", "verdict", "heard", "state"].map(|key| format!("\t{}", node.text(key))));
        about.extend(["missed_by", "suspected_by", "unmet_by"].map(|key| format!("\t{}", node.0[key])));
    }
    about.push_str(&mesh.0["mismatches"].to_string());
    about
}

fn table(mesh: Part<'_>, output: &Output) -> Vec<String> {
    let rows: Vec<Vec<Cell>> = mesh.parts("nodes").map(row).collect();
    output.table_lines(["NODE", "VERDICT", "UP FOR", "REPORTED", "REACHED BY", "NOTE"].map(str::to_owned).into(), &rows)
}

fn row(node: Part<'_>) -> Vec<Cell> {
    let word = node.text("verdict");
    let paint = match MeshVerdict::ALL.into_iter().find(|verdict| verdict.as_str() == word) {
        Some(MeshVerdict::Up | MeshVerdict::Restarted) => Paint::Good,
        Some(MeshVerdict::Left | MeshVerdict::Maintenance) => Paint::Faint,
        Some(verdict) if verdict.is_bad() => Paint::Bad,
        _ => Paint::Doubtful,
    };
    let heard =
        RowFreshness::ALL.into_iter().find(|heard| heard.as_str() == node.text("heard")).unwrap_or(RowFreshness::Never);
    let now = heard == RowFreshness::Now;
    let mut notes: Vec<String> = Vec::new();
    if let Some(silent) = node.span("silent_ms") {
        notes.push(format!("last heard {} ago", age(silent)));
    }
    for (key, what) in [
        ("missed_by", "missed by"),
        ("suspected_by", "suspect to"),
        ("unmet_by", "not met by"),
        ("degraded_by", "degraded for"),
        ("flapping_by", "flapping for"),
    ] {
        let by = node.names(key);
        if !by.is_empty() {
            notes.push(format!("{what} {}", names(&by)));
        }
    }
    // What it said before is no news: its time would go on after its death.
    let up = node.span("up_ms").filter(|_| now).map_or_else(|| "-".to_owned(), age);
    vec![
        Cell::plain(node.name("node")),
        Cell::new(paint, node.name("verdict").replace('_', " ")),
        Cell::plain(up),
        Cell::new(
            if now { Paint::Plain } else { Paint::Doubtful },
            said(heard, node.flag("stalled"), node.span("as_of_ms")),
        ),
        Cell::plain(node.parts("reached_by").count().to_string()),
        Cell::plain(notes.join(", ")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_says_who_misses_whom_and_since_when() {
        let text = r#"{"nodes":[
            {"node":"node-1","verdict":"up","heard":"now","as_of_ms":0,"up_ms":65000,"reached_by":["node-2"]},
            {"node":"node-2","verdict":"down","heard":"before","as_of_ms":4000,"up_ms":60000,"reached_by":[],
             "silent_ms":4200,"missed_by":["node-1"],"flapping_by":["node-1"]},
            {"node":"node-3","verdict":"vanished","heard":"never"}]}"#;
        let answer = Answer::new(text.into(), "").unwrap();
        assert_eq!(
            table(answer.root(), &Output::to(Box::new(std::io::sink()), false)).join("\n"),
            "\
NODE    VERDICT   UP FOR  REPORTED  REACHED BY  NOTE
node-1  up        1m 5s   now       1
node-2  down      -       4 s ago   0           last heard 4.2s ago, missed by node-1, flapping for node-1
node-3  vanished  -       never     0"
        );
    }

    #[test]
    fn figures_are_no_change_of_the_mesh() {
        let of = |text: &str| about(Answer::new(text.into(), "").unwrap().root());
        let text = r#"{"whole":true,"sentence":"a","nodes":[{"node":"a","verdict":"up","heard":"now","up_ms":1,"missed_by":[]}]}"#;
        assert_eq!(
            of(text),
            of(&text.replace("\"up_ms\":1", "\"up_ms\":2").replace("\"sentence\":\"a\"", "\"sentence\":\"b\""))
        );
        assert_ne!(of(text), of(&text.replace("[]", "[\"b\"]")));
    }
}
