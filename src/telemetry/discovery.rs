//! The series about looking for peers behind names.

use std::time::{Duration, SystemTime};

use metrics::{Counter, Gauge};

use super::catalogue;
use super::recorder::Recorder;
use crate::api::timestamp::unix_seconds;
use crate::detector::view::DiscoveryView;

pub(super) struct DiscoverySeries {
    errors: Counter,
    last_success: Gauge,
    candidates: Gauge,
}

impl DiscoverySeries {
    pub(super) fn new(recorder: &Recorder) -> DiscoverySeries {
        DiscoverySeries {
            errors: recorder.counter(catalogue::DISCOVERY_ERRORS, &[]),
            last_success: recorder.gauge(catalogue::DISCOVERY_LAST_SUCCESS, &[]),
            candidates: recorder.gauge(catalogue::DISCOVERY_CANDIDATES, &[]),
        }
    }

    pub(super) fn set(&self, discovery: &DiscoveryView, now: SystemTime) {
        self.errors.absolute(discovery.errors);
        self.candidates.set(discovery.candidates.len() as f64);
        // The name that was found longest ago: one that is stale must not hide behind another that is not.
        let oldest =
            discovery.names.iter().map(|name| name.last_success).max_by_key(|age| age.unwrap_or(Duration::MAX));
        let at = oldest.flatten().and_then(|age| now.checked_sub(age));
        // Whole seconds, so that one moment is one value although it is computed from its age.
        self.last_success.set(at.map_or(0.0, |at| unix_seconds(at).round()));
    }
}
