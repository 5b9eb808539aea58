//! One connection, from its beginning to its end.

use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;
use tokio::task::yield_now;
use tokio_util::sync::CancellationToken;

use super::connections::{Connection, Connections};
use super::opening::begin;
use super::plain_pings::PlainPings;
use super::remote::Remote;
use super::socket::Socket;
use super::stream::{self, Closing};
use super::trouble::{Kind, Troubles};
use super::{ping, plain_streams};
use crate::api::NODE_HEADER;
use crate::plain_http::Replay;
use crate::runtime::clock::Clock;
use crate::telemetry::Metrics;
use crate::telemetry::ends::Closed;
use crate::tls::Acceptor;

/// Requests that one connection is served in one turn of the runtime. A peer sends one in each interval.
const REQUESTS_PER_TURN: u32 = 4;

/// What a connection is served with.
pub(super) struct Serving {
    pub http: http1::Builder,
    pub router: Router,
    /// What answers plain requests of nodes without hyper.
    pub pings: Option<Arc<PlainPings>>,
    pub tls: Option<Acceptor>,
    pub connections: Arc<Connections>,
    pub metrics: Arc<Metrics>,
    pub troubles: Arc<Troubles>,
    pub clock: Clock,
    pub write_time: Duration,
    pub port: &'static str,
    pub cancel: CancellationToken,
}

impl Serving {
    /// Serves it until its caller or this node ends it.
    pub(super) async fn run(self, stream: TcpStream, remote: Remote, connection: Arc<Connection>) {
        let begun = tokio::select! {
            biased;
            begun = begin(self.tls.as_ref(), stream, remote) => begun,
            () = connection.closed.cancelled() => Err(None),
            () = self.cancel.cancelled() => Err(None),
        };
        let unread = match begun {
            Ok((wire, remote)) => {
                let socket = Socket::new(wire, Arc::clone(&connection), self.clock, self.write_time);
                self.serve(socket, remote, &connection).await
            }
            Err(why) => {
                if let Some(why) = why {
                    self.metrics.server().closed(Closed::Handshake);
                    let place = || format!("{} ({why})", remote.address);
                    self.troubles.happened(Kind::Handshake, self.port, self.clock.now(), place);
                }
                false
            }
        };
        self.connections.release(&connection);
        if unread {
            self.metrics.server().closed(Closed::Unread);
            self.troubles.happened(Kind::Unread, self.port, self.clock.now(), || remote.address.to_string());
        }
    }

    /// Returns whether it ended because its caller did not read. How else it ends is its caller's business: most end by
    /// being closed, and a caller that sends nonsense has been answered by hyper.
    async fn serve(&self, mut socket: Socket, remote: Remote, connection: &Arc<Connection>) -> bool {
        let mut first = Vec::new();
        if let Some(pings) = &self.pings {
            let served = tokio::select! {
                biased;
                served = self.serve_plain(pings, &mut socket, remote, connection) => served,
                () = connection.closed.cancelled() => Ok(None),
            };
            match served {
                Ok(Some(bytes)) => first = bytes,
                Ok(None) => return false,
                Err(error) => return error.kind() == io::ErrorKind::TimedOut,
            }
        }
        // Apart, because it is large, and the connections of peers seldom come here.
        Box::pin(self.serve_all(Replay::read(socket, first), remote, connection)).await
    }

    /// Serves plain pings and a plain stream. Returns the beginning of what is neither.
    async fn serve_plain(
        &self,
        pings: &PlainPings,
        socket: &mut Socket,
        remote: Remote,
        connection: &Arc<Connection>,
    ) -> io::Result<Option<Vec<u8>>> {
        let Some(first) = pings.serve(socket, remote, connection, &self.cancel).await? else { return Ok(None) };
        let Some(headers) = plain_streams::request(&first) else { return Ok(Some(first)) };
        let (router, clock, closing) = (&self.router, self.clock, Closing(self.cancel.clone()));
        let answers = &pings.answers;
        let asked = plain_streams::Asked { router, answers, remote, connection, closing, clock };
        // Apart, so that a connection for pings has no room for it.
        Box::pin(asked.serve(socket, headers)).await
    }

    /// Serves what is not plain.
    async fn serve_all(&self, socket: Replay<Socket>, remote: Remote, connection: &Arc<Connection>) -> bool {
        let service = self.service(remote, Arc::clone(connection));
        let mut http = pin!(self.http.serve_connection(TokioIo::new(socket), service));
        let ended = tokio::select! {
            biased;
            ended = http.as_mut() => ended,
            () = connection.closed.cancelled() => Ok(()),
            () = self.cancel.cancelled() => {
                http.as_mut().graceful_shutdown();
                http.await
            }
        };
        ended.is_err_and(|error| is_unread(&error))
    }

    /// The routes, for one connection. It takes part in the turns of the one thread with a few requests at a time,
    /// however many its caller has sent at once.
    fn service(
        &self,
        remote: Remote,
        connection: Arc<Connection>,
    ) -> impl hyper::service::Service<
        Request<Incoming>,
        Response = Response<Body>,
        Error = Infallible,
        Future: Future + Send + 'static,
    > + Send
    + 'static {
        let (pings, clock, closing) = (self.pings.clone(), self.clock, Closing(self.cancel.clone()));
        let router = TowerToHyperService::new(self.router.clone());
        let served = AtomicU32::new(0);
        hyper::service::service_fn(move |request: Request<Incoming>| {
            connection.begin(request.headers().contains_key(NODE_HEADER));
            let turn_is_over = served.fetch_add(1, Ordering::Relaxed) % REQUESTS_PER_TURN == REQUESTS_PER_TURN - 1;
            let connection = Arc::clone(&connection);
            let asked = match &pings {
                Some(pings) if ping::is_plain(&request) => Asked::Ping(Arc::clone(pings), request),
                _ => {
                    let mut request = request.map(Body::new);
                    request.extensions_mut().insert(closing.clone());
                    request.extensions_mut().insert(remote);
                    Asked::Route(router.clone(), request)
                }
            };
            async move {
                if turn_is_over {
                    yield_now().await;
                }
                let response = match asked {
                    Asked::Ping(pings, request) => Ok(ping::ahead(&pings.state, request.headers(), remote).await),
                    Asked::Route(router, request) => hyper::service::Service::call(&router, request).await,
                };
                let streams = response.as_ref().is_ok_and(|response| stream::is_stream(response.headers()));
                connection.answered(clock.now(), streams);
                response
            }
        })
    }
}

/// A request, and what answers it.
enum Asked {
    Ping(Arc<PlainPings>, Request<Incoming>),
    Route(TowerToHyperService<Router>, Request<Body>),
}

/// Whether a connection ended because its caller did not read.
fn is_unread(error: &hyper::Error) -> bool {
    let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<io::Error>());
    cause.is_some_and(|cause| cause.kind() == io::ErrorKind::TimedOut)
}
