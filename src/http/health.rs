//! Health: about this process only, never about its peers.

use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;

use super::describe::json;
use super::problem::Problem;
use super::{AppState, Shared};

/// The detector is stuck when it is overdue by this much: longer than any
/// pause of a healthy machine, and as long as others wait for a frozen node.
const STUCK_AFTER: Duration = Duration::from_secs(10);

#[derive(Serialize)]
struct Health {
    status: &'static str,
    live: bool,
    ready: bool,
}

/// Alive: the detector turns. True while starting and while draining, for a
/// process that is stopped for being slow to stop would never say goodbye.
pub(super) async fn livez(State(state): State<Shared>) -> Result<Response, Problem> {
    live(&state)?;
    Ok(json(&Health { status: "live", live: true, ready: state.handle.is_ready() }))
}

/// Ready: sockets are bound, discovery was tried, nobody asked it to stop.
pub(super) async fn readyz(State(state): State<Shared>) -> Result<Response, Problem> {
    if state.handle.is_leaving() {
        return Err(Problem::leaving());
    }
    if !state.handle.is_ready() {
        return Err(Problem::starting());
    }
    live(&state)?;
    Ok(json(&Health { status: "ready", live: true, ready: true }))
}

/// For those who ask one question only: alive, with readiness beside it.
pub(super) async fn healthz(State(state): State<Shared>) -> Result<Response, Problem> {
    live(&state)?;
    Ok(json(&Health { status: "ok", live: true, ready: state.handle.is_ready() }))
}

fn live(state: &AppState) -> Result<(), Problem> {
    let overdue = state.handle.watchdog_age();
    if overdue > STUCK_AFTER { Err(Problem::stuck(overdue)) } else { Ok(()) }
}
