//! What Lifeguard adds to SWIM (Dadgar, Phillips, Currey, arXiv 1707.00788).

use std::time::Duration;

/// How a process judges its own health, and what follows from that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lifeguard {
    score: u32,
}

impl Lifeguard {
    /// The score is at most this: `S` in section IV-A.
    pub const SCORE_MAX: u32 = 8;
    /// The suspicion timeout begins at this number of times its least: `beta`.
    pub const BETA: u32 = 6;
    /// Independent suspicions until the timeout is at its least: `K`.
    pub const CONFIRMATIONS: usize = 3;

    /// A ping was answered.
    pub fn probe_succeeded(&mut self) {
        self.score = self.score.saturating_sub(1);
    }

    /// A ping was not answered, a helper did not say so, or this process had to refute that it is suspect.
    pub fn was_slow(&mut self) {
        self.score = (self.score + 1).min(Lifeguard::SCORE_MAX);
    }

    /// Interval and timeout of pings grow with the score: LHA-Probe.
    pub fn stretched(self, time: Duration) -> Duration {
        time * (self.score + 1)
    }
}

/// LHA-Suspicion: `max(Min, Max - (Max - Min) * log(C + 1) / log(K + 1))`, with `C` independent suspicions besides the
/// first. `confirmations_max` is `K`; where it is 0, the mesh is too small to have any.
pub fn suspicion_timeout(least: Duration, most: Duration, confirmations: usize, confirmations_max: usize) -> Duration {
    if confirmations_max == 0 {
        return least;
    }
    let part = ((confirmations + 1) as f64).ln() / ((confirmations_max + 1) as f64).ln();
    // Whole milliseconds, so that the last digit of a logarithm does not matter.
    let ms = most.as_secs_f64() * 1000.0 - part * most.saturating_sub(least).as_secs_f64() * 1000.0;
    Duration::from_millis(ms.max(0.0).round() as u64).max(least)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_timeout_shrinks_with_independent_suspicions() {
        let second = Duration::from_secs(1);
        // With these the published implementation has the values 30 s, 16 s, 7.81 s and 2 s.
        for (confirmations, ms) in [(0, 30_000), (1, 16_000), (2, 7_811), (3, 2_000), (4, 2_000), (9, 2_000)] {
            let timeout = suspicion_timeout(second * 2, second * 30, confirmations, 3);
            assert_eq!(timeout, Duration::from_millis(ms), "{confirmations}");
        }
        assert_eq!(suspicion_timeout(second * 2, second * 30, 0, 0), second * 2);
    }

    #[test]
    fn health_is_between_its_bounds() {
        let mut health = Lifeguard::default();
        health.probe_succeeded();
        assert_eq!(health.stretched(Duration::from_secs(1)), Duration::from_secs(1));
        for _ in 0..20 {
            health.was_slow();
        }
        assert_eq!(health.stretched(Duration::from_secs(1)), Duration::from_secs(9));
        health.probe_succeeded();
        assert_eq!(health.stretched(Duration::from_secs(1)), Duration::from_secs(8));
    }
}
