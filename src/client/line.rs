//! A connection to a peer, for its pings or its stream of news.
//!
//! What is plain is written and read here, with no more memory than the socket's own while nothing is under way. An answer
//! that is not plain is given to hyper ([`Exchange`]) with all that was read of it, and hyper has the connection from then
//! on. So this file only knows how things go well.

use std::pin::Pin;
use std::task::Poll;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::http::{HeaderMap, Request, StatusCode, header};
use tokio::io::{AsyncRead as _, AsyncReadExt as _, AsyncWriteExt as _, ReadBuf};

use super::evidence;
use super::exchange::{Exchange, Order, read};
use super::failed::Failed;
use super::pieces::Pieces;
use super::signing::Check;
use crate::api::ANSWER_BYTES;
use crate::detector::evidence::Evidence;
use crate::detector::peer::Answer;
use crate::plain_http::{self, AnswerHead, Read, Replay};
use crate::tls::wire::Wire;

/// Room for an answer as most are: its head has some 170 bytes, its body 150 and some for each change that it tells.
const ROOM: usize = 512;
/// A longer head is not plain.
const HEAD_BYTES: usize = 4 * 1024;

/// A connection to a peer.
pub(super) enum Line {
    Plain(Wire),
    Hyper(Box<Exchange>),
    /// Nothing more can be sent.
    Used,
}

/// What came of a request.
enum Asked {
    /// A plain answer, whole or with the beginning of its stream.
    Plain { wire: Wire, head: AnswerHead, bytes: Vec<u8> },
    /// What hyper will read.
    Other(Replay<Wire>),
}

/// What is plain.
#[derive(Clone, Copy)]
enum Wanted {
    Whole,
    Stream,
}

impl Wanted {
    fn accepts(self, head: &AnswerHead, bytes: &[u8]) -> bool {
        match self {
            Wanted::Whole => head.end().is_some(),
            Wanted::Stream => head.end().is_none() && is_stream(&plain_http::answer_headers(&bytes[..head.length])),
        }
    }
}

impl Line {
    pub(super) fn new(wire: Wire) -> Line {
        Line::Plain(wire)
    }

    /// Whether a kept connection still stands, as far as this machine's kernel knows.
    pub(super) async fn is_open(&mut self) -> bool {
        match self {
            // Closed, broken, or it says something without being asked.
            Line::Plain(wire) => {
                let mut byte = [0];
                let mut buffer = ReadBuf::new(&mut byte);
                std::future::poll_fn(|cx| Poll::Ready(Pin::new(&mut *wire).poll_read(cx, &mut buffer).is_pending()))
                    .await
            }
            Line::Hyper(exchange) => exchange.is_open().await,
            Line::Used => false,
        }
    }

    /// One ping.
    ///
    /// # Errors
    /// How it failed.
    pub(super) async fn ping(&mut self, Order { request, check }: Order) -> Result<Answer, Failed> {
        let asked = match std::mem::replace(self, Line::Used) {
            Line::Plain(wire) => ask(wire, &request, Wanted::Whole).await,
            Line::Hyper(exchange) => return Box::pin(self.go_on(exchange, request, check)).await,
            Line::Used => return Err(Evidence::Refused.into()),
        };
        match asked {
            Asked::Plain { wire, head, bytes } => {
                let end = head.end().unwrap_or(bytes.len());
                if head.stays && bytes.len() == end {
                    *self = Line::Plain(wire);
                }
                let (head, body) = bytes[..end].split_at(head.length);
                read(&check, || plain_http::answer_headers(head), body)
            }
            Asked::Other(replay) => Box::pin(self.hand_over(replay, request, check)).await,
        }
    }

    async fn hand_over(
        &mut self,
        replay: Replay<Wire>,
        request: Request<Full<Bytes>>,
        check: Check,
    ) -> Result<Answer, Failed> {
        let exchange = Exchange::over(replay).await.map_err(|error| evidence::of_hyper(&error, false))?;
        self.go_on(Box::new(exchange), request, check).await
    }

    async fn go_on(
        &mut self,
        mut exchange: Box<Exchange>,
        request: Request<Full<Bytes>>,
        check: Check,
    ) -> Result<Answer, Failed> {
        let answer = exchange.ping(request, check).await;
        *self = Line::Hyper(exchange);
        answer
    }

    /// Asks for a stream of events. `None`: the peer gives none.
    pub(super) async fn open(self, request: Request<Full<Bytes>>) -> Option<Pieces> {
        let Line::Plain(wire) = self else { return None };
        match ask(wire, &request, Wanted::Stream).await {
            Asked::Plain { wire, head, bytes } => Some(Pieces::plain(wire, bytes[head.length..].to_vec())),
            Asked::Other(replay) => {
                let mut exchange = Box::new(Exchange::over(replay).await.ok()?);
                let response = exchange.open(request).await.ok()?;
                let streams = response.status() == StatusCode::OK && is_stream(response.headers());
                streams.then(|| Pieces::Hyper(exchange, response.into_body()))
            }
        }
    }
}

fn is_stream(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"))
}

/// Sends a request and reads its answer, as far as it is what is wanted.
async fn ask(mut wire: Wire, request: &Request<Full<Bytes>>, wanted: Wanted) -> Asked {
    let sent = async {
        wire.write_all(&plain_http::request_bytes(request)).await?;
        // TLS keeps what the kernel did not take.
        wire.flush().await
    };
    if let Err(failed) = sent.await {
        return Asked::Other(Replay::unsent(wire, failed));
    }
    let mut bytes = Vec::with_capacity(ROOM);
    let mut head = None;
    loop {
        match wire.read_buf(&mut bytes).await {
            // hyper will read the end once more.
            Ok(0) => return Asked::Other(Replay::answered(wire, bytes, None)),
            Ok(_) => {}
            Err(failed) => return Asked::Other(Replay::answered(wire, bytes, Some(failed))),
        }
        if head.is_none() {
            match plain_http::answer(&bytes, ANSWER_BYTES) {
                Read::Part if bytes.len() < HEAD_BYTES => {}
                Read::Plain(found) if wanted.accepts(&found, &bytes) => head = Some(found),
                _ => return Asked::Other(Replay::answered(wire, bytes, None)),
            }
        }
        // A stream has begun with its head.
        if let Some(head) = head.take_if(|head| head.end().is_none_or(|end| bytes.len() >= end)) {
            return Asked::Plain { wire, head, bytes };
        }
    }
}
