//! The head of an answer: 200, with a length or in chunks.

use hyper::http::HeaderMap;

use super::head::{HEADERS, Read, header_map};

/// The head of a plain answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AnswerHead {
    /// Its bytes, the empty line included.
    pub length: usize,
    content: Content,
    /// The connection can carry another request.
    pub stays: bool,
}

impl AnswerHead {
    /// Bytes of the whole answer, where the head says how many these are.
    pub(crate) fn end(&self) -> Option<usize> {
        match self.content {
            Content::Length(length) => Some(self.length + length),
            Content::Chunked => None,
        }
    }
}

/// How the end of the body is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    Length(usize),
    Chunked,
}

/// The head at the beginning of these bytes. `most`: bytes of the longest body that is still plain.
pub(crate) fn answer(bytes: &[u8], most: usize) -> Read<AnswerHead> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let length = match response.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Read::Part,
        Err(_) => return Read::Unusual,
    };
    if (response.version, response.code) != (Some(1), Some(200)) {
        return Read::Unusual;
    }
    let (mut content, mut stays) = (None, true);
    for header in response.headers.iter() {
        let found = if header.name.eq_ignore_ascii_case("content-length") {
            let length = decimal(header.value).filter(|length| *length <= most);
            length.map(Content::Length)
        } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
            header.value.eq_ignore_ascii_case(b"chunked").then_some(Content::Chunked)
        } else if header.name.eq_ignore_ascii_case("connection") {
            if !header.value.eq_ignore_ascii_case(b"close") {
                return Read::Unusual;
            }
            stays = false;
            continue;
        } else {
            continue;
        };
        // Unknown, too long, or said twice.
        if found.is_none() || content.is_some() {
            return Read::Unusual;
        }
        content = found;
    }
    content.map_or(Read::Unusual, |content| Read::Plain(AnswerHead { length, content, stays }))
}

/// The headers of an answer that begins with this head; few need them.
pub(crate) fn answer_headers(head: &[u8]) -> HeaderMap {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    match response.parse(head) {
        Ok(httparse::Status::Complete(_)) => header_map(head, response.headers, &[]).unwrap_or_default(),
        Ok(httparse::Status::Partial) | Err(_) => HeaderMap::new(),
    }
}

/// Digits and nothing else, as RFC 9110 writes a length.
fn decimal(text: &[u8]) -> Option<usize> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &str) -> Read<(Content, bool)> {
        match answer(lines.replace('\n', "\r\n").as_bytes(), 1000) {
            Read::Part => Read::Part,
            Read::Plain(head) => Read::Plain((head.content, head.stays)),
            Read::Unusual => Read::Unusual,
        }
    }

    #[test]
    fn what_nodes_answer_is_plain() {
        use Content::{Chunked, Length};
        for (lines, expected) in [
            ("HTTP/1.1 200 OK\ncontent-length: 12\n\n", (Length(12), true)),
            ("HTTP/1.1 200 OK\nContent-Length: 0\nconnection: close\n\n", (Length(0), false)),
            ("HTTP/1.1 200 OK\ndate: x\ntransfer-encoding: chunked\n\n3\nabc\n", (Chunked, true)),
        ] {
            assert_eq!(read(lines), Read::Plain(expected), "{lines}");
        }
    }

    #[test]
    fn the_beginning_of_a_head_is_a_part() {
        let head = "HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n";
        for end in 0..head.len() {
            assert_eq!(answer(&head.as_bytes()[..end], 1000), Read::Part, "{end}");
        }
    }

    #[test]
    fn all_else_is_for_hyper() {
        for lines in [
            "HTTP/1.1 100 Continue\n\n",
            "HTTP/1.1 204 No Content\n\n",
            "HTTP/1.1 302 Found\ncontent-length: 0\n\n",
            "HTTP/1.0 200 OK\ncontent-length: 3\n\n",
            "HTTP/1.1 200 OK\n\n",
            "HTTP/1.1 200 OK\ncontent-length: 3\ncontent-length: 3\n\n",
            "HTTP/1.1 200 OK\ncontent-length: 3\ntransfer-encoding: chunked\n\n",
            "HTTP/1.1 200 OK\ncontent-length: +3\n\n",
            "HTTP/1.1 200 OK\ncontent-length: 3, 3\n\n",
            "HTTP/1.1 200 OK\ncontent-length: 1001\n\n",
            "HTTP/1.1 200 OK\ncontent-length: 99999999999999999999999\n\n",
            "HTTP/1.1 200 OK\ntransfer-encoding: gzip, chunked\n\n",
            "HTTP/1.1 200 OK\ncontent-length: 3\nconnection: upgrade\n\n",
            "SSH-2.0-OpenSSH_9\n\n",
        ] {
            assert_eq!(read(lines), Read::Unusual, "{lines}");
        }
        let many = (0..40).map(|number| format!("x-{number}: y\r\n")).collect::<String>();
        assert_eq!(answer(format!("HTTP/1.1 200 OK\r\n{many}\r\n").as_bytes(), 9), Read::Unusual);
    }
}
