//! When is a ping late?
//!
//! The estimator keeps an exponentially weighted mean and mean square
//! deviation of a link's round trips, after TCP's (Jacobson and Karels 1988;
//! RFC 6298 uses gains of 1/8 and 1/4 with the absolute deviation, here they
//! are 1/8 and 1/16 with the square, because the bound below needs a
//! variance). [`phi`] turns the age of an outstanding ping into a suspicion.
//!
//! The accrual detector of Hayashibara et al. (2004) assumes normally
//! distributed arrivals; round trips are nothing of the kind. Cantelli's
//! inequality, `P(X - m >= k s) <= 1 / (1 + k^2)`, holds for every
//! distribution with that mean and variance, so a live peer exceeds a phi of 3
//! with probability at most 10^-3, whatever its round trips look like. Two
//! departures weaken the promise, both named where they are made: samples are
//! capped, which lowers the mean and variance of a heavy tail, and the bound
//! is clamped. That is why phi only decides when to look closer, never who is
//! dead.

use std::time::Duration;

/// Round trips kept for the percentiles that people read.
pub(crate) const RTT_WINDOW: usize = 64;

/// A deviation below this is taken for this: schedulers and timers are no better.
const DEVIATION_FLOOR: f64 = 0.008;

// ANCHOR: phi
/// `log10(1 + (max(0, e - m) / max(s, 8 ms))^2)`, all in seconds.
pub(crate) fn phi(age: f64, mean: f64, deviation: f64) -> f64 {
    let k = (age - mean).max(0.0) / deviation.max(DEVIATION_FLOOR);
    (1.0 + k * k).log10()
}
// ANCHOR_END: phi

/// The age at which phi reaches `threshold`, in seconds, before any clamp.
pub(crate) fn late_after(mean: f64, deviation: f64, threshold: f64) -> f64 {
    mean + deviation.max(DEVIATION_FLOOR) * (10f64.powf(threshold) - 1.0).sqrt()
}

/// One link's round trips.
#[derive(Clone, Debug)]
pub(crate) struct RttEstimator {
    mean: f64,
    variance: f64,
    last: Option<Duration>,
    /// Microseconds, a ring.
    window: Vec<u32>,
    next: usize,
}

impl RttEstimator {
    /// Suspicion at which a ping counts as late.
    pub(crate) const THRESHOLD: f64 = 3.0;
    /// No ping is late before this: TCP's first retransmission takes 200 ms
    /// on Linux, and one lost segment is no reason for suspicion.
    pub(crate) const LATE_MIN: Duration = Duration::from_millis(250);

    pub(crate) fn new() -> RttEstimator {
        RttEstimator { mean: 0.0, variance: 0.0, last: None, window: Vec::with_capacity(RTT_WINDOW), next: 0 }
    }

    /// Takes one round trip of a scheduled ping on its kept connection.
    ///
    /// `bound` caps the sample: a single outlier must not blind the link for
    /// the next half minute.
    pub(crate) fn sample(&mut self, rtt: Duration, bound: Duration) {
        let seconds = rtt.min(bound).as_secs_f64();
        if self.last.is_none() {
            self.mean = seconds;
            self.variance = (seconds / 2.0).powi(2);
        } else {
            let error = seconds - self.mean;
            self.mean += error / 8.0;
            self.variance += (error * error - self.variance) / 16.0;
        }
        self.last = Some(rtt);
        let micros = u32::try_from(rtt.as_micros()).unwrap_or(u32::MAX);
        if self.window.len() < RTT_WINDOW {
            self.window.push(micros);
        } else {
            self.window[self.next] = micros;
        }
        self.next = (self.next + 1) % RTT_WINDOW;
    }

    /// Age at which an outstanding ping is late: [`late_after`], clamped to
    /// between 250 ms and one interval. The lower clamp only ever raises the
    /// bound, the upper one may lower it on links whose round trips vary by a
    /// good part of the interval.
    pub(crate) fn bound(&self, interval: Duration) -> Duration {
        if self.last.is_none() {
            return interval.max(RttEstimator::LATE_MIN);
        }
        let late = late_after(self.mean, self.variance.sqrt(), RttEstimator::THRESHOLD);
        Duration::from_secs_f64(late.min(interval.as_secs_f64())).max(RttEstimator::LATE_MIN)
    }

