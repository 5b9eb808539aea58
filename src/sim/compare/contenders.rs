//! Who is compared, each with its settings. Heartbeats and periods are a second apart, as our pings are.

use std::time::Duration;

use crate::baselines::{Baseline, Chen, Fixed, Heartbeats, PhiAccrual, Swim, SwimTiming};
use crate::closed_set::closed_set;

const INTERVAL: Duration = Duration::from_secs(1);
/// Below the paper's own figures there is no such bound; this is the one of a common implementation (Akka).
const PHI_DEVIATION: Duration = Duration::from_millis(100);

closed_set! {
    /// A detector with its settings.
    pub enum Contender {
        /// The one of this program, with the settings of the scenario.
        Ours = "ours",
        /// Suspects after 1.5 s without a heartbeat.
        FixedTight = "fixed 1.5 s",
        /// Suspects after 3 s without a heartbeat.
        Fixed = "fixed 3 s",
        /// NFD-E, 0.1 s after a heartbeat was expected.
        ChenTight = "chen 0.1 s",
        /// NFD-E, 1 s after a heartbeat was expected.
        Chen = "chen 1 s",
        /// NFD-E, 2.5 s after a heartbeat was expected.
        ChenWide = "chen 2.5 s",
        /// Phi accrual with the threshold 1.
        PhiTight = "phi 1",
        /// Phi accrual with the threshold 8.
        Phi = "phi 8",
        /// SWIM with suspicion.
        Swim = "swim",
        /// SWIM with suspicion and Lifeguard.
        Lifeguard = "lifeguard",
    }
}

/// A process of a scenario, as its detector is told of it.
#[derive(Clone, Debug)]
pub struct Place {
    /// Its host, counted from 0.
    pub me: usize,
    /// All others.
    pub peers: Vec<usize>,
    /// Which process of its host it is, counted from 1.
    pub life: u32,
    /// When it starts.
    pub now: Duration,
    /// When it sends for the first time.
    pub start: Duration,
    /// For its random numbers.
    pub seed: u64,
}

impl Contender {
    /// It distinguishes a suspicion from a verdict.
    pub fn has_verdict(self) -> bool {
        matches!(self, Contender::Ours | Contender::Swim | Contender::Lifeguard)
    }

    /// One process of it. Ours runs elsewhere.
    pub(super) fn detector(self, place: Place) -> Box<dyn Baseline> {
        let ms = Duration::from_millis;
        match self {
            Contender::FixedTight => fixed(place, ms(1500)),
            Contender::Fixed | Contender::Ours => fixed(place, ms(3000)),
            Contender::ChenTight => chen(place, ms(100)),
            Contender::Chen => chen(place, ms(1000)),
            Contender::ChenWide => chen(place, ms(2500)),
            Contender::PhiTight => phi(place, 1),
            Contender::Phi => phi(place, 8),
            Contender::Swim => swim(place, SwimTiming::SWIM),
            Contender::Lifeguard => swim(place, SwimTiming::LIFEGUARD),
        }
    }
}

fn fixed(place: Place, timeout: Duration) -> Box<dyn Baseline> {
    let Place { life, peers, start, .. } = place;
    Box::new(Heartbeats::new(life, peers, start, INTERVAL, move || Fixed::new(timeout)))
}

fn chen(place: Place, margin: Duration) -> Box<dyn Baseline> {
    let Place { life, peers, start, .. } = place;
    Box::new(Heartbeats::new(life, peers, start, INTERVAL, move || Chen::new(INTERVAL, margin)))
}

fn phi(place: Place, threshold: u8) -> Box<dyn Baseline> {
    let Place { life, peers, start, .. } = place;
    let make = move || {
        let phi = PhiAccrual::new(INTERVAL, threshold, PHI_DEVIATION);
        phi.unwrap_or_else(|| unreachable!("the thresholds above are in the table"))
    };
    Box::new(Heartbeats::new(life, peers, start, INTERVAL, make))
}

fn swim(place: Place, timing: SwimTiming) -> Box<dyn Baseline> {
    let Place { me, peers, start, seed, .. } = place;
    Box::new(Swim::new(me, peers, start, timing, seed))
}
