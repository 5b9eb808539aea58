//! The numbers: counters and histograms move when something happens, gauges
//! are set from the detector's view when they are read.
//!
//! One recorder, fed through handles that are made once a peer. The exporter
//! has no way to delete a series, and its idle timeout would also drop counters
//! that rest at zero, so a removed peer is taken out where it matters: in the
//! text that a scrape shows. What stays behind is a few hundred bytes for each
//! key that was ever watched; a peer that comes back under its old key continues
//! counting where it stopped, as Prometheus expects of a counter.
//!
//! Everything happens on the one runtime thread and `pings`, `success` and
//! `failed` are counted together, so no scrape sees them disagree. Rendering
//! happens there too, for the same reason.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use metrics::{Counter, Gauge, Histogram};
use metrics_exporter_prometheus::BuildError;

use super::catalogue::{self, CATALOGUE, Presence};
use super::discovery::DiscoverySeries;
use super::http::HttpSeries;
use super::maintenance::MaintenanceSeries;
use super::process;
use super::recorder::Recorder;
use crate::api::timestamp::unix_seconds;
use crate::detector::event::{EventKind, PeerRef, PingResult, Purpose};
use crate::detector::evidence::{Class, Evidence};
use crate::detector::flaw::FlawKind;
use crate::detector::peer::{PeerId, PeerState, SelfState, Verdict};
use crate::detector::view::{PeerView, View};
use crate::mesh::event::NodeEvent;

/// Samples between two rounds of upkeep. The exporter keeps each sample (8
/// bytes) until then; counting them bounds its memory without a timer that
/// would wake an idle node.
const SAMPLES_BETWEEN_UPKEEP: u32 = 4096;

/// Version and revision of this program.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The commit it was built from, when the build was told (`HEARTBEAT_REVISION`).
pub const REVISION: &str = match option_env!("HEARTBEAT_REVISION") {
    Some(revision) => revision,
    None => "unknown",
};

/// All metrics of this process.
pub struct Metrics {
    recorder: Recorder,
    samples: AtomicU32,
    node: NodeSeries,
    peers: Mutex<BTreeMap<PeerId, PeerSeries>>,
    http: Mutex<HttpSeries>,
}

/// Why the metrics cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    #[error("the metrics recorder cannot be built: {0}")]
    Build(#[from] BuildError),
    #[error("another metrics recorder is installed already")]
    Installed,
}

impl Metrics {
    /// The metrics of this process, with the recorder installed for the whole
    /// program. Call it before anything else: the exporter calibrates a clock, which can take 20 ms.
    ///
    /// # Errors
    /// [`InstallError::Installed`] when called twice.
    pub fn install(ping_timeout: Duration) -> Result<Metrics, InstallError> {
        let metrics = Metrics::new(ping_timeout)?;
        metrics.recorder.install().map_err(|()| InstallError::Installed)?;
        Ok(metrics)
    }

    /// Metrics of their own, not known to the rest of the program.
    /// `ping_timeout` becomes a bucket bound of the round trips.
    ///
    /// # Errors
    /// [`InstallError::Build`] when the catalogue's buckets are refused.
    pub fn new(ping_timeout: Duration) -> Result<Metrics, InstallError> {
        let recorder = Recorder::new(ping_timeout)?;
        for metric in CATALOGUE.iter().filter(|metric| !metric.per_peer && metric.presence == Presence::Always) {
            recorder.start_at_zero(metric, None);
        }
        recorder.gauge(catalogue::BUILD_INFO, &[("version", VERSION), ("revision", REVISION)]).set(1.0);
        let node = NodeSeries::new(&recorder);
        Ok(Metrics { recorder, samples: AtomicU32::new(0), node, peers: Mutex::default(), http: Mutex::default() })
    }

    /// Counts an event. `now` is wall time.
    pub(super) fn observe(&self, event: &NodeEvent, now: SystemTime) {
        let NodeEvent::Detector(event) = event else {
            self.node.event(event.name());
            return;
        };
        if let Some(peer) = &event.peer {
            if matches!(event.kind, EventKind::PeerRemoved { .. }) {
                lock(&self.peers).remove(&peer.id);
            } else if is_watched(&event.kind) {
                let flaw = peer.flaw.as_ref().map(|flaw| flaw.kind);
                self.with_peer(peer, now, |series| series.observe(&event.kind, flaw, now));
            }
        }
        match &event.kind {
            EventKind::PingEnded { purpose: Purpose::Witness, result } => self.node.witness_check(*result),
            EventKind::PingEnded { result: PingResult::Success { sampled: true, .. }, .. } => self.sampled(),
            EventKind::PingEnded { .. } => {}
            EventKind::PeerDown { class, silent_for, .. } | EventKind::PeerUnreachable { class, silent_for, .. } => {
                self.node.silence_at_verdict[*class as usize].record(silent_for.as_secs_f64());
                self.node.event(event.kind.name());
            }
            _ => self.node.event(event.kind.name()),
        }
    }

