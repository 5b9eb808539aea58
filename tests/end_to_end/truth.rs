//! What a node must not leave out when it is asked whether all is well: nobody found, two nodes of one name, a network
//! of its own that is gone, a clock that is set, and how long a silence really lasted.

use std::process::Output;
use std::time::Instant;

use serde_json::Value;

use super::history::wrong_clock;
use super::support::node::Node;
use super::support::{Network, Plan, Report, SOON, check, hold, seconds};

/// A command about the node, and what it said on both outputs.
fn ask(node: &Node, command: &[&str]) -> (Option<i32>, String) {
    let addr = format!("--addr={}", node.host.address);
    let Output { status, stdout, stderr } = node.host.heartbeat().args(command).arg(addr).output().expect("it runs");
    (status.code(), String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr))
}

/// Waits until the command ends with this code and says these words.
#[track_caller]
fn await_answer(node: &Node, command: &[&str], code: i32, words: &str) {
    check(&format!("{command:?} ends with {code} and says {words:?}"), SOON, || {
        let (ended, said) = ask(node, command);
        if ended == Some(code) && said.contains(words) { Ok(()) } else { Err(format!("{ended:?}: {said}")) }
    });
}

/// All three ways to ask say that the mesh is not whole, and why.
#[track_caller]
fn await_not_whole(node: &Node, words: &str) {
    await_answer(node, &["verify"], 1, words);
    await_answer(node, &["wait", "--all", "--timeout=0s"], 75, words);
    let strict = node.get("/api/v1/cluster?strict=1").expect("it answers");
    assert_eq!(strict.status, 503);
}

pub fn nobody_found_is_not_whole(_: &Report) {
    for (peers, words) in [
        ("dns+http://nope.invalid:8001", "cannot look up dns+http://nope.invalid:8001"),
        ("dns+http://localhost:1", "has found no other node"),
        // Nothing but itself.
        ("http://localhost:{own}", "has found no other node"),
    ] {
        let mut cluster = Plan::loopback(1).build();
        let own = cluster.node(1).host.address.port().to_string();
        cluster.node_mut(1).replace_peers(&peers.replace("{own}", &own));
        cluster.start(1);
        cluster.node(1).await_ready();
        let (code, said) = ask(cluster.node(1), &["wait", "--all", "--timeout=0s"]);
        assert_eq!(code, Some(75), "{peers}: {said}");
        await_not_whole(cluster.node(1), words);
    }
}

pub fn two_nodes_of_one_name(_: &Report) {
    let mut cluster = Plan::loopback(2).build();
    let places = [1, 2].map(|number| cluster.node(number).host.address);
    for number in [1, 2] {
        let node = cluster.node_mut(number);
        node.host.name = "pi".to_owned();
        node.replace_peers(&format!("http://{}", places[2 - number]));
    }
    let began = Instant::now();
    for number in [1, 2] {
        cluster.start(number);
    }
    for number in [1, 2] {
        let line = cluster.node(number).log.wait(began, SOON, |line| line.event() == "peer_conflict");
        let line = line.unwrap_or_else(|| panic!("no warning: {}", cluster.node(number).log_text()));
        let other = places[2 - number];
        assert!(line.text("sentence").starts_with("two nodes call themselves pi:"), "{}", line.raw);
        assert!(line.text("sentence").contains(&other.to_string()), "{}", line.raw);
        await_not_whole(cluster.node(number), "two nodes call themselves pi");
    }
    cluster.kill(2);
    let key = places[1].to_string();
    await_not_whole(cluster.node(1), &format!("the other pi ({key}) may be down"));
    check("there is an incident", SOON, || {
        let incidents = cluster.node(1).json("/api/v1/incidents")?;
        let first = &incidents["incidents"][0];
        if first["verdict"] == "unconfirmed" && first["nodes"][0] == *key { Ok(()) } else { Err(incidents.to_string()) }
    });
}

