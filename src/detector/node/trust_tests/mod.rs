//! What strangers, peers and members can make a node believe. One node; everything that reaches it is written by hand.

mod flapping;
mod headers;
mod identity;
mod keyed;
mod members;
mod vouching;

use std::collections::BTreeMap;

use super::*;
use crate::detector::config::{PingsFrom, Timing};
use crate::detector::event::{Conflict, Purpose};
use crate::detector::evidence::Class;
use crate::detector::limits::GOODBYE_LIMIT;
use crate::detector::peer::{Accusation, PeerSpec, PeerState, SelfState, Seq, WatchDelta, Watched};

const MINUTE: Duration = Duration::from_secs(60);
/// The highest number that a header can carry.
const FAR: u64 = (1 << 53) - 1;

fn name(text: &str) -> NodeName {
    NodeName::new(text).unwrap()
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// How an address answers.
#[derive(Clone, Copy, Debug)]
enum Says {
    Node(&'static str, u64, SelfState),
    /// Another life with each answer.
    NewLives(&'static str),
    Refuses,
    Silent,
    /// With an answer that was not made with the mesh key.
    NoKey,
}

/// What a witness says.
#[derive(Clone, Copy, Debug)]
enum Word {
    Vouches,
    Left,
    Failed,
}

fn ready(node: &'static str, boot: u64) -> Says {
    Says::Node(node, boot, SelfState::Ready)
}

fn leaving(node: &'static str, boot: u64) -> Says {
    Says::Node(node, boot, SelfState::Leaving)
}

struct World {
    node: Node,
    now: Duration,
    keys: BTreeMap<PeerId, &'static str>,
    says: BTreeMap<&'static str, Says>,
    /// Added to what honest answers have as `seq`.
    ahead: u64,
    coming: BTreeMap<(Duration, u64), (AttemptId, &'static str)>,
    count: u64,
    events: Vec<(Duration, String, EventKind)>,
    checks: Vec<(Duration, &'static str)>,
    /// What witnesses say of `n3`; the others have no opinion.
    witnesses: BTreeMap<&'static str, Word>,
    /// Accuse `n3` in their answers.
    accusers: Vec<&'static str>,
    /// Answers list `n3` as watched.
    lists: bool,
}

impl World {
    /// `me`, with these peers: key and pinned name. All of them refuse until told otherwise.
    fn new(peers: &[(&'static str, Option<&'static str>)]) -> World {
        World::with(PingsFrom::PeerAddress, peers)
    }

    fn with(pings_from: PingsFrom, peers: &[(&'static str, Option<&'static str>)]) -> World {
        let config = Timing { streams: false, pings_from, ..Timing::BALANCED }.check().unwrap();
        let me = Me { node: name("me"), boot: BootId(1), version: "0".into() };
        let mut node = Node::new(config, me, 3, Monotonic::default());
        let spec = |(key, pinned): &(&'static str, Option<&str>)| PeerSpec {
            key: PeerKey((*key).into()),
            pinned: pinned.map(name),
        };
        let ids = node.set_peers(Monotonic::default(), peers.iter().map(spec).collect());
        node.handle_ready(Monotonic::default());
        World {
            node,
            now: Duration::ZERO,
            keys: ids.into_iter().zip(peers.iter().map(|(key, _)| *key)).collect(),
            says: peers.iter().map(|(key, _)| (*key, Says::Refuses)).collect(),
            ahead: 0,
            coming: BTreeMap::new(),
            count: 0,
            events: Vec::new(),
            checks: Vec::new(),
            witnesses: BTreeMap::new(),
            accusers: Vec::new(),
            lists: false,
        }
    }

    /// Two nodes that know each other for 5 s: `me` and `n3`, unpinned.
    fn pair() -> World {
        World::pair_with(PingsFrom::PeerAddress)
    }

    fn pair_with(pings_from: PingsFrom) -> World {
        let mut world = World::with(pings_from, &[("b:1", None)]);
        world.says("b:1", ready("n3", 30)).run(ms(5000));
        assert_eq!(world.state("b:1"), PeerState::Alive);
        world.forget();
        world
    }

    fn says(&mut self, key: &'static str, says: Says) -> &mut World {
        self.says.insert(key, says);
        self
    }

    fn forget(&mut self) {
        self.events.clear();
        self.checks.clear();
    }

    fn run(&mut self, span: Duration) -> &mut World {
        let end = self.now + span;
        loop {
            self.drain();
            let wake = self.node.poll_timeout().map(|deadline| deadline.at.0.max(self.now));
            let reply = self.coming.first_key_value().map(|((at, _), _)| *at);
            let Some(next) = wake.into_iter().chain(reply).min().filter(|next| *next <= end) else {
                self.now = end;
                return self;
            };
            self.now = next;
            if reply == Some(next) {
                let (_, (attempt, key)) = self.coming.pop_first().unwrap();
                self.reply(attempt, key);
            } else {
                self.node.handle_timeout(Monotonic(next));
            }
        }
    }

    fn reply(&mut self, attempt: AttemptId, key: &'static str) {
        let now = Monotonic(self.now);
        match self.says[key] {
            Says::Node(node, boot, state) => {
                let answer = self.answer(node, boot, state);
                self.node.handle_answer(now, attempt, answer);
            }
            Says::NewLives(node) => {
                self.count += 1;
                let answer = self.answer(node, 1000 + self.count, SelfState::Ready);
                self.node.handle_answer(now, attempt, answer);
            }
            Says::Refuses => self.node.handle_failure(now, attempt, Evidence::Refused),
            Says::NoKey => self.reply_without_key(attempt),
            Says::Silent => self.node.handle_failure(now, attempt, Evidence::Silent),
        }
    }

    fn answer(&self, node: &str, boot: u64, state: SelfState) -> Answer {
        let accusation = Accusation { node: name("n3"), boot: BootId(30), class: Class::Silent, silent_for: ms(5000) };
        let line = Watched { node: name("n3"), boot: BootId(30), state: Some(PeerState::Alive) };
        let rev = self.now.as_millis() as u64;
        let watch = WatchDelta { since: 0, rev, peers: vec![line] };
        Answer {
            node: name(node),
            boot: BootId(boot),
            seq: Seq(rev + self.ahead),
            state,
            version: "0".into(),
            accusations: if self.accusers.contains(&node) { vec![accusation] } else { Vec::new() },
            watch: if self.lists && node != "n3" { watch } else { WatchDelta::default() },
            maintenance: None,
        }
    }

    fn drain(&mut self) {
        while let Some(transmit) = self.node.poll_transmit() {
            match transmit {
                Transmit::Ping { attempt, peer, purpose, .. } => {
                    let key = self.keys[&peer];
                    if purpose == Purpose::Check {
                        self.checks.push((self.now, key));
                    }
                    let trip = if matches!(self.says[key], Says::Silent) { ms(1000) } else { ms(1) };
                    self.count += 1;
                    self.coming.insert((self.now + trip, self.count), (attempt, key));
                }
                Transmit::Cancel { attempt } => self.coming.retain(|_, (open, _)| *open != attempt),
                Transmit::Ask { question, witness, boot, .. } => {
                    let said = match self.witnesses.get(self.keys[&witness]) {
                        Some(Word::Vouches) => Testimony::Answered { boot },
                        Some(Word::Left) => Testimony::Left,
                        Some(Word::Failed) => Testimony::Failed { evidence: Evidence::Silent },
                        None => Testimony::NoOpinion,
                    };
                    self.node.handle_testimony(Monotonic(self.now), question, said);
                }
                _ => {}
            }
        }
        while let Some(event) = self.node.poll_event() {
            if !matches!(event.kind, EventKind::PingEnded { .. }) {
                let key = event.peer.map_or_else(String::new, |peer| peer.key.to_string());
                self.events.push((Duration::ZERO + (event.at - Monotonic::default()), key, event.kind));
            }
        }
    }

    fn caller(&self, node: &str, boot: u64, state: SelfState, seq: u64) -> Caller {
        Caller { node: name(node), boot: BootId(boot), seq: Seq(seq), state, known_rev: 0, ack: None }
    }

    /// A request comes in with these headers, from anyone.
    fn pinged(&mut self, node: &str, boot: u64, state: SelfState, seq: u64) -> &mut World {
        let caller = self.caller(node, boot, state, seq);
        self.node.handle_ping(Monotonic(self.now), Some(caller), PingSource::PeerAddress);
        self.drain();
        self
    }

    fn state(&mut self, key: &str) -> PeerState {
        let view = self.node.view(Monotonic(self.now));
        view.peers.iter().find(|peer| *peer.peer.key.0 == *key).expect("is watched").peer.state
    }

    /// The names of the events about this peer, without suspicions.
    fn told(&self, key: &str) -> Vec<&'static str> {
        let passing = ["peer_suspect", "peer_cleared", "peer_added"];
        let about = self.events.iter().filter(|(_, about, _)| about == key).map(|(_, _, kind)| kind.name());
        about.filter(|name| !passing.contains(name)).collect()
    }
}
