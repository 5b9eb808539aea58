//! One incident for what belongs together, from every node: real nodes are killed, restarted, cut off and split, and each
//! is asked what happened.
//!
//! Cases inside a network need root, `ip` and `iptables`, and the one with a wrong clock needs libfaketime; without them
//! they are SKIPPED, loudly. `cargo test --test incidents`.
#![cfg(feature = "node")]
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

mod support;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::why::{Because, await_reasons};
use support::{Case, Cluster, Network, Plan, Report, SOON, case, check, hold, seconds, suite};

/// Up to four processes each, and as many namespaces.
const AT_ONCE: usize = 6;

/// An incident that is over waits a minute before it is closed.
const CLOSED: Duration = seconds(90);

const LOOPBACK: &[Case] = &[
    case!(crash_loop),
    case!(crash),
    case!(two_killed_at_once),
    case!(rolling_restart),
    case!(a_node_that_was_away),
    case!(the_last_events_of_a_dead_node),
];

const NETWORK: &[Case] = &[case!(split_of_four_two_to_two), case!(isolation), case!(one_way_link), case!(link_cut)];

const WRONG_CLOCK: &[Case] = &[case!(a_clock_an_hour_off)];

fn main() -> ExitCode {
    support::http::serve_fetch();
    let mut all = Vec::new();
    for (what, missing, cases) in [
        ("the network cases", Network::missing(), NETWORK),
        (
            "the case with a wrong clock",
            wrong_clock().is_none().then_some("libfaketime (apt-get install faketime)"),
            WRONG_CLOCK,
        ),
        ("no case", None, LOOPBACK),
    ] {
        match missing {
            Some(missing) => println!("\n######## SKIPPED: {what} of the incidents suite: needs {missing} ########\n"),
            None => all.extend(cases.iter().map(|case| Case { name: case.name, run: case.run })),
        }
    }
    // The suite keeps its cases for the life of the program.
    suite::main("incidents", AT_ONCE, all.leak())
}

/// The library that tells a program another time than the machine's.
fn wrong_clock() -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib").ok()?.flatten().map(|folder| folder.path());
    folders.map(|folder| folder.join("faketime/libfaketime.so.1")).find(|library| library.exists())
}

/// What `asked` tells, newest first.
fn told(cluster: &Cluster, asked: usize) -> Result<Vec<Value>, String> {
    let body = cluster.node(asked).json("/api/v1/incidents")?;
    body["incidents"].as_array().cloned().ok_or_else(|| body.to_string())
}

/// `down node-3`, with `...` while it goes on.
fn brief(incident: &Value) -> String {
    let nodes = incident["nodes"].as_array().cloned().unwrap_or_default();
    let nodes: Vec<&str> = nodes.iter().filter_map(Value::as_str).collect();
    let goes_on = if incident["open"] == true { " ..." } else { "" };
    format!("{} {}{goes_on}", incident["verdict"].as_str().unwrap_or("?"), nodes.join(" "))
}

/// Waits until `asked` tells exactly these, and gives them.
#[track_caller]
fn await_incidents(cluster: &Cluster, asked: usize, expected: &[&str]) -> Vec<Value> {
    check(&format!("node-{asked} tells {expected:?}"), SOON, || {
        let told = told(cluster, asked)?;
        let brief: Vec<String> = told.iter().map(brief).collect();
        if brief == expected { Ok(told) } else { Err(format!("{told:#?}")) }
    })
}

/// The same of several nodes, and how long it took until the last of them told it.
#[track_caller]
fn await_all(cluster: &Cluster, expected: &[(usize, &[&str])], since: Instant, what: &str, report: &Report) {
    for (asked, expected) in expected {
        await_incidents(cluster, *asked, expected);
    }
    report.measured(what, since.elapsed(), seconds(15));
}

/// How many times `asked` said so.
fn said(cluster: &Cluster, asked: usize, event: &str, since: Instant) -> usize {
    cluster.logged(asked, &[event], since).len()
}

