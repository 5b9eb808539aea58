//! What the loop hands to a command.

use std::time::Duration;

use crate::cli::answer::Event;
use crate::cli::exit::Failure;

/// What a command hears.
pub(crate) enum Update<T> {
    /// The node answered; `silence` says for how long it had not.
    Answer { answer: T, silence: Option<Duration> },
    /// It did not. `silence` is the time since its last answer, or since the beginning.
    NoAnswer { why: Failure, silence: Duration, is_first: bool },
    /// Something happened.
    Event(Event),
    /// The node answers, but its events cannot be followed.
    EventsLost(String),
    /// They can be again.
    EventsRestored,
}
