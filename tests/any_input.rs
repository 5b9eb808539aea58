//! Whatever arrives, in whatever order, the detector neither panics, nor spins,
//! nor lets anything grow: every request of its own stays within the bounds of
//! the rules, every question it is asked is answered once.
//!
//! Run: `cargo test --test any_input`; a failure prints the inputs, shrunk.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use heartbeat::detector::config::Timing;
use heartbeat::detector::discovery::{DnsName, NameId, ProbeId};
use heartbeat::detector::event::Purpose;
use heartbeat::detector::evidence::{Class, Evidence};
use heartbeat::detector::maintenance::{Announcement, Maintenance, MaintenanceReason};
use heartbeat::detector::node::{Me, Node};
use heartbeat::detector::peer::{
    Accusation, Answer, AttemptId, BootId, Caller, NodeName, PeerId, PeerKey, PeerSpec, PeerState, PingSource,
    QuestionId, SelfState, Seq, Testimony, WatchDelta, Watched,
};
use heartbeat::detector::time::Monotonic;
use heartbeat::detector::transmit::Transmit;
use heartbeat::render::explanation;
use heartbeat::testing::detector::ATTEMPTS;
use heartbeat::testing::detector::next;
use proptest::prelude::*;

/// One thing that can happen. Numbers pick among what is there, so that every value means something.
#[derive(Clone, Debug)]
enum Step {
    Sleep { ms: u64, handle: bool },
    Answer { pick: usize, who: u8, boot: u64, state: u8, accuse: u8, rev: u64 },
    Fail { pick: usize, evidence: u8 },
    Connect { pick: usize },
    Pinged { who: u8, boot: u64, state: u8, rev: u64 },
    Asked { who: u8, boot: u64 },
    Testify { pick: usize, what: u8, boot: u64 },
    Stream { who: u8, what: u8, boot: u64 },
    Peers { mask: u8 },
    LookedUp { mask: u8 },
    Probed { pick: usize, who: u8, boot: u64, state: u8 },
    Maintain { seconds: u64 },
    Leave,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0u64..3000, any::<bool>()).prop_map(|(ms, handle)| Step::Sleep { ms, handle }),
        6 => (any::<usize>(), 0u8..5, 1u64..4, 0u8..4, any::<u8>(), 0u64..9)
            .prop_map(|(pick, who, boot, state, accuse, rev)| Step::Answer { pick, who, boot, state, accuse, rev }),
        4 => (any::<usize>(), 0u8..6).prop_map(|(pick, evidence)| Step::Fail { pick, evidence }),
        2 => any::<usize>().prop_map(|pick| Step::Connect { pick }),
        3 => (0u8..6, 1u64..4, 0u8..4, 0u64..9).prop_map(|(who, boot, state, rev)| Step::Pinged { who, boot, state, rev }),
        2 => (0u8..6, 1u64..4).prop_map(|(who, boot)| Step::Asked { who, boot }),
        2 => (any::<usize>(), 0u8..5, 1u64..4).prop_map(|(pick, what, boot)| Step::Testify { pick, what, boot }),
        2 => (0u8..5, 0u8..3, 1u64..4).prop_map(|(who, what, boot)| Step::Stream { who, what, boot }),
        1 => any::<u8>().prop_map(|mask| Step::Peers { mask }),
        2 => any::<u8>().prop_map(|mask| Step::LookedUp { mask }),
        3 => (any::<usize>(), 0u8..7, 1u64..4, 0u8..4)
            .prop_map(|(pick, who, boot, state)| Step::Probed { pick, who, boot, state }),
        1 => (0u64..20).prop_map(|seconds| Step::Maintain { seconds }),
        1 => Just(Step::Sleep { ms: 20_000, handle: true }),
        // Leaving ends most of what can happen, so it is rare.
        1 => prop_oneof![20 => Just(Step::Sleep { ms: 1, handle: true }), 1 => Just(Step::Leave)],
    ]
}

fn name(who: u8) -> NodeName {
    NodeName::new(&format!("node-{who}")).expect("valid")
}

fn state(n: u8) -> SelfState {
    SelfState::ALL[usize::from(n) % SelfState::ALL.len()]
}