/// Each of `numbers` has announced exactly one incident since then, and closes it exactly once.
#[track_caller]
fn assert_one_from_everybody(cluster: &Cluster, numbers: &[usize], since: Instant, report: &Report) {
    for asked in numbers {
        check(&format!("node-{asked} closes the incident"), CLOSED, || {
            if said(cluster, *asked, "incident_closed", since) > 0 { Ok(()) } else { Err("not yet".to_owned()) }
        });
    }
    report.measured("fault to closed, the minute of holding included", since.elapsed(), seconds(150));
    for asked in numbers {
        let counts = ["incident_opened", "incident_closed"].map(|event| said(cluster, *asked, event, since));
        assert_eq!(counts, [1, 1], "{}", cluster.node(*asked).log_text());
        let open = cluster.node(*asked).metrics().expect("metrics").sum("heartbeat_incidents_open");
        assert_eq!(open, 0.0);
    }
}

fn crash(report: &Report) {
    let mut cluster = Plan::loopback(3).start();
    let killed = cluster.kill(3);
    let down: &[&str] = &["down node-3 ..."];
    await_all(&cluster, &[(1, down), (2, down)], killed, "killed to the incident, from both others", report);
    for asked in [1, 2] {
        check("it is announced", SOON, || match said(&cluster, asked, "incident_opened", killed) {
            1 => Ok(()),
            count => Err(count.to_string()),
        });
        let incident = await_incidents(&cluster, asked, down).remove(0);
        assert_eq!(incident["observers"], json!(["node-1", "node-2"]), "{incident}");
        assert_eq!((&incident["reason"], &incident["from"]), (&json!("gone"), &Value::Null), "{incident}");
        let story = incident["story"].as_str().expect("a story");
        let (start, end) = ("node-3 is down for ", " (its host refused connections), seen by node-1 and node-2");
        assert!(story.starts_with(start) && story.ends_with(end), "{story}");
        let metrics = cluster.node(asked).metrics().expect("metrics");
        assert_eq!(metrics.sum("heartbeat_incidents_open"), 1.0);
    }
    report.measured("killed to announced, by both others", killed.elapsed(), seconds(15));
    let started = cluster.start(3);
    let over: &[&str] = &["down node-3"];
    await_all(&cluster, &[(1, over), (2, over)], started, "started to over, from both others", report);
    let incident = await_incidents(&cluster, 1, over).remove(0);
    let lasted = Duration::from_millis(incident["lasted_ms"].as_u64().expect("a length"));
    assert!(lasted <= killed.elapsed() + seconds(2), "{incident}");
    assert_one_from_everybody(&cluster, &[1, 2], killed, report);
}

fn two_killed_at_once(report: &Report) {
    let mut cluster = Plan::loopback(5).start();
    let killed = cluster.kill(4);
    cluster.kill(5);
    for asked in [1, 2, 3] {
        check(&format!("node-{asked} tells two incidents"), SOON, || {
            let told = told(&cluster, asked)?;
            let mut brief: Vec<String> = told.iter().map(brief).collect();
            brief.sort();
            let both = brief == ["down node-4 ...", "down node-5 ..."];
            if both && said(&cluster, asked, "incident_opened", killed) == 2 {
                Ok(())
            } else {
                Err(format!("{told:#?}"))
            }
        });
    }
    report.measured("two killed to two incidents, announced by all", killed.elapsed(), seconds(15));
}

