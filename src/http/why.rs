//! `GET /api/v1/why/{peer}`: the evidence behind what this node believes of one peer.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;

use super::peers::known_keys;
use super::problem::Problem;
use super::reply::json;
use super::state::{AppState, Shared, wall_time};
use crate::api::WhyBody;

/// The evidence about one peer, by its key or the name it declares.
pub(super) async fn why(
    State(state): State<Shared>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    let Path(peer) = path.map_err(|_| Problem::bad_path("a key is UTF-8"))?;
    let Some(why) = state.handle.why(peer.as_str().into()).await? else {
        return Err(unknown(&state, &peer).await?);
    };
    Ok(json(&WhyBody::new(&why, wall_time())))
}

/// Why there is nothing to say.
async fn unknown(state: &AppState, peer: &str) -> Result<Problem, Problem> {
    let view = state.handle.view().await?;
    let known = known_keys(&view.peers);
    Ok(Problem::no_such_peer(if peer == view.node.as_str() {
        format!("{peer} is this node itself, which only others can judge; {known}")
    } else {
        known
    }))
}
