//! Where a peer is, and how it is reached.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use hyper::http::HeaderValue;
use url::Url;

use super::keep_alive::Kept;
use crate::config::hosts::is_localhost;
use crate::detector::peer::{BootId, NodeName};
use crate::tls::Connector;

/// Where a peer is. All requests' parts that never change are made once, and clones share them.
#[derive(Clone, Debug)]
pub struct Target(pub(super) Arc<Address>);

#[derive(Debug)]
pub(super) struct Address {
    pub base: Url,
    pub ping: Url,
    pub row: Url,
    pub host: String,
    pub port: u16,
    pub authority: HeaderValue,
    pub kept: Kept,
    /// `None`: it is asked without TLS.
    pub tls: Option<TlsPeer>,
}

/// A peer that is asked with TLS.
#[derive(Debug)]
pub(super) struct TlsPeer {
    /// What its certificate must be for.
    pub name: String,
    pub connector: Connector,
}

/// Why a URL is not a peer's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a peer's address is http://host:port or https://host:port")]
pub struct InvalidTarget;

impl Target {
    /// The peer at `url`; only the scheme, host and port count.
    ///
    /// # Errors
    /// [`InvalidTarget`] when it has no host or is neither `http` nor `https`.
    pub fn new(url: &Url) -> Result<Target, InvalidTarget> {
        let host = url.host_str().ok_or(InvalidTarget)?.trim_matches(['[', ']']);
        match url.scheme() {
            "http" => Target::with(url, None),
            "https" => Target::with(url, Some(host.to_owned())),
            _ => Err(InvalidTarget),
        }
    }

    /// The peer at an address that was found by looking up a name. `tls`: what its certificate must be for.
    ///
    /// # Errors
    /// Never for an address; the types do not know that.
    pub(super) fn at(address: SocketAddr, tls: Option<&str>) -> Result<Target, InvalidTarget> {
        let scheme = if tls.is_some() { "https" } else { "http" };
        let url = Url::parse(&format!("{scheme}://{address}")).map_err(|_| InvalidTarget)?;
        Target::with(&url, tls.map(str::to_owned))
    }

    fn with(url: &Url, tls: Option<String>) -> Result<Target, InvalidTarget> {
        let host = url.host_str().ok_or(InvalidTarget)?;
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
            tls: tls.map(|name| TlsPeer { name, connector: Connector::default() }),
        })))
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
    pub(super) fn witness(&self, node: &NodeName, boot: BootId) -> Url {
        let mut url = self.0.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.clear().extend(["api", "v1", "witness", node.as_str(), &boot.to_string()]);
        }
        url
    }
}

/// Whether a host, as written in an address, is the machine that reads it.
pub(crate) fn is_loopback(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']);
    is_localhost(host) || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

impl fmt::Display for Target {
    /// `host:port`, as it was written.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.authority.to_str().unwrap_or_default())
    }
}
