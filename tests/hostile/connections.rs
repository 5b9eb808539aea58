//! Callers that use up connections, memory and descriptors, and callers that talk nonsense.

use std::io::{Read, Write};
use std::net::SocketAddr;

use super::attack::{Attack, ask_once, request};
use super::level::{Level, Target};
use super::siege::{Siege, form};
use super::support::{Plan, Report, SOON, check, hold, seconds};

/// The limit of each node, unless the form is long: then it is the default, and there are more callers than that.
fn limit() -> (&'static [&'static str], usize) {
    if form().is_long { (&[], 1_200) } else { (&["--max-connections=64"], 120) }
}

/// All three nodes are full of callers that say nothing, all the time.
pub fn quiet_callers(report: &Report, level: Level) {
    let (limit, callers) = limit();
    let mut siege = Siege::begin(level, Plan::loopback(3), limit);
    let mut attack = Attack::new("quiet connections");
    for number in 1..=3 {
        attack.connections(siege.target(number), callers, String::new());
    }
    siege.withstand(report, attack);
    let closed = siege.count(1, "heartbeat_connections_closed_total", &["reason=\"idle\""]);
    let refused = siege.count(1, "heartbeat_connections_refused_total", &["reason=\"full\""]);
    report.say(format!("node-1 closed {closed} of them and refused {refused}"));
    assert!(closed + refused > 0.0, "the limit was reached");
    siege.await_lines(1, "connections_full", "connections_free");
}

/// Each asks for far more than both kernels hold, and reads nothing.
pub fn callers_that_never_read(report: &Report, level: Level) {
    let (limit, callers) = limit();
    let mut siege = Siege::begin(level, Plan::loopback(3), limit);
    let mut attack = Attack::new("connections that are not read");
    for number in 1..=3 {
        attack.connections(siege.target(number), callers / 2, request("/openapi.json").repeat(200));
    }
    siege.withstand_until(report, attack, Some("answers_unread"));
    siege.await_lines(1, "answers_unread", "answers_read");
}

/// The limit falls below what the node needs while strangers connect.
pub fn descriptors_used_up(report: &Report, level: Level) {
    use rustix::process::{Pid, Resource, Rlimit, prlimit};
    let mut siege = Siege::begin(level, Plan::loopback(3), &[]);
    let pid = Pid::from_raw(siege.cluster.node(1).process_id().cast_signed());
    let few = Rlimit { current: Some(48), maximum: Some(48) };
    prlimit(pid, Resource::Nofile, few).expect("a child of ours");
    let mut attack = Attack::new("connections to a node with 48 descriptors");
    attack.connections(siege.target(1), 100, String::new());
    siege.withstand(report, attack);
    let closed = siege.count(1, "heartbeat_connections_closed_total", &["reason=\"idle\""]);
    let failures = siege.count(1, "heartbeat_accept_failures_total", &[]);
    report.say(format!("node-1 closed {closed} of them, and accepting failed {failures} times"));
    assert!(closed > 0.0, "descriptors ran out");
    siege.await_lines(1, "connections_full", "connections_free");
    let full = siege.cluster.logged(1, &["connections_full"], siege.began()).remove(0);
    assert!(full.text("error").contains("of 48 file descriptors are left"), "{}", full.raw);
}

/// Nothing can be accepted, whatever the node closes: the limit is below what the node has open itself. One line when it
/// begins and one when it is over.
pub fn accepting_that_fails(report: &Report, _: Level) {
    use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
    let siege = Siege::begin(Level::Nothing, Plan::loopback(3), &[]);
    let maximum = getrlimit(Resource::Nofile).maximum;
    let limit = |current: Option<u64>| {
        let pid = Pid::from_raw(siege.cluster.node(1).process_id().cast_signed());
        prlimit(pid, Resource::Nofile, Rlimit { current, maximum }).expect("a child of ours");
    };
    limit(Some(8));
    let mut attack = Attack::new("connections to a node that can accept none");
    attack.connections(siege.target(1), 40, String::new());
    let failed = siege.cluster.node(1).log.wait(siege.began(), SOON, |line| line.event() == "accept_failed");
    let failed = failed.expect("accepting fails");
    assert!(failed.text("error").contains("os error 24"), "{}", failed.raw);
    assert!(failed.text("sentence").contains("raise their limit (ulimit -n, LimitNOFILE)"), "{}", failed.raw);
    // Below the wait of a peer that does not answer: as long as this lasts, its peers cannot connect either.
    hold(seconds(2));
    // Another one was not told: the trouble is the same.
    assert_eq!(siege.cluster.logged(1, &["accept_failed", "accept_recovered"], siege.began()).len(), 1);
    report.say(attack.end());
    limit(maximum);
    siege.await_lines(1, "accept_failed", "accept_recovered");
    let over = siege.cluster.logged(1, &["accept_recovered"], siege.began()).remove(0);
    let failures = siege.count(1, "heartbeat_accept_failures_total", &[]);
    report.say(format!("accepting failed {failures} times; {}", over.text("sentence")));
    assert!(failures >= 10.0 && over.text("count") == failures.to_string(), "{failures} failures: {}", over.raw);
    siege.cluster.await_fresh_answers(&[1, 2, 3]);
    siege.cluster.assert_down_only(&[]);
    siege.cluster.assert_quiet(&[1, 2, 3], siege.began());
}

