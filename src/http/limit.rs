//! What holds for every request: it is counted, it ends in time, it has no unexpected body.

use axum::body::HttpBody as _;
use axum::extract::{MatchedPath, Request, State};
use axum::http::HeaderValue;
use axum::http::header::X_CONTENT_TYPE_OPTIONS;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::time::timeout;

use super::admission;
use super::host;
use super::problem::Problem;
use super::route::{Cost, Route};
use super::state::{AppState, Shared, take_turn};
use super::stream;
use crate::detector::time::Monotonic;

/// Stands before every route. Counts the request under its route and status
/// code; a stream's time is its reader's business and would spoil the histogram.
/// One layer and not three: each would cost every ping an allocation.
pub(super) async fn guard(State(state): State<Shared>, request: Request, next: Next) -> Response {
    let route = Route::of_path(request.extensions().get::<MatchedPath>().map(MatchedPath::as_str));
    let begun = state.clock.now();
    let response = answer(&state, route, request, next).await;
    account(&state, route, begun, response)
}

/// Counts an answer to a request that began then.
pub(super) fn account(state: &AppState, route: Route, begun: Monotonic, mut response: Response) -> Response {
    // A browser must not take for a script what a peer calls itself.
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let took = (!stream::is_stream(response.headers())).then(|| state.clock.now() - begun);
    state.metrics.http_request(route.path(), response.status().as_u16(), took);
    response
}

/// Refuses bodies without reading them, for nearly every route only reads. Gives up on
/// an answer that takes too long; a stream has answered once its head is
/// written, so it is not cut.
async fn answer(state: &AppState, route: Route, mut request: Request, next: Next) -> Response {
    // A method that the path does not answer to gets its 405 with `Allow`, whether it brings a body or not. Few requests
    // bring one, so that is asked first.
    let refuses_body = !request.body().is_end_stream() && !route.takes_body(request.method());
    if refuses_body && (route == Route::Other || route.methods().contains(&request.method().as_str())) {
        return Problem::body_not_accepted().into_response();
    }
    let is_allowed = host::is_allowed(&state.config.hosts, route, &request);
    let answer = async {
        if let Err(refused) = admission::admit(state, route, &mut request).await {
            return refused;
        }
        let _turn = match route.cost() {
            Cost::Small => None,
            Cost::OfNodes => Some(take_turn(&state.slots.between_nodes).await),
            Cost::Large => Some(state.slots.large_answer().await),
        };
        next.run(request).await
    };
    if !is_allowed {
        return Problem::wrong_host().into_response();
    }
    in_time(state, answer).await
}

/// An answer, or that it took too long.
pub(super) async fn in_time(state: &AppState, answer: impl Future<Output = Response>) -> Response {
    match timeout(state.config.limits.request_time, answer).await {
        Ok(response) => response,
        Err(_) => Problem::out_of_time().into_response(),
    }
}
