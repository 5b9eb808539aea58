//! Why a handshake failed, or a certificate is not believed.

use std::io;

use super::backend;

/// What went wrong, in kinds that people can act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code, reason = "a build without TLS has none of them")]
pub(crate) enum TroubleKind {
    /// What answers does not speak TLS.
    NotTls,
    /// The certificate leads to no authority of this node.
    UnknownAuthority,
    /// The certificate has expired, or is not valid yet.
    Expired,
    /// The certificate is for another host.
    WrongName,
    /// The other side refused, or what it sent is wrong otherwise.
    Refused,
}

/// Why a handshake failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trouble {
    pub kind: TroubleKind,
    /// As a clause: "its certificate is not from a known authority".
    pub text: String,
}

/// What is wrong, where an error of a connection comes from TLS.
pub(crate) fn of(error: &io::Error) -> Option<Trouble> {
    backend::trouble(error)
}