/// Far more readers of events than there may be: those who come too late are told so, and peers keep their streams.
pub fn two_thousand_streams(report: &Report, _: Level) {
    const EVENTS: &str = "GET /api/v1/events HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\n\r\n";
    let mut siege = Siege::begin(Level::Nothing, Plan::loopback(3), &[]);
    let (mut readers, mut open, mut refused) = (Vec::new(), 0, 0);
    for _ in 0..2_000 {
        let (stream, status) = ask_once(siege.address(1), EVENTS, seconds(10)).expect("an answer");
        match status {
            200 => open += 1,
            503 => refused += 1,
            other => panic!("{other}"),
        }
        readers.push(stream);
    }
    report.say(format!("{open} streams are open, {refused} were refused"));
    assert_eq!((open, refused), (64, 2_000 - 64), "as --max-streams has it");
    for peer in ["node-2", "node-3"] {
        let peer = siege.cluster.node(1).peer(peer).expect("is watched");
        assert_eq!(peer["streaming"], true, "{peer}");
    }
    siege.withstand(report, Attack::new("requests more"));
    drop(readers);
    // Their places are free again.
    let address = siege.address(1);
    check("a reader gets a stream", SOON, || match ask_once(address, EVENTS, seconds(10)) {
        Ok((_, 200)) => Ok(()),
        other => Err(format!("{other:?}")),
    });
}

/// What is not HTTP, and paths that are not there: an answer or an end, and no more series than before.
pub fn junk_and_random_paths(report: &Report, level: Level) {
    let siege = Siege::begin(level, Plan::loopback(3), &[]);
    let long = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "a".repeat(100_000));
    let junk: &[&[u8]] = &[
        b"\0\0\0\0",
        b"\r\n\r\n\r\n",
        b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n",
        b"POST /ping HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffff\r\n",
        b"GET http://[::1 HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET /%ff%fe%00 HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET /ping HTTP/1.1\r\nheartbeat-node: \xff\xfe\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        long.as_bytes(),
    ];
    // With TLS both inside of it and in its place.
    for target in [siege.target(1), Target::raw(siege.address(1))] {
        junk.iter().for_each(|bytes| assert_answered_or_closed(&target, bytes));
    }
    let series = || siege.cluster.node(1).get("/metrics").map(|response| response.body.lines().count());
    let paths = if form().is_long { 54_000 } else { 2_000 };
    let mut stream = siege.target(1).connect().expect("it listens");
    for number in 0..paths {
        stream.write_all(request(&format!("/{number}/x{}", number * 7919)).as_bytes()).expect("it reads");
        let mut answer = [0; 2048];
        let count = stream.read(&mut answer).expect("it answers");
        assert!(answer[..count].starts_with(b"HTTP/1.1 404"), "{:?}", String::from_utf8_lossy(&answer[..count]));
    }
    let before = check("metrics", seconds(5), series);
    report.say(format!("{} kinds of junk, {paths} paths, {before} lines of metrics", junk.len()));
    assert!(before < 1_000, "{before} lines of metrics");
    siege.cluster.await_fresh_answers(&[1, 2, 3]);
    siege.cluster.assert_down_only(&[]);
}

fn assert_answered_or_closed(target: &Target, bytes: &[u8]) {
    let mut stream = target.connect().expect("it listens");
    stream.tcp().set_read_timeout(Some(seconds(5))).expect("a socket");
    let _ = stream.write_all(bytes);
    stream.finish();
    let read = stream.read_to_end(&mut Vec::new());
    let is_open = read.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock);
    assert!(!is_open, "{:?} is neither answered nor closed", String::from_utf8_lossy(&bytes[..bytes.len().min(60)]));
}

/// TLS only: strangers who say nothing, half of what begins a handshake, what is none, and who begin one and leave it.
pub fn handshakes_that_never_end(report: &Report, level: Level) {
    let mut siege = Siege::begin(level, Plan::loopback(3), &[]);
    let address: SocketAddr = siege.address(1);
    let hello = siege.guard.hello(address.ip());
    let half = hello[..hello.len() / 2].to_vec();
    // The head of a handshake's record, and nothing of a handshake behind it.
    let junk: Vec<u8> = hello[..5].iter().copied().chain((5..hello.len()).map(|at| (at * 167) as u8)).collect();
    let mut attack = Attack::new("handshakes that never end");
    for (count, bytes) in [(100, Vec::new()), (100, half), (50, junk), (50, hello)] {
        attack.handshakes(address, count, bytes);
    }
    siege.withstand(report, attack);
    let closed = siege.count(1, "heartbeat_connections_closed_total", &["reason=\"handshake\""]);
    report.say(format!("node-1 closed {closed} of them"));
    assert!(closed > 250.0, "every kind is closed, after 5 s at the latest");
    siege.await_lines(1, "tls_handshakes_failed", "tls_handshakes_succeed");
}
