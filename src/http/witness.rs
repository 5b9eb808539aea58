//! `GET /api/v1/witness/{node}/{boot}`: another node asks for a ping of a peer of mine.
//!
//! It names the peer by name and boot and never by address, so no caller can
//! make this node send a request anywhere it would not send one anyway.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::response::Response;

use super::asker::Asker;
use super::problem::Problem;
use super::state::Shared;
use crate::api::TestimonyBody;
use crate::detector::peer::{BootId, NodeName};
use crate::mesh_key::tags;

pub(super) async fn testify(
    State(state): State<Shared>,
    path: Result<Path<(String, String)>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let Path((node, boot)) = path.map_err(|_| Problem::bad_path("names and boots are UTF-8"))?;
    let node = NodeName::new(&node).map_err(|error| Problem::bad_path(error.to_string()))?;
    let boot: BootId = boot.parse().map_err(|error| Problem::bad_path(format!("{error}")))?;
    let asker = Asker::of(&state, &request, tags::WITNESS, &[node.as_str(), &boot.to_string()])?;
    // With a key only a member may make this node ping, and only with a request that is no old copy.
    if asker.is_stranger() {
        return Err(Problem::no_opinion());
    }
    if state.requires_key() {
        let caller = asker.caller.clone().ok_or_else(Problem::no_opinion)?;
        state.handle.hello(caller).await?.ok_or_else(Problem::no_opinion)?;
    }
    let own = (asker.is_peer && asker.caller.is_some()).then(|| state.slots.questions.try_acquire().ok()).flatten();
    let slot = own.or_else(|| state.slots.strangers_questions.try_acquire().ok());
    let _slot = slot.ok_or_else(Problem::too_many_questions)?;
    let testimony = state.handle.question(node, boot).await?;
    let body = TestimonyBody::from_testimony(testimony, &state.config.node, state.handle.boot());
    Ok(asker.json(&body.ok_or_else(Problem::no_opinion)?))
}
