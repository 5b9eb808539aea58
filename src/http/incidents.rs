//! `GET /api/v1/incidents`: what happened in the mesh, each incident once.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;

use super::problem::Problem;
use super::reply::json;
use super::state::{Shared, wall_time};
use crate::api::text::Text;
use crate::api::{IncidentBody, IncidentsBody};

/// Incidents in a list where the caller does not say how many.
const LIMIT_DEFAULT: usize = 50;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    limit: Option<String>,
}

pub(super) async fn list(
    State(state): State<Shared>,
    query: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Problem> {
    let limit = query.map_err(|_| Problem::bad_query("the only parameter is limit, once"))?.0.limit()?;
    let now = wall_time();
    let entries = state.incidents.list();
    Ok(json(&IncidentsBody {
        node: Text::from(&state.config.node),
        open: state.incidents.open() as u64,
        incidents: entries
            .iter()
            .take(limit)
            .map(|entry| IncidentBody::new(&entry.told, entry.from.as_ref(), now))
            .collect(),
    }))
}

impl Asked {
    pub(super) fn limit(&self) -> Result<usize, Problem> {
        match self.limit.as_deref().map(str::parse) {
            None => Ok(LIMIT_DEFAULT),
            Some(Ok(0) | Err(_)) => Err(Problem::bad_query("limit must be a whole number of at least 1")),
            Some(Ok(limit)) => Ok(limit),
        }
    }
}
