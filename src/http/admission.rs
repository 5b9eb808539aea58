//! Which requests are answered where reading needs a token: see [`super::readers`].

use std::net::IpAddr;

use axum::extract::Request;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use tokio::time::sleep;

use super::page::login;
use super::problem::Problem;
use super::readers::{NO_TOKEN, Shown, WithoutToken};
use super::remote::Remote;
use super::route::{Access, Route};
use super::state::AppState;
use crate::mesh_key::header::HEADER_MAC;

/// Lets a request pass that may be answered; one that only a node may send passes with a mark.
///
/// # Errors
/// The answer to one that may not.
pub(super) async fn admit(state: &AppState, route: Route, request: &mut Request) -> Result<(), Response> {
    let access = route.access();
    // A ping asks by itself: most are answered ahead of the router.
    if state.readers.is_none() || matches!(access, Access::Open | Access::Least) {
        return Ok(());
    }
    let from = Remote::of(request);
    if is_reader(state, request.headers(), from).await.map_err(IntoResponse::into_response)? {
        return Ok(());
    }
    match access {
        Access::Nodes
            if request.headers().contains_key(HEADER_MAC) || from.is_some_and(|from| from.has_certificate) =>
        {
            request.extensions_mut().insert(WithoutToken);
            Ok(())
        }
        Access::Pages => Err(login::asking(route, request.uri())),
        Access::Open | Access::Least | Access::Nodes | Access::Readers => {
            Err(Problem::reader_needed(NO_TOKEN).into_response())
        }
    }
}

/// Whether a request shows a token that may read, or needs none.
///
/// # Errors
/// When it shows another one, which is counted.
pub(super) async fn is_reader(state: &AppState, headers: &HeaderMap, from: Option<Remote>) -> Result<bool, Problem> {
    match state.readers.as_ref().map(|readers| readers.shown(headers)) {
        None | Some(Shown::Token) => Ok(true),
        Some(Shown::Nothing) => Ok(false),
        Some(Shown::WrongToken) => {
            guessed(state, from.map(|from| from.address)).await;
            Err(Problem::reader_needed("the token of the request is none that may read here"))
        }
    }
}

/// A wrong token came from there: it is counted, and after some the answer waits.
pub(super) async fn guessed(state: &AppState, from: Option<IpAddr>) {
    state.metrics.server().token_refused();
    sleep(state.guesses.refused(state.clock.now(), from)).await;
}
