//! hyper on one connection, driven by the caller that waits for the answer.
//!
//! hyper's connection is a future of its own, and the usual way is to give it a
//! task. Here it is polled together with its one request: an answer then wakes
//! one task and not two, which is a third of what a ping costs, and dropping
//! the future closes the connection with nothing left behind.

use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::{Context, Poll};

use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{self, Connection, SendRequest};
use hyper::http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::evidence;
use super::failed::{Failed, of_body, of_status, of_tls, unreadable, without_tls};
use super::signing::Check;
use crate::api::words::ProblemCode;
use crate::api::{ANSWER_BYTES, AnswerBody, PROBLEM_MEDIA_TYPE, caller_headers};
use crate::detector::evidence::Evidence;
use crate::detector::peer::{Answer, Caller};
use crate::mesh_key::guard::Guard;
use crate::mesh_key::tags;
use crate::plain_http::Replay;
use crate::tls::wire::Wire;

/// What a peer's log shows as our user agent.
pub(super) const USER_AGENT: &str = concat!("heartbeat/", env!("CARGO_PKG_VERSION"));

/// The most bytes of an answer's head. Ours has some two hundred.
const HEAD_BYTES: usize = 16 * 1024;

/// The most bytes of a problem object that are read for its title.
const PROBLEM_BYTES: usize = 4 * 1024;

/// Informational heads (1xx) before an answer. A node sends none; a proxy may send one or two. Each costs as much as an
/// answer, and there is no end to them in the protocol.
const INFORMATIONAL_HEADS: u32 = 8;

/// A connection that carries HTTP.
pub(super) struct Exchange {
    sender: SendRequest<Full<Bytes>>,
    connection: Pin<Box<Connection<TokioIo<Listening>, Full<Bytes>>>>,
    heard: Arc<Heard>,
}

/// What has come of the present answer.
#[derive(Default)]
struct Heard {
    any: AtomicBool,
    informational: AtomicU32,
}

impl Heard {
    fn any(&self) -> bool {
        self.any.load(Ordering::Relaxed)
    }

    fn too_many_heads(&self) -> bool {
        self.informational.load(Ordering::Relaxed) > INFORMATIONAL_HEADS
    }

    fn reset(&self) {
        self.any.store(false, Ordering::Relaxed);
        self.informational.store(0, Ordering::Relaxed);
    }

    /// Counts the informational heads that come before the answer to this request.
    fn watch(self: &Arc<Heard>, request: &mut Request<Full<Bytes>>) {
        let heard = Arc::clone(self);
        hyper::ext::on_informational(request, move |_| {
            heard.informational.fetch_add(1, Ordering::Relaxed);
        });
    }
}

impl Exchange {
    /// # Errors
    /// When the connection broke before anything was said.
    pub(super) async fn over(stream: Replay<Wire>) -> hyper::Result<Exchange> {
        let heard = Arc::new(Heard::default());
        let io = TokioIo::new(Listening { stream, heard: Arc::clone(&heard) });
        let (sender, connection) = http1::Builder::new().max_buf_size(HEAD_BYTES).handshake(io).await?;
        Ok(Exchange { sender, connection: Box::pin(connection), heard })
    }

    /// Whether a kept connection still stands, as far as this machine's kernel knows.
    pub(super) async fn is_open(&mut self) -> bool {
        let mut ready = pin!(self.sender.ready());
        std::future::poll_fn(|cx| {
            // First the connection: a peer that has closed it is read from the socket here.
            if self.connection.as_mut().poll(cx).is_ready() {
                return Poll::Ready(false);
            }
            ready.as_mut().poll(cx).map(|ready| ready.is_ok())
        })
        .await
    }

    /// One ping.
    ///
    /// # Errors
    /// How it failed.
    pub(super) async fn ping(&mut self, mut request: Request<Full<Bytes>>, check: Check) -> Result<Answer, Failed> {
        self.heard.reset();
        self.heard.watch(&mut request);
        let heard = &self.heard;
        let sender = &mut self.sender;
        let mut exchange = pin!(async {
            let response = sender.send_request(request).await;
            let response = response.map_err(|error| unanswered(&error, heard.any()))?;
            if heard.too_many_heads() {
                return Err(unreadable("too many informational heads before its answer").into());
            }
            if response.status() != StatusCode::OK {
                return Err(Box::pin(refused_by(response)).await);
            }
            let (head, body) = response.into_parts();
            let body = Limited::new(body, ANSWER_BYTES).collect().await;
            let body = body.map_err(|error| unreadable(&broken_off(&*error)))?.to_bytes();
            read(&check, || head.headers.clone(), &body)
        });
        tokio::select! {
            biased;
            result = &mut exchange => result,
            // The connection is done or broken; the exchange holds what came of it, or the error.
            _ = self.connection.as_mut() => exchange.await,
        }
    }

