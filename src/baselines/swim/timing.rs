//! The times of SWIM.

use std::time::Duration;

/// The times of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SwimTiming {
    /// One ping a period; the paper's T'.
    pub period: Duration,
    /// Then others are asked to ping.
    pub ping_timeout: Duration,
    /// How many of them; the paper's k.
    pub helpers: usize,
    /// The suspicion timeout is this number of periods, times the decimal logarithm of the mesh: alpha of Lifeguard.
    pub suspicion: u32,
    /// How often a rumour is passed on, times the decimal logarithm of the mesh: the paper's lambda.
    pub retransmit: u32,
    /// With what Lifeguard adds.
    pub lifeguard: bool,
}

impl SwimTiming {
    /// A period of one second like the heartbeats of the others; the rest as the Lifeguard paper runs SWIM.
    pub const SWIM: SwimTiming = SwimTiming {
        period: Duration::from_secs(1),
        ping_timeout: Duration::from_millis(500),
        helpers: 3,
        suspicion: 5,
        retransmit: 4,
        lifeguard: false,
    };
    /// The same with Lifeguard.
    pub const LIFEGUARD: SwimTiming = SwimTiming { lifeguard: true, ..SwimTiming::SWIM };

    /// `alpha * log10(n)` periods, one alpha at least.
    pub(super) fn suspicion_least(&self, members: usize) -> Duration {
        let scale = (members.max(1) as f64).log10().max(1.0);
        // Whole milliseconds, so that the last digit of a logarithm does not matter.
        let ms = (scale * 1000.0).round() as u32 * self.suspicion;
        self.period * ms / 1000
    }

    pub(super) fn sends_max(&self, members: usize) -> u32 {
        self.retransmit * ((members + 1) as f64).log10().ceil() as u32
    }
}
