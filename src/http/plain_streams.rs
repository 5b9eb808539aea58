//! The stream of news to a peer, on a connection that hyper does not have.
//!
//! The request runs through the router like every other; only its head is read and its answer written here. A node has such a
//! stream for each node that watches it, for as long as both live, and hyper would keep two buffers of 8 KiB for each.
//!
//! One thing is coarser than with hyper: a caller that goes while its request is answered, or while it does not read, is
//! noticed when that is over. Both have limits, which hold for pings too.

use std::convert::Infallible;
use std::future::{poll_fn, ready};
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::header::ACCEPT;
use axum::http::{HeaderMap, Request, Uri};
use axum::response::Response;
use http_body_util::BodyExt as _;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead as _, AsyncWriteExt as _, ReadBuf};

use super::connections::Connection;
use super::plain_answers::PlainAnswers;
use super::remote::Remote;
use super::route::Route;
use super::socket::Socket;
use super::stream::{self, Closing};
use crate::api::{NODE_HEADER, PING_HEADERS};
use crate::plain_http::{self, Read};
use crate::runtime::clock::Clock;

/// News that is there is written together, up to so many bytes: what a node has to say at once, and then some.
const WRITTEN_TOGETHER: usize = 16 * 1024;
/// What is read while nothing is expected.
const UNEXPECTED_BYTES: usize = 1024;

/// A caller that has asked for a stream.
pub(super) struct Asked<'a> {
    pub router: &'a Router,
    pub answers: &'a PlainAnswers,
    pub remote: Remote,
    pub connection: &'a Arc<Connection>,
    pub closing: Closing,
    pub clock: Clock,
}

/// The headers of a node's request for a stream, if these bytes are one and nothing else.
pub(super) fn request(bytes: &[u8]) -> Option<HeaderMap> {
    let Read::Plain(headers) = plain_http::get(bytes, Route::Events.path(), &PING_HEADERS) else { return None };
    let wants_stream = headers.get(ACCEPT).is_some_and(|media| media == stream::MEDIA_TYPE);
    (wants_stream && headers.contains_key(NODE_HEADER)).then_some(headers)
}

impl Asked<'_> {
    /// Answers, for as long as the stream lasts. Then the connection is hyper's, with what the caller has sent meanwhile;
    /// `None`: the caller has gone.
    ///
    /// # Errors
    /// When the connection broke, or the caller does not read (`TimedOut`).
    pub(super) async fn serve(self, socket: &mut Socket, headers: HeaderMap) -> io::Result<Option<Vec<u8>>> {
        self.connection.begin(true);
        let response = self.answer(headers).await;
        let streams = stream::is_stream(response.headers());
        self.connection.answered(self.clock.now(), streams);
        if !streams {
            // Bytes that are there: a problem, for what was asked for is a stream.
            write(socket, &self.answers.whole(response).await).await?;
            return Ok(Some(Vec::new()));
        }
        let (head, body) = response.into_parts();
        let rest = send(socket, self.answers.stream_head(head.status, &head.headers), body).await;
        self.connection.answered(self.clock.now(), false);
        if self.closing.0.is_cancelled() {
            // Nothing else is answered, whatever has come; the caller sees the end of the stream, or is gone.
            let _ = socket.shutdown().await;
            return rest.map(|_| None);
        }
        rest
    }

    async fn answer(&self, headers: HeaderMap) -> Response {
        let mut request = Request::new(Body::empty());
        *request.uri_mut() = Uri::from_static(Route::Events.path());
        *request.headers_mut() = headers;
        request.extensions_mut().insert(self.closing.clone());
        request.extensions_mut().insert(self.remote);
        let answered: Result<Response, Infallible> = TowerToHyperService::new(self.router.clone()).call(request).await;
        answered.unwrap_or_else(|never| match never {})
    }
}

/// What happens next on a connection with a stream.
enum Next {
    News(Option<Result<Bytes, axum::Error>>),
    Nothing,
    Came(Vec<u8>),
}

/// Sends a stream after its head. Returns what came of its reader meanwhile, `None` when that has gone.
async fn send(socket: &mut Socket, head: Vec<u8>, mut body: Body) -> io::Result<Option<Vec<u8>>> {
    let mut unsent = head;
    let mut came = Vec::new();
    loop {
        let next = tokio::select! {
            biased;
            news = frame(&mut body), if unsent.len() < WRITTEN_TOGETHER => Next::News(news),
            () = ready(()), if !unsent.is_empty() => Next::Nothing,
            // What comes is for later, and nothing more is read before: it would have no bound.
            bytes = read(socket), if came.is_empty() => Next::Came(bytes?),
        };
        match next {
            Next::News(Some(data)) => plain_http::chunk(&data.map_err(io::Error::other)?, &mut unsent),
            Next::News(None) => {
                plain_http::last_chunk(&mut unsent);
                write(socket, &unsent).await?;
                return Ok(Some(came));
            }
            Next::Nothing => write(socket, &std::mem::take(&mut unsent)).await?,
            Next::Came(bytes) if bytes.is_empty() => return Ok(None),
            Next::Came(bytes) => came = bytes,
        }
    }
}

