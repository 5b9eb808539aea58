//! What observers make of an announcement, with one observer and one peer whose answers are written by hand.

use super::*;
use crate::detector::config::Timing;
use crate::detector::evidence::Evidence;
use crate::detector::maintenance::MaintenanceReason;
use crate::detector::node::Me;
use crate::detector::peer::{Answer, PeerKey, PeerSpec, PeerState, PingSource, SelfState, WatchDelta};
use crate::detector::transmit::Transmit;
use crate::detector::view::PeerView;

const MINUTE: Duration = Duration::from_secs(60);

fn name(text: &str) -> NodeName {
    NodeName::new(text).unwrap()
}

fn maintenance(reason: &str, left: Duration) -> Maintenance {
    Maintenance { reason: MaintenanceReason::new(reason).unwrap(), left }
}

fn on(reason: &str, left: Duration) -> Option<Announcement> {
    Some(Announcement::On(maintenance(reason, left)))
}

/// How the peer answers.
#[derive(Clone)]
enum Peer {
    Says(u64, Option<Announcement>),
    Refuses,
}

struct Bench {
    node: Node,
    now: Duration,
    told: Vec<String>,
}

impl Bench {
    fn new() -> Bench {
        let me = Me { node: name("me"), boot: BootId(99), version: "0".into() };
        let node = Node::new(Timing::BALANCED.check().unwrap(), me, 1, Monotonic::default());
        Bench { node, now: Duration::ZERO, told: Vec::new() }
    }

    fn with_peer() -> Bench {
        let mut bench = Bench::new();
        bench.watch(&["peer"]);
        bench.node.handle_ready(bench.at());
        bench
    }

    fn watch(&mut self, keys: &[&str]) {
        let spec = |key: &&str| PeerSpec { key: PeerKey((*key).into()), pinned: None };
        self.node.set_peers(self.at(), keys.iter().map(spec).collect());
    }

    fn at(&self) -> Monotonic {
        Monotonic(self.now)
    }

    /// Runs for `span`, while every ping of mine ends at once as `peer` says.
    fn live(&mut self, span: Duration, peer: &Peer) {
        let end = self.now + span;
        loop {
            self.drain(peer);
            let Some(deadline) = self.node.poll_timeout().filter(|deadline| deadline.at.0 <= end) else { break };
            assert!(deadline.at.0 >= self.now, "time goes on");
            self.now = deadline.at.0;
            self.node.handle_timeout(self.at());
        }
        self.now = end;
        self.node.handle_timeout(self.at());
        self.drain(peer);
    }

    fn drain(&mut self, peer: &Peer) {
        while let Some(transmit) = self.node.poll_transmit() {
            let Transmit::Ping { attempt, .. } = transmit else { continue };
            match peer {
                Peer::Refuses => self.node.handle_failure(self.at(), attempt, Evidence::Refused),
                Peer::Says(boot, said) => {
                    let answer = self.answer(*boot, said.clone());
                    self.node.handle_answer(self.at(), attempt, answer);
                }
            }
        }
        while let Some(event) = self.node.poll_event() {
            if event.kind.name().starts_with("maintenance_") {
                self.told.push(crate::render::sentence(&event));
            }
        }
    }

    fn answer(&self, boot: u64, maintenance: Option<Announcement>) -> Answer {
        Answer {
            node: name("node-2"),
            boot: BootId(boot),
            seq: Seq(self.now.as_millis() as u64),
            state: SelfState::Ready,
            version: "0".into(),
            accusations: Vec::new(),
            watch: WatchDelta::default(),
            maintenance,
        }
    }

    fn peer(&mut self) -> PeerView {
        let at = self.at();
        self.node.view(at).peers.remove(0)
    }

    fn told(&mut self) -> Vec<String> {
        self.drain(&Peer::Refuses);
        std::mem::take(&mut self.told)
    }
}

#[test]
fn what_operators_announce_is_told_and_ends_by_itself() {
    let mut bench = Bench::new();
    assert_eq!(bench.node.handle_ping(bench.at(), None, PingSource::Elsewhere).maintenance, None);
    bench.node.handle_maintenance(bench.at(), Some(maintenance("disk", MINUTE)));
    assert!(std::iter::from_fn(|| bench.node.poll_transmit()).any(|transmit| transmit == Transmit::PublishNews));
    bench.now += Duration::from_secs(20);
    assert_eq!(
        bench.node.handle_ping(bench.at(), None, PingSource::Elsewhere).maintenance,
        on("disk", Duration::from_secs(40))
    );
    assert_eq!(bench.node.view(bench.at()).maintenance, Some(maintenance("disk", Duration::from_secs(40))));
    // A node without peers wakes for this alone.
    bench.live(MINUTE, &Peer::Refuses);
    assert_eq!(bench.node.handle_ping(bench.at(), None, PingSource::Elsewhere).maintenance, None);
    assert_eq!(
        bench.told(),
        ["is in maintenance for at most 1 min: disk", "is no longer in maintenance: the announced time is over"]
    );
}

#[test]
fn an_end_is_told_for_the_rest_of_a_life() {
    let mut bench = Bench::new();
    bench.node.handle_maintenance(bench.at(), Some(maintenance("disk", SPAN_MAX * 2)));
    assert_eq!(
        bench.node.handle_ping(bench.at(), None, PingSource::Elsewhere).maintenance,
        on("disk", SPAN_MAX),
        "bounded here as well"
    );
    bench.node.handle_maintenance(bench.at(), None);
    bench.node.handle_maintenance(bench.at(), None);
    bench.now += MINUTE;
    assert_eq!(bench.node.handle_ping(bench.at(), None, PingSource::Elsewhere).maintenance, Some(Announcement::Off));
    assert_eq!(bench.told().len(), 2, "the second order ends nothing");
}

