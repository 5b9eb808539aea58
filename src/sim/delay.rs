//! How long something takes: a distribution of times.
//!
//! Every distribution is drawn from whole microseconds with integers alone: the
//! logarithm of one machine differs from that of another in the last digit, and
//! a seed must give the same trace everywhere. So the curves are tables of
//! quantiles with straight lines between them. They have an end on purpose: what
//! is promised about a crash counts packets, each at its slowest.

use std::fmt;
use std::time::Duration;

use super::rng::Rng;

/// A duration as scenarios write it: whole `s`, `ms` or `us`.
pub(super) struct Span(pub Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let us = self.0.as_micros();
        if us.is_multiple_of(1_000_000) {
            write!(f, "{}s", us / 1_000_000)
        } else if us.is_multiple_of(1000) {
            write!(f, "{}ms", us / 1000)
        } else {
            write!(f, "{us}us")
        }
    }
}

/// A distribution of times, as `latency` and `late` of a scenario take it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delay {
    /// Each time from the first to the second is equally likely.
    Uniform(Duration, Duration),
    /// Mean and standard deviation of a bell curve, cut at three deviations.
    Normal(Duration, Duration),
    /// The first always; on average the second more, cut at seven times that.
    Exponential(Duration, Duration),
    /// Measured quantiles, in tenths of a percent from 0 to 1000, both ends included.
    Quantiles(Vec<(u16, Duration)>),
}

/// The bell curve: tenths of a percent, thousandths of a deviation.
const NORMAL: [(u16, i64); 15] = [
    (0, -3000),
    (10, -2326),
    (50, -1645),
    (100, -1282),
    (200, -842),
    (300, -524),
    (400, -253),
    (500, 0),
    (600, 253),
    (700, 524),
    (800, 842),
    (900, 1282),
    (950, 1645),
    (990, 2326),
    (1000, 3000),
];

/// The exponential distribution: tenths of a percent, thousandths of its mean.
const EXPONENTIAL: [(u16, i64); 11] = [
    (0, 0),
    (100, 105),
    (250, 288),
    (500, 693),
    (750, 1386),
    (900, 2303),
    (950, 2996),
    (980, 3912),
    (990, 4605),
    (999, 6908),
    (1000, 7000),
];

/// No packet is faster, whatever a curve says: an answer in the same instant would have no order.
const LEAST: Duration = Duration::from_micros(1);

impl Delay {
    pub(super) fn draw(&self, dice: &mut Rng) -> Duration {
        match self {
            Delay::Uniform(least, most) => dice.between(*least, *most),
            Delay::Normal(..) | Delay::Exponential(..) | Delay::Quantiles(_) => {
                let place = dice.below(1_000_000) as i64;
                line(&self.curve(), place)
            }
        }
    }

    /// The longest time that is ever drawn.
    pub fn most(&self) -> Duration {
        match self {
            Delay::Uniform(_, most) => *most,
            Delay::Normal(..) | Delay::Exponential(..) | Delay::Quantiles(_) => line(&self.curve(), 1_000_000),
        }
    }

    /// The shortest time that is ever drawn.
    pub fn least(&self) -> Duration {
        match self {
            Delay::Uniform(least, _) => *least,
            Delay::Normal(..) | Delay::Exponential(..) | Delay::Quantiles(_) => line(&self.curve(), 0),
        }
    }

    /// Tenths of a percent and microseconds.
    fn curve(&self) -> Vec<(u16, i64)> {
        let scaled = |table: &[(u16, i64)], zero: Duration, unit: Duration| {
            let (zero, unit) = (micros(zero), micros(unit));
            table.iter().map(|(place, thousandths)| (*place, zero + unit * thousandths / 1000)).collect()
        };
        match self {
            Delay::Uniform(least, most) => vec![(0, micros(*least)), (1000, micros(*most))],
            Delay::Normal(mean, deviation) => scaled(&NORMAL, *mean, *deviation),
            Delay::Exponential(least, more) => scaled(&EXPONENTIAL, *least, *more),
            Delay::Quantiles(points) => points.iter().map(|(place, time)| (*place, micros(*time))).collect(),
        }
    }
}