/// Boots of different nodes never meet by chance.
fn boot_of(who: u8, boot: u64) -> BootId {
    BootId(boot + u64::from(who) * 10)
}

/// Seconds, so that some end while others continue.
fn maintenance(seconds: u64) -> Maintenance {
    let reason = MaintenanceReason::from_peer(if seconds.is_multiple_of(2) { "a" } else { "b" });
    Maintenance { reason, left: Duration::from_secs(seconds) }
}

/// What node `who` might report; `accuse` picks the nodes it accuses and those it watches.
fn answer(who: u8, boot: u64, state_of: u8, accuse: u8, rev: u64, age: Duration) -> Answer {
    let subject = accuse % 5;
    let class = Class::ALL[usize::from(accuse) % 3];
    let accused = boot_of(subject, u64::from(accuse >> 4 & 3));
    let accusation = Accusation { node: name(subject), boot: accused, class, silent_for: age };
    let seen = (accuse & 8 == 0).then_some(PeerState::Alive);
    let watched = Watched { node: name(subject), boot: boot_of(subject, u64::from(accuse >> 2 & 3)), state: seen };
    Answer {
        node: name(who),
        boot: boot_of(who, boot),
        seq: Seq(age.as_millis() as u64),
        state: state(state_of),
        version: Arc::from("0"),
        accusations: if accuse & 1 == 1 { vec![accusation] } else { Vec::new() },
        watch: WatchDelta { since: rev / 2, rev, peers: vec![watched] },
        maintenance: match accuse >> 3 & 3 {
            0 => None,
            1 => Some(Announcement::Off),
            _ => Some(Announcement::On(maintenance(rev))),
        },
    }
}

/// The world around one node, kept just well enough to notice what it forgets.
struct World {
    node: Node,
    now: Duration,
    peers: Vec<PeerId>,
    open: BTreeMap<AttemptId, (PeerId, Purpose)>,
    lookups: Vec<NameId>,
    probes: BTreeMap<ProbeId, SocketAddr>,
    /// Where each discovered peer was said to be.
    homes: BTreeMap<PeerId, SocketAddr>,
    /// The attempt whose end is being handled.
    ended: Option<AttemptId>,
    asked: BTreeSet<QuestionId>,
    owed: BTreeSet<QuestionId>,
    next_question: u64,
}

impl World {
    fn new(seed: u64) -> World {
        let me = Me { node: name(0), boot: BootId(99), version: Arc::from("0") };
        let config = Timing::BALANCED.check().expect("valid");
        let mut world = World {
            node: Node::new(config, me, seed, Monotonic(Duration::ZERO)),
            now: Duration::ZERO,
            peers: Vec::new(),
            open: BTreeMap::new(),
            lookups: Vec::new(),
            probes: BTreeMap::new(),
            homes: BTreeMap::new(),
            ended: None,
            asked: BTreeSet::new(),
            owed: BTreeSet::new(),
            next_question: 0,
        };
        let name = DnsName { host: "nodes".into(), port: 8001, tls: false };
        world.node.set_names(vec![name.clone(), DnsName { port: 9, ..name }]);
        world.set_peers(0b1111);
        world.node.handle_ready(world.at());
        world
    }

    fn at(&self) -> Monotonic {
        Monotonic(self.now)
    }

    fn set_peers(&mut self, mask: u8) {
        let spec = |n: u8| PeerSpec { key: PeerKey(format!("peer-{n}").into()), pinned: (n == 3).then(|| name(3)) };
        let specs = (1..=4u8).filter(|n| mask & (1 << (n - 1)) != 0).map(spec).collect();
        self.peers = self.node.set_peers(self.at(), specs);
    }

    fn pick(&self, pick: usize) -> Option<AttemptId> {
        self.open.keys().nth(pick % self.open.len().max(1)).copied()
    }

