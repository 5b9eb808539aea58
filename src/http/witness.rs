//! `GET /api/v1/witness/{node}/{boot}`: another node asks for a ping of a peer of mine.
//!
//! It names the peer by name and boot and never by address, so no caller can
//! make this node send a request anywhere it would not send one anyway.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;

use super::problem::Problem;
use super::reply::json;
use super::state::Shared;
use crate::api::TestimonyBody;
use crate::detector::peer::{BootId, NodeName};

pub(super) async fn testify(
    State(state): State<Shared>,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<Response, Problem> {
    let Path((node, boot)) = path.map_err(|_| Problem::bad_path("names and boots are UTF-8"))?;
    let node = NodeName::new(&node).map_err(|error| Problem::bad_path(error.to_string()))?;
    let boot: BootId = boot.parse().map_err(|error| Problem::bad_path(format!("{error}")))?;
    let _slot = state.slots.questions.try_acquire().map_err(|_| Problem::too_many_questions())?;
    let testimony = state.handle.question(node, boot).await?;
    let body = TestimonyBody::from_testimony(testimony).ok_or_else(Problem::no_opinion)?;
    Ok(json(&body))
}
