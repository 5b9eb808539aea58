//! Bad input and broken surroundings: the node says what is wrong with it, and does not care about the rest.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;

use super::support::compose::{Compose, NODES};
use super::support::{Report, SOON, check, hold, seconds};

/// What a person expects of a restarted container, engine and all.
const WHOLE_AGAIN: std::time::Duration = seconds(5);

pub fn wrong_variable_is_told_by_the_node(report: &Report) {
    let compose = Compose::new("wrong").with("MESH_PEERS", "node-2=http:/node-2.mesh:8001");
    let problem = compose.try_up(&["node-1"]).expect_err("a node with a wrong peer list came up");
    assert!(problem.contains("exited (64)"), "up --wait fails without the exit code: {problem}");
    let logs = compose.logs(&["node-1"]);
    for words in ["the configuration has a problem, nothing was started", "HEARTBEAT_PEERS=", "wrong:", "accepted:"] {
        assert!(logs.contains(words), "{words:?} is not in the log:\n{logs}");
    }
    report.say(logs.trim());
}

pub fn taken_port_of_another_service(_: &Report) {
    let compose = Compose::new("port");
    let taken = TcpListener::bind(compose.address("alertmanager")).expect("the port was free");
    let problem = compose.try_up(&[]).expect_err("alertmanager got a port that is taken");
    assert!(problem.contains("in use") || problem.contains("allocated"), "{problem}");
    // Compose stops starting at the first problem; what a person does then is the same command for the rest.
    compose.up(&NODES);
    compose.await_whole(SOON);
    drop(taken);
    compose.up(&[]);
}

pub fn missing_folder_of_another_service(_: &Report) {
    let folder = scratch("folder");
    let file = folder.join("missing.yml");
    let missing = folder.join("nothing-here");
    let text =
        format!("services:\n  prometheus:\n    volumes: !override ['{}:/etc/prometheus:ro']\n", missing.display());
    fs::write(&file, text).expect("a compose file");
    let compose = Compose::new("folder").with_file(&file);
    let problem = compose.try_up(&[]).expect_err("Prometheus is healthy without its configuration");
    assert!(problem.contains("prometheus"), "{problem}");
    compose.await_whole(SOON);
    drop(compose);
    fs::remove_dir_all(&folder).expect("the folder can be removed");
}

pub fn nodes_without_their_observers(_: &Report) {
    let compose = Compose::new("alone");
    compose.up(&[]);
    compose.await_whole(SOON);
    compose.kill(&["prometheus", "alertmanager", "grafana"]);
    // Two scrape intervals without a scrape.
    hold(seconds(10));
    compose.await_whole(SOON);
    assert_eq!(complaints(&compose), "", "a node complains about its observers");
}

pub fn killed_in_turn_and_all_at_once(report: &Report) {
    let compose = Compose::new("kill");
    compose.up(&[]);
    compose.await_whole(SOON);
    for node in NODES {
        compose.kill(&[node]);
        for survivor in NODES.into_iter().filter(|survivor| *survivor != node) {
            check(&format!("{survivor} notices that {node} was killed"), SOON, || {
                let states = compose.states(survivor)?;
                if states.contains(&(node.to_owned(), "dead".to_owned())) { Ok(()) } else { Err(format!("{states:?}")) }
            });
        }
        whole_again(&compose, report, &[node]);
    }
    compose.kill(&NODES);
    whole_again(&compose, report, &NODES);
    // Three evaluations, so that what these restarts may raise is raised; then all of it must go.
    hold(seconds(15));
    check("no alert is left hanging", seconds(120), || {
        let alerts = compose.query("ALERTS{alertname!=\"HeartbeatWatchdog\"}")?;
        if alerts.is_empty() { Ok(()) } else { Err(format!("{alerts:?}")) }
    });
}

fn whole_again(compose: &Compose, report: &Report, killed: &[&str]) {
    let restarted = compose.tell("start", killed);
    compose.await_whole(SOON);
    report.measured(
        &format!("{} killed, whole after the restart", killed.join(", ")),
        restarted.elapsed(),
        WHOLE_AGAIN,
    );
}

/// What the nodes have logged as a warning or an error.
pub fn complaints(compose: &Compose) -> String {
    let logs = compose.logs(&NODES);
    let bad = |line: &&str| line.contains("\"level\":\"warn\"") || line.contains("\"level\":\"error\"");
    logs.lines().filter(bad).collect::<Vec<_>>().join("\n")
}

/// An empty folder of this case.
fn scratch(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("heartbeat-e2e-{}-{name}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder of its own");
    folder
}