    /// A timer of the detector woke `late`.
    pub fn timer_lag(&self, late: Duration) {
        self.node.timer_lag.record(late.as_secs_f64());
        self.sampled();
    }

    /// A ping came in from a node.
    pub fn ping_received(&self) {
        self.node.pings_received.increment(1);
    }

    /// The number of open incidents.
    pub fn incidents_open(&self, count: usize) {
        self.node.incidents_open.set(count as f64);
    }

    /// A request was answered. `took` is `None` for streams, which end when their reader goes.
    /// `route` must come from a closed set.
    pub fn http_request(&self, route: &'static str, code: u16, took: Option<Duration>) {
        {
            let mut http = lock(&self.http);
            http.count(&self.recorder, route, code).increment(1);
            let Some(took) = took else { return };
            http.duration(&self.recorder, route).record(took.as_secs_f64());
        }
        self.sampled();
    }

    /// Moves the exporter's samples into their buckets. Runs by itself every few thousand samples.
    pub fn upkeep(&self) {
        self.recorder.upkeep();
    }

    /// All metrics as Prometheus reads them: gauges from `view`, no series of a peer that is not in it.
    pub fn render(&self, view: &View) -> String {
        self.render_at(view, SystemTime::now())
    }

    fn render_at(&self, view: &View, now: SystemTime) -> String {
        self.node.set(view, now);
        let ids: BTreeSet<PeerId> = view.peers.iter().map(|peer| peer.peer.id).collect();
        lock(&self.peers).retain(|id, _| ids.contains(id));
        for peer in &view.peers {
            self.with_peer(&peer.peer, now, |series| series.set(peer, now));
        }
        for (name, value) in process::read() {
            self.recorder.gauge(name, &[]).set(value);
        }
        let watched: BTreeSet<&str> = view.peers.iter().map(|peer| &*peer.peer.key.0).collect();
        self.recorder.render(&watched)
    }

    fn with_peer(&self, peer: &PeerRef, now: SystemTime, then: impl FnOnce(&mut PeerSeries)) {
        let mut peers = lock(&self.peers);
        let series = peers.entry(peer.id).or_insert_with(|| PeerSeries::new(&self.recorder, peer, now));
        series.enter(peer.state, now);
        then(series);
    }

    fn sampled(&self) {
        if self.samples.fetch_add(1, Ordering::Relaxed) + 1 >= SAMPLES_BETWEEN_UPKEEP {
            self.samples.store(0, Ordering::Relaxed);
            self.upkeep();
        }
    }
}

/// An address that is this node itself, or another one's second key, is not watched and gets no series.
fn is_watched(kind: &EventKind) -> bool {
    !matches!(kind, EventKind::PeerIsSelf | EventKind::PeerConflict { .. })
}

/// Nothing here can panic half-way through a change, so a poisoned lock holds sound data.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a failed ping counts as. A ping that is out of time showed the past, not the reason.
fn reason(evidence: Evidence, timed_out: bool, flaw: Option<FlawKind>) -> &'static str {
    match (evidence, flaw) {
        _ if timed_out => catalogue::REASON_TIMEOUT,
        (Evidence::Invalid, Some(flaw)) => flaw.as_str(),
        (evidence, _) => evidence.as_str(),
    }
}

/// The series about this node.
struct NodeSeries {
    peers: Vec<(PeerState, Gauge)>,
    verdicts: Vec<(Verdict, Gauge)>,
    cut_off: Gauge,
    stalled: Gauge,
    maintenance: MaintenanceSeries,
    incoming_peers: Gauge,
    mesh_components: Gauge,
    list_mismatches: Gauge,
    incidents_open: Gauge,
    observer_stall: Gauge,
    pings_received: Counter,
    witness_checks: BTreeMap<Evidence, Counter>,
    /// By class, in the order of `Class::ALL`.
    silence_at_verdict: [Histogram; 3],
    timer_lag: Histogram,
    discovery: DiscoverySeries,
    events: BTreeMap<&'static str, Counter>,
}

