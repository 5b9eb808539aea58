//! Real nodes behind a real name: the system's resolver, addresses that come and go, a name that is not there.
//! The name is an entry of a hosts file that only these processes see.

use std::time::{Duration, Instant};

use heartbeat::testing::http::Route;

use super::support::names::{NAME, Names, ip};
use super::support::node::{Node, summary};
use super::support::{Line, Report, SOON, check, hold, seconds};

/// Found, at the latest: a lookup every ten seconds, hurried by the first ping of the new one.
const FOUND: Duration = seconds(3);

/// Nodes behind one name. Node `n` is called `node-n` and listens on 127.0.0.n.
struct Mesh {
    nodes: Vec<Node>,
    names: Names,
}

impl Mesh {
    fn new(listed: &[u8]) -> Mesh {
        Mesh { nodes: Vec::new(), names: Names::new(listed) }
    }

    /// Starts `node-{number}` on 127.0.0.`address`.
    fn start(&mut self, number: u8, address: u8) -> Instant {
        self.start_as(&format!("node-{number}"), address)
    }

    fn start_as(&mut self, name: &str, address: u8) -> Instant {
        let place = format!("--address={}", ip(address));
        let peers = format!("--peers=dns+http://{NAME}");
        let mut node = Node::new(self.names.host(name, address), vec![place, peers]);
        let began = node.start();
        self.nodes.push(node);
        began
    }

    fn node(&self, number: u8) -> &Node {
        self.nodes.iter().rev().find(|node| node.host.name == format!("node-{number}")).expect("was started")
    }

    fn node_mut(&mut self, number: u8) -> &mut Node {
        self.nodes.iter_mut().rev().find(|node| node.host.name == format!("node-{number}")).expect("was started")
    }

    /// Waits until each of `numbers` watches exactly the others, all alive.
    #[track_caller]
    fn settle(&self, numbers: &[u8]) {
        for observer in numbers {
            let others = numbers.iter().filter(|number| *number != observer);
            let expected: Vec<String> = others.map(|number| format!("node-{number} alive")).collect();
            self.await_peers(*observer, &expected.join(", "));
        }
    }

    #[track_caller]
    fn await_peers(&self, observer: u8, expected: &str) {
        check(&format!("node-{observer} sees {expected:?}"), SOON, || {
            let view = self.node(observer).json("/api/v1/peers")?;
            let peers = view["peers"].as_array().ok_or("no peers")?;
            let mut seen: Vec<String> =
                peers.iter().map(|peer| format!("{} {}", peer["key"].as_str().unwrap_or("?"), summary(peer))).collect();
            seen.sort();
            if seen.join(", ") == expected { Ok(()) } else { Err(seen.join(", ")) }
        });
    }

    #[track_caller]
    fn await_event(&self, observer: u8, event: &str, peer: Option<&str>, since: Instant) -> Line {
        let fits = |line: &Line| line.event() == event && peer.is_none_or(|peer| line.text("peer") == peer);
        let found = self.node(observer).log.wait(since, SOON, fits);
        found.unwrap_or_else(|| panic!("node-{observer} did not log {event} about {peer:?}"))
    }

    /// What all nodes logged since `since`, without their starts and stops, and without what they say of a machine
    /// that is too busy to run them.
    fn events(&self, since: Instant) -> Vec<String> {
        let lines = self.nodes.iter().flat_map(|node| node.log.lines());
        let mut events: Vec<String> =
            lines.filter(|line| line.at >= since).map(|line| line.event().to_owned()).collect();
        let busy = ["self_stalled", "peer_degraded"];
        events.retain(|event| !event.starts_with("node_") && !busy.contains(&event.as_str()));
        events.sort();
        events.dedup();
        events
    }

    fn discovery(&self, observer: u8) -> Result<serde_json::Value, String> {
        Ok(self.node(observer).json("/api/v1/node")?["discovery"].clone())
    }
}

