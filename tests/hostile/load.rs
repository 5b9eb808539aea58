//! Callers that ask without pause.

use std::io::{Read, Write};

use super::attack::{Attack, Order, request};
use super::level::{Level, Target};
use super::siege::{Siege, form};
use super::support::{Plan, Report, hold, millis};

pub fn metrics_without_pause(report: &Report, level: Level) {
    let mut siege = Siege::begin(level, Plan::loopback(3), &[]);
    let mut attack = Attack::new("answers of /metrics");
    attack.without_pause(&siege.target(1), "/metrics", 24, 1);
    siege.withstand(report, attack);
}

pub fn large_answers_without_pause(report: &Report, level: Level) {
    let mut siege = Siege::begin(level, Plan::loopback(3), &[]);
    let mut attack = Attack::new("answers of page and API");
    for path in
        ["/", "/api/v1/matrix", "/api/v1/peers", "/api/v1/events?limit=2048", "/api/v1/cluster", "/api/v1/why/node-2"]
    {
        attack.without_pause(&siege.target(1), path, 4, 4);
    }
    siege.withstand(report, attack);
}

pub fn pings_without_pause(report: &Report, level: Level) {
    let connections = if form().is_long { 400 } else { 100 };
    let mut siege = Siege::begin(level, Plan::loopback(3), &[]);
    let mut attack = Attack::new("answers of /ping");
    attack.without_pause(&siege.target(1), "/ping", connections, 16);
    siege.withstand(report, attack);
}

/// All requests of a burst are sent before an answer is read.
pub fn bursts_of_pipelined_requests(report: &Report, level: Level) {
    let connections = if form().is_long { 84 } else { 20 };
    let mut siege = Siege::begin(level, Plan::loopback(3), &[]);
    let mut attack = Attack::new("requests in bursts of 1,000 a connection");
    let target = siege.target(1);
    for _ in 0..connections {
        let target = target.clone();
        attack.thread(move |order| {
            let burst = request("/livez").repeat(1000);
            while order.goes_on() {
                send_at_once(&order, &target, burst.as_bytes());
                order.count(1000);
                hold(millis(500));
            }
        });
    }
    siege.withstand(report, attack);
    let stalls = siege.cluster.logged(1, &["self_stalled"], siege.began());
    assert!(stalls.is_empty(), "node-1 was stalled by bursts: {} times", stalls.len());
}

/// Sends all of `text` as fast as the node takes it, and reads the answers to their end.
fn send_at_once(order: &Order, target: &Target, text: &[u8]) {
    let Ok(mut stream) = target.connect() else { return };
    stream.tcp().set_nonblocking(true).expect("a socket");
    let (mut sent, mut chunk) = (0, vec![0; 64 * 1024]);
    while order.goes_on() {
        let wrote = if sent < text.len() { stream.write(&text[sent..]).unwrap_or(0) } else { 0 };
        sent += wrote;
        if wrote > 0 && sent == text.len() {
            // The node answers what it has, and closes.
            stream.finish();
        }
        match stream.read(&mut chunk) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                if wrote == 0 {
                    hold(millis(1));
                }
            }
            Err(_) => return,
        }
    }
}
