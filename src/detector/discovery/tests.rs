//! The book alone: when it looks and asks, and what it keeps. What that means for peers: `tests/discovery.rs`.

use super::*;
use crate::detector::evidence::Evidence;
use crate::detector::flaw::{Flaw, FlawKind};

const SECOND: Duration = Duration::from_secs(1);

fn at(ms: u64) -> ObserverTime {
    ObserverTime(Duration::from_millis(ms))
}

fn address(n: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, n], 8001))
}

fn addresses(listed: &[u8]) -> Found {
    Ok(listed.iter().copied().map(address).collect())
}

fn directory(names: &[&str]) -> Directory {
    Directory::new(names.iter().map(|host| DnsName { host: (*host).into(), port: 8001, tls: false }).collect())
}

/// A book after one good lookup of its only name, at 0.
fn looked_up(listed: &[u8]) -> Directory {
    let mut directory = directory(&["nodes"]);
    let (id, _) = directory.take_lookup(at(0)).expect("due at once");
    assert_eq!(directory.looked_up(id, addresses(listed), Duration::ZERO, at(0)), []);
    directory
}

fn probed(directory: &mut Directory, ms: u64) -> Vec<SocketAddr> {
    directory.take_probes(at(ms)).into_iter().map(|probe| probe.address).collect()
}

#[test]
fn who_is_dropped_after_a_good_lookup() {
    use PeerState::{Alive, Dead, Joining, Left, Suspect, Unreachable};
    let long = DEAD_KEPT;
    let short = DEAD_KEPT - SECOND;
    for (is_listed, state, age, expected) in [
        (true, Left, long, None),
        (true, Dead, long, None),
        (false, Left, Duration::ZERO, Some(Removal::Left)),
        (false, Joining, Duration::ZERO, Some(Removal::Left)),
        (false, Dead, short, None),
        (false, Dead, long, Some(Removal::Dead)),
        (false, Alive, long, None),
        (false, Suspect, long, None),
        (false, Unreachable, long, None),
    ] {
        assert_eq!(removal(is_listed, state, age), expected, "listed: {is_listed}, {state} for {age:?}");
    }
}

#[test]
fn a_lookup_is_due_when_the_last_has_ended_and_the_pace_says_so() {
    let mut directory = directory(&["nodes"]);
    assert_eq!(directory.next_due(), Some(at(0)));
    let (id, _) = directory.take_lookup(at(0)).expect("due");
    assert_eq!((directory.next_due(), directory.was_tried()), (None, false), "one at a time");
    directory.looked_up(id, Err("no".into()), SECOND, at(4000));
    assert_eq!((directory.next_due(), directory.was_tried()), (Some(at(1000)), true), "eager, counted from its start");
    let (id, _) = directory.take_lookup(at(4000)).expect("due");
    directory.looked_up(id, addresses(&[1]), SECOND, at(4000));
    directory.settle(address(1), Owner::Myself);
    assert_eq!(directory.next_due(), Some(at(5000)), "more may be to come so soon after the start");
    let (id, _) = directory.take_lookup(at(44_000)).expect("due");
    directory.looked_up(id, addresses(&[1]), SECOND, at(44_000));
    assert_eq!(directory.next_due(), Some(at(54_000)), "calm");
    directory.set_states(true, BTreeSet::new());
    assert_eq!(directory.next_due(), Some(at(45_000)), "somebody is missing");
    directory.set_states(false, BTreeSet::new());
    directory.stranger(BootId(5), at(46_000));
    assert_eq!(directory.next_due(), Some(at(45_000)), "somebody unknown has called");
    // Ten eager lookups at most, and the same caller causes no more.
    let mut now = 46_000;
    for _ in 0..20 {
        directory.stranger(BootId(5), at(now));
        let (id, _) = directory.take_lookup(at(now)).expect("due");
        directory.looked_up(id, addresses(&[1]), SECOND, at(now));
        now = u64::try_from(directory.next_due().expect("again").0.as_millis()).expect("small");
    }
    assert_eq!(now, 56_000 + 10 * 10_000);
}

