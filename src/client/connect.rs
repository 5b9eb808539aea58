//! From a host and a port to a connection: look the name up, then dial what it leads to.
//!
//! Peers and commands come here, so that a command reaches whatever a node reaches.

use std::time::Duration;

use tokio::net::TcpStream;

use super::dial::{DialError, dial};
use super::resolve::{NameFailure, Resolver};
use crate::detector::evidence::Evidence;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error(transparent)]
    Name(#[from] NameFailure),
    #[error(transparent)]
    Dial(#[from] DialError),
}

impl ConnectError {
    /// This process had no descriptor left.
    pub(super) fn is_shortage(&self) -> bool {
        matches!(self, ConnectError::Dial(error) if error.is_shortage())
    }

    /// What it shows about the host.
    pub(super) fn evidence(&self) -> Evidence {
        match self {
            ConnectError::Name(_) => Evidence::Name,
            ConnectError::Dial(error) => error.evidence(),
        }
    }
}

/// A new connection, and its address is the first to be tried next time.
pub(super) async fn connect(
    resolver: &Resolver,
    host: &str,
    port: u16,
    limit: Duration,
) -> Result<TcpStream, ConnectError> {
    let stream = dial(&resolver.candidates(host, port).await?, limit).await?;
    if let Ok(address) = stream.peer_addr() {
        resolver.prefer(host, address.ip().to_canonical());
    }
    Ok(stream)
}
