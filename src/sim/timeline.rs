//! What a run notes while it goes: its timeline, and the invariants that did not hold.

use std::fmt;
use std::time::Duration;

use super::scenario::Action;
use crate::detector::event::Event;
use crate::detector::peer::NodeName;

/// One line of a run's story.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Virtual time since the beginning of the run.
    pub at: Duration,
    /// A step or an event.
    pub what: What,
}

/// A step of the scenario, or what a node had to say. Single pings are left out: only the trace hash holds them.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// The scenario did this.
    Step(Action),
    /// The named node had this to say.
    Event(NodeName, Event),
}

/// An invariant that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Virtual time since the beginning of the run.
    pub at: Duration,
    /// Its number and name, such as `I8 left is not dead`.
    pub invariant: &'static str,
    /// Who broke it, and how.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>10.3}s  {}: {}", self.at.as_secs_f64(), self.invariant, self.what)
    }
}