    /// Suspicion of a ping of this age.
    pub(crate) fn phi(&self, age: Duration) -> f64 {
        match self.last {
            None => 0.0,
            Some(_) => phi(age.as_secs_f64(), self.mean, self.variance.sqrt()),
        }
    }

    pub(crate) fn last(&self) -> Option<Duration> {
        self.last
    }

    pub(crate) fn mean(&self) -> Option<Duration> {
        self.last.map(|_| Duration::from_secs_f64(self.mean))
    }

    /// The `part` quantile (0 to 1) of the window by nearest rank.
    pub(crate) fn quantile(&self, part: f64) -> Option<Duration> {
        if self.window.is_empty() {
            return None;
        }
        let mut sorted = self.window.clone();
        sorted.sort_unstable();
        let rank = (part * sorted.len() as f64).ceil() as usize;
        Some(Duration::from_micros(sorted[rank.clamp(1, sorted.len()) - 1].into()))
    }
}

impl Default for RttEstimator {
    fn default() -> Self {
        RttEstimator::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn phi_follows_cantelli() {
        // (age, mean, deviation) in seconds -> phi
        for (age, mean, deviation, expected) in [
            (0.000, 0.010, 0.010, 0.0),
            (0.010, 0.010, 0.010, 0.0),
            (0.020, 0.010, 0.010, 2f64.log10()),
            (0.040, 0.010, 0.010, 1.0),
            (0.010, 0.010, 0.000, 0.0),
            (0.018, 0.010, 0.000, 2f64.log10()),
            (0.326_069, 0.010, 0.010, 3.0),
        ] {
            let got = phi(age, mean, deviation);
            assert!((got - expected).abs() < 1e-4, "phi({age}, {mean}, {deviation}) = {got}, not {expected}");
        }
    }

    #[test]
    fn late_after_is_where_phi_reaches_the_threshold() {
        for (mean, deviation) in [(0.001, 0.0), (0.010, 0.010), (0.2, 0.05)] {
            let age = late_after(mean, deviation, 3.0);
            assert!((phi(age, mean, deviation) - 3.0).abs() < 1e-9);
        }
    }

    #[test]
    fn gains_are_an_eighth_and_a_sixteenth() {
        let mut rtt = RttEstimator::new();
        rtt.sample(ms(80), ms(250));
        assert_eq!((rtt.mean, rtt.variance), (0.08, 0.0016));
        rtt.sample(ms(160), ms(250));
        assert!((rtt.mean - 0.09).abs() < 1e-12);
        assert!((rtt.variance - (0.0016 + (0.0064 - 0.0016) / 16.0)).abs() < 1e-12);
    }

    #[test]
    fn the_bound_is_clamped_and_samples_are_capped() {
        let mut rtt = RttEstimator::new();
        assert_eq!(rtt.bound(ms(1000)), ms(1000), "nothing is known yet: a whole interval");
        assert_eq!(rtt.bound(ms(100)), ms(250));
        rtt.sample(ms(1), ms(1000));
        assert_eq!(rtt.bound(ms(1000)).as_millis(), 253, "1 ms and the deviation floor");
        rtt.sample(ms(60_000), ms(1000));
        assert!(rtt.mean < 0.2, "an outlier counts for no more than the bound");
        assert_eq!(rtt.bound(ms(1000)), ms(1000));
        assert_eq!(rtt.last(), Some(ms(60_000)), "but is shown as it was");
    }

    #[test]
    fn quantiles_by_nearest_rank_over_a_bounded_window() {
        let mut rtt = RttEstimator::new();
        assert_eq!(rtt.quantile(0.5), None);
        for n in 1..=100 {
            rtt.sample(ms(n), ms(1000));
        }
        assert_eq!(rtt.window.len(), RTT_WINDOW);
        assert_eq!(rtt.quantile(0.0), Some(ms(37)));
        assert_eq!(rtt.quantile(0.5), Some(ms(68)));
        assert_eq!(rtt.quantile(1.0), Some(ms(100)));
    }
}
