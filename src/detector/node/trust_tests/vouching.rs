//! Pings that vouch for their sender.

use super::*;

/// `n3` answers nothing any more, and pings in its name come each second.
fn one_way(pings_from: PingsFrom, source: PingSource, span: Duration) -> World {
    let mut world = World::pair_with(pings_from);
    world.says("b:1", Says::Silent);
    let end = world.now + span;
    while world.now < end {
        let caller = world.caller("n3", 30, SelfState::Ready, 1);
        world.node.handle_ping(Monotonic(world.now), Some(caller), source);
        world.run(ms(1000));
    }
    world
}

#[test]
fn pings_from_another_address_do_not_vouch() {
    for (pings_from, source, state) in [
        (PingsFrom::PeerAddress, PingSource::PeerAddress, PeerState::Unreachable),
        (PingsFrom::PeerAddress, PingSource::Elsewhere, PeerState::Dead),
        (PingsFrom::Anywhere, PingSource::Elsewhere, PeerState::Unreachable),
    ] {
        let mut world = one_way(pings_from, source, ms(30_000));
        assert_eq!(world.state("b:1"), state, "{pings_from}, {source:?}");
        let why = world.node.why(Monotonic(world.now), "b:1").expect("is watched");
        assert_eq!(why.last_ping_elsewhere.is_some(), state == PeerState::Dead, "{pings_from}, {source:?}");
    }
}

#[test]
fn pings_from_another_address_do_not_delay_the_verdict() {
    let pinged = one_way(PingsFrom::PeerAddress, PingSource::Elsewhere, ms(30_000));
    let mut alone = World::pair();
    alone.says("b:1", Says::Silent).run(ms(30_000));
    let down = |world: &World| world.events.iter().find(|(.., kind)| kind.name() == "peer_down").expect("down").0;
    assert!(down(&pinged) <= down(&alone), "the hints only hurry the checks");
}

#[test]
fn pings_from_another_address_are_shown_while_the_peer_answers() {
    let mut world = World::pair();
    let caller = world.caller("n3", 30, SelfState::Ready, 1);
    world.node.handle_ping(Monotonic(world.now), Some(caller), PingSource::Elsewhere);
    assert!(world.node.view(Monotonic(world.now)).peers[0].pings_me, "the link works, whatever is in between");
}

#[test]
fn a_goodbye_from_another_address_is_no_word_for_it() {
    for (source, told) in [(PingSource::PeerAddress, "peer_left"), (PingSource::Elsewhere, "peer_down")] {
        let mut world = World::new(&[("n2", Some("n2")), ("n3", Some("n3"))]);
        world.lists = true;
        world.says("n2", ready("n2", 20)).says("n3", ready("n3", 30)).run(ms(5000)).forget();
        world.witnesses = [("n2", Word::Left)].into();
        world.says("n3", Says::Silent);
        let caller = world.caller("n3", 30, SelfState::Leaving, 5000);
        world.node.handle_ping(Monotonic(world.now), Some(caller), source);
        world.run(ms(20_000));
        assert_eq!(world.told("n3")[0], told, "{source:?}");
    }
}

#[test]
fn pings_alone_do_not_vouch_for_ever() {
    let one_way = |span| one_way(PingsFrom::PeerAddress, PingSource::PeerAddress, span);
    assert_eq!(one_way(ms(30_000)).state("b:1"), PeerState::Unreachable);
    let mut world = one_way(ms(120_000));
    let told = world.told("b:1");
    assert_eq!((world.state("b:1"), told), (PeerState::Dead, vec!["peer_unreachable", "peer_degraded", "peer_down"]));
}
