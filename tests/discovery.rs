//! Peers behind a name that changes: which peers one node finds, moves and drops, by
//! the clock of a world that consists of one name server and a few addresses.
//! The detector is the real one, the rest is a table.
//!
//! Run: `cargo test --test discovery`. With real processes and the system's
//! resolver: `tests/end_to_end/names.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use heartbeat::detector::config::Timing;
use heartbeat::detector::discovery::{DnsName, Finding, NameId, ProbeId};
use heartbeat::detector::event::{Conflict, EventKind};
use heartbeat::detector::evidence::Evidence;
use heartbeat::detector::node::{Me, Node};
use heartbeat::detector::peer::{
    Answer, AttemptId, BootId, Caller, NodeName, PeerId, PeerKey, PeerSpec, PeerState, PingSource, SelfState, Seq,
    WatchDelta, Watched,
};
use heartbeat::detector::time::Monotonic;
use heartbeat::detector::transmit::Transmit;

/// From a request to its answer.
const LATENCY: Duration = Duration::from_millis(1);

/// Who answers at an address.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Host {
    Runs {
        node: &'static str,
        boot: u64,
        state: SelfState,
    },
    Refuses,
    Silent,
    /// Nothing can be sent to it from here.
    Unsendable,
}

fn runs(node: &'static str, boot: u64) -> Host {
    Host::Runs { node, boot, state: SelfState::Ready }
}

enum Reply {
    LookUp(NameId),
    Probe(ProbeId, SocketAddr),
    Ping(AttemptId, SocketAddr),
}

/// One node, called `me`, with boot 1, and all that it can reach.
struct World {
    node: Node,
    now: Duration,
    /// What the name server says of each name; `Err` when it says nothing good.
    names: Vec<Result<Vec<SocketAddr>, &'static str>>,
    hosts: BTreeMap<SocketAddr, Host>,
    at: BTreeMap<PeerId, SocketAddr>,
    replies: Vec<(Duration, Reply)>,
    cancelled: BTreeSet<AttemptId>,
    cancelled_probes: BTreeSet<ProbeId>,
    events: Vec<(Duration, String, EventKind)>,
    lookups: Vec<Duration>,
    probes: Vec<(Duration, SocketAddr)>,
    left: Vec<SocketAddr>,
    /// The nodes that everybody who answers says it watches.
    watched: Vec<&'static str>,
}

fn address(n: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, n], 8001))
}

fn name(text: &str) -> NodeName {
    NodeName::new(text).expect("valid")
}

