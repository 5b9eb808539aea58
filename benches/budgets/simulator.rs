//! How fast virtual time passes.

use std::time::Instant;

use heartbeat::sim;

use super::figure::Measurement;

/// A thousand nodes with ten peers each, two virtual minutes.
pub fn figures() -> Vec<Measurement> {
    let scenario = sim::ring_of(1000, 10);
    let began = Instant::now();
    let run = sim::run(&scenario, 1);
    let took = began.elapsed();
    assert!(run.violations.is_empty(), "a healthy mesh must stay healthy: {:?}", run.violations);
    vec![
        Measurement::new(
            "simulator: 1,000 nodes with 10 peers each, 120 virtual seconds",
            "s",
            took.as_secs_f64(),
            Some(10.0),
        )
        .note(format!("{:.0} steps per second", run.handled as f64 / took.as_secs_f64())),
    ]
}
