//! Wall time in seconds since 1970, which the engine's log, the receiver, Prometheus and this process share on one machine.

use std::time::{SystemTime, UNIX_EPOCH};

pub fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}
