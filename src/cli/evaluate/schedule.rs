//! What is played with which detectors.

use crate::sim::{Contender, Scenario};

/// A scenario, or a new one for each seed.
#[derive(Clone)]
pub(super) enum Schedule {
    /// The same for all seeds.
    Fixed(Scenario),
    /// `random` or `sick`.
    ByChance(String),
}

/// One part of a table.
pub(super) struct Case {
    /// Empty where there is only one.
    pub name: String,
    pub schedule: Schedule,
    pub contenders: &'static [Contender],
}

impl Case {
    /// About how long a run of it takes, against other cases: packets grow with the square of the nodes.
    pub(super) fn work(&self) -> u64 {
        match &self.schedule {
            Schedule::Fixed(scenario) => (scenario.nodes * scenario.nodes) as u64 * scenario.length.as_secs().max(1),
            Schedule::ByChance(_) => 1,
        }
    }

    /// How many nodes it has; 0 where that is left to chance.
    pub(super) fn nodes(&self) -> usize {
        match &self.schedule {
            Schedule::Fixed(scenario) => scenario.nodes,
            Schedule::ByChance(_) => 0,
        }
    }
}
