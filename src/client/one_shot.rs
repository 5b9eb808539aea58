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

use super::exchange::{Exchange, Order};
use super::failed::Failed;
use crate::detector::peer::{Answer, Caller};
use crate::mesh_key::guard::Guard;

/// A connection that stands and has not been used.
#[derive(Debug)]
pub struct Fresh {
    stream: TcpStream,
    authority: HeaderValue,
    guard: Option<Guard>,
}

impl Fresh {
    pub(super) fn new(stream: TcpStream, authority: HeaderValue, guard: Option<Guard>) -> Fresh {
        Fresh { stream, authority, guard }
    }

    /// The one ping of this connection, which is closed afterwards.
    ///
    /// # Errors
    /// How it failed: `Refused` when the connection was closed before a byte of
    /// an answer, `Invalid` when what came is not an answer.
    pub async fn ping(self, caller: &Caller) -> Result<Answer, Failed> {
        let mut order = Order::ping(self.guard.as_ref(), caller, self.authority);
        order.request.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        Exchange::handshake(self.stream).await?.ping(order).await
    }

    pub(super) fn into_stream(self) -> TcpStream {
        self.stream
    }
}
