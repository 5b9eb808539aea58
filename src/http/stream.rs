//! Server-sent events, by hand: a body made of frames that are written when there is something to say.
//!
//! The framework's own needs a feature that would bring its whole server along,
//! and would not let a stream hold its slot until its reader is gone.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use futures_core::Stream;
use serde::Serialize;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::detector::limits::STREAM_COMMENT;

pub(super) const MEDIA_TYPE: &str = "text/event-stream";
pub(super) const COMMENT: &[u8] = b":\n\n";

/// Says when the server closes; [`super::server::serve`] puts it into every request.
/// Streams end then, because a drain would wait for them without end.
#[derive(Clone, Debug)]
pub(super) struct Closing(pub CancellationToken);

impl Closing {
    /// Without a server, in tests, a request never sees it closing.
    pub(super) fn of(request: &Request) -> CancellationToken {
        request.extensions().get::<Closing>().map(|closing| closing.0.clone()).unwrap_or_default()
    }
}

/// Whether the head of an answer announces a stream.
pub(super) fn is_stream(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|value| value == MEDIA_TYPE)
}

/// What a stream says next. `None` ends it.
pub(super) trait Source: Send + 'static {
    fn next(&mut self) -> impl Future<Output = Option<Bytes>> + Send;
}

/// One message. `data` has no line breaks: it is JSON on one line.
pub(super) fn message(event: &str, id: Option<u64>, data: &str) -> Bytes {
    let id = id.map(|id| format!("id: {id}\n")).unwrap_or_default();
    format!("event: {event}\n{id}data: {data}\n\n").into()
}

/// An event of the ring as a message.
pub(super) fn event(name: &str, seq: u64, body: &impl Serialize) -> Bytes {
    // Our own shapes have string keys and finite numbers, so they always serialise.
    message(name, Some(seq), &serde_json::to_string(body).unwrap_or_else(|_| "{}".to_owned()))
}

/// The response that streams `source` until it ends, `closing` is cancelled, or the reader goes.
/// It begins with a comment, so that the reader's end stands at once.
pub(super) fn response(source: impl Source, closing: CancellationToken) -> Response {
    let mut response = Response::new(body(source, closing, STREAM_COMMENT));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn body(source: impl Source, closing: CancellationToken, comment_every: Duration) -> Body {
    let first = async move { Some((Bytes::from_static(COMMENT), source)) };
    Body::from_stream(Frames { pending: Some(Box::pin(first)), closing, comment_every })
}

type Pending<S> = Pin<Box<dyn Future<Output = Option<(Bytes, S)>> + Send>>;

struct Frames<S> {
    /// `None` once the stream has ended.
    pending: Option<Pending<S>>,
    closing: CancellationToken,
    comment_every: Duration,
}

impl<S: Source> Stream for Frames<S> {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(pending) = self.pending.as_mut() else { return Poll::Ready(None) };
        match pending.as_mut().poll(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(None) => {
                self.pending = None;
                Poll::Ready(None)
            }
            Poll::Ready(Some((frame, source))) => {
                self.pending = Some(Box::pin(advance(source, self.closing.clone(), self.comment_every)));
                Poll::Ready(Some(Ok(frame)))
            }
        }
    }
}

async fn advance<S: Source>(mut source: S, closing: CancellationToken, comment_every: Duration) -> Option<(Bytes, S)> {
    let frame = tokio::select! {
        biased;
        () = closing.cancelled() => return None,
        next = timeout(comment_every, source.next()) => match next {
            Ok(frame) => frame?,
            Err(_) => Bytes::from_static(COMMENT),
        },
    };
    Some((frame, source))
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    struct Count(u32);

    impl Source for Count {
        async fn next(&mut self) -> Option<Bytes> {
            self.0 = self.0.checked_sub(1)?;
            Some(message("n", Some(u64::from(self.0)), "{}"))
        }
    }

    #[tokio::test]
    async fn a_stream_begins_with_a_comment_and_ends_with_its_source() {
        let response = response(Count(2), CancellationToken::new());
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(bytes, ":\n\nevent: n\nid: 1\ndata: {}\n\nevent: n\nid: 0\ndata: {}\n\n");
    }

    struct Quiet;

    impl Source for Quiet {
        async fn next(&mut self) -> Option<Bytes> {
            std::future::pending().await
        }
    }

    #[tokio::test]
    async fn a_quiet_stream_says_so_until_the_server_closes() {
        let closing = CancellationToken::new();
        let every = Duration::from_millis(20);
        let mut body = body(Quiet, closing.clone(), every);
        for _ in 0..3 {
            let frame = timeout(every * 500, body.frame()).await.expect("in time");
            assert_eq!(frame.unwrap().unwrap().into_data().unwrap(), ":\n\n");
        }
        closing.cancel();
        assert!(body.frame().await.is_none());
    }
}
