//! The mesh as a whole: `/api/v1/matrix`, `/api/v1/cluster`, `/matrix.txt`, and
//! `/api/v1/row`, this node's own line of it for its peers.
//!
//! The matrix is what every node says of its links; the cluster is what all of
//! them together say of each node. Both come from one gathering, which readers
//! share, and both carry its age. All times are ages in milliseconds.

use std::time::Duration;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::Shared;
use super::describe::{json, ms, text as plain};
use super::peers::fine_ms;
use super::problem::Problem;
use crate::mesh::{Cell, Member, MeshView, Mismatch, NodeStatus, Row};
use crate::render::matrix;
use crate::runtime::gather::Gathered;
use crate::wire::RowBody;

#[derive(Serialize)]
struct MatrixBody<'a> {
    /// Who was asked.
    node: &'a str,
    /// How long ago this was gathered: readers share it for a moment.
    age_ms: u64,
    sentence: &'a str,
    whole: bool,
    /// All members, in the order of the rows.
    members: Vec<&'a str>,
    rows: Vec<MatrixRow<'a>>,
}

#[derive(Serialize)]
struct MatrixRow<'a> {
    observer: &'a str,
    /// `now`, `before` (its last row is shown) or `never`.
    heard: &'static str,
    as_of_ms: Option<u64>,
    /// What it says about itself.
    state: Option<&'static str>,
    stalled: bool,
    cells: Vec<MatrixCell<'a>>,
}

#[derive(Serialize)]
struct MatrixCell<'a> {
    peer: &'a str,
    /// What the cell means: `unknown` in every row that is not of now, whatever its state.
    reading: &'static str,
    state: &'static str,
    verdict: Option<&'static str>,
    class: Option<&'static str>,
    state_age_ms: u64,
    last_proof_ms: Option<u64>,
    last_answer_ms: Option<u64>,
    rtt_ms: Option<f64>,
    rtt_p99_ms: Option<f64>,
    loss: Option<f64>,
    restarts: u64,
    expected: bool,
    degraded: bool,
    flapping: bool,
    maintenance: bool,
    pings_me: bool,
}

#[derive(Serialize)]
struct ClusterBody<'a> {
    node: &'a str,
    age_ms: u64,
    sentence: &'a str,
    whole: bool,
    findings: Vec<FindingBody<'a>>,
    nodes: Vec<NodeBody<'a>>,
    groups: Vec<Vec<&'a str>>,
    /// Rows of two sides are at hand, and no link leads across.
    split: bool,
    mismatches: Vec<MismatchBody<'a>>,
    /// Peers that were asked for their rows, and how many gave one.
    asked: usize,
    answered: usize,
}

#[derive(Serialize)]
struct FindingBody<'a> {
    /// `fault`, `gap` or `note`.
    weight: &'static str,
    text: &'a str,
}

#[derive(Serialize)]
struct NodeBody<'a> {
    node: &'a str,
    boot: Option<String>,
    verdict: &'static str,
    /// While somebody misses it: how long ago any of them last heard it.
    silent_ms: Option<u64>,
    /// Since it left or restarted.
    since_ms: Option<u64>,
    heard: &'static str,
    as_of_ms: Option<u64>,
    state: Option<&'static str>,
    up_ms: Option<u64>,
    stalled: bool,
    maintenance: bool,
    reached_by: Vec<&'a str>,
    missed_by: Vec<&'a str>,
    suspected_by: Vec<&'a str>,
    degraded_by: Vec<&'a str>,
    flapping_by: Vec<&'a str>,
    unmet_by: Vec<&'a str>,
}

#[derive(Serialize)]
struct MismatchBody<'a> {
    observer: &'a str,
    missing: Vec<&'a str>,
}

/// This node's own row.
pub(super) async fn row(State(state): State<Shared>) -> Result<Response, Problem> {
    Ok(json(&RowBody::from(&state.handle.view().await?)))
}

pub(super) async fn matrix(State(state): State<Shared>) -> Result<Response, Problem> {
    let (gathered, age) = state.mesh.view().await?;
    Ok(json(&MatrixBody::new(&gathered, age)))
}

