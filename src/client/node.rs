//! One node, as a command asks it: each request on a connection of its own, within a limit of time and size.
//!
//! The node that is asked may be the faulty one, and what answers may not
//! be a node at all, so nothing is read without a bound.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::http::{HeaderValue, Method, Request, Response, StatusCode, header};
use tokio::time;

use super::connect::{ConnectError, connect};
use super::evidence;
use super::exchange::{Exchange, USER_AGENT};
use super::pieces::Pieces;
use super::resolve::{NameService, Resolver};
use super::stream::EventStream;
use crate::plain_http::Replay;
use crate::tls::Connector;
use crate::tls::store::TlsStore;
use crate::tls::trouble;
use crate::tls::wire::Wire;

/// A node answers at once or is faulty; five seconds distinguish the two on any link.
pub(crate) const REQUEST_TIME_MAX: Duration = Duration::from_secs(5);

/// The part of a request's time that may pass before there is a connection, so that its failure is named as the reason.
const CONNECT_SHARE: f64 = 0.8;

/// The view of a mesh of a thousand peers is about a megabyte.
const BODY_BYTES: usize = 16 * 1024 * 1024;

/// A node by host and port. Clones share what is known of its addresses.
#[derive(Clone, Debug)]
pub(crate) struct NodeClient {
    authority: Arc<str>,
    /// What a proxy in front of the node wants before each path: empty, or `/mesh` and the like.
    prefix: Arc<str>,
    /// Without the brackets of an IPv6 address.
    host: Arc<str>,
    port: u16,
    resolver: Resolver,
    /// `None`: it is asked without TLS.
    tls: Option<Arc<NodeTls>>,
}

/// What the node's certificate is checked with.
#[derive(Debug)]
struct NodeTls {
    store: TlsStore,
    connector: Connector,
}

/// What is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Order<'a> {
    pub method: Method,
    /// With its query.
    pub path: &'a str,
    /// JSON.
    pub body: Option<String>,
    pub bearer_token: Option<&'a str>,
}

impl<'a> Order<'a> {
    /// One that only reads.
    pub(crate) fn get(path: &'a str) -> Order<'a> {
        Order { method: Method::GET, path, body: None, bearer_token: None }
    }
}

/// A whole answer.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub status: u16,
    pub body: String,
}

/// The answer to a request for a stream.
pub(crate) enum Opened {
    Stream(Box<EventStream>),
    /// The node answered with something else, usually a problem.
    Reply(Reply),
}

/// What kept the answer away.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RequestError {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error("{0}")]
    Tls(String),
    #[error("{}", evidence::with_cause(.0))]
    Http(#[from] hyper::Error),
    #[error("the request cannot be written: {0}")]
    Request(#[from] hyper::http::Error),
    #[error("the answer is longer than {} MiB", BODY_BYTES / 1024 / 1024)]
    TooLong,
    #[error("no answer within {} s", .0.as_secs_f64())]
    Late(Duration),
}

impl NodeClient {
    /// The node at `host` (an IPv6 address in brackets) and `port`, its paths after `prefix`.
    pub(crate) fn new(host: &str, port: u16, prefix: &str) -> NodeClient {
        NodeClient {
            authority: format!("{host}:{port}").into(),
            prefix: prefix.trim_end_matches('/').into(),
            host: host.trim_matches(['[', ']']).into(),
            port,
            resolver: Resolver::with(NameService::System, REQUEST_TIME_MAX.mul_f64(CONNECT_SHARE)),
            tls: None,
        }
    }

    /// The same node, asked with TLS.
    pub(crate) fn with_tls(self, store: TlsStore) -> NodeClient {
        NodeClient { tls: Some(Arc::new(NodeTls { store, connector: Connector::default() })), ..self }
    }

    /// What its address begins with.
    pub(crate) fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// One request. It is sent once: a caller that is not sure whether it was heard can ask, or send it again.
    ///
    /// # Errors
    /// What kept the answer away; [`RequestError::Late`] after `limit`.
    pub(crate) async fn send(&self, order: &Order<'_>, limit: Duration) -> Result<Reply, RequestError> {
        within(limit, async {
            let (exchange, response) = self.exchange(order, "application/json", limit).await?;
            read(exchange, response).await
        })
        .await
    }

    /// Opens an event stream. The limit is for its beginning.
    ///
    /// # Errors
    /// As [`NodeClient::send`].
    pub(crate) async fn follow(&self, order: &Order<'_>, limit: Duration) -> Result<Opened, RequestError> {
        within(limit, async {
            let (exchange, response) = self.exchange(order, "text/event-stream", limit).await?;
            if response.status() == StatusCode::OK {
                return Ok(Opened::Stream(Box::new(EventStream::new(Pieces::Hyper(
                    Box::new(exchange),
                    response.into_body(),
                )))));
            }
            read(exchange, response).await.map(Opened::Reply)
        })
        .await
    }

    async fn exchange(
        &self,
        order: &Order<'_>,
        accept: &'static str,
        limit: Duration,
    ) -> Result<(Exchange, Response<Incoming>), RequestError> {
        let request = self.request(order, accept)?;
        let stream = connect(&self.resolver, &self.host, self.port, limit.mul_f64(CONNECT_SHARE)).await?;
        let wire = match &self.tls {
            None => Wire::Plain(stream),
            Some(tls) => {
                let connected = tls.connector.connect(Some(&tls.store), stream, &self.host).await;
                let why = |error| trouble::of(&error).map_or_else(|| error.to_string(), |trouble| trouble.text);
                connected.map_err(|error| RequestError::Tls(why(error)))?
            }
        };
        let mut exchange = Exchange::over(Replay::fresh(wire)).await?;
        let response = exchange.open(request).await?;
        Ok((exchange, response))
    }

    fn request(&self, order: &Order<'_>, accept: &'static str) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
        let mut request = Request::builder()
            .method(order.method.clone())
            .uri(format!("{}{}", self.prefix, order.path))
            .header(header::HOST, &*self.authority)
            .header(header::ACCEPT, accept)
            .header(header::USER_AGENT, USER_AGENT);
        if let Some(token) = order.bearer_token {
            let mut value = HeaderValue::try_from(format!("Bearer {token}"))?;
            value.set_sensitive(true);
            request = request.header(header::AUTHORIZATION, value);
        }
        if order.body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        request.body(Full::new(Bytes::from(order.body.clone().unwrap_or_default())))
    }
}

impl fmt::Display for NodeClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.authority, self.prefix)
    }
}

/// The whole body, as far as it is not too long.
async fn read(mut exchange: Exchange, response: Response<Incoming>) -> Result<Reply, RequestError> {
    let status = response.status().as_u16();
    let mut incoming = response.into_body();
    let mut body = Vec::new();
    while let Some(piece) = exchange.piece(&mut incoming).await {
        let piece = piece?;
        if body.len() + piece.len() > BODY_BYTES {
            return Err(RequestError::TooLong);
        }
        body.extend_from_slice(&piece);
    }
    Ok(Reply { status, body: String::from_utf8_lossy(&body).into_owned() })
}

async fn within<T>(limit: Duration, work: impl Future<Output = Result<T, RequestError>>) -> Result<T, RequestError> {
    time::timeout(limit, work).await.unwrap_or(Err(RequestError::Late(limit)))
}
