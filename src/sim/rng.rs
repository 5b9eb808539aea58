//! Chance: all of a run comes from one named generator with a printed seed, so that the run can be repeated.

use std::time::Duration;

use rand_core::{Rng as _, SeedableRng};
use rand_pcg::Pcg32;

/// The only source of chance in a run.
pub(super) struct Rng(Pcg32);

impl Rng {
    pub(super) fn new(seed: u64) -> Rng {
        Rng(Pcg32::seed_from_u64(seed))
    }

    pub(super) fn number(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// 0 to `limit - 1`; 0 when the limit is 0. The bias of the remainder is
    /// far below anything a schedule could notice.
    pub(super) fn below(&mut self, limit: usize) -> usize {
        if limit == 0 { 0 } else { (self.0.next_u32() as usize) % limit }
    }

    /// Between the two, in whole microseconds so that scenarios print exactly.
    pub(super) fn between(&mut self, least: Duration, most: Duration) -> Duration {
        let width = most.saturating_sub(least).as_micros() as u64;
        least + Duration::from_micros(if width == 0 { 0 } else { self.0.next_u64() % (width + 1) })
    }

    pub(super) fn percent(&mut self, percent: u8) -> bool {
        percent > 0 && self.below(100) < usize::from(percent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_one_sequence() {
        let draw = |seed| {
            let mut dice = Rng::new(seed);
            (dice.number(), dice.below(7), dice.between(Duration::ZERO, Duration::from_secs(1)), dice.percent(50))
        };
        assert_eq!(draw(3), draw(3));
        assert_ne!(draw(3), draw(4));
    }
}
