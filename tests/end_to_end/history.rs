//! What nodes tell each other of what they saw: to one that was away, about one that is gone, across a wrong clock.

use std::path::PathBuf;
use std::time::Instant;

use serde_json::{Value, json};

use super::asks::events;
use super::asks::incidents::{await_all, await_incidents};
use super::support::{Cluster, Plan, Report, SOON, check, seconds};

/// The library that shows a program another time than the machine's.
pub(super) fn wrong_clock() -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib").ok()?.flatten().map(|folder| folder.path());
    folders.map(|folder| folder.join("faketime/libfaketime.so.1")).find(|library| library.exists())
}

/// What the case with a wrong clock lacks.
pub fn no_wrong_clock() -> Option<String> {
    wrong_clock().is_none().then(|| "libfaketime (apt-get install faketime)".to_owned())
}

pub fn a_node_that_was_away(report: &Report) {
    let mut cluster = Plan::loopback(4).start();
    cluster.signal(4, "TERM");
    cluster.node_mut(4).await_end(SOON);
    cluster.kill(3);
    for asked in [1, 2] {
        await_incidents(&cluster, asked, &["down node-3 ..."]);
    }
    cluster.start(3);
    cluster.settle_among(&[1, 2, 3]);
    let back = cluster.start(4);
    let told = await_incidents(&cluster, 4, &["down node-3"]).remove(0);
    report.measured("back to knowing what happened", back.elapsed(), seconds(10));
    assert!(told["from"] == "node-1" || told["from"] == "node-2", "{told}");
    for teller in ["node-1", "node-2"] {
        check(&format!("node-4 has the events of {teller}"), SOON, || {
            let events = events::from(&cluster, 4, teller)?;
            let found = events.iter().find(|event| events::is_about(event, "peer_down", "node-3"));
            let found = found.ok_or_else(|| format!("{events:#?}"))?;
            assert_eq!((&found["node"], &found["fields"]), (&json!(teller), &json!({})), "{found}");
            Ok(())
        });
    }
    // A node's own events are not mixed up with those of others, and a reader that continues by number gets the node's
    // own.
    let own = events::own(&cluster, 4);
    assert!(own.iter().all(|event| event["from"].is_null() && event["node"] == "node-4"), "{own:#?}");
    // None of it counts as an open incident.
    assert_eq!(cluster.node(4).metrics().expect("metrics").sum("heartbeat_incidents_open"), 0.0);
}

pub fn the_last_events_of_a_dead_node(report: &Report) {
    let mut cluster = Plan::loopback(3).start();
    cluster.kill(2);
    // Both have looked: one that first looks when it is back takes what it sees for a link that works one way.
    for asked in [1, 3] {
        await_incidents(&cluster, asked, &["down node-2 ..."]);
    }
    cluster.start(2);
    cluster.settle();
    let settled = Instant::now();
    let has_all = |cluster: &Cluster, asked: usize| {
        let events = events::from(cluster, asked, "node-3")?;
        let has = |kind| events.iter().any(|event| events::is_about(event, kind, "node-2"));
        if has("peer_down") && has("peer_recovered") { Ok(()) } else { Err(format!("{events:#?}")) }
    };
    for asked in [1, 2] {
        check(&format!("node-{asked} has the events of node-3"), seconds(60), || has_all(&cluster, asked));
    }
    report.measured("settled to both others having its events", settled.elapsed(), seconds(30));
    cluster.kill(3);
    for asked in [1, 2] {
        await_incidents(&cluster, asked, &["down node-3 ...", "down node-2"]);
        has_all(&cluster, asked).expect("they outlive it");
    }
}

/// Seconds of the day of an `at`.
fn of_the_day(at: &Value) -> f64 {
    let at = at.as_str().unwrap_or_else(|| panic!("no time: {at}"));
    let (_, time) = at.trim_end_matches('Z').split_once('T').expect("RFC 3339");
    time.split(':').map(|part| part.parse::<f64>().expect("a number")).fold(0.0, |sum, part| sum * 60.0 + part)
}

/// How much later in the day.
fn later(than: &Value, at: &Value) -> f64 {
    (of_the_day(at) - of_the_day(than) + 43_200.0).rem_euclid(86_400.0) - 43_200.0
}

/// Nodes exchange ages and no times: a node whose clock is wrong detects and is detected as usual; only the times that
/// it
/// shows itself are wrong.
pub fn a_clock_an_hour_off(report: &Report) {
    let mut cluster = Plan::loopback(3).build();
    let library = wrong_clock().expect("looked for before");
    let wrong = cluster.node_mut(3);
    wrong.set_variable("LD_PRELOAD", library.to_str().expect("a path of ASCII"));
    wrong.set_variable("FAKETIME", "+1h");
    // Only the wall clock: the machine's steady clock is what the rules are about.
    wrong.set_variable("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    cluster.start_all();
    cluster.settle();
    let killed = cluster.kill(2);
    let down: &[&str] = &["down node-2 ..."];
    await_all(&cluster, &[(1, down), (3, down)], killed, "killed to the incident, from both others", report);
    let [right, wrong] = [1, 3].map(|asked| await_incidents(&cluster, asked, down).remove(0));
    let off = later(&right["began_at"], &wrong["began_at"]);
    assert!((3590.0..3610.0).contains(&off), "the clock is not wrong: {off} s");
    let ages = [&right, &wrong].map(|incident| incident["began_ms"].as_f64().expect("an age"));
    assert!((ages[0] - ages[1]).abs() < 5000.0, "{right} {wrong}");
    // What one node reports to another is shown in the time of the node that shows it.
    for (asked, teller) in [(1, "node-3"), (3, "node-1")] {
        let told = check(&format!("node-{asked} has the events of {teller}"), seconds(60), || {
            let events = events::from(&cluster, asked, teller)?;
            let found = events.iter().find(|event| events::is_about(event, "peer_down", "node-2")).cloned();
            found.ok_or_else(|| format!("{events:#?}"))
        });
        let own = events::own(&cluster, asked);
        let own = own.iter().find(|event| events::is_about(event, "peer_down", "node-2"));
        let apart = later(&own.expect("it saw it")["at"], &told["at"]);
        assert!(apart.abs() < 5.0, "{apart} s: {told}");
    }
    cluster.assert_down_only(&["node-2"]);
    report.say(format!("its clock is {off:.1} s ahead, the ages differ by {:.0} ms", (ages[0] - ages[1]).abs()));
}