    fn step(&mut self, step: &Step) {
        let now = self.at();
        match *step {
            Step::Sleep { ms, handle } => {
                self.now += Duration::from_millis(ms);
                if handle {
                    self.wake();
                }
            }
            Step::Answer { pick, who, boot, state, accuse, rev } => {
                if let Some(attempt) = self.pick(pick) {
                    // A cancellation and the end of an attempt may cross.
                    self.node.handle_answer(now, attempt, answer(who, boot, state, accuse, rev, self.now));
                    self.ended = Some(attempt);
                }
            }
            Step::Fail { pick, evidence } => {
                if let Some(attempt) = self.pick(pick) {
                    self.node.handle_failure(now, attempt, Evidence::ALL[usize::from(evidence)]);
                    self.ended = Some(attempt);
                }
            }
            Step::Connect { pick } => {
                if let Some(attempt) = self.pick(pick) {
                    self.node.handle_connected(now, attempt);
                }
            }
            Step::Pinged { who, boot, state: said, rev } => {
                let seq = Seq(self.now.as_millis() as u64);
                let (boot, state) = (boot_of(who, boot), state(said));
                let caller = Caller { node: name(who), boot, seq, state, known_rev: rev, ack: None };
                let answer = self.node.handle_ping(
                    now,
                    Some(caller),
                    if rev % 2 == 0 { PingSource::PeerAddress } else { PingSource::Elsewhere },
                );
                assert!(answer.watch.since <= answer.watch.rev);
            }
            Step::Asked { who, boot } => {
                self.next_question += 1;
                let question = QuestionId(self.next_question);
                self.owed.insert(question);
                self.node.handle_question(now, question, name(who), boot_of(who, boot));
            }
            Step::Testify { pick, what, boot } => self.testify(pick, what, boot),
            Step::Stream { who, what, boot } => self.stream(who, what, boot),
            Step::Peers { mask } => self.set_peers(mask),
            Step::LookedUp { mask } => self.look_up(mask),
            Step::Probed { pick, who, boot, state } => {
                let picked = self.probes.keys().nth(pick % self.probes.len().max(1)).copied();
                if let Some(probe) = picked {
                    self.probes.remove(&probe);
                    let answer = answer(who, boot, state, 0, 0, self.now);
                    self.node.handle_probe(
                        now,
                        probe,
                        if who == 6 { Err((Evidence::Silent, None)) } else { Ok(answer) },
                    );
                }
            }
            Step::Maintain { seconds } => {
                self.node.handle_maintenance(now, (seconds > 0).then(|| maintenance(seconds)));
            }
            Step::Leave => self.node.handle_leave(now),
        }
        self.drain();
        // Reading is an input as well, and would be the first after every pause.
        if !matches!(step, Step::Sleep { handle: false, .. }) {
            self.explained();
        }
    }

    /// Some of six addresses, or none, or a failure.
    fn look_up(&mut self, mask: u8) {
        let Some(id) = self.lookups.pop() else { return };
        let address = |n: u8| SocketAddr::from(([10, 0, 0, n], 8001));
        let listed = (0..6).filter(|n| mask & (1 << n) != 0).map(address).collect();
        let found = if mask > 0xf0 { Err("no such name".into()) } else { Ok(listed) };
        self.node.handle_lookup(self.at(), id, found);
    }

    fn testify(&mut self, pick: usize, what: u8, boot: u64) {
        let Some(question) = self.asked.iter().nth(pick % self.asked.len().max(1)).copied() else { return };
        self.asked.remove(&question);
        let testimony = match what {
            0 | 1 => Testimony::Answered { boot: BootId(boot + 10) },
            2 => Testimony::Failed { evidence: Evidence::Silent },
            3 => Testimony::Left,
            _ => Testimony::NoOpinion,
        };
        self.node.handle_testimony(self.at(), question, testimony);
    }

    fn stream(&mut self, who: u8, what: u8, boot: u64) {
        let Some(peer) = self.peers.get(usize::from(who)).copied() else { return };
        let now = self.at();
        match what {
            0 => self.node.handle_stream_opened(now, peer),
            1 => self.node.handle_stream_news(now, peer, answer(who, boot, who, who, boot, self.now)),
            _ => self.node.handle_stream_ended(now, peer),
        }
    }

    /// Handles deadlines until the next one lies ahead, which has to be soon.
    fn wake(&mut self) {
        for _ in 0..50 {
            self.node.handle_timeout(self.at());
            self.drain();
            if self.node.poll_timeout().is_none_or(|deadline| deadline.at > self.at()) {
                return;
            }
        }
        panic!("the node wakes again and again at {:?}", self.now);
    }

