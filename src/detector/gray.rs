//! Gray failures: a peer that is neither well nor down.
//!
//! *Degraded*: 4 of the last 10 scheduled pings failed or took longer than
//! 250 ms, until 1 or fewer did. The gap between the two numbers keeps a link
//! at the edge from flickering. *Flapping*: three entries into Dead or
//! Unreachable, or restarts, within 60 s, until 60 s pass without one.

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

/// Entries into Dead or Unreachable, and restarts that were too quick for one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flaps {
    /// The last three.
    entries: VecDeque<ObserverTime>,
    flapping: bool,
    reported: ObserverTime,
    /// Since it was reported last.
    unreported: u32,
}

impl Flaps {
    /// Adds one entry. `Some(count)` when it is to be reported: with the third within a minute, then once a minute
    /// with as many as there were since.
    pub(crate) fn add(&mut self, now: ObserverTime) -> Option<u32> {
        if self.entries.len() == FLAPS {
            self.entries.pop_front();
        }
        self.entries.push_back(now);
        self.unreported = self.unreported.saturating_add(1);
        let three = self.entries.len() == FLAPS && now.since(self.entries[0]) <= FLAP_SPAN;
        let due = if self.flapping { now.since(self.reported) >= FLAP_SPAN } else { three };
        let count = if self.flapping { self.unreported } else { FLAPS as u32 };
        self.flapping |= three;
        if due {
            self.reported = now;
            self.unreported = 0;
        }
        due.then_some(count)
    }

    /// When the flag falls if nothing more happens.
    pub(crate) fn clears_at(&self) -> Option<ObserverTime> {
        self.entries.back().filter(|_| self.flapping).map(|last| *last + FLAP_SPAN)
    }

    /// The moment of [`Flaps::clears_at`] has come.
    pub(crate) fn clear(&mut self) {
        *self = Flaps::default();
    }

    pub(crate) fn flapping(&self) -> bool {
        self.flapping
    }
}

/// At most three lines within a minute; what a peer can repeat at will must not fill the log.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lines(VecDeque<ObserverTime>);

impl Lines {
    /// Whether there is room for another one, which is then taken.
    pub(crate) fn take(&mut self, now: ObserverTime) -> bool {
        if self.0.len() == FLAPS {
            if now.since(self.0[0]) <= FLAP_SPAN {
                return false;
            }
            self.0.pop_front();
        }
        self.0.push_back(now);
        true
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
        assert_eq!((flaps.add(at(0)), flaps.add(at(50))), (None, None));
        assert_eq!(flaps.add(at(61)), None, "the first is over a minute old");
        assert_eq!(flaps.add(at(70)), Some(3));
        assert_eq!(flaps.add(at(71)), None, "already reported");
        assert_eq!(flaps.clears_at(), Some(at(131)));
        flaps.clear();
        assert!(!flaps.flapping() && flaps.clears_at().is_none());
    }

    #[test]
    fn what_goes_on_flapping_is_reported_once_a_minute_with_a_count() {
        let at = |s| ObserverTime(Duration::from_secs(s));
        let mut flaps = Flaps::default();
        let reported: Vec<(u64, u32)> = (0..150).filter_map(|s| flaps.add(at(s)).map(|count| (s, count))).collect();
        assert_eq!(reported, [(2, 3), (62, 60), (122, 60)]);
    }

    #[test]
    fn three_lines_within_a_minute() {
        let at = |s| ObserverTime(Duration::from_secs(s));
        let mut lines = Lines::default();
        let taken: Vec<u64> = (0..130).filter(|s| lines.take(at(*s))).collect();
        assert_eq!(taken, [0, 1, 2, 61, 62, 63, 122, 123, 124]);
    }
}
