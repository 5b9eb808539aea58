//! From a transport's error to what it shows about the peer.
//!
//! The classes differ in who answered. *Refused*: the peer's kernel
//! said there is no such listener, or closed the connection before a byte of an
//! answer. *Silent*: no answer came, or a router said it knows no route.
//! *Invalid*: something that is not a peer of ours answered. *Name*: the
//! address itself is not known. *No network*: nothing was sent,
//! because this machine has no route to the address or no address of its own; that shows nothing about
//! the peer. What else is my own fault (no descriptors left, a
//! local firewall) counts as silence, the weakest evidence against a
//! peer; a node whose peers are all silent accuses none of them.

use std::error::Error;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use crate::detector::evidence::Evidence;
use crate::tls::trouble::{self, Trouble};

/// What an error of a socket shows.
pub(super) fn of_io(error: &io::Error) -> Evidence {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionRefused, ConnectionReset, UnexpectedEof};
    match error.kind() {
        ConnectionRefused | ConnectionReset | ConnectionAborted | BrokenPipe | UnexpectedEof => Evidence::Refused,
        // Timed out, host or network unreachable, no route, no descriptors: no host answered.
        _ => Evidence::Silent,
    }
}

/// What the failure to connect to this address shows.
pub(super) fn of_connect(address: SocketAddr, error: &io::Error) -> Evidence {
    use io::ErrorKind::{AddrNotAvailable, HostUnreachable, NetworkDown, NetworkUnreachable, PermissionDenied};
    let evidence = of_io(error);
    let is_local = match error.kind() {
        AddrNotAvailable | NetworkDown => true,
        // A router may have said so, or this machine.
        NetworkUnreachable | HostUnreachable | PermissionDenied => !has_route(address),
        _ => false,
    };
    if evidence == Evidence::Silent && is_local { Evidence::NoNetwork } else { evidence }
}

/// Whether this machine would know where to send a packet for this address. None is sent: connecting a datagram socket
/// only chooses a route.
fn has_route(address: SocketAddr) -> bool {
    let own: IpAddr = if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    UdpSocket::bind((own, 0)).and_then(|socket| socket.connect(address)).is_ok()
}

/// What an error of an HTTP connection shows, before the head of an answer was read.
/// `heard`: some bytes of an answer came.
pub(super) fn of_hyper(error: &hyper::Error, heard: bool) -> Evidence {
    if heard || error.is_parse() {
        return Evidence::Invalid;
    }
    match find::<io::Error>(error) {
        Some(io) => of_io(io),
        // The peer closed the connection instead of answering.
        None => Evidence::Refused,
    }
}

/// What went wrong with TLS, where that is why there is no answer: who is asked may refuse a certificate after the handshake.
pub(super) fn tls(error: &hyper::Error) -> Option<Trouble> {
    find::<io::Error>(error).and_then(trouble::of)
}

/// An error of HTTP for a person: what happened, and why where the chain of causes says more.
pub(super) fn with_cause(error: &hyper::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

/// The first error of type `E` in the chain of causes.
fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut link = error;
    // A chain has no reason to be longer.
    for _ in 0..10 {
        if let Some(found) = link.downcast_ref() {
            return Some(found);
        }
        link = link.source()?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_this_machine_cannot_send_shows_nothing_about_the_peer() {
        use io::ErrorKind::{AddrNotAvailable, ConnectionRefused, NetworkUnreachable, TimedOut};
        // There is always a route to this machine itself, and never one to the reserved end of the address space.
        let (here, nowhere): (SocketAddr, SocketAddr) =
            ("127.0.0.1:9".parse().unwrap(), "[100::ffff:ffff]:9".parse().unwrap());
        let told = |address, kind: io::ErrorKind| of_connect(address, &kind.into());
        assert_eq!(told(here, AddrNotAvailable), Evidence::NoNetwork);
        assert_eq!(told(here, NetworkUnreachable), Evidence::Silent, "a router said so");
        assert_eq!(told(here, ConnectionRefused), Evidence::Refused);
        assert_eq!(told(nowhere, TimedOut), Evidence::Silent);
    }

    #[test]
    fn who_spoke_decides() {
        use io::ErrorKind as Kind;
        let cases = [
            (Kind::ConnectionRefused, Evidence::Refused),
            (Kind::ConnectionReset, Evidence::Refused),
            (Kind::UnexpectedEof, Evidence::Refused),
            (Kind::TimedOut, Evidence::Silent),
            (Kind::HostUnreachable, Evidence::Silent),
            (Kind::NetworkUnreachable, Evidence::Silent),
            (Kind::PermissionDenied, Evidence::Silent),
            (Kind::Other, Evidence::Silent),
        ];
        for (kind, evidence) in cases {
            assert_eq!(of_io(&io::Error::from(kind)), evidence, "{kind:?}");
        }
    }
}
