//! A connection while it carries plain pings and nothing else: those of peers, all their life.
//!
//! Nothing is allocated for one that is idle. The first request that is no plain ping, or does not come in one piece, is
//! for others: a node's request for a stream for [`super::plain_streams`], and all else for hyper, which then has the
//! connection.

use std::io;
use std::mem::MaybeUninit;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::http::HeaderMap;
use axum::response::IntoResponse as _;
use tokio::io::{AsyncRead as _, AsyncWriteExt as _, ReadBuf};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::connections::Connection;
use super::plain_answers::PlainAnswers;
use super::problem::Problem;
use super::remote::Remote;
use super::route::Route;
use super::socket::Socket;
use super::state::AppState;
use super::{limit, ping};
use crate::api::{NODE_HEADER, PING_HEADERS};
use crate::plain_http::{self, Read};

/// A ping with a mesh key has 420 bytes; a longer request is not plain.
const PING_BYTES: usize = 2 * 1024;

/// What the plain pings of a port are answered with.
pub struct PlainPings {
    pub state: AppState,
    /// Writes the answers; those of streams, too.
    pub(super) answers: PlainAnswers,
}

/// What was read.
enum Request {
    Ping(HeaderMap),
    /// No plain ping.
    Other(Vec<u8>),
    /// The caller has closed the connection.
    End,
}

impl PlainPings {
    pub(super) fn new(state: &AppState) -> PlainPings {
        PlainPings { state: state.clone(), answers: PlainAnswers::default() }
    }

    /// Answers pings until something else comes: its first bytes are what is returned. `None`: the connection has ended, or
    /// was idle for too long, or `closing` is cancelled.
    ///
    /// # Errors
    /// When the connection broke, or the caller does not read (`TimedOut`).
    pub(super) async fn serve(
        &self,
        socket: &mut Socket,
        remote: Remote,
        connection: &Arc<Connection>,
        closing: &CancellationToken,
    ) -> io::Result<Option<Vec<u8>>> {
        let clock = self.state.clock;
        let limit = self.state.config.limits.header_time;
        // Set anew for each request and each answer, which costs nothing while it is moved on only.
        let mut idle = pin!(sleep(limit));
        let mut closing = pin!(closing.cancelled());
        loop {
            let request = tokio::select! {
                biased;
                request = std::future::poll_fn(|cx| poll_request(socket, cx)) => request?,
                () = closing.as_mut() => return Ok(None),
                () = idle.as_mut() => return Ok(None),
            };
            let headers = match request {
                Request::Ping(headers) => headers,
                Request::Other(bytes) => return Ok(Some(bytes)),
                Request::End => return Ok(None),
            };
            connection.begin(headers.contains_key(NODE_HEADER));
            let begun = clock.now();
            idle.as_mut().reset(clock.timer(begun + limit));
            let response = tokio::select! {
                biased;
                response = ping::answer(&self.state, &headers, Some(remote)) => response.into_response(),
                // That of other requests is shorter, and a timer of their own.
                () = idle.as_mut() => Problem::out_of_time().into_response(),
            };
            let response = limit::account(&self.state, Route::Ping, begun, response);
            socket.write_all(&self.answers.whole(response).await).await?;
            socket.flush().await?;
            let now = clock.now();
            connection.answered(now, false);
            idle.as_mut().reset(clock.timer(now + limit));
        }
    }
}

fn poll_request(socket: &mut Socket, cx: &mut Context<'_>) -> Poll<io::Result<Request>> {
    let mut room = [const { MaybeUninit::uninit() }; PING_BYTES];
    let mut buffer = ReadBuf::uninit(&mut room);
    ready!(Pin::new(socket).poll_read(cx, &mut buffer))?;
    let bytes = buffer.filled();
    Poll::Ready(Ok(match plain_http::get(bytes, Route::Ping.path(), &PING_HEADERS) {
        _ if bytes.is_empty() => Request::End,
        Read::Plain(headers) => Request::Ping(headers),
        Read::Part | Read::Unusual => Request::Other(bytes.to_vec()),
    }))
}
