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
use crate::baselines::{Baseline, Opinion};

pub use self::contenders::{Contender, Place};
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
    /// Packets of ours, on connections; datagrams of the others.
    pub sent: u64,
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
    match contender {
        Contender::Ours => {
            comparable(scenario)?;
            let run = run(scenario, seed);
            Ok(judged(scenario, opinions::of_run(&run), run.sent, true))
        }
        other => compare_with(scenario, seed, other.has_verdict(), &|place| other.detector(place)),
    }
}

/// Plays a scenario with a detector of which `make` makes one for each process.
///
/// # Errors
/// As [`compare`].
pub fn compare_with(
    scenario: &Scenario,
    seed: u64,
    has_verdict: bool,
    make: &dyn Fn(Place) -> Box<dyn Baseline>,
) -> Result<Compared, NotComparable> {
    comparable(scenario)?;
    let (changes, sent) = datagrams::play(scenario, seed, make);
    Ok(judged(scenario, changes, sent, has_verdict))
}

fn comparable(scenario: &Scenario) -> Result<(), NotComparable> {
    if scenario.watch == Watch::All { Ok(()) } else { Err(NotComparable::Ring) }
}

fn judged(scenario: &Scenario, changes: Vec<Change>, sent: u64, has_verdict: bool) -> Compared {
    let quality = |least| Quality::of(scenario, &changes, least);
    Compared {
        suspicion: quality(Opinion::Suspected),
        verdict: has_verdict.then(|| quality(Opinion::Down)),
        changes,
        sent,
    }
}

#[cfg(test)]
mod tests;