    fn drain(&mut self) {
        let mut sent = 0;
        while let Some(transmit) = self.node.poll_transmit() {
            sent += 1;
            assert!(sent < 500, "no input causes this much");
            match transmit {
                Transmit::Ping { attempt, peer, purpose, .. } => {
                    assert!(self.open.insert(attempt, (peer, purpose)).is_none(), "an attempt id was used twice");
                }
                Transmit::Cancel { attempt } => {
                    assert!(self.open.remove(&attempt).is_some(), "cancelled what is not open: {attempt:?}");
                }
                Transmit::Ask { question, .. } => assert!(self.asked.insert(question), "a question id was used twice"),
                Transmit::CancelQuestion { question } => assert!(self.asked.remove(&question)),
                Transmit::Testify { question, .. } => assert!(self.owed.remove(&question), "answered twice"),
                Transmit::PublishNews => drop(self.node.news(Monotonic(self.now))),
                Transmit::OpenStream { .. } | Transmit::CloseStream { .. } | Transmit::Goodbye { .. } => {}
                Transmit::LookUp { id, .. } => {
                    assert!(!self.lookups.contains(&id), "a name is looked up twice at once");
                    self.lookups.push(id);
                }
                Transmit::Probe { probe, address } => {
                    assert!(self.probes.insert(probe, address).is_none(), "a probe id was used twice");
                }
                Transmit::CancelProbe { probe } => {
                    assert!(self.probes.remove(&probe).is_some(), "cancelled what is not open: {probe:?}");
                }
                Transmit::Locate { peer, address } => drop(self.homes.insert(peer, address)),
                Transmit::Forget { peer } => drop(self.homes.remove(&peer)),
            }
        }
        if let Some(attempt) = self.ended.take() {
            self.open.remove(&attempt);
        }
        while self.node.poll_event().is_some() {}
        self.within_bounds();
    }

    /// The answer to `why` agrees with the detector's state, and it does not grow.
    fn explained(&mut self) {
        let view = self.node.view(self.at());
        for peer in view.peers {
            let why = self.node.why(self.at(), &peer.peer.key.0).expect("a peer of the view can be asked about");
            assert_eq!(why.peer, peer);
            match &why.decision {
                Some(decision) => {
                    assert_eq!((decision.to, decision.rule.verdict()), (peer.peer.state, peer.verdict), "{decision:?}");
                    assert_eq!(next(decision.from, decision.rule.input()), decision.to, "{decision:?}");
                }
                None => assert_eq!((peer.peer.state, peer.verdict), (PeerState::Joining, None)),
            }
            // Sixteen that ended, one scheduled, one for witnesses, two checks.
            assert!(why.pings.len() <= ATTEMPTS + 4, "{} pings", why.pings.len());
            let text = explanation(&why);
            assert!(text.ends_with('.') && !text.contains("  "), "{text}");
        }
        while self.node.poll_event().is_some() {}
    }

    fn within_bounds(&self) {
        let mut open: BTreeMap<(PeerId, Purpose), usize> = BTreeMap::new();
        for key in self.open.values() {
            *open.entry(*key).or_default() += 1;
        }
        for ((peer, purpose), count) in open {
            // One scheduled ping and one overdue, two checks, one for witnesses.
            let limit = if purpose == Purpose::Witness { 1 } else { 2 };
            assert!(count <= limit, "{count} open {purpose:?} pings to {peer:?}");
        }
        let addresses: BTreeSet<&SocketAddr> = self.probes.values().collect();
        assert_eq!(addresses.len(), self.probes.len(), "one probe of an address at a time");
        assert!(self.owed.len() <= 10 * 32, "{} questions wait", self.owed.len());
        assert!(self.asked.len() <= 10 * 32, "{} questions of mine are out", self.asked.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn neither_panics_nor_spins_nor_grows(seed in any::<u64>(), steps in prop::collection::vec(step(), 1..200)) {
        let mut world = World::new(seed);
        for step in &steps {
            world.step(step);
        }
        world.node.view(Monotonic(world.now));
        // Witness pings are limited in time, so every question is answered in the end.
        for _ in 0..200 {
            world.step(&Step::Sleep { ms: 250, handle: true });
        }
        prop_assert!(world.owed.is_empty(), "{} questions were never answered", world.owed.len());
    }
}