#[test]
fn names_without_end_are_cut() {
    let many: Vec<String> = (0..40).map(|n| format!("n{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(directory(&many).view(at(0), SECOND).names.len(), NAMES_MAX);
}

#[test]
fn a_candidate_is_probed_often_while_it_is_young() {
    let mut directory = looked_up(&[1]);
    let mut times = Vec::new();
    for ms in (0..90_000).step_by(100) {
        for probe in directory.take_probes(at(ms)) {
            times.push(ms);
            assert_eq!(directory.probe_ended(probe.id, at(ms)), Some((address(1), at(ms))));
            directory.unsettled(address(1), Evidence::Refused);
        }
    }
    assert_eq!(times[..3], [0, 1000, 2000]);
    assert_eq!(times[times.len() - 3..], [60_000, 70_000, 80_000]);
    let candidate = directory.view(at(90_000), 90 * SECOND).candidates[0].clone();
    assert_eq!((candidate.age, candidate.evidence), (90 * SECOND, Some(Evidence::Refused)));
    assert!(!candidate.overdue && directory.view(at(90_001), 90 * SECOND).candidates[0].overdue);
}

#[test]
fn what_was_wrong_with_an_answer_is_kept_until_the_next_probe_ends() {
    let mut directory = looked_up(&[1]);
    let shown = |directory: &Directory| {
        let candidate = directory.view(at(0), SECOND).candidates[0].clone();
        (candidate.evidence, candidate.flaw.map(|flaw| flaw.kind))
    };
    let flaw = Flaw::new(FlawKind::TlsWrongName, "its certificate is for another host");
    directory.probe_failed(address(1), Evidence::Invalid, Some(flaw));
    assert_eq!(shown(&directory), (Some(Evidence::Invalid), Some(FlawKind::TlsWrongName)));
    directory.unsettled(address(1), Evidence::Refused);
    assert_eq!(shown(&directory), (Some(Evidence::Refused), None));
}

#[test]
fn a_probe_that_hangs_is_replaced_and_one_whose_address_has_gone_is_cancelled() {
    let mut directory = looked_up(&[1, 2]);
    assert_eq!(probed(&mut directory, 0), [address(1), address(2)]);
    assert_eq!(probed(&mut directory, 1999), []);
    assert_eq!(probed(&mut directory, 2000), [address(1), address(2)]);
    let mut cancelled = Vec::from_iter(std::iter::from_fn(|| directory.take_cancelled()));
    cancelled.sort();
    assert_eq!(cancelled, [ProbeId(1), ProbeId(2)]);
    assert_eq!(directory.probe_ended(ProbeId(1), at(2100)), None, "its end no longer matters");
    let (id, _) = directory.take_lookup(at(10_000)).expect("due");
    directory.looked_up(id, addresses(&[2]), SECOND, at(10_000));
    assert_eq!(directory.take_cancelled(), Some(ProbeId(3)));
    assert_eq!(directory.owner(address(1)), None);
}

#[test]
fn another_way_to_a_peer_is_tried_only_while_the_peer_is_in_doubt() {
    let mut directory = looked_up(&[1, 2]);
    let peer = PeerId(7);
    directory.move_in(peer, address(1), at(0));
    directory.settle(address(2), Owner::Peer(peer));
    assert_eq!(probed(&mut directory, 5000), []);
    directory.set_states(true, BTreeSet::from([peer]));
    assert_eq!(probed(&mut directory, 5000), [address(2)], "its home is pinged by its link");
    directory.set_states(false, BTreeSet::new());
    assert!(directory.take_cancelled().is_some());
}

#[test]
fn whoever_moves_leaves_a_candidate_behind_unless_somebody_else_lives_there() {
    let mut directory = looked_up(&[1, 2, 3]);
    let (one, other) = (PeerId(1), PeerId(2));
    directory.move_in(one, address(1), at(0));
    assert_eq!(directory.move_in(one, address(2), at(0)), Some(address(1)));
    assert_eq!(directory.owner(address(1)), Some(Owner::Nobody));
    assert_eq!(directory.move_in(one, address(2), at(0)), None, "it is there already");
    // The address was taken over: the node that is there now stays.
    directory.evict(one, at(0));
    directory.move_in(other, address(2), at(0));
    assert_eq!(directory.move_in(one, address(3), at(0)), Some(address(2)));
    assert_eq!(directory.owner(address(2)), Some(Owner::Peer(other)));
    assert_eq!(directory.listed(), BTreeSet::from([one, other]));
    directory.forget(other, at(0));
    assert_eq!((directory.owner(address(2)), directory.home(other)), (Some(Owner::Nobody), None));
}

#[test]
fn the_home_of_a_peer_that_is_no_longer_named_is_kept_and_nothing_else() {
    let mut directory = looked_up(&[1, 2]);
    directory.move_in(PeerId(1), address(1), at(0));
    directory.settle(address(2), Owner::Peer(PeerId(1)));
    let (id, _) = directory.take_lookup(at(10_000)).expect("due");
    directory.looked_up(id, addresses(&[9]), SECOND, at(10_000));
    assert_eq!(directory.owner(address(1)), Some(Owner::Peer(PeerId(1))));
    assert_eq!(directory.owner(address(2)), None);
    assert_eq!(directory.listed(), BTreeSet::new());
    directory.forget(PeerId(1), at(10_000));
    assert_eq!(directory.owner(address(1)), None);
}
