//! The smallest HTTP client that can ask a node: one request, one connection,
//! read to the end. A node in a network namespace is asked through a door.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// A node answers its API from memory; what takes longer is an error worth seeing.
const LIMIT: Duration = Duration::from_secs(5);

/// No answer of a node in a test comes near it.
const BODY_LIMIT: usize = 16 * 1024 * 1024;

#[derive(Clone, Debug)]
pub struct Response {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Response {
    pub fn json(&self) -> Result<Value, String> {
        serde_json::from_str(&self.body).map_err(|error| format!("{error} in {:?}", self.body))
    }
}

pub fn get(address: SocketAddr, path: &str) -> Result<Response, String> {
    get_with(address, path, "")
}

/// The same with more lines in its head, each with its line end.
pub fn get_with(address: SocketAddr, path: &str, head: &str) -> Result<Response, String> {
    parse(&exchange(address, &address.to_string(), &format!("GET {path}"), head, "", LIMIT)?)
}

/// The same, and the `Host` is not the address.
pub fn get_as(address: SocketAddr, host: &str, path: &str) -> Result<Response, String> {
    parse(&exchange(address, host, &format!("GET {path}"), "", "", LIMIT)?)
}

/// A request with a body of JSON, for a program that takes its time.
pub fn send(address: SocketAddr, method: &str, path: &str, body: &str, limit: Duration) -> Result<Response, String> {
    let head = format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len());
    parse(&exchange(address, &address.to_string(), &format!("{method} {path}"), &head, body, limit)?)
}

fn exchange(
    address: SocketAddr,
    host: &str,
    what: &str,
    head: &str,
    body: &str,
    limit: Duration,
) -> Result<Vec<u8>, String> {
    let attempt = || -> std::io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect_timeout(&address, LIMIT)?;
        stream.set_read_timeout(Some(limit))?;
        let request = format!("{what} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{head}\r\n{body}");
        stream.write_all(request.as_bytes())?;
        let (mut raw, mut chunk) = (Vec::new(), [0; 16 * 1024]);
        // Not every server closes the connection because it was asked to.
        while !is_complete(&raw) && raw.len() < BODY_LIMIT {
            match stream.read(&mut chunk) {
                Ok(0) => break,
                Ok(length) => raw.extend_from_slice(&chunk[..length]),
                // A read with a time limit is not begun again by itself when the process was paused for a moment.
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(raw)
    };
    attempt().map_err(|error| format!("{what} at {address}: {error}"))
}

/// As much is there as the head says. Without a length the end of the connection is the end.
fn is_complete(raw: &[u8]) -> bool {
    let Some(end) = raw.windows(4).position(|window| window == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&raw[..end]).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
    length.is_some_and(|length| raw.len() - end - 4 >= length)
}

fn parse(raw: &[u8]) -> Result<Response, String> {
    let text = String::from_utf8_lossy(raw);
    let (head, body) = text.split_once("\r\n\r\n").ok_or_else(|| format!("no HTTP answer: {text:?}"))?;
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    let status = status.ok_or_else(|| format!("no status in {head:?}"))?;
    let head = head.to_ascii_lowercase();
    let body = if head.contains("transfer-encoding: chunked") { unchunk(body)? } else { body.to_owned() };
    Ok(Response { status, head, body })
}

fn unchunk(mut rest: &str) -> Result<String, String> {
    let mut body = String::new();
    loop {
        let (size, after) = rest.split_once("\r\n").ok_or("a chunk without a size")?;
        let size = usize::from_str_radix(size.trim(), 16).map_err(|error| format!("chunk size: {error}"))?;
        if size == 0 {
            return Ok(body);
        }
        body.push_str(after.get(..size).ok_or("a chunk that is cut off")?);
        rest = after.get(size + 2..).ok_or("a chunk without an end")?;
    }
}
