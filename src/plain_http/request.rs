//! The head of a request that nodes send all the time: `GET` of one path, without a body and without wishes for the
//! connection.

use hyper::http::{HeaderMap, HeaderName};

use super::head::{HEADERS, Read, header_map};

/// The headers of the request for `path` that these bytes are, if they are one and nothing else. `known`: names that are
/// likely.
pub(crate) fn get(bytes: &[u8], path: &str, known: &[&'static HeaderName]) -> Read<HeaderMap> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    let length = match request.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        // Cheap to see early, and most connections that are not a peer's are.
        Ok(httparse::Status::Partial) => {
            let may_be = |part: Option<&str>, wanted: &str| part.is_none_or(|part| part == wanted);
            let begins = may_be(request.method, "GET") && may_be(request.path, path);
            return if begins { Read::Part } else { Read::Unusual };
        }
        Err(_) => return Read::Unusual,
    };
    let is_wanted = (request.method, request.path, request.version) == (Some("GET"), Some(path), Some(1));
    let is_plain = request.headers.iter().all(|header| {
        // A body, another protocol, another answer before the answer, or the end of the connection.
        !["content-length", "transfer-encoding", "connection", "upgrade", "expect", "te"]
            .iter()
            .any(|special| header.name.eq_ignore_ascii_case(special))
    });
    if !is_wanted || !is_plain || length != bytes.len() {
        return Read::Unusual;
    }
    header_map(bytes, request.headers, known).map_or(Read::Unusual, Read::Plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &str) -> Read<HeaderMap> {
        get(lines.replace('\n', "\r\n").as_bytes(), "/ping", &[])
    }

    #[test]
    fn a_ping_as_nodes_send_it_is_plain() {
        let Read::Plain(headers) = read("GET /ping HTTP/1.1\nHost: a\nheartbeat-node: b\nheartbeat-node: c\n\n") else {
            panic!("plain");
        };
        assert_eq!(headers["host"], "a");
        assert_eq!(headers.get_all("heartbeat-node").iter().collect::<Vec<_>>(), ["b", "c"]);
        assert!(matches!(read("GET /ping HTTP/1.1\n\n"), Read::Plain(_)));
    }

    #[test]
    fn the_beginning_of_one_is_a_part() {
        let head = "GET /ping HTTP/1.1\r\nhost: a\r\n\r\n";
        for end in 0..head.len() {
            assert_eq!(get(&head.as_bytes()[..end], "/ping", &[]), Read::Part, "{end}");
        }
    }

    #[test]
    fn all_else_is_for_hyper() {
        for lines in [
            "GET / HTTP/1.1\nhost: a\n\n",
            "POST /ping HTTP/1.1\n",
            "GET /ping?x HTTP/1.1\n\n",
            "GET /%70ing HTTP/1.1\n\n",
            "GET http://a/ping HTTP/1.1\n\n",
            "HEAD /ping HTTP/1.1\n\n",
            "GET /ping HTTP/1.0\n\n",
            "GET /ping HTTP/1.1\ncontent-length: 0\n\n",
            "GET /ping HTTP/1.1\nTransfer-Encoding: chunked\n\n",
            "GET /ping HTTP/1.1\nconnection: keep-alive\n\n",
            "GET /ping HTTP/1.1\nexpect: 100-continue\n\n",
            "GET /ping HTTP/1.1\nupgrade: h2c\n\n",
            "GET /ping HTTP/1.1\n\nGET /ping HTTP/1.1\n\n",
            "GET /ping HTTP/1.1\nno colon\n\n",
            "\u{16}\u{3}\u{1}",
        ] {
            assert_eq!(read(lines), Read::Unusual, "{lines}");
        }
    }
}
