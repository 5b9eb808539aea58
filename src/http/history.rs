//! `GET /api/v1/history`: what this node saw itself, for its peers.
//!
//! Ages and names only. What is debug is not worth another node's memory.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;

use super::Shared;
use super::describe::json;
use super::problem::Problem;
use crate::telemetry::events::Filter;
use crate::wire::{EVENTS, HistoryBody, INCIDENTS, PastIncidentBody};

#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    since: Option<String>,
}

pub(super) async fn history(
    State(state): State<Shared>,
    query: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(asked) = query.map_err(|_| Problem::bad_query("the only parameter is since, once"))?;
    let since = match asked.since.as_deref().map(str::parse) {
        None => 0,
        Some(Ok(since)) => since,
        Some(Err(_)) => return Err(Problem::bad_query("since must be a whole number")),
    };
    let view = state.handle.view().await?;
    let page = state.events.list(&Filter { since: Some(since), ..Filter::default() }, EVENTS);
    let now = state.clock.now();
    let events = page.entries.iter().filter_map(|entry| entry.for_peers(now - entry.moment));
    let seen = state.chronicle.seen();
    let newest = &seen[seen.len().saturating_sub(INCIDENTS)..];
    Ok(json(&HistoryBody {
        node: view.node.to_string(),
        boot: view.boot.to_string(),
        next: page.next,
        events: events.filter(|event| event.level != "debug").collect(),
        incidents: newest.iter().map(PastIncidentBody::from).collect(),
    }))
}
