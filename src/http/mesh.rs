//! The mesh as a whole: `/api/v1/matrix`, `/api/v1/cluster`, `/matrix.txt`, and
//! `/api/v1/row`, this node's own line of it for its peers.
//!
//! The matrix is what every node says of its links; the cluster is what all of
//! them together say of each node. Both come from one gathering, which readers
//! share, and both carry its age. All times are ages in milliseconds.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::asker::Asker;
use super::problem::Problem;
use super::reply::{json, text as plain};
use super::state::Shared;
use crate::api::{ClusterBody, MatrixBody, RowBody};
use crate::mesh::{Member, MeshKeyId};
use crate::mesh_key::guard::Guard;
use crate::mesh_key::tags;
use crate::render::matrix;

/// This node's own row.
pub(super) async fn row(State(state): State<Shared>, request: Request) -> Result<Response, Problem> {
    let asker = Asker::of(&state, &request, tags::ROW, &[])?;
    let keys = state.guard.iter().flat_map(Guard::ids).map(MeshKeyId).collect();
    Ok(asker.json(&RowBody::from(&state.handle.view().await?).with_keys(keys)))
}

pub(super) async fn matrix(State(state): State<Shared>) -> Result<Response, Problem> {
    let (gathered, age) = state.mesh.view().await?;
    let _turn = state.slots.large_answer().await;
    Ok(json(&MatrixBody::new(&gathered.node, &gathered.view, &gathered.summary, age)))
}

pub(super) async fn text(State(state): State<Shared>) -> Result<Response, Problem> {
    let (gathered, _) = state.mesh.view().await?;
    let _turn = state.slots.large_answer().await;
    let body = matrix::text(&gathered.view, &gathered.summary, &Member::from(&gathered.node));
    Ok(plain("text/plain; charset=utf-8", body))
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    strict: Option<String>,
}

/// With `?strict=1` the status says what the sentence does: 200 only when the mesh is whole, else 503 with the same body.
pub(super) async fn cluster(
    State(state): State<Shared>,
    query: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Problem> {
    let strict = query.map_err(|_| Problem::bad_query("the only parameter is strict, once"))?.0.strict()?;
    let (gathered, age) = state.mesh.view().await?;
    let _turn = state.slots.large_answer().await;
    let mut response = json(&ClusterBody::new(
        &gathered.node,
        &gathered.view,
        &gathered.summary,
        age,
        (gathered.asked, gathered.answered),
    ));
    if strict && !gathered.view.whole {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    Ok(response)
}

impl Asked {
    pub(super) fn strict(&self) -> Result<bool, Problem> {
        match self.strict.as_deref() {
            None | Some("0" | "false") => Ok(false),
            Some("1" | "true") => Ok(true),
            Some(_) => Err(Problem::bad_query("strict must be 1 or 0")),
        }
    }
}
