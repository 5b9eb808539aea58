//! The numbers: counters and histograms move when something happens, gauges
//! are set from the detector's view when they are read.
//!
//! What is about this node is kept by the exporter, through handles. What is about a peer is plain numbers here
//! (`peer.rs`): the exporter has no way to delete a series, and for a thousand peers its copies cost more than the rest
//! of a node.
//!
//! A scrape has two steps. [`Metrics::prepare`] belongs to the runtime thread: it sets gauges and copies the numbers of
//! peers, so that no scrape sees `pings`, `success` and `failed` disagree. [`Metrics::write`] makes the text, and may run
//! on any other thread. One scrape at a time.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use metrics::{Counter, Gauge, Histogram};
use metrics_exporter_prometheus::BuildError;

use super::catalogue::{self, CATALOGUE, Metric, Presence};
use super::discovery::DiscoverySeries;
use super::http::HttpSeries;
use super::maintenance::MaintenanceSeries;
use super::peer::{self, PeerRow, PeerSeries, flag};
use super::process;
use super::recorder::Recorder;
use super::server::ServerSeries;
use crate::detector::event::{EventKind, PeerRef, PingResult, Purpose};
use crate::detector::evidence::{Class, Evidence};
use crate::detector::peer::{PeerId, PeerState, SelfState, Verdict};
use crate::detector::view::{PeerView, View};
use crate::mesh::event::NodeEvent;

/// Samples between two rounds of upkeep. The exporter keeps each sample (8
/// bytes) until then; counting them bounds its memory without a timer that
/// would wake an idle node.
const SAMPLES_BETWEEN_UPKEEP: u32 = 4096;

/// Removed peers whose counts are kept, should they come back: as many as are ever watched at once.
const REMOVED_KEPT: usize = 1024;

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
    peers: Mutex<Peers>,
    server: ServerSeries,
    http: Mutex<HttpSeries>,
}

/// What was counted of peers.
struct Peers {
    watched: BTreeMap<PeerId, PeerSeries>,
    /// Longest ago first.
    removed: VecDeque<PeerSeries>,
    /// Bounds of the histogram of round trips.
    bounds: Arc<[f64]>,
}