pub(super) async fn text(State(state): State<Shared>) -> Result<Response, Problem> {
    let (gathered, _) = state.mesh.view().await?;
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
    let mut response = json(&ClusterBody::new(&gathered, age));
    if strict && !gathered.view.whole {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    Ok(response)
}

impl Asked {
    fn strict(&self) -> Result<bool, Problem> {
        match self.strict.as_deref() {
            None | Some("0" | "false") => Ok(false),
            Some("1" | "true") => Ok(true),
            Some(_) => Err(Problem::bad_query("strict must be 1 or 0")),
        }
    }
}

impl<'a> MatrixBody<'a> {
    fn new(gathered: &'a Gathered, age: Duration) -> MatrixBody<'a> {
        let view = &gathered.view;
        MatrixBody {
            node: gathered.node.as_str(),
            age_ms: ms(age),
            sentence: &gathered.summary.sentence,
            whole: view.whole,
            members: view.rows.iter().map(|row| row.observer.as_str()).collect(),
            rows: view.rows.iter().map(MatrixRow::new).collect(),
        }
    }
}

impl<'a> MatrixRow<'a> {
    fn new(row: &'a Row) -> MatrixRow<'a> {
        MatrixRow {
            observer: row.observer.as_str(),
            heard: row.heard.as_str(),
            as_of_ms: row.as_of.map(ms),
            state: row.state.map(|state| state.as_str()),
            stalled: row.stalled,
            cells: row.cells.iter().map(|cell| MatrixCell::new(row, cell)).collect(),
        }
    }
}

impl<'a> MatrixCell<'a> {
    fn new(row: &Row, cell: &'a Cell) -> MatrixCell<'a> {
        MatrixCell {
            peer: cell.peer.as_str(),
            reading: row.reading(cell).as_str(),
            state: cell.state.as_str(),
            verdict: cell.verdict.map(|verdict| verdict.as_str()),
            class: cell.class.map(|class| class.as_str()),
            state_age_ms: ms(cell.state_age),
            last_proof_ms: cell.last_proof.map(ms),
            last_answer_ms: cell.last_answer.map(ms),
            rtt_ms: cell.rtt.map(fine_ms),
            rtt_p99_ms: cell.rtt_p99.map(fine_ms),
            loss: cell.loss.map(|loss| f64::from(loss) / 1000.0),
            restarts: cell.restarts,
            expected: cell.expected,
            degraded: cell.degraded,
            flapping: cell.flapping,
            maintenance: cell.maintenance,
            pings_me: cell.pings_me,
        }
    }
}

impl<'a> ClusterBody<'a> {
    fn new(gathered: &'a Gathered, age: Duration) -> ClusterBody<'a> {
        let view: &MeshView = &gathered.view;
        let findings = gathered.summary.findings.iter();
        ClusterBody {
            node: gathered.node.as_str(),
            age_ms: ms(age),
            sentence: &gathered.summary.sentence,
            whole: view.whole,
            findings: findings
                .map(|finding| FindingBody { weight: finding.weight.as_str(), text: &finding.text })
                .collect(),
            nodes: view.standings.iter().zip(&view.rows).map(NodeBody::new).collect(),
            groups: view.groups.groups.iter().map(|group| names(group)).collect(),
            split: view.groups.split,
            mismatches: view.mismatches.iter().map(MismatchBody::new).collect(),
            asked: gathered.asked,
            answered: gathered.answered,
        }
    }
}

impl<'a> NodeBody<'a> {
    fn new((standing, row): (&'a NodeStatus, &Row)) -> NodeBody<'a> {
        NodeBody {
            node: standing.member.as_str(),
            boot: standing.boot.map(|boot| boot.to_string()),
            verdict: standing.verdict.as_str(),
            silent_ms: standing.silent_for.map(ms),
            since_ms: standing.since.map(ms),
            heard: row.heard.as_str(),
            as_of_ms: row.as_of.map(ms),
            state: row.state.map(|state| state.as_str()),
            up_ms: row.up_for.map(ms),
            stalled: row.stalled,
            maintenance: row.maintenance,
            reached_by: names(&standing.reached_by),
            missed_by: names(&standing.missed_by),
            suspected_by: names(&standing.suspected_by),
            degraded_by: names(&standing.degraded_by),
            flapping_by: names(&standing.flapping_by),
            unmet_by: names(&standing.unmet_by),
        }
    }
}

impl<'a> MismatchBody<'a> {
    fn new(mismatch: &'a Mismatch) -> MismatchBody<'a> {
        MismatchBody { observer: mismatch.observer.as_str(), missing: names(&mismatch.missing) }
    }
}

fn names(members: &[Member]) -> Vec<&str> {
    members.iter().map(Member::as_str).collect()
}
