//! A process that does not run for a while, as its peers see it and as it sees them when it wakes.

use std::time::Duration;

use super::assert_outage;
use super::support::{Plan, Report, SOON, hold, millis, seconds};

pub fn frozen_for_2_seconds(_: &Report) {
    frozen(seconds(2));
}

pub fn frozen_for_5_seconds(_: &Report) {
    frozen(seconds(5));
}

pub fn frozen_for_8_seconds(_: &Report) {
    frozen(seconds(8));
}

/// A pause that is tolerated, from both sides: nobody accuses the frozen node, and it accuses nobody when it wakes.
fn frozen(span: Duration) {
    let cluster = Plan::loopback(3).start();
    let began = cluster.signal(3, "STOP");
    hold(span);
    cluster.signal(3, "CONT");
    cluster.await_fresh_answers(&[1, 2, 3]);
    // Whatever was still on its way when it woke has been judged two intervals later.
    hold(seconds(3));
    cluster.assert_quiet(&[1, 2, 3], began);
    cluster.settle();
    cluster.assert_down_only(&[]);
}

/// Longer than the longest wait: down and recovered for the others, nothing at all for the frozen one.
pub fn frozen_for_12_seconds(report: &Report) {
    let cluster = Plan::loopback(3).start();
    let began = cluster.signal(3, "STOP");
    let time = cluster.last_to_log(&[1, 2], "peer_down", "node-3", began);
    report.measured("frozen to down, confirmed, at the last survivor", time, millis(10_300));
    for observer in [1, 2] {
        let peer = cluster.await_view(observer, "node-3", "dead/down", SOON);
        assert_eq!(peer["class"], "stalled", "{peer}");
    }
    hold(seconds(12).saturating_sub(began.elapsed()));
    let woken = cluster.signal(3, "CONT");
    let time = cluster.last_to_log(&[1, 2], "peer_recovered", "node-3", woken);
    report.measured("woken to recovered", time, millis(2500));
    for observer in [1, 2] {
        let line = cluster.await_event(observer, "peer_recovered", "node-3", woken, SOON);
        assert_eq!(line.text("message"), "Peer is online", "{}", line.raw);
        assert_outage(&line, seconds(11), seconds(12) + time + seconds(2));
    }
    cluster.await_fresh_answers(&[1, 2, 3]);
    hold(seconds(3));
    cluster.assert_quiet(&[3], began);
    cluster.settle();
    cluster.assert_down_only(&["node-3"]);
}

/// What an observer missed while it was frozen it finds out by itself, and it says no more than that.
pub fn frozen_observer_sees_the_dead_when_it_wakes(report: &Report) {
    let mut cluster = Plan::loopback(3).start();
    cluster.signal(1, "STOP");
    let killed = cluster.kill(3);
    hold(seconds(4));
    let woken = cluster.signal(1, "CONT");
    let time = cluster.last_to_log(&[1], "peer_down", "node-3", woken);
    report.measured("woken to down of the one killed meanwhile", time, seconds(3));
    cluster.await_event(2, "peer_down", "node-3", killed, SOON);
    cluster.settle_among(&[1, 2]);
    cluster.assert_down_only(&["node-3"]);
}
