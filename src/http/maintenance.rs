//! `/api/v1/maintenance`: the one thing that a caller can change.
//!
//! Reading is free, as everywhere. Changing needs the token of this node. Where
//! there is none, the answer is 403 and not 404: that the path exists is in the
//! contract anyway, and a 403 can say how to open it. Who may is asked before
//! the body is read, so a stranger costs a header and no more.

use std::time::SystemTime;

use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::describe::{json, ms};
use super::problem::Problem;
use super::{AppState, Shared, wall_time};
use crate::config::parse;
use crate::detector::maintenance::{Maintenance, MaintenanceReason, SPAN_DEFAULT};
use crate::detector::view::View;
use crate::telemetry::timestamp::rfc3339;

/// A reason of two hundred characters, each written as `\uXXXX` pairs, fits.
const BODY_BYTES: usize = 4 * 1024;

#[derive(Serialize)]
struct StatusBody {
    node: String,
    boot: String,
    maintenance: Option<MaintenanceBody>,
    /// Peers that are in maintenance, or should be back from it.
    peers: Vec<PeerStatusBody>,
}

/// A maintenance as people see it: with the wall time that nodes do not exchange.
#[derive(Serialize)]
pub(super) struct MaintenanceBody {
    reason: String,
    left_ms: u64,
    until: String,
}

#[derive(Serialize)]
struct PeerStatusBody {
    key: String,
    node: Option<String>,
    state: &'static str,
    maintenance: Option<MaintenanceBody>,
    maintenance_overrun_ms: Option<u64>,
}

/// What is asked for. A field that is not known is a mistake of the caller's:
/// `fro` for `for` would otherwise quietly mean the default.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    reason: String,
    r#for: Option<String>,
}

impl MaintenanceBody {
    pub(super) fn new(maintenance: &Maintenance, now: SystemTime) -> MaintenanceBody {
        MaintenanceBody {
            reason: maintenance.reason.as_str().to_owned(),
            left_ms: ms(maintenance.left),
            until: rfc3339(now.checked_add(maintenance.left).unwrap_or(now)),
        }
    }
}

pub(super) async fn show(State(state): State<Shared>) -> Result<Response, Problem> {
    Ok(status(&state.handle.view().await?))
}

pub(super) async fn begin(State(state): State<Shared>, request: Request) -> Result<Response, Problem> {
    authorize(&state, request.headers())?;
    let bytes = to_bytes(request.into_body(), BODY_BYTES).await;
    let bytes =
        bytes.map_err(|_| Problem::bad_body(format!("the body is longer than {BODY_BYTES} bytes, or was cut off")))?;
    state.handle.maintain(Some(wish(&bytes)?)).await?;
    show(State(state)).await
}

pub(super) async fn end(State(state): State<Shared>, headers: HeaderMap) -> Result<Response, Problem> {
    authorize(&state, &headers)?;
    state.handle.maintain(None).await?;
    show(State(state)).await
}

/// Lets a caller pass that knows the token.
fn authorize(state: &AppState, headers: &HeaderMap) -> Result<(), Problem> {
    let token = state.config.token.as_ref().ok_or_else(Problem::changes_closed)?;
    let said = headers.get(AUTHORIZATION).ok_or_else(|| Problem::token_needed("the request carries no token"))?;
    // The name of a scheme is written in any case.
    let (scheme, said) = said.as_bytes().split_at_checked(b"bearer ".len()).unwrap_or_default();
    if scheme.eq_ignore_ascii_case(b"bearer ") && token.matches(said) {
        Ok(())
    } else {
        Err(Problem::token_needed("the token is not that of this node"))
    }
}

fn wish(bytes: &[u8]) -> Result<Maintenance, Problem> {
    let form = r#"the body is JSON: {"reason": "new disk", "for": "30m"}, without "for" 30m"#;
    let wish: Wish = serde_json::from_slice(bytes).map_err(|error| Problem::bad_body(format!("{form}; {error}")))?;
    let reason = MaintenanceReason::new(&wish.reason).map_err(|error| Problem::bad_body(format!("reason: {error}")))?;
    let left = match &wish.r#for {
        None => SPAN_DEFAULT,
        Some(text) => parse::maintenance_span(text)
            .map_err(|wrong| Problem::bad_body(format!("for: {text:?} {wrong}; accepted: {}", parse::A_SPAN)))?,
    };
    Ok(Maintenance { reason, left })
}

fn status(view: &View) -> Response {
    let now = wall_time();
    let body = |maintenance: &Maintenance| MaintenanceBody::new(maintenance, now);
    let concerned = view.peers.iter().filter(|peer| peer.maintenance.is_some() || peer.overrun.is_some());
    let peers = concerned.map(|peer| PeerStatusBody {
        key: peer.peer.key.to_string(),
        node: peer.peer.node.as_ref().map(ToString::to_string),
        state: peer.peer.state.as_str(),
        maintenance: peer.maintenance.as_ref().map(body),
        maintenance_overrun_ms: peer.overrun.map(ms),
    });
    json(&StatusBody {
        node: view.node.to_string(),
        boot: view.boot.to_string(),
        maintenance: view.maintenance.as_ref().map(body),
        peers: peers.collect(),
    })
}
