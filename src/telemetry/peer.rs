//! The series of peers: what was counted of one, and how a scrape shows it.
//!
//! Plain numbers, which belong to the runtime thread. A scrape copies them ([`PeerRow`]) and is written on another thread
//! while pings continue to end: one in which `pings`, `success` and `failed` disagree would be wrong.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use super::catalogue::{self, Metric};
use super::exposition::{Exposition, escape};
use super::maintenance;
use super::round_trips::RoundTrips;
use crate::api::timestamp::unix_seconds;
use crate::detector::event::{EventKind, PeerRef, PingResult, Purpose};
use crate::detector::evidence::Evidence;
use crate::detector::flaw::FlawKind;
use crate::detector::peer::PeerState;
use crate::detector::view::PeerView;

/// What was counted of one peer.
#[derive(Clone)]
pub(super) struct PeerSeries {
    pub key: Arc<str>,
    /// The state last seen; `None` before the first, so that a first sight is no transition.
    state: Option<PeerState>,
    success: u64,
    /// By reason, a closed set. Only reasons that occurred are here.
    failed: BTreeMap<&'static str, u64>,
    round_trips: RoundTrips,
    /// By the state entered, in the order of [`PeerState::ALL`].
    transitions: [u64; PeerState::ALL.len()],
    restarts: u64,
    /// In seconds since 1970; 0 before the first.
    last_success: f64,
    state_changed: f64,
}

impl PeerSeries {
    pub(super) fn new(peer: &PeerRef, bounds: &Arc<[f64]>, now: SystemTime) -> PeerSeries {
        PeerSeries {
            key: peer.key.0.clone(),
            state: None,
            success: 0,
            failed: BTreeMap::new(),
            round_trips: RoundTrips::new(bounds.clone()),
            transitions: [0; PeerState::ALL.len()],
            restarts: 0,
            last_success: 0.0,
            state_changed: unix_seconds(now),
        }
    }

    /// The same key again, after it was removed: its counters continue, as Prometheus expects of counters.
    pub(super) fn back(self, now: SystemTime) -> PeerSeries {
        PeerSeries { state: None, last_success: 0.0, state_changed: unix_seconds(now), ..self }
    }

    pub(super) fn enter(&mut self, state: PeerState, now: SystemTime) {
        let Some(before) = self.state.replace(state) else { return };
        if before != state {
            self.state_changed = unix_seconds(now);
            self.transitions[state as usize] += 1;
        }
    }

    pub(super) fn observe(&mut self, kind: &EventKind, flaw: Option<FlawKind>, now: SystemTime) {
        match kind {
            EventKind::PingEnded { purpose: Purpose::Witness, .. } => {}
            EventKind::PingEnded { purpose, result: PingResult::Success { rtt, .. } } => {
                self.success += 1;
                self.last_success = unix_seconds(now);
                if *purpose == Purpose::Scheduled {
                    self.round_trips.record(*rtt);
                }
            }
            EventKind::PingEnded { result: PingResult::Failure { evidence, timed_out }, .. } => {
                *self.failed.entry(reason(*evidence, *timed_out, flaw)).or_default() += 1;
            }
            EventKind::PeerRestarted { .. } => self.restarts += 1,
            _ => {}
        }
    }
}

/// What a failed ping counts as. A ping that is out of time showed the past, not the reason.
fn reason(evidence: Evidence, timed_out: bool, flaw: Option<FlawKind>) -> &'static str {
    match (evidence, flaw) {
        _ if timed_out => catalogue::REASON_TIMEOUT,
        (Evidence::Invalid, Some(flaw)) => flaw.as_str(),
        (evidence, _) => evidence.as_str(),
    }
}

/// One peer in one scrape.
pub(super) struct PeerRow {
    /// The key, escaped.
    pub label: String,
    counted: PeerSeries,
    state: PeerState,
    expected: bool,
    phi: f64,
    in_maintenance: bool,
    maintenance_end: f64,
}

impl PeerRow {
    pub(super) fn new(counted: PeerSeries, view: &PeerView, now: SystemTime) -> PeerRow {
        PeerRow {
            label: escape(&counted.key),
            counted,
            state: view.peer.state,
            expected: view.expected,
            phi: view.phi,
            in_maintenance: view.maintenance.is_some(),
            maintenance_end: maintenance::end(view.maintenance.as_ref(), view.overrun, now),
        }
    }

    /// The series of `metric` about this peer.
    fn write(&self, metric: &Metric, values: &[&'static str], out: &mut Exposition) {
        let PeerRow { label: peer, counted, .. } = self;
        let failed = || counted.failed.values().sum::<u64>();
        let mut one = |value: f64| out.series(metric, "", peer, None, value);
        match metric.name {
            catalogue::PEER_UP => one(flag(self.state.is_up())),
            catalogue::PEER_EXPECTED => one(flag(self.expected)),
            catalogue::PEER_PHI => one(self.phi),
            catalogue::PEER_LAST_SUCCESS => one(counted.last_success),
            catalogue::PEER_STATE_CHANGED => one(counted.state_changed),
            catalogue::PEER_MAINTENANCE => one(flag(self.in_maintenance)),
            catalogue::PEER_MAINTENANCE_END => one(self.maintenance_end),
            catalogue::PINGS => out.series(metric, "", peer, None, counted.success + failed()),
            catalogue::PINGS_SUCCESS => out.series(metric, "", peer, None, counted.success),
            catalogue::PINGS_FAILED => out.series(metric, "", peer, None, failed()),
            catalogue::PEER_RESTARTS => out.series(metric, "", peer, None, counted.restarts),
            catalogue::PING_DURATION => counted.round_trips.write(metric, peer, out),
            catalogue::PING_FAILURES => {
                out.each(metric, peer, values, |reason| counted.failed.get(reason).copied().unwrap_or(0));
            }
            catalogue::PEER_STATE => out.each(metric, peer, values, |state| flag(state == self.state.as_str())),
            catalogue::PEER_TRANSITIONS => out.each(metric, peer, values, |to| {
                to.parse::<PeerState>().map_or(0, |state| counted.transitions[state as usize])
            }),
            // With a metric that is in the catalogue and not here, tests/metrics_catalogue.rs fails.
            _ => {}
        }
    }
}

/// All series of one metric, for the peers in `rows`, which are sorted by label.
pub(super) fn write(metric: &Metric, rows: &[PeerRow], out: &mut Exposition) {
    if rows.is_empty() {
        return;
    }
    let mut values = metric.labels.first().map(|label| (label.values)()).unwrap_or_default();
    values.sort_unstable();
    out.begin(metric);
    for row in rows {
        row.write(metric, &values, out);
    }
}

pub(super) fn flag(on: bool) -> f64 {
    f64::from(u8::from(on))
}
