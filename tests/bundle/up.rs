//! The one command, from nothing to a whole mesh that is watched, and back to nothing.

use serde_json::{Value, json};

use super::support::compose::{Compose, NODES, docker};
use super::support::dashboard;
use super::support::{Report, SOON, check, hold, seconds};

/// The memory that an idle node in its container may use: resident, as `/proc` reports it. Most of it are pages of the program
/// ("What only the start needs" in ARCHITECTURE.md).
const MEMORY_MAX_MIB: f64 = 8.0;

/// All services that run without a profile.
const SERVICES: [&str; 6] = ["node-1", "node-2", "node-3", "prometheus", "alertmanager", "grafana"];

pub fn from_nothing_to_whole_and_back(report: &Report) {
    let compose = Compose::new("up");
    report.measured("docker compose up --wait, all services healthy", compose.up(&[]), seconds(10));
    report.measured("then until every node sees every other", compose.await_whole(SOON), seconds(2));
    for service in SERVICES {
        hardened(&compose, service);
    }
    not_restarted(&compose);
    targets_are_up(&compose);
    dashboard_has_data(&compose);
    answers_on_loopback_only(&compose);
    idle_memory(&compose, report);

    assert_eq!(super::faults::complaints(&compose), "", "a node of a whole mesh complains");

    let again = compose.up(&[]);
    report.measured("up --wait again, nothing to do", again, seconds(10));
    not_restarted(&compose);

    let project = compose.project.clone();
    compose.down().expect("docker compose down -v");
    let label = format!("label=com.docker.compose.project={project}");
    for kind in [&["ps", "--all"][..], &["network", "ls"], &["volume", "ls"]] {
        let left = docker(&[kind, &["--quiet", "--filter", &label]].concat()).expect("docker lists");
        assert_eq!(left.trim(), "", "down -v leaves something behind: docker {kind:?}");
    }
}

/// As the engine has it, whatever the file says.
fn hardened(compose: &Compose, service: &str) {
    let container = compose.inspect(service);
    let host = &container["HostConfig"];
    let user = container["Config"]["User"].as_str().unwrap_or("");
    let numeric = !user.is_empty() && user.chars().all(|c| c.is_ascii_digit() || c == ':');
    assert!(numeric && !user.starts_with("0"), "{service} runs as {user:?}");
    assert_eq!(host["ReadonlyRootfs"], true, "{service}: read-only");
    assert_eq!(host["CapDrop"], json!(["ALL"]), "{service}: capabilities");
    assert_eq!(host["SecurityOpt"], json!(["no-new-privileges:true"]), "{service}: new privileges");
    assert_eq!(host["Privileged"], false, "{service}: privileged");
    assert!(host["Memory"].as_u64() > Some(0), "{service} has no memory limit");
    assert!(host["PidsLimit"].as_u64() > Some(0), "{service} has no limit on processes");
    if NODES.contains(&service) {
        assert_eq!(host["NanoCpus"], 0, "{service} has a CPU limit");
    }
}

fn not_restarted(compose: &Compose) {
    for service in SERVICES {
        let container = compose.inspect(service);
        assert_eq!(container["RestartCount"], 0, "{service} was restarted");
        assert_eq!(container["State"]["Status"], "running", "{service}");
    }
}

/// Prometheus scrapes the three nodes, over the network that they do not use among themselves.
fn targets_are_up(compose: &Compose) {
    check("Prometheus has scraped all nodes", seconds(60), || {
        let up = compose.query("sum(up{job=\"heartbeat\"})")?;
        match up.first().and_then(|result| result["value"][1].as_str()) {
            Some("3") => Ok(()),
            other => Err(format!("{other:?} targets up: {up:?}")),
        }
    });
}

/// What every panel asks, asked as the page asks it. A rate has its first value with the second scrape, the watchdog's alert with the first evaluation.
fn dashboard_has_data(compose: &Compose) {
    check("every query of the dashboard has data", seconds(60), || {
        let faults = dashboard::unanswered(|path| compose.json("prometheus", path));
        if faults.is_empty() { Ok(()) } else { Err(faults.join("\n")) }
    });
}

fn answers_on_loopback_only(compose: &Compose) {
    for service in SERVICES {
        let ports = compose.inspect(service)["NetworkSettings"]["Ports"].clone();
        let published = ports.as_object().into_iter().flat_map(|ports| ports.values()).filter_map(Value::as_array);
        let addresses: Vec<&Value> = published.flatten().map(|binding| &binding["HostIp"]).collect();
        assert!(!addresses.is_empty(), "{service} publishes no port");
        assert!(addresses.iter().all(|address| **address == "127.0.0.1"), "{service} listens on {addresses:?}");
    }
}

fn idle_memory(compose: &Compose, report: &Report) {
    // Long enough for every connection, stream and histogram that an idle node has to exist, and for what only its start
    // needed to be given back.
    hold(seconds(15));
    for node in NODES {
        let body = compose.get(node, "/metrics").expect("metrics").body;
        let line = body.lines().find_map(|line| line.strip_prefix("process_resident_memory_bytes "));
        let bytes: f64 = line.and_then(|number| number.parse().ok()).expect("a node says what it holds");
        let mib = bytes / f64::from(1 << 20);
        report.say(format!("{node} idle: {mib:.2} MiB resident (at most {MEMORY_MAX_MIB})"));
        assert!(mib <= MEMORY_MAX_MIB, "{node} holds {bytes} bytes");
    }
}
