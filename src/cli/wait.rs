//! `heartbeat wait`: until the mesh is whole, or until certain nodes are up.
//!
//! It asks again and again, and a node that does not answer yet is no reason to
//! stop: it has often just been started.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::address::Reader;
use super::answer::{listed, word};
use super::ask::Place;
use super::exit::{Exit, Failure, Outcome, early_end, until_asked};
use super::layout::clipped;
use super::output::{Output, Paint, width_of_errors};
use super::verify::{CLUSTER, miscount, nodes};
use super::watch::{Update, watch};
use crate::api::{ClusterBody, ClusterNodeBody, PeersBody};
use crate::client::node::REQUEST_TIME_MAX;
use crate::config::environment::Environment;
use crate::config::parse;
use crate::detector::peer::SelfState;
use crate::mesh::RowFreshness;
use crate::render::join_names;
use crate::render::matrix::{short, tenths};
use crate::render::span;
use crate::runtime::clock::Clock;

/// Between two looks: shorter than an interval of the pings, longer than the time for which readers share a look.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// A shorter wait needs no message.
const SILENT_AT_FIRST: Duration = Duration::from_secs(2);

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  heartbeat wait --all --timeout=60s         until every node answers and reaches all others
  heartbeat wait --all --expect=5            and there are five nodes
  heartbeat wait node-2 node-3 --addr=:8001  until both answer, and all their observers reach them

It also waits for a node that cannot be reached yet. Names are those of `heartbeat matrix`,
or the keys of the peers of the asked node (`heartbeat members`).
Exit codes: 0 all up, 64 a wrong argument, 69 the node could not be reached in that time,
75 not in time (the message says what is missing), 130 Ctrl-C.")]
pub(crate) struct Wait {
    #[command(flatten)]
    pub reader: Reader,
    /// The nodes to wait for [default: all]
    #[arg(value_name = "PEER")]
    pub peers: Vec<String>,
    /// Wait until the mesh is whole, as without names
    #[arg(long, conflicts_with = "peers")]
    pub all: bool,
    /// Expected number of nodes, including the one asked, excluding those that left
    #[arg(long, value_name = "NODES", value_parser = nodes)]
    pub expect: Option<usize>,
    /// Maximum time to wait; 0 looks once
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = parse::duration)]
    pub timeout: Duration,
    /// Print one JSON object at the end
    #[arg(long)]
    pub json: bool,
}

/// Waits.
///
/// # Errors
/// When it did not happen in time.
pub(crate) async fn wait(command: &Wait, environment: &Environment) -> Outcome {
    let output = Output::stdout(environment);
    let place = command.reader.place(environment)?;
    let progress = Progress::new(!command.json && io::stderr().is_terminal() && !environment.dumb_terminal);
    until_asked(look_until(command, &place, output, progress), early_end).await
}

async fn look_until(command: &Wait, place: &Place, mut output: Output, mut progress: Progress) -> Outcome {
    let clock = Clock::start();
    let rest = || command.timeout.saturating_sub(clock.now().0);
    let looks = async || place.limited(patience(command.timeout, rest()), look(command, place)).await;
    let mut known = Known::default();
    watch(
        looks,
        || LOOK_EVERY.min(rest()),
        None,
        |update| {
            let waited = clock.now().0;
            let reached = match update {
                Update::Answer { answer, .. } => known.take(Ok(answer))?,
                Update::NoAnswer { why, .. } => known.take(Err(why))?,
                Update::Event(_) | Update::EventsLost(_) | Update::EventsRestored => false,
            };
            if reached || waited >= command.timeout {
                progress.clear();
                return end(command, std::mem::take(&mut known), place, waited, &mut output).map(Some);
            }
            progress.show(waited, command.timeout, &known.missing(place).join("; "));
            Ok(None)
        },
    )
    .await
}

/// For one look: the rest of the time, in tenths of a second. A last look at the end has a moment all the same, or it
/// would see nothing, and one that is the only one has what every question has.
fn patience(timeout: Duration, rest: Duration) -> Duration {
    if timeout.is_zero() { REQUEST_TIME_MAX } else { tenths(rest + Duration::from_nanos(99_999_999)).max(LOOK_EVERY) }
}

/// What the looks showed so far.
#[derive(Default)]
struct Known {
    /// The last one that succeeded: a node that does not answer the last one has not taken back its report.
    look: Option<Look>,
    /// Why the last one failed.
    failure: Option<Failure>,
    /// The node answered, with whatever.
    answered: bool,
}

/// What one look showed.
struct Look {
    cluster: ClusterBody,
    missing: Vec<String>,
}

impl Known {
    /// Whether it has happened.
    ///
    /// # Errors
    /// When no further look would change anything.
    fn take(&mut self, looked: Result<Look, Failure>) -> Result<bool, Failure> {
        match looked {
            Ok(look) => {
                let reached = look.missing.is_empty();
                *self = Known { look: Some(look), failure: None, answered: true };
                return Ok(reached);
            }
            Err(failure @ Failure::Unreachable { .. }) => self.failure = Some(failure),
            // A node that is starting up or stopping.
            Err(failure @ Failure::Failed(_)) => {
                self.failure = Some(failure);
                self.answered = true;
            }
            Err(failure) => return Err(failure),
        }
        Ok(false)
    }

    fn missing(&self, place: &Place) -> Vec<String> {
        let mut missing = self.look.as_ref().map(|look| look.missing.clone()).unwrap_or_default();
        missing.extend(self.failure.as_ref().map(|failure| format!("{}: {}", place.url(), failure.cause())));
        missing
    }
}

