//! What the heads of requests and answers have in common.

use hyper::body::Bytes;
use hyper::http::{HeaderMap, HeaderName, HeaderValue};

/// Headers of a plain head. A node sends ten.
pub(super) const HEADERS: usize = 24;

/// What some bytes at the beginning of a message are.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Read<T> {
    /// The beginning of something.
    Part,
    Plain(T),
    /// Anything else, right or wrong: hyper reads it.
    Unusual,
}

/// As hyper would have it: values are parts of one copy of the head. `known`: names that are likely, which then need not be
/// made.
pub(super) fn header_map(
    head: &[u8],
    headers: &[httparse::Header<'_>],
    known: &[&'static HeaderName],
) -> Option<HeaderMap> {
    let shared = Bytes::copy_from_slice(head);
    let mut map = HeaderMap::with_capacity(headers.len());
    for header in headers {
        let likely = known.iter().find(|name| name.as_str() == header.name);
        let name = match likely {
            Some(name) => (*name).clone(),
            None => HeaderName::from_bytes(header.name.as_bytes()).ok()?,
        };
        let start = header.value.as_ptr().addr().checked_sub(head.as_ptr().addr())?;
        let value = shared.get(start..start + header.value.len()).map(|value| shared.slice_ref(value))?;
        map.append(name, HeaderValue::from_maybe_shared(value).ok()?);
    }
    Some(map)
}
