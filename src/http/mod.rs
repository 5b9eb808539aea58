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
//! reaches the port may read everything, unless the node has a read token
//! ([`readers`]); the one thing that can be changed needs the node's token
//! (`maintenance`).

mod admission;
mod asker;
mod connections;
pub(crate) mod contract;
mod describe;
mod events;
mod guesses;
mod health;
mod history;
mod host;
mod incidents;
mod limit;
mod login;
mod maintenance;
mod mesh;
mod opening;
mod operation;
mod operations;
pub(crate) mod page;
mod peer_streams;
mod peers;
mod ping;
mod plain_answers;
mod plain_pings;
mod plain_streams;
pub(crate) mod problem;
mod readers;
mod remote;
mod reply;
mod rides;
pub(crate) mod route;
mod scrape;
mod scrapes;
pub(crate) mod server;
mod serving;
mod signed_news;
mod socket;
mod state;
mod strangers;
mod stream;
mod trouble;
mod why;
mod witness;

use std::sync::Arc;

use axum::Router;
use axum::extract::{MatchedPath, Query};
use axum::http::Uri;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, get};
use serde::de::DeserializeOwned;

pub use readers::Readers;
pub use server::{Gate, serve};
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
        .and(Route::Index, get(page::page))
        .and(Route::NodePage, get(page::node))
        .and(Route::WhyPage, get(page::why))
        .and(Route::Picture, get(page::picture))
        .and(Route::Style, get(page::style))
        .and(Route::Script, get(page::script))
        .and(Route::Login, get(login::form).post(login::enter))
        .and_slash(Route::Ping, get(ping::ping))
        .and_slash(Route::Healthz, get(health::healthz))
        .and_slash(Route::Livez, get(health::livez))
        .and_slash(Route::Readyz, get(health::readyz))
        .and_slash(Route::Metrics, get(scrape::metrics))
        .and(Route::Peers, get(peers::list))
        .and(Route::Peer, get(peers::one))
        .and(Route::Why, get(why::why))
        .and(Route::Events, get(events::events))
        .and(Route::Row, get(mesh::row))
        .and(Route::Matrix, get(mesh::matrix))
        .and(Route::Cluster, get(mesh::cluster))
        .and(Route::MatrixText, get(mesh::text))
        .and(Route::Incidents, get(incidents::list))
        .and(Route::History, get(history::history))
        .and(Route::Witness, get(witness::testify))
        .and(Route::Node, get(describe::node))
        .and(Route::Config, get(describe::config))
        .and(Route::Maintenance, get(maintenance::show).post(maintenance::begin).delete(maintenance::end))
        .and(Route::OpenApi, get(describe::openapi));
    finish(routes, state)
}

/// The metrics port: the metrics, and whether this process lives. A probe there is answered while strangers take all
/// connections of the main port. It asks for no token: that is what the port is for.
pub fn metrics_router(state: AppState) -> Router {
    let state = AppState { readers: None, ..state };
    let routes = Router::new()
        .and_slash(Route::Metrics, get(scrape::metrics))
        .and_slash(Route::Healthz, get(health::healthz))
        .and_slash(Route::Livez, get(health::livez))
        .and_slash(Route::Readyz, get(health::readyz));
    finish(routes, state)
}

/// Routes by their names.
trait Routes {
    /// A route.
    fn and(self, route: Route, methods: MethodRouter<Shared>) -> Self;

    /// A route that a probe or a scraper asks: with a slash at its end as without one, because some add one.
    fn and_slash(self, route: Route, methods: MethodRouter<Shared>) -> Self;
}

impl Routes for Router<Shared> {
    fn and(self, route: Route, methods: MethodRouter<Shared>) -> Self {
        self.route(route.path(), methods)
    }

    fn and_slash(self, route: Route, methods: MethodRouter<Shared>) -> Self {
        self.route(route.path(), methods.clone()).route(&format!("{}/", route.path()), methods)
    }
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
