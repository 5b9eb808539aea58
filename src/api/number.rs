//! How times and shares are rounded: no body shows more digits than are meant.

use std::time::Duration;

/// Whole milliseconds.
pub(crate) fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Milliseconds with three decimals: a round trip on one machine is a fraction of one.
pub(crate) fn fine_ms(time: Duration) -> f64 {
    time.as_micros() as f64 / 1e3
}

/// A number with three decimals, which is all that a share or a phi is worth.
pub(crate) fn thousandths(number: f64) -> f64 {
    (number * 1e3).round() / 1e3
}
