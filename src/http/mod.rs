//! The node's HTTP side: what others may ask, and what they may use up doing so.
//!
//! The router is a function of [`AppState`], so tests drive it without a
//! socket; [`server::serve`] puts it behind one with limits that axum's own
//! server does not have. Handlers ask the detector through its handle and turn
//! the answer into JSON; none of them decides anything.
//!
//! Health is about this process only. A node that called itself unhealthy
//! because its peers are down would be restarted for their faults, and the
//! restart of every observer is the last thing an outage needs.
//!
//! Every error is a problem object ([`problem`]) with a stable code. Anyone who
//! reaches the port may read everything; the one thing that can be changed needs
//! the node's token (`maintenance`).

pub(crate) mod contract;
mod describe;
mod events;
mod health;
mod history;
mod incidents;
mod limit;
mod maintenance;
mod mesh;
mod operation;
pub(crate) mod page;
mod peers;
mod ping;
pub(crate) mod problem;
mod reply;
pub(crate) mod route;
pub(crate) mod server;
mod stream;
mod why;
mod witness;

use std::sync::Arc;
use std::time::SystemTime;

use axum::Router;
use axum::extract::MatchedPath;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use tokio::sync::Semaphore;

pub use server::serve;

use crate::config::Config;
use crate::mesh_service::collector::Mesh;
use crate::mesh_service::incident_store::IncidentStore;
use crate::runtime::clock::Clock;
use crate::runtime::handle::Handle;
use crate::telemetry::{EventLog, Metrics};
use problem::Problem;
use route::Route;

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
    pub page: Arc<page::Written>,
}

/// How the routes hold it: axum clones it several times for each request.
type Shared = Arc<AppState>;

/// Bounded things that callers hold while they are served.
pub struct Slots {
    /// Streams of browsers and curls.
    streams: Arc<Semaphore>,
    /// Streams of peers, so that browsers cannot crowd them out.
    peer_streams: Arc<Semaphore>,
    /// Questions to this node as a witness that are not answered yet.
    questions: Arc<Semaphore>,
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
fn wall_time() -> SystemTime {
    SystemTime::now()
}

/// Every route of the main port.
pub fn router(state: AppState) -> Router {
    let routes = Router::new()
        .route(Route::Index.path(), get(page::page))
        .route(Route::Style.path(), get(page::style))
        .route(Route::Script.path(), get(page::script))
        .route(Route::Ping.path(), get(ping::ping))
        .route(Route::Healthz.path(), get(health::healthz))
        .route(Route::Livez.path(), get(health::livez))
        .route(Route::Readyz.path(), get(health::readyz))
        .route(Route::Metrics.path(), get(describe::metrics))
        .route(Route::Peers.path(), get(peers::list))
        .route(Route::Peer.path(), get(peers::one))
        .route(Route::Why.path(), get(why::why))
        .route(Route::Events.path(), get(events::events))
        .route(Route::Row.path(), get(mesh::row))
        .route(Route::Matrix.path(), get(mesh::matrix))
        .route(Route::Cluster.path(), get(mesh::cluster))
        .route(Route::MatrixText.path(), get(mesh::text))
        .route(Route::Incidents.path(), get(incidents::list))
        .route(Route::History.path(), get(history::history))
        .route(Route::Witness.path(), get(witness::testify))
        .route(Route::Node.path(), get(describe::node))
        .route(Route::Config.path(), get(describe::config))
        .route(Route::Maintenance.path(), get(maintenance::show).post(maintenance::begin).delete(maintenance::end))
        .route(Route::OpenApi.path(), get(describe::openapi));
    finish(routes, state)
}

/// The metrics port: the metrics and nothing else.
pub fn metrics_router(state: AppState) -> Router {
    finish(Router::new().route(Route::Metrics.path(), get(describe::metrics)), state)
}

/// What holds for every route: counted, limited in time, no unwanted bodies, errors as problem objects.
fn finish(routes: Router<Shared>, state: AppState) -> Router {
    let state = Arc::new(state);
    routes
        .fallback(|| async { Problem::no_such_path() })
        .method_not_allowed_fallback(|path: MatchedPath| async move {
            Problem::method_not_allowed(Route::of_path(Some(path.as_str())))
        })
        .layer(from_fn_with_state(state.clone(), limit::guard))
        .with_state(state)
}
