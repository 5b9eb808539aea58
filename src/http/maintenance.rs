//! `/api/v1/maintenance`: the one thing that a caller can change.
//!
//! Reading is free, as everywhere. Changing needs the token of this node. Where
//! there is none, the answer is 403 and not 404: that the path exists is in the
//! contract anyway, and a 403 can say how to open it. Who may is asked before
//! the body is read, so an unknown caller costs a header and no more.

use std::net::IpAddr;

use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::response::Response;

use super::admission::guessed;
use super::problem::Problem;
use super::readers::bearer;
use super::remote::{self, Remote};
use super::reply::json;
use super::state::{AppState, Shared, wall_time};
use crate::api::{MaintenanceStatusBody, MaintenanceWish};
use crate::config::parse;
use crate::detector::maintenance::{InvalidReason, Maintenance, MaintenanceReason, SPAN_DEFAULT, printable};
use crate::telemetry::logs::TARGET;

/// A reason of two hundred characters, each written as `\uXXXX` pairs, fits.
const BODY_BYTES: usize = 4 * 1024;

pub(super) async fn show(State(state): State<Shared>) -> Result<Response, Problem> {
    Ok(json(&MaintenanceStatusBody::new(&state.handle.view().await?, wall_time())))
}

pub(super) async fn begin(State(state): State<Shared>, request: Request) -> Result<Response, Problem> {
    let from = authorize(&state, request.headers(), Remote::of(&request)).await?;
    let bytes = to_bytes(request.into_body(), BODY_BYTES).await;
    let bytes =
        bytes.map_err(|_| Problem::bad_body(format!("the body is longer than {BODY_BYTES} bytes, or was cut off")))?;
    state.handle.maintain(Some(wish(&bytes)?)).await?;
    changed(&state, "began or changed", from).await;
    show(State(state)).await
}

pub(super) async fn end(State(state): State<Shared>, request: Request) -> Result<Response, Problem> {
    let from = authorize(&state, request.headers(), Remote::of(&request)).await?;
    state.handle.maintain(None).await?;
    changed(&state, "ended", from).await;
    show(State(state)).await
}

/// Lets a caller pass that knows the token, and says where it is. A wrong one is counted, and after some it waits.
async fn authorize(state: &AppState, headers: &HeaderMap, remote: Option<Remote>) -> Result<Option<IpAddr>, Problem> {
    let token = state.config.token.as_ref().ok_or_else(Problem::changes_closed)?;
    if !headers.contains_key(AUTHORIZATION) {
        return Err(Problem::token_needed("the request carries no token"));
    }
    let from = remote.map(|remote| remote.address);
    let said = bearer(headers);
    if said.is_some_and(|said| token.matches(said)) {
        return Ok(from);
    }
    if said.is_some() && state.readers.is_some() {
        // Who comes here has shown the one or the other.
        return Err(Problem::token_needed("the read token changes nothing"));
    }
    // What is no token cannot be a guess.
    if said.is_some() {
        guessed(state, from).await;
    }
    Err(Problem::token_needed("the token is not that of this node"))
}

/// The log says who changed something, and the next scrape shows it.
async fn changed(state: &AppState, what: &str, from: Option<IpAddr>) {
    let from = remote::shown(from);
    tracing::info!(
        target: TARGET,
        event = "maintenance_requested",
        from,
        sentence = format!("maintenance {what} at the request of {from}"),
        "Maintenance was requested"
    );
    state.scrapes.forget().await;
}

fn wish(bytes: &[u8]) -> Result<Maintenance, Problem> {
    let form = r#"the body is JSON: {"reason": "new disk", "for": "30m"}, without "for" 30m"#;
    let wish: MaintenanceWish =
        serde_json::from_slice(bytes).map_err(|error| Problem::bad_body(format!("{form}; {error}")))?;
    // Blanks around it do not count, but they must be blanks: a line break is no part of one line.
    let one_line = wish.reason.chars().count() <= MaintenanceReason::LIMIT && wish.reason.chars().all(printable);
    let reason = if one_line { MaintenanceReason::new(&wish.reason) } else { Err(InvalidReason) };
    let reason = reason.map_err(|error| Problem::bad_body(format!("reason: {error}")))?;
    let left = match &wish.r#for {
        None => SPAN_DEFAULT,
        Some(text) => parse::maintenance_span(text)
            .map_err(|wrong| Problem::bad_body(format!("for: {text:?} {wrong}; accepted: {}", parse::A_SPAN)))?,
    };
    Ok(Maintenance { reason, left })
}
