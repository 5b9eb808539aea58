//! Processes that are killed: one, the only other one, all others, several at once, again and again; and restarts.

use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::asks::incidents::{assert_one_from_everybody, await_all, await_in_any_order, await_incidents, said};
use super::asks::mesh::{await_note, await_sentences, await_well, await_whole};
use super::asks::why::{Because, await_reasons, await_words, because, evidence};
use super::assert_outage;
use super::support::{Cluster, Plan, Report, SOON, check, hold, millis, seconds};

/// All that follows from one crash, seen from both survivors; then the node starts again, and all that follows from
/// that.
pub fn killed_one_of_three(report: &Report) {
    let mut cluster = Plan::loopback(3).start();
    // So that the survivors have its row from before.
    await_whole(&cluster, &[1, 2, 3]);
    let killed = cluster.kill(3);
    let time = cluster.last_to_log(&[1, 2], "peer_down", "node-3", killed);
    report.measured("kill -9 to down, confirmed, at the last survivor", time, millis(500));
    for observer in [1, 2] {
        let line = cluster.await_event(observer, "peer_down", "node-3", killed, SOON);
        assert_eq!(
            (line.text("message"), line.text("class")),
            ("Peer unreachable".into(), "gone".into()),
            "{}",
            line.raw
        );
        assert!(!line.raw.contains("unconfirmed"), "{}", line.raw);
        let peer = cluster.await_view(observer, "node-3", "dead/down", SOON);
        assert_eq!(peer["class"], "gone", "{peer}");
        let accusers = peer["accusers"].to_string();
        assert!(accusers.contains("node-1") && accusers.contains("node-2"), "who agreed: {peer}");
        assert_eq!(cluster.node(observer).get("/readyz").map(|answer| answer.status), Ok(200));
    }
    why_it_is_down(&cluster, report);
    mesh_without_it(&cluster, killed, report);
    let down: &[&str] = &["down node-3 ..."];
    await_all(&cluster, &[(1, down), (2, down)], killed, "killed to the incident, from both others", report);
    for asked in [1, 2] {
        incident_of_it(&cluster, asked, killed);
    }
    report.measured("killed to announced, by both others", killed.elapsed(), seconds(15));
    hold(seconds(5).saturating_sub(killed.elapsed()));
    let started = cluster.start(3);
    it_is_back(&cluster, report, started, started - killed);
    assert_one_from_everybody(&cluster, &[1, 2], killed, report);
    cluster.settle();
    cluster.assert_quiet(&[1, 2, 3], started);
    cluster.assert_down_only(&["node-3"]);
}

fn why_it_is_down(cluster: &Cluster, report: &Report) {
    for (observer, other) in [(1, 2), (2, 1)] {
        let accused = format!("2 of 2 observers had to agree; node-{observer} and node-{other} did");
        let words = ["Connection refused (process gone)", &accused, "rule quorum:", "class gone (refused last)"];
        report.say(await_words(cluster, observer, 3, &words));
        let why = evidence(cluster, observer, 3);
        assert_eq!((&why["decision"]["rule"], &why["peer"]["state"]), (&"quorum".into(), &"dead".into()), "{why:#}");
        assert_eq!(why["decision"]["quorum"]["needed"], 2, "{why:#}");
        let pings = why["decision"]["pings"].as_array().expect("pings").clone();
        let refused = pings.iter().filter(|ping| ping["reason"] == "refused").count();
        let answered = pings.iter().filter(|ping| ping["result"] == "answered").count();
        assert!(refused >= 2 && answered >= 1, "{why:#}");
    }
    let host = &cluster.node(1).host;
    let asked = host.heartbeat().args(["why", "nobody", &format!("--addr={}", host.address)]).output();
    let output = asked.expect("the binary runs");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{complaint}");
    assert!(complaint.contains("node-2") && complaint.contains("node-3"), "it names those there are: {complaint}");
}

