//! Two gauges say it, for this node and for each peer: whether it is in
//! maintenance, and when that ends. A rule needs both: the first leaves out what
//! was planned, the second, in the past, is a node that should be back and is not.

use std::time::{Duration, SystemTime};

use metrics::Gauge;

use super::catalogue;
use super::recorder::Recorder;
use crate::api::timestamp::unix_seconds;
use crate::detector::maintenance::Maintenance;

/// The two about this node.
pub(super) struct MaintenanceSeries {
    on: Gauge,
    end: Gauge,
}

impl MaintenanceSeries {
    pub(super) fn new(recorder: &Recorder) -> MaintenanceSeries {
        MaintenanceSeries {
            on: recorder.gauge(catalogue::MAINTENANCE, &[]),
            end: recorder.gauge(catalogue::MAINTENANCE_END, &[]),
        }
    }

    pub(super) fn set(&self, maintenance: Option<&Maintenance>, now: SystemTime) {
        self.on.set(f64::from(u8::from(maintenance.is_some())));
        self.end.set(end(maintenance, None, now));
    }
}

/// When it ends or ended, in seconds since 1970; 0 for none. Whole seconds: the time left comes with every answer anew,
/// and a scrape should not show how long that took.
pub(super) fn end(maintenance: Option<&Maintenance>, overrun: Option<Duration>, now: SystemTime) -> f64 {
    let end = match (maintenance, overrun) {
        (Some(maintenance), _) => now.checked_add(maintenance.left),
        (None, Some(overrun)) => now.checked_sub(overrun),
        (None, None) => None,
    };
    end.map_or(0.0, |end| unix_seconds(end).round())
}
