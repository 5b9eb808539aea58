//! From a transport's error to what it shows about the peer.
//!
//! The classes differ in who answered. *Refused*: the peer's kernel
//! said there is no such listener, or closed the connection before a byte of an
//! answer. *Silent*: no answer came, or a router said it knows no route.
//! *Invalid*: something that is not a peer of ours answered. *Name*: the
//! address itself is not known. What is my own fault (no descriptors left, a
//! local firewall) counts as silence, the weakest evidence against a
//! peer; a node whose peers are all silent accuses none of them.

use std::error::Error;
use std::io;

use crate::detector::evidence::Evidence;

/// What an error of a socket shows.
pub(super) fn of_io(error: &io::Error) -> Evidence {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionRefused, ConnectionReset, UnexpectedEof};
    match error.kind() {
        ConnectionRefused | ConnectionReset | ConnectionAborted | BrokenPipe | UnexpectedEof => Evidence::Refused,
        // Timed out, host or network unreachable, no route, no descriptors: no host answered.
        _ => Evidence::Silent,
    }
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
