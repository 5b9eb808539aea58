//! What is wrong with an answer that is not one of a node: for people, who otherwise cannot tell a login page from a
//! proxy that is out of order.
//!
//! Nothing is decided by it: to the detector all such answers are [`Evidence::Invalid`](super::evidence::Evidence).

use std::fmt;
use std::sync::Arc;

use crate::closed_set::closed_set;

closed_set! {
    /// The kind of a flaw: few, because each is a series of a metric for each peer.
    pub enum FlawKind {
        /// It sends the caller elsewhere.
        Redirected = "invalid_redirect",
        /// Any other status than 200.
        Status = "invalid_status",
        /// What comes with 200 is no answer of a node.
        NotHeartbeat = "invalid_body",
        /// It answers without a mesh key, and this node asks for one.
        MeshKeyMissing = "mesh_key_missing",
        /// It has a mesh key that this node does not have.
        MeshKeyDifferent = "mesh_key_different",
        /// The answer was not made with the mesh key for this request, or was changed on its way.
        MeshKeyFailed = "mesh_key_failed",
        /// It is asked with TLS and answers without.
        TlsMissing = "tls_missing",
        /// It is asked without TLS and answers with it only.
        TlsRequired = "tls_required",
        /// Its certificate leads to no authority of this node.
        TlsUnknownAuthority = "tls_unknown_authority",
        /// Its certificate has expired, or is not valid yet.
        TlsExpired = "tls_expired",
        /// Its certificate is for another host.
        TlsWrongName = "tls_wrong_name",
        /// It refused the TLS handshake, or the handshake failed otherwise.
        TlsRefused = "tls_refused",
    }
}

impl FlawKind {
    /// There is no connection with TLS that both sides believe in.
    pub fn is_of_tls(self) -> bool {
        matches!(
            self,
            FlawKind::TlsMissing
                | FlawKind::TlsRequired
                | FlawKind::TlsUnknownAuthority
                | FlawKind::TlsExpired
                | FlawKind::TlsWrongName
                | FlawKind::TlsRefused
        )
    }

    /// The answer may be the peer's, and cannot be believed.
    pub fn is_of_mesh_key(self) -> bool {
        matches!(self, FlawKind::MeshKeyMissing | FlawKind::MeshKeyDifferent | FlawKind::MeshKeyFailed)
    }
}

/// One flaw, with what can be said of it in a few words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// For metrics.
    pub kind: FlawKind,
    text: Arc<str>,
}

/// The most characters of what comes from the other side.
const TEXT_CHARS: usize = 120;

impl Flaw {
    /// Of this kind; the text comes from outside, so it is cut and what cannot be shown is replaced.
    pub fn new(kind: FlawKind, text: &str) -> Flaw {
        let shown = |c: char| if c.is_ascii_graphic() || c == ' ' { c } else { '?' };
        Flaw { kind, text: text.chars().take(TEXT_CHARS).map(shown).collect::<String>().into() }
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_from_outside_is_bounded_and_shown() {
        let flaw = Flaw::new(FlawKind::Status, &format!("a\u{1b}\n{}", "x".repeat(500)));
        assert!(flaw.to_string().starts_with("a??x") && flaw.to_string().len() == TEXT_CHARS);
    }
}
