//! Where a mesh key is required every caller is a member, and a request may still be a copy of an old one.

use super::*;
use crate::detector::flaw::{Flaw, FlawKind};
use crate::detector::peer::{Ack, Verdict};

/// `me` and `n3`, which know each other for 5 s, with a required key.
fn keyed_pair() -> World {
    let mut world = World::pair();
    world.node.require_key(true);
    world
}

impl World {
    fn now_ms(&self) -> u64 {
        self.now.as_millis() as u64
    }

    /// A verified request of `n3` with this seq, which acknowledges `seq` of this boot.
    fn keyed_ping(&mut self, seq: u64, (boot, heard): (u64, u64), state: SelfState) -> &mut World {
        let ack = Some(Ack { boot: BootId(boot), seq: Seq(heard) });
        let caller = Caller { ack, ..self.caller("n3", 30, state, seq) };
        self.node.handle_ping(Monotonic(self.now), Some(caller), PingSource::Elsewhere);
        self.drain();
        self
    }

    /// `n3` answers nothing, and these pings come in, one in half a second: its seq and what it acknowledges.
    fn verdict_with(&mut self, ping: impl Fn(u64) -> (u64, (u64, u64))) -> Option<Verdict> {
        self.says("b:1", Says::Silent);
        for _ in 0..40 {
            let (seq, ack) = ping(self.now_ms());
            self.keyed_ping(seq, ack, SelfState::Ready).run(ms(500));
        }
        self.verdict("b:1")
    }

    fn verdict(&mut self, key: &str) -> Option<Verdict> {
        let view = self.node.view(Monotonic(self.now));
        view.peers.iter().find(|peer| *peer.peer.key.0 == *key).expect("is watched").verdict
    }
}

#[test]
fn new_pings_show_life_from_any_address_and_copies_do_not() {
    for (what, expected, ping) in [
        ("new ones", Verdict::OneWay, (|now| (now, (1, now))) as fn(u64) -> (u64, (u64, u64))),
        ("with a slow acknowledgement", Verdict::OneWay, |now| (now, (1, now - 2900))),
        ("one that is played again", Verdict::Unconfirmed, |now| (6000, (1, now))),
        ("an acknowledgement that grows old", Verdict::Unconfirmed, |now| (now, (1, 5000))),
        ("of another boot of mine", Verdict::Unconfirmed, |now| (now, (9, now))),
        ("of a moment that has not come", Verdict::Unconfirmed, |now| (now, (1, now + 1))),
    ] {
        assert_eq!(keyed_pair().verdict_with(ping), Some(expected), "{what}");
    }
}

/// Attack 3: pings are held back, the peer is killed, and they are played one a second.
#[test]
fn what_was_held_back_shows_life_for_no_longer_than_the_window() {
    let mut world = keyed_pair();
    let held: Vec<u64> = (0..60).map(|n| world.now_ms() + n).collect();
    let acknowledged = world.now_ms();
    world.says("b:1", Says::Silent);
    for seq in held {
        world.keyed_ping(seq, (1, acknowledged), SelfState::Ready).run(ms(1000));
    }
    let (down, ..) = world.events.iter().find(|(_, _, kind)| kind.name() == "peer_down").expect("is reported");
    assert!(*down - ms(acknowledged) < ms(3000) + ms(5000) + ms(1500), "{down:?}: the window, the wait, and a check");
}

/// Attacks 1 and 2: the proof's age is that of the last new ping, and a restarted observer is told nothing by old ones.
#[test]
fn a_copy_is_answered_and_changes_nothing() {
    let mut world = keyed_pair();
    world.keyed_ping(5000, (1, 5000), SelfState::Ready).run(ms(400));
    let id = *world.keys.keys().next().unwrap();
    let last = |world: &World| world.node.links.get(&id).and_then(|link| link.proofs.last_ping_in());
    let before = last(&world);
    world.keyed_ping(5000, (1, 5000), SelfState::Ready);
    assert_eq!(last(&world), before);
    let now = world.now_ms();
    world.keyed_ping(5400, (1, now), SelfState::Ready);
    assert_ne!(last(&world), before, "a new one counts");
}

#[test]
fn a_copied_goodbye_is_no_word() {
    let mut world = keyed_pair();
    let id = *world.keys.keys().next().unwrap();
    let hinted = |world: &World| world.node.links.get(&id).is_some_and(|link| link.identity.goodbye_hinted());
    world.keyed_ping(4000, (1, 1000), SelfState::Leaving);
    assert!(!hinted(&world));
    let now = world.now_ms();
    world.keyed_ping(5000, (1, now), SelfState::Leaving);
    assert!(hinted(&world));
}

#[test]
fn a_request_is_fresh_when_it_names_a_recent_moment_of_this_boot() {
    let mut world = keyed_pair();
    let now = world.now_ms();
    for (boot, heard, fresh) in [(1, now, true), (1, now - 3000, true), (1, now - 3001, false), (2, now, false)] {
        let ack = Some(Ack { boot: BootId(boot), seq: Seq(heard) });
        let caller = Caller { ack, ..world.caller("n3", 30, SelfState::Ready, 1) };
        assert_eq!(world.node.hello(Monotonic(world.now), &caller).is_some(), fresh, "{boot} {heard}");
    }
    let first = world.caller("n3", 30, SelfState::Ready, 1);
    assert!(world.node.hello(Monotonic(world.now), &first).is_none(), "without one");
    let heard = world.node.heard(*world.keys.keys().next().unwrap()).unwrap();
    assert_eq!(heard.boot, BootId(30));
    assert!(world.now_ms() - heard.seq.0 <= 1300, "what this node acknowledges itself");
}

