//! A node's life: it starts, it is killed, it is started again, it is told to stop.

use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::assert_outage;
use super::support::{Plan, Report, SOON, check, hold, millis, seconds};

/// The last of the nodes comes when the first have long been pinging its closed port.
pub fn started_in_any_order(report: &Report) {
    let mut cluster = Plan::loopback(3).build();
    let began = cluster.start(3);
    cluster.node(3).await_ready();
    report.measured("start to ready", began.elapsed(), millis(50));
    hold(seconds(1));
    cluster.start(1);
    hold(seconds(2));
    let last = cluster.start(2);
    cluster.settle();
    report.measured("last start to everybody hears everybody", last.elapsed(), seconds(2));
    for observer in cluster.numbers() {
        for subject in cluster.others(observer) {
            let line = cluster.await_event(observer, "peer_joined", &format!("node-{subject}"), began, SOON);
            assert_eq!(line.text("message"), "Peer is online", "{}", line.raw);
        }
    }
    cluster.assert_quiet(&[1, 2, 3], began);
    cluster.assert_down_only(&[]);
}

pub fn killed_one_of_three(report: &Report) {
    let mut cluster = Plan::loopback(3).start();
    let killed = cluster.kill(3);
    let time = cluster.last_to_log(&[1, 2], "peer_down", "node-3", killed);
    report.measured("kill -9 to down, confirmed, at the last survivor", time, millis(500));
    for observer in [1, 2] {
        let line = cluster.await_event(observer, "peer_down", "node-3", killed, SOON);
        assert_eq!(line.text("message"), "Peer unreachable", "{}", line.raw);
        let peer = cluster.await_view(observer, "node-3", "dead/down", SOON);
        assert_eq!(peer["class"], "gone", "{peer}");
        let accusers = peer["accusers"].to_string();
        assert!(accusers.contains("node-1") && accusers.contains("node-2"), "who agreed: {peer}");
        assert_eq!(cluster.node(observer).get("/readyz").map(|answer| answer.status), Ok(200));
    }
    cluster.assert_down_only(&["node-3"]);
}

/// Streams only save time.
pub fn killed_one_of_three_without_streams(report: &Report) {
    let mut cluster = Plan::loopback(3).with(&["--streams=off"]).start();
    let killed = cluster.kill(3);
    let time = cluster.last_to_log(&[1, 2], "peer_down", "node-3", killed);
    report.measured("kill -9 to down at the last survivor, no streams", time, millis(2200));
    for observer in [1, 2] {
        let peer = cluster.await_view(observer, "node-3", "dead/down", SOON);
        assert_eq!(peer["streaming"], false, "{peer}");
    }
    cluster.assert_down_only(&["node-3"]);
}

/// Nobody is left who could agree, and the survivor says so.
pub fn killed_two_of_three_at_once(report: &Report) {
    let mut cluster = Plan::loopback(3).start();
    let killed = cluster.kill(2);
    cluster.kill(3);
    for subject in ["node-2", "node-3"] {
        let time = cluster.last_to_log(&[1], "peer_down", subject, killed);
        report.measured(&format!("two killed at once: {subject} down"), time, seconds(3));
        cluster.await_view(1, subject, "dead/unconfirmed", SOON);
    }
    cluster.assert_down_only(&["node-2", "node-3"]);
}

pub fn killed_one_of_two(report: &Report) {
    let mut cluster = Plan::loopback(2).start();
    let killed = cluster.kill(2);
    let time = cluster.last_to_log(&[1], "peer_down", "node-2", killed);
    report.measured("kill -9 of the only peer to down", time, millis(500));
    cluster.await_view(1, "node-2", "dead/unconfirmed", SOON);
    cluster.assert_down_only(&["node-2"]);
}

/// A node without peers is legal, healthy, and stops as any other.
pub fn alone(report: &Report) {
    let mut cluster = Plan::loopback(1).build();
    let began = cluster.start(1);
    cluster.node(1).await_ready();
    report.measured("start to ready", began.elapsed(), millis(50));
    let view = cluster.node(1).json("/api/v1/peers").unwrap_or_else(|problem| panic!("{problem}"));
    assert_eq!(view["peers"].as_array().map(Vec::len), Some(0), "{view}");
    assert_eq!(view["state"], "ready", "{view}");
    cluster.signal(1, "INT");
    assert_eq!(cluster.node_mut(1).await_end(SOON).code(), Some(0));
}

