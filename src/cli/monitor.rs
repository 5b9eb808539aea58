//! `heartbeat monitor`: the state of the mesh and its events, for a person who watches.
//!
//! It looks at the mesh once a second and follows the node's events; whether the node is there is what the looks show,
//! so there is one answer to that.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};

use super::address::Reader;
use super::answer::{Event, listed, name, span_of, span_or_dash, word};
use super::ask::Place;
use super::events::{dated_line, event_line};
use super::exit::{Failure, Outcome, until_asked, usual_end};
use super::incidents::moment;
use super::live::Live;
use super::output::{Cell, Output, Paint};
use super::verify::{CLUSTER, findings};
use super::watch::events::{Begin, EventReader};
use super::watch::{LOOK_EVERY, Update, contact, watch};
use crate::api::text::Text;
use crate::api::{ClusterBody, ClusterNodeBody, MismatchBody};
use crate::config::environment::Environment;
use crate::detector::peer::BootId;
use crate::mesh::{Member, MeshVerdict, RowFreshness};
use crate::render::matrix::said;

/// Events on the screen, below the table.
const EVENTS_SHOWN: usize = 12;

/// Sentence, heading and what else stands above and below the rows of the nodes.
const LINES_BESIDE_NODES: usize = 5;

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  heartbeat monitor                        the node of this host, until Ctrl-C
  heartbeat monitor --addr=:8002 | tee log    one line for each change of the mesh and each event
  heartbeat monitor --json | jq -r .sentence

On a terminal it is one picture that refreshes itself. With --json each line is an event as in
`heartbeat events --json`, or one of mesh_changed (with the answer of /api/v1/cluster as `mesh`),
contact_lost, contact_restored, no_events (they cannot be followed) and events_restored. A node that
goes away is asked again until it is back.
Exit codes: 0 ended by Ctrl-C, 69 the node cannot be reached at the start.")]
pub(crate) struct Monitor {
    #[command(flatten)]
    pub reader: Reader,
    /// Print one JSON object a line
    #[arg(long)]
    pub json: bool,
}

/// Shows the mesh and its events until Ctrl-C.
///
/// # Errors
/// When the node cannot be reached at the start.
pub(crate) async fn monitor(command: &Monitor, environment: &Environment) -> Outcome {
    let output = Output::stdout(environment);
    let place = command.reader.place(environment)?;
    until_asked(watch_all(&place, Live::new(output, command.json), command.json), usual_end).await
}

async fn watch_all(place: &Place, live: Live, as_json: bool) -> Outcome {
    let reader = EventReader::new(place.clone(), Begin::Last(EVENTS_SHOWN as u64), None);
    let look = async || {
        let answer = place.ask(CLUSTER, "a view of the mesh").await?;
        Ok(Look { json: answer.json.clone(), mesh: answer.into_shape()? })
    };
    let (mut live, mut show) = (Some(live), None);
    watch(
        look,
        || LOOK_EVERY,
        Some(reader),
        |update| {
            match (&mut show, update) {
                (Some(show), update) => Show::take(show, update)?,
                (show, Update::Answer { answer, .. }) => {
                    if let Some(live) = live.take() {
                        *show = Some(Show::new(place, live, as_json, answer)?);
                    }
                }
                (None, Update::NoAnswer { why, .. }) => return Err(why),
                (None, _) => {}
            }
            Ok(None)
        },
    )
    .await
}

/// What one look showed: with all its fields, and in its shape.
struct Look {
    json: Value,
    mesh: ClusterBody,
}

/// What is known, and how it is shown.
struct Show<'a> {
    place: &'a Place,
    live: Live,
    as_json: bool,
    last: Look,
    /// How long the node has been silent, and why.
    lost: Option<(Duration, Failure)>,
    /// What the last line about the mesh was about.
    about: String,
    events: VecDeque<Event>,
    events_lost: String,
}

