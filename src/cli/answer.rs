//! What a node answered, read leniently and made safe to show.
//!
//! Versions mix, so a field that is missing reads as empty and one that is new
//! is not noticed. And the node that was asked may be anybody: every text of an
//! answer is made safe where it is parsed, so that nothing in it can move the
//! cursor, colour the rest or fill the screen, whichever command shows it.
//!
//! Turned down: a struct for each answer. There would be twenty, each as large
//! in the binary as all of this, to read two or three fields of.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::exit::Failure;
use super::safe_text::parse;
use crate::render::matrix::short;

/// A whole answer: as it came, and to be read.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub body: String,
    value: Value,
}

/// A part of an answer; a part that is not there is empty.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part<'a>(pub &'a Value);

impl Answer {
    /// # Errors
    /// When the body is not JSON; `what` says what it should have been.
    pub(crate) fn new(body: String, what: &str) -> Result<Answer, Failure> {
        match parse(body.as_bytes()) {
            Ok(value) => Ok(Answer { body: body.trim_end().to_owned(), value }),
            Err(error) => Err(not(what, &error)),
        }
    }

    /// The answer in a shape of its own.
    ///
    /// # Errors
    /// As [`Answer::new`], when it has another shape.
    pub(crate) fn into_shape<T: DeserializeOwned>(self, what: &str) -> Result<T, Failure> {
        serde_json::from_value(self.value).map_err(|error| not(what, &error))
    }

    pub(crate) fn root(&self) -> Part<'_> {
        Part(&self.value)
    }
}

fn not(what: &str, error: &serde_json::Error) -> Failure {
    Failure::Failed(format!("the node's answer is not {what}: {error}"))
}

impl<'a> Part<'a> {
    pub(crate) fn part(self, key: &str) -> Part<'a> {
        Part(&self.0[key])
    }

    /// The parts of a list.
    pub(crate) fn parts(self, key: &str) -> impl Iterator<Item = Part<'a>> + Clone {
        self.0[key].as_array().map_or(&[][..], Vec::as_slice).iter().map(Part)
    }

    /// A text; in a column where it may be long, [`Part::name`] is the better one.
    pub(crate) fn text(self, key: &str) -> &'a str {
        self.0[key].as_str().unwrap_or_default()
    }

    pub(crate) fn flag(self, key: &str) -> bool {
        self.0[key].as_bool().unwrap_or_default()
    }

    pub(crate) fn number(self, key: &str) -> Option<f64> {
        self.0[key].as_f64()
    }

    /// A time that the API gives in milliseconds.
    pub(crate) fn span(self, key: &str) -> Option<Duration> {
        Duration::try_from_secs_f64(self.number(key)? / 1000.0).ok()
    }

    /// A name, or another short word, for a column.
    pub(crate) fn name(self, key: &str) -> String {
        short(self.text(key))
    }

    /// The names in a list.
    pub(crate) fn names(self, key: &str) -> Vec<String> {
        self.parts(key).map(|name| short(name.0.as_str().unwrap_or_default())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_empty_and_what_is_odd_is_made_safe() {
        let body = r#"{"sentence":"a\u001b[2Jb\u202ec\nd","members":["node-1",7],"as_of_ms":-1,"up_ms":2500}"#;
        let answer = Answer::new(body.into(), "an answer").unwrap();
        let root = answer.root();
        assert_eq!(root.text("sentence"), "a?[2Jb?c?d");
        assert_eq!(root.names("members"), ["node-1", ""]);
        assert_eq!((root.span("as_of_ms"), root.span("up_ms")), (None, Some(Duration::from_millis(2500))));
        assert_eq!((root.part("x").part("y").text("z"), root.parts("x").count(), root.flag("x")), ("", 0, false));
        let long = Answer::new(format!(r#"{{"a":"{}"}}"#, "ä".repeat(10_000)), "").unwrap();
        assert_eq!(long.root().name("a").chars().count(), 24);
        assert!(Answer::new("nonsense".into(), "a matrix").is_err());
    }
}
