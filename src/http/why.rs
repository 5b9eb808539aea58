//! `GET /api/v1/why/{peer}`: the evidence behind what this node believes of one peer.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::response::Response;

use super::asker::Asker;
use super::peers::unknown;
use super::problem::Problem;
use super::state::{Shared, wall_time};
use crate::api::WhyBody;
use crate::mesh_key::tags;

/// The evidence about one peer, by its key or the name it declares.
pub(super) async fn why(
    State(state): State<Shared>,
    path: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let Path(peer) = path.map_err(|_| Problem::bad_path("a key is UTF-8"))?;
    let asker = Asker::of(&state, &request, tags::WHY, &[&peer])?;
    match state.handle.why(peer.as_str().into()).await? {
        Some(why) => Ok(asker.json(&WhyBody::new(&why, wall_time()))),
        None => Err(unknown(&state.handle.view().await?, &peer)),
    }
}