/// The stopped one counts only the time in which it ran, and its report is not the shortest.
pub fn a_stopped_observer_does_not_shorten_a_silence(_: &Report) {
    let mut cluster = Plan::loopback(3).start();
    cluster.signal(1, "STOP");
    let killed = cluster.kill(3);
    hold(seconds(12));
    let resumed = cluster.signal(1, "CONT");
    check("node-1 reports node-3 as down", SOON, || {
        let row = cluster.node(1).json("/api/v1/row")?;
        let cells = row["peers"].as_array().ok_or("no cells")?;
        let dead = cells.iter().any(|cell| cell["node"] == "node-3" && cell["state"] == "dead");
        if dead { Ok(()) } else { Err(row.to_string()) }
    });
    for asked in [1, 2] {
        check(&format!("node-{asked} has both reports"), SOON, || {
            let cluster = cluster.node(asked).json("/api/v1/cluster")?;
            let of = |name: &str| cluster["nodes"].as_array()?.iter().find(|node| node["node"] == name).cloned();
            let dead = of("node-3").ok_or("node-3 is not listed")?;
            if dead["missed_by"].as_array().map(Vec::len) != Some(2) {
                return Err(cluster.to_string());
            }
            let silent = dead["silent_ms"].as_u64().ok_or("no silence")?;
            let least = resumed.duration_since(killed).as_millis() - 2000;
            if u128::from(silent) >= least {
                Ok(())
            } else {
                Err(format!("silent for {silent} ms: {}", cluster["sentence"]))
            }
        });
    }
}

pub fn a_clock_that_is_set(_: &Report) {
    let mut cluster = Plan::loopback(1).build();
    let file = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("clock-{}", std::process::id()));
    std::fs::write(&file, "-20000d\n").expect("can be written");
    let library = wrong_clock().expect("the need of this case");
    let threads = library.with_file_name("libfaketimeMT.so.1");
    let library = if threads.exists() { threads } else { library };
    for (name, value) in [
        ("LD_PRELOAD", library.display().to_string()),
        ("FAKETIME_TIMESTAMP_FILE", file.display().to_string()),
        ("FAKETIME_CACHE_DURATION", "1".to_owned()),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ("DONT_FAKE_MONOTONIC", "1".to_owned()),
    ] {
        cluster.node_mut(1).set_variable(name, &value);
    }
    let began = cluster.start(1);
    cluster.node(1).await_ready();
    let started = |view: &Value| view["started"].as_str().unwrap_or_default().to_owned();
    let before = started(&cluster.node(1).json("/api/v1/node").expect("it answers"));
    for offset in ["+0", "-30000d"] {
        std::fs::write(&file, format!("{offset}\n")).expect("can be written");
        let view = check("the moment of the start follows the clock", SOON, || {
            let view = cluster.node(1).json("/api/v1/node")?;
            if started(&view)[..4] == before[..4] { Err(started(&view)) } else { Ok(view) }
        });
        let up = view["uptime_ms"].as_u64().expect("a number");
        assert!(u128::from(up) <= began.elapsed().as_millis(), "{view}");
        let (code, said) = ask(cluster.node(1), &["info"]);
        assert!(code == Some(0) && !said.contains(" d ago"), "{said}");
    }
    let _ = std::fs::remove_file(&file);
}

pub fn own_network_gone(_: &Report) {
    let cluster = Plan::inside(Network::new(2)).start();
    let since = Instant::now();
    cluster.network().take_down(1);
    let line = cluster.node(1).log.wait(since, SOON, |line| line.event() == "self_cut_off");
    let line = line.unwrap_or_else(|| panic!("node-1 did not notice: {}", cluster.node(1).log_text()));
    assert!(line.text("sentence").contains("this node has no network"), "{}", line.raw);
    hold(seconds(5));
    let down = cluster.logged(1, &["peer_down"], since);
    assert!(down.is_empty(), "{}", cluster.node(1).log_text());
}