impl Drop for Mesh {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for node in &self.nodes {
                let view = node.get("/api/v1/node").map_or_else(|problem| problem, |response| response.body);
                eprintln!("---- {} at {}\n{}{view}", node.host.name, node.host.address, node.log_text());
            }
        }
    }
}

/// Three nodes, then five, then three again: all are configured with the name alone, and none raises an alarm.
pub fn scaled_up_and_down(report: &Report) {
    let mut mesh = Mesh::new(&[1, 2, 3]);
    let began = mesh.start(1, 1);
    mesh.start(2, 2);
    mesh.start(3, 3);
    mesh.settle(&[1, 2, 3]);
    report.measured("three started to all found", began.elapsed(), FOUND);
    let discovery = mesh.discovery(1).expect("answers");
    assert_eq!((&discovery["candidate_count"], &discovery["names"][0]["addresses"]), (&0.into(), &3.into()));
    mesh.names.lead_to(&[1, 2, 3, 4, 5]);
    let scaled = mesh.start(4, 4);
    mesh.start(5, 5);
    mesh.settle(&[1, 2, 3, 4, 5]);
    report.measured("two more started to all found by all", scaled.elapsed(), FOUND);
    let up = |observer: u8, peer: &str| {
        mesh.node(observer).metrics().expect("metrics").value("heartbeat_peer_up", &[&format!("peer=\"{peer}\"")])
    };
    assert_eq!(up(1, "node-5"), Ok(1.0));
    assert_eq!(mesh.events(began), ["peer_joined"], "not one other line");
    let stopped = Instant::now();
    mesh.node(4).signal("TERM");
    mesh.node(5).signal("TERM");
    for observer in 1..=3 {
        mesh.await_event(observer, "peer_left", Some("node-4"), stopped);
        mesh.await_event(observer, "peer_left", Some("node-5"), stopped);
    }
    let expected = mesh.node(1).peer("node-5").expect("still watched")["expected"].clone();
    assert_eq!(expected, false, "gone on purpose");
    mesh.names.lead_to(&[1, 2, 3]);
    mesh.settle(&[1, 2, 3]);
    report.measured("two told to stop to forgotten", stopped.elapsed(), FOUND);
    let metrics = mesh.node(1).get("/metrics").expect("metrics").body;
    assert!(metrics.contains("node-3") && !metrics.contains("node-5"), "{metrics}");
    assert_eq!(mesh.events(began), ["peer_joined", "peer_left", "peer_removed"]);
}

/// As a pod does: the same name, a new process, another address.
pub fn restarted_under_another_address(report: &Report) {
    let mut mesh = Mesh::new(&[1, 2, 3]);
    for number in 1..=3 {
        mesh.start(number, number);
    }
    mesh.settle(&[1, 2, 3]);
    let killed = mesh.node_mut(3).kill();
    mesh.names.lead_to(&[1, 2, 7]);
    mesh.start(3, 7);
    for observer in [1, 2] {
        let moved = mesh.await_event(observer, "peer_moved", Some("node-3"), killed);
        assert_eq!((moved.text("from"), moved.text("to")), ("127.0.0.3:8001".into(), "127.0.0.7:8001".into()));
        mesh.await_event(observer, "peer_restarted", Some("node-3"), killed);
    }
    mesh.settle(&[1, 2, 3]);
    report.measured("killed to watched at its new address", killed.elapsed(), FOUND);
    // It continues at the new address, under the same key.
    hold(seconds(3));
    mesh.settle(&[1, 2, 3]);
    assert_eq!(mesh.node(1).peer("node-3").expect("watched")["restarts"], 1);
    let killed = mesh.node_mut(3).kill();
    mesh.await_event(1, "peer_down", Some("node-3"), killed);
    mesh.await_peers(1, "node-2 alive, node-3 dead/down");
}

