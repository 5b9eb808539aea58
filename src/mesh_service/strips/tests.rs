//! Strips over invented time: what is known when someone looks, when nobody does, and how much of it is kept.

use std::time::Duration;

use super::*;
use crate::detector::event::{Event, EventKind, PeerRef};
use crate::detector::evidence::{Class, Evidence};
use crate::detector::peer::{NodeName, PeerId, PeerKey, PeerState, SelfState, Verdict};
use crate::mesh::{self, RowFreshness};
use crate::telemetry::events::EVENTS_KEPT;
use crate::telemetry::{Metrics, Telemetry};

fn at(seconds: u64) -> Monotonic {
    Monotonic(Duration::from_secs(seconds))
}

fn member(name: &str) -> Member {
    Member::from(name)
}

/// Strips at a moment that does not pass, and what pushes events into the log that they read.
fn strips(now: u64) -> (Strips, Telemetry) {
    let events = Arc::new(EventLog::new());
    let metrics = Arc::new(Metrics::new(Duration::from_secs(2)).expect("valid buckets"));
    (Strips::new(Clock::stopped(at(now)), Arc::clone(&events)), Telemetry::new(metrics, events))
}

fn row(observer: &str, cells: &[(&str, PeerState)]) -> Row {
    let cells = cells.iter().map(|(peer, state)| Cell::new(member(peer), *state)).collect();
    Row {
        freshness: RowFreshness::Now,
        as_of: Some(Duration::ZERO),
        state: Some(SelfState::Ready),
        cells,
        ..Row::never(member(observer))
    }
}

fn tell(telemetry: &Telemetry, seconds: u64, peer: Option<(&str, PeerState)>, kind: EventKind) {
    let peer = peer.map(|(name, state)| PeerRef {
        id: PeerId(1),
        key: PeerKey(format!("{name}:8001").as_str().into()),
        node: Some(NodeName::new(name).expect("valid")),
        boot: None,
        state,
        flaw: None,
    });
    telemetry.observe(NodeEvent::Detector(Event { at: at(seconds), peer, kind }));
}

fn down() -> EventKind {
    EventKind::PeerDown {
        prev: PeerState::Suspect,
        verdict: Verdict::Down,
        class: Class::Gone,
        evidence: Evidence::Refused,
        silent_for: Duration::from_secs(1),
        accusers: Vec::new(),
    }
}

fn recovered() -> EventKind {
    EventKind::PeerRecovered { prev: PeerState::Dead, outage: Duration::from_secs(1), rtt: None }
}

fn shape(runs: &[Run]) -> Vec<(Mark, usize)> {
    runs.iter().map(|run| (run.mark, run.slots)).collect()
}

/// Node b is down from 300 s to 335 s, and the page is opened at 600 s for the first time.
#[test]
fn own_links_are_known_although_nobody_looked() {
    use PeerState::{Alive, Dead};
    let (strips, telemetry) = strips(600);
    tell(&telemetry, 1, Some(("b", Alive)), EventKind::PeerJoined { rtt: None });
    tell(&telemetry, 300, Some(("b", Dead)), down());
    tell(&telemetry, 335, Some(("b", Alive)), recovered());
    let view = mesh::view(vec![row("a", &[("b", Alive), ("c", Alive)]), row("b", &[("a", Alive), ("c", Alive)])]);
    strips.observe(at(600), &member("a"), &view);
    let expected = [(Mark::Unknown, 29), (Mark::Up, 30), (Mark::Down, 4), (Mark::Up, 27)];
    assert_eq!(shape(&strips.link(&member("a"), &member("b"))), expected);
    assert_eq!(shape(&strips.node(&member("b"))), expected, "a node is what its link is where there is no view");
    assert_eq!(shape(&strips.node(&member("a"))), [(Mark::Unknown, 29), (Mark::Up, 61)], "it has run all the time");
    let looked = [(Mark::Unknown, 89), (Mark::Up, 1)];
    assert_eq!(shape(&strips.link(&member("b"), &member("a"))), looked, "others are known when someone looks");
    assert_eq!(shape(&strips.link(&member("a"), &member("c"))), looked, "no event says since when");
    assert_eq!(shape(&strips.link(&member("x"), &member("y"))), [(Mark::Unknown, 90)]);
}

