//! Detectors side by side: the same schedule, the same network, and the figures of Chen, Toueg and Aguilera for each.
//!
//! Our own detector runs as it always does here. The others ([`crate::baselines`]) send datagrams through the same network
//! model: what it loses stays lost, where a connection would send it again. Delays, losses, cuts and what happens to hosts
//! come from the same scenario; the random numbers are drawn apart, so single packets differ.

mod contenders;
mod datagrams;
mod opinions;
mod quality;

use super::run::run;
use super::scenario::{Scenario, Watch};
use crate::baselines::Opinion;

pub use self::contenders::Contender;
pub use self::opinions::Change;
pub use self::quality::Quality;

/// What one contender did under one seed.
pub struct Compared {
    /// Counted from the suspicion on.
    pub suspicion: Quality,
    /// Counted from the verdict on, for those that have one besides.
    pub verdict: Option<Quality>,
    /// What each process believed of each other, in the order of time. All are trusted at first.
    pub changes: Vec<Change>,
}

/// Why a scenario cannot be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotComparable {
    /// SWIM has no notion of it.
    #[error("only scenarios in which every node watches every other can be compared: leave out `watch ring`")]
    Ring,
}

/// Plays a scenario with one detector.
///
/// # Errors
/// When the scenario means nothing to the detectors that are compared.
pub fn compare(contender: Contender, scenario: &Scenario, seed: u64) -> Result<Compared, NotComparable> {
    if scenario.watch != Watch::All {
        return Err(NotComparable::Ring);
    }
    let opinions = match contender {
        Contender::Ours => opinions::of_run(&run(scenario, seed)),
        other => datagrams::play(scenario, seed, &|place| other.detector(place)),
    };
    let quality = |least| Quality::of(scenario, &opinions, least);
    Ok(Compared {
        suspicion: quality(Opinion::Suspected),
        verdict: contender.has_verdict().then(|| quality(Opinion::Down)),
        changes: opinions,
    })
}

#[cfg(test)]
mod tests;
