//! What every handler is given: the node, what it has gathered, and what callers may take of it.

use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::Semaphore;

use super::page::written::Written;
use crate::config::Config;
use crate::mesh_service::collector::Mesh;
use crate::mesh_service::incident_store::IncidentStore;
use crate::runtime::clock::Clock;
use crate::runtime::handle::Handle;
use crate::telemetry::{EventLog, Metrics};

/// What the routes work with. Clones are cheap and equal.
#[derive(Clone)]
pub struct AppState {
    pub handle: Handle,
    /// The mesh as a whole.
    pub mesh: Mesh,
    /// What happened in it.
    pub incidents: Arc<IncidentStore>,
    pub events: Arc<EventLog>,
    pub metrics: Arc<Metrics>,
    pub config: Arc<Config>,
    /// Where the metrics are served a second time, once that is known.
    pub metrics_port: Option<u16>,
    /// When the process started, in wall time.
    pub started: SystemTime,
    /// The clock that events are stamped with. Measures how long requests take, too.
    pub clock: Clock,
    /// What is handed out among callers.
    pub slots: Arc<Slots>,
    /// Shared by all readers of the page.
    pub page: Arc<Written>,
}

/// How the routes hold it: axum clones it several times for each request.
pub(super) type Shared = Arc<AppState>;

/// Bounded things that callers hold while they are served.
pub struct Slots {
    /// Streams of browsers and curls.
    pub(super) streams: Arc<Semaphore>,
    /// Streams of peers, so that browsers cannot crowd them out.
    pub(super) peer_streams: Arc<Semaphore>,
    /// Questions to this node as a witness that are not answered yet.
    pub(super) questions: Arc<Semaphore>,
}

/// Questions outstanding at once. Three witnesses are asked about a peer, by
/// each node that suspects it, and each question is open for one ping: 32 is
/// enough for the largest mesh in which every node watches every other.
const QUESTIONS: usize = 32;
/// Streams of peers beyond two for each peer of the list (one that ends while
/// its successor begins): for nodes that watch this one and are not on its list.
const SPARE_PEER_STREAMS: usize = 64;

impl AppState {
    pub fn new(
        handle: Handle,
        mesh: Mesh,
        incidents: Arc<IncidentStore>,
        events: Arc<EventLog>,
        metrics: Arc<Metrics>,
        config: Arc<Config>,
        clock: Clock,
    ) -> AppState {
        let slots = Slots {
            streams: Arc::new(Semaphore::new(config.limits.streams)),
            peer_streams: Arc::new(Semaphore::new(2 * config.peers_at_most() + SPARE_PEER_STREAMS)),
            questions: Arc::new(Semaphore::new(QUESTIONS)),
        };
        AppState {
            handle,
            mesh,
            incidents,
            events,
            metrics,
            config,
            metrics_port: None,
            started: wall_time(),
            clock,
            slots: Arc::new(slots),
            page: Arc::default(),
        }
    }
}

/// Wall time, for what is shown to people. Nothing is decided by it.
pub(super) fn wall_time() -> SystemTime {
    SystemTime::now()
}
