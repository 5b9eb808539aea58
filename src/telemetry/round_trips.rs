//! Round trips of one peer: a histogram.

use std::sync::Arc;
use std::time::Duration;

use super::catalogue::Metric;
use super::exposition::Exposition;

/// How many samples lie in which bucket.
#[derive(Clone)]
pub(super) struct RoundTrips {
    /// Upper bounds in seconds, ascending; shared by all peers.
    bounds: Arc<[f64]>,
    /// One for each bound, and the last for what lies above all; not cumulative.
    counts: Box<[u64]>,
    sum: f64,
}

impl RoundTrips {
    pub(super) fn new(bounds: Arc<[f64]>) -> RoundTrips {
        RoundTrips { counts: vec![0; bounds.len() + 1].into(), bounds, sum: 0.0 }
    }

    pub(super) fn record(&mut self, took: Duration) {
        let seconds = took.as_secs_f64();
        // A bound belongs to its bucket: `le` is "less or equal".
        let bucket = self.bounds.partition_point(|bound| *bound < seconds);
        self.counts[bucket] += 1;
        self.sum += seconds;
    }

    pub(super) fn write(&self, metric: &Metric, peer: &str, out: &mut Exposition) {
        let mut below = 0;
        for (bound, count) in self.bounds.iter().zip(&self.counts) {
            below += count;
            out.series(metric, "_bucket", peer, Some(("le", &bound.to_string())), below);
        }
        let all: u64 = self.counts.iter().sum();
        out.series(metric, "_bucket", peer, Some(("le", "+Inf")), all);
        out.series(metric, "_sum", peer, None, self.sum);
        out.series(metric, "_count", peer, None, all);
    }
}

#[cfg(test)]
mod tests {
    use super::super::catalogue;
    use super::*;

    #[test]
    fn a_sample_is_in_every_bucket_from_its_own_on() {
        let mut trips = RoundTrips::new(Arc::from([0.25, 1.0]));
        for millis in [125, 250, 500, 1000, 2000] {
            trips.record(Duration::from_millis(millis));
        }
        let mut out = Exposition::default();
        trips.write(catalogue::find(catalogue::PING_DURATION).unwrap(), "a", &mut out);
        let lines = [
            "_bucket{peer=\"a\",le=\"0.25\"} 2",
            "_bucket{peer=\"a\",le=\"1\"} 4",
            "_bucket{peer=\"a\",le=\"+Inf\"} 5",
            "_sum{peer=\"a\"} 3.875",
            "_count{peer=\"a\"} 5",
        ];
        let expected: String = lines.iter().map(|line| format!("{}{line}\n", catalogue::PING_DURATION)).collect();
        assert_eq!(out.into_text(), expected);
    }
}
