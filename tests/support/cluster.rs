//! Several nodes that watch each other, and what a case may say about all of them.
//!
//! Nodes are numbered from 1, as their names are: number 2 is `node-2`.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use super::log::Line;
use super::network::Network;
use super::node::{Host, Node, summary};
use super::{SOON, check, ports, suite};

/// Events that are alarms: an operator would be paged.
pub const ALARMS: [&str; 2] = ["peer_down", "peer_unreachable"];

/// A mesh before it is started.
pub struct Plan {
    hosts: Vec<Host>,
    /// Peers that are no nodes of ours: fakes, and addresses where no process listens.
    strangers: Vec<(String, SocketAddr)>,
    arguments: Vec<String>,
    network: Option<Network>,
}

impl Plan {
    /// `size` nodes on loopback, each on ports of its own.
    pub fn loopback(size: usize) -> Plan {
        let host = |number: usize| Host {
            name: name(number),
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, ports::free())),
            metrics_port: ports::free(),
            namespace: None,
        };
        Plan { hosts: (1..=size).map(host).collect(), strangers: Vec::new(), arguments: Vec::new(), network: None }
    }

    /// One node on each host of a network of namespaces, all on the default ports.
    pub fn inside(network: Network) -> Plan {
        let host = |number: usize| Host {
            name: name(number),
            address: SocketAddr::new(IpAddr::V4(network.address(number)), 8001),
            metrics_port: 9100,
            namespace: Some(network.namespace(number)),
        };
        let hosts = (1..=network.size()).map(host).collect();
        Plan { hosts, strangers: Vec::new(), arguments: Vec::new(), network: Some(network) }
    }

    /// More arguments for every node.
    pub fn with(mut self, arguments: &[&str]) -> Plan {
        self.arguments.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        self
    }

    /// Every node also watches `address`, which must call itself `name`.
    pub fn watching(mut self, name: &str, address: SocketAddr) -> Plan {
        self.strangers.push((name.to_owned(), address));
        self
    }

    /// The nodes, none of them started.
    pub fn build(self) -> Cluster {
        let nodes = self.hosts.iter().map(|host| {
            let others = self.hosts.iter().filter(|other| other.name != host.name);
            let others = others.map(|other| format!("{}=http://{}", other.name, other.address));
            let strangers = self.strangers.iter().map(|(name, address)| format!("{name}=http://{address}"));
            let peers = others.chain(strangers).collect::<Vec<_>>().join(",");
            let mut arguments = vec!["--peers".to_owned(), peers];
            arguments.extend(self.arguments.iter().cloned());
            Node::new(host.clone(), arguments)
        });
        let streams = !self.arguments.iter().any(|argument| argument.starts_with("--streams=off"));
        Cluster { nodes: nodes.collect(), streams, network: self.network }
    }

    /// Starts all nodes and waits until all hear all.
    #[track_caller]
    pub fn start(self) -> Cluster {
        let mut cluster = self.build();
        cluster.start_all();
        cluster.settle();
        cluster
    }
}

pub fn name(number: usize) -> String {
    format!("node-{number}")
}

/// Running nodes. Dropping it kills all of them; a panic prints their logs first.
pub struct Cluster {
    nodes: Vec<Node>,
    streams: bool,
    /// Dropped after the nodes that live in it.
    network: Option<Network>,
}

impl Cluster {
    pub fn numbers(&self) -> Vec<usize> {
        (1..=self.nodes.len()).collect()
    }

    pub fn others(&self, number: usize) -> Vec<usize> {
        self.numbers().into_iter().filter(|other| *other != number).collect()
    }

    pub fn node(&self, number: usize) -> &Node {
        &self.nodes[number - 1]
    }

    pub fn node_mut(&mut self, number: usize) -> &mut Node {
        &mut self.nodes[number - 1]
    }

    pub fn network(&self) -> &Network {
        self.network.as_ref().expect("the cluster was planned inside a network")
    }

    pub fn start(&mut self, number: usize) -> Instant {
        self.node_mut(number).start()
    }

    /// One after the other, without waiting for them.
    pub fn start_all(&mut self) {
        for node in &mut self.nodes {
            node.start();
        }
    }

    pub fn kill(&mut self, number: usize) -> Instant {
        self.node_mut(number).kill()
    }

    pub fn signal(&self, number: usize, name: &str) -> Instant {
        self.node(number).signal(name)
    }

    /// Waits until all of `numbers` see each other alive, over streams where they are on, and know how long an answer
    /// takes: before the first sample an answer is late only after a whole interval.
    #[track_caller]
    pub fn settle_among(&self, numbers: &[usize]) {
        for observer in numbers {
            for subject in numbers.iter().filter(|subject| *subject != observer) {
                let what = format!("node-{observer} and node-{subject} hear each other");
                check(&what, SOON, || {
                    let peer = self.node(*observer).peer(&name(*subject))?;
                    let streaming = !self.streams || peer["streaming"] == true;
                    let sampled = !peer["rtt"]["mean_ms"].is_null();
                    if summary(&peer) == "alive" && streaming && sampled { Ok(()) } else { Err(peer.to_string()) }
                });
            }
        }
    }

