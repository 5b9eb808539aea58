//! `GET /ping`: the heartbeat itself.

use axum::extract::{Request, State};
use axum::response::Response;

use super::problem::Problem;
use super::remote::Remote;
use super::reply::json;
use super::state::Shared;
use crate::api::{AnswerBody, caller_from_headers};

/// Answered by the detector itself, so that an answer proves that it runs.
pub(super) async fn ping(State(state): State<Shared>, request: Request) -> Result<Response, Problem> {
    let caller = caller_from_headers(request.headers());
    let from = Remote::of(&request).map(|remote| remote.address);
    if caller.is_some() {
        state.metrics.ping_received();
    }
    let answer = state.handle.ping(caller, from).await?;
    Ok(json(&AnswerBody::from(&answer)))
}
