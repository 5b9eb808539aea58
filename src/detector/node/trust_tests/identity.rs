//! Who an address is: pinned names, and identities that one answer cannot take away.

use super::*;

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
