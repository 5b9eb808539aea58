//! Why a connection of the server ended otherwise than by its caller's wish.

use crate::closed_set::closed_set;

closed_set! {
    /// Why a connection was refused.
    pub enum Refused {
        /// All connections are taken, and none of them is idle.
        Full = "full",
        /// Its address has as many as one address may have, and none of them is idle.
        Source = "source",
    }
}

closed_set! {
    /// Why the server closed a connection that its caller kept.
    pub enum Closed {
        /// It was idle for longest when another caller needed room.
        Idle = "idle",
        /// Its caller did not read an answer in time.
        Unread = "unread",
        /// It did not get through the TLS handshake.
        Handshake = "handshake",
    }
}