    /// Sends one request, and gives the head of its answer.
    pub(super) async fn open(&mut self, mut request: Request<Full<Bytes>>) -> hyper::Result<Response<Incoming>> {
        self.heard.reset();
        self.heard.watch(&mut request);
        let mut exchange = pin!(self.sender.send_request(request));
        tokio::select! {
            biased;
            response = &mut exchange => response,
            _ = self.connection.as_mut() => exchange.await,
        }
    }

    /// The next piece of a body that this connection carries; `None` at its end.
    pub(super) async fn piece(&mut self, body: &mut Incoming) -> Option<hyper::Result<Bytes>> {
        loop {
            let mut frame = pin!(body.frame());
            let frame = tokio::select! {
                biased;
                frame = &mut frame => frame,
                _ = self.connection.as_mut() => frame.await,
            };
            match frame? {
                Ok(frame) => {
                    if let Ok(piece) = frame.into_data() {
                        return Some(Ok(piece));
                    }
                }
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

/// A request of this node, and what its answer must show.
pub(super) struct Order {
    pub request: Request<Full<Bytes>>,
    pub check: Check,
}

impl Order {
    /// A ping, as every connection sends it.
    pub(super) fn ping(guard: Option<&Guard>, caller: &Caller, authority: HeaderValue) -> Order {
        Order::new(guard, caller, authority, "/ping", tags::PING)
    }

    /// A request for the event stream.
    pub(super) fn stream(guard: Option<&Guard>, caller: &Caller, authority: HeaderValue) -> Order {
        let mut order = Order::new(guard, caller, authority, "/api/v1/events", tags::EVENTS);
        order.request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static("text/event-stream"));
        order
    }

    fn new(
        guard: Option<&Guard>,
        caller: &Caller,
        authority: HeaderValue,
        path: &'static str,
        op: &'static str,
    ) -> Order {
        let mut request = Request::new(Full::default());
        *request.uri_mut() = hyper::Uri::from_static(path);
        *request.headers_mut() = caller_headers(caller);
        let headers = request.headers_mut();
        let check = Check::sign(guard, op, &[], headers);
        headers.insert(header::HOST, authority);
        headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
        Order { request, check }
    }
}

/// A stream that remembers whether anything was ever read from it, and ends where an answer never begins.
struct Listening {
    stream: Replay<Wire>,
    heard: Arc<Heard>,
}

impl AsyncRead for Listening {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.heard.too_many_heads() {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, "too many informational heads")));
        }
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.heard.any.store(true, Ordering::Relaxed);
        }
        polled
    }
}

impl AsyncWrite for Listening {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// The answer that a body with status 200 is. Its headers are looked at where there is a mesh key, or something is wrong.
pub(super) fn read(check: &Check, headers: impl Fn() -> HeaderMap, body: &[u8]) -> Result<Answer, Failed> {
    // Not even parsed before that: who has no key cannot reach the parser.
    if check.has_key() {
        check.answer(&headers(), body)?;
    }
    let answer = AnswerBody::parse(body).and_then(Answer::try_from);
    answer.map_err(|_| of_body(&headers(), body).into())
}

/// What an exchange without the head of an answer shows.
fn unanswered(error: &hyper::Error, heard: bool) -> Failed {
    if let Some(trouble) = evidence::tls(error) {
        return of_tls(&trouble).into();
    }
    match evidence::of_hyper(error, heard) {
        Evidence::Invalid => unreadable("what answers does not speak HTTP").into(),
        evidence => evidence.into(),
    }
}

/// What an answer with another status than 200 says: its status, and the title of a problem object.
async fn refused_by(response: Response<Incoming>) -> Failed {
    let is_problem = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == PROBLEM_MEDIA_TYPE);
    if !is_problem {
        return of_status(&response, None).into();
    }
    let (head, body) = response.into_parts();
    let body = Limited::new(body, PROBLEM_BYTES).collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let problem: Option<serde_json::Value> = serde_json::from_slice(&body).ok();
    let word = |key: &str| problem.as_ref().and_then(|problem| problem[key].as_str());
    if word("code") == Some(ProblemCode::TlsRequired.as_str()) {
        return without_tls().into();
    }
    of_status(&Response::from_parts(head, ()), word("title")).into()
}

fn broken_off(error: &(dyn std::error::Error + Send + Sync + 'static)) -> String {
    if error.is::<LengthLimitError>() {
        format!("its answer is longer than {} KiB", ANSWER_BYTES / 1024)
    } else {
        "its answer breaks off".to_owned()
    }
}
