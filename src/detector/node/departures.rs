//! When the next ping to each peer starts, so that few wake-ups send many.
//!
//! A process that is woken to send one small request pays for the wake-up many times what the request costs. So pings leave
//! in trains: they are due a little apart from each other, and while a node is awake to read the answer to one, it sends the
//! next ([`Node::ride_along`](super::Node)). One is under way at a time, so no round trip is longer for the others.
//!
//! Trains form by themselves: a ping that was sent looks for a train that leaves an interval later, give or take the jitter,
//! and starts a new one where there is none with room. Each leaves at a random moment, so two nodes that were started together
//! drift apart.
//!
//! Turned down: a fixed grid of times. All pings of one moment are sent together, and each answer waits for those before it:
//! that read round trips of 1 ms where they are 0.3.

use std::collections::VecDeque;
use std::time::Duration;

use crate::detector::config::DetectorConfig;
use crate::detector::time::ObserverTime;

/// Pings in one train: the wake-up that starts it is a sixteenth of each. More would only keep other work waiting.
const TRAIN: u32 = 16;

/// The trains that leave within the next interval in the order of their times, each with how many pings are on it. No more
/// of them than peers.
#[derive(Default)]
pub(super) struct Departures(VecDeque<(ObserverTime, u32)>);

impl Departures {
    /// When the ping after one that starts `now` is due. `part` is a random number from 0 to 1.
    ///
    /// A train leaves within half of the jitter around one interval from its first ping, and what is on it is due within the
    /// rest, one after the other.
    pub(super) fn next(&mut self, config: &DetectorConfig, now: ObserverTime, part: f64) -> ObserverTime {
        while self.0.front().is_some_and(|(leaves, _)| *leaves < now) {
            self.0.pop_front();
        }
        let apart = config.interval.mul_f64(config.jitter / 2.0) / TRAIN;
        let (least, most) = (earliest(config, now), now + config.interval.mul_f64(1.0 + config.jitter));
        let earliest = earliest_train(least, apart);
        let first = self.0.partition_point(|(leaves, _)| *leaves < earliest);
        for (leaves, pings) in self.0.range_mut(first..).take_while(|(leaves, _)| *leaves <= most) {
            let due = *leaves + apart * *pings;
            if *pings < TRAIN && (least..=most).contains(&due) {
                *pings += 1;
                return due;
            }
        }
        let leaves = now + config.interval.mul_f64(1.0 + (part - 0.5) * config.jitter);
        self.0.insert(self.0.partition_point(|(other, _)| *other <= leaves), (leaves, 1));
        leaves
    }
}

/// The first moment for the ping after one that starts `now`.
pub(super) fn earliest(config: &DetectorConfig, now: ObserverTime) -> ObserverTime {
    now + config.interval.mul_f64(1.0 - config.jitter)
}

/// What leaves before this has no place that is due at `least`.
fn earliest_train(least: ObserverTime, apart: Duration) -> ObserverTime {
    ObserverTime(least.0.saturating_sub(apart * TRAIN))
}

#[cfg(test)]
mod tests {
    use rand_core::{Rng as _, SeedableRng as _};
    use rand_pcg::Pcg64Mcg;

    use super::*;
    use crate::detector::config::Timing;

    const SECOND: Duration = Duration::from_secs(1);

    fn config() -> DetectorConfig {
        Timing::BALANCED.check().expect("valid")
    }

    /// Each ping is sent when it is due. Returns the times of each peer.
    fn run(peers: usize, seconds: u64, seed: u64, config: &DetectorConfig) -> Vec<Vec<ObserverTime>> {
        let mut random = Pcg64Mcg::seed_from_u64(seed);
        let mut departures = Departures::default();
        let start = |place: usize| ObserverTime(SECOND.mul_f64(place as f64 / peers as f64));
        let mut due: Vec<ObserverTime> = (0..peers).map(start).collect();
        let mut times = vec![Vec::new(); peers];
        loop {
            let next = (0..peers).min_by_key(|peer| due[*peer]).unwrap();
            let now = due[next];
            if now > ObserverTime(SECOND * u32::try_from(seconds).unwrap()) {
                return times;
            }
            times[next].push(now);
            due[next] = departures.next(config, now, f64::from(random.next_u32()) / f64::from(u32::MAX));
            assert!(departures.0.len() <= peers + 1, "{}", departures.0.len());
        }
    }

    #[test]
    fn each_ping_keeps_its_interval_give_or_take_the_jitter() {
        let config = config();
        for peers in [1, 2, 15, 100, 1000] {
            let mut sum = 0.0;
            let times = run(peers, 60, 7, &config);
            for pair in times.iter().flat_map(|times| times.windows(2)) {
                let span = pair[1].since(pair[0]).as_secs_f64() / config.interval.as_secs_f64();
                assert!((1.0 - config.jitter..=1.0 + config.jitter).contains(&span), "{peers} peers: {span}");
                sum += span;
            }
            let mean = sum / times.iter().map(|times| times.len() - 1).sum::<usize>() as f64;
            assert!((0.97..1.03).contains(&mean), "{peers} peers: {mean}");
        }
    }

    #[test]
    fn pings_that_begin_evenly_spread_leave_in_trains() {
        for (peers, trains_at_most) in [(2, 1), (15, 2), (100, 14)] {
            let times = run(peers, 300, 7, &config());
            let mut last: Vec<f64> =
                times.iter().flatten().map(|at| at.0.as_secs_f64()).filter(|at| *at > 280.0).collect();
            last.sort_by(f64::total_cmp);
            let gaps = last.windows(2).filter(|pair| pair[1] - pair[0] > 0.0032).count();
            assert!(gaps as f64 / 20.0 <= f64::from(trains_at_most), "{peers} peers: {gaps} gaps in 20 s");
        }
    }

    #[test]
    fn nodes_that_were_started_together_do_not_ping_in_step() {
        let mut of_ten_ms = [0; 100];
        for node in 0..100 {
            for at in run(3, 60, node, &config()).into_iter().flatten().filter(|at| at.0 >= SECOND * 59) {
                of_ten_ms[(at.0.subsec_millis() / 10) as usize] += 1;
            }
        }
        let (most, all) = (of_ten_ms.iter().max().unwrap(), of_ten_ms.iter().sum::<u32>());
        assert!(*most * 10 <= all, "{most} of {all} pings in 10 ms");
    }

    #[test]
    fn without_jitter_pings_keep_their_exact_interval() {
        let config = Timing { jitter: 0.0, ..Timing::BALANCED }.check().expect("valid");
        for pair in run(5, 10, 7, &config).iter().flat_map(|times| times.windows(2)) {
            assert_eq!(pair[1].since(pair[0]), config.interval);
        }
    }
}
