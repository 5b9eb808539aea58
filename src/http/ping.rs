//! `GET /ping`: the heartbeat itself.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;

use super::problem::Problem;
use super::reply::json;
use super::state::Shared;
use crate::api::{AnswerBody, caller_from_headers};

/// Answered by the detector itself, so that an answer proves that it runs.
pub(super) async fn ping(State(state): State<Shared>, headers: HeaderMap) -> Result<Response, Problem> {
    let caller = caller_from_headers(&headers);
    if caller.is_some() {
        state.metrics.ping_received();
    }
    let answer = state.handle.ping(caller).await?;
    Ok(json(&AnswerBody::from(&answer)))
}
