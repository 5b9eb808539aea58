//! `GET /api/v1/why/{peer}`: the evidence behind what this node believes of one peer.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;

use super::peers::unknown;
use super::problem::Problem;
use super::reply::json;
use super::state::{Shared, wall_time};
use crate::api::WhyBody;

/// The evidence about one peer, by its key or the name it declares.
pub(super) async fn why(
    State(state): State<Shared>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    let Path(peer) = path.map_err(|_| Problem::bad_path("a key is UTF-8"))?;
    match state.handle.why(peer.as_str().into()).await? {
        Some(why) => Ok(json(&WhyBody::new(&why, wall_time()))),
        None => Err(unknown(&state.handle.view().await?, &peer)),
    }
}
