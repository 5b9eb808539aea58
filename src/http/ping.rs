//! `GET /ping`: the heartbeat itself.

use axum::extract::{Request, State};
use axum::response::Response;

use super::asker::Asker;
use super::problem::Problem;
use super::remote::Remote;
use super::state::Shared;
use crate::api::AnswerBody;
use crate::mesh_key::tags;

/// Answered by the detector itself, so that an answer proves that it runs.
pub(super) async fn ping(State(state): State<Shared>, request: Request) -> Result<Response, Problem> {
    let asker = Asker::of(&state, &request, tags::PING, &[]);
    let from = Remote::of(&request).map(|remote| remote.address);
    if asker.caller.is_some() {
        state.metrics.ping_received();
    }
    let answer = state.handle.ping(asker.caller.clone(), from).await?;
    Ok(asker.json(&AnswerBody::from(&answer)))
}
