//! A listed peer that answers its first pings and then floods.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};

use super::attack::{Attack, Order};
use super::level::{Guard, Level};
use super::siege::Siege;
use super::support::{Plan, Report, hold, millis, ports, seconds};

/// What it sends without end, and on which path.
#[derive(Clone, Copy)]
struct Flood {
    path: &'static str,
    head: &'static str,
    piece: &'static str,
}

const ANSWER: &str = r#"{"node":"bad","boot":"00000000000000bd","seq":1,"state":"ready","version":"0","accusations":[],"watch":{"since":4,"rev":4,"peers":[]}}"#;

pub fn informational_heads_without_end(report: &Report, level: Level) {
    let heads = Flood { path: "/ping", head: "", piece: "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" };
    let (mut siege, attack) = begin(level, "pieces of informational heads", heads);
    siege.withstand(report, attack);
}

pub fn news_without_end(report: &Report, level: Level) {
    let news = Flood {
        path: "/api/v1/events",
        head: "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n",
        piece: "event: news\ndata: {}\n\n",
    };
    let (mut siege, attack) = begin(level, "pieces of news", news);
    siege.withstand(report, attack);
    let closed = siege.cluster.logged(1, &["stream_flooded"], siege.began());
    report.say(format!("{} lines about the flood at node-1", closed.len()));
    assert!(siege.count(1, "heartbeat_stream_floods_total", &[]) >= 1.0, "the stream was closed");
    // The end is told ten minutes later, when it is read again: `runtime::driver` tests that.
    assert_eq!(closed.len(), 1, "told once");
}

fn begin(level: Level, what: &'static str, flood: Flood) -> (Siege, Attack) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, ports::free())).expect("the port was free");
    let address = listener.local_addr().expect("bound");
    let mut attack = Attack::new(what);
    attack.thread(move |order| serve(&order, &listener, flood));
    let guard = Guard::new(level);
    let plan = Plan::loopback(3).watching("bad", guard.front(address));
    (Siege::guarded(guard, plan, &[]), attack)
}

fn serve(order: &Order, listener: &TcpListener, flood: Flood) {
    listener.set_nonblocking(true).expect("a socket");
    while order.goes_on() {
        match listener.accept() {
            Ok((stream, _)) => {
                let order = order.clone();
                std::thread::spawn(move || answer(&order, stream, flood));
            }
            Err(_) => hold(millis(20)),
        }
    }
}

/// One connection of a node: honest where the flood is not.
fn answer(order: &Order, stream: TcpStream, flood: Flood) {
    let _ = stream.set_nonblocking(false);
    let _ = stream.set_read_timeout(Some(seconds(15)));
    let _ = stream.set_write_timeout(Some(seconds(2)));
    let mut reader = BufReader::new(&stream);
    let mut writer = &stream;
    while order.goes_on() {
        let mut first = String::new();
        let mut line = String::new();
        while line != "\r\n" {
            line.clear();
            if !reader.read_line(&mut line).is_ok_and(|count| count > 0) {
                return;
            }
            if first.is_empty() {
                first.clone_from(&line);
            }
        }
        let path = first.split(' ').nth(1).unwrap_or_default();
        if path == flood.path {
            let pieces = flood.piece.repeat(1_000);
            let mut sent = writer.write_all(flood.head.as_bytes());
            while sent.is_ok() && order.goes_on() {
                sent = writer.write_all(pieces.as_bytes());
                order.count(1_000);
            }
            return;
        }
        let (status, body) = if path == "/ping" { ("200 OK", ANSWER) } else { ("404 Not Found", "") };
        let head =
            format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
        if writer.write_all((head + body).as_bytes()).is_err() {
            return;
        }
    }
}