#[test]
fn a_pause_of_this_node_is_no_knowledge_of_others() {
    use PeerState::Alive;
    let (strips, telemetry) = strips(200);
    tell(&telemetry, 1, Some(("b", Alive)), EventKind::PeerJoined { rtt: None });
    tell(&telemetry, 150, None, EventKind::SelfStalled { lost: Duration::from_secs(55) });
    strips.observe(at(200), &member("a"), &mesh::view(vec![row("a", &[("b", Alive)])]));
    let own = [(Mark::Unknown, 69), (Mark::Up, 9), (Mark::Partly, 7), (Mark::Up, 5)];
    assert_eq!(shape(&strips.node(&member("a"))), own);
    let link = [(Mark::Unknown, 69), (Mark::Up, 10), (Mark::Unknown, 5), (Mark::Up, 6)];
    assert_eq!(shape(&strips.link(&member("a"), &member("b"))), link);
}

/// More events than the ring holds happened since the last look.
#[test]
fn forgotten_events_leave_a_gap_and_no_guess() {
    use PeerState::{Alive, Dead};
    let (strips, telemetry) = strips(400);
    let view = || mesh::view(vec![row("a", &[("b", Alive)])]);
    tell(&telemetry, 1, Some(("b", Alive)), EventKind::PeerJoined { rtt: None });
    strips.observe(at(5), &member("a"), &view());
    tell(&telemetry, 20, Some(("b", Dead)), down());
    // No peer has so many that only its own make room.
    for number in 0..EVENTS_KEPT + 1 {
        tell(&telemetry, 300, Some((["c", "d", "e", "f", "g"][number % 5], Alive)), EventKind::PeerReturned);
    }
    strips.observe(at(400), &member("a"), &view());
    let expected = [(Mark::Unknown, 49), (Mark::Up, 1), (Mark::Unknown, 39), (Mark::Up, 1)];
    assert_eq!(shape(&strips.link(&member("a"), &member("b"))), expected);
}

/// One peer had more events than its share since the last look, and the ring is full.
#[test]
fn the_forgotten_events_of_one_peer_leave_a_gap_in_its_strip_alone() {
    use PeerState::{Alive, Dead};
    let (strips, telemetry) = strips(400);
    let view = || mesh::view(vec![row("a", &[("b", Alive), ("c", Alive)])]);
    for peer in ["b", "c"] {
        tell(&telemetry, 1, Some((peer, Alive)), EventKind::PeerJoined { rtt: None });
    }
    strips.observe(at(5), &member("a"), &view());
    tell(&telemetry, 20, Some(("b", Dead)), down());
    tell(&telemetry, 95, Some(("b", Alive)), recovered());
    for number in 0..4 * EVENTS_KEPT as u64 {
        // From 110 s to 315 s, down half of the time.
        let seconds = 110 + number / 20;
        let (state, kind) = if number % 2 == 0 { (Dead, down()) } else { (Alive, recovered()) };
        tell(&telemetry, seconds, Some(("c", state)), kind);
    }
    strips.observe(at(400), &member("a"), &view());
    let b = [(Mark::Unknown, 49), (Mark::Up, 2), (Mark::Down, 8), (Mark::Up, 31)];
    assert_eq!(shape(&strips.link(&member("a"), &member("b"))), b, "nothing of it was forgotten");
    // The last thousand are left, of 51 s.
    let c = [(Mark::Unknown, 49), (Mark::Up, 1), (Mark::Unknown, 25), (Mark::Down, 6), (Mark::Up, 9)];
    assert_eq!(shape(&strips.link(&member("a"), &member("c"))), c);
}

#[test]
fn views_mark_nodes_and_links_of_others() {
    use PeerState::{Alive, Dead, Suspect};
    let (strips, _) = strips(100);
    let c_is =
        |state| mesh::view(vec![row("a", &[("b", Alive), ("c", state)]), row("b", &[("a", Alive), ("c", state)])]);
    strips.observe(at(70), &member("a"), &c_is(Alive));
    strips.observe(at(81), &member("a"), &c_is(Suspect));
    strips.observe(at(90), &member("a"), &c_is(Dead));
    strips.observe(at(99), &member("a"), &c_is(Alive));
    let expected = [(Mark::Unknown, 86), (Mark::Up, 1), (Mark::Partly, 1), (Mark::Down, 1), (Mark::Unknown, 1)];
    assert_eq!(shape(&strips.link(&member("b"), &member("c"))), expected);
    assert_eq!(shape(&strips.node(&member("c"))), expected);
}

