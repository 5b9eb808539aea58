//! Requests and answers as bytes.

use hyper::http::header::CONTENT_LENGTH;
use hyper::http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode};

/// A request without a body, as hyper writes it.
pub(crate) fn request_bytes<B>(request: &Request<B>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(384);
    for part in [request.method().as_str(), " ", request.uri().path(), " HTTP/1.1\r\n"] {
        bytes.extend_from_slice(part.as_bytes());
    }
    headers(request.headers().iter(), &mut bytes);
    bytes.extend_from_slice(b"\r\n");
    bytes
}

/// An answer with this body, as hyper writes it. `date`: as RFC 9110 writes it.
pub(crate) fn response_bytes(status: StatusCode, map: &HeaderMap, body: &[u8], date: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(256 + body.len());
    begin(status, map, &mut bytes);
    let mut length = [0; 20];
    for part in [b"content-length: ", decimal(body.len(), &mut length), b"\r\ndate: ", date, b"\r\n\r\n", body] {
        bytes.extend_from_slice(part);
    }
    bytes
}

/// The head of an answer whose body comes in chunks, as hyper writes it.
pub(crate) fn stream_head(status: StatusCode, map: &HeaderMap, date: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(256);
    begin(status, map, &mut bytes);
    for part in [b"transfer-encoding: chunked\r\ndate: ", date, b"\r\n\r\n"] {
        bytes.extend_from_slice(part);
    }
    bytes
}

/// A chunk with this data (RFC 9112, section 7.1). Without data there is none: an empty chunk is the last one.
pub(crate) fn chunk(data: &[u8], bytes: &mut Vec<u8>) {
    if data.is_empty() {
        return;
    }
    let size = format!("{:X}\r\n", data.len());
    for part in [size.as_bytes(), data, b"\r\n"] {
        bytes.extend_from_slice(part);
    }
}

pub(crate) fn last_chunk(bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(b"0\r\n\r\n");
}

fn begin(status: StatusCode, map: &HeaderMap, bytes: &mut Vec<u8>) {
    for part in ["HTTP/1.1 ", status.as_str(), " ", status.canonical_reason().unwrap_or(""), "\r\n"] {
        bytes.extend_from_slice(part.as_bytes());
    }
    // Where the router has made the answer it has written the length already, and twice is an error to many readers.
    headers(map.iter().filter(|(name, _)| *name != CONTENT_LENGTH), bytes);
}

fn headers<'a>(map: impl Iterator<Item = (&'a HeaderName, &'a HeaderValue)>, bytes: &mut Vec<u8>) {
    for (name, value) in map {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            bytes.extend_from_slice(part);
        }
    }
}

fn decimal(mut number: usize, place: &mut [u8; 20]) -> &[u8] {
    let mut at = place.len();
    loop {
        at -= 1;
        place[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return &place[at..];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Chunks;
    use super::*;

    #[test]
    fn a_request_is_its_line_and_its_headers() {
        let request = Request::get("/ping").header("host", "a:1").header("x", "y").body(()).unwrap();
        assert_eq!(request_bytes(&request), b"GET /ping HTTP/1.1\r\nhost: a:1\r\nx: y\r\n\r\n");
    }

    #[test]
    fn an_answer_has_its_length() {
        for length in [0, 7, 10, 1234] {
            let mut map = HeaderMap::new();
            map.insert("x", HeaderValue::from_static("y"));
            map.insert(CONTENT_LENGTH, HeaderValue::from(length));
            let bytes = response_bytes(StatusCode::OK, &map, &vec![b'z'; length], b"today");
            let head = format!("HTTP/1.1 200 OK\r\nx: y\r\ncontent-length: {length}\r\ndate: today\r\n\r\n");
            assert!(bytes.starts_with(head.as_bytes()) && bytes.len() == head.len() + length, "{length}");
        }
    }

    #[test]
    fn a_stream_is_its_head_and_chunks_until_the_last() {
        let mut map = HeaderMap::new();
        map.insert("x", HeaderValue::from_static("y"));
        let mut bytes = stream_head(StatusCode::OK, &map, b"today");
        let head = bytes.len();
        chunk(b":\n\n", &mut bytes);
        chunk(b"", &mut bytes);
        chunk(&[b'z'; 300], &mut bytes);
        let (mut chunks, mut data) = (Chunks::default(), Vec::new());
        chunks.feed(&bytes[head..], &mut data).unwrap();
        assert!(!chunks.has_ended(), "no data, no chunk");
        last_chunk(&mut bytes);
        let after = format!("3\r\n:\n\n\r\n12C\r\n{}\r\n0\r\n\r\n", "z".repeat(300));
        let whole = format!("HTTP/1.1 200 OK\r\nx: y\r\ntransfer-encoding: chunked\r\ndate: today\r\n\r\n{after}");
        assert_eq!(String::from_utf8(bytes).unwrap(), whole);
    }
}
