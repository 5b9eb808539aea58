//! A server of one page, with the real script and style: for pages that no real node would serve.

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
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, ports::free())).expect("the port was free");
        let address = listener.local_addr().expect("it is bound");
        let (page, served) = (Arc::new(page), Arc::new(AtomicUsize::new(0)));
        // Ends with the suite.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (page, served) = (page.clone(), served.clone());
                std::thread::spawn(move || serve(stream, &*page, &served));
            }
        });
        Stage { address }
    }
}

fn serve(mut stream: TcpStream, page: &dyn Fn(usize) -> String, served: &AtomicUsize) -> std::io::Result<()> {
    let mut first = String::new();
    let mut reader = BufReader::new(stream.try_clone()?);
    reader.read_line(&mut first)?;
    let mut line = String::new();
    while reader.read_line(&mut line)? > 2 {
        line.clear();
    }
    let path = first.split(' ').nth(1).unwrap_or_default();
    let (media_type, body) = match path.split('?').next().unwrap_or_default() {
        "/" => ("text/html; charset=utf-8", page(served.fetch_add(1, Ordering::Relaxed))),
        "/page.css" => ("text/css", STYLE.to_owned()),
        "/page.js" => ("text/javascript", SCRIPT.to_owned()),
        // A stream on which nothing happens, again and again.
        _ => ("text/event-stream", ":\n\n".to_owned()),
    };
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\ncontent-type: {media_type}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
}
