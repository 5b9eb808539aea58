//! Where a request came from.

use std::net::IpAddr;

use axum::extract::Request;

/// The address of a caller as a line of the log has it.
pub(super) fn shown(address: Option<IpAddr>) -> String {
    address.map_or_else(|| "an unknown address".to_owned(), |address| address.to_string())
}

/// Where a request came from. The server puts it into every request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Remote {
    pub address: IpAddr,
    /// The address of a peer, or of this machine. It may still be from somebody else there.
    pub known: bool,
    /// The connection came with a certificate that this node's authorities signed.
    pub has_certificate: bool,
}

impl Remote {
    /// Without a server, in tests, a request is from nowhere.
    pub(super) fn of(request: &Request) -> Option<Remote> {
        request.extensions().get().copied()
    }
}