fn watched(node: &str) -> Watched {
    Watched { node: name(node), boot: BootId(99), state: Some(PeerState::Alive) }
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

impl World {
    /// The node's own address is 10.0.0.1; behind the name are the addresses that end in `listed`.
    fn new(listed: &[u8]) -> World {
        World::with(1, &[], listed)
    }

    fn with(names: usize, listed_by_hand: &[(&str, u8)], listed: &[u8]) -> World {
        let config = Timing { streams: false, ..Timing::BALANCED }.check().expect("sensible");
        let me = Me { node: name("me"), boot: BootId(1), version: Arc::from("0") };
        let mut node = Node::new(config, me, 7, Monotonic::default());
        let dns = |n: usize| DnsName { host: format!("nodes-{n}").into(), port: 8001, tls: false };
        node.set_names((0..names).map(dns).collect());
        let specs = listed_by_hand.iter().map(|(key, _)| PeerSpec { key: PeerKey((*key).into()), pinned: None });
        let ids = node.set_peers(Monotonic::default(), specs.collect());
        let at = ids.into_iter().zip(listed_by_hand.iter().map(|(_, n)| address(*n))).collect();
        let mut world = World {
            node,
            now: Duration::ZERO,
            names: vec![Ok(listed.iter().copied().map(address).collect()); names],
            hosts: BTreeMap::from([(address(1), runs("me", 1))]),
            at,
            replies: Vec::new(),
            cancelled: BTreeSet::new(),
            cancelled_probes: BTreeSet::new(),
            events: Vec::new(),
            lookups: Vec::new(),
            probes: Vec::new(),
            left: Vec::new(),
            watched: Vec::new(),
        };
        world.drain();
        world
    }

    /// Two peers, found and settled: the first half minute, in which more may be to come, is over.
    fn settled() -> World {
        let mut world = World::new(&[1, 2, 3]);
        world.host(2, runs("b", 20)).host(3, runs("c", 30)).run(35);
        assert_eq!(world.states(), "b alive, c alive");
        world.events.clear();
        world
    }

    /// It meets `b`, which says that it watches these, and hears it for so many seconds. From now on `b` is silent.
    fn b_falls_silent(listed: &[u8], watched: &[&'static str], heard_for: u64) -> World {
        let mut world = World::new(listed);
        world.watched = watched.to_vec();
        world.host(2, runs("b", 20)).run(heard_for);
        world.events.clear();
        world.host(2, Host::Silent);
        world
    }

    fn host(&mut self, n: u8, host: Host) -> &mut World {
        self.hosts.insert(address(n), host);
        self
    }

    fn list(&mut self, listed: &[u8]) -> &mut World {
        self.names[0] = Ok(listed.iter().copied().map(address).collect());
        self
    }

    /// Runs for a number of seconds.
    fn run(&mut self, span: u64) -> &mut World {
        self.run_for(seconds(span))
    }

    fn run_for(&mut self, span: Duration) -> &mut World {
        let end = self.now + span;
        loop {
            let reply = self.replies.iter().map(|(at, _)| *at).min();
            let wake = self.node.poll_timeout().map(|deadline| deadline.at.0);
            let Some(next) = [reply, wake].into_iter().flatten().min().filter(|next| *next <= end) else {
                self.now = end;
                return self;
            };
            self.now = self.now.max(next);
            if reply == Some(next) {
                let place = self.replies.iter().position(|(at, _)| *at == next).expect("just found");
                let (_, reply) = self.replies.remove(place);
                self.reply(reply);
            } else {
                self.node.handle_timeout(Monotonic(self.now));
            }
            self.drain();
        }
    }

    fn reply(&mut self, reply: Reply) {
        let now = Monotonic(self.now);
        match reply {
            Reply::LookUp(id) => {
                let found = self.names[usize::from(id.0)].clone().map_err(Arc::from);
                self.node.handle_lookup(now, id, found);
            }
            Reply::Probe(probe, _) if self.cancelled_probes.contains(&probe) => {}
            Reply::Probe(probe, address) => {
                let result = self.answer(address);
                self.node.handle_probe(now, probe, result.map_err(|evidence| (evidence, None)));
            }
            Reply::Ping(attempt, _) if self.cancelled.contains(&attempt) => {}
            Reply::Ping(attempt, address) => match self.answer(address) {
                Ok(answer) => self.node.handle_answer(now, attempt, answer),
                Err(evidence) => self.node.handle_failure(now, attempt, evidence),
            },
        }
    }

    fn answer(&self, address: SocketAddr) -> Result<Answer, Evidence> {
        match self.hosts.get(&address).copied().unwrap_or(Host::Silent) {
            Host::Refuses => Err(Evidence::Refused),
            Host::Silent => Err(Evidence::Silent),
            Host::Unsendable => Err(Evidence::NoNetwork),
            Host::Runs { node, boot, state } => Ok(Answer {
                node: name(node),
                boot: BootId(boot),
                seq: Seq(self.now.as_millis() as u64),
                state,
                version: Arc::from("0"),
                accusations: Vec::new(),
                watch: WatchDelta { since: 0, rev: 1, peers: self.watched.iter().map(|node| watched(node)).collect() },
                maintenance: None,
            }),
        }
    }

    fn drain(&mut self) {
        while let Some(transmit) = self.node.poll_transmit() {
            match transmit {
                Transmit::LookUp { id, name } => {
                    assert_eq!(name.host.as_ref(), format!("nodes-{}", id.0));
                    self.lookups.push(self.now);
                    self.replies.push((self.now + LATENCY, Reply::LookUp(id)));
                }
                Transmit::Probe { probe, address } => {
                    self.probes.push((self.now, address));
                    self.replies.push((self.now + self.time_of(address), Reply::Probe(probe, address)));
                }
                Transmit::CancelProbe { probe } => assert!(self.cancelled_probes.insert(probe)),
                Transmit::Ping { attempt, peer, .. } => {
                    let address = self.at[&peer];
                    self.replies.push((self.now + self.time_of(address), Reply::Ping(attempt, address)));
                }
                Transmit::Cancel { attempt } => drop(self.cancelled.insert(attempt)),
                Transmit::Locate { peer, address } => drop(self.at.insert(peer, address)),
                Transmit::Forget { peer } => drop(self.at.remove(&peer)),
                Transmit::Goodbye { peer } => self.left.push(self.at[&peer]),
                Transmit::PublishNews => drop(self.node.news(Monotonic(self.now))),
                Transmit::Ask { .. }
                | Transmit::CancelQuestion { .. }
                | Transmit::Testify { .. }
                | Transmit::OpenStream { .. }
                | Transmit::CloseStream { .. } => {}
            }
        }
        while let Some(event) = self.node.poll_event() {
            if event.kind.name() != "ping" {
                let peer = event.peer.map_or_else(String::new, |peer| peer.key.to_string());
                self.events.push((self.now, peer, event.kind));
            }
        }
    }

    /// A silent host is given up after the connect timeout.
    fn time_of(&self, address: SocketAddr) -> Duration {
        let silent = matches!(self.hosts.get(&address), None | Some(Host::Silent));
        if silent { seconds(1) } else { LATENCY }
    }

    /// `b alive, c dead`, in the order of the keys.
    fn states(&mut self) -> String {
        let view = self.node.view(Monotonic(self.now));
        let mut states: Vec<String> =
            view.peers.iter().map(|peer| format!("{} {}", peer.peer.key, peer.peer.state)).collect();
        states.sort();
        states.join(", ")
    }

    fn candidates(&mut self) -> Vec<SocketAddr> {
        let view = self.node.view(Monotonic(self.now));
        view.discovery.candidates.iter().map(|candidate| candidate.address).collect()
    }

    /// The events since they were cleared last, suspicions left out: `peer_moved c`.
    fn told(&self) -> Vec<String> {
        let passing = ["peer_suspect", "peer_cleared"];
        let told = self.events.iter().filter(|(_, _, kind)| !passing.contains(&kind.name()));
        told.map(|(_, peer, kind)| format!("{} {peer}", kind.name()).trim_end().to_owned()).collect()
    }

    fn where_is(&mut self, key: &str) -> Option<SocketAddr> {
        let view = self.node.view(Monotonic(self.now));
        let peer = view.peers.iter().find(|peer| *peer.peer.key.0 == *key)?;
        self.at.get(&peer.peer.id).copied()
    }

    fn pinged(&mut self, node: &str, boot: u64) {
        let caller = Caller {
            node: name(node),
            boot: BootId(boot),
            seq: Seq(1),
            state: SelfState::Ready,
            known_rev: 0,
            ack: None,
        };
        self.node.handle_ping(Monotonic(self.now), Some(caller), PingSource::PeerAddress);
        self.drain();
    }

    /// Lookups since `since`.
    fn lookups_since(&self, since: Duration) -> usize {
        self.lookups.iter().filter(|at| **at >= since).count()
    }

    fn probes_of(&self, n: u8, since: Duration) -> usize {
        self.probes.iter().filter(|(at, to)| *at >= since && *to == address(n)).count()
    }
}

#[test]
fn whoever_answers_behind_the_name_is_watched_under_its_own_name() {
    let mut world = World::new(&[1, 2, 3, 4]);
    assert!(!world.node.discovery_was_tried());
    world.host(2, runs("b", 20)).host(3, runs("c", 30)).host(4, Host::Refuses).run(2);
    assert!(world.node.discovery_was_tried());
    assert_eq!(world.states(), "b alive, c alive");
    assert_eq!(world.told(), ["peer_added b", "peer_joined b", "peer_added c", "peer_joined c"]);
    assert_eq!(world.candidates(), [address(4)], "counted, and never suspected");
    let since = world.now;
    world.run(100);
    assert_eq!(world.probes_of(1, since), 0, "the own address is remembered");
    assert_eq!((world.states(), world.told().len()), ("b alive, c alive".to_owned(), 4));
    // Every second while it may be starting, every ten seconds after that.
    assert!((60..=66).contains(&world.probes_of(4, since)), "{}", world.probes_of(4, since));
}

/// They are found in the order of their addresses, which says nothing to people.
#[test]
fn whoever_is_not_heard_is_named_in_the_order_of_the_names() {
    let mut world = World::new(&[1, 2, 3, 4]);
    world.host(2, runs("b-10", 20)).host(3, runs("b-9", 30)).host(4, runs("a", 40)).run(35);
    world.host(2, Host::Silent).host(3, Host::Silent).host(4, Host::Silent).run(10);
    let unheard = world.events.iter().find_map(|(_, _, kind)| match kind {
        EventKind::SelfCutOff { unheard, .. } => Some(unheard),
        _ => None,
    });
    let names: Vec<&str> = unheard.expect("it is cut off").iter().map(|peer| &*peer.key.0).collect();
    assert_eq!(names, ["a", "b-9", "b-10"]);
}

#[test]
fn lookups_hurry_while_somebody_is_missing() {
    let mut world = World::settled();
    let since = world.now;
    world.run(30);
    assert_eq!(world.lookups_since(since), 3, "no node is missing");
    world.host(3, Host::Refuses);
    let since = world.now;
    world.run(30);
    assert!((27..=30).contains(&world.lookups_since(since)), "c is dead: {}", world.lookups_since(since));
    assert_eq!(world.told(), ["peer_down c"]);
}

/// All nodes of a mesh start at once. The first to look finds itself alone behind the name, and no node is missing.
#[test]
fn who_enters_the_name_server_while_a_mesh_starts_is_found_within_a_second() {
    for second in [1, 9, 28] {
        let mut world = World::new(&[1]);
        world.run(second).host(2, runs("b", 20)).list(&[1, 2]).run(2);
        assert_eq!(world.states(), "b alive", "two seconds after second {second}");
    }
    let mut world = World::new(&[1]);
    world.run(60);
    assert_eq!((world.lookups_since(seconds(0)), world.lookups_since(seconds(31))), (34, 3), "then calm");
}

#[test]
fn a_lookup_that_fails_changes_nothing_and_is_told_once() {
    for nothing in [Err("no answer within 5 s"), Ok(Vec::new())] {
        let mut world = World::settled();
        world.names[0] = nothing;
        world.run(40);
        assert_eq!(world.states(), "b alive, c alive");
        assert_eq!(world.told(), ["discovery_failed"]);
        let name = world.node.view(Monotonic(world.now)).discovery.names[0].clone();
        assert_eq!((name.addresses, name.error.is_some()), (3, true));
        world.list(&[1, 2, 3]).run(11);
        let EventKind::Discovery(Finding::Recovered { failures, found, .. }) = world.events[1].2 else {
            panic!("not recovered")
        };
        assert_eq!((failures, found), (4, 3));
        assert_eq!(world.node.view(Monotonic(world.now)).discovery.errors, 4);
    }
}

#[test]
fn a_name_that_is_not_there_yet_is_complained_about_after_a_while_only() {
    let mut world = World::new(&[]);
    world.names[0] = Err("Name or service not known");
    world.run(3);
    assert!(world.node.discovery_was_tried(), "a failed attempt is an attempt");
    assert_eq!(world.told(), Vec::<String>::new());
    world.host(2, runs("b", 20)).list(&[1, 2]).run(2);
    assert_eq!((world.states(), world.told().len()), ("b alive".to_owned(), 2));

    let mut world = World::new(&[]);
    world.names[0] = Err("Name or service not known");
    world.run(60);
    assert_eq!(world.told(), ["discovery_failed"]);
    assert!(world.lookups.len() > 50, "looks every second while it has found nothing");
}

#[test]
fn a_pod_that_restarts_under_another_address_is_one_that_restarted() {
    // (what becomes of the old address, what is reported)
    let cases: [(Host, bool, &[&str]); 4] = [
        // A crash that is seen as one before the new address is found.
        (Host::Refuses, true, &["peer_down c", "peer_moved c", "peer_restarted c", "peer_recovered c"]),
        // The old address is still listed, and no node answers there.
        (Host::Refuses, false, &["peer_down c", "peer_moved c", "peer_restarted c", "peer_recovered c"]),
        (Host::Silent, true, &["peer_moved c", "peer_restarted c"]),
        // Another node took the address over: it is taken in when c is known to have moved away.
        (runs("d", 40), false, &["peer_moved c", "peer_restarted c", "peer_added d", "peer_joined d"]),
    ];
    for (old, old_is_gone, told) in cases {
        let mut world = World::settled();
        world.host(3, old).host(5, runs("c", 31));
        world.list(if old_is_gone { &[1, 2, 5] } else { &[1, 2, 3, 5] });
        world.run(20);
        assert_eq!(world.told(), told, "{old:?}");
        assert!(world.states().starts_with("b alive, c alive"), "{}", world.states());
        assert_eq!(world.where_is("c"), Some(address(5)));
    }
}

#[test]
fn two_restarted_containers_that_swapped_their_addresses_are_found() {
    let mut world = World::settled();
    world.host(2, runs("c", 31)).host(3, runs("b", 21)).run(20);
    assert_eq!(world.states(), "b alive, c alive");
    assert_eq!((world.where_is("b"), world.where_is("c")), (Some(address(3)), Some(address(2))));
    let mut told = world.told();
    told.sort();
    assert_eq!(told, ["peer_moved b", "peer_moved c", "peer_restarted b", "peer_restarted c"], "no peer was down");
}

#[test]
fn a_peer_that_was_scaled_away_left_and_is_dropped() {
    let mut world = World::settled();
    world.host(3, Host::Runs { node: "c", boot: 30, state: SelfState::Leaving }).run(2);
    assert_eq!(world.states(), "b alive, c left");
    let expected =
        world.node.view(Monotonic(world.now)).peers.iter().any(|peer| &*peer.peer.key.0 == "c" && peer.expected);
    assert!(!expected, "nothing to raise an alarm about");
    world.host(3, Host::Refuses).run(30);
    assert_eq!(world.states(), "b alive, c left", "still named by the lookup");
    world.list(&[1, 2]).run(2);
    assert_eq!(world.states(), "b alive");
    assert_eq!(world.told(), ["peer_left c", "peer_removed c"]);
    assert_eq!(world.at.len(), 1, "its address is forgotten");
    // And back again, under the same key.
    world.host(6, runs("c", 33)).list(&[1, 2, 6]).run(11);
    assert_eq!(world.states(), "b alive, c alive");
}

#[test]
fn a_peer_that_is_missing_from_the_list_is_watched_until_it_has_been_dead_for_ten_minutes() {
    let mut world = World::settled();
    world.list(&[1, 2]).run(700);
    assert_eq!(world.states(), "b alive, c alive", "a peer that a list no longer names is not accused");
    world.host(3, Host::Refuses).run(595);
    assert_eq!(world.states(), "b alive, c dead");
    world.run(10);
    assert_eq!(world.states(), "b alive");
    assert_eq!(world.told(), ["peer_down c", "peer_removed c"]);
    assert_eq!(world.candidates(), [], "nothing of it is left");
}

#[test]
fn a_dead_peer_that_is_named_stays() {
    let mut world = World::settled();
    world.host(3, Host::Refuses).run(1000);
    assert_eq!(world.states(), "b alive, c dead");
    // Nor does a name server that fails drop anybody.
    world.names[0] = Err("no answer within 5 s");
    world.run(1000);
    assert_eq!(world.states(), "b alive, c dead");
}

#[test]
fn an_address_with_two_families_is_one_peer_and_a_second_way_to_it() {
    let mut world = World::new(&[1, 2, 12]);
    world.host(2, runs("b", 20)).host(12, runs("b", 20)).run(15);
    assert_eq!((world.states(), world.candidates()), ("b alive".to_owned(), Vec::new()));
    assert_eq!(world.told(), ["peer_added b", "peer_joined b"]);
    let since = world.now;
    world.run(20);
    assert_eq!(world.probes_of(12, since), 0, "no need while the first way works");
    world.host(2, Host::Silent).run(20);
    assert_eq!((world.states(), world.where_is("b")), ("b alive".to_owned(), Some(address(12))));
    assert_eq!(world.told()[2..], ["peer_moved b"]);
}

#[test]
fn peers_listed_by_hand_keep_their_key_and_their_address() {
    let mut world = World::with(1, &[("b", 2), ("c:8001", 3)], &[1, 2, 3, 4, 13]);
    world.host(2, runs("b", 20)).host(3, runs("c", 30)).host(13, runs("c", 30)).host(4, runs("d", 40)).run(15);
    // The first to answer is known by that key; `b` is the same either way.
    let states = world.states();
    assert!(states == "b alive, c alive, d alive" || states == "b alive, c:8001 alive, d alive", "{states}");
    assert_eq!(world.candidates(), []);
    let told = world.told();
    world.list(&[1, 4]).run(700);
    assert!(world.states().starts_with("b alive"), "a good lookup does not drop what was listed by hand");
    assert_eq!(world.told(), told);
}

#[test]
fn a_node_that_has_my_name_is_no_peer_and_is_told_once() {
    let mut world = World::new(&[1, 2]);
    world.host(2, runs("me", 99)).run(90);
    assert_eq!(world.states(), "");
    assert_eq!(world.told(), ["discovery_name_taken"]);
    assert_eq!(world.candidates(), [address(2)]);
}

#[test]
fn two_live_nodes_of_one_name_are_a_conflict_and_the_first_stays() {
    let mut world = World::settled();
    world.host(4, runs("c", 44)).list(&[1, 2, 3, 4]).run(60);
    assert_eq!((world.states(), world.where_is("c")), ("b alive, c alive".to_owned(), Some(address(3))));
    assert_eq!(world.told(), ["peer_conflict c"]);
    assert_eq!(world.candidates(), [address(4)]);
}

#[test]
fn an_unknown_caller_hurries_the_lookups_once() {
    let mut world = World::settled();
    world.run(5);
    let since = world.now;
    world.host(4, runs("d", 40)).list(&[1, 2, 3, 4]).pinged("d", 40);
    world.run(2);
    assert_eq!(world.states(), "b alive, c alive, d alive");
    world.run(20);
    let since_known = world.now;
    for _ in 0..60 {
        world.pinged("stranger", 66);
        world.run(1);
    }
    assert!(world.lookups_since(since) > 10);
    assert!(world.lookups_since(since_known) < 18, "{}", world.lookups_since(since_known));
}

#[test]
fn names_are_looked_up_each_for_itself() {
    let mut world = World::with(2, &[], &[]);
    world.names = vec![Ok(vec![address(1), address(2)]), Err("Name or service not known")];
    world.host(2, runs("b", 20)).host(3, runs("c", 30)).run(8);
    assert_eq!((world.states(), world.told().len()), ("b alive".to_owned(), 3));
    world.names[1] = Ok(vec![address(2), address(3)]);
    world.run(2);
    assert_eq!(world.states(), "b alive, c alive");
    // Only when neither names it is it missing.
    world.host(2, Host::Runs { node: "b", boot: 20, state: SelfState::Leaving }).run(2);
    world.list(&[1]).run(5);
    assert_eq!(world.states(), "b left, c alive");
    world.names[1] = Ok(vec![address(3)]);
    world.run(5);
    assert_eq!(world.states(), "c alive");
}

#[test]
fn more_than_can_be_watched_are_told_once_and_those_who_came_first_stay() {
    let mut world = World::new(&[]);
    let many = |count: u16| -> Vec<SocketAddr> {
        (0..count).map(|n| SocketAddr::from(([10, 1, (n >> 8) as u8, n as u8], 8001))).collect()
    };
    world.names[0] = Ok(many(3000));
    world.run(1);
    assert_eq!(world.told(), ["discovery_full"]);
    assert_eq!(world.candidates().len(), 2048);
    let mut world = World::new(&[]);
    for (n, address) in many(1030).into_iter().enumerate() {
        world.hosts.insert(address, runs(format!("n{n:04}").leak(), 1000 + n as u64));
    }
    world.names[0] = Ok(many(1030));
    world.run(2);
    let view = world.node.view(Monotonic(world.now));
    assert_eq!((view.peers.len(), view.discovery.candidates.len()), (1024, 6));
    assert!(view.peers.iter().all(|peer| peer.peer.state == PeerState::Alive));
    assert_eq!(world.told().iter().filter(|told| *told == "discovery_full").count(), 1);
}

#[test]
fn a_node_that_leaves_says_so_to_those_it_found_and_looks_for_nobody() {
    let mut world = World::settled();
    world.list(&[1, 2, 3, 4]);
    world.node.handle_leave(Monotonic(world.now));
    world.drain();
    let mut left = world.left.clone();
    left.sort();
    assert_eq!(left, [address(2), address(3)]);
    let since = world.now;
    world.run(60);
    assert_eq!((world.lookups_since(since), world.probes_of(4, since)), (0, 0));
}

#[test]
fn a_node_that_finds_only_itself_says_so() {
    let mut world = World::new(&[1]);
    world.run(5);
    let view = world.node.view(Monotonic(world.now));
    assert!(view.found_nobody && view.discovery.candidates.is_empty());
    world.list(&[1, 2]).host(2, runs("b", 20)).run(12);
    assert!(!world.node.view(Monotonic(world.now)).found_nobody);
    // Listed by hand, the node itself under another key.
    let mut world = World::with(0, &[("me-too:8001", 1)], &[]);
    world.run(5);
    assert_eq!(world.states(), "");
    assert!(world.node.view(Monotonic(world.now)).found_nobody);
    // One that was never told of any peer is alone, and has missed nobody.
    let mut world = World::with(0, &[], &[]);
    world.run(5);
    assert!(!world.node.view(Monotonic(world.now)).found_nobody);
    world.node.expect_peers();
    assert!(world.node.view(Monotonic(world.now)).found_nobody);
}

#[test]
fn a_candidate_is_overdue_after_the_longest_wait() {
    let mut world = World::new(&[1, 2, 3]);
    world.host(2, runs("b", 20)).run(9);
    let overdue = |world: &mut World| {
        let view = world.node.view(Monotonic(world.now));
        view.discovery.candidates.iter().map(|candidate| (candidate.address, candidate.overdue)).collect::<Vec<_>>()
    };
    assert_eq!(overdue(&mut world), [(address(3), false)]);
    world.run(2);
    assert_eq!(overdue(&mut world), [(address(3), true)]);
}

#[test]
fn a_peer_with_my_name_is_watched_under_its_key_and_told_once() {
    let mut world = World::with(0, &[("b:8001", 2)], &[]);
    world.host(2, runs("me", 20)).run(20);
    assert_eq!(world.states(), "b:8001 alive");
    assert_eq!(world.told(), ["peer_added b:8001", "peer_conflict b:8001", "peer_joined b:8001"]);
    let view = world.node.view(Monotonic(world.now));
    assert_eq!(view.member(&view.peers[0]).as_str(), "b:8001");
    world.host(2, Host::Refuses).run(20);
    assert_eq!(world.states(), "b:8001 dead");
}

#[test]
fn a_caller_with_my_name_is_told_once_and_one_on_no_list_is_shown() {
    let mut world = World::with(0, &[("b:8001", 2)], &[]);
    world.host(2, runs("b", 20)).run(3);
    world.events.clear();
    for _ in 0..5 {
        world.pinged("me", 9);
        world.pinged("z", 30);
        world.pinged("b", 20);
        world.run(1);
    }
    assert_eq!(world.told(), ["discovery_name_taken"]);
    let unlisted = |world: &mut World| world.node.view(Monotonic(world.now)).unlisted;
    assert_eq!(unlisted(&mut world), [name("me"), name("z")]);
    world.run(4);
    assert_eq!(unlisted(&mut world), []);
}

#[test]
fn one_address_with_two_nodes_behind_it_is_told_once() {
    let mut world = World::with(0, &[("lb:8001", 2)], &[]);
    for _ in 0..20 {
        world.host(2, runs("m1", 10)).run(1);
        world.host(2, runs("m2", 20)).run(1);
    }
    let told: Vec<&EventKind> =
        world.events.iter().map(|(_, _, kind)| kind).filter(|kind| kind.name() == "peer_conflict").collect();
    let expected = Conflict::SharedAddress { known: name("m2"), declared: name("m1") };
    assert_eq!(told, [&EventKind::PeerConflict { conflict: expected }]);
    let view = world.node.view(Monotonic(world.now));
    assert_eq!(view.peers[0].rival, Some(name("m1")));
}

/// A container that comes back under another random name is a restart and nothing else.
#[test]
fn another_name_after_the_first_is_gone_is_a_restart() {
    let mut world = World::with(0, &[("lb:8001", 2)], &[]);
    world.host(2, runs("m1", 10)).run(3);
    world.events.clear();
    world.host(2, runs("m2", 20)).run(30);
    assert_eq!(world.told(), ["peer_restarted lb:8001"]);
}

/// What could not be sent shows nothing about the peer.
#[test]
fn a_node_without_a_network_accuses_nobody() {
    let mut world = World::with(0, &[("b:8001", 2)], &[]);
    world.host(2, runs("b", 20)).run(3);
    world.events.clear();
    world.host(2, Host::Unsendable).run(20);
    assert_eq!(world.states(), "b:8001 unreachable");
    assert_eq!(world.told(), ["self_cut_off", "peer_unreachable b:8001"]);
    let alone = world.events.iter().any(|(_, _, kind)| matches!(kind, EventKind::SelfCutOff { no_network: true, .. }));
    assert!(alone, "{:?}", world.events);
    world.events.clear();
    world.host(2, runs("b", 20)).run(5);
    assert_eq!(world.told(), ["self_rejoined", "peer_recovered b:8001"]);
    // With another peer that answers, only the way to this one is gone: no verdict.
    let mut world = World::with(0, &[("b:8001", 2), ("c:8001", 3)], &[]);
    world.host(2, runs("b", 20)).host(3, runs("c", 30)).run(3);
    world.events.clear();
    world.host(2, Host::Unsendable).run(30);
    assert_eq!(world.states(), "b:8001 suspect, c:8001 alive");
    assert_eq!(world.told(), ["peer_degraded b:8001"]);
}

/// It has found one of three when it hears nobody any more. That one told of others, so this is no mesh of two.
#[test]
fn a_node_that_has_found_one_peer_and_was_told_of_others_is_cut_off() {
    let mut world = World::b_falls_silent(&[1, 2, 3, 4], &["me", "c", "d"], 5);
    world.run(10);
    assert_eq!(world.states(), "b unreachable");
    assert_eq!(world.told(), ["self_cut_off", "peer_unreachable b", "peer_degraded b"]);
    // One that refuses shows that the network works: what is said of the silent one is said by the only observer.
    world.events.clear();
    world.host(3, Host::Refuses).run(20);
    assert_eq!(world.told(), ["self_rejoined", "peer_down b"]);
    assert_eq!(world.states(), "b dead");
}

/// Whatever shows that its network works, or leaves nobody to miss, ends being cut off once: then the peer may be down.
#[test]
fn a_sign_of_a_working_network_ends_being_cut_off() {
    type Change = fn(&mut World) -> &mut World;
    let changes: [(&str, Change); 6] = [
        ("the address is no longer behind the name", |world| world.list(&[1, 2])),
        ("a node with my name answers there", |world| world.host(3, runs("me", 77))),
        ("I answer there", |world| world.host(3, runs("me", 1))),
        ("a node that leaves answers there", |world| {
            world.host(3, Host::Runs { node: "c", boot: 30, state: SelfState::Leaving })
        }),
        ("it refuses", |world| world.host(3, Host::Refuses)),
        ("it refuses and is silent in turns", |world| {
            for _ in 0..10 {
                world.host(3, Host::Refuses).run(2).host(3, Host::Silent).run(2);
            }
            world
        }),
    ];
    for (what, change) in changes {
        let mut world = World::b_falls_silent(&[1, 2, 3], &["me", "c"], 5);
        world.run(10);
        assert!(world.told().contains(&"self_cut_off".to_owned()), "{what}: {:?}", world.told());
        world.events.clear();
        change(&mut world);
        world.run(60);
        let told: Vec<String> = world.told().into_iter().filter(|told| told != "discovery_name_taken").collect();
        assert_eq!(told, ["self_rejoined", "peer_down b"], "{what}");
    }
}

/// Its network worked for longer than the longest wait, and nobody answered at the other address: there is nobody.
#[test]
fn an_address_where_nobody_ever_answered_is_missed_for_a_while_only() {
    for silent_from in [5, 30] {
        let mut world = World::b_falls_silent(&[1, 2, 3], &["me", "c"], silent_from);
        world.run(60);
        let verdict = if silent_from == 5 { "self_cut_off" } else { "peer_down b" };
        assert_eq!(world.told()[0], verdict, "silent after {silent_from} s: {:?}", world.told());
    }
}

/// Nobody is missed at an address that is new, and an old verdict is not followed by its opposite.
#[test]
fn an_address_that_appears_after_a_verdict_does_not_cut_this_node_off() {
    let mut world = World::b_falls_silent(&[1, 2], &["me", "c"], 5);
    world.run(60);
    assert_eq!(world.states(), "b dead");
    world.events.clear();
    world.list(&[1, 2, 3]).run(60);
    assert_eq!(world.told(), Vec::<String>::new());
}

/// It refuses each second, so the network works; that it left says nothing about that.
#[test]
fn a_peer_that_left_and_refuses_shows_that_the_network_works() {
    let mut world = World::with(0, &[("b", 2), ("c", 3), ("d", 4)], &[]);
    world.watched = vec!["me", "d"];
    world.host(2, runs("b", 20)).host(3, runs("c", 30)).run(5);
    world.host(3, Host::Runs { node: "c", boot: 30, state: SelfState::Leaving }).run(2);
    world.host(3, Host::Refuses).run(10);
    world.events.clear();
    world.host(2, Host::Silent).run(60);
    assert_eq!(world.told(), ["peer_down b"]);
}

/// While nothing can be sent to the only peer that was met, an unmet one that refuses does not end it, to begin anew.
#[test]
fn without_a_way_to_its_only_peer_a_node_is_cut_off_once() {
    let mut world = World::with(0, &[("b", 2), ("x", 3), ("y", 4)], &[]);
    world.host(2, runs("b", 20)).host(3, Host::Refuses).run(11);
    world.events.clear();
    world.host(2, Host::Unsendable).run(40);
    assert_eq!(world.told(), ["self_cut_off", "peer_unreachable b"]);
    // An interface that goes up and down: what is sent and gets nothing does not show that the network works.
    for (down, up) in [(2, 2), (6, 2), (5, 5), (10, 1)] {
        let mut world = World::with(0, &[("b", 2)], &[]);
        world.host(2, runs("b", 20)).run(3);
        world.events.clear();
        world.host(2, Host::Unsendable).run(20);
        for _ in 0..5 {
            world.host(2, Host::Unsendable).run(down).host(2, Host::Silent).run(up);
        }
        assert_eq!(world.told(), ["self_cut_off", "peer_unreachable b"], "{down} s and {up} s");
    }
}

/// Those that hold its list are told that the old name is gone, or they would miss that node for ever.
#[test]
fn a_peer_that_answers_under_another_name_leaves_the_list_under_the_old_one() {
    let mut world = World::with(0, &[("b", 2)], &[]);
    world.host(2, runs("b", 20)).run(5);
    let list = |world: &mut World, known_rev: u64| {
        let caller =
            Caller { node: name("z"), boot: BootId(5), seq: Seq(1), state: SelfState::Ready, known_rev, ack: None };
        world.node.handle_ping(Monotonic(world.now), Some(caller), PingSource::PeerAddress).watch
    };
    let before = list(&mut world, 0).rev;
    world.host(2, runs("b2", 21)).run(5);
    let mut lines: Vec<(String, bool)> =
        list(&mut world, before).peers.iter().map(|line| (line.node.to_string(), line.state.is_some())).collect();
    lines.sort();
    assert_eq!(lines, [("b".to_owned(), false), ("b2".to_owned(), true)]);
}

/// Addresses that no node has been met at and nobody knows are no reason to doubt one's own network.
#[test]
fn a_node_that_was_told_of_nobody_is_one_of_two() {
    let mut world = World::b_falls_silent(&[1, 2, 3, 4], &["me"], 5);
    world.run(10);
    assert_eq!(world.told(), ["peer_down b"]);
}

/// A node that is cut off from peers that are no longer on its list is cut off no longer.
#[test]
fn a_list_without_those_it_missed_ends_being_cut_off() {
    let mut world = World::with(0, &[("b:8001", 2), ("c:8001", 3), ("d:8001", 4)], &[]);
    world.host(2, runs("b", 20)).host(3, runs("c", 30)).host(4, runs("d", 40)).run(3);
    world.events.clear();
    world.host(2, Host::Silent).host(3, Host::Silent).host(4, Host::Silent).run(10);
    assert_eq!(world.told()[0], "self_cut_off");
    world.events.clear();
    world.node.set_peers(Monotonic(world.now), vec![PeerSpec { key: PeerKey("b:8001".into()), pinned: None }]);
    world.drain();
    world.run(20);
    let told = world.told();
    assert!(told.contains(&"self_rejoined".to_owned()) && told.contains(&"peer_down b:8001".to_owned()), "{told:?}");
}

/// An address that answers under another name each time.
#[test]
fn one_address_is_one_identity() {
    const NAMES: [&str; 8] = ["f0", "f1", "f2", "f3", "f4", "f5", "f6", "f7"];
    let mut world = World::new(&[1, 2, 3]);
    world.host(2, runs("b", 20)).run(35);
    for second in 0..300 {
        world.host(3, runs(NAMES[second % 8], 1000 + second as u64)).run(1);
    }
    let view = world.node.view(Monotonic(world.now));
    let living = view.peers.iter().filter(|peer| !matches!(peer.peer.state, PeerState::Dead | PeerState::Left));
    assert!(living.count() <= 2, "addresses behind the name, without my own: {}", world.states());
    let told = world.told();
    let of = |name: &str| told.iter().filter(|told| told.starts_with(name)).count();
    assert!(of("peer_joined") <= 2 + 300 / 60, "at most one a minute: {told:?}");
    assert!(of("peer_conflict") <= 1 + 300 / 60, "each of them once: {told:?}");
    assert!(world.states().contains("b alive"));
}

#[test]
fn another_name_at_the_address_of_a_peer_is_a_conflict_until_the_peer_is_dead() {
    let mut world = World::settled();
    world.run(60).host(3, runs("d", 40)).run(9);
    assert_eq!(
        (world.told(), world.states()),
        (vec!["peer_degraded c".to_owned(), "peer_conflict c".to_owned()], "b alive, c suspect".to_owned())
    );
    world.run(60);
    assert_eq!(world.states(), "b alive, c dead, d alive");
    let told = world.told();
    assert_eq!(told.iter().filter(|told| *told == "peer_conflict c").count(), 1, "{told:?}");
}

#[test]
fn after_a_goodbye_another_name_at_the_address_is_taken_in_at_once() {
    let mut world = World::settled();
    world.run(60).host(3, Host::Runs { node: "c", boot: 30, state: SelfState::Leaving }).run(2);
    world.host(3, runs("d", 40)).run(5);
    assert_eq!(world.told(), ["peer_left c", "peer_added d", "peer_joined d", "peer_removed c"]);
}

/// Two containers whose addresses are given out anew under new names, after a goodbye of each.
#[test]
fn a_second_new_name_within_a_minute_waits() {
    let mut world = World::settled();
    for (number, node) in ["d", "e"].into_iter().enumerate() {
        let before = if number == 0 { ("c", 30) } else { ("d", 40) };
        world.host(3, Host::Runs { node: before.0, boot: before.1, state: SelfState::Leaving }).run(2);
        world.host(3, runs(node, 40 + number as u64)).run(5);
    }
    assert_eq!(world.states(), "b alive");
    world.run(60);
    assert_eq!(world.states(), "b alive, e alive");
}