/// The next data of a body; its trailers are none of a stream's.
async fn frame(body: &mut Body) -> Option<Result<Bytes, axum::Error>> {
    let frame = body.frame().await?;
    Some(frame.map(|frame| frame.into_data().unwrap_or_default()))
}

async fn write(socket: &mut Socket, bytes: &[u8]) -> io::Result<()> {
    socket.write_all(bytes).await?;
    socket.flush().await
}

/// Nothing: the other end is closed.
async fn read(socket: &mut Socket) -> io::Result<Vec<u8>> {
    poll_fn(|cx| {
        let mut room = [const { MaybeUninit::uninit() }; UNEXPECTED_BYTES];
        let mut buffer = ReadBuf::uninit(&mut room);
        Pin::new(&mut *socket).poll_read(cx, &mut buffer).map_ok(|()| buffer.filled().to_vec())
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::AsyncReadExt as _;
    use tokio::time::timeout;

    use super::super::socket::tests::pair;
    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    /// `count` pieces of news that are there at once, and then the end or nothing more.
    struct News {
        count: usize,
        bytes: usize,
        ends: bool,
    }

    impl stream::Source for News {
        async fn next(&mut self) -> Option<Bytes> {
            match self.count.checked_sub(1) {
                Some(left) => self.count = left,
                None if self.ends => return None,
                None => std::future::pending().await,
            }
            Some(vec![b'z'; self.bytes].into())
        }
    }

    fn body(count: usize, bytes: usize, ends: bool) -> Body {
        stream::response(News { count, bytes, ends }, tokio_util::sync::CancellationToken::new()).into_body()
    }

    #[tokio::test]
    async fn much_news_comes_whole_and_what_comes_meanwhile_is_not_lost() {
        let (mut socket, mut caller, _) = pair(LONG).await;
        caller.write_all(b"GET /ping").await.unwrap();
        let reading = async {
            let mut text = Vec::new();
            while !text.ends_with(b"0\r\n\r\n") {
                let read = caller.read_buf(&mut text).await.unwrap();
                assert!(read > 0, "it ended early");
            }
            text
        };
        let (count, bytes) = (5, WRITTEN_TOGETHER + 1);
        let both = async { tokio::join!(send(&mut socket, b"HEAD".to_vec(), body(count, bytes, true)), reading) };
        let (sent, text) = timeout(LONG, both).await.expect("in time");
        // Read while there was nothing to send, or not read yet.
        let mut came = sent.unwrap().expect("its reader is there");
        if came.is_empty() {
            came = timeout(LONG, read(&mut socket)).await.expect("in time").unwrap();
        }
        assert_eq!(came, b"GET /ping");
        let (mut chunks, mut data) = (plain_http::Chunks::default(), Vec::new());
        chunks.feed(text.strip_prefix(b"HEAD").unwrap(), &mut data).unwrap();
        assert!(chunks.has_ended());
        assert_eq!(data.len(), b":\n\n".len() + count * bytes);
    }

    #[tokio::test]
    async fn a_reader_that_goes_ends_it() {
        let (mut socket, caller, _) = pair(LONG).await;
        drop(caller);
        let sent = timeout(LONG, send(&mut socket, Vec::new(), body(0, 0, false))).await.expect("in time");
        // The comment with which it begins may have found a closed socket.
        assert!(sent.is_err() || sent.is_ok_and(|rest| rest.is_none()));
    }

    #[tokio::test]
    async fn a_reader_that_does_not_read_is_given_up() {
        let (mut socket, _caller, _) = pair(Duration::from_millis(100)).await;
        let sent = timeout(LONG, send(&mut socket, Vec::new(), body(usize::MAX, 64 * 1024, false))).await;
        assert_eq!(sent.expect("in time").unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    fn is_one(lines: &str) -> bool {
        request(lines.replace('\n', "\r\n").as_bytes()).is_some()
    }

    #[test]
    fn a_nodes_request_for_a_stream_and_nothing_else() {
        let node = format!("{NODE_HEADER}: node-1\n");
        let asks = format!("GET /api/v1/events HTTP/1.1\nhost: a\naccept: text/event-stream\n{node}");
        assert!(is_one(&format!("{asks}\n")));
        for (other, why) in [
            (asks.replace("events", "events?since=1"), "a reader's"),
            (asks.replace(&node, ""), "no node's"),
            (asks.replace("text/event-stream", "text/event-stream, */*"), "a browser's"),
            (asks.replace("accept", "x-accept"), "a list"),
            (asks.replace("GET", "HEAD"), "no body"),
            (format!("{asks}connection: close\n"), "for hyper"),
            (format!("{asks}\nGET /ping HTTP/1.1\n"), "and another one"),
        ] {
            assert!(!is_one(&format!("{other}\n")), "{why}");
        }
        assert!(!is_one(&asks), "a part");
    }
}
