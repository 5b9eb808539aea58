//! `heartbeat events`: the events of one node, remembered and as they happen.

use clap::Args;

use super::address::Reader;
use super::answer::{Event, name};
use super::ask::Place;
use super::exit::{Exit, Outcome, until_asked, usual_end};
use super::output::{Output, Paint};
use super::watch::events::{Begin, EventReader, path};
use super::watch::{Update, contact, follow};
use crate::api::EventBody;
use crate::api::words::When;
use crate::config::environment::Environment;
use crate::config::parse;
use crate::detector::level::Level;
use crate::render::matrix::short;

/// All that a node can be asked for: what it remembers, and what its peers told it.
const LIMIT_MAX: usize = 2048;

/// Columns before the text of an event: its number and its time.
const BEFORE_TEXT: usize = 33;
/// Enough to see what led to the present state.
const BEFORE_FOLLOWING: usize = 20;

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  heartbeat events                              the events that the node of this host remembers
  heartbeat events --follow --peer=node-3       those about node-3, and new ones as they happen
  heartbeat events --since=17 --json            one JSON object a line, from the 18th event on

A node remembers its last 1,024 events, and of suspicions that came to nothing the last 256; older ones are
in its log. Events that its peers reported are listed with a dash for their number; with --since only this node's own events are shown.
With --follow, a node that goes away is asked again until it is back; contact_lost and contact_restored
report it. Events of a restarted node are shown from its start.
Exit codes: 0 shown, or ended by Ctrl-C, 69 the node cannot be reached at the start.")]
pub(crate) struct Events {
    #[command(flatten)]
    pub reader: Reader,
    /// Continue with new events, until Ctrl-C
    #[arg(long, short)]
    pub follow: bool,
    /// Only events after this one, by its number
    #[arg(long, value_name = "SEQ")]
    pub since: Option<u64>,
    /// Only events about this peer, by its key or its name
    #[arg(long, value_name = "PEER")]
    pub peer: Option<String>,
    /// Maximum number of remembered events [default: all, or 20 with --follow]
    #[arg(long, value_name = "COUNT", value_parser = count)]
    pub limit: Option<usize>,
    /// Print one JSON object a line
    #[arg(long)]
    pub json: bool,
}

/// How many to show.
///
/// # Errors
/// When it is no number, or one that no node can answer.
pub(crate) fn count(text: &str) -> Result<usize, String> {
    parse::count(text, 1, LIMIT_MAX)
}

/// Shows the events that a node remembers and, with --follow, new ones.
///
/// # Errors
/// When the node cannot be reached, or not at the start.
pub(crate) async fn events(command: &Events, environment: &Environment) -> Outcome {
    let mut output = Output::stdout(environment);
    let place = command.reader.place(environment)?;
    if command.follow {
        return until_asked(follow_events(command, &place, &mut output), usual_end).await;
    }
    let (events, _) = place.ask(&list(command, LIMIT_MAX), "a list of events").await?.into_events()?;
    events.iter().try_for_each(|event| show(command, event, &mut output))?;
    Ok(Exit::Success)
}

async fn follow_events(command: &Events, place: &Place, output: &mut Output) -> Outcome {
    let begin = Begin::List(list(command, BEFORE_FOLLOWING));
    let reader = EventReader::new(place.clone(), begin, command.peer.clone());
    let mut has_answered = false;
    follow(reader, |update| {
        match update {
            Update::Event(event) => show(command, &event, output)?,
            Update::Answer { silence, .. } => {
                has_answered = true;
                if let Some(silence) = silence {
                    let note = contact::restored(place, silence, None, command.json);
                    if command.json { output.line(&note)? } else { output.say(0, &note)? }
                }
            }
            Update::NoAnswer { why, .. } if !has_answered => return Err(why),
            Update::NoAnswer { why, silence, is_first: true } => {
                let note = contact::lost(place, silence, &why, command.json);
                if command.json { output.line(&note)? } else { output.say(0, &note)? }
            }
            Update::NoAnswer { .. } | Update::EventsLost(_) | Update::EventsRestored => {}
        }
        Ok(None)
    })
    .await
}

/// What is remembered of what was asked for.
fn list(command: &Events, limit: usize) -> String {
    let limit = command.limit.unwrap_or(limit).to_string();
    let since = command.since.map(|since| since.to_string());
    let since = since.as_deref().map(|since| ("since", since));
    let query: Vec<(&str, &str)> = since.into_iter().chain([("limit", &*limit)]).collect();
    path(&query, command.peer.as_deref())
}

fn show(command: &Events, event: &Event, output: &mut Output) -> std::io::Result<()> {
    if command.json {
        return output.line(&event.json.to_string());
    }
    let number = event.number().map_or_else(|| "-".to_owned(), |number| number.to_string());
    let number = output.paint(Paint::Faint, &format!("{number:>5}"));
    let line = format!("{number}  {}", event_line(event, false, output));
    output.say(BEFORE_TEXT, &line)
}

/// When, and what in the words of the log of its node; what a peer reported is marked as such.
pub(crate) fn event_line(event: &Event, with_node: bool, output: &Output) -> String {
    let When(at) = &event.body.at;
    dated_line(&short(at), event, with_node, output)
}

/// The same with another form of the time.
pub(crate) fn dated_line(at: &str, event: &Event, with_node: bool, output: &Output) -> String {
    let EventBody { level, node, message, sentence, from, .. } = &event.body;
    let paint = match level.known() {
        Some(Level::Warn) => Paint::Bad,
        Some(Level::Debug) => Paint::Faint,
        Some(Level::Info) | None => Paint::Plain,
    };
    let who = match from {
        Some(peer) => format!("reported by {}: ", name(peer)),
        None if with_node => format!("{}: ", name(node)),
        None => String::new(),
    };
    let what = if sentence.is_empty() { message } else { sentence };
    format!("{}  {}", output.paint(Paint::Faint, at), output.paint(paint, &format!("{who}{what}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::safe_text::parse;

    #[test]
    fn an_event_is_a_line() {
        let line = |json: &str, with_node| {
            event_line(
                &Event::new(parse(json.as_bytes()).unwrap()).unwrap(),
                with_node,
                &Output::to(Box::new(std::io::sink()), false),
            )
        };
        let own = r#"{"at":"2026-11-26T02:10:00.123Z","node":"n\u001bc","level":"warn","sentence":"a\nb"}"#;
        assert_eq!(line(own, true), "2026-11-26T02:10:00.123Z  n?c: a?b");
        assert_eq!(line(own, false), "2026-11-26T02:10:00.123Z  a?b");
        let told = r#"{"at":"now","node":"node-2","from":"node-2","message":"a"}"#;
        assert_eq!(line(told, true), "now  reported by node-2: a");
        assert_eq!(line(told, false), "now  reported by node-2: a");
    }
}
