//! Errors as callers see them: problem objects after RFC 9457.
//!
//! `code` is for programs and never changes; `title` is the same for every
//! error of a code; `detail` is for a person and says what to do. Nothing of
//! the inside (no error chain, no path, no address) gets into either.

use axum::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use super::route::Route;
use crate::api::words::ProblemCode;
use crate::api::{PROBLEM_MEDIA_TYPE, ProblemBody};
use crate::runtime::handle::Stopped;

/// One error, ready to be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    status: StatusCode,
    pub code: ProblemCode,
    title: &'static str,
    detail: String,
    /// Seconds after which to try again.
    retry_after: Option<u32>,
    /// The methods that the path takes.
    allow: Option<String>,
}

impl Problem {
    fn new(status: StatusCode, code: ProblemCode, title: &'static str, detail: impl Into<String>) -> Problem {
        Problem { status, code, title, detail: detail.into(), retry_after: None, allow: None }
    }

    fn retry_after(self, seconds: u32) -> Problem {
        Problem { retry_after: Some(seconds), ..self }
    }

    pub(crate) fn bad_query(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, ProblemCode::BadQuery, "The query cannot be understood", detail)
    }

    pub(crate) fn bad_path(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, ProblemCode::BadPath, "The path cannot be understood", detail)
    }

    pub(crate) fn no_such_path() -> Problem {
        let detail = "there is nothing at this path; /openapi.json lists everything there is";
        Problem::new(StatusCode::NOT_FOUND, ProblemCode::NoSuchPath, "Not found", detail)
    }

    pub(crate) fn no_such_peer(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::NOT_FOUND, ProblemCode::NoSuchPeer, "No such peer", detail)
    }

    pub(crate) fn no_opinion() -> Problem {
        let detail = "this node does not watch that node, or cannot say anything about it";
        Problem::new(StatusCode::NOT_FOUND, ProblemCode::NoOpinion, "No opinion", detail)
    }

    pub(crate) fn method_not_allowed(route: Route) -> Problem {
        let allow = route.methods().join(", ");
        let detail = format!("this path takes {allow}");
        let problem =
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, ProblemCode::MethodNotAllowed, "Method not allowed", detail);
        Problem { allow: Some(allow), ..problem }
    }

    /// Nothing can be changed here, with no token at all.
    pub(crate) fn changes_closed() -> Problem {
        let detail = "this node has no token, so nothing can be changed over HTTP; start it with HEARTBEAT_TOKEN, \
                      HEARTBEAT_TOKEN_FILE or --token-file to open this path";
        Problem::new(StatusCode::FORBIDDEN, ProblemCode::ChangesClosed, "Changes are closed", detail)
    }

    pub(crate) fn token_needed(what: &str) -> Problem {
        let detail = format!("{what}; send the node's token as `Authorization: Bearer TOKEN`");
        Problem::new(StatusCode::UNAUTHORIZED, ProblemCode::TokenNeeded, "A token is needed", detail)
    }

    /// What was asked for is for readers that show a token.
    pub(crate) fn reader_needed(what: &str) -> Problem {
        let detail = format!(
            "{what}; send the node's read token as `Authorization: Bearer TOKEN`, or name its file to the command with \
             --read-token-file (HEARTBEAT_READ_TOKEN_FILE)"
        );
        Problem::new(StatusCode::UNAUTHORIZED, ProblemCode::TokenNeeded, "A token is needed", detail)
    }

    pub(crate) fn bad_body(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, ProblemCode::BadBody, "The body cannot be understood", detail)
    }

    pub(crate) fn body_not_accepted() -> Problem {
        let detail = "nothing at this path and with this method takes a body";
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, ProblemCode::BodyNotAccepted, "Body not accepted", detail)
    }

    pub(crate) fn wrong_host() -> Problem {
        let detail = "this node is not known under the host name of this request; use its address, or start it with \
                      --allowed-hosts=NAME (HEARTBEAT_ALLOWED_HOSTS)";
        Problem::new(StatusCode::MISDIRECTED_REQUEST, ProblemCode::WrongHost, "Wrong host", detail)
    }

    pub(crate) fn too_many_questions() -> Problem {
        let detail = "this node is being asked about too many peers at once";
        Problem::new(StatusCode::TOO_MANY_REQUESTS, ProblemCode::TooManyQuestions, "Too many questions", detail)
            .retry_after(1)
    }

    pub(crate) fn too_many_streams() -> Problem {
        let detail = "all event streams of this node are taken; the list of events can still be read";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, ProblemCode::TooManyStreams, "Too many streams", detail)
            .retry_after(5)
    }

    pub(crate) fn too_many_connections() -> Problem {
        let detail = "all connections of this node are taken";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, ProblemCode::TooManyConnections, "Too many connections", detail)
            .retry_after(1)
    }

    pub(crate) fn tls_required() -> Problem {
        let detail = "this port speaks TLS only; ask with https://";
        Problem::new(StatusCode::BAD_REQUEST, ProblemCode::TlsRequired, "TLS is required", detail)
    }

    pub(crate) fn out_of_time() -> Problem {
        let detail = "the answer did not come within this node's time limit";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, ProblemCode::OutOfTime, "Out of time", detail).retry_after(1)
    }

    pub(crate) fn stopping() -> Problem {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, ProblemCode::Stopping, "Stopping", "this node is being stopped")
    }

    pub(crate) fn starting() -> Problem {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, ProblemCode::Starting, "Starting", "this node is not ready yet")
            .retry_after(1)
    }

    pub(crate) fn leaving() -> Problem {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, ProblemCode::Leaving, "Leaving", "this node is leaving the mesh")
    }

    pub(crate) fn stuck(overdue: std::time::Duration) -> Problem {
        let detail = format!("the detector has not run for {}", crate::render::span(overdue));
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, ProblemCode::Stuck, "The detector is stuck", detail)
    }

    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    /// The object as JSON.
    pub(crate) fn to_json(&self) -> String {
        let body = ProblemBody {
            r#type: "about:blank".to_owned(),
            title: self.title.to_owned(),
            status: self.status.as_u16(),
            code: self.code.into(),
            detail: self.detail.clone(),
        };
        // Strings and numbers always serialise; an empty object would still be read as a problem.
        serde_json::to_string(&body).unwrap_or_else(|_| "{}".to_owned())
    }
}

impl From<Stopped> for Problem {
    fn from(_: Stopped) -> Problem {
        Problem::stopping()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status, self.to_json()).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_MEDIA_TYPE));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(allow) = self.allow.and_then(|allow| HeaderValue::try_from(allow).ok()) {
            headers.insert(ALLOW, allow);
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
