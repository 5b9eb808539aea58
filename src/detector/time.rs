//! Two clocks, and why a detector needs the second one.
//!
//! [`Monotonic`] is what the machine's steady clock says. [`ObserverTime`]
//! advances only while this process really runs: the driver sleeps exactly
//! until the next deadline, so a wake-up that comes much too late is time in
//! which the process was stopped, starved or suspended, and in which it could
//! not have seen anybody's answer. Counting that time against the peers is the
//! classic way for a faulty observer to accuse healthy ones; memberlist's
//! Lifeguard paper (Dadgar, Phillips, Currey 2018) calls it "local health".
//! Here the time simply does not pass.

use std::collections::VecDeque;
use std::ops::{Add, Sub};
use std::time::Duration;

/// A reading of the machine's steady clock, as time since the node started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Monotonic(pub Duration);

/// Time that passed while this process was running, since the node started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObserverTime(pub Duration);

impl ObserverTime {
    /// How long ago `earlier` was; zero when it lies ahead.
    pub fn since(self, earlier: ObserverTime) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for ObserverTime {
    type Output = ObserverTime;
    fn add(self, span: Duration) -> ObserverTime {
        ObserverTime(self.0.saturating_add(span))
    }
}

impl Add<Duration> for Monotonic {
    type Output = Monotonic;
    fn add(self, span: Duration) -> Monotonic {
        Monotonic(self.0.saturating_add(span))
    }
}

impl Sub for Monotonic {
    type Output = Duration;
    fn sub(self, earlier: Monotonic) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

/// The clock that stands still while this process does.
///
/// The driver promises to wake at the deadline it was given. Whatever passes
/// beyond that promise and [`ObserverClock::SLACK`] does not count as time.
#[derive(Clone, Debug)]
pub struct ObserverClock {
    raw: Monotonic,
    now: ObserverTime,
    wake: Option<ObserverTime>,
    lost: Duration,
    /// The last stalls, each with the moment at which it was noticed, oldest first.
    stalls: VecDeque<(ObserverTime, Duration)>,
}

/// Stalls remembered: a process that is stopped more often within one outage is hardly an observer.
const STALLS_KEPT: usize = 32;

/// What one reading of the clock showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advance {
    /// How much later than promised the wake-up came.
    pub late: Duration,
    /// The part of it in which this process did not run.
    pub lost: Duration,
}

impl ObserverClock {
    /// Lateness that an ordinary busy machine shows; below it time counts in full.
    pub const SLACK: Duration = Duration::from_millis(200);

    /// Begins at zero at this reading of the machine's steady clock.
    pub fn new(raw: Monotonic) -> ObserverClock {
        ObserverClock { raw, now: ObserverTime::default(), wake: None, lost: Duration::ZERO, stalls: VecDeque::new() }
    }

    /// Observer time at the last reading.
    pub fn now(&self) -> ObserverTime {
        self.now
    }

    /// All time in which this process did not run.
    pub fn lost(&self) -> Duration {
        self.lost
    }

    // ANCHOR: advance
    /// Observer time advances by `min(elapsed, left to sleep + SLACK)`. With no
    /// deadline set there was no promise, and all of it counts.
    pub fn advance(&mut self, raw: Monotonic) -> Advance {
        let elapsed = raw - self.raw;
        let left = self.wake.map_or(elapsed, |wake| wake.since(self.now));
        let lived = elapsed.min(left + ObserverClock::SLACK);
        self.raw = self.raw.max(raw);
        self.now = self.now + lived;
        let lost = elapsed - lived;
        self.note_stall(lost);
        Advance { late: elapsed.saturating_sub(left), lost }
    }
    // ANCHOR_END: advance

    fn note_stall(&mut self, lost: Duration) {
        if lost.is_zero() {
            return;
        }
        self.lost += lost;
        if self.stalls.len() == STALLS_KEPT {
            self.stalls.pop_front();
        }
        self.stalls.push_back((self.now, lost));
    }

    /// How long this process did not run since `at`, as far as is remembered.
    pub fn lost_since(&self, at: ObserverTime) -> Duration {
        self.stalls.iter().filter(|(noticed, _)| *noticed > at).map(|(_, lost)| *lost).sum()
    }

    /// The promise: the driver will be back by `wake`.
    pub fn promise(&mut self, wake: Option<ObserverTime>) {
        self.wake = wake;
    }

    /// What observer time will be at `raw` if nothing stalls; now, if that is over.
    pub fn to_observer(&self, raw: Monotonic) -> ObserverTime {
        self.now + (raw - self.raw)
    }

    /// When, on the machine's clock, observer time will be `at` if nothing stalls.
    pub fn to_raw(&self, at: ObserverTime) -> Monotonic {
        self.raw + at.since(self.now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn observer_time_counts_only_what_was_promised_and_a_little_slack() {
        // (deadline in ms, woken at ms) -> (observer time, late, lost)
        for (wake, woken, now, late, lost) in [
            (Some(100), 100, 100, 0, 0),
            (Some(100), 40, 40, 0, 0),
            (Some(100), 250, 250, 150, 0),
            (Some(100), 300, 300, 200, 0),
            (Some(100), 301, 300, 201, 1),
            (Some(100), 12_100, 300, 12_000, 11_800),
            (None, 5_000, 5_000, 0, 0),
        ] {
            let mut clock = ObserverClock::new(Monotonic(ms(7)));
            clock.promise(wake.map(|w| ObserverTime(ms(w))));
            let seen = clock.advance(Monotonic(ms(7 + woken)));
            assert_eq!(clock.now(), ObserverTime(ms(now)), "wake {wake:?}, woken {woken}");
            assert_eq!(seen, Advance { late: ms(late), lost: ms(lost) });
            assert_eq!(clock.lost(), ms(lost));
        }
    }

    #[test]
    fn time_lost_is_known_from_any_moment_on() {
        let mut clock = ObserverClock::new(Monotonic(ms(0)));
        clock.promise(Some(ObserverTime(ms(100))));
        clock.advance(Monotonic(ms(5_000)));
        let before = clock.now();
        assert_eq!((clock.lost_since(ObserverTime(ms(50))), clock.lost_since(before)), (ms(4_700), ms(0)));
        clock.promise(Some(before + ms(100)));
        clock.advance(Monotonic(ms(8_000)));
        assert_eq!((clock.lost_since(ObserverTime(ms(50))), clock.lost_since(before)), (ms(7_400), ms(2_700)));
        assert_eq!(clock.lost(), ms(7_400));
    }

    #[test]
    fn a_clock_that_goes_backwards_is_ignored() {
        let mut clock = ObserverClock::new(Monotonic(ms(100)));
        assert_eq!(clock.advance(Monotonic(ms(50))), Advance { late: ms(0), lost: ms(0) });
        assert_eq!(clock.now(), ObserverTime(ms(0)));
        assert_eq!(clock.to_raw(ObserverTime(ms(30))), Monotonic(ms(130)));
    }
}
