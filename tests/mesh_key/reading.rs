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

/// The token is read at the start. Whatever becomes of its file later, the node keeps the token that it has, and a node that
/// is started with a file it cannot use does not start: it never answers without asking for a token.
pub fn the_file_of_the_read_token(report: &Report, level: Level) {
    const NEW: &str = "another-correct-horse";
    let folder = Folder::new(&format!("token-file-{}", level.name()));
    let file = folder.publish("..1", &[TOKEN]);
    let guard = Guard::new(level);
    let mut cluster = Plan::loopback(2).build();
    guard.arm(&mut cluster);
    for number in cluster.numbers() {
        cluster.node_mut(number).replace_argument("--read-token-file", &file);
        cluster.node_mut(number).read_with(TOKEN);
        cluster.start(number);
    }
    cluster.settle();
    let began = Instant::now();
    let one = guard.back(cluster.node(1).host.address);
    let status = |shown: &str| {
        let (head, _) =
            send(one, &format!("GET /api/v1/row HTTP/1.1\r\nhost: {one}\r\n{shown}\r\n")).expect("an answer");
        head.split(' ').nth(1).unwrap_or_default().to_owned()
    };
    let bearer = |token: &str| format!("authorization: Bearer {token}\r\n");
    let bad = ["torn", "empty", "pipe", "gone"];
    for what in bad.into_iter().chain(["new"]) {
        match what {
            "torn" => drop(folder.publish(what, &[&NEW[..9]])),
            "empty" => drop(folder.publish(what, &[])),
            "pipe" => drop(folder.publish_pipe(what)),
            "gone" => folder.remove(&file),
            _ => drop(folder.publish(what, &[NEW])),
        }
        let statuses = [status(""), status(&bearer(&NEW[..9])), status(&bearer(NEW)), status(&bearer(TOKEN))];
        assert_eq!(statuses, ["401", "401", "401", "200"], "{what}: the token that was read at the start counts");
    }
    cluster.settle();
    cluster.assert_quiet(&[1, 2], began);
    // Started again with each of them.
    for what in bad {
        cluster.kill(1);
        match what {
            "torn" | "empty" | "pipe" => drop(folder.lead_to(what)),
            _ => folder.remove(&file),
        }
        let again = Instant::now();
        cluster.start(1);
        let ended = cluster.node_mut(1).await_end(SOON);
        assert_eq!(ended.code(), Some(64), "{what}: it starts without a token that can be used");
        let said = cluster.node(1).log.wait(again, SOON, |line| line.raw.contains("--read-token-file"));
        report.say(format!("{what}: {}", said.unwrap_or_else(|| panic!("{what}: it does not say why")).raw.trim()));
        assert!(!cluster.node(1).log_text().contains("horse"), "{what}: the token is shown");
        folder.lead_to("new");
        cluster.node_mut(1).read_with(NEW);
        cluster.start(1);
        cluster.node(1).await_ready();
        assert_eq!([status(""), status(&bearer(TOKEN)), status(&bearer(NEW))], ["401", "401", "200"], "{what}");
    }
    // node-2 still has the old token: nodes read each other by the key.
    cluster.settle();
    assert_eq!(failed_pings(&cluster, "mesh_key"), [""; 0]);
    cluster.assert_down_only(&["node-1"]);
}
