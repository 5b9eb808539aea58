//! When a heartbeat is overdue: three answers.

use std::collections::VecDeque;
use std::time::Duration;

// ANCHOR: arrivals
/// The arrivals of the heartbeats of one process, and when the next one is overdue.
pub trait Arrivals {
    /// Heartbeat `number`, counted from 0, has come; numbers only grow.
    fn arrived(&mut self, now: Duration, number: u64);

    /// The process is suspected from then on, unless another heartbeat comes before; `None` before the first.
    fn overdue(&self) -> Option<Duration>;
}
// ANCHOR_END: arrivals

/// A timeout since the last heartbeat.
#[derive(Clone, Debug)]
pub struct Fixed {
    timeout: Duration,
    last: Option<Duration>,
}

impl Fixed {
    /// Suspects after `timeout` without a heartbeat.
    pub fn new(timeout: Duration) -> Fixed {
        Fixed { timeout, last: None }
    }
}

impl Arrivals for Fixed {
    fn arrived(&mut self, now: Duration, _: u64) {
        self.last = Some(now);
    }

    fn overdue(&self) -> Option<Duration> {
        Some(self.last? + self.timeout)
    }
}

/// NFD-E of Chen, Toueg and Aguilera (IEEE Transactions on Computers 51(5), 2002): a freshness point, which the arrival before does not move.
///
/// The expected arrival of heartbeat `l + 1` is `EA = (1/n) * sum(A_i - interval * s_i) + (l + 1) * interval` over the last
/// `n` heartbeats, where `A_i` is when heartbeat `s_i` came; it is overdue at `EA + margin`.
#[derive(Clone, Debug)]
pub struct Chen {
    interval: Duration,
    margin: Duration,
    /// `A_i - interval * s_i` of the last heartbeats, in nanoseconds.
    offsets: VecDeque<i128>,
    last: u64,
}

impl Chen {
    /// Heartbeats that the expected arrival is estimated from. The paper leaves their number open.
    const WINDOW: usize = 32;

    /// Heartbeats come each `interval`; one is overdue `margin` (the paper's alpha) after it was expected.
    pub fn new(interval: Duration, margin: Duration) -> Chen {
        Chen { interval, margin, offsets: VecDeque::new(), last: 0 }
    }
}

impl Arrivals for Chen {
    fn arrived(&mut self, now: Duration, number: u64) {
        if self.offsets.len() == Chen::WINDOW {
            self.offsets.pop_front();
        }
        self.offsets.push_back(now.as_nanos() as i128 - self.interval.as_nanos() as i128 * i128::from(number));
        self.last = number;
    }

    fn overdue(&self) -> Option<Duration> {
        let count = i128::try_from(self.offsets.len()).ok().filter(|count| *count > 0)?;
        let mean = self.offsets.iter().sum::<i128>() / count;
        let expected = mean + self.interval.as_nanos() as i128 * i128::from(self.last + 1);
        Some(Duration::from_nanos(u64::try_from(expected).unwrap_or(0)) + self.margin)
    }
}

/// The phi accrual detector of Hayashibara et al. (SRDS 2004).
///
/// `phi = -log10(P)`, where `P` is the probability that a heartbeat comes later than now, of a normal distribution with
/// mean and deviation of the last intervals. Phi grows with the silence, so a threshold of phi is a time: the moment at
/// which the silence is `z` deviations over the mean, `z` being the quantile of [`PHI_THRESHOLDS`]. Computing that time
/// instead of phi leaves the result to additions and one root, which are the same on every machine.
#[derive(Clone, Debug)]
pub struct PhiAccrual {
    interval: Duration,
    z: f64,
    deviation_least: Duration,
    /// The last intervals between two arrivals, in seconds.
    intervals: VecDeque<f64>,
    last: Option<Duration>,
}

/// Thresholds of phi, and by how many deviations a normal distribution exceeds its mean with probability `10^-phi`.
pub const PHI_THRESHOLDS: [(u8, f64); 5] =
    [(1, 1.281_552), (3, 3.090_232), (5, 4.264_891), (8, 5.612_001), (12, 7.034_484)];

impl PhiAccrual {
    /// As in the paper's experiments.
    const WINDOW: usize = 1000;

    /// `deviation_least` is not in the paper. Without it a network of 1 ms of jitter makes each lost heartbeat a
    /// suspicion; implementations have such a bound (Akka: 100 ms). `None` for a threshold that has no quantile here.
    pub fn new(interval: Duration, threshold: u8, deviation_least: Duration) -> Option<PhiAccrual> {
        let z = PHI_THRESHOLDS.iter().find(|(phi, _)| *phi == threshold)?.1;
        Some(PhiAccrual { interval, z, deviation_least, intervals: VecDeque::new(), last: None })
    }

    /// Before two intervals are known: the nominal one, with a quarter of it as deviation.
    fn estimate(&self) -> (f64, f64) {
        let count = self.intervals.len() as f64;
        if count < 2.0 {
            let nominal = self.interval.as_secs_f64();
            return (nominal, nominal / 4.0);
        }
        let mean = self.intervals.iter().sum::<f64>() / count;
        let variance = self.intervals.iter().map(|interval| (interval - mean) * (interval - mean)).sum::<f64>() / count;
        (mean, variance.sqrt())
    }
}

impl Arrivals for PhiAccrual {
    fn arrived(&mut self, now: Duration, _: u64) {
        if let Some(last) = self.last.replace(now) {
            if self.intervals.len() == PhiAccrual::WINDOW {
                self.intervals.pop_front();
            }
            self.intervals.push_back(now.saturating_sub(last).as_secs_f64());
        }
    }

