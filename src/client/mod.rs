//! How a node is reached over HTTP, and the only owner of a client for it.
//!
//! A node makes three kinds of requests to its peers, because they answer three
//! questions. The *scheduled* ping asks "how long does it take?" and runs over
//! one kept connection for each peer (`keep_alive`), so that a round trip is a
//! round trip and not a handshake. A *check* asks "what is wrong?" and always
//! makes a connection of its own (`one_shot`), because only a new connection
//! distinguishes a refusal from silence and from a process that no longer reads; a kept
//! one reports the past. Rare requests (questions to witnesses, rows of the
//! matrix, goodbyes) go through reqwest.
//!
//! A command asks one node (`node`), over a connection that is looked up and
//! dialled as those of peers are (`connect`, `dial`), and reads streams with the
//! same parser (`sse`, `stream`).
//!
//! For peers no time limit is set here except for connecting: the detector cancels
//! by observer time, and dropping a request closes its connection. Redirects,
//! proxies from the environment and retries are off: a request goes to the node
//! that it is for, or nowhere.
//!
//! Turned down: reqwest for checks, which cannot say "connected" before the
//! answer comes; reqwest for scheduled pings and streams, which costs twice as
//! much (see `keep_alive`); reqwest for commands, whose connector takes 300 ms
//! to try the second family (see `dial`).

mod connect;
mod dial;
mod evidence;
mod exchange;
mod failed;
mod keep_alive;
pub(crate) mod node;
pub(crate) mod one_shot;
mod resolve;
mod signing;
mod sse;
mod stream;

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hyper::http::{HeaderMap, HeaderValue};
use url::Url;

use self::exchange::{Exchange, Order, USER_AGENT};
pub(crate) use self::failed::Failed;
use self::keep_alive::{Carrier, FailedRenewals, Kept};
use self::one_shot::Fresh;
pub(crate) use self::resolve::NameService;
use self::resolve::Resolver;
use self::signing::Check;
pub(crate) use self::sse::Parser as EventParser;
pub(crate) use self::stream::{EventStream, NewsStream, StreamEnd};
use crate::api::{
    HISTORY_BYTES, History, HistoryBody, ROW_BYTES, RowBody, TESTIMONY_BYTES, TestimonyBody, WHY_BYTES, WhyBody,
    caller_headers,
};
use crate::config::hosts::is_localhost;
use crate::detector::evidence::Evidence;
use crate::detector::peer::{Answer, BootId, Caller, NodeName, Testimony};
use crate::mesh::MeshKeyId;
use crate::mesh_key::guard::Guard;
use crate::mesh_key::tags;

/// Questions come once an interval while something is wrong, and then not for days.
const IDLE: Duration = Duration::from_secs(10);

/// What the client needs to know of the detector's settings.
#[derive(Clone, Copy, Debug)]
pub struct ClientSettings {
    /// How long a connection may take, name lookup included.
    pub connect_timeout: Duration,
    /// How long a witness may take to answer.
    pub question_timeout: Duration,
}

/// Where a peer is. All requests' parts that never change are made once, and clones share them.
#[derive(Clone, Debug)]
pub struct Target(Arc<Address>);

#[derive(Debug)]
struct Address {
    base: Url,
    ping: Url,
    row: Url,
    host: String,
    port: u16,
    authority: HeaderValue,
    kept: Kept,
}

/// The client. Clones share their connections.
#[derive(Clone, Debug)]
pub struct Client {
    /// For what is asked now and then: questions, rows and goodbyes.
    pooled: reqwest::Client,
    resolver: Resolver,
    settings: ClientSettings,
    failed_renewals: FailedRenewals,
    /// `None`: this node has no mesh key.
    guard: Option<Guard>,
}

/// Why a URL is not a peer's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a peer's address is http://host:port")]
pub struct InvalidTarget;

impl Target {
    /// The peer at `url`; only the scheme, host and port count.
    ///
    /// # Errors
    /// [`InvalidTarget`] when it has no host or is not `http`.
    pub fn new(url: &Url) -> Result<Target, InvalidTarget> {
        let host = url.host_str().filter(|_| url.scheme() == "http").ok_or(InvalidTarget)?;
        let port = url.port_or_known_default().ok_or(InvalidTarget)?;
        let authority = HeaderValue::from_str(&format!("{host}:{port}")).map_err(|_| InvalidTarget)?;
        Ok(Target(Arc::new(Address {
            ping: url.join("/ping").map_err(|_| InvalidTarget)?,
            row: url.join("/api/v1/row").map_err(|_| InvalidTarget)?,
            base: url.clone(),
            host: host.trim_matches(['[', ']']).to_owned(),
            port,
            authority,
            kept: Kept::default(),
        })))
    }

    /// The peer at an address that was found by looking a name up.
    ///
    /// # Errors
    /// Never for an address; the types do not know that.
    pub fn at(address: SocketAddr) -> Result<Target, InvalidTarget> {
        Target::new(&Url::parse(&format!("http://{address}")).map_err(|_| InvalidTarget)?)
    }

