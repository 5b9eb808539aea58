//! What this node is: its name, its settings, its metrics and its contract.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::contract;
use super::maintenance::MaintenanceBody;
use super::problem::Problem;
use super::{Shared, wall_time};
use crate::detector::peer::PeerState;
use crate::detector::view::{CandidateView, DiscoveryView, NameView};
use crate::telemetry::metrics::{REVISION, VERSION};
use crate::telemetry::timestamp::rfc3339;

/// What Prometheus asks for.
const EXPOSITION: &str = "text/plain; version=0.0.4; charset=utf-8";

#[derive(Serialize)]
struct NodeBody {
    node: String,
    boot: String,
    /// Milliseconds since the detector began.
    seq: u64,
    state: &'static str,
    /// Has just not been running: its opinions are on hold.
    stalled: bool,
    /// Time in which this process did not run although it was due.
    lost_ms: u64,
    maintenance: Option<MaintenanceBody>,
    version: &'static str,
    revision: &'static str,
    started: String,
    uptime_ms: u64,
    /// Where the metrics are served a second time.
    metrics_port: Option<u16>,
    /// How many peers are in each state.
    peers: BTreeMap<&'static str, usize>,
    discovery: DiscoveryBody,
}

/// How peers are found behind names; empty lists where every peer was listed.
#[derive(Serialize)]
struct DiscoveryBody {
    names: Vec<NameBody>,
    candidate_count: usize,
    /// The first of them.
    candidates: Vec<CandidateBody>,
    errors: u64,
}

#[derive(Serialize)]
struct NameBody {
    name: String,
    addresses: u32,
    /// The last lookup failed: the addresses are those of the last good one.
    stale: bool,
    last_success_ms: Option<u64>,
    failing_ms: Option<u64>,
    error: Option<String>,
}

#[derive(Serialize)]
struct CandidateBody {
    address: String,
    age_ms: u64,
    evidence: Option<&'static str>,
}

/// Candidates listed one by one: whoever has more looks at the number.
const CANDIDATES_LISTED: usize = 64;

impl DiscoveryBody {
    fn new(view: &DiscoveryView) -> DiscoveryBody {
        let name = |name: &NameView| NameBody {
            name: name.name.to_string(),
            addresses: name.addresses,
            stale: name.failing_for.is_some(),
            last_success_ms: name.last_success.map(ms),
            failing_ms: name.failing_for.map(ms),
            error: name.error.as_deref().map(str::to_owned),
        };
        let candidate = |candidate: &CandidateView| CandidateBody {
            address: candidate.address.to_string(),
            age_ms: ms(candidate.age),
            evidence: candidate.evidence.map(|evidence| evidence.as_str()),
        };
        DiscoveryBody {
            names: view.names.iter().map(name).collect(),
            candidate_count: view.candidates.len(),
            candidates: view.candidates.iter().take(CANDIDATES_LISTED).map(candidate).collect(),
            errors: view.errors,
        }
    }
}

pub(super) async fn node(State(state): State<Shared>) -> Result<Response, Problem> {
    let view = state.handle.view().await?;
    let uptime = wall_time().duration_since(state.started).unwrap_or_default();
    let mut peers: BTreeMap<&'static str, usize> = PeerState::ALL.map(|state| (state.as_str(), 0)).into();
    for peer in &view.peers {
        *peers.entry(peer.peer.state.as_str()).or_default() += 1;
    }
    Ok(json(&NodeBody {
        node: view.node.to_string(),
        boot: view.boot.to_string(),
        seq: view.seq.0,
        state: view.state.as_str(),
        stalled: view.stalled,
        lost_ms: ms(view.lost),
        maintenance: view.maintenance.as_ref().map(|maintenance| MaintenanceBody::new(maintenance, wall_time())),
        version: VERSION,
        revision: REVISION,
        started: rfc3339(state.started),
        uptime_ms: ms(uptime),
        metrics_port: state.metrics_port,
        peers,
        discovery: DiscoveryBody::new(&view.discovery),
    }))
}

#[derive(Serialize)]
struct ConfigBody<'a> {
    settings: Vec<SettingBody<'a>>,
    /// The longest pause of a peer that these settings surely ride out.
    tolerated_pause_ms: u64,
}

#[derive(Serialize)]
struct SettingBody<'a> {
    name: &'a str,
    variable: &'a str,
    value: &'a str,
    source: &'static str,
}

pub(super) async fn config(State(state): State<Shared>) -> Response {
    let settings = state.config.settings.iter().map(|setting| SettingBody {
        name: setting.name,
        variable: setting.variable,
        value: &setting.value,
        source: setting.source.as_str(),
    });
    let tolerated_pause_ms = ms(state.config.detector.tolerated_pause());
    json(&ConfigBody { settings: settings.collect(), tolerated_pause_ms })
}

pub(super) async fn metrics(State(state): State<Shared>) -> Result<Response, Problem> {
    let view = state.handle.view().await?;
    Ok(text(EXPOSITION, state.metrics.render(&view)))
}

pub(super) async fn openapi() -> Response {
    text("application/json", contract::OPENAPI)
}

/// A JSON answer. Nobody may keep it: it is old the moment it is written.
pub(super) fn json(body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => text("application/json", bytes),
        // Our own shapes have string keys and finite numbers, so this is a mistake of ours and not of the caller.
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// An answer that nobody may keep.
pub(super) fn text(media_type: &'static str, body: impl Into<axum::body::Body>) -> Response {
    let mut response = Response::new(body.into());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Whole milliseconds.
pub(super) fn ms(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
