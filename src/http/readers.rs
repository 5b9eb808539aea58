//! Who may read, where the node has a read token.
//!
//! Without one anyone who reaches the port may read everything. With one a reader shows it: as `Authorization: Bearer`,
//! or as the cookie that the form of the page gives to a browser. The token that allows changes reads, too. Nodes have
//! the mesh key instead, or the certificates of mutual TLS. Their tags cover parameters that only the handlers know, so such
//! requests pass with a mark ([`super::admission`]), and [`super::asker`] refuses those whose tag is not valid. Probes, the metrics port and the
//! style of the page are open to all, and so is the ping, which then says to strangers only that the node lives.
//!
//! The cookie is made of the read token, so it holds as long as the token does, also after a restart and on the other
//! nodes of the mesh under the same host name. It changes nothing: changes need a header, which no other site can make a
//! browser send. Turned down: sessions in memory, which need a bound and end with the process.

use axum::http::header::{AUTHORIZATION, COOKIE as COOKIES};
use axum::http::{HeaderMap, HeaderValue};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::config::Config;
use crate::config::tls::TlsConfig;
use crate::config::token::Token;
use crate::mesh_key::header::hex;

/// The cookie of a browser that has shown the token.
pub(super) const COOKIE: &str = "heartbeat-read";

/// The tokens of those who may read.
pub struct Readers {
    token: Token,
    /// The token that allows changes, where there is one.
    changes: Option<Token>,
    /// The value of the cookie.
    cookie: String,
    /// This node's main port speaks TLS.
    over_tls: bool,
}

/// Why a request that shows nothing is refused.
pub(super) const NO_TOKEN: &str = "this node is read with a token only, and the request carries none";

/// Marks a request of a node that has shown no token: its tag must be valid, or its certificate count.
#[derive(Clone, Copy, Debug)]
pub(super) struct WithoutToken;

/// What a request shows.
pub(super) enum Shown {
    Nothing,
    Token,
    WrongToken,
}

impl Readers {
    /// `None`: anyone may read.
    pub fn new(config: &Config) -> Option<Readers> {
        let token = config.read_token.clone()?;
        let over_tls = config.tls.as_ref().is_some_and(TlsConfig::serves);
        Some(Readers { cookie: cookie_of(&token), token, changes: config.token.clone(), over_tls })
    }

    /// Whether somebody who says this may read.
    pub(super) fn know(&self, said: &[u8]) -> bool {
        let is_read_token = self.token.matches(said);
        // Both are compared in any case: the time must not say which of them it was not.
        let is_changes_token = self.changes.as_ref().is_some_and(|token| token.matches(said));
        is_read_token | is_changes_token
    }

    /// Lets a browser read. The page's own requests carry it, those of other sites do not, and no script can read it.
    pub(super) fn cookie(&self) -> Option<HeaderValue> {
        // The port of the metrics has no TLS, and a browser sends cookies to every port of a host.
        let secure = if self.over_tls { "; Secure" } else { "" };
        let value = format!("{COOKIE}={}; Path=/; HttpOnly; SameSite=Strict{secure}", self.cookie);
        let mut value = HeaderValue::try_from(value).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    pub(super) fn shown(&self, headers: &HeaderMap) -> Shown {
        if let Some(said) = bearer(headers) {
            return if self.know(said) { Shown::Token } else { Shown::WrongToken };
        }
        let cookies = headers.get_all(COOKIES).into_iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
        let values =
            cookies.filter_map(|cookie| cookie.trim_ascii().strip_prefix(COOKIE.as_bytes())?.strip_prefix(b"="));
        // A wrong one is no guess: it is of an old token, and nobody guesses 32 bytes.
        let is_ours = |value: &[u8]| bool::from(value.ct_eq(self.cookie.as_bytes()));
        if values.into_iter().any(is_ours) { Shown::Token } else { Shown::Nothing }
    }
}

/// The token that a request carries; the name of its scheme is written in any case.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let (scheme, said) = headers.get(AUTHORIZATION)?.as_bytes().split_at_checked(b"bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"bearer ").then_some(said)
}

fn cookie_of(token: &Token) -> String {
    let mac = <Hmac<Sha256> as KeyInit>::new_from_slice(token.reveal().as_bytes());
    let mac = mac.unwrap_or_else(|_| unreachable!("HMAC takes keys of any length"));
    hex(&mac.chain_update(b"heartbeat-read-1 cookie").finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_goes_over_tls_only_where_there_is_tls() {
        let token = Token::new("staple-correct-horse").expect("long enough");
        let readers = |over_tls| Readers { cookie: cookie_of(&token), token: token.clone(), changes: None, over_tls };
        let has = |over_tls, attribute: &str| {
            let cookie = readers(over_tls).cookie().expect("a header");
            cookie.to_str().expect("ASCII").split("; ").any(|part| part == attribute)
        };
        for over_tls in [false, true] {
            assert_eq!(has(over_tls, "Secure"), over_tls);
            assert!(has(over_tls, "HttpOnly") && has(over_tls, "SameSite=Strict"));
        }
    }
}
