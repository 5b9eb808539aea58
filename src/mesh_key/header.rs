//! How a tag travels.
//!
//! ```text
//! heartbeat-mac: 1 ID NONCE TAG     a request
//! heartbeat-mac: 1 TAG              an answer
//! ```
//!
//! All of it is lower-case hex with single spaces, so that there is one way to
//! write a tag and no room for anything between.

use hyper::http::{HeaderMap, HeaderValue};

use super::key::KeyId;
pub(crate) use super::tags::HEADER_MAC;
use super::tags::{Nonce, Tag};

/// The header by which an answer without a tag names the key of the one that answers.
pub(crate) const HEADER_KEY: &str = "heartbeat-key";

/// The version of the bytes that are covered.
const VERSION: &str = "1";

/// What a request's header holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestMac {
    pub key: KeyId,
    pub nonce: Nonce,
    pub tag: Tag,
}

impl RequestMac {
    /// As the value of the header.
    pub(crate) fn value(&self) -> HeaderValue {
        value(&[&self.key.0, &self.nonce.0, &self.tag.0])
    }

    /// Of a request's headers; `None` when there is none, there are two, or one is not as above.
    pub(crate) fn of(headers: &HeaderMap) -> Option<RequestMac> {
        let mut parts = only(headers)?.split(' ');
        let (version, key, nonce, tag) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        if version != VERSION || parts.next().is_some() {
            return None;
        }
        Some(RequestMac { key: KeyId(bytes(key)?), nonce: Nonce(bytes(nonce)?), tag: Tag(bytes(tag)?) })
    }
}

/// The header of an answer.
pub(crate) fn answer_value(tag: &Tag) -> HeaderValue {
    value(&[&tag.0])
}

/// The tag of an answer's headers; `None` as for a request.
pub(crate) fn answer_tag(headers: &HeaderMap) -> Option<Tag> {
    let (version, tag) = only(headers)?.split_once(' ')?;
    (version == VERSION).then_some(Tag(bytes(tag)?))
}

/// A tag as the last part of an event's id.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from_digit(digit.into(), 16).unwrap_or('0'));
        }
    }
    text
}

/// The bytes that exactly so many lower-case hex digits stand for.
pub(crate) fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != N * 2 {
        return None;
    }
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0u8; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

/// The text of the one header there is.
fn only(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(HEADER_MAC).iter();
    let value = values.next()?;
    values.next().is_none().then_some(value)?.to_str().ok()
}

fn value(parts: &[&[u8]]) -> HeaderValue {
    let mut text = VERSION.to_owned();
    for part in parts {
        text.push(' ');
        text.push_str(&hex(part));
    }
    // Digits and spaces are always a header value.
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (HEADER_MAC.parse().unwrap(), HeaderValue::from_str(value).unwrap())).collect()
    }

    fn request() -> RequestMac {
        RequestMac { key: KeyId([0xa5, 1, 2, 3]), nonce: Nonce([0xb0; 16]), tag: Tag([0xc7; 32]) }
    }

    #[test]
    fn a_tag_survives_its_header() {
        let mut map = HeaderMap::new();
        map.insert(HEADER_MAC, request().value());
        let read = RequestMac::of(&map).unwrap();
        assert_eq!((read.key, read.nonce), (request().key, request().nonce));
        assert!(read.tag.matches(&request().tag) && !read.tag.matches(&Tag([0xc8; 32])));
        map.insert(HEADER_MAC, answer_value(&Tag([9; 32])));
        assert!(answer_tag(&map).unwrap().matches(&Tag([9; 32])));
    }

    #[test]
    fn there_is_one_way_to_write_a_tag() {
        let value = request().value();
        let good = value.to_str().unwrap();
        assert!(RequestMac::of(&headers(&[good])).is_some());
        let (upper, wide) = (good.to_uppercase(), good.replace(' ', "  "));
        let (later, bare) = (good.replacen('1', "2", 1), good.replacen("1 ", "", 1));
        let (open, more) = (format!("{good} "), format!("{good} sha1"));
        for values in [
            &[][..],
            &[good, good],
            &[&good[..good.len() - 2]],
            &[&good[..good.len() - 64]],
            &[&good.replacen('a', "g", 1)],
            &[&upper],
            &[&wide],
            &[&later],
            &[&bare],
            &[&open],
            &[&more],
        ] {
            assert!(RequestMac::of(&headers(values)).is_none(), "{values:?}");
        }
        let tag = "c7".repeat(32);
        assert!(answer_tag(&headers(&[&format!("1 {tag}")])).is_some());
        for short in [0, 1, 16, 31] {
            assert!(answer_tag(&headers(&[&format!("1 {}", &tag[..short * 2])])).is_none(), "{short} bytes");
        }
        for value in [format!("1 {tag}00"), format!("1  {tag}"), tag.clone(), format!("1 {}", tag.to_uppercase())] {
            assert!(answer_tag(&headers(&[&value])).is_none(), "{value:?}");
        }
    }
}
