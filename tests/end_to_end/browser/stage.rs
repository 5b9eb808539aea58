//! Servers for a browser: of one page with the real script and style, for pages that no real node would serve, and of anything.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::ports;

/// The style of all pages.
pub const STYLE: &str = include_str!("../../../src/http/page/page.css");
const SCRIPT: &str = include_str!("../../../src/http/page/page.js");

/// Serves `/` until the suite ends, without any policy.
pub struct Stage {
    pub address: SocketAddr,
}

impl Stage {
    /// `page` gets how often it was asked for before.
    pub fn open(page: impl Fn(usize) -> String + Send + Sync + 'static) -> Stage {
        let served = AtomicUsize::new(0);
        let address = serve(move |path| {
            let (kind, body) = match path.split('?').next().unwrap_or_default() {
                "/" => ("text/html; charset=utf-8", page(served.fetch_add(1, Ordering::Relaxed))),
                "/page.css" => ("text/css", STYLE.to_owned()),
                "/page.js" => ("text/javascript", SCRIPT.to_owned()),
                // A stream on which nothing happens, again and again.
                _ => ("text/event-stream", ":\n\n".to_owned()),
            };
            Reply { status: "200 OK", kind, body: body.into() }
        });
        Stage { address }
    }
}

/// What a server answers.
pub struct Reply {
    pub status: &'static str,
    /// Its media type.
    pub kind: &'static str,
    pub body: Vec<u8>,
}

/// Serves what `answer` gives for a path, until the suite ends.
pub fn serve(answer: impl Fn(&str) -> Reply + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, ports::free())).expect("the port was free");
    let address = listener.local_addr().expect("it is bound");
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = Arc::clone(&answer);
            std::thread::spawn(move || reply(stream, &*answer));
        }
    });
    address
}

fn reply(mut stream: TcpStream, answer: &dyn Fn(&str) -> Reply) -> std::io::Result<()> {
    let mut first = String::new();
    let mut reader = BufReader::new(stream.try_clone()?);
    reader.read_line(&mut first)?;
    let mut line = String::new();
    while reader.read_line(&mut line)? > 2 {
        line.clear();
    }
    let Reply { status, kind, body } = answer(first.split(' ').nth(1).unwrap_or_default());
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
    )?;
    stream.write_all(&body)
}
