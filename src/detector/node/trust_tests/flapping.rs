//! What a peer with another life in each answer can make a node do and log.

use super::*;

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
