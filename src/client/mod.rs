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
mod line;
pub(crate) mod node;
pub(crate) mod one_shot;
mod pieces;
mod rare;
mod resolve;
mod shortage;
mod signing;
mod sse;
mod stream;
mod target;
mod tls_names;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use self::connect::ConnectError;
use self::exchange::{Order, USER_AGENT};
pub(crate) use self::failed::Failed;
use self::keep_alive::{Carrier, FailedRenewals};
use self::one_shot::Fresh;
pub(crate) use self::resolve::NameService;
use self::resolve::Resolver;
pub(crate) use self::shortage::Shortage;
pub(crate) use self::sse::Parser as EventParser;
pub(crate) use self::stream::{EventStream, NewsStream, StreamEnd};
use self::target::Address;
pub(crate) use self::target::InvalidTarget;
pub use self::target::Target;
pub(crate) use self::target::is_loopback;
use self::tls_names::TlsNames;
use crate::detector::discovery::DnsName;
use crate::detector::evidence::Evidence;
use crate::detector::peer::{Answer, Caller};
use crate::mesh::MeshKeyId;
use crate::mesh_key::guard::Guard;
use crate::tls::store::TlsStore;

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

/// The client. Clones share their connections.
#[derive(Clone, Debug)]
pub struct Client {
    /// For what is asked now and then: questions, rows and goodbyes.
    pooled: reqwest::Client,
    resolver: Resolver,
    settings: ClientSettings,
    failed_renewals: FailedRenewals,
    shortage: Shortage,
    /// `None`: this node has no mesh key.
    guard: Option<Guard>,
    /// `None`: this node can ask no peer with TLS.
    tls: Option<TlsStore>,
    /// Which found addresses are asked with TLS.
    tls_names: TlsNames,
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
        Ok(Client {
            pooled,
            resolver,
            settings,
            failed_renewals: FailedRenewals::default(),
            shortage: Shortage::default(),
            guard: None,
            tls: None,
            tls_names: TlsNames::default(),
        })
    }

    /// Whom this client asks when no descriptor is left for a connection.
    pub(crate) fn shortage(&self) -> &Shortage {
        &self.shortage
    }

    /// The same with a mesh key.
    pub(crate) fn guarded(self, guard: Option<Guard>) -> Client {
        Client { guard, ..self }
    }

    /// The same with certificates.
    pub(crate) fn with_tls(self, tls: Option<TlsStore>) -> Client {
        Client { tls, ..self }
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
        let answer = carrier.line.ping(Order::ping(self.guard.as_ref(), caller, target.0.authority.clone())).await?;
        let worn = carrier.carried(&self.failed_renewals);
        target.0.kept.keep(carrier);
        Ok((answer, worn))
    }

    /// Puts a new connection in the place of the kept one, or nothing where none can be opened.
    pub async fn renew(&self, target: &Target) {
        // No detector cancels this, and one that waits must not be joined by one for each ping to come.
        match timeout(self.settings.connect_timeout, self.carrier(target)).await {
            Ok(Ok(carrier)) => target.0.kept.keep(carrier),
            // The next ping opens one itself, and says how that fails.
            Ok(Err(_)) | Err(_) => {
                target.0.kept.forget();
                self.failed_renewals.count();
            }
        }
    }

    async fn carrier(&self, target: &Target) -> Result<Carrier, Failed> {
        let line = self.connect(target).await?.into_line().await?;
        Ok(Carrier::new(line, &self.failed_renewals))
    }

    /// A new connection to the peer, for one check. TLS on it is not begun: that it stands shows something already.
    ///
    /// # Errors
    /// How it failed: refused, silent, or a name that does not resolve.
    pub async fn connect(&self, target: &Target) -> Result<Fresh, Evidence> {
        let Address { host, port, .. } = &*target.0;
        let dial = || connect::connect(&self.resolver, host, *port, self.settings.connect_timeout);
        let stream = self.shortage.retry(dial, ConnectError::is_shortage).await;
        let stream = stream.map_err(|error| error.evidence())?;
        Ok(Fresh::new(stream, target.clone(), self.guard.clone(), self.tls.clone()))
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

    /// Every address that a name leads to now.
    ///
    /// # Errors
    /// Why there is none, in the words of the system.
    pub async fn look_up(&self, name: &DnsName, limit: Duration) -> Result<Vec<SocketAddr>, Arc<str>> {
        let found = self.resolver.look_up_now(&name.host, limit).await?;
        let found: Vec<SocketAddr> = found.into_iter().map(|ip| SocketAddr::new(ip, name.port)).collect();
        if name.tls {
            self.tls_names.found(&name.host, &found);
        }
        Ok(found)
    }

    /// The peer at an address that was found by looking up a name.
    ///
    /// # Errors
    /// When too many addresses were found to remember whether this one is to be asked with TLS.
    pub fn target_at(&self, address: SocketAddr) -> Result<Target, InvalidTarget> {
        let name = self.tls_names.of(address).map_err(|_| InvalidTarget)?;
        Target::at(address, name.as_deref())
    }
}

#[cfg(test)]
mod tests;
