//! Somebody on the way of a stream of news: its events, and copies of the request for it.

use std::time::Instant;

use super::attack::ask_once;
use super::attacks::proxied;
use super::level::{Guard, Level};
use super::proxy::{Does, Meddling, header};
use super::support::{Report, SOON, check, seconds};

/// Row 12: an event is made up, changed, left out or sent twice. With a key the stream ends, and a check begins at once.
/// Without one, what is made up is believed until the next answer.
pub fn events_that_are_no_events_of_the_peer(report: &Report, level: Level) {
    let guard = Guard::new(level);
    let (cluster, proxy) = proxied(2, &guard, 1, 2);
    check("an answer came by", SOON, || if proxy.requests("/ping").len() > 2 { Ok(()) } else { Err(String::new()) });
    if !level.has_key() {
        let began = Instant::now();
        proxy.becomes(Does::Event(Meddling::Forge));
        for event in ["peer_left", "peer_returned"] {
            let line = cluster.await_event(1, event, "node-2", began, SOON);
            report.say(line.text("sentence"));
        }
        cluster.settle();
        return;
    }
    let began = Instant::now();
    let opened = || proxy.requests("/api/v1/events").len();
    // On a connection of its own, which ends with it.
    let checks = || proxy.requests("/ping").iter().filter(|head| header(head, "connection") == Some("close")).count();
    for (count, meddling) in (1..).zip([Meddling::Forge, Meddling::Change, Meddling::LeaveOut, Meddling::Repeat]) {
        let (streams, checked) = (opened(), checks());
        proxy.becomes(Does::Event(meddling));
        check(&format!("{meddling:?}: an event came by"), SOON, || {
            if proxy.meddled() == count { Ok(()) } else { Err(format!("{}", proxy.meddled())) }
        });
        let meddled = Instant::now();
        check(&format!("{meddling:?}: the stream ends, and node-2 is checked and asked for another"), SOON, || {
            let now = (opened(), checks());
            if now.0 > streams && now.1 > checked { Ok(()) } else { Err(format!("{now:?}")) }
        });
        report.say(format!("{meddling:?}: another stream after {:?}", meddled.elapsed()));
        cluster.settle();
    }
    let wrong = cluster.logged(1, &["peer_left", "peer_unreachable", "peer_down"], began);
    assert!(wrong.is_empty(), "it was believed: {}", wrong[0].raw);
    cluster.assert_down_only(&[]);
}

/// Without a key each copy of a request for a stream gets the news that the node would get. Their number is bounded, the
/// node keeps its own stream, and its death is reported.
pub fn stream_requests_played_again_without_a_key(report: &Report, level: Level) {
    const COPIES: usize = 200;
    /// Twice the listed peers, and 64 for those that only say that they are nodes.
    const STREAMS: usize = 2 * 2 + 64;
    let guard = Guard::new(level);
    let (mut cluster, proxy) = proxied(3, &guard, 2, 1);
    let one = guard.back(cluster.node(1).host.address);
    let stream = proxy.requests("/api/v1/events").pop().expect("a stream was opened");
    let mut open = Vec::new();
    let mut refused = 0;
    for _ in 0..COPIES {
        let (copy, status) = ask_once(one, &stream, seconds(10)).expect("an answer");
        match status {
            200 => open.push(copy),
            status => {
                assert_eq!(status, 503);
                refused += 1;
            }
        }
    }
    report.say(format!("{} of {COPIES} copies have a stream, {refused} were refused", open.len()));
    assert!(!open.is_empty() && open.len() <= STREAMS, "{} copies have a stream", open.len());
    cluster.settle();
    let killed = cluster.kill(2);
    for observer in [1, 3] {
        let line = cluster.await_event(observer, "peer_down", "node-2", killed, SOON);
        report.say(format!("node-{observer}: {}, after {:?}", line.text("sentence"), line.at.duration_since(killed)));
    }
    cluster.assert_down_only(&["node-2"]);
}
