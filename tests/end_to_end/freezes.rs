//! A process that does not run for a while, as its peers see it and as it sees them when it wakes.

use std::time::Duration;

use super::asks::incidents::{await_all, await_incidents};
use super::asks::mesh::{await_sentence, await_sentences, await_whole};
use super::asks::why::{await_reasons, await_words, because, evidence};
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

/// A pause that is tolerated, from both sides: the frozen node is not accused, and it accuses no peer when it
/// continues.
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
    for asked in [1, 2] {
        await_sentence(&cluster, asked, "node-1 and node-2 suspect node-3: no verdict yet");
    }
    let time = cluster.last_to_log(&[1, 2], "peer_down", "node-3", began);
    report.measured("frozen to down, confirmed, at the last survivor", time, millis(10_300));
    for observer in [1, 2] {
        let line = cluster.await_event(observer, "peer_down", "node-3", began, SOON);
        assert!(!line.raw.contains("unconfirmed"), "{}", line.raw);
        assert_eq!(line.text("class"), "stalled", "{}", line.raw);
        let peer = cluster.await_view(observer, "node-3", "dead/down", SOON);
        assert_eq!(peer["class"], "stalled", "{peer}");
    }
    let sentence = "node-3 has been down for *; node-1 and node-2 agree";
    await_sentences(&cluster, &[(1, sentence), (2, sentence)], began, report);
    let down: &[&str] = &["down node-3 ..."];
    await_all(&cluster, &[(1, down), (2, down)], began, "frozen to the incident, from both others", report);
    for asked in [1, 2] {
        let incident = await_incidents(&cluster, asked, down).remove(0);
        assert_eq!(incident["reason"], "stalled", "{incident}");
    }
    let words = ["does not answer (stalled)", "frozen", "rule quorum:"];
    await_reasons(&cluster, &[1, 2].map(|observer| because(observer, 3, &["quorum"], &words)));
    hold(seconds(12).saturating_sub(began.elapsed()));
    let resumed = cluster.signal(3, "CONT");
    let frozen = resumed - began;
    let time = cluster.last_to_log(&[1, 2], "peer_recovered", "node-3", resumed);
    report.measured("resumed to recovered", time, millis(2500));
    for observer in [1, 2] {
        let line = cluster.await_event(observer, "peer_recovered", "node-3", resumed, SOON);
        assert_eq!(line.text("message"), "Peer is online", "{}", line.raw);
        assert_outage(&line, frozen - seconds(1), frozen + time + seconds(2));
        // It answered twice; what it was asked before it woke may be late, and then there is a doubt and an answer more.
        await_words(&cluster, observer, 3, &["node-3 is alive:", "It was last called down (stalled)"]);
        assert_eq!(evidence(&cluster, observer, 3)["outage"]["rule"], "quorum");
    }
    cluster.await_fresh_answers(&[1, 2, 3]);
    await_whole(&cluster, &[1, 2, 3]);
    let over: &[&str] = &["down node-3"];
    await_all(&cluster, &[(1, over), (2, over)], resumed, "resumed to over, from both others", report);
    hold(seconds(3));
    cluster.assert_quiet(&[3], began);
    cluster.settle();
    cluster.assert_down_only(&["node-3"]);
}

/// What an observer missed while it was frozen it finds out by itself, and it reports nothing else.
pub fn frozen_observer_sees_the_dead_when_it_wakes(report: &Report) {
    let mut cluster = Plan::loopback(3).start();
    cluster.signal(1, "STOP");
    let killed = cluster.kill(3);
    hold(seconds(4));
    let resumed = cluster.signal(1, "CONT");
    let time = cluster.last_to_log(&[1], "peer_down", "node-3", resumed);
    report.measured("resumed to down of the one killed meanwhile", time, seconds(3));
    cluster.await_event(2, "peer_down", "node-3", killed, SOON);
    cluster.settle_among(&[1, 2]);
    cluster.assert_down_only(&["node-3"]);
}

/// The waits of another profile, and each part of why they were over.
pub fn frozen_under_the_fast_profile(report: &Report) {
    let cluster = Plan::loopback(3).with(&["--profile=fast"]).start();
    cluster.signal(3, "STOP");
    for observer in [1, 2] {
        await_words(&cluster, observer, 3, &["node-3 has been suspect for", "There is no verdict yet"]);
    }
    for observer in [1, 2] {
        let words = ["does not answer (stalled)", "frozen", "rule quorum:", "wait 5 s"];
        report.say(await_words(&cluster, observer, 3, &words));
        let why = evidence(&cluster, observer, 3);
        let decision = &why["decision"];
        assert_eq!((&decision["class"], &decision["verdict"]), (&"stalled".into(), &"down".into()), "{why:#}");
        assert!(decision["silent_ms"].as_u64().is_some_and(|silent| silent >= 5000), "{why:#}");
        // Two checks a second in five seconds, and no answer among them.
        let mut newest = decision["pings"].as_array().into_iter().flatten().take(6);
        assert!(newest.all(|ping| ping["result"] != "answered"), "{why:#}");
    }
    cluster.signal(3, "CONT");
    for observer in [1, 2] {
        // It answered twice; what it was asked before it woke may be late, and then there is a doubt and an answer more.
        await_words(&cluster, observer, 3, &["node-3 is alive:", "It was last called down (stalled)"]);
        assert_eq!(evidence(&cluster, observer, 3)["outage"]["rule"], "quorum");
    }
}
