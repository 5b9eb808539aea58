//! What strangers, peers and members can make a node believe. One node; everything that reaches it is written by hand.

use std::collections::BTreeMap;

use super::*;
use crate::detector::config::Timing;
use crate::detector::event::Purpose;
use crate::detector::limits::GOODBYE_LIMIT;
use crate::detector::peer::{PeerSpec, PeerState, WatchDelta, Watched};

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
    /// Says of `n3` that it reached it; other witnesses have no opinion.
    vouches: Option<&'static str>,
    /// Answers list `n3` as watched.
    lists: bool,
}

impl World {
    /// `me`, with these peers: key and pinned name. All of them refuse until told otherwise.
    fn new(peers: &[(&'static str, Option<&'static str>)]) -> World {
        let config = Timing { streams: false, ..Timing::BALANCED }.check().unwrap();
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
            vouches: None,
            lists: false,
        }
    }

    /// Two nodes that know each other for 5 s: `me` and `n3`, unpinned.
    fn pair() -> World {
        let mut world = World::new(&[("b:1", None)]);
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
            Says::Silent => self.node.handle_failure(now, attempt, Evidence::Silent),
        }
    }

    fn answer(&self, node: &str, boot: u64, state: SelfState) -> Answer {
        let line = Watched { node: name("n3"), boot: BootId(30), state: Some(PeerState::Alive) };
        let rev = self.now.as_millis() as u64;
        let watch = WatchDelta { since: 0, rev, peers: vec![line] };
        Answer {
            node: name(node),
            boot: BootId(boot),
            seq: Seq(rev + self.ahead),
            state,
            version: "0".into(),
            accusations: Vec::new(),
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
                    let vouches = self.vouches == Some(self.keys[&witness]);
                    let said = if vouches { Testimony::Answered { boot } } else { Testimony::NoOpinion };
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
        Caller { node: name(node), boot: BootId(boot), seq: Seq(seq), state, known_rev: 0 }
    }

    /// A request comes in with these headers, from anyone.
    fn pinged(&mut self, node: &str, boot: u64, state: SelfState, seq: u64) -> &mut World {
        let caller = self.caller(node, boot, state, seq);
        self.node.handle_ping(Monotonic(self.now), Some(caller));
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

#[test]
fn a_goodbye_in_the_headers_of_a_request_is_checked_and_not_believed() {
    let mut world = World::pair();
    world.pinged("n3", 30, SelfState::Leaving, FAR).run(ms(900));
    assert_eq!((world.state("b:1"), world.told("b:1"), world.checks.len()), (PeerState::Alive, vec![], 1));
    world.says("b:1", Says::Refuses).run(ms(3000));
    assert_eq!(world.told("b:1"), ["peer_down"], "an outage is no longer masked");
}

#[test]
fn a_goodbye_is_believed_when_the_peer_itself_answers_that_it_leaves() {
    let mut world = World::pair();
    world.says("b:1", leaving("n3", 30)).pinged("n3", 30, SelfState::Leaving, 5000);
    let caller = world.caller("n3", 30, SelfState::Leaving, 5000);
    assert!(world.node.holds_goodbye(&caller), "its listener stays open until it was asked");
    world.run(ms(10));
    assert!(!world.node.holds_goodbye(&caller));
    world.says("b:1", Says::Refuses).run(MINUTE);
    assert_eq!((world.state("b:1"), world.told("b:1")), (PeerState::Left, vec!["peer_left"]));
}

#[test]
fn a_goodbye_just_after_a_check_is_held_until_the_next_check() {
    let mut world = World::pair();
    world.pinged("n3", 31, SelfState::Ready, 1).run(ms(20));
    assert_eq!(world.checks.len(), 1, "another life is a reason to look");
    world.says("b:1", leaving("n3", 30)).pinged("n3", 30, SelfState::Leaving, 5020);
    let caller = world.caller("n3", 30, SelfState::Leaving, 5020);
    assert!(world.node.holds_goodbye(&caller));
    // The stopping node does not wait longer than this.
    world.run(GOODBYE_LIMIT - ms(40));
    assert_eq!((world.told("b:1"), world.checks.len()), (vec!["peer_left"], 2));
    assert!(!world.node.holds_goodbye(&caller));
}

#[test]
fn a_return_in_the_headers_of_a_request_is_checked_and_not_believed() {
    let mut world = World::pair();
    world.says("b:1", leaving("n3", 30)).pinged("n3", 30, SelfState::Leaving, 5000).run(ms(10));
    world.says("b:1", Says::Refuses).run(ms(5000));
    for _ in 0..20 {
        world.pinged("n3", 30, SelfState::Ready, FAR).run(ms(500));
    }
    assert_eq!((world.state("b:1"), world.told("b:1")), (PeerState::Left, vec!["peer_left"]));
    world.says("b:1", ready("n3", 30)).run(ms(3000));
    assert_eq!(world.told("b:1"), ["peer_left", "peer_returned"], "its own answer says so");
}

/// With streams a goodbye comes as news as well, whose number counts like that of an answer.
#[test]
fn one_answer_from_the_far_future_does_not_make_later_ones_old() {
    let mut world = World::pair();
    world.ahead = FAR - 10_000;
    world.says("b:1", leaving("n3", 30)).run(ms(1500));
    assert_eq!(world.state("b:1"), PeerState::Left);
    world.ahead = 0;
    world.says("b:1", ready("n3", 30)).run(ms(10_000));
    assert_eq!(world.state("b:1"), PeerState::Alive, "later than its goodbye can have been");
}

#[test]
fn hints_start_a_check_every_250_ms_at_most() {
    let mut world = World::pair();
    for _ in 0..200 {
        world.pinged("n3", 77, SelfState::Ready, 1).pinged("n3", 30, SelfState::Leaving, 1).run(ms(10));
    }
    let gaps = world.checks.windows(2).map(|two| two[1].0 - two[0].0);
    assert!(gaps.min().is_some_and(|gap| gap >= ms(250)), "{:?}", world.checks);
    assert_eq!(world.checks.len(), 9, "2 s of hints, both ends included");
}

#[test]
fn a_stream_that_ends_just_after_a_hint_is_looked_into_all_the_same() {
    let mut world = World::pair();
    world.pinged("n3", 77, SelfState::Ready, 1).run(ms(20));
    let peer = *world.keys.keys().next().unwrap();
    world.node.handle_stream_opened(Monotonic(world.now), peer);
    world.says("b:1", Says::Refuses);
    world.node.handle_stream_ended(Monotonic(world.now), peer);
    world.run(ms(600));
    assert_eq!(world.told("b:1"), ["peer_down"]);
}

#[test]
fn an_answer_with_another_identity_ends_no_link_that_has_one() {
    for intruder in [ready("me", 1), ready("n2", 20)] {
        for pinned in [None, Some("n3")] {
            let mut world = World::new(&[("a:1", None), ("b:1", pinned)]);
            world.says("a:1", ready("n2", 20)).says("b:1", ready("n3", 30)).run(ms(5000)).forget();
            world.says("b:1", intruder).run(ms(1500));
            assert_eq!(world.told("b:1"), ["peer_conflict"], "told once: {intruder:?}, {pinned:?}");
            world.says("b:1", ready("n3", 30)).run(ms(3000));
            assert_eq!(world.state("b:1"), PeerState::Alive, "still watched");
            assert_eq!(world.state("a:1"), PeerState::Alive);
        }
    }
}

#[test]
fn a_pinned_link_that_leads_elsewhere_from_the_start_stays_watched() {
    let mut world = World::new(&[("a:1", None), ("b:1", Some("n3"))]);
    world.says("a:1", ready("n2", 20)).says("b:1", ready("n2", 20)).run(ms(5000));
    world.says("b:1", ready("n3", 30)).run(ms(3000));
    assert_eq!(world.told("b:1"), ["peer_conflict", "peer_joined"]);
}

#[test]
fn a_link_without_pin_or_identity_that_leads_to_a_known_node_is_dropped() {
    let mut world = World::new(&[("a:1", None), ("b:1", None), ("c:1", None), ("me", Some("me"))]);
    world.says("a:1", ready("n2", 20)).says("b:1", ready("n2", 20));
    world.says("c:1", ready("me", 1)).says("me", ready("me", 1)).run(ms(5000));
    let view = world.node.view(Monotonic(world.now));
    assert_eq!(view.peers.len(), 1, "two keys of one node, and two keys of this one");
}

#[test]
fn a_pinned_name_is_kept_for_its_owner() {
    let mut world = World::new(&[("a:1", None), ("n3", Some("n3"))]);
    world.says("a:1", ready("n3", 66)).run(ms(5000));
    assert_eq!((world.state("a:1"), world.told("a:1")), (PeerState::Joining, vec!["peer_conflict"]));
    world.says("n3", ready("n3", 30)).run(ms(3000));
    assert_eq!((world.state("n3"), world.told("n3")), (PeerState::Alive, vec!["peer_joined"]));
    world.says("a:1", ready("n2", 20)).run(ms(3000));
    assert_eq!(world.state("a:1"), PeerState::Alive);
}

#[test]
fn a_peer_with_another_life_in_each_answer_is_checked_every_250_ms_at_most() {
    let mut world = World::pair();
    world.says("b:1", Says::NewLives("n3"));
    for _ in 0..200 {
        world.pinged("n3", 7, SelfState::Ready, 1).run(ms(10));
    }
    let gaps = world.checks.windows(2).map(|two| two[1].0 - two[0].0);
    assert!(gaps.min().is_some_and(|gap| gap >= ms(250)), "{:?}", world.checks);
}

#[test]
fn goodbyes_in_headers_do_not_hide_a_silent_peer() {
    let mut world = World::pair();
    world.says("b:1", Says::Silent);
    for _ in 0..40 {
        world.pinged("n3", 30, SelfState::Leaving, FAR).run(ms(250));
    }
    assert_eq!(world.told("b:1"), ["peer_down"]);
}

#[test]
fn a_peer_that_restarts_with_each_answer_is_reported_once_a_minute_with_a_count() {
    let mut world = World::pair();
    world.says("b:1", Says::NewLives("n3"));
    let end = world.now + 3 * MINUTE;
    while world.now < end {
        world.pinged("n3", 7, SelfState::Ready, 1).run(ms(50));
    }
    let told = world.told("b:1");
    assert_eq!(told.iter().filter(|name| **name == "peer_restarted").count(), 3);
    assert_eq!(told.len(), 3 + 3, "{told:?}");
    let changes = world.events.iter().filter_map(|(_, _, kind)| match kind {
        EventKind::PeerFlapping { on: true, changes } => Some(*changes),
        _ => None,
    });
    let changes: Vec<u32> = changes.collect();
    assert_eq!(changes[0], 3);
    assert!(changes[1] > 100, "those that had no line of their own are counted: {changes:?}");
}

#[test]
fn conflicts_with_another_life_each_time_are_reported_three_times_a_minute_at_most() {
    let mut world = World::new(&[("b:1", Some("n3"))]);
    world.says("b:1", ready("n3", 30)).run(ms(5000)).forget();
    world.says("b:1", Says::NewLives("x")).run(MINUTE);
    assert_eq!(world.told("b:1").iter().filter(|name| **name == "peer_conflict").count(), 3);
}

fn one_way(span: Duration) -> World {
    let mut world = World::pair();
    world.says("b:1", Says::Silent);
    let end = world.now + span;
    while world.now < end {
        let caller = world.caller("n3", 30, SelfState::Ready, 1);
        world.node.handle_ping(Monotonic(world.now), Some(caller));
        world.run(ms(1000));
    }
    world
}

#[test]
fn pings_alone_do_not_vouch_for_ever() {
    assert_eq!(one_way(ms(30_000)).state("b:1"), PeerState::Unreachable);
    let mut world = one_way(ms(120_000));
    let told = world.told("b:1");
    assert_eq!((world.state("b:1"), told), (PeerState::Dead, vec!["peer_unreachable", "peer_degraded", "peer_down"]));
}

/// `me` and `others`, which all know `n3`; it stops to answer, and the others say of it what they are told to say.
fn mesh(others: &[&'static str]) -> World {
    let keys: Vec<(&'static str, Option<&'static str>)> =
        others.iter().chain(&["n3"]).map(|key| (*key, Some(*key))).collect();
    let mut world = World::new(&keys);
    world.lists = true;
    for (number, key) in others.iter().enumerate() {
        world.says(key, ready(key, 100 + number as u64));
    }
    world.says("n3", ready("n3", 30)).run(ms(5000)).forget();
    world.says("n3", Says::Silent);
    world
}

#[test]
fn one_witness_that_only_this_node_contradicts_counts_for_ever() {
    let mut world = mesh(&["n2", "n4"]);
    world.vouches = Some("n2");
    world.run(5 * MINUTE);
    assert_eq!(world.told("n3"), ["peer_unreachable"]);
}
