//! The bytes that a tag covers.
//!
//! `F(x)` is the length of x as a big-endian u32, then x; `N` is a count as a
//! big-endian u32. Lengths keep fields apart: no byte can move from one field to
//! the next without changing what is covered.
//!
//! ```text
//! request: F("heartbeat-mesh-1 request") F(nonce) F(op) N F(arg).. N F(name) F(value)..
//! answer:  F("heartbeat-mesh-1 answer") F(request tag) F(body)
//! event:   F("heartbeat-mesh-1 event") F(request tag) u64(number) F(event) F(data)
//! ```

use std::fmt;

use hmac::{Hmac, Mac};
use hyper::http::HeaderMap;
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::key::MeshKey;

/// The header that carries a tag.
pub(crate) const HEADER_MAC: &str = "heartbeat-mac";
/// The prefix of the headers that a request's tag covers.
const COVERED: &str = "heartbeat-";
/// A node sends six; more than this is not from a node.
pub(crate) const HEADERS_MAX: usize = 16;

/// A whole HMAC-SHA256.
#[derive(Clone, Copy)]
pub(crate) struct Tag(pub [u8; 32]);

/// Different for each request, so no two requests have the same tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Nonce(pub [u8; 16]);

impl Tag {
    /// In a time that does not depend on where they differ.
    pub(crate) fn matches(&self, other: &Tag) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tag(..)")
    }
}

impl Nonce {
    /// From the system's random source.
    ///
    /// # Errors
    /// When it gives none: a guessable nonce would make requests repeatable, so there is no substitute.
    pub(crate) fn random() -> Result<Nonce, getrandom::Error> {
        let mut bytes = [0u8; 16];
        getrandom::fill(&mut bytes)?;
        Ok(Nonce(bytes))
    }
}

/// What a request asks: the method and the template of its route, and the decoded values for the template.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operation<'a> {
    pub op: &'a str,
    pub args: &'a [&'a str],
}

/// The operations of nodes: method and route template, as the router has them.
pub(crate) const PING: &str = "GET /ping";
pub(crate) const EVENTS: &str = "GET /api/v1/events";
pub(crate) const WITNESS: &str = "GET /api/v1/witness/{node}/{boot}";
pub(crate) const ROW: &str = "GET /api/v1/row";
pub(crate) const HISTORY: &str = "GET /api/v1/history";
pub(crate) const WHY: &str = "GET /api/v1/why/{peer}";

/// The headers do not belong to one request: a name twice, or too many of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

impl MeshKey {
    /// The tag of a request.
    ///
    /// # Errors
    /// [`Malformed`] when the covered headers are ambiguous.
    pub(crate) fn request_tag(
        &self,
        nonce: Nonce,
        operation: Operation<'_>,
        headers: &HeaderMap,
    ) -> Result<Tag, Malformed> {
        let mut covered = [("", &b""[..]); HEADERS_MAX];
        let mut count = 0;
        // A header that occurs twice comes twice here, with the same name.
        for (name, value) in headers {
            let name = name.as_str();
            if name.starts_with(COVERED) && name != HEADER_MAC {
                *covered.get_mut(count).ok_or(Malformed)? = (name, value.as_bytes());
                count += 1;
            }
        }
        let covered = &mut covered[..count];
        covered.sort_unstable();
        if covered.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return Err(Malformed);
        }
        let mut mac = self.mac();
        field(&mut mac, b"heartbeat-mesh-1 request");
        field(&mut mac, &nonce.0);
        field(&mut mac, operation.op.as_bytes());
        length(&mut mac, operation.args.len());
        operation.args.iter().for_each(|arg| field(&mut mac, arg.as_bytes()));
        length(&mut mac, covered.len());
        for (name, value) in covered {
            field(&mut mac, name.as_bytes());
            field(&mut mac, value);
        }
        Ok(tag(mac))
    }

    /// The tag of an answer to the request with `request`.
    pub(crate) fn answer_tag(&self, request: &Tag, body: &[u8]) -> Tag {
        let mut mac = self.mac();
        field(&mut mac, b"heartbeat-mesh-1 answer");
        field(&mut mac, &request.0);
        field(&mut mac, body);
        tag(mac)
    }

    /// The tag of an event of the stream that the request with `request` opened. The first has number 0.
    pub(crate) fn event_tag(&self, request: &Tag, number: u64, event: &[u8], data: &[u8]) -> Tag {
        let mut mac = self.mac();
        field(&mut mac, b"heartbeat-mesh-1 event");
        field(&mut mac, &request.0);
        mac.update(&number.to_be_bytes());
        field(&mut mac, event);
        field(&mut mac, data);
        tag(mac)
    }
}

fn length(mac: &mut Hmac<Sha256>, length: usize) {
    // Heads and bodies are limited far below 4 GiB before they come here.
    mac.update(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
}

fn field(mac: &mut Hmac<Sha256>, bytes: &[u8]) {
    length(mac, bytes.len());
    mac.update(bytes);
}

fn tag(mac: Hmac<Sha256>) -> Tag {
    Tag(mac.finalize().into_bytes().into())
}

#[cfg(test)]
#[path = "tags_tests.rs"]
mod tests;