#[test]
fn news_that_was_held_back_ends_the_stream_and_starts_a_check() {
    for (age, ends) in [(500, false), (3500, true)] {
        let mut world = keyed_pair();
        let id = *world.keys.keys().next().unwrap();
        world.node.handle_stream_opened(Monotonic(world.now), id);
        let mut news = world.answer("n3", 30, SelfState::Ready);
        news.seq = Seq(world.now_ms() - age);
        world.node.handle_stream_news(Monotonic(world.now), id, news);
        world.drain();
        assert_eq!(world.checks.len(), usize::from(ends), "{age} ms old");
        let is_open = world.node.links.get(&id).is_some_and(|link| link.stream.is_open());
        assert_eq!(is_open, !ends, "{age} ms old");
    }
}

/// `me` watches `n2`, `n3` and `n4`; what answers for `n3` has no key, and `accusers` say that it is down.
fn without_key(accusers: &[&'static str]) -> World {
    let mut world = World::new(&[("a:1", None), ("b:1", None), ("c:1", None)]);
    world.node.require_key(true);
    world.lists = true;
    world.says("a:1", ready("n2", 20)).says("b:1", ready("n3", 30)).says("c:1", ready("n4", 40)).run(ms(5000));
    world.forget();
    world.accusers = accusers.to_vec();
    world.says("b:1", Says::NoKey).run(ms(20_000));
    world
}

#[test]
fn a_peer_that_answers_without_the_key_is_unverified_and_not_accused() {
    let told = |world: &World| -> Vec<&str> {
        world.told("b:1").into_iter().filter(|name| *name != "peer_degraded").collect()
    };
    let mut world = without_key(&[]);
    assert_eq!((world.state("b:1"), world.verdict("b:1")), (PeerState::Unreachable, Some(Verdict::Unverified)));
    assert_eq!(told(&world), ["peer_unreachable"]);
    assert!(world.node.answer(0).accusations.is_empty());
    world.says("b:1", ready("n3", 30)).run(ms(3000));
    assert_eq!(told(&world), ["peer_unreachable", "peer_recovered"]);
}

/// Whatever answers at its address cannot take the goodbye back; what is wrong with it is shown.
#[test]
fn a_peer_that_left_and_returns_without_the_key_stays_left_until_it_has_it() {
    let mut world = keyed_pair();
    world.says("b:1", leaving("n3", 30)).run(ms(3000));
    assert_eq!(world.state("b:1"), PeerState::Left);
    world.says("b:1", Says::NoKey).run(ms(20_000));
    assert_eq!(world.state("b:1"), PeerState::Left);
    let view = world.node.view(Monotonic(world.now));
    let flaw = view.peers[0].peer.flaw.as_ref().map(|flaw| flaw.kind);
    assert_eq!(flaw, Some(FlawKind::MeshKeyFailed), "people can see why it is not back");
    world.says("b:1", ready("n3", 31)).run(ms(3000));
    assert_eq!(world.state("b:1"), PeerState::Alive);
    assert_eq!(world.node.view(Monotonic(world.now)).peers[0].peer.flaw, None);
}

#[test]
fn the_word_of_one_other_does_not_make_an_unverified_peer_dead_and_that_of_enough_does() {
    assert_eq!(without_key(&["n2"]).verdict("b:1"), Some(Verdict::Unverified));
    let mut world = without_key(&["n2", "n4"]);
    assert_eq!((world.state("b:1"), world.verdict("b:1")), (PeerState::Dead, Some(Verdict::Down)));
    let accusers = world.events.iter().find_map(|(.., kind)| match kind {
        EventKind::PeerDown { accusers, .. } => Some(accusers.clone()),
        _ => None,
    });
    assert_eq!(accusers.unwrap(), [name("n2"), name("n4")], "this node does not accuse it");
}

/// What answers for an observer has no key, so it will never accuse: nobody waits for it for ever.
#[test]
fn an_observer_without_the_key_does_not_hold_a_verdict_up() {
    let mut world = World::new(&[("a:1", None), ("b:1", None)]);
    world.node.require_key(true);
    world.lists = true;
    world.says("a:1", ready("n2", 20)).says("b:1", ready("n3", 30)).run(ms(5000));
    world.says("a:1", Says::NoKey).run(ms(20_000)).forget();
    world.says("b:1", Says::Silent).run(ms(60_000));
    assert_eq!((world.state("b:1"), world.verdict("b:1")), (PeerState::Dead, Some(Verdict::Unconfirmed)));
}

/// This host was suspended, and its peer went on counting: what is acknowledged is what the peer said.
#[test]
fn after_a_suspension_the_peer_is_acknowledged_as_it_counts() {
    let mut world = keyed_pair();
    world.ahead = 60_000;
    world.run(ms(3000));
    let heard = world.node.heard(*world.keys.keys().next().unwrap()).unwrap();
    assert!(world.now_ms() + world.ahead - heard.seq.0 <= 1300, "{heard:?}");
}

impl World {
    pub(super) fn reply_without_key(&mut self, attempt: AttemptId) {
        let flaw = Flaw::new(FlawKind::MeshKeyFailed, "an answer that was not made with the mesh key");
        self.node.handle_flaw(Monotonic(self.now), attempt, flaw);
    }
}
