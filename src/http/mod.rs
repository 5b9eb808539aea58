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
mod state;
mod stream;
mod why;
mod witness;

use std::sync::Arc;

use axum::Router;
use axum::extract::{MatchedPath, Query};
use axum::http::Uri;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use serde::de::DeserializeOwned;

pub use server::serve;
pub use state::AppState;

use problem::Problem;
use route::Route;
use state::Shared;

use crate::api::words::ProblemCode;

/// A query as each route that takes one reads it: the codes of those that refuse it. For fuzzing.
pub(crate) fn read_queries(uri: &Uri) -> Vec<ProblemCode> {
    fn read<A: DeserializeOwned, T>(uri: &Uri, check: impl Fn(A) -> Result<T, Problem>) -> Option<ProblemCode> {
        let query = Query::<A>::try_from_uri(uri).map_err(|_| Problem::bad_query("each parameter once"));
        query.and_then(|Query(asked)| check(asked)).err().map(|problem| problem.code)
    }
    let refused = [
        read(uri, events::Asked::check),
        read(uri, |asked: history::Asked| asked.since()),
        read(uri, |asked: incidents::Asked| asked.limit()),
        read(uri, |asked: mesh::Asked| asked.strict()),
    ];
    refused.into_iter().flatten().collect()
}

/// Every route of the main port.
pub fn router(state: AppState) -> Router {
    let routes = Router::new()
        .route(Route::Index.path(), get(page::page))
        .route(Route::NodePage.path(), get(page::node))
        .route(Route::WhyPage.path(), get(page::why))
        .route(Route::Picture.path(), get(page::picture))
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