    /// Whether the way to this peer stays on this machine, so that both mean the same by "localhost".
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.0.host)
    }

    /// The address of a peer that is not known by a name.
    pub fn address(&self) -> Option<IpAddr> {
        self.0.host.parse().ok()
    }

    /// Where to ask this peer about another. Names may hold characters that
    /// mean something in a URL, so they are escaped.
    fn witness(&self, node: &NodeName, boot: BootId) -> Url {
        let mut url = self.0.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.clear().extend(["api", "v1", "witness", node.as_str(), &boot.to_string()]);
        }
        url
    }
}

impl fmt::Display for Target {
    /// `host:port`, as it was written.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.authority.to_str().unwrap_or_default())
    }
}

impl Client {
    /// A client that has no connection yet.
    ///
    /// # Errors
    /// When the HTTP client cannot be built, which no setting of ours can cause.
    pub fn new(settings: ClientSettings) -> Result<Client, reqwest::Error> {
        Client::with_names(settings, NameService::System)
    }

    /// The same with names looked up somewhere else.
    ///
    /// # Errors
    /// As [`Client::new`].
    pub fn with_names(settings: ClientSettings, names: NameService) -> Result<Client, reqwest::Error> {
        // Less than the connect timeout, or a slow name server would look like a silent peer.
        let resolver = Resolver::with(names, settings.connect_timeout.mul_f64(0.8));
        let pooled = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .http1_only()
            .user_agent(USER_AGENT)
            .tcp_nodelay(true)
            .connect_timeout(settings.connect_timeout)
            .dns_resolver(resolver.clone())
            .pool_max_idle_per_host(1)
            .pool_idle_timeout(IDLE)
            .build()?;
        Ok(Client { pooled, resolver, settings, failed_renewals: FailedRenewals::default(), guard: None })
    }

    /// The same with a mesh key.
    pub(crate) fn guarded(self, guard: Option<Guard>) -> Client {
        Client { guard, ..self }
    }

    /// Whether it has a mesh key.
    pub(crate) fn has_key(&self) -> bool {
        self.guard.is_some()
    }

    /// The names of its mesh keys, the one that signs first.
    pub(crate) fn mesh_keys(&self) -> Vec<MeshKeyId> {
        self.guard.iter().flat_map(Guard::ids).map(MeshKeyId).collect()
    }

    /// Whether only answers that are made with a mesh key count.
    pub(crate) fn requires_key(&self) -> bool {
        self.guard.as_ref().is_some_and(Guard::requires)
    }

    /// One ping over the kept connection. With the answer comes whether the
    /// connection has carried enough and wants to be [renewed](Client::renew).
    ///
    /// # Errors
    /// How it failed.
    pub async fn ping(&self, target: &Target, caller: &Caller) -> Result<(Answer, bool), Failed> {
        let mut carrier = match target.0.kept.take().await {
            Some(carrier) => carrier,
            // Rare and large: apart, so that the task of each ping is small.
            None => Box::pin(self.carrier(target)).await?,
        };
        let answer =
            carrier.exchange.ping(Order::ping(self.guard.as_ref(), caller, target.0.authority.clone())).await?;
        let worn = carrier.carried(&self.failed_renewals);
        target.0.kept.keep(carrier);
        Ok((answer, worn))
    }

    /// Puts a new connection in the place of the kept one, or nothing where none can be opened.
    pub async fn renew(&self, target: &Target) {
        match self.carrier(target).await {
            Ok(carrier) => target.0.kept.keep(carrier),
            // The next ping opens one itself, and says how that fails.
            Err(_) => {
                target.0.kept.forget();
                self.failed_renewals.count();
            }
        }
    }

    async fn carrier(&self, target: &Target) -> Result<Carrier, Evidence> {
        let exchange = Exchange::handshake(self.connect(target).await?.into_stream()).await?;
        Ok(Carrier::new(exchange, &self.failed_renewals))
    }

    /// A new connection to the peer, for one check.
    ///
    /// # Errors
    /// How it failed: refused, silent, or a name that does not resolve.
    pub async fn connect(&self, target: &Target) -> Result<Fresh, Evidence> {
        let Address { host, port, .. } = &*target.0;
        let stream = connect::connect(&self.resolver, host, *port, self.settings.connect_timeout).await;
        let stream = stream.map_err(|error| error.evidence())?;
        Ok(Fresh::new(stream, target.0.authority.clone(), self.guard.clone()))
    }

    /// Whether some name that was looked up leads to this address.
    pub(crate) fn knows(&self, address: IpAddr) -> bool {
        self.resolver.knows(address)
    }

    /// Whether the peer at `target` has this address, by the last lookup of its name.
    pub(crate) fn leads_to(&self, target: &Target, address: IpAddr) -> bool {
        match target.address() {
            Some(own) => resolve::is_same(own, address),
            None => self.resolver.leads_to(&target.0.host, address),
        }
    }

