//! `GET /api/v1/incidents`: what happened in the mesh, each incident once.
//!
//! Wall time is this node's and for people; everything else is an age.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::describe::{json, ms};
use super::problem::Problem;
use super::{Shared, wall_time};
use crate::mesh::Member;
use crate::mesh::incident::{IncidentSummary, IncidentVerdict};
use crate::render::incident::story;
use crate::runtime::incident_store::Entry;
use crate::telemetry::timestamp::rfc3339_before;

/// Incidents in a list when nobody said how many.
const LIMIT_DEFAULT: usize = 50;

#[derive(Serialize)]
struct IncidentsBody<'a> {
    /// Who was asked.
    node: &'a str,
    /// How many of its own go on.
    open: usize,
    /// Those that go on first, the newest of each first.
    incidents: Vec<IncidentBody<'a>>,
}

#[derive(Serialize)]
struct IncidentBody<'a> {
    id: u64,
    open: bool,
    verdict: &'static str,
    nodes: Vec<&'a str>,
    /// The groups of a split.
    sides: Vec<Vec<&'a str>>,
    observers: Vec<&'a str>,
    began_at: String,
    began_ms: u64,
    ended_at: Option<String>,
    ended_ms: Option<u64>,
    lasted_ms: u64,
    failures: u32,
    reason: Option<&'static str>,
    /// The peer that told of it; `null`: this node saw it itself.
    from: Option<&'a str>,
    story: String,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    limit: Option<String>,
}

pub(super) async fn list(
    State(state): State<Shared>,
    query: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Problem> {
    let limit = query.map_err(|_| Problem::bad_query("the only parameter is limit, once"))?.0.limit()?;
    let entries = state.chronicle.list();
    let incidents = entries.iter().take(limit).map(IncidentBody::new).collect();
    Ok(json(&IncidentsBody { node: state.config.node.as_str(), open: state.chronicle.open(), incidents }))
}

impl Asked {
    fn limit(&self) -> Result<usize, Problem> {
        match self.limit.as_deref().map(str::parse) {
            None => Ok(LIMIT_DEFAULT),
            Some(Ok(0) | Err(_)) => Err(Problem::bad_query("limit must be a whole number of at least 1")),
            Some(Ok(limit)) => Ok(limit),
        }
    }
}

impl<'a> IncidentBody<'a> {
    fn new(entry: &'a Entry) -> IncidentBody<'a> {
        let told: &IncidentSummary = &entry.told;
        let now = wall_time();
        let is_split = told.verdict == IncidentVerdict::Split;
        IncidentBody {
            id: told.id,
            open: told.is_open(),
            verdict: told.verdict.as_str(),
            nodes: names(&told.nodes),
            sides: told.sides.iter().filter(|_| is_split).map(|side| names(side)).collect(),
            observers: names(&told.observers),
            began_at: rfc3339_before(now, told.began),
            began_ms: ms(told.began),
            ended_at: told.ended.map(|ended| rfc3339_before(now, ended)),
            ended_ms: told.ended.map(ms),
            lasted_ms: ms(told.lasted()),
            failures: told.failures,
            reason: told.reason.map(|reason| reason.as_str()),
            from: entry.from.as_ref().map(Member::as_str),
            story: story(told),
        }
    }
}

fn names(members: &[Member]) -> Vec<&str> {
    members.iter().map(Member::as_str).collect()
}