impl NodeSeries {
    fn new(recorder: &Recorder) -> NodeSeries {
        let verdicts = Verdict::ALL.into_iter().filter(|verdict| *verdict != Verdict::Restarted);
        let events = NodeEvent::names_of_changes();
        NodeSeries {
            peers: PeerState::ALL
                .map(|state| (state, recorder.gauge(catalogue::PEERS, &[("state", state.as_str())])))
                .into(),
            verdicts: verdicts
                .map(|verdict| (verdict, recorder.gauge(catalogue::PEER_VERDICTS, &[("verdict", verdict.as_str())])))
                .collect(),
            cut_off: recorder.gauge(catalogue::CUT_OFF, &[]),
            stalled: recorder.gauge(catalogue::STALLED, &[]),
            maintenance: MaintenanceSeries::new(recorder, None),
            incoming_peers: recorder.gauge(catalogue::INCOMING_PEERS, &[]),
            mesh_components: recorder.gauge(catalogue::MESH_COMPONENTS, &[]),
            list_mismatches: recorder.gauge(catalogue::PEER_LIST_MISMATCH, &[]),
            incidents_open: recorder.gauge(catalogue::INCIDENTS_OPEN, &[]),
            observer_stall: recorder.gauge(catalogue::OBSERVER_STALL, &[]),
            pings_received: recorder.counter(catalogue::PINGS_RECEIVED, &[]),
            witness_checks: Evidence::ALL
                .map(|seen| (seen, recorder.counter(catalogue::WITNESS_CHECKS, &[("result", seen.as_str())])))
                .into(),
            silence_at_verdict: Class::ALL
                .map(|class| recorder.histogram(catalogue::SILENCE_AT_VERDICT, &[("class", class.as_str())])),
            timer_lag: recorder.histogram(catalogue::TIMER_LAG, &[]),
            discovery: DiscoverySeries::new(recorder),
            events: events.map(|name| (name, recorder.counter(catalogue::EVENTS, &[("event", name)]))).collect(),
        }
    }

    fn event(&self, name: &str) {
        if let Some(counter) = self.events.get(name) {
            counter.increment(1);
        }
    }

    fn witness_check(&self, result: PingResult) {
        let seen = match result {
            PingResult::Success { .. } => Evidence::Answered,
            PingResult::Failure { evidence, .. } => evidence,
        };
        if let Some(counter) = self.witness_checks.get(&seen) {
            counter.increment(1);
        }
    }

    fn set(&self, view: &View, now: SystemTime) {
        self.discovery.set(&view.discovery, now);
        let count = |which: &dyn Fn(&PeerView) -> bool| view.peers.iter().filter(|peer| which(peer)).count() as f64;
        for (state, gauge) in &self.peers {
            gauge.set(count(&|peer| peer.peer.state == *state));
        }
        for (verdict, gauge) in &self.verdicts {
            gauge.set(count(&|peer| peer.verdict == Some(*verdict)));
        }
        self.cut_off.set(flag(view.state == SelfState::CutOff));
        self.stalled.set(flag(view.stalled));
        self.maintenance.set(view.maintenance.as_ref(), None, now);
        self.incoming_peers.set(count(&|peer| peer.pings_me));
        self.mesh_components.set(view.hearsay.components as f64);
        self.list_mismatches.set(view.hearsay.list_mismatches as f64);
        self.observer_stall.set(view.lost.as_secs_f64());
    }
}

/// The series of one peer.
struct PeerSeries {
    /// The state last seen; `None` before the first, so that a first sight is no transition.
    state: Option<PeerState>,
    pings: Counter,
    success: Counter,
    failed: Counter,
    failures: BTreeMap<&'static str, Counter>,
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
    fn new(recorder: &Recorder, peer: &PeerRef, now: SystemTime) -> PeerSeries {
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

    fn enter(&mut self, state: PeerState, now: SystemTime) {
        let Some(before) = self.state.replace(state) else { return };
        if before != state {
            self.state_changed.set(unix_seconds(now));
            if let Some(counter) = self.transitions.get(&state) {
                counter.increment(1);
            }
        }
    }

    fn observe(&mut self, kind: &EventKind, flaw: Option<FlawKind>, now: SystemTime) {
        match kind {
            EventKind::PingEnded { purpose: Purpose::Witness, .. } => {}
            EventKind::PingEnded { purpose, result: PingResult::Success { rtt, .. } } => {
                self.pings.increment(1);
                self.success.increment(1);
                self.last_success.set(unix_seconds(now));
                if *purpose == Purpose::Scheduled {
                    self.duration.record(rtt.as_secs_f64());
                }
            }
            EventKind::PingEnded { result: PingResult::Failure { evidence, timed_out }, .. } => {
                self.pings.increment(1);
                self.failed.increment(1);
                if let Some(counter) = self.failures.get(reason(*evidence, *timed_out, flaw)) {
                    counter.increment(1);
                }
            }
            EventKind::PeerRestarted { .. } => self.restarts.increment(1),
            _ => {}
        }
    }

    fn set(&self, view: &PeerView, now: SystemTime) {
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

fn flag(on: bool) -> f64 {
    f64::from(u8::from(on))
}
