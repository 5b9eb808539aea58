//! One ping on one new connection, with both of its halves told apart.
//!
//! Connecting and answering are two steps here, because they show two things:
//! the kernel accepts even for a process that is frozen, so "connected, but no
//! answer" is a class of failure of its own. The detector learns of the first
//! step while the second is still open.
//!
//! The connection is polled together with its one request and dropped with it:
//! dropping the future closes the connection, and nothing is left behind.

use hyper::http::{HeaderValue, header};
use tokio::net::TcpStream;

use super::exchange::Order;
use super::failed::{Failed, of_handshake};
use super::line::Line;
use super::target::Target;
use crate::detector::peer::{Answer, Caller};
use crate::mesh_key::guard::Guard;
use crate::tls::store::TlsStore;
use crate::tls::wire::Wire;

/// A connection that stands and has not been used.
#[derive(Debug)]
pub struct Fresh {
    stream: TcpStream,
    target: Target,
    guard: Option<Guard>,
    tls: Option<TlsStore>,
}

impl Fresh {
    pub(super) fn new(stream: TcpStream, target: Target, guard: Option<Guard>, tls: Option<TlsStore>) -> Fresh {
        Fresh { stream, target, guard, tls }
    }

    /// The one ping of this connection, which is closed afterwards.
    ///
    /// # Errors
    /// How it failed: `Refused` when the connection was closed before a byte of
    /// an answer, `Invalid` when what came is not an answer.
    pub async fn ping(self, caller: &Caller) -> Result<Answer, Failed> {
        let mut order = Order::ping(self.guard.as_ref(), caller, self.target.0.authority.clone());
        order.request.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        self.into_line().await?.ping(order).await
    }

    /// A connection for pings, or for a stream.
    ///
    /// # Errors
    /// As [`Fresh::into_wire`].
    pub(super) async fn into_line(self) -> Result<Line, Failed> {
        self.into_wire().await.map(Line::new)
    }

    /// This connection, with TLS on it where the peer's address asks for it.
    ///
    /// # Errors
    /// Why the handshake failed.
    pub(super) async fn into_wire(self) -> Result<Wire, Failed> {
        Ok(match &self.target.0.tls {
            None => Wire::Plain(self.stream),
            Some(peer) => {
                // Apart, so that the task of a plain check has no room for it.
                let connected = Box::pin(peer.connector.connect(self.tls.as_ref(), self.stream, &peer.name)).await;
                connected.map_err(|error| of_handshake(&error))?
            }
        })
    }
}
