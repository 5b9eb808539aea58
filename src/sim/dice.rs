//! Chance and trace: the two things that make a run repeatable.
//!
//! All chance of a run comes from one named generator with a printed seed, and
//! everything that happens is folded into one number. Two runs with one seed
//! must end with the same number; that is how invariant I6 is checked without
//! keeping two traces. FNV-1a is used because it is ten lines and the same
//! everywhere, not because anybody attacks it.

use std::fmt;
use std::time::Duration;

use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg32;

/// The only source of chance in a run.
pub(super) struct Dice(Pcg32);

impl Dice {
    pub(super) fn new(seed: u64) -> Dice {
        Dice(Pcg32::seed_from_u64(seed))
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

/// The fold of everything that happened so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Trace(pub u64);

impl Trace {
    pub(super) const START: Trace = Trace(0xcbf2_9ce4_8422_2325);

    pub(super) fn word(&mut self, word: u64) {
        for byte in word.to_le_bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

impl fmt::Write for Trace {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fold_is_the_published_function() {
        use std::fmt::Write;
        let mut trace = Trace::START;
        trace.write_str("a").unwrap();
        assert_eq!(trace.0, 0xaf63_dc4c_8601_ec8c, "FNV-1a of \"a\", from the reference vectors");
    }

    #[test]
    fn one_seed_one_sequence() {
        let draw = |seed| {
            let mut dice = Dice::new(seed);
            (dice.number(), dice.below(7), dice.between(Duration::ZERO, Duration::from_secs(1)), dice.percent(50))
        };
        assert_eq!(draw(3), draw(3));
        assert_ne!(draw(3), draw(4));
    }
}