/// A quick restart is an event, not an outage.
pub fn restart_within_200_milliseconds(report: &Report) {
    let mut cluster = Plan::loopback(3).start();
    // On a machine that is too busy to start a process in time the case has not happened yet.
    for _ in 0..10 {
        let killed = cluster.kill(3);
        cluster.start(3);
        let away = await_listening(cluster.node(3).host.address, killed);
        let in_time = away <= millis(200);
        for observer in [1, 2] {
            cluster.await_event(observer, "peer_restarted", "node-3", killed, SOON);
        }
        cluster.settle();
        if in_time {
            report.say(format!("away for {:.3} s", away.as_secs_f64()));
            cluster.assert_quiet(&[1, 2, 3], killed);
            for observer in [1, 2] {
                let peer = cluster.await_view(observer, "node-3", "alive", SOON);
                assert!(peer["restarts"].as_u64() >= Some(1), "{peer}");
                assert_eq!(peer["flapping"], false, "{peer}");
            }
            return;
        }
    }
    report.say("SKIPPED: no process starts within 0.2 s here");
}

pub fn restart_after_5_seconds(report: &Report) {
    let mut cluster = Plan::loopback(3).start();
    let killed = cluster.kill(3);
    cluster.last_to_log(&[1, 2], "peer_down", "node-3", killed);
    hold(seconds(5).saturating_sub(killed.elapsed()));
    let started = cluster.start(3);
    let time = cluster.last_to_log(&[1, 2], "peer_recovered", "node-3", started);
    report.measured("start to recovered, at the last observer", time, millis(1500));
    for observer in [1, 2] {
        let line = cluster.await_event(observer, "peer_recovered", "node-3", started, SOON);
        assert_outage(&line, seconds(5), seconds(7) + time);
        let peer = cluster.await_view(observer, "node-3", "alive", SOON);
        assert_eq!(peer["flapping"], false, "{peer}");
        assert_eq!(peer["restarts"], 1, "{peer}");
    }
    cluster.settle();
    cluster.assert_quiet(&[1, 2, 3], started);
    cluster.assert_down_only(&["node-3"]);
}

/// A node that is told to stop says goodbye: no alarm, then or later.
pub fn told_to_stop(report: &Report) {
    let mut cluster = Plan::loopback(3).start();
    let told = cluster.signal(3, "TERM");
    let time = cluster.last_to_log(&[1, 2], "peer_left", "node-3", told);
    report.measured("SIGTERM to left, at the last observer", time, millis(300));
    let status = cluster.node_mut(3).await_end(SOON);
    report.measured("SIGTERM to the end of the process", told.elapsed(), seconds(1));
    assert_eq!(status.code(), Some(0), "an ordered stop is a success");
    let log = cluster.node(3).log.lines();
    for event in ["node_leaving", "node_stopped"] {
        assert!(log.iter().any(|line| line.event() == event), "no {event} in {}", cluster.node(3).log_text());
    }
    // Longer than the waits of a node that is gone or silent.
    hold(seconds(4));
    for observer in [1, 2] {
        cluster.assert_view(observer, "node-3", "left");
        let metrics = cluster.node(observer).metrics().expect("metrics");
        assert_eq!(metrics.value("heartbeat_peer_expected", &["peer=\"node-3\""]), Ok(0.0));
    }
    cluster.assert_quiet(&[1, 2], told);
    // It comes back as a new boot and is watched again.
    cluster.start(3);
    cluster.settle();
    cluster.assert_quiet(&[1, 2], told);
    cluster.assert_down_only(&[]);
}

/// The second signal does not wait for anything.
pub fn told_to_stop_twice(report: &Report) {
    let mut cluster = Plan::loopback(2).with(&["--shutdown-delay=60s"]).start();
    let told = cluster.signal(2, "TERM");
    cluster.last_to_log(&[1], "peer_left", "node-2", told);
    check("a leaving node is not ready", SOON, || match cluster.node(2).get("/readyz")?.status {
        503 => Ok(()),
        status => Err(format!("/readyz says {status}")),
    });
    assert_eq!(cluster.node(2).get("/livez").map(|answer| answer.status), Ok(200), "leaving is not illness");
    let told_again = cluster.signal(2, "TERM");
    cluster.node_mut(2).await_end(SOON);
    report.measured("second SIGTERM to the end of the process", told_again.elapsed(), seconds(1));
    cluster.assert_quiet(&[1], told);
}

/// How long after `since` somebody listens on `address`.
fn await_listening(address: SocketAddr, since: Instant) -> Duration {
    let deadline = Instant::now() + SOON;
    while Instant::now() < deadline {
        if TcpStream::connect(address).is_ok() {
            return since.elapsed();
        }
        std::thread::yield_now();
    }
    panic!("nobody listens on {address}");
}
