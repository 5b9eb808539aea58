//! Nodes that are asked to stop: they say goodbye, and no alarm is raised.

use std::time::Instant;

use super::asks::incidents::{await_incidents, said};
use super::asks::mesh::{await_note, await_well, await_whole};
use super::asks::why::{Because, await_reasons, await_words};
use super::support::{Plan, Report, SOON, check, hold, millis, proc_status, seconds};

/// A node that is asked to stop says goodbye: no alarm, then or later.
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
    for asked in [1, 2] {
        await_note(&cluster, asked, "both nodes reach each other; ", "node-3 left ", "left");
    }
    report.measured("SIGTERM to \"left\", from both others", told.elapsed(), seconds(2));
    for observer in [1, 2] {
        let goodbye = format!("node-3 said goodbye to node-{observer}");
        await_words(&cluster, observer, 3, &[&goodbye, "it was stopped cleanly", "rule goodbye:", "now left for"]);
    }
    await_whole(&cluster, &[1, 2]);
    // Longer than the waits of a node that is gone or silent, and than it takes to announce an incident.
    hold(seconds(7).saturating_sub(told.elapsed()));
    for observer in [1, 2] {
        cluster.assert_view(observer, "node-3", "left");
        let metrics = cluster.node(observer).metrics().expect("metrics");
        assert_eq!(metrics.value("heartbeat_peer_expected", &["peer=\"node-3\""]), Ok(0.0));
    }
    for asked in [1, 2] {
        await_incidents(&cluster, asked, &[]);
    }
    cluster.assert_quiet(&[1, 2], told);
    // It comes back as a new boot and is watched again.
    cluster.start(3);
    cluster.settle();
    cluster.assert_quiet(&[1, 2], told);
    cluster.assert_down_only(&[]);
}

/// A closed terminal and a supervisor's reload stop a node as cleanly; the signals that mean nothing to it do nothing.
pub fn other_signals(report: &Report) {
    let mut cluster = Plan::loopback(3).start();
    let began = Instant::now();
    for name in ["USR1", "USR2"] {
        cluster.signal(1, name);
    }
    for (number, name, reason) in [(2, "HUP", "hang_up"), (3, "QUIT", "quit")] {
        if name == "HUP" && proc_status::has_signal("self", "SigIgn", 1) {
            report.say("this suite was started by nohup, so its nodes ignore SIGHUP as they should");
            continue;
        }
        let told = cluster.signal(number, name);
        cluster.await_event(1, "peer_left", &format!("node-{number}"), told, SOON);
        let status = cluster.node_mut(number).await_end(SOON);
        assert_eq!(status.code(), Some(0), "{name} is an ordered stop");
        let leaving = cluster.logged(number, &["node_leaving"], began);
        assert!(leaving.iter().any(|line| line.text("reason") == reason), "{}", cluster.node(number).log_text());
        assert_eq!(cluster.logged(number, &["node_stopped"], began).len(), 1);
    }
    assert_eq!(cluster.node(1).get("/livez").map(|answer| answer.status), Ok(200), "USR1 and USR2 did nothing");
    cluster.assert_quiet(&[1], began);
}

/// A signal after the goodbye stops the node at once. One during it asks for what is under way, and only the node knows when
/// its goodbye has ended: so the signal is sent until the process ends.
pub fn told_to_stop_twice(report: &Report) {
    let mut cluster = Plan::loopback(2).with(&["--shutdown-delay=60s"]).start();
    let told = cluster.signal(2, "TERM");
    cluster.last_to_log(&[1], "peer_left", "node-2", told);
    check("a leaving node is not ready", SOON, || match cluster.node(2).get("/readyz")?.status {
        503 => Ok(()),
        status => Err(format!("/readyz says {status}")),
    });
    assert_eq!(cluster.node(2).get("/livez").map(|answer| answer.status), Ok(200), "leaving is not illness");
    let told_again = Instant::now();
    let status = check("a signal ends node-2", SOON, || {
        cluster.signal(2, "TERM");
        cluster.node_mut(2).ended()
    });
    report.measured("SIGTERM again to the end of the process", told_again.elapsed(), seconds(1));
    assert_eq!(status.code(), Some(143), "by a second SIGTERM: {status}");
    let log = cluster.node(2).log_text();
    assert!(log.contains("stopped at once after a second signal"), "{log}");
    cluster.assert_quiet(&[1], told);
}

/// Two hundred signals at once are one stop. None of them cuts off the goodbye; one that comes after it ends the rest at once.
pub fn told_to_stop_two_hundred_times(report: &Report) {
    let mut cluster = Plan::loopback(3).start();
    let told = cluster.node(3).signal_often("TERM", 200);
    let time = cluster.last_to_log(&[1, 2], "peer_left", "node-3", told);
    report.measured("200 SIGTERMs to left, at the last observer", time, millis(300));
    let status = cluster.node_mut(3).await_end(SOON);
    let lines = cluster.logged(3, &["node_leaving", "node_stopped", "request_panicked"], told);
    let lines: Vec<String> = lines.iter().map(|line| line.text("sentence")).collect();
    report.say(format!("after {:.3} s, {status}: {lines:?}", told.elapsed().as_secs_f64()));
    let [leaving, stopped] = &lines[..] else { panic!("one stop: {lines:?}") };
    assert!(leaving.starts_with("is stopping cleanly") && stopped.starts_with("stopped"), "{lines:?}");
    assert!(status.code().is_some(), "it ended by itself: {status}");
    // Longer than the wait for a node that is gone, and than an incident takes to be announced.
    hold(seconds(7));
    for observer in [1, 2] {
        cluster.assert_view(observer, "node-3", "left");
    }
    cluster.assert_quiet(&[1, 2], told);
    cluster.assert_down_only(&[]);
}

pub fn rolling_restart(report: &Report) {
    let mut cluster = Plan::loopback(3).start();
    let began = Instant::now();
    for number in [1, 2, 3] {
        cluster.signal(number, "TERM");
        cluster.node_mut(number).await_end(SOON);
        cluster.start(number);
        cluster.settle();
    }
    report.measured("all three restarted, one after the other", began.elapsed(), seconds(60));
    // Whatever was seen would have been announced by then.
    hold(seconds(7));
    for asked in [1, 2, 3] {
        await_incidents(&cluster, asked, &[]);
        assert_eq!(said(&cluster, asked, "incident_opened", began), 0, "{}", cluster.node(asked).log_text());
    }
    // Each node has seen those restart that stopped after it, and no restart counts as a fault.
    for (observer, peer, rule) in [
        (1, 2, "new_boot"),
        (1, 3, "new_boot"),
        (2, 3, "new_boot"),
        (2, 1, "first_answer"),
        (3, 1, "first_answer"),
        (3, 2, "first_answer"),
    ] {
        // On a busy machine there may have been a doubt since.
        let rules = [rule, "answered"];
        await_reasons(&cluster, &[Because { observer, peer, rules: &rules, words: &["is alive: it answered"] }]);
        await_well(&cluster, observer, peer, "up");
    }
}
