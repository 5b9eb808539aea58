//! What one member of the mesh can make the others believe.

use super::*;

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
    world.witnesses = [("n2", Word::Vouches)].into();
    world.run(5 * MINUTE);
    assert_eq!(world.told("n3"), ["peer_unreachable"]);
}

#[test]
fn the_word_of_one_member_that_a_node_left_hides_no_crash() {
    for others in [&["n2"][..], &["n2", "n4"], &["n2", "n4", "n5", "n6"]] {
        let mut world = mesh(others);
        world.witnesses = others.iter().map(|other| (*other, Word::Failed)).collect();
        world.witnesses.insert("n2", Word::Left);
        world.accusers = others[1..].to_vec();
        world.run(ms(30_000));
        assert_eq!(world.told("n3")[..1], ["peer_down"], "{others:?}");
    }
}

#[test]
fn a_goodbye_that_two_others_have_heard_is_believed() {
    for others in [&["n2", "n4"][..], &["n2", "n4", "n5", "n6"]] {
        let mut world = mesh(others);
        world.witnesses = [("n2", Word::Left), ("n4", Word::Left)].into();
        world.run(ms(20_000));
        assert_eq!(world.told("n3"), ["peer_left"], "{others:?}");
    }
}

#[test]
fn a_goodbye_that_one_other_has_heard_and_a_ping_of_the_peer_has_said_is_believed() {
    let mut world = mesh(&["n2"]);
    world.witnesses = [("n2", Word::Left)].into();
    world.pinged("n3", 30, SelfState::Leaving, 5000).run(ms(20_000));
    assert_eq!(world.told("n3"), ["peer_left"]);
}

#[test]
fn what_a_ping_said_before_the_last_answer_is_no_word_for_a_goodbye() {
    let mut world = mesh(&["n2"]);
    world.says("n3", ready("n3", 30)).pinged("n3", 30, SelfState::Leaving, 5000).run(ms(3000));
    world.witnesses = [("n2", Word::Left)].into();
    world.says("n3", Says::Silent).run(ms(20_000));
    assert_eq!(world.told("n3")[..1], ["peer_down"]);
}

/// `n2` says that it reaches `n3`, the others that they do not.
fn contradicted(others: &[&'static str]) -> World {
    let mut world = mesh(others);
    world.witnesses = others.iter().map(|other| (*other, Word::Failed)).collect();
    world.witnesses.insert("n2", Word::Vouches);
    world
}

#[test]
fn one_witness_that_contradicts_all_others_counts_for_a_minute_and_is_named() {
    for accuses in [false, true] {
        for others in [&["n2", "n4"][..], &["n2", "n4", "n5", "n6", "n7"]] {
            let mut world = contradicted(others);
            if accuses {
                world.accusers = others[1..].to_vec();
            }
            world.run(ms(55_000));
            assert_eq!(world.told("n3")[..1], ["peer_unreachable"]);
            assert!(!world.told("n3").contains(&"peer_conflict"), "{:?}", world.told("n3"));
            world.accusers = others[1..].to_vec();
            world.run(MINUTE);
            let told: Vec<&str> = world.told("n3").into_iter().filter(|name| *name != "peer_degraded").collect();
            assert_eq!(told, ["peer_unreachable", "peer_conflict", "peer_down"], "{others:?}");
            let conflict = world.events.iter().find(|(.., kind)| kind.name() == "peer_conflict").expect("told");
            let expected = Conflict::LoneVouch { witness: name("n2") };
            assert_eq!(conflict.2, EventKind::PeerConflict { conflict: expected });
            let why = world.node.why(Monotonic(world.now), "n3").expect("is watched");
            assert_eq!(why.discredited, Some(name("n2")));
        }
    }
}

#[test]
fn a_witness_counts_again_once_the_peer_has_answered() {
    let mut world = contradicted(&["n2", "n4"]);
    world.accusers = vec!["n4"];
    world.run(2 * MINUTE).says("n3", ready("n3", 30)).run(ms(5000));
    world.accusers.clear();
    assert_eq!(world.state("n3"), PeerState::Alive);
    world.says("n3", Says::Silent).run(ms(20_000));
    assert_eq!(world.state("n3"), PeerState::Unreachable);
}

#[test]
fn one_member_that_does_not_miss_a_peer_holds_its_death_up_for_a_minute() {
    let others = &["n2", "n4", "n5", "n6"];
    let mut world = mesh(others);
    world.witnesses = others.iter().map(|other| (*other, Word::Failed)).collect();
    world.accusers = others[1..].to_vec();
    world.run(ms(55_000));
    assert!(!world.told("n3").contains(&"peer_down"), "{:?}", world.told("n3"));
    world.run(ms(15_000));
    assert!(world.told("n3").contains(&"peer_down"), "{:?}", world.told("n3"));
}

#[test]
fn two_members_that_do_not_miss_a_peer_may_be_right() {
    let others = &["n2", "n4", "n5", "n6"];
    let mut world = mesh(others);
    world.witnesses = others.iter().map(|other| (*other, Word::Failed)).collect();
    world.accusers = others[2..].to_vec();
    world.run(3 * MINUTE);
    assert!(!world.told("n3").contains(&"peer_down"), "{:?}", world.told("n3"));
    world.accusers = others.to_vec();
    world.run(ms(5000));
    assert!(world.told("n3").contains(&"peer_down"), "{:?}", world.told("n3"));
}
