//! Two gauges say it, for this node and for each peer: whether it is in
//! maintenance, and when that ends. A rule needs both: the first leaves out what
//! was planned, the second, in the past, is a node that should be back and is not.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use metrics::Gauge;

use super::catalogue;
use super::recorder::Recorder;
use crate::api::timestamp::unix_seconds;
use crate::detector::maintenance::Maintenance;

pub(super) struct MaintenanceSeries {
    on: Gauge,
    end: Gauge,
}

impl MaintenanceSeries {
    /// `None`: about this node itself.
    pub(super) fn new(recorder: &Recorder, peer: Option<&Arc<str>>) -> MaintenanceSeries {
        let gauge = |own: &'static str, of_peer: &'static str| match peer {
            None => recorder.gauge(own, &[]),
            Some(key) => recorder.gauge(of_peer, &[("peer", &**key)]),
        };
        MaintenanceSeries {
            on: gauge(catalogue::MAINTENANCE, catalogue::PEER_MAINTENANCE),
            end: gauge(catalogue::MAINTENANCE_END, catalogue::PEER_MAINTENANCE_END),
        }
    }

    /// Whole seconds: the time left comes with every answer anew, and a scrape should not show how long that took.
    pub(super) fn set(&self, maintenance: Option<&Maintenance>, overrun: Option<Duration>, now: SystemTime) {
        self.on.set(f64::from(u8::from(maintenance.is_some())));
        let end = match (maintenance, overrun) {
            (Some(maintenance), _) => now.checked_add(maintenance.left),
            (None, Some(overrun)) => now.checked_sub(overrun),
            (None, None) => None,
        };
        self.end.set(end.map_or(0.0, |end| unix_seconds(end).round()));
    }
}
