//! `GET /api/v1/peers` and `/api/v1/peers/{key}`: what this node believes.
//!
//! Ages are milliseconds; the one wall time, `since`, is added here, where it
//! is shown. What is not known is `null`, never left out and never zero.

use std::time::SystemTime;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use serde::Serialize;

use super::describe::{json, ms};
use super::maintenance::MaintenanceBody;
use super::problem::Problem;
use super::{Shared, wall_time};
use crate::detector::peer::{NodeName, Testimony};
use crate::detector::view::{PeerView, WitnessView};
use crate::telemetry::timestamp::rfc3339_before;

/// Peers named when one was asked for that there is not.
const KNOWN_KEYS_NAMED: usize = 32;

#[derive(Serialize)]
struct PeersBody {
    node: String,
    boot: String,
    state: &'static str,
    peers: Vec<PeerBody>,
}

#[derive(Serialize)]
pub(super) struct PeerBody {
    key: String,
    node: Option<String>,
    boot: Option<String>,
    state: &'static str,
    verdict: Option<&'static str>,
    class: Option<&'static str>,
    evidence: Option<&'static str>,
    expected: bool,
    maintenance: Option<MaintenanceBody>,
    /// Its maintenance should have been over this long ago, and it has not been up since.
    maintenance_overrun_ms: Option<u64>,
    degraded: bool,
    flapping: bool,
    restarts: u64,
    /// When the last proof of life came, RFC 3339.
    since: Option<String>,
    last_proof_ms: Option<u64>,
    last_answer_ms: Option<u64>,
    state_age_ms: u64,
    rtt: RttBody,
    phi: f64,
    loss: Option<f64>,
    streaming: bool,
    pings_me: bool,
    accusers: Vec<String>,
    witnesses: Vec<WitnessBody>,
}

#[derive(Serialize)]
struct RttBody {
    last_ms: Option<f64>,
    mean_ms: Option<f64>,
    p50_ms: Option<f64>,
    p99_ms: Option<f64>,
}

#[derive(Serialize)]
pub(super) struct WitnessBody {
    witness: String,
    said: Option<&'static str>,
    /// How its own ping failed.
    evidence: Option<&'static str>,
    age_ms: u64,
    said_ms: Option<u64>,
}

pub(super) async fn list(State(state): State<Shared>) -> Result<Response, Problem> {
    let view = state.handle.view().await?;
    let now = wall_time();
    Ok(json(&PeersBody {
        node: view.node.to_string(),
        boot: view.boot.to_string(),
        state: view.state.as_str(),
        peers: view.peers.iter().map(|peer| PeerBody::new(peer, now)).collect(),
    }))
}

/// One peer by its key, or by the name it declares.
pub(super) async fn one(
    State(state): State<Shared>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    let Path(key) = path.map_err(|_| Problem::bad_path("a key is UTF-8"))?;
    let view = state.handle.view().await?;
    match find(&view.peers, &key) {
        Some(peer) => Ok(json(&PeerBody::new(peer, wall_time()))),
        None => Err(Problem::no_such_peer(known_keys(&view.peers))),
    }
}

/// The peer of this key, or else the one that declares this name.
pub(super) fn find<'a>(peers: &'a [PeerView], wanted: &str) -> Option<&'a PeerView> {
    let by_key = peers.iter().find(|peer| *peer.peer.key.0 == *wanted);
    by_key.or_else(|| peers.iter().find(|peer| peer.peer.node.as_ref().map(NodeName::as_str) == Some(wanted)))
}

pub(super) fn known_keys(peers: &[PeerView]) -> String {
    if peers.is_empty() {
        return "this node watches no peers".to_owned();
    }
    let keys: Vec<&str> = peers.iter().take(KNOWN_KEYS_NAMED).map(|peer| &*peer.peer.key.0).collect();
    let more = peers.len() - keys.len();
    let rest = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("the peers of this node are {}{rest}", keys.join(", "))
}

impl PeerBody {
    pub(super) fn new(view: &PeerView, now: SystemTime) -> PeerBody {
        PeerBody {
            key: view.peer.key.to_string(),
            node: view.peer.node.as_ref().map(ToString::to_string),
            boot: view.peer.boot.map(|boot| boot.to_string()),
            state: view.peer.state.as_str(),
            verdict: view.verdict.map(|verdict| verdict.as_str()),
            class: view.class.map(|class| class.as_str()),
            evidence: view.evidence.map(|evidence| evidence.as_str()),
            expected: view.expected,
            maintenance: view.maintenance.as_ref().map(|maintenance| MaintenanceBody::new(maintenance, now)),
            maintenance_overrun_ms: view.overrun.map(ms),
            degraded: view.degraded,
            flapping: view.flapping,
            restarts: view.restarts,
            since: view.last_proof.map(|age| rfc3339_before(now, age)),
            last_proof_ms: view.last_proof.map(ms),
            last_answer_ms: view.last_answer.map(ms),
            state_age_ms: ms(view.state_age),
            rtt: RttBody {
                last_ms: view.rtt_last.map(fine_ms),
                mean_ms: view.rtt_mean.map(fine_ms),
                p50_ms: view.rtt_p50.map(fine_ms),
                p99_ms: view.rtt_p99.map(fine_ms),
            },
            phi: view.phi,
            loss: view.loss,
            streaming: view.streaming,
            pings_me: view.pings_me,
            accusers: view.accusers.iter().map(ToString::to_string).collect(),
            witnesses: view.witnesses.iter().map(WitnessBody::new).collect(),
        }
    }
}

impl WitnessBody {
    pub(super) fn new(view: &WitnessView) -> WitnessBody {
        WitnessBody {
            witness: view.witness.to_string(),
            said: view.said.map(testimony_word),
            evidence: match view.said {
                Some(Testimony::Failed { evidence }) => Some(evidence.as_str()),
                Some(Testimony::Answered { .. } | Testimony::Left | Testimony::NoOpinion) | None => None,
            },
            age_ms: ms(view.age),
            said_ms: view.said_age.map(ms),
        }
    }
}

fn testimony_word(testimony: Testimony) -> &'static str {
    match testimony {
        Testimony::Answered { .. } => "answered",
        Testimony::Failed { .. } => "failed",
        Testimony::Left => "left",
        Testimony::NoOpinion => "no_opinion",
    }
}

/// Milliseconds with three decimals: a round trip on one machine is a fraction of one.
pub(super) fn fine_ms(time: std::time::Duration) -> f64 {
    time.as_micros() as f64 / 1e3
}