async fn look(command: &Wait, place: &Place) -> Result<Look, Failure> {
    let cluster: ClusterBody = place.ask(CLUSTER, "a view of the mesh").await?.into_shape()?;
    let mut missing: Vec<String> = miscount(&cluster, command.expect).into_iter().collect();
    if command.peers.is_empty() {
        if !cluster.whole {
            missing.push(cluster.sentence.clone());
        }
        return Ok(Look { cluster, missing });
    }
    let known = |name: &str| cluster.nodes.iter().find(|node| node.node.as_str() == name);
    let mut keys: Option<PeersBody> = None;
    for wanted in &command.peers {
        let mut node = known(wanted);
        if node.is_none() {
            if keys.is_none() {
                keys = Some(place.ask("/api/v1/peers", "a list of peers").await?.into_shape()?);
            }
            let peers = keys.iter().flat_map(|keys| &keys.peers);
            let mut named = peers.filter(|peer| peer.key.as_str() == *wanted);
            node = named.next().and_then(|peer| known(&peer.node.as_ref()?.as_str()));
        }
        missing.extend(lacks(wanted, node));
    }
    Ok(Look { cluster, missing })
}

/// What a node lacks to be up for every other.
fn lacks(wanted: &str, node: Option<&ClusterNodeBody>) -> Option<String> {
    let wanted = short(wanted);
    let Some(node) = node else { return Some(format!("{wanted} is not known or has never answered")) };
    if node.heard.known() != Some(&RowFreshness::Now) || node.state == Some(SelfState::Leaving.into()) {
        return Some(format!("{wanted} is {} and does not answer", word(&node.verdict)));
    }
    for (by, what) in [
        (&node.missed_by, "is not reached by"),
        (&node.unmet_by, "is not yet known to"),
        (&node.suspected_by, "is suspect to"),
    ] {
        if !by.is_empty() {
            return Some(format!("{wanted} {what} {}", listed(by)));
        }
    }
    None
}

fn end(command: &Wait, known: Known, place: &Place, waited: Duration, output: &mut Output) -> Outcome {
    let missing = known.missing(place);
    let reached = missing.is_empty();
    if command.json {
        let sentence = known.look.as_ref().map(|look| &*look.cluster.sentence).unwrap_or_default();
        let waited_ms = u64::try_from(waited.as_millis()).unwrap_or(u64::MAX);
        let told = json!({ "reached": reached, "waited_ms": waited_ms, "missing": missing, "sentence": sentence });
        output.line(&told.to_string())?;
        return Ok(match known.answered {
            _ if reached => Exit::Success,
            true => Exit::NotInTime,
            false => Exit::Unreachable,
        });
    }
    let after = tenths(waited);
    let Some(look) = known.look.filter(|_| reached) else {
        if let (false, Some(failure)) = (known.answered, known.failure) {
            return Err(failure);
        }
        let when = if command.timeout.is_zero() { "not now".to_owned() } else { format!("not within {}", span(after)) };
        return Err(Failure::NotInTime(format!("{when}: {}", missing.join("; "))));
    };
    let after = if after.is_zero() { String::new() } else { format!(" (after {})", span(after)) };
    let after = output.paint(Paint::Faint, &after);
    if command.peers.is_empty() {
        let said = output.paint(Paint::Good, &look.cluster.sentence);
        output.say(0, &format!("{said}{after}"))?;
    } else {
        let peers: Vec<String> = command.peers.iter().map(|peer| short(peer)).collect();
        let be = if peers.len() == 1 { "is" } else { "are" };
        output.say(0, &format!("{} {be} up{after}", join_names(&peers)))?;
    }
    Ok(Exit::Success)
}

/// One line on standard error that is drawn over, for a person at a terminal.
struct Progress {
    wanted: bool,
    shown: bool,
}

impl Progress {
    fn new(wanted: bool) -> Progress {
        Progress { wanted, shown: false }
    }

    /// A line that would be wrapped is cut, or it could not be drawn over.
    fn show(&mut self, waited: Duration, timeout: Duration, why: &str) {
        if self.wanted && waited >= SILENT_AT_FIRST {
            self.shown = true;
            let line = format!("waiting, {} of {} s: {why}", waited.as_secs(), timeout.as_secs());
            // One column is left free: some terminals begin a new line as soon as the last one is written.
            let line = width_of_errors().map_or(line.clone(), |width| clipped(&line, width.saturating_sub(1)));
            let _ = write!(io::stderr(), "\r\x1b[2K\x1b[?7l{line}\x1b[?7h");
        }
    }

    fn clear(&mut self) {
        if std::mem::take(&mut self.shown) {
            let _ = write!(io::stderr(), "\r\x1b[2K");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn up_is_what_everybody_sees() {
        let table = [
            (r#"{"verdict":"up","heard":"now","state":"ready","missed_by":[],"unmet_by":[],"suspected_by":[]}"#, None),
            (r#"{"verdict":"maintenance","heard":"now","state":"ready"}"#, None),
            (r#"{"verdict":"down","heard":"before","missed_by":["b"]}"#, Some("a is down and does not answer")),
            (r#"{"verdict":"left","heard":"now","state":"leaving"}"#, Some("a is left and does not answer")),
            (
                r#"{"verdict":"link_broken","heard":"now","state":"ready","missed_by":["b","c"]}"#,
                Some("a is not reached by b and c"),
            ),
            (r#"{"verdict":"up","heard":"now","state":"ready","unmet_by":["b"]}"#, Some("a is not yet known to b")),
            (r#"{"verdict":"up","heard":"now","state":"ready","suspected_by":["b"]}"#, Some("a is suspect to b")),
        ];
        for (text, expected) in table {
            let node = serde_json::from_str(text).unwrap();
            assert_eq!(lacks("a", Some(&node)).as_deref(), expected, "{text}");
        }
        assert!(lacks("a\u{1b}", None).is_some_and(|text| text.starts_with("a? is not known")));
    }
}
