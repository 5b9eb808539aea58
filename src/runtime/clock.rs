//! The steady clock, and the only place that reads it.
//!
//! All other code receives the time as an argument. That is what lets the simulator run the
//! same detector on invented time, and what makes a test of a deadline a
//! subtraction instead of a sleep. The clock counts from the start of the
//! process, so the detector's `seq` is simply its milliseconds. It is the
//! machine's monotonic clock: setting the date does not move it. Whether it
//! advances while the machine is suspended differs between systems; the
//! detector does not care, because it only believes in time it slept through
//! on purpose.

use std::time::{Duration, Instant};

use crate::detector::time::Monotonic;

/// A steady clock that started when it was made. Copies read the same time.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
    /// It always reads this.
    stopped: Option<Monotonic>,
}

impl Clock {
    /// A clock that reads zero now.
    #[expect(clippy::disallowed_methods, reason = "the owner of the steady clock; all other code receives the time")]
    pub fn start() -> Clock {
        Clock { start: Instant::now(), stopped: None }
    }

    /// A clock that always reads `at`, for tests of output: ages then do not depend on the machine.
    /// Timers made from it fire as if it had read zero now.
    pub fn stopped(at: Monotonic) -> Clock {
        Clock { stopped: Some(at), ..Clock::start() }
    }

    /// Time since the start.
    pub fn now(self) -> Monotonic {
        self.stopped.unwrap_or_else(|| Monotonic(self.start.elapsed()))
    }

    /// Milliseconds since the start.
    pub fn millis(self) -> u64 {
        millis(self.now().0)
    }

    /// How far `at` lies ahead; zero once it has come. A stopped clock runs here, as for timers.
    pub(super) fn until(self, at: Monotonic) -> Duration {
        at.0.saturating_sub(self.start.elapsed())
    }

    /// The same moment as a timer of the runtime understands it.
    pub fn timer(self, at: Monotonic) -> tokio::time::Instant {
        // A deadline beyond what the system can count is as good as a year away.
        let year = Duration::from_secs(365 * 24 * 3600);
        tokio::time::Instant::from_std(self.start.checked_add(at.0).unwrap_or(self.start + year))
    }
}

/// Whole milliseconds; 585 million years at most.
pub(super) fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_passes_and_copies_agree() {
        let clock = Clock::start();
        let copy = clock;
        let before = clock.now();
        let after = copy.now();
        assert!(after >= before);
    }

    #[test]
    fn a_deadline_at_the_end_of_time_does_not_overflow() {
        let clock = Clock::start();
        let far = clock.timer(Monotonic(Duration::MAX));
        assert!(far > clock.timer(Monotonic(Duration::from_secs(3600))));
    }
}
