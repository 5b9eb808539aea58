//! Requests and answers as bytes.

use hyper::http::{HeaderMap, Request, StatusCode};

/// A request without a body, as hyper writes it.
pub(crate) fn request_bytes<B>(request: &Request<B>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(384);
    for part in [request.method().as_str(), " ", request.uri().path(), " HTTP/1.1\r\n"] {
        bytes.extend_from_slice(part.as_bytes());
    }
    headers(request.headers(), &mut bytes);
    bytes.extend_from_slice(b"\r\n");
    bytes
}

/// An answer with this body, as hyper writes it. `date`: as RFC 9110 writes it.
pub(crate) fn response_bytes(status: StatusCode, map: &HeaderMap, body: &[u8], date: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(256 + body.len());
    for part in ["HTTP/1.1 ", status.as_str(), " ", status.canonical_reason().unwrap_or(""), "\r\n"] {
        bytes.extend_from_slice(part.as_bytes());
    }
    headers(map, &mut bytes);
    let mut length = [0; 20];
    for part in [b"content-length: ", decimal(body.len(), &mut length), b"\r\ndate: ", date, b"\r\n\r\n", body] {
        bytes.extend_from_slice(part);
    }
    bytes
}

fn headers(map: &HeaderMap, bytes: &mut Vec<u8>) {
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
    use hyper::http::HeaderValue;

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
            let bytes = response_bytes(StatusCode::OK, &map, &vec![b'z'; length], b"today");
            let head = format!("HTTP/1.1 200 OK\r\nx: y\r\ncontent-length: {length}\r\ndate: today\r\n\r\n");
            assert!(bytes.starts_with(head.as_bytes()) && bytes.len() == head.len() + length, "{length}");
        }
    }
}