/// At the start a name that does not resolve keeps no node from being ready; later it removes no node.
pub fn name_that_cannot_be_looked_up(report: &Report) {
    let mut mesh = Mesh::new(&[]);
    let began = mesh.start(1, 1);
    mesh.node(1).await_ready();
    report.measured("start to ready without the name", began.elapsed(), seconds(1));
    let failed = mesh.await_event(1, "discovery_failed", None, began);
    assert!(failed.text("sentence").contains("cannot look up dns+http://nodes.test:8001: "), "{}", failed.raw);
    mesh.names.lead_to(&[1, 2, 3, 9]);
    mesh.await_event(1, "discovery_recovered", None, began);
    let found = Instant::now();
    mesh.start(2, 2);
    mesh.start(3, 3);
    mesh.settle(&[1, 2, 3]);
    let candidates = mesh.discovery(1).expect("answers")["candidates"].clone();
    assert_eq!((&candidates[0]["address"], candidates.as_array().map(Vec::len)), (&"127.0.0.9:8001".into(), Some(1)));
    check("what is at 127.0.0.9 is known", SOON, || {
        let evidence = mesh.discovery(1)?["candidates"][0]["evidence"].clone();
        if evidence == "refused" { Ok(()) } else { Err(evidence.to_string()) }
    });
    let lost = Instant::now();
    mesh.names.lead_to(&[]);
    mesh.await_event(1, "discovery_failed", None, lost);
    let name = mesh.discovery(1).expect("answers")["names"][0].clone();
    assert_eq!((&name["stale"], &name["addresses"]), (&true.into(), &4.into()), "{name}");
    mesh.settle(&[1, 2, 3]);
    // A crash is detected all the same, and the dead node stays listed.
    let killed = mesh.node_mut(3).kill();
    mesh.await_event(1, "peer_down", Some("node-3"), killed);
    let errors = || mesh.node(1).metrics().expect("metrics").value("heartbeat_discovery_errors_total", &[]);
    let before = errors().expect("a series");
    check("lookups still fail", SOON, || if errors()? > before + 2.0 { Ok(()) } else { Err("not yet".to_owned()) });
    mesh.await_peers(1, "node-2 alive, node-3 dead/down");
    let told =
        mesh.node(1).log.lines().iter().filter(|line| line.at >= lost && line.event() == "discovery_failed").count();
    assert_eq!(told, 1, "a continuing failure is reported once");
    mesh.names.lead_to(&[1, 2, 3]);
    mesh.start(3, 3);
    mesh.settle(&[1, 2, 3]);
    mesh.await_event(1, "discovery_recovered", None, lost);
    assert!(!mesh.events(found).contains(&"peer_removed".to_owned()));
}

/// The mistake of a copied manifest: every node got the same name.
pub fn same_name_twice(_: &Report) {
    let mut mesh = Mesh::new(&[1, 2]);
    let began = mesh.start(1, 1);
    mesh.start_as("node-1", 2);
    for node in &mesh.nodes {
        let told = node.log.wait(began, SOON, |line| line.event() == "discovery_name_taken");
        assert!(told.is_some(), "{}", node.log_text());
    }
    mesh.await_peers(1, "");
}

/// What nodes ask each other is answered under any name: here one that only the caller knows.
pub fn called_by_an_alias(_: &Report) {
    let names = Names::new(&[2]);
    let node = |name: &str, number: u8, peers: String| {
        let arguments = vec![format!("--address={}", ip(number)), format!("--peers={peers}")];
        Node::new(names.host(name, number), arguments)
    };
    let mut first = node("node-1", 1, format!("http://{NAME}:8001"));
    let mut second = node("node-2", 2, format!("http://{}:8001", ip(1)));
    first.start();
    second.start();
    check("node-1 hears node-2, with a stream and its row", SOON, || {
        let peer = first.peer(&format!("{NAME}:8001"))?;
        if summary(&peer) != "alive" || peer["streaming"] != true {
            return Err(peer.to_string());
        }
        let mesh = first.get("/api/v1/cluster?strict=1")?;
        if mesh.status == 200 { Ok(()) } else { Err(mesh.body) }
    });
    let counted = second.metrics().expect("metrics");
    for route in ["/ping", "/api/v1/row", "/api/v1/events"] {
        let labels = [format!("route=\"{route}\""), "code=\"200\"".to_owned()];
        let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
        assert!(counted.find("heartbeat_http_requests_total", &labels).is_some_and(|count| count > 0.0), "{route}");
        let refused = [labels[0], "code=\"421\""];
        assert_eq!(counted.find("heartbeat_http_requests_total", &refused), None, "{route}");
    }
}