    /// Every address that `host` leads to now.
    ///
    /// # Errors
    /// Why there is none, in the words of the system.
    pub async fn look_up(&self, host: &str, limit: Duration) -> Result<Vec<IpAddr>, Arc<str>> {
        self.resolver.look_up_now(host, limit).await
    }

    /// Asks the peer at `target` for a ping of `node`. Everything but a clear answer in time is no opinion; where a key is
    /// required, so is one of another node or boot than `witness`.
    pub async fn ask(
        &self,
        target: &Target,
        caller: &Caller,
        (node, boot): (&NodeName, BootId),
        witness: Option<&(NodeName, BootId)>,
    ) -> Testimony {
        let args = [node.as_str(), &boot.to_string()];
        let (request, check) = self.signed(target.witness(node, boot), caller_headers(caller), tags::WITNESS, &args);
        let exchange = async {
            let body = TestimonyBody::read(&body(request, &check, TESTIMONY_BYTES).await?)?;
            let is_asked = witness.is_some_and(|(node, boot)| body.is_of(node, *boot));
            (is_asked || !self.requires_key()).then(|| body.testimony())
        };
        match tokio::time::timeout(self.settings.question_timeout, exchange).await {
            Ok(Some(testimony)) => testimony,
            Ok(None) | Err(_) => Testimony::NoOpinion,
        }
    }

    /// The peer's row of the matrix; `None` when it does not give one, whatever the reason. The caller sets the limit.
    /// Where a key is required it must be `node`'s: a member's row may be redirected as well.
    pub async fn row(&self, target: &Target, node: Option<&NodeName>) -> Option<RowBody> {
        let (request, check) = self.signed(target.0.row.clone(), HeaderMap::new(), tags::ROW, &[]);
        let row = RowBody::parse(&body(request, &check, ROW_BYTES).await?).ok()?;
        (!self.requires_key() || row.node.known() == node).then_some(row)
    }

    /// What the peer saw after its event number `since`; `None` when it does not say. The caller sets the limit.
    pub async fn history(&self, target: &Target, since: u64) -> Option<History> {
        let mut url = target.0.base.join("/api/v1/history").ok()?;
        let since = since.to_string();
        url.set_query(Some(&format!("since={since}")));
        let (request, check) = self.signed(url, HeaderMap::new(), tags::HISTORY, &[&since]);
        HistoryBody::read(&body(request, &check, HISTORY_BYTES).await?).ok()
    }

    /// The peer's evidence about `about`, a node that it watches; `None` when it does not give it. The caller sets the limit.
    pub async fn why(&self, target: &Target, about: &str) -> Option<WhyBody> {
        let mut url = target.0.base.join("/api/v1/why/").ok()?;
        url.path_segments_mut().ok()?.pop_if_empty().push(about);
        let (request, check) = self.signed(url, HeaderMap::new(), tags::WHY, &[about]);
        serde_json::from_slice(&body(request, &check, WHY_BYTES).await?).ok()
    }

    /// Sends the peer a goodbye. Whether it arrived is not checked.
    pub async fn goodbye(&self, target: &Target, caller: &Caller) {
        let (request, _) = self.signed(target.0.ping.clone(), caller_headers(caller), tags::PING, &[]);
        // A peer that does not hear it finds the connection refused and says "down": the truth, less politely.
        let _ = request.send().await;
    }

    /// Opens an event stream to the peer; `None` when it does not want one, cannot be reached, or does not show the key.
    pub async fn open_stream(&self, target: &Target, caller: &Caller) -> Option<NewsStream> {
        let exchange = Exchange::handshake(self.connect(target).await.ok()?.into_stream()).await.ok()?;
        let order = Order::stream(self.guard.as_ref(), caller, target.0.authority.clone());
        NewsStream::open(exchange, order).await
    }

    fn signed(&self, url: Url, mut headers: HeaderMap, op: &str, args: &[&str]) -> (reqwest::RequestBuilder, Check) {
        let check = Check::sign(self.guard.as_ref(), op, args, &mut headers);
        (self.pooled.get(url).headers(headers), check)
    }
}

/// Whether a host, as written in an address, is the machine that reads it.
pub(crate) fn is_loopback(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']);
    is_localhost(host) || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// The body of an answer of 200 and at most `limit` bytes; `None` when it is anything else, is longer, breaks off or does
/// not pass the check.
async fn body(request: reqwest::RequestBuilder, check: &Check, limit: usize) -> Option<Vec<u8>> {
    let mut response = request.send().await.ok()?;
    if response.status() != reqwest::StatusCode::OK {
        return None;
    }
    let announced = response.content_length().unwrap_or(0);
    if announced > limit as u64 {
        return None;
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.ok()? {
        if body.len() + chunk.len() > limit {
            return None;
        }
        body.extend_from_slice(&chunk);
    }
    check.answer(response.headers(), &body).ok()?;
    Some(body)
}

#[cfg(test)]
mod tests;
