//! `GET /api/v1/history`: what this node saw itself, for its peers.
//!
//! Ages and names only. What is debug is not worth another node's memory.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use axum::response::Response;
use serde::Deserialize;

use super::asker::Asker;
use super::problem::Problem;
use super::state::Shared;
use crate::api::text::Text;
use crate::api::{EVENTS, HistoryBody, INCIDENTS, PastIncidentBody};
use crate::detector::level::Level;
use crate::mesh_key::tags;
use crate::telemetry::events::Filter;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    since: Option<String>,
}

pub(super) async fn history(
    State(state): State<Shared>,
    query: Result<Query<Asked>, QueryRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let Query(asked) = query.map_err(|_| Problem::bad_query("the only parameter is since, once"))?;
    // As it was written: the parameter is what the tag covers.
    let asker = Asker::of(&state, &request, tags::HISTORY, &asked.since.as_deref().into_iter().collect::<Vec<_>>())?;
    let since = asked.since()?;
    let view = state.handle.view().await?;
    let page = state.events.list(&Filter { since: Some(since), ..Filter::default() }, EVENTS);
    let now = state.clock.now();
    let told = page.entries.iter().filter(|entry| entry.event.level() != Level::Debug);
    let seen = state.incidents.seen();
    let newest = &seen[seen.len().saturating_sub(INCIDENTS)..];
    Ok(asker.json(&HistoryBody {
        node: Text::from(&view.node),
        boot: view.boot.into(),
        next: page.next,
        events: told.map(|entry| entry.for_peers(now - entry.event.at())).collect(),
        incidents: newest.iter().map(PastIncidentBody::from).collect(),
    }))
}

impl Asked {
    pub(super) fn since(&self) -> Result<u64, Problem> {
        match self.since.as_deref().map(str::parse) {
            None => Ok(0),
            Some(Ok(since)) => Ok(since),
            Some(Err(_)) => Err(Problem::bad_query("since must be a whole number")),
        }
    }
}