fn mesh_without_it(cluster: &Cluster, killed: Instant, report: &Report) {
    let sentence = "node-3 has been down for *; node-1 and node-2 agree";
    await_sentences(cluster, &[(1, sentence), (2, sentence)], killed, report);
    let strict = cluster.node(1).get("/api/v1/cluster?strict=1").expect("an answer");
    assert_eq!(strict.status, 503, "{}", strict.body);
    // The row from before its crash is shown, marked as old, and does not count.
    let matrix = cluster.node(1).json("/api/v1/matrix").expect("a matrix");
    let row =
        matrix["rows"].as_array().and_then(|rows| rows.iter().find(|row| row["observer"] == "node-3")).expect("a row");
    assert_eq!(row["heard"], "before", "{row}");
    assert!(row["as_of_ms"].as_u64().is_some(), "{row}");
    let cells = row["cells"].as_array().expect("cells");
    assert!(cells.len() == 2 && cells.iter().all(|cell| cell["reading"] == "unknown"), "{row}");
}

fn incident_of_it(cluster: &Cluster, asked: usize, killed: Instant) {
    check("it is announced", SOON, || match said(cluster, asked, "incident_opened", killed) {
        1 => Ok(()),
        count => Err(count.to_string()),
    });
    let incident = await_incidents(cluster, asked, &["down node-3 ..."]).remove(0);
    assert_eq!(incident["observers"], json!(["node-1", "node-2"]), "{incident}");
    assert_eq!((&incident["reason"], &incident["from"]), (&json!("gone"), &Value::Null), "{incident}");
    let story = incident["story"].as_str().expect("a story");
    let (start, end) = ("node-3 has been down for ", " (connection refused); node-1 and node-2 agree");
    assert!(story.starts_with(start) && story.ends_with(end), "{story}");
    let metrics = cluster.node(asked).metrics().expect("metrics");
    assert_eq!(metrics.sum("heartbeat_incidents_open"), 1.0);
}

