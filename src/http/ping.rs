//! `GET /ping`: the heartbeat itself.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method};
use axum::response::{IntoResponse, Response};
use hyper::body::Body;

use super::admission;
use super::asker::Asker;
use super::limit;
use super::problem::Problem;
use super::remote::Remote;
use super::route::Route;
use super::state::{AppState, Shared};
use crate::api::AnswerBody;
use crate::mesh_key::tags::{self, Operation};

/// The route, for what is not answered ahead of it.
pub(super) async fn ping(State(state): State<Shared>, request: Request) -> Result<Response, Problem> {
    answer(&state, request.headers(), Remote::of(&request)).await
}

/// Whether a request is a ping as nodes send it. The router answers what it has to refuse, and what is written unusually.
pub(super) fn is_plain(request: &hyper::Request<impl Body>) -> bool {
    request.method() == Method::GET && request.uri().path() == Route::Ping.path() && request.body().is_end_stream()
}

/// What the router answers to a plain ping, without it: the way through router and layers costs more than the answer
/// (docs/benchmarks.md). It is counted and ends in time as every request; its `Host` is not asked for.
pub(super) async fn ahead(state: &AppState, headers: &HeaderMap, from: Remote) -> Response {
    let begun = state.clock.now();
    let answer = async { answer(state, headers, Some(from)).await.into_response() };
    let response = limit::in_time(state, answer).await;
    limit::account(state, Route::Ping, begun, response)
}

/// Answered by the detector itself, so that an answer proves that it runs.
pub(super) async fn answer(state: &AppState, headers: &HeaderMap, from: Option<Remote>) -> Result<Response, Problem> {
    // Here and not in a layer, which is not asked where a ping is answered ahead of it.
    let is_reader = admission::is_reader(state, headers, from).await?;
    let asker = Asker::at(state, headers, from, Operation { op: tags::PING, args: &[] }, is_reader);
    if asker.caller.is_some() {
        state.metrics.ping_received();
    }
    let answer = state.handle.ping(asker.caller.clone(), from.map(|from| from.address)).await?;
    if let Some(caller) = &asker.caller {
        state.rides.answered(caller.boot, state.clock.now());
    }
    let body = AnswerBody::from(&answer);
    Ok(asker.json(&if asker.may_read() { body } else { body.for_strangers() }))
}