/// Scenarios are bounded to times that fit many times over.
fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

/// The value at `place` millionths on the straight lines between the points.
fn line(curve: &[(u16, i64)], place: i64) -> Duration {
    let mut value = curve.last().map_or(0, |(_, value)| *value);
    for pair in curve.windows(2) {
        let [(before, low), (after, high)] = [pair[0], pair[1]].map(|(place, value)| (i64::from(place) * 1000, value));
        if (before..after).contains(&place) {
            value = low + (high - low) * (place - before) / (after - before);
            break;
        }
    }
    LEAST.max(Duration::from_micros(u64::try_from(value).unwrap_or(0)))
}

impl fmt::Display for Delay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Delay::Uniform(least, most) => write!(f, "{} {}", Span(*least), Span(*most)),
            Delay::Normal(mean, deviation) => write!(f, "normal {} {}", Span(*mean), Span(*deviation)),
            Delay::Exponential(least, more) => write!(f, "exponential {} {}", Span(*least), Span(*more)),
            Delay::Quantiles(points) => {
                for (number, (place, time)) in points.iter().enumerate() {
                    let gap = if number == 0 { "" } else { " " };
                    let tenth = if place % 10 == 0 { String::new() } else { format!(".{}", place % 10) };
                    write!(f, "{gap}p{}{tenth} {}", place / 10, Span(*time))?;
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn sorted(delay: &Delay) -> Vec<Duration> {
        let mut dice = Rng::new(7);
        let mut drawn: Vec<_> = (0..20_000).map(|_| delay.draw(&mut dice)).collect();
        drawn.sort();
        drawn
    }

    /// The quantile in percent lies within a twentieth of what is wanted.
    fn near(drawn: &[Duration], percent: usize, wanted: Duration) {
        let found = drawn[drawn.len() * percent / 100];
        let apart = found.abs_diff(wanted);
        assert!(apart <= wanted / 20, "p{percent} is {found:?}, not {wanted:?}");
    }

    #[test]
    fn what_is_drawn_has_the_quantiles_that_were_asked_for() {
        let uniform = sorted(&Delay::Uniform(10 * MS, 20 * MS));
        near(&uniform, 50, 15 * MS);
        let normal = sorted(&Delay::Normal(20 * MS, 4 * MS));
        near(&normal, 50, 20 * MS);
        near(&normal, 84, 24 * MS);
        near(&normal, 16, 16 * MS);
        let exponential = sorted(&Delay::Exponential(5 * MS, 10 * MS));
        near(&exponential, 50, Duration::from_micros(11_930));
        near(&exponential, 90, Duration::from_micros(28_030));
        let mean = exponential.iter().sum::<Duration>() / exponential.len() as u32;
        assert!(mean.abs_diff(15 * MS) < MS, "the mean is {mean:?}");
        let measured = sorted(&Delay::Quantiles(vec![(0, MS), (500, 2 * MS), (990, 10 * MS), (1000, 200 * MS)]));
        near(&measured, 50, 2 * MS);
        near(&measured, 99, 10 * MS);
    }

    #[test]
    fn nothing_is_drawn_outside_the_bounds() {
        let all = [
            Delay::Uniform(MS, 2 * MS),
            Delay::Normal(2 * MS, 3 * MS),
            Delay::Exponential(MS, 9 * MS),
            Delay::Quantiles(vec![(0, MS), (999, 2 * MS), (1000, 200 * MS)]),
        ];
        for delay in all {
            let drawn = sorted(&delay);
            assert!(delay.least() <= drawn[0] && *drawn.last().expect("some") <= delay.most(), "{delay}");
            assert!(drawn[0] > Duration::ZERO, "{delay}");
        }
        assert_eq!(Delay::Normal(2 * MS, 3 * MS).least(), LEAST, "a curve that reaches below zero is cut there");
    }
}
