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
    /// How many nodes it has; 0 where that is left to chance.
    #[cfg(test)]
    pub(super) fn nodes(&self) -> usize {
        match &self.schedule {
            Schedule::Fixed(scenario) => scenario.nodes,
            Schedule::ByChance(_) => 0,
        }
    }
}
