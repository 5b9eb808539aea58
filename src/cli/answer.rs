//! What a node answered: as it came, safe to show, and in the shape that `api` gives it.
//!
//! Versions mix. A field that is new is ignored, and one that is missing or `null` is the empty value of its shape: `None`
//! where the contract lets it be unknown, which commands show as a dash, and zero where it does not. A word that this
//! version does not know is kept as it came. Only a value of another kind, such as a text for a number, is no answer.
//!
//! The node that was asked may be any program: every text of an answer is made safe where it is parsed, so that nothing
//! in it can move the cursor, colour what follows or fill the screen, whichever command shows it.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::exit::Failure;
use super::safe_text::parse;
use crate::api::text::{Text, TextForm};
use crate::api::{EventBody, EventsBody};
use crate::render::join_names;
use crate::render::matrix::short;
use crate::render::span;

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    /// As it came.
    pub body: String,
    /// The same, with texts that are safe to show.
    pub json: Value,
    what: &'static str,
}

/// An event: safe to show, with the fields that only its node knows, and in its shape.
#[derive(Debug)]
pub(crate) struct Event {
    pub json: Value,
    pub body: EventBody,
}

impl Answer {
    /// # Errors
    /// When the body is not JSON; `what` says what it should have been.
    pub(crate) fn new(body: String, what: &'static str) -> Result<Answer, Failure> {
        match parse(body.as_bytes()) {
            Ok(json) => Ok(Answer { body: body.trim_end().to_owned(), json, what }),
            Err(error) => Err(no_answer(what, error)),
        }
    }

    /// The answer in its shape.
    ///
    /// # Errors
    /// As [`Answer::new`], when it has another one.
    pub(crate) fn into_shape<T: DeserializeOwned>(self) -> Result<T, Failure> {
        shape(self.json).map_err(|error| no_answer(self.what, error))
    }

    /// A list of events, and the number after which to read on. What is no event is left out.
    ///
    /// # Errors
    /// As [`Answer::into_shape`].
    pub(crate) fn into_events(mut self) -> Result<(Vec<Event>, u64), Failure> {
        let events = match self.json.get_mut("events").map(Value::take) {
            Some(Value::Array(events)) => events.into_iter().filter_map(Event::new).collect(),
            _ => Vec::new(),
        };
        Ok((events, self.into_shape::<EventsBody>()?.next))
    }
}

impl Event {
    /// `None` for what has another shape.
    pub(crate) fn new(json: Value) -> Option<Event> {
        let body = shape(json.clone()).ok()?;
        Some(Event { json, body })
    }

    /// Its number in the memory of the node that was asked. What a peer reported has one of the peer's.
    pub(crate) fn number(&self) -> Option<u64> {
        (self.body.seq > 0 && self.body.from.is_none()).then_some(self.body.seq)
    }
}

/// The failure of a node whose answer is something else than `what`.
pub(crate) fn no_answer(what: &str, why: impl std::fmt::Display) -> Failure {
    Failure::Failed(format!("the node's answer is not {what}: {why}"))
}

fn shape<T: DeserializeOwned>(mut json: Value) -> serde_json::Result<T> {
    drop_nulls(&mut json);
    serde_json::from_value(json)
}

/// A field that is `null` is one that is missing, also where this version knows no `null`.
fn drop_nulls(json: &mut Value) {
    match json {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(drop_nulls);
        }
        Value::Array(list) => list.iter_mut().for_each(drop_nulls),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A time that is given in milliseconds and their fractions. What is no length of time is not known.
pub(crate) fn fine(ms: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(ms / 1000.0).ok()
}

/// A time that is given in whole milliseconds.
pub(crate) fn span_of(ms: u64) -> String {
    span(Duration::from_millis(ms))
}

/// As [`span_of`], or a dash where it is not known.
pub(crate) fn span_or_dash(ms: Option<u64>) -> String {
    ms.map_or_else(|| "-".to_owned(), span_of)
}

/// "3 s ago", or "never".
pub(crate) fn ago_or_never(ms: Option<u64>) -> String {
    ms.map_or_else(|| "never".to_owned(), |ms| format!("{} ago", span_of(ms)))
}

/// A name for a column.
pub(crate) fn name<T: TextForm>(text: &Text<T>) -> String {
    short(&text.as_str())
}

/// A word of a closed set as people write it, for a column.
pub(crate) fn word<T: TextForm>(text: &Text<T>) -> String {
    name(text).replace('_', " ")
}

/// Names in a sentence, each as in a column.
pub(crate) fn listed<T: TextForm>(texts: &[Text<T>]) -> String {
    join_names(&texts.iter().map(name).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{ClusterBody, MatrixBody};
    use crate::mesh::Member;

    #[test]
    fn what_is_missing_is_empty_and_what_is_odd_is_made_safe() {
        let body = r#"{"sentence":"a\u001b[2Jb\u202ec\nd","whole":null,"new":{"a":[null]},
            "nodes":[{"node":"ä","verdict":"vanished","up_ms":null,"missed_by":["b","c"]}]}"#;
        let answer = Answer::new(body.into(), "an answer").unwrap();
        assert!(answer.json["whole"].is_null() && answer.json["new"]["a"][0].is_null());
        let cluster: ClusterBody = answer.into_shape().unwrap();
        assert_eq!((&*cluster.sentence, cluster.whole), ("a?[2Jb?c?d", false));
        let [node] = &cluster.nodes[..] else { panic!("{cluster:?}") };
        assert_eq!((name(&node.node), word(&node.verdict), node.up_ms), ("?".into(), "vanished".into(), None));
        assert_eq!((listed(&node.missed_by), node.heard.known()), ("b and c".into(), None));
        assert_eq!((fine(-1.0), fine(2.5)), (None, Some(Duration::from_micros(2500))));
        assert_eq!(name(&Text::from(Member::from(&*"ä".repeat(10_000)))).chars().count(), 24);
    }

    #[test]
    fn what_is_no_answer_says_what_it_should_have_been() {
        let said = |failure: Failure| failure.cause();
        assert!(said(Answer::new("nonsense".into(), "a matrix").unwrap_err()).contains("is not a matrix: "));
        let answer = Answer::new(r#"{"members":7}"#.into(), "a matrix").unwrap();
        assert!(said(answer.into_shape::<MatrixBody>().unwrap_err()).contains("is not a matrix: "));
    }

    #[test]
    fn events_keep_what_their_node_added() {
        let body = r#"{"next":9,"events":[{"seq":7,"mood":"blue","level":"panic"},"odd",{"seq":3,"from":"node-2"}]}"#;
        let (events, next) = Answer::new(body.into(), "a list of events").unwrap().into_events().unwrap();
        assert_eq!((next, events.iter().map(Event::number).collect::<Vec<_>>()), (9, vec![Some(7), None]));
        assert_eq!((&events[0].json["mood"], &*events[0].body.level.as_str()), (&"blue".into(), "panic"));
    }
}
