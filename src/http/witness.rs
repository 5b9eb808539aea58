//! `GET /api/v1/witness/{node}/{boot}`: another node asks for a ping of a peer of mine.
//!
//! It names the peer by name and boot and never by address, so no caller can
//! make this node send a request anywhere it would not send one anyway.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::response::Response;

use super::problem::Problem;
use super::remote::Remote;
use super::reply::json;
use super::state::Shared;
use crate::api::{TestimonyBody, caller_from_headers};
use crate::detector::peer::{BootId, NodeName};

pub(super) async fn testify(
    State(state): State<Shared>,
    path: Result<Path<(String, String)>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let Path((node, boot)) = path.map_err(|_| Problem::bad_path("names and boots are UTF-8"))?;
    let node = NodeName::new(&node).map_err(|error| Problem::bad_path(error.to_string()))?;
    let boot: BootId = boot.parse().map_err(|error| Problem::bad_path(format!("{error}")))?;
    let is_peer = Remote::is_peer(&request) && caller_from_headers(request.headers()).is_some();
    let own = is_peer.then(|| state.slots.questions.try_acquire().ok()).flatten();
    let slot = own.or_else(|| state.slots.strangers_questions.try_acquire().ok());
    let _slot = slot.ok_or_else(Problem::too_many_questions)?;
    let testimony = state.handle.question(node, boot).await?;
    let body = TestimonyBody::from_testimony(testimony).ok_or_else(Problem::no_opinion)?;
    Ok(json(&body))
}