fn it_is_back(cluster: &Cluster, report: &Report, started: Instant, away: Duration) {
    let time = cluster.last_to_log(&[1, 2], "peer_recovered", "node-3", started);
    report.measured("start to recovered, at the last observer", time, millis(1500));
    for observer in [1, 2] {
        let line = cluster.await_event(observer, "peer_recovered", "node-3", started, SOON);
        assert_outage(&line, away, away + seconds(2) + time);
        let peer = cluster.await_view(observer, "node-3", "alive", SOON);
        assert_eq!(peer["flapping"], false, "{peer}");
        assert_eq!(peer["restarts"], 1, "{peer}");
    }
    for asked in [1, 2, 3] {
        await_note(cluster, asked, "all 3 nodes reach each other; ", "node-3 restarted ", "restarted");
    }
    await_whole(cluster, &[1, 2, 3]);
    let over: &[&str] = &["down node-3"];
    await_all(cluster, &[(1, over), (2, over)], started, "started to over, from both others", report);
    let incident = await_incidents(cluster, 1, over).remove(0);
    let lasted = Duration::from_millis(incident["lasted_ms"].as_u64().expect("a length"));
    assert!(lasted <= away + time + seconds(2), "{incident}");
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

/// No node is left that could agree, and the survivor reports that. Its own health stays good: it must not be restarted
/// because the others died.
pub fn killed_two_of_three_at_once(report: &Report) {
    let mut cluster = Plan::loopback(3).start();
    let killed = cluster.kill(2);
    cluster.kill(3);
    for subject in ["node-2", "node-3"] {
        let time = cluster.last_to_log(&[1], "peer_down", subject, killed);
        report.measured(&format!("two killed at once: {subject} down"), time, seconds(3));
        cluster.await_view(1, subject, "dead/unconfirmed", SOON);
    }
    let sentence = "node-2 and node-3 may be down: silent for *, and only node-1 is left to say so";
    await_sentences(&cluster, &[(1, sentence)], killed, report);
    for path in ["/livez", "/readyz", "/healthz"] {
        assert_eq!(cluster.node(1).get(path).map(|answer| answer.status), Ok(200), "{path}");
    }
    // Which of the two it is depends on which crash was noticed first.
    let (rules, words) = (["only_observer", "nobody_left"], ["Connection refused (process gone)"]);
    await_reasons(&cluster, &[2, 3].map(|peer| because(1, peer, &rules, &words)));
    await_in_any_order(&cluster, 1, &["unconfirmed node-2 ...", "unconfirmed node-3 ..."]);
    cluster.assert_down_only(&["node-2", "node-3"]);
}

pub fn killed_one_of_two(report: &Report) {
    let mut cluster = Plan::loopback(2).start();
    let killed = cluster.kill(2);
    let time = cluster.last_to_log(&[1], "peer_down", "node-2", killed);
    report.measured("kill -9 of the only peer to down", time, millis(500));
    cluster.await_view(1, "node-2", "dead/unconfirmed", SOON);
    await_sentences(
        &cluster,
        &[(1, "node-2 may be down: silent for *, and only node-1 is left to say so")],
        killed,
        report,
    );
    await_reasons(&cluster, &[because(1, 2, &["only_observer"], &["Connection refused (process gone)"])]);
    await_incidents(&cluster, 1, &["unconfirmed node-2 ..."]);
    cluster.assert_down_only(&["node-2"]);
}

/// Whichever of them it is, the four others agree; and it is an observer of the next one as soon as it is back.
pub fn each_of_five_killed_in_turn(report: &Report) {
    let mut cluster = Plan::loopback(5).start();
    for victim in cluster.numbers() {
        let (killed, subject) = (cluster.kill(victim), format!("node-{victim}"));
        let others = cluster.others(victim);
        let time = cluster.last_to_log(&others, "peer_down", &subject, killed);
        report.measured(&format!("kill -9 of {subject} to down, confirmed, at the last of four"), time, millis(500));
        for observer in others {
            let line = cluster.await_event(observer, "peer_down", &subject, killed, SOON);
            assert!(!line.raw.contains("unconfirmed"), "node-{observer} had no node left to agree: {}", line.raw);
            assert_eq!(line.text("class"), "gone", "{}", line.raw);
        }
        cluster.start(victim);
        cluster.settle();
    }
}

pub fn killed_two_of_five_at_once(report: &Report) {
    let mut cluster = Plan::loopback(5).start();
    let killed = cluster.kill(4);
    cluster.kill(5);
    for asked in [1, 2, 3] {
        await_in_any_order(&cluster, asked, &["down node-4 ...", "down node-5 ..."]);
        check(&format!("node-{asked} announces both"), SOON, || {
            match said(&cluster, asked, "incident_opened", killed) {
                2 => Ok(()),
                count => Err(count.to_string()),
            }
        });
    }
    report.measured("two killed to two incidents, announced by all", killed.elapsed(), seconds(15));
    cluster.assert_down_only(&["node-4", "node-5"]);
}

pub fn crash_loop(report: &Report) {
    let mut cluster = Plan::loopback(3).start();
    let began = Instant::now();
    for round in 1..=3 {
        cluster.kill(3);
        for asked in [1, 2] {
            let incident = await_incidents(&cluster, asked, &["down node-3 ..."]).remove(0);
            assert_eq!(incident["failures"], round, "{incident}");
        }
        cluster.start(3);
        cluster.settle();
        for asked in [1, 2] {
            await_incidents(&cluster, asked, &["down node-3"]);
        }
    }
    for asked in [1, 2, 3] {
        await_well(&cluster, asked, 3, "restarted");
    }
    // On a busy machine there may have been a doubt since.
    let (rules, words) = (["new_boot", "answered"], ["node-3 is alive: it answered", "It was last called down (gone)"]);
    await_reasons(&cluster, &[1, 2].map(|observer| Because { observer, peer: 3, rules: &rules, words: &words }));
    let (rules, words) = (["first_answer", "answered"], ["is alive: it answered node-3"]);
    await_reasons(&cluster, &[1, 2].map(|peer| Because { observer: 3, peer, rules: &rules, words: &words }));
    let story =
        await_incidents(&cluster, 1, &["down node-3"]).remove(0)["story"].as_str().unwrap_or_default().to_owned();
    assert!(story.starts_with("node-3 failed 3 times in "), "{story}");
    report.say(story);
    assert_one_from_everybody(&cluster, &[1, 2], began, report);
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

/// How long after `since` a process listens on `address`.
fn await_listening(address: SocketAddr, since: Instant) -> Duration {
    let deadline = Instant::now() + SOON;
    while Instant::now() < deadline {
        if TcpStream::connect(address).is_ok() {
            return since.elapsed();
        }
        std::thread::yield_now();
    }
    panic!("no process listens on {address}");
}
