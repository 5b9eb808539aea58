//! Pings that vouch for their sender.

use super::*;

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
