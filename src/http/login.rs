//! `/login`: a browser shows the read token once and gets a cookie for it. It works without scripts.

use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, LOCATION, SET_COOKIE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use url::form_urlencoded;

use super::admission::guessed;
use super::page::login;
use super::problem::Problem;
use super::remote::Remote;
use super::state::Shared;

/// A token, a path, and what escaping makes of them.
const BODY_BYTES: usize = 4 * 1024;

pub(super) async fn form(State(state): State<Shared>) -> Response {
    login::form(state.readers.is_some())
}

pub(super) async fn enter(State(state): State<Shared>, request: Request) -> Result<Response, Problem> {
    let from = Remote::of(&request).map(|remote| remote.address);
    let bytes = to_bytes(request.into_body(), BODY_BYTES).await;
    let bytes = bytes.map_err(|_| {
        Problem::bad_body(format!("the body is the form of this page, of at most {BODY_BYTES} bytes; open /login"))
    })?;
    let field = |name: &str| {
        let mut fields = form_urlencoded::parse(&bytes);
        fields.find_map(|(key, value)| (key == name).then(|| value.into_owned()))
    };
    let next = field("next").unwrap_or_default();
    let token = field("token");
    let Some(readers) = &state.readers else {
        // Whoever comes with the form needs no token any more; what is not the form is an error here as elsewhere.
        return token
            .map(|_| to_page(&next))
            .ok_or_else(|| Problem::bad_body("the field token is missing; open /login"));
    };
    if !readers.know(token.unwrap_or_default().trim().as_bytes()) {
        guessed(&state, from).await;
        return Ok(login::refused(&next));
    }
    let cookie = readers.cookie().ok_or_else(|| Problem::bad_body("no cookie can be made of this token"))?;
    let mut response = to_page(&next);
    response.headers_mut().insert(SET_COOKIE, cookie);
    Ok(response)
}

/// To the page that was asked for, or to the first. It begins with a dot, so whatever follows it is on this node, under
/// the prefix of a proxy as well.
fn to_page(next: &str) -> Response {
    let next = login::page_of(next).unwrap_or_default();
    let mut response = StatusCode::SEE_OTHER.into_response();
    let there = HeaderValue::try_from(format!("./{next}")).unwrap_or(HeaderValue::from_static("./"));
    response.headers_mut().insert(LOCATION, there);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
