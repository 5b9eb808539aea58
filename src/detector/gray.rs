//! Gray failures: a peer that is neither well nor down.
//!
//! *Degraded*: 4 of the last 10 scheduled pings failed or took longer than
//! 250 ms, until 1 or fewer did. The gap between the two numbers keeps a link
//! at the edge from flickering. *Flapping*: three entries into Dead or
//! Unreachable within 60 s, until 60 s pass without one.

use std::collections::VecDeque;
use std::time::Duration;

use super::time::ObserverTime;

/// Scheduled pings that are remembered.
pub(crate) const WINDOW: usize = 10;
const DEGRADED_AT: usize = 4;
const CLEAR_AT: usize = 1;
/// A successful ping slower than this counts as bad.
pub(crate) const SLOW: Duration = Duration::from_millis(250);

const FLAPS: usize = 3;
const FLAP_SPAN: Duration = Duration::from_secs(60);

/// The last ten scheduled pings of a link.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcomes {
    /// Newest last: (failed, slow).
    last: VecDeque<(bool, bool)>,
    degraded: bool,
}

impl Outcomes {
    /// Adds one outcome; `Some(flag)` when `degraded` changed to it.
    pub(crate) fn add(&mut self, failed: bool, slow: bool) -> Option<bool> {
        if self.last.len() == WINDOW {
            self.last.pop_front();
        }
        self.last.push_back((failed, slow));
        let bad = self.bad();
        let degraded = if self.degraded { bad > CLEAR_AT } else { bad >= DEGRADED_AT };
        let changed = degraded != self.degraded;
        self.degraded = degraded;
        changed.then_some(degraded)
    }

    /// Failed or slow ones.
    pub(crate) fn bad(&self) -> usize {
        self.last.iter().filter(|(failed, slow)| *failed || *slow).count()
    }

    pub(crate) fn degraded(&self) -> bool {
        self.degraded
    }

    /// Part that failed, 0 to 1.
    pub(crate) fn loss(&self) -> Option<f64> {
        let failed = self.last.iter().filter(|(failed, _)| *failed).count();
        (!self.last.is_empty()).then(|| failed as f64 / self.last.len() as f64)
    }

    /// Scheduled pings remembered so far.
    pub(crate) fn remembered(&self) -> usize {
        self.last.len()
    }
}

/// Entries into Dead or Unreachable.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flaps {
    /// The last three.
    entries: VecDeque<ObserverTime>,
    flapping: bool,
}

impl Flaps {
    /// Adds one entry; true when that set the flag.
    pub(crate) fn add(&mut self, now: ObserverTime) -> bool {
        if self.entries.len() == FLAPS {
            self.entries.pop_front();
        }
        self.entries.push_back(now);
        let three = self.entries.len() == FLAPS && now.since(self.entries[0]) <= FLAP_SPAN;
        let set = three && !self.flapping;
        self.flapping |= three;
        set
    }

    /// When the flag falls if nothing more happens.
    pub(crate) fn clears_at(&self) -> Option<ObserverTime> {
        self.entries.back().filter(|_| self.flapping).map(|last| *last + FLAP_SPAN)
    }

    /// The moment of [`Flaps::clears_at`] has come.
    pub(crate) fn clear(&mut self) {
        self.flapping = false;
        self.entries.clear();
    }

    pub(crate) fn flapping(&self) -> bool {
        self.flapping
    }

    pub(crate) fn count(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn degraded_sets_at_four_and_clears_at_one() {
        let mut outcomes = Outcomes::default();
        let changes: Vec<_> = [1, 0, 1, 0, 1, 0, 1].map(|bad| outcomes.add(bad == 1, false)).into();
        assert_eq!(changes, [None, None, None, None, None, None, Some(true)]);
        assert_eq!(outcomes.loss(), Some(4.0 / 7.0));
        let cleared = (1..20).find(|_| outcomes.add(false, false) == Some(false));
        assert_eq!(cleared, Some(8), "when the third of the four bad ones leaves the window of ten");
        assert_eq!(outcomes.bad(), 1);
    }

    #[test]
    fn slow_counts_as_bad_but_not_as_loss() {
        let mut outcomes = Outcomes::default();
        for _ in 0..4 {
            outcomes.add(false, true);
        }
        assert!(outcomes.degraded());
        assert_eq!(outcomes.loss(), Some(0.0));
    }

    #[test]
    fn three_entries_within_a_minute_flap_until_a_quiet_minute() {
        let at = |s| ObserverTime(Duration::from_secs(s));
        let mut flaps = Flaps::default();
        assert!(!flaps.add(at(0)) && !flaps.add(at(50)));
        assert!(!flaps.add(at(61)), "the first is over a minute old");
        assert!(flaps.add(at(70)));
        assert!(!flaps.add(at(71)), "already set");
        assert_eq!(flaps.clears_at(), Some(at(131)));
        flaps.clear();
        assert!(!flaps.flapping() && flaps.clears_at().is_none());
    }
}