fn rolling_restart(report: &Report) {
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
    // Everybody has seen those restart that went after itself, and nobody is held against it.
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

/// Waits until `asked` says that all is well, and this of one node.
#[track_caller]
fn await_well(cluster: &Cluster, asked: usize, node: usize, verdict: &str) {
    check(&format!("to node-{asked} all is well and node-{node} {verdict}"), SOON, || {
        let answer = cluster.node(asked).json("/api/v1/cluster")?;
        let nodes = answer["nodes"].as_array().cloned().unwrap_or_default();
        let found = nodes.iter().find(|entry| entry["node"] == format!("node-{node}"));
        let is_well =
            answer["sentence"].as_str().is_some_and(|sentence| sentence.starts_with("all 3 nodes reach each other"));
        let is_so = found.is_some_and(|entry| entry["verdict"] == verdict);
        if is_well && is_so { Ok(()) } else { Err(answer.to_string()) }
    });
}

fn crash_loop(report: &Report) {
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
    let (rules, words) =
        (["new_boot", "answered"], ["node-3 is alive: it answered", "The last time it was down (gone)"]);
    await_reasons(&cluster, &[1, 2].map(|observer| Because { observer, peer: 3, rules: &rules, words: &words }));
    let (rules, words) = (["first_answer", "answered"], ["is alive: it answered node-3"]);
    await_reasons(&cluster, &[1, 2].map(|peer| Because { observer: 3, peer, rules: &rules, words: &words }));
    let story =
        await_incidents(&cluster, 1, &["down node-3"]).remove(0)["story"].as_str().unwrap_or_default().to_owned();
    assert!(story.starts_with("node-3 failed 3 times within "), "{story}");
    report.say(story);
    assert_one_from_everybody(&cluster, &[1, 2], began, report);
}

/// Events that `asked` lists as told by `teller`.
fn events_from(cluster: &Cluster, asked: usize, teller: &str) -> Result<Vec<Value>, String> {
    let body = cluster.node(asked).json("/api/v1/events?limit=1024")?;
    let events = body["events"].as_array().cloned().ok_or_else(|| body.to_string())?;
    Ok(events.into_iter().filter(|event| event["from"] == teller).collect())
}

fn is_about(event: &Value, kind: &str, peer: &str) -> bool {
    event["event"] == kind && event["peer"] == peer
}

fn a_node_that_was_away(report: &Report) {
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
            let events = events_from(&cluster, 4, teller)?;
            let found = events.iter().find(|event| is_about(event, "peer_down", "node-3"));
            let found = found.ok_or_else(|| format!("{events:#?}"))?;
            assert_eq!((&found["node"], &found["fields"]), (&json!(teller), &json!({})), "{found}");
            Ok(())
        });
    }
    // Its own are not mixed up with theirs, and whoever reads on by number reads its own.
    let own = cluster.node(4).json("/api/v1/events?since=0&limit=1024").expect("events");
    let own = own["events"].as_array().expect("a list");
    assert!(own.iter().all(|event| event["from"].is_null() && event["node"] == "node-4"), "{own:#?}");
    // And nothing of it counts as an incident that goes on.
    assert_eq!(cluster.node(4).metrics().expect("metrics").sum("heartbeat_incidents_open"), 0.0);
}