    fn overdue(&self) -> Option<Duration> {
        let (mean, deviation) = self.estimate();
        let silence = mean + self.z * deviation.max(self.deviation_least.as_secs_f64());
        Some(self.last? + Duration::from_secs_f64(silence))
    }
}

#[cfg(test)]
mod tests {
    use rand_core::{Rng as _, SeedableRng as _};
    use rand_pcg::Pcg64Mcg;

    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn after(mut arrivals: impl Arrivals, times: &[(u64, u64)]) -> Option<Duration> {
        times.iter().for_each(|(number, at)| arrivals.arrived(ms(*at), *number));
        arrivals.overdue()
    }

    #[test]
    fn a_fixed_timeout_counts_from_the_last_arrival() {
        let fixed = || Fixed::new(ms(2500));
        assert_eq!(after(fixed(), &[]), None);
        assert_eq!(after(fixed(), &[(0, 10), (1, 1400)]), Some(ms(3900)));
    }

    #[test]
    fn chen_counts_from_the_expected_arrival() {
        let chen = || Chen::new(ms(1000), ms(300));
        assert_eq!(after(chen(), &[]), None);
        for (times, overdue) in [
            // On time with a constant delay of 10 ms: the next one, 10 ms and the margin.
            (&[(0, 10), (1, 1010), (2, 2010)][..], 3310),
            // A late one moves the expectation by its part of the mean only: (10 + 10 + 310) / 3 = 110.
            (&[(0, 10), (1, 1010), (2, 2310)], 3410),
            // A lost one changes nothing: heartbeat 3 is followed by heartbeat 4.
            (&[(0, 10), (1, 1010), (3, 3010)], 4310),
            // One later than its successor's freshness point is no proof for now: it is overdue when it comes.
            (&[(0, 10), (1, 2600)], 3105),
        ] {
            assert_eq!(after(chen(), times), Some(ms(overdue)), "{times:?}");
        }
        let many: Vec<(u64, u64)> = (0..100).map(|n| (n, n * 1000 + if n < 68 { 500 } else { 20 })).collect();
        assert_eq!(after(chen(), &many), Some(ms(100_320)), "only the last 32 count");
    }

    /// How long one mistake is from the next on a link like that of the paper's simulations (section 7): a heartbeat a
    /// second, 1 % of them lost, exponential delays with a mean of 20 ms.
    fn between_mistakes(margin_ms: u64, heartbeats: u64) -> f64 {
        let mut random = Pcg64Mcg::seed_from_u64(7);
        let mut uniform = || (random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
        let mut chen = Chen::new(ms(1000), ms(margin_ms));
        let mut mistakes = 0;
        for number in 0..heartbeats {
            if uniform() < 0.01 {
                continue;
            }
            let now = Duration::from_secs_f64(number as f64 - 0.02 * (1.0 - uniform()).ln());
            mistakes += u64::from(chen.overdue().is_some_and(|overdue| overdue < now));
            chen.arrived(now, number);
        }
        heartbeats as f64 / mistakes as f64
    }

    #[test]
    fn chen_errs_as_often_as_the_analysis_of_the_paper_says() {
        for (margin_ms, heartbeats) in [(30, 50_000), (100, 200_000), (500, 200_000), (1100, 2_000_000)] {
            // Theorem 5: E(T_MR) = interval / (q_0 u(0)). A freshness point is `delta` after the heartbeat was sent, so
            // heartbeat j after it has delta - j to come.
            let delta = 0.02 + margin_ms as f64 / 1000.0;
            let late = |time: f64| if time < 0.0 { 1.0 } else { 0.01 + 0.99 * (-time / 0.02).exp() };
            let none_came: f64 = (0..=delta.ceil() as u32).map(|j| late(delta - f64::from(j))).product();
            let expected = 1.0 / ((1.0 - late(delta + 1.0)) * none_came);
            let found = between_mistakes(margin_ms, heartbeats);
            println!("margin {margin_ms} ms: a mistake every {found:.1} s, by the theorem {expected:.1} s");
            assert!((found / expected - 1.0).abs() < 0.12, "margin {margin_ms} ms: {found} s, not {expected} s");
        }
    }

    #[test]
    fn phi_is_a_number_of_deviations() {
        // -log10(1 - F(z)) of the normal distribution, F by the series of Abramowitz and Stegun 26.2.11.
        let upper = |z: f64| {
            let (mut term, mut sum) = (z, z);
            for n in 1..200 {
                term *= z * z / f64::from(2 * n + 1);
                sum += term;
            }
            0.5 - sum * (-z * z / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt()
        };
        for (phi, z) in PHI_THRESHOLDS.into_iter().filter(|(phi, _)| *phi <= 8) {
            assert!((-upper(z).log10() - f64::from(phi)).abs() < 0.001, "phi {phi}: {}", -upper(z).log10());
        }
        let phi = |threshold, least| PhiAccrual::new(ms(1000), threshold, ms(least)).unwrap();
        assert_eq!(after(phi(8, 0), &[]), None);
        // Intervals of 900 and 1100: mean 1000, deviation 100.
        let times = [(0, 0), (1, 900), (2, 2000)];
        assert_eq!(after(phi(8, 0), &times).map(|at| at.as_micros()), Some(2_000_000 + 1_000_000 + 561_200));
        assert_eq!(after(phi(1, 0), &times).map(|at| at.as_micros()), Some(3_128_155));
        assert_eq!(after(phi(8, 200), &times).map(|at| at.as_millis()), Some(4122));
        assert!(PhiAccrual::new(ms(1000), 7, ms(0)).is_none(), "a threshold without a quantile");
    }
}
