//! A node behind a proxy that serves it below a path: page, stream and commands.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};

use super::support::http;
use super::support::{Plan, Report, SOON, check, ports, seconds};

/// What the proxy has before each path of the node.
const PREFIX: &str = "/heartbeat";

/// A proxy that takes [`PREFIX`] off, and knows nothing else. It runs until the suite ends.
fn proxy(node: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, ports::free())).expect("the port was free");
    let address = listener.local_addr().expect("bound");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || pass(&stream, node));
        }
    });
    address
}

/// One request on each connection.
fn pass(mut outer: &TcpStream, node: SocketAddr) -> io::Result<()> {
    let mut reader = BufReader::new(outer);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Ok(());
        }
    }
    let Some((method, rest)) = head.split_once(&format!(" {PREFIX}/")) else {
        return outer.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 9\r\nconnection: close\r\n\r\nelsewhere");
    };
    let mut inner = TcpStream::connect(node)?;
    let rest = rest.replacen("\r\n", "\r\nconnection: close\r\n", 1);
    inner.write_all(format!("{method} /{rest}").as_bytes())?;
    io::copy(&mut inner, &mut outer)?;
    outer.shutdown(Shutdown::Both)
}

pub fn below_a_path(report: &Report) {
    let mut cluster = Plan::loopback(3).start();
    let proxy = proxy(cluster.node(1).host.address);
    let get = |path: &str| http::get(proxy, path);
    let page = get(&format!("{PREFIX}/")).expect("the page");
    assert_eq!(page.status, 200);
    // What a browser loads with the page, and where its links lead.
    let attributes = ["href=\"", "src=\""];
    let parts = attributes.iter().flat_map(|attribute| page.body.split(*attribute).skip(1));
    let links: Vec<&str> = parts.filter_map(|rest| rest.split('"').next()).filter(|link| !link.contains(':')).collect();
    let base: url::Url = format!("http://{proxy}{PREFIX}/").parse().expect("an address");
    for link in &links {
        let there = base.join(&link.replace("&amp;", "&")).expect("an address");
        let answer = get(&there[url::Position::BeforePath..url::Position::AfterQuery]).expect("an answer");
        assert_eq!(answer.status, 200, "{link} leads to {there}: {}", answer.body);
    }
    report.say(format!("{} links of the page: {links:?}", links.len()));
    assert!(links.len() > 10 && get("/page.css").expect("an answer").status == 404, "the proxy has nothing else");
    // What the script opens: the stream of this node, and what happens comes at once.
    assert!(page.body.contains("data-root=\"./\""), "{}", page.body);
    let mut stream = TcpStream::connect(proxy).expect("it listens");
    stream.set_read_timeout(Some(seconds(20))).expect("a socket");
    let ask = format!("GET {PREFIX}/api/v1/events HTTP/1.1\r\nhost: {proxy}\r\naccept: text/event-stream\r\n\r\n");
    stream.write_all(ask.as_bytes()).expect("it reads");
    let mut text = String::new();
    let mut read_until = |end: &str| {
        while !text.contains(end) {
            let mut chunk = [0; 4096];
            let count = stream.read(&mut chunk).unwrap_or_else(|error| panic!("{error} before {end:?} in {text}"));
            assert!(count > 0, "the stream ended before {end:?}: {text}");
            text.push_str(&String::from_utf8_lossy(&chunk[..count]));
        }
    };
    read_until(":\n\n");
    let killed = cluster.kill(3);
    read_until("event: peer_down");
    report.measured("kill -9 to the event, through the proxy", killed.elapsed(), seconds(1));
    // Commands take the path as a part of the address.
    let place = format!("--addr=http://{proxy}{PREFIX}");
    for (command, expected) in
        [("members", "node-3"), ("verify", "node-3 has been down for"), ("events", "node-3 is down")]
    {
        check(&format!("heartbeat {command} {place}"), SOON, || {
            let output =
                cluster.node(1).host.heartbeat().args([command, &place]).output().map_err(|error| error.to_string())?;
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            if said.contains(expected) {
                Ok(())
            } else {
                Err(format!("{}: {said}{}", output.status, String::from_utf8_lossy(&output.stderr)))
            }
        });
    }
    cluster.assert_down_only(&["node-3"]);
}