fn the_last_events_of_a_dead_node(report: &Report) {
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
        let events = events_from(cluster, asked, "node-3")?;
        let has = |kind| events.iter().any(|event| is_about(event, kind, "node-2"));
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

/// Nodes exchange ages and no times: one whose clock is wrong sees and is seen as ever, and only what it shows of itself is
/// dated wrongly.
fn a_clock_an_hour_off(report: &Report) {
    let mut cluster = Plan::loopback(3).build();
    let library = wrong_clock().expect("looked for before");
    let wrong = cluster.node_mut(3);
    wrong.set_variable("LD_PRELOAD", library.to_str().expect("a path of ASCII"));
    wrong.set_variable("FAKETIME", "+1h");
    // Only the wall clock: the machine's steady clock is what the rules are about.
    wrong.set_variable("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    for number in cluster.numbers() {
        cluster.start(number);
    }
    cluster.settle();
    let killed = cluster.kill(2);
    let down: &[&str] = &["down node-2 ..."];
    await_all(&cluster, &[(1, down), (3, down)], killed, "killed to the incident, from both others", report);
    let [right, wrong] = [1, 3].map(|asked| await_incidents(&cluster, asked, down).remove(0));
    let off = later(&right["began_at"], &wrong["began_at"]);
    assert!((3590.0..3610.0).contains(&off), "the clock is not wrong: {off} s");
    let ages = [&right, &wrong].map(|incident| incident["began_ms"].as_f64().expect("an age"));
    assert!((ages[0] - ages[1]).abs() < 5000.0, "{right} {wrong}");
    // What one tells the other is put into the time of whoever shows it.
    for (asked, teller) in [(1, "node-3"), (3, "node-1")] {
        let told = check(&format!("node-{asked} has the events of {teller}"), seconds(60), || {
            let events = events_from(&cluster, asked, teller)?;
            let found = events.iter().find(|event| is_about(event, "peer_down", "node-2")).cloned();
            found.ok_or_else(|| format!("{events:#?}"))
        });
        let own = cluster.node(asked).json("/api/v1/events?since=0&limit=1024").expect("events");
        let own = own["events"].as_array().expect("a list").iter().find(|event| is_about(event, "peer_down", "node-2"));
        let apart = later(&own.expect("it saw it")["at"], &told["at"]);
        assert!(apart.abs() < 5.0, "{apart} s: {told}");
    }
    cluster.assert_down_only(&["node-2"]);
    report.say(format!("its clock is {off:.1} s ahead, the ages differ by {:.0} ms", (ages[0] - ages[1]).abs()));
}

fn isolation(report: &Report) {
    let cluster = Plan::inside(Network::new(3)).start();
    let pulled = Instant::now();
    cluster.network().plug(3, false);
    let (outside, inside): (&[&str], &[&str]) = (&["down node-3 ..."], &["cut_off node-1 node-2 ..."]);
    let all = [(1, outside), (2, outside), (3, inside)];
    await_all(&cluster, &all, pulled, "isolated to the incident, from everybody", report);
    hold(seconds(8));
    await_all(&cluster, &all, Instant::now(), "and still", report);
    let healed = Instant::now();
    cluster.network().heal();
    let over: &[&str] = &["cut_off node-3"];
    await_all(&cluster, &[(1, over), (2, over), (3, over)], healed, "healed to one story, from everybody", report);
    for asked in [1, 2, 3] {
        let incident = await_incidents(&cluster, asked, over).remove(0);
        let story = incident["story"].as_str().unwrap_or_default();
        assert!(story.starts_with("node-3 was cut off from node-1 and node-2 for "), "{story}");
    }
    assert_one_from_everybody(&cluster, &[1, 2, 3], pulled, report);
}

fn split_of_four_two_to_two(report: &Report) {
    let cluster = Plan::inside(Network::new(4)).start();
    let split = Instant::now();
    cluster.network().split(&[1, 2], &[3, 4]);
    let (one, other): (&[&str], &[&str]) = (&["cut_off node-3 node-4 ..."], &["cut_off node-1 node-2 ..."]);
    let all = [(1, one), (2, one), (3, other), (4, other)];
    await_all(&cluster, &all, split, "split to the incident, from everybody", report);
    hold(seconds(8));
    await_all(&cluster, &all, Instant::now(), "and still", report);
    let healed = Instant::now();
    cluster.network().heal();
    let over: &[&str] = &["split node-1 node-2 node-3 node-4"];
    let all = [1, 2, 3, 4].map(|asked| (asked, over));
    await_all(&cluster, &all, healed, "healed to one story, from everybody", report);
    for asked in [1, 2, 3, 4] {
        let incident = await_incidents(&cluster, asked, over).remove(0);
        assert_eq!(incident["sides"], json!([["node-1", "node-2"], ["node-3", "node-4"]]), "{incident}");
        let story = incident["story"].as_str().unwrap_or_default();
        assert!(story.starts_with("node-1 and node-2 could not reach node-3 and node-4 for "), "{story}");
        report.say(format!("node-{asked}: {story}"));
    }
    assert_one_from_everybody(&cluster, &[1, 2, 3, 4], split, report);
}

fn one_way_link(report: &Report) {
    let cluster = Plan::inside(Network::new(3)).start();
    let dropped = Instant::now();
    cluster.network().filter(2, &format!("INPUT -s {} -p tcp --dport 8001 -j DROP", cluster.network().address(1)));
    broken_link(&cluster, "one_way node-1 node-2", dropped, report);
}

fn link_cut(report: &Report) {
    let cluster = Plan::inside(Network::new(3)).start();
    let cut = Instant::now();
    cluster.network().cut(1, 2);
    broken_link(&cluster, "link_broken node-1 node-2", cut, report);
}

fn broken_link(cluster: &Cluster, expected: &str, since: Instant, report: &Report) {
    let goes_on = format!("{expected} ...");
    let (goes_on, over): (&[&str], &[&str]) = (&[&goes_on], &[expected]);
    let all = [1, 2, 3].map(|asked| (asked, goes_on));
    await_all(cluster, &all, since, "broken to the incident, from everybody", report);
    hold(seconds(8));
    await_all(cluster, &all, Instant::now(), "and still", report);
    let healed = Instant::now();
    cluster.network().heal();
    let all = [1, 2, 3].map(|asked| (asked, over));
    await_all(cluster, &all, healed, "healed to over, from everybody", report);
    assert_one_from_everybody(cluster, &[1, 2, 3], since, report);
}
