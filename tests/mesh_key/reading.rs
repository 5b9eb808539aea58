//! A mesh whose nodes have a read token: its nodes work as before, and strangers read nothing.

use std::process::Output;
use std::time::Instant;

use super::keys::{Folder, failed_pings};
use super::level::{Guard, Level, TOKEN};
use super::proxy::{Proxy, header, send};
use super::support::{Cluster, Plan, Report, SOON, check};

/// What is for readers, and what a node reads at another.
const FOR_READERS: [&str; 8] = [
    "/",
    "/api/v1/cluster",
    "/api/v1/config",
    "/api/v1/events",
    "/api/v1/row",
    "/api/v1/history?since=0",
    "/api/v1/why/node-2",
    "/metrics",
];

/// A command that asks node-1.
fn command(guard: &Guard, cluster: &Cluster, arguments: &[&str]) -> Output {
    let asking = guard.asking(cluster.node(1).host.address);
    let mut command = cluster.node(1).host.heartbeat();
    command.args(arguments).args(asking).output().expect("it runs")
}

/// Nodes read each other by their tags, so streams, rows, histories and witnesses work; everyone else shows the token, also
/// who has a certificate of the mesh.
pub fn a_mesh_with_a_read_token(report: &Report, level: Level) {
    let folder = Folder::new(&format!("read-{}", level.name()));
    let token = folder.write("token", &[TOKEN]);
    let began = Instant::now();
    let guard = Guard::new(level);
    let mut cluster = Plan::loopback(4).with(&["--read-token-file", &token]).build();
    // node-2's requests to node-1 come by.
    let proxy = Proxy::to(&guard, cluster.node(1).host.address);
    let others = [proxy.address, cluster.node(3).host.address, cluster.node(4).host.address];
    let peers: Vec<String> =
        others.iter().zip([1, 3, 4]).map(|(at, number)| format!("node-{number}=http://{at}")).collect();
    cluster.node_mut(2).replace_peers(&peers.join(","));
    guard.arm(&mut cluster);
    for number in cluster.numbers() {
        cluster.node_mut(number).read_with(TOKEN);
        cluster.start(number);
    }
    cluster.settle();
    let one = guard.back(cluster.node(1).host.address);
    for path in FOR_READERS {
        let (head, body) = send(one, &format!("GET {path} HTTP/1.1\r\nhost: {one}\r\n\r\n")).expect("an answer");
        assert!(head.starts_with("HTTP/1.1 401 "), "{path}: {head}");
        assert!(!body.contains("node-"), "{path}: {body}");
        assert_eq!(cluster.node(1).get(path).map(|response| response.status), Ok(200), "{path}");
    }
    check("the mesh is whole, with rows of all", SOON, || {
        let view = cluster.node(1).json("/api/v1/cluster")?;
        if view["whole"] == true { Ok(()) } else { Err(view.to_string()) }
    });
    // A copy of a node's request for its stream is old: no news, and no events as for a reader.
    let stream = proxy.requests("/api/v1/events").pop().expect("a stream was opened");
    let (head, _) = send(one, &stream).expect("an answer");
    assert!(head.starts_with("HTTP/1.1 401 "), "{head}");
    assert_eq!(header(&head, "heartbeat-mac"), None);
    check("node-2 still has its stream", SOON, || {
        let peer = cluster.node(2).peer("node-1")?;
        if peer["streaming"] == true { Ok(()) } else { Err(peer.to_string()) }
    });

    let refused = command(&guard, &cluster, &["members"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.status.code() == Some(77) && said.contains("--read-token-file"), "{said}");
    for arguments in [["members"], ["verify"], ["matrix"]] {
        let shown = command(&guard, &cluster, &[arguments[0], "--read-token-file", &token]);
        let said = String::from_utf8_lossy(&shown.stderr).into_owned();
        assert_eq!(shown.status.code(), Some(0), "{arguments:?}: {said}");
    }
    assert_eq!(
        command(&guard, &cluster, &["healthcheck"]).status.code(),
        Some(0),
        "a container's check needs no token"
    );

    assert_eq!(failed_pings(&cluster, "mesh_key"), [""; 0]);
    let killed = cluster.kill(4);
    for observer in [1, 2, 3] {
        let line = cluster.await_event(observer, "peer_down", "node-4", killed, SOON);
        assert_eq!(line.text("verdict"), "down", "they agree: {}", line.raw);
        report.say(format!("node-{observer}: {}", line.text("sentence")));
    }
    check("the histories of all are read", SOON, || {
        let events = cluster.node(1).json("/api/v1/events?kind=peer_down")?;
        let from =
            |node: &str| events["events"].as_array().is_some_and(|all| all.iter().any(|event| event["from"] == node));
        if from("node-2") && from("node-3") { Ok(()) } else { Err(events.to_string()) }
    });
    cluster.assert_down_only(&["node-4"]);
    let config = cluster.node(1).get("/api/v1/config").expect("it answers").body;
    for text in [config, (1..=4).map(|number| cluster.node(number).log_text()).collect()] {
        assert!(!text.contains(TOKEN), "the token is never shown");
    }
    assert!(cluster.logged(1, &["unverified_requests"], began).is_empty());
}
