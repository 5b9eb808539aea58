//! What this node is: its name, its settings and its contract.

use axum::extract::State;
use axum::response::Response;

use super::contract;
use super::problem::Problem;
use super::reply::{json, text};
use super::state::{Shared, wall_time};
use crate::api::text::Text;
use crate::api::timestamp::rfc3339;
use crate::api::words::When;
use crate::api::{ConfigBody, DiscoveryBody, MaintenanceBody, NodeBody, SettingBody, count_by_state, ms};
use crate::telemetry::metrics::{REVISION, VERSION};

pub(super) async fn node(State(state): State<Shared>) -> Result<Response, Problem> {
    let view = state.handle.view().await?;
    let now = wall_time();
    Ok(json(&NodeBody {
        node: Text::from(&view.node),
        boot: view.boot.into(),
        seq: view.seq.0,
        state: view.state.into(),
        stalled: view.stalled,
        lost_ms: ms(view.lost),
        maintenance: view.maintenance.as_ref().map(|maintenance| MaintenanceBody::new(maintenance, now)),
        version: VERSION.to_owned(),
        revision: REVISION.to_owned(),
        started: When(rfc3339(state.started())),
        uptime_ms: ms(state.up_for()),
        metrics_port: state.metrics_port,
        peers: count_by_state(view.peers.iter().map(|peer| peer.peer.state)),
        discovery: DiscoveryBody::from(&view.discovery),
    }))
}

pub(super) async fn config(State(state): State<Shared>) -> Response {
    json(&ConfigBody {
        settings: state.config.settings.iter().map(SettingBody::from).collect(),
        tolerated_pause_ms: ms(state.config.detector.tolerated_pause()),
    })
}

pub(super) async fn openapi() -> Response {
    text("application/json", contract::OPENAPI)
}