/// A peer that makes up names in every row.
#[test]
fn memory_is_bounded_and_what_is_old_goes() {
    use PeerState::Alive;
    let (strips, _) = strips(2_000);
    for round in 0..20_u64 {
        let names: Vec<String> = (0..1000).map(|number| format!("n-{round}-{number}")).collect();
        let cells: Vec<(&str, PeerState)> = names.iter().map(|name| (name.as_str(), Alive)).collect();
        strips.observe(at(round), &member("a"), &mesh::view(vec![row("a", &cells), row("b", &cells)]));
    }
    let held = |strips: &Strips| {
        let book = strips.book();
        (book.nodes.len(), book.links, book.nodes.iter().map(|(_, node)| node.links.len()).sum::<usize>())
    };
    assert_eq!(held(&strips), (NODES_MAX, LINKS_MAX, LINKS_MAX));
    let bytes = NODES_MAX * size_of::<(Member, Node)>() + LINKS_MAX * size_of::<(Member, Strip)>();
    assert!(bytes < 2_200_000, "{bytes} bytes are more than the module says");
    strips.observe(at(1_000), &member("a"), &mesh::view(vec![row("a", &[("b", Alive)])]));
    let (nodes, links, _) = held(&strips);
    assert!(nodes <= 3 && links <= 2_100, "{nodes} nodes, {links} links");
}

#[test]
fn the_log_of_events_is_read_once() {
    use PeerState::Alive;
    let (strips, telemetry) = strips(50);
    let view = mesh::view(vec![row("a", &[("b", Alive)])]);
    strips.observe(at(1), &member("a"), &view);
    tell(&telemetry, 2, Some(("b", Alive)), EventKind::PeerJoined { rtt: None });
    strips.observe(at(40), &member("a"), &view);
    assert_eq!(strips.book().read, 1);
    assert_eq!(
        shape(&strips.link(&member("a"), &member("b"))),
        [(Mark::Unknown, 84), (Mark::Up, 5), (Mark::Unknown, 1)]
    );
}

/// What the lists of a book hold, with the room that they have reserved, and the names that only they keep.
fn bytes(book: &Book) -> usize {
    let links: usize = book.nodes.iter().map(|(_, node)| node.links.capacity() * size_of::<(Member, Strip)>()).sum();
    let members =
        book.nodes.iter().flat_map(|(own, node)| std::iter::once(own).chain(node.links.iter().map(|(peer, _)| peer)));
    // Two counters stand before the text of a shared name.
    let names: std::collections::BTreeMap<*const u8, usize> =
        members.map(|member| (member.0.as_ptr(), member.0.len() + 2 * size_of::<usize>())).collect();
    book.nodes.capacity() * size_of::<(Member, Node)>() + links + names.values().sum::<usize>()
}

/// `cargo test --lib strips::tests::sizes -- --nocapture` prints the table of docs/sizing.md: fifteen minutes of a mesh
/// whose page is open, each time with names of its own as rows from the network have. Small ones are looked at every two
/// seconds, as a page does; large ones take long to make here, and less often, because a strip does not grow.
#[test]
fn sizes_of_meshes_are_those_of_the_documentation() {
    let mut rows = String::new();
    for size in [3, 32, 128] {
        let names: Vec<String> = (1..=size).map(|number| format!("node-{number}")).collect();
        let (strips, _) = strips(900);
        let looked = |seconds: u64| {
            let row = |own: &String| {
                let others = names.iter().filter(|name| *name != own);
                row(own, &others.map(|name| (name.as_str(), PeerState::Alive)).collect::<Vec<_>>())
            };
            strips.observe(at(seconds), &member("node-1"), &mesh::view(names.iter().map(row).collect()));
        };
        looked(0);
        let before = bytes(&strips.book());
        let every = [(3, 2), (32, 30), (128, 450)].into_iter().find_map(|(of, every)| (of == size).then_some(every));
        (0..900).step_by(every.unwrap_or(2)).for_each(looked);
        let after = bytes(&strips.book());
        assert_eq!(before, after, "a strip has its size from the first mark on");
        let links = size * (size - 1);
        rows += &format!("| {size} | {} | {:.1} kB |\n", size + links, after as f64 / 1000.0);
    }
    println!("{rows}");
    let page = include_str!("../../../docs/sizing.md");
    assert!(page.contains(&rows), "docs/sizing.md has other sizes of the strips than\n{rows}");
}