#[test]
fn a_peer_in_maintenance_is_found_down_as_ever_and_not_expected_until_the_end() {
    let mut bench = Bench::with_peer();
    let mut plain = Bench::with_peer();
    bench.live(MINUTE, &Peer::Says(1, on("disk", MINUTE * 2)));
    plain.live(MINUTE, &Peer::Says(1, None));
    assert_eq!(bench.peer().maintenance.map(|known| known.reason.as_str().to_owned()).as_deref(), Some("disk"));
    assert!(!bench.peer().expected && plain.peer().expected);
    let mut left = Duration::MAX;
    for _ in 0..100 {
        bench.live(MINUTE / 60, &Peer::Refuses);
        plain.live(MINUTE / 60, &Peer::Refuses);
        let (view, other) = (bench.peer(), plain.peer());
        assert_eq!((view.peer.state, view.verdict), (other.peer.state, other.verdict), "maintenance judges nobody");
        assert!(!view.expected && other.expected);
        let known = view.maintenance.expect("still in maintenance").left;
        assert!(known < left, "time passes");
        left = known;
    }
    assert_eq!(bench.peer().peer.state, PeerState::Dead);
    bench.live(MINUTE, &Peer::Refuses);
    let view = bench.peer();
    assert!(view.expected && view.maintenance.is_none() && view.overrun.is_some_and(|over| over > Duration::ZERO));
    assert_eq!(
        bench.told(),
        [
            "node-2 is in maintenance for at most 2 min: disk",
            "node-2 is not back, although its maintenance should be over"
        ]
    );
    bench.live(MINUTE / 2, &Peer::Says(2, None));
    assert_eq!((bench.peer().overrun, bench.peer().peer.state), (None, PeerState::Alive));
    assert_eq!(bench.told(), [""; 0], "that it is back is an event of its own");
}

#[test]
fn a_restart_ends_nothing_and_an_order_to_the_new_process_does() {
    let mut bench = Bench::with_peer();
    bench.live(MINUTE, &Peer::Says(1, on("disk", MINUTE * 10)));
    bench.live(MINUTE / 10, &Peer::Refuses);
    bench.live(MINUTE, &Peer::Says(2, None));
    let view = bench.peer();
    assert_eq!((view.peer.boot, view.peer.state), (Some(BootId(2)), PeerState::Alive));
    assert!(!view.expected && view.maintenance.is_some());
    bench.live(MINUTE / 10, &Peer::Says(2, Some(Announcement::Off)));
    assert!(bench.peer().expected && bench.peer().maintenance.is_none());
    assert_eq!(
        bench.told(),
        ["node-2 is in maintenance for at most 10 min: disk", "node-2 is no longer in maintenance"]
    );
}

#[test]
fn a_peer_that_is_up_when_its_time_is_over_has_not_overrun() {
    let mut bench = Bench::with_peer();
    bench.live(MINUTE / 2, &Peer::Says(1, on("disk", MINUTE)));
    bench.live(MINUTE * 2, &Peer::Says(2, None));
    assert_eq!(bench.peer().overrun, None);
    assert_eq!(bench.told().pop().as_deref(), Some("node-2 is no longer in maintenance: the announced time is over"));
}

#[test]
fn the_silence_of_the_boot_that_announced_it_ends_it() {
    let mut bench = Bench::with_peer();
    bench.live(MINUTE, &Peer::Says(1, on("disk", MINUTE * 10)));
    bench.live(MINUTE / 10, &Peer::Says(1, None));
    assert!(bench.peer().expected);
    assert_eq!(bench.told().pop().as_deref(), Some("node-2 is no longer in maintenance: the announced time is over"));
}

#[test]
fn changes_are_told_and_nothing_else_is() {
    let mut bench = Bench::with_peer();
    for left in [100, 99, 200] {
        bench.live(MINUTE, &Peer::Says(1, on("disk", MINUTE * left)));
    }
    bench.live(MINUTE, &Peer::Says(1, on("fans", SPAN_MAX * 3)));
    assert_eq!(
        bench.told(),
        ["node-2 is in maintenance for at most 1 h 40 min: disk", "node-2 is in maintenance for at most 1 d: fans"]
    );
    let left = bench.peer().maintenance.expect("in maintenance").left;
    assert!(left <= SPAN_MAX, "a peer cannot ask for more than an operator");
}

#[test]
fn a_name_that_comes_back_under_another_key_is_still_in_maintenance() {
    let mut bench = Bench::with_peer();
    bench.live(MINUTE, &Peer::Says(1, on("disk", MINUTE * 10)));
    bench.watch(&["elsewhere"]);
    bench.live(MINUTE, &Peer::Says(2, None));
    assert!(bench.peer().maintenance.is_some() && !bench.peer().expected);
}

#[test]
fn an_overrun_of_a_node_that_is_no_longer_watched_is_forgotten() {
    let mut bench = Bench::with_peer();
    bench.live(MINUTE / 2, &Peer::Says(1, on("disk", MINUTE)));
    bench.live(MINUTE * 2, &Peer::Refuses);
    assert!(bench.peer().overrun.is_some());
    bench.watch(&[]);
    assert!(bench.node.maintenance.peers.is_empty() && bench.node.maintenance.next_end().is_none());
}
