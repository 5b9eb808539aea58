//! Health: about this process only, never about its peers.

use std::time::Duration;

use axum::extract::State;
use axum::response::Response;

use super::problem::Problem;
use super::reply::json;
use super::state::{AppState, Shared};
use crate::api::HealthBody;
use crate::api::words::HealthStatus;

/// The detector is stuck when it is overdue by this much: longer than any
/// pause of a healthy machine, and as long as others wait for a frozen node.
const STUCK_AFTER: Duration = Duration::from_secs(10);

/// Alive: the detector turns. True while starting and while draining, for a
/// process that is stopped for being slow to stop would never say goodbye.
pub(super) async fn livez(State(state): State<Shared>) -> Result<Response, Problem> {
    live(&state)?;
    Ok(health(HealthStatus::Live, state.handle.is_ready()))
}

/// Ready: sockets are bound, discovery was tried, and the node was not asked to stop.
pub(super) async fn readyz(State(state): State<Shared>) -> Result<Response, Problem> {
    if state.handle.is_leaving() {
        return Err(Problem::leaving());
    }
    if !state.handle.is_ready() {
        return Err(Problem::starting());
    }
    live(&state)?;
    Ok(health(HealthStatus::Ready, true))
}

/// For those who ask one question only: alive, with readiness beside it.
pub(super) async fn healthz(State(state): State<Shared>) -> Result<Response, Problem> {
    live(&state)?;
    Ok(health(HealthStatus::Ok, state.handle.is_ready()))
}

fn health(status: HealthStatus, ready: bool) -> Response {
    json(&HealthBody { status: status.into(), live: true, ready })
}

fn live(state: &AppState) -> Result<(), Problem> {
    let overdue = state.handle.watchdog_age();
    if overdue > STUCK_AFTER { Err(Problem::stuck(overdue)) } else { Ok(()) }
}
