//! Headers of an incoming ping are hints: they start a check, and no more.

use super::*;

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

#[test]
fn a_goodbye_from_the_far_future_on_a_stream_does_not_make_later_answers_old() {
    let mut world = World::pair();
    let id = *world.keys.keys().next().unwrap();
    world.node.handle_stream_opened(Monotonic(world.now), id);
    let news = Answer { seq: Seq(FAR), ..world.answer("n3", 30, SelfState::Leaving) };
    world.node.handle_stream_news(Monotonic(world.now), id, news);
    assert_eq!(world.state("b:1"), PeerState::Left);
    world.run(ms(10_000));
    assert_eq!(world.state("b:1"), PeerState::Alive, "later than its goodbye can have been");
}

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
fn the_life_before_is_no_hint() {
    let mut world = World::pair();
    world.says("b:1", ready("n3", 31)).run(ms(3000)).forget();
    for _ in 0..10 {
        world.pinged("n3", 30, SelfState::Ready, FAR).run(ms(300));
    }
    assert_eq!(world.checks, [], "that boot has ended, as this node knows");
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
fn goodbyes_in_headers_do_not_hide_a_silent_peer() {
    let mut world = World::pair();
    world.says("b:1", Says::Silent);
    for _ in 0..40 {
        world.pinged("n3", 30, SelfState::Leaving, FAR).run(ms(250));
    }
    assert_eq!(world.told("b:1"), ["peer_down"]);
}
