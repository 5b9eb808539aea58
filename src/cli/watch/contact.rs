//! Whether the node that is watched answers, since when not, and the lines that report it.

use std::time::Duration;

use serde_json::json;

use super::update::Update;
use crate::cli::ask::Place;
use crate::cli::exit::Failure;
use crate::detector::time::Monotonic;
use crate::render::span;
use crate::runtime::clock::Clock;

/// What is known of the node's answers.
pub(crate) struct Contact {
    clock: Clock,
    /// When it answered last; before the first answer, when the watch began.
    answered: Monotonic,
    has_answered: bool,
    is_silent: bool,
}

impl Contact {
    pub(crate) fn begin() -> Contact {
        let clock = Clock::start();
        Contact { clock, answered: clock.now(), has_answered: false, is_silent: false }
    }

    pub(crate) fn has_answered(&self) -> bool {
        self.has_answered
    }

    /// The node was heard, with nothing that is an answer.
    pub(crate) fn touch(&mut self) {
        self.answered = self.clock.now();
    }

    /// What a question showed.
    pub(crate) fn update<T>(&mut self, asked: Result<T, Failure>) -> Update<T> {
        let silence = self.clock.now() - self.answered;
        match asked {
            Ok(answer) => {
                let was_silent = std::mem::take(&mut self.is_silent) && self.has_answered;
                self.touch();
                self.has_answered = true;
                Update::Answer { answer, silence: was_silent.then_some(silence) }
            }
            Err(why) => {
                let is_first = !std::mem::replace(&mut self.is_silent, true);
                Update::NoAnswer { why, silence, is_first }
            }
        }
    }
}

/// The line for a node that does not answer.
pub(crate) fn lost(place: &Place, silence: Duration, why: &Failure, as_json: bool) -> String {
    let why = why.cause();
    if as_json {
        return json!({ "event": "contact_lost", "place": place.to_string(), "why": why }).to_string();
    }
    format!("no answer from {} for {}: {why}", place.url(), span(silence))
}

/// The line for a node that answers again; `restarted` where it is known whether it is another process.
pub(crate) fn restored(place: &Place, silence: Duration, restarted: Option<bool>, as_json: bool) -> String {
    if as_json {
        let silent_ms = u64::try_from(silence.as_millis()).unwrap_or(u64::MAX);
        let note = json!({
            "event": "contact_restored", "place": place.to_string(), "silent_ms": silent_ms, "restarted": restarted,
        });
        return note.to_string();
    }
    let restarted = if restarted == Some(true) { ", restarted" } else { "" };
    format!("{} answers again after {}{restarted}", place.url(), span(silence))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silence_is_reported_when_it_begins_and_when_it_ends() {
        let mut contact = Contact::begin();
        let fails = || Err::<(), _>(Failure::Failed("busy".into()));
        assert!(matches!(contact.update(fails()), Update::NoAnswer { is_first: true, .. }));
        assert!(matches!(contact.update(fails()), Update::NoAnswer { is_first: false, .. }));
        // A node that was waited for has not come back: it had not been there.
        assert!(matches!(contact.update(Ok(())), Update::Answer { silence: None, .. }));
        assert!(matches!(contact.update(Ok(())), Update::Answer { silence: None, .. }));
        assert!(matches!(contact.update(fails()), Update::NoAnswer { is_first: true, .. }));
        assert!(matches!(contact.update(Ok(())), Update::Answer { silence: Some(_), .. }));
    }
}