impl<'a> Show<'a> {
    fn new(place: &'a Place, live: Live, as_json: bool, last: Look) -> Result<Show<'a>, Failure> {
        let about = String::new();
        let (events, events_lost) = (VecDeque::new(), String::new());
        let mut show = Show { place, live, as_json, last, lost: None, about, events, events_lost };
        show.mesh_line()?;
        show.redraw()?;
        Ok(show)
    }

    fn take(&mut self, update: Update<Look>) -> Result<(), Failure> {
        match update {
            Update::Answer { answer: look, silence } => {
                self.lost = None;
                if let Some(silence) = silence {
                    let restarted = boot(&look.mesh) != boot(&self.last.mesh);
                    let note = contact::restored(self.place, silence, Some(restarted), self.as_json);
                    self.about.clear();
                    self.line(Paint::Good, &note)?;
                }
                self.last = look;
                self.mesh_line()?;
            }
            Update::NoAnswer { why, silence, is_first } => {
                if is_first {
                    self.line(Paint::Bad, &contact::lost(self.place, silence, &why, self.as_json))?;
                }
                self.lost = Some((silence, why));
            }
            Update::Event(event) => {
                let line =
                    if self.as_json { event.json.to_string() } else { event_line(&event, true, &self.live.output) };
                self.line(Paint::Plain, &line)?;
                if self.events.len() == EVENTS_SHOWN {
                    self.events.pop_front();
                }
                self.events.push_back(event);
            }
            Update::EventsLost(why) => {
                self.events_lost = format!("its events cannot be followed: {why}");
                let note = match self.as_json {
                    true => json!({ "event": "no_events", "why": why }).to_string(),
                    false => self.events_lost.clone(),
                };
                self.line(Paint::Bad, &note)?;
            }
            Update::EventsRestored => {
                self.events_lost.clear();
                let note =
                    if self.as_json { r#"{"event":"events_restored"}"# } else { "its events are followed again" };
                self.line(Paint::Good, note)?;
            }
        }
        Ok(self.redraw()?)
    }

    /// Without a screen: a line when the mesh is not what it was.
    fn mesh_line(&mut self) -> std::io::Result<()> {
        let Look { json, mesh } = &self.last;
        let about = about(mesh);
        if self.live.in_place() || about == self.about {
            return Ok(());
        }
        self.about = about;
        let (paint, sentence) = (paint_of(mesh), mesh.sentence.clone());
        let line = match self.as_json {
            true => json!({ "event": "mesh_changed", "sentence": sentence, "mesh": json }).to_string(),
            false => format!("mesh: {sentence}"),
        };
        self.line(paint, &line)
    }

    /// Only where there is no screen to draw on.
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
        let (mesh, output) = (&self.last.mesh, &self.live.output);
        let mut lines = Vec::new();
        if let Some((silence, why)) = &self.lost {
            lines.extend(output.prose(Paint::Bad, "", 0, &contact::lost(self.place, *silence, why, false)));
            lines.extend(["Its last answer:".to_owned(), String::new()]);
        }
        lines.extend(findings(mesh, output));
        lines.push(String::new());
        lines.extend(table(mesh, output));
        lines.extend([String::new(), format!("Events of {}:", name(&mesh.node))]);
        if !self.events_lost.is_empty() {
            lines.extend(output.prose(Paint::Bad, "", 0, &self.events_lost));
        }
        // The year and the milliseconds would take the room of the text.
        let line = |event: &Event| dated_line(&moment(&event.body.at.0), event, true, output);
        lines.extend(self.events.iter().rev().map(line));
        lines.extend([
            String::new(),
            output.paint(Paint::Faint, &format!("{}, newest first; Ctrl-C ends", self.place.url())),
        ]);
        self.live.show(lines, String::new())
    }
}

fn boot(mesh: &ClusterBody) -> Option<&Text<BootId>> {
    let asked = mesh.nodes.iter().find(|node| node.node.as_str() == mesh.node.as_str());
    asked.and_then(|node| node.boot.as_ref())
}

fn paint_of(mesh: &ClusterBody) -> Paint {
    if mesh.whole { Paint::Good } else { Paint::Bad }
}

/// Everything of a mesh that is not a figure.
fn about(mesh: &ClusterBody) -> String {
    let mut about = format!("{} {}", mesh.whole, mesh.split);
    let all = |about: &mut String, names: &[Text<Member>]| {
        about.push('\t');
        about.extend(names.iter().map(|name| format!("{name},")));
    };
    for ClusterNodeBody { node, verdict, heard, state, missed_by, suspected_by, unmet_by, .. } in &mesh.nodes {
        let _ = write!(about, "\n{node}\t{verdict}\t{heard}\t{}", state.clone().unwrap_or_default());
        [missed_by, suspected_by, unmet_by].iter().for_each(|names| all(&mut about, names));
    }
    for MismatchBody { observer, missing } in &mesh.mismatches {
        let _ = write!(about, "\n{observer}");
        all(&mut about, missing);
    }
    about
}

fn table(mesh: &ClusterBody, output: &Output) -> Vec<String> {
    let mut nodes: Vec<&ClusterNodeBody> = mesh.nodes.iter().collect();
    if output.height().is_some_and(|height| height < nodes.len() + LINES_BESIDE_NODES) {
        // Not all of them are on the screen: those that one looks for are. Otherwise no row moves.
        nodes.sort_by_key(|node| !node.verdict.known().is_none_or(|verdict| verdict.is_bad()));
    }
    let rows: Vec<Vec<Cell>> = nodes.into_iter().map(row).collect();
    // In one piece: one line for each node, cut where the screen ends.
    output.whole_table_lines(
        ["NODE", "VERDICT", "UP FOR", "REPORTED", "REACHED BY", "NOTE"].map(str::to_owned).into(),
        &rows,
    )
}

fn row(node: &ClusterNodeBody) -> Vec<Cell> {
    let paint = match node.verdict.known() {
        Some(MeshVerdict::Up | MeshVerdict::Restarted) => Paint::Good,
        Some(MeshVerdict::Left | MeshVerdict::Maintenance) => Paint::Faint,
        Some(verdict) if verdict.is_bad() => Paint::Bad,
        _ => Paint::Doubtful,
    };
    let heard = node.heard.known().copied().unwrap_or(RowFreshness::Never);
    let now = heard == RowFreshness::Now;
    let mut notes: Vec<String> = Vec::new();
    if let Some(silent) = node.silent_ms {
        notes.push(format!("last heard {} ago", span_of(silent)));
    }
    for (by, what) in [
        (&node.missed_by, "missed by"),
        (&node.suspected_by, "suspect to"),
        (&node.unmet_by, "not met by"),
        (&node.degraded_by, "degraded for"),
        (&node.flapping_by, "flapping for"),
    ] {
        if !by.is_empty() {
            notes.push(format!("{what} {}", listed(by)));
        }
    }
    let as_of = node.as_of_ms.map(Duration::from_millis);
    vec![
        Cell::plain(name(&node.node)),
        Cell::new(paint, word(&node.verdict)),
        // An old report is not current: its uptime would continue after its end.
        Cell::plain(span_or_dash(node.up_ms.filter(|_| now))),
        Cell::new(if now { Paint::Plain } else { Paint::Doubtful }, said(heard, node.stalled, as_of)),
        Cell::plain(node.reached_by.len().to_string()),
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
        let mesh = serde_json::from_str(text).unwrap();
        assert_eq!(
            table(&mesh, &Output::to(Box::new(std::io::sink()), false)).join("\n"),
            "\
NODE    VERDICT   UP FOR     REPORTED  REACHED BY  NOTE
node-1  up        1 min 5 s  now       1
node-2  down      -          4 s ago   0           last heard 4.2 s ago, missed by node-1, flapping for node-1
node-3  vanished  -          never     0"
        );
    }

    #[test]
    fn a_screen_that_is_too_low_shows_the_bad_ones_first() {
        let nodes: Vec<String> = (1..=32)
            .map(|number| {
                let verdict = if number == 31 { "down" } else { "up" };
                format!(r#"{{"node":"node-{number}","verdict":"{verdict}","heard":"now"}}"#)
            })
            .collect();
        let mesh = serde_json::from_str(&format!(r#"{{"nodes":[{}]}}"#, nodes.join(","))).unwrap();
        let first = |height| table(&mesh, &Output::of_size(60, height))[1].clone();
        assert!(first(24).starts_with("node-31  down"), "{}", first(24));
        assert!(first(50).starts_with("node-1   up"), "{}", first(50));
    }

    #[test]
    fn figures_are_no_change_of_the_mesh() {
        let of = |text: &str| about(&serde_json::from_str(text).unwrap());
        let text = r#"{"whole":true,"sentence":"a","nodes":[{"node":"a","verdict":"up","heard":"now","up_ms":1,"missed_by":[]}]}"#;
        assert_eq!(
            of(text),
            of(&text.replace("\"up_ms\":1", "\"up_ms\":2").replace("\"sentence\":\"a\"", "\"sentence\":\"b\""))
        );
        assert_ne!(of(text), of(&text.replace("[]", "[\"b\"]")));
    }
}
