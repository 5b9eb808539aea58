//! What holds for every request: it is counted, it ends in time, it has no unexpected body.

use axum::body::HttpBody as _;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::time::timeout;

use super::problem::Problem;
use super::route::Route;
use super::state::{AppState, Shared};
use super::stream;

/// Stands before every route. Counts the request under its route and status
/// code; a stream's time is its reader's business and would spoil the histogram.
/// One layer and not three: each would cost every ping an allocation.
pub(super) async fn guard(State(state): State<Shared>, request: Request, next: Next) -> Response {
    let route = Route::of_path(request.extensions().get::<MatchedPath>().map(MatchedPath::as_str));
    let begun = state.clock.now();
    let response = answer(&state, route, request, next).await;
    let streams = response.headers().get(CONTENT_TYPE).is_some_and(|value| value == stream::MEDIA_TYPE);
    let took = (!streams).then(|| state.clock.now() - begun);
    state.metrics.http_request(route.path(), response.status().as_u16(), took);
    response
}

/// Refuses bodies without reading them, for nearly every route only reads. Gives up on
/// an answer that takes too long; a stream has answered once its head is
/// written, so it is not cut.
async fn answer(state: &AppState, route: Route, request: Request, next: Next) -> Response {
    // A method that the path does not answer to gets its 405 with `Allow`, whether it brings a body or not. Few requests
    // bring one, so that is asked first.
    let refuses_body = !request.body().is_end_stream() && !route.takes_body(request.method());
    if refuses_body && (route == Route::Other || route.methods().contains(&request.method().as_str())) {
        return Problem::body_not_accepted().into_response();
    }
    match timeout(state.config.limits.request_time, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::out_of_time().into_response(),
    }
}
