//! The series of one peer.
//!
//! Pings are counted here and moved into the exporter's counters by the scrape that shows them ([`PeerSeries::flush`]).
//! The text is written on another thread while pings continue to end, and a scrape in which `pings`, `success` and
//! `failed` disagree would be wrong.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use metrics::{Counter, Gauge, Histogram};

use super::catalogue::{self, CATALOGUE};
use super::maintenance::MaintenanceSeries;
use super::recorder::Recorder;
use crate::api::timestamp::unix_seconds;
use crate::detector::event::{EventKind, PeerRef, PingResult, Purpose};
use crate::detector::evidence::Evidence;
use crate::detector::flaw::FlawKind;
use crate::detector::peer::PeerState;
use crate::detector::view::PeerView;

/// Pings that ended, by how.
#[derive(Default)]
struct EndedPings {
    success: u64,
    /// By reason, a closed set.
    failed: BTreeMap<&'static str, u64>,
}

/// The series of one peer.
pub(super) struct PeerSeries {
    /// The state last seen; `None` before the first, so that a first sight is no transition.
    state: Option<PeerState>,
    pings: Counter,
    success: Counter,
    failed: Counter,
    failures: BTreeMap<&'static str, Counter>,
    /// Pings that ended since the last scrape.
    ended: EndedPings,
    duration: Histogram,
    up: Gauge,
    expected: Gauge,
    maintenance: MaintenanceSeries,
    states: Vec<(PeerState, Gauge)>,
    phi: Gauge,
    last_success: Gauge,
    state_changed: Gauge,
    transitions: BTreeMap<PeerState, Counter>,
    restarts: Counter,
}

impl PeerSeries {
    pub(super) fn new(recorder: &Recorder, peer: &PeerRef, now: SystemTime) -> PeerSeries {
        let key: Arc<str> = peer.key.0.clone();
        for metric in CATALOGUE.iter().filter(|metric| metric.per_peer) {
            recorder.start_at_zero(metric, Some(&key));
        }
        let one = [("peer", &*key)];
        let two = |name, value| [("peer", &*key), (name, value)];
        let reasons = catalogue::find(catalogue::PING_FAILURES).map_or(&[][..], |metric| metric.labels);
        let reasons = reasons.iter().flat_map(|label| (label.values)());
        let series = PeerSeries {
            state: None,
            pings: recorder.counter(catalogue::PINGS, &one),
            success: recorder.counter(catalogue::PINGS_SUCCESS, &one),
            failed: recorder.counter(catalogue::PINGS_FAILED, &one),
            failures: reasons
                .map(|reason| (reason, recorder.counter(catalogue::PING_FAILURES, &two("reason", reason))))
                .collect(),
            ended: EndedPings::default(),
            duration: recorder.histogram(catalogue::PING_DURATION, &one),
            up: recorder.gauge(catalogue::PEER_UP, &one),
            expected: recorder.gauge(catalogue::PEER_EXPECTED, &one),
            maintenance: MaintenanceSeries::new(recorder, Some(&key)),
            states: PeerState::ALL
                .map(|state| (state, recorder.gauge(catalogue::PEER_STATE, &two("state", state.as_str()))))
                .into(),
            phi: recorder.gauge(catalogue::PEER_PHI, &one),
            last_success: recorder.gauge(catalogue::PEER_LAST_SUCCESS, &one),
            state_changed: recorder.gauge(catalogue::PEER_STATE_CHANGED, &one),
            transitions: PeerState::ALL
                .map(|to| (to, recorder.counter(catalogue::PEER_TRANSITIONS, &two("to", to.as_str()))))
                .into(),
            restarts: recorder.counter(catalogue::PEER_RESTARTS, &one),
        };
        // Gauges of an earlier life of this key must not shine through.
        series.last_success.set(0.0);
        series.state_changed.set(unix_seconds(now));
        series
    }

    pub(super) fn enter(&mut self, state: PeerState, now: SystemTime) {
        let Some(before) = self.state.replace(state) else { return };
        if before != state {
            self.state_changed.set(unix_seconds(now));
            if let Some(counter) = self.transitions.get(&state) {
                counter.increment(1);
            }
        }
    }

    pub(super) fn observe(&mut self, kind: &EventKind, flaw: Option<FlawKind>, now: SystemTime) {
        match kind {
            EventKind::PingEnded { purpose: Purpose::Witness, .. } => {}
            EventKind::PingEnded { purpose, result: PingResult::Success { rtt, .. } } => {
                self.ended.success += 1;
                self.last_success.set(unix_seconds(now));
                if *purpose == Purpose::Scheduled {
                    self.duration.record(rtt.as_secs_f64());
                }
            }
            EventKind::PingEnded { result: PingResult::Failure { evidence, timed_out }, .. } => {
                *self.ended.failed.entry(reason(*evidence, *timed_out, flaw)).or_default() += 1;
            }
            EventKind::PeerRestarted { .. } => self.restarts.increment(1),
            _ => {}
        }
    }

    /// Moves what was counted into the counters that a scrape shows.
    pub(super) fn flush(&mut self) {
        let EndedPings { success, failed } = std::mem::take(&mut self.ended);
        let all_failed = failed.values().sum();
        self.pings.increment(success + all_failed);
        self.success.increment(success);
        self.failed.increment(all_failed);
        for (reason, count) in failed {
            if let Some(counter) = self.failures.get(reason) {
                counter.increment(count);
            }
        }
    }

    pub(super) fn set(&self, view: &PeerView, now: SystemTime) {
        let state = view.peer.state;
        self.up.set(flag(state.is_up()));
        self.expected.set(flag(view.expected));
        self.maintenance.set(view.maintenance.as_ref(), view.overrun, now);
        for (which, gauge) in &self.states {
            gauge.set(flag(*which == state));
        }
        self.phi.set(view.phi);
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

pub(super) fn flag(on: bool) -> f64 {
    f64::from(u8::from(on))
}