    #[track_caller]
    pub fn settle(&self) {
        self.settle_among(&self.numbers());
    }

    /// Waits until `observer` says `expected` of `subject`: `alive`, `left`, `dead/down`, `unreachable/link_broken`.
    #[track_caller]
    pub fn await_view(&self, observer: usize, subject: &str, expected: &str, limit: Duration) -> serde_json::Value {
        check(&format!("node-{observer} says that {subject} is {expected}"), limit, || {
            let peer = self.node(observer).peer(subject)?;
            if summary(&peer) == expected { Ok(peer) } else { Err(peer.to_string()) }
        })
    }

    /// What `observer` says of `subject` right now.
    #[track_caller]
    pub fn assert_view(&self, observer: usize, subject: &str, expected: &str) {
        let peer = self.node(observer).peer(subject).unwrap_or_else(|problem| panic!("{problem}"));
        assert_eq!(summary(&peer), expected, "node-{observer} about {subject}: {peer}");
    }

    /// Waits for a log line of `observer` about `subject`.
    #[track_caller]
    pub fn await_event(&self, observer: usize, event: &str, subject: &str, since: Instant, limit: Duration) -> Line {
        let found = self.node(observer).log.wait(since, limit, |line| line.is(event, subject));
        found.unwrap_or_else(|| panic!("node-{observer} did not log {event} about {subject} within {limit:?}"))
    }

    /// Waits until the last of `observers` has logged `event` about `subject`; how long after `since` that was.
    #[track_caller]
    pub fn last_to_log(&self, observers: &[usize], event: &str, subject: &str, since: Instant) -> Duration {
        let times = observers.iter().map(|observer| {
            let line = self.await_event(*observer, event, subject, since, SOON);
            line.at.duration_since(since)
        });
        times.max().unwrap_or_default()
    }

    /// Log lines of `observer` since `since` that say one of `events`, about anybody.
    pub fn logged(&self, observer: usize, events: &[&str], since: Instant) -> Vec<Line> {
        let lines = self.node(observer).log.lines().into_iter();
        lines.filter(|line| line.at >= since && events.contains(&line.event())).collect()
    }

    /// None of `observers` raised an alarm since `since`.
    #[track_caller]
    pub fn assert_quiet(&self, observers: &[usize], since: Instant) {
        for observer in observers {
            let alarms = self.logged(*observer, &ALARMS, since);
            assert!(alarms.is_empty(), "node-{observer} raised an alarm: {}", raw(&alarms));
        }
    }

    /// No node except `victims` was ever reported down, by any node. Every case ends with this.
    #[track_caller]
    pub fn assert_down_only(&self, victims: &[&str]) {
        for node in &self.nodes {
            let lines = node.log.lines().into_iter();
            let lines = lines.filter(|line| line.event() == "peer_down" && !victims.contains(&&*line.text("peer")));
            let wrong: Vec<Line> = lines.collect();
            assert!(wrong.is_empty(), "{} says down of a live peer: {}", node.host.name, raw(&wrong));
        }
    }

    /// Waits until all of `numbers` have had an answer from all others among them that is younger than this call.
    #[track_caller]
    pub fn await_fresh_answers(&self, numbers: &[usize]) {
        for observer in numbers {
            for subject in numbers.iter().filter(|subject| *subject != observer) {
                self.await_fresh_answer(*observer, *subject);
            }
        }
    }

    /// Waits until `observer` has had an answer of `subject` that is younger than this call.
    #[track_caller]
    pub fn await_fresh_answer(&self, observer: usize, subject: usize) {
        let asked = Instant::now();
        check(&format!("node-{observer} hears node-{subject} again"), SOON, || {
            let peer = self.node(observer).peer(&name(subject))?;
            let age = peer["last_answer_ms"].as_f64().ok_or_else(|| peer.to_string())?;
            let fresh = age / 1000.0 < asked.elapsed().as_secs_f64();
            if fresh && summary(&peer) == "alive" { Ok(()) } else { Err(peer.to_string()) }
        });
    }

    fn dump(&self) -> String {
        let mut text = String::new();
        for node in &self.nodes {
            let view = node.get("/api/v1/peers").map_or_else(|problem| problem, |response| response.body);
            let _ = writeln!(
                text,
                "---- {}: {} at {}\n{}{view}",
                suite::running(),
                node.host.name,
                node.host.address,
                node.log_text()
            );
        }
        text
    }
}

fn raw(lines: &[Line]) -> String {
    lines.iter().map(|line| line.raw.as_str()).collect::<Vec<_>>().join("\n")
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.dump());
        }
    }
}