/// The peers that a scrape shows, sorted by label.
pub struct Shown(Vec<PeerRow>);

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
        let recorder = Recorder::new()?;
        for metric in CATALOGUE.iter().filter(|metric| !metric.per_peer && metric.presence == Presence::Always) {
            recorder.start_at_zero(metric);
        }
        recorder.gauge(catalogue::BUILD_INFO, &[("version", VERSION), ("revision", REVISION)]).set(1.0);
        let (node, server) = (NodeSeries::new(&recorder), ServerSeries::new(&recorder));
        Ok(Metrics {
            recorder,
            samples: AtomicU32::new(0),
            node,
            peers: Mutex::new(Peers::new(ping_timeout)),
            server,
            http: Mutex::default(),
        })
    }

    /// Counts an event. `now` is wall time.
    pub(super) fn observe(&self, event: &NodeEvent, now: SystemTime) {
        let NodeEvent::Detector(event) = event else {
            self.node.event(event.name());
            return;
        };
        if let Some(peer) = &event.peer {
            if matches!(event.kind, EventKind::PeerRemoved { .. }) {
                lock(&self.peers).remove(peer.id);
            } else if is_watched(&event.kind) {
                let flaw = peer.flaw.as_ref().map(|flaw| flaw.kind);
                lock(&self.peers).of(peer, now).observe(&event.kind, flaw, now);
            }
        }
        match &event.kind {
            EventKind::PingEnded { purpose: Purpose::Witness, result } => self.node.witness_check(*result),
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

    /// Why a connection was refused or closed, or could not be accepted.
    pub fn server(&self) -> &ServerSeries {
        &self.server
    }

    /// All metrics as Prometheus reads them: gauges from `view`, no series of a peer that is not in it.
    pub fn render(&self, view: &View) -> String {
        let shown = self.prepare(view);
        self.write(&shown)
    }

    /// The part of a scrape that has to run on the detector's thread: 0.3 ms for a thousand peers (`just bench -- scrape`).
    pub fn prepare(&self, view: &View) -> Shown {
        let now = SystemTime::now();
        self.node.set(view, now);
        let mut peers = lock(&self.peers);
        // Whatever events said, the view decides.
        let ids: BTreeSet<PeerId> = view.peers.iter().map(|peer| peer.peer.id).collect();
        let gone: Vec<PeerId> = peers.watched.keys().filter(|id| !ids.contains(id)).copied().collect();
        gone.into_iter().for_each(|id| peers.remove(id));
        let row = |peer: &PeerView| PeerRow::new(peers.of(&peer.peer, now).clone(), peer, now);
        let mut rows: Vec<PeerRow> = view.peers.iter().map(row).collect();
        rows.sort_by(|a, b| a.label.cmp(&b.label));
        Shown(rows)
    }

    /// The text of a scrape that was prepared.
    pub fn write(&self, shown: &Shown) -> String {
        for (name, value) in process::read() {
            self.recorder.gauge(name, &[]).set(value);
        }
        self.recorder.render(|metric, out| peer::write(metric, &shown.0, out))
    }

    fn sampled(&self) {
        if self.samples.fetch_add(1, Ordering::Relaxed) + 1 >= SAMPLES_BETWEEN_UPKEEP {
            self.samples.store(0, Ordering::Relaxed);
            self.upkeep();
        }
    }
}

impl Peers {
    fn new(ping_timeout: Duration) -> Peers {
        let bounds = catalogue::find(catalogue::PING_DURATION).map(|metric| bounds(metric, ping_timeout));
        Peers { watched: BTreeMap::new(), removed: VecDeque::new(), bounds: bounds.unwrap_or_default().into() }
    }

    /// The series of a peer, which is new if it was not seen before, and in the state that it has now.
    fn of(&mut self, peer: &PeerRef, now: SystemTime) -> &mut PeerSeries {
        let Peers { watched, removed, bounds } = self;
        let series = watched.entry(peer.id).or_insert_with(|| {
            let before = removed.iter().position(|series| series.key == peer.key.0);
            let before = before.and_then(|position| removed.remove(position));
            before.map_or_else(|| PeerSeries::new(peer, bounds, now), |series| series.back(now))
        });
        series.enter(peer.state, now);
        series
    }

    fn remove(&mut self, id: PeerId) {
        let Some(series) = self.watched.remove(&id) else { return };
        if self.removed.len() == REMOVED_KEPT {
            self.removed.pop_front();
        }
        self.removed.push_back(series);
    }
}

/// The buckets of the round trips. The ping timeout is a bound: what lies above it was no success.
fn bounds(metric: &Metric, ping_timeout: Duration) -> Vec<f64> {
    let mut bounds = metric.buckets.to_vec();
    bounds.push(ping_timeout.as_secs_f64());
    bounds.sort_by(f64::total_cmp);
    bounds.dedup();
    bounds
}

/// An address that is this node itself, or another one's second key, is not watched and gets no series.
fn is_watched(kind: &EventKind) -> bool {
    !matches!(kind, EventKind::PeerIsSelf | EventKind::PeerConflict { .. })
}

/// Nothing here can panic half-way through a change, so a poisoned lock holds sound data.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The series about this node.
struct NodeSeries {
    peers: Vec<(PeerState, Gauge)>,
    verdicts: Vec<(Verdict, Gauge)>,
    cut_off: Gauge,
    slow: Gauge,
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
    silence_at_verdict: [Histogram; Class::ALL.len()],
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
            slow: recorder.gauge(catalogue::SLOW, &[]),
            stalled: recorder.gauge(catalogue::STALLED, &[]),
            maintenance: MaintenanceSeries::new(recorder),
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
        self.slow.set(flag(view.state == SelfState::Slow));
        self.stalled.set(flag(view.stalled));
        self.maintenance.set(view.maintenance.as_ref(), now);
        self.incoming_peers.set(count(&|peer| peer.pings_me));
        self.mesh_components.set(view.hearsay.components as f64);
        self.list_mismatches.set(view.hearsay.list_mismatches as f64);
        self.observer_stall.set(view.lost.as_secs_f64());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_timeout_is_a_bound_once() {
        let round_trips = catalogue::find(catalogue::PING_DURATION).unwrap();
        let with = |ms| bounds(round_trips, Duration::from_millis(ms));
        assert!(with(2000).contains(&2.0) && with(2000).is_sorted());
        assert_eq!(with(2000).len(), round_trips.buckets.len() + 1);
        assert_eq!(with(2500).len(), round_trips.buckets.len());
    }
}