/// Three containers and three more, as `just scale` makes them of `docker-compose.yml`: the lists and names of the files
/// themselves, and every node calls the others by aliases. Nothing else is set.
pub fn compose_scaled_to_six(report: &Report) {
    const EVERY_NODE: &str = "node-1=http://node-1.mesh:8001,node-2=http://node-2.mesh:8001,node-3=http://node-3.mesh:8001,dns+http://nodes.mesh:8001";
    const FURTHER: &str = "dns+http://nodes.mesh:8001";
    assert!(include_str!("../../justfile").contains(&format!("every_node := '{EVERY_NODE}'")));
    let compose = include_str!("../../docker-compose.yml");
    assert!(compose.contains(&format!("HEARTBEAT_PEERS: \"{FURTHER}\"")));
    assert!(!compose.contains("ALLOWED_HOSTS"), "none is needed");
    let all = ["node-1", "node-2", "node-3", "4a1c09d72e63", "b41e0d1c9e05", "c7f20b5a6693"];
    let names = Names::new(&[]);
    let own = (1..=3).map(|number| (number, format!("node-{number}.mesh")));
    names.call(own.chain((1..=6).map(|number| (number, "nodes.mesh".to_owned()))));
    let node = |(name, number): (&&str, u8)| {
        let peers = if number <= 3 { EVERY_NODE } else { FURTHER };
        Node::new(names.host(name, number), vec![format!("--address={}", ip(number)), format!("--peers={peers}")])
    };
    let mut nodes: Vec<Node> = all.iter().zip(1..).map(node).collect();
    let began = Instant::now();
    for node in &mut nodes {
        node.start();
    }
    for node in &nodes {
        check(&format!("{} finds a whole mesh of six", node.host.name), SOON, || {
            let mesh = node.get("/api/v1/cluster?strict=1")?;
            let view = mesh.json()?;
            let names: Vec<&str> =
                view["nodes"].as_array().into_iter().flatten().filter_map(|node| node["node"].as_str()).collect();
            if mesh.status == 200 && all.iter().all(|name| names.contains(name)) && names.len() == 6 {
                Ok(())
            } else {
                Err(mesh.body)
            }
        });
    }
    report.measured("six started to whole, as each of them says", began.elapsed(), seconds(12));
    let killed = nodes[5].kill();
    for node in &nodes[..5] {
        let line =
            node.log.wait(killed, SOON, |line| line.event() == "peer_down" && line.text("sentence").contains(all[5]));
        let line = line.unwrap_or_else(|| panic!("{} did not notice: {}", node.host.name, node.log_text()));
        report.measured(&format!("down, says {}", node.host.name), line.at.duration_since(killed), seconds(1));
        let counted = node.metrics().expect("metrics");
        for route in Route::served() {
            let labels = [format!("route=\"{}\"", route.path()), "code=\"421\"".to_owned()];
            let refused = counted.find("heartbeat_http_requests_total", &labels.each_ref().map(String::as_str));
            assert_eq!(refused, None, "{} refused {}", node.host.name, route.path());
        }
        let wrong = node.log.lines().into_iter().filter(|line| {
            ["peer_down", "peer_unreachable"].contains(&line.event()) && !line.text("sentence").contains(all[5])
        });
        let wrong: Vec<String> = wrong.map(|line| line.raw).collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
    // A person in front of one of them types any of its names.
    for host in ["node-1.mesh:8001", "nodes.mesh:8001", "localhost:8001", "127.0.0.2"] {
        let answer = nodes[1].get_as(host, "/").map(|answer| answer.status);
        assert_eq!(answer, Ok(200), "the page of node-2 as {host}");
    }
}
