//! The mesh in one short line, for places with room for no more: the bar of the page, the picture, the end of a command.
//!
//! The full sentence is the headline where it is short enough. Else the statements lose first those that report them and
//! then their times, and where that is not enough, the last of them become a number: a second fault that is named helps
//! more than the witnesses of the first. Where not even one statement fits, the numbers speak: a line that is cut in the
//! middle of a name says nothing.

use super::mesh::{Finding, Summary};
use crate::mesh::{MeshVerdict, MeshView, NodeStatus};

/// The most characters of a headline: two lines on a phone, one on a desk.
pub const HEADLINE_CHARS: usize = 90;

/// Statements that a headline may name.
const NAMED_MAX: usize = 3;

/// The mesh in at most [`HEADLINE_CHARS`] characters, without a full stop.
pub fn headline(view: &MeshView, summary: &Summary) -> String {
    let fits = |text: &String| text.chars().count() <= HEADLINE_CHARS;
    let mut lines = std::iter::once(summary.sentence.clone()).chain(shorter(summary));
    lines.find(fits).unwrap_or_else(|| counts(view))
}

/// The sentence in fewer and fewer words.
fn shorter(summary: &Summary) -> impl Iterator<Item = String> {
    let told = summary.gravest();
    let fewest = usize::from(summary.good.is_none());
    (fewest..=told.len().min(NAMED_MAX)).rev().flat_map(move |named| {
        [(true, true), (true, false), (false, false)].map(|(is_first_timed, are_others_timed)| {
            let text = |(at, told): (usize, &Finding)| {
                let is_timed = if at == 0 { is_first_timed } else { are_others_timed };
                if is_timed { told.brief.clone() } else { told.bare.clone() }
            };
            let mut parts: Vec<String> = summary.good.iter().cloned().collect();
            parts.extend(told[..named].iter().enumerate().map(text));
            parts.extend(rest(told.len() - named, named > 0, if summary.good.is_some() { "finding" } else { "fault" }));
            parts.join("; ")
        })
    })
}

/// "2 more faults".
fn rest(count: usize, is_named: bool, word: &str) -> Option<String> {
    let more = if is_named { "more " } else { "" };
    (count > 0).then(|| format!("{count} {more}{word}{}", if count == 1 { "" } else { "s" }))
}

/// The mesh in numbers: "12 nodes, 1 down, 2 of 110 other links bad". Links of a node that is not there are in neither number:
/// one dead node is one fault and not eleven, and the others have 110 links.
pub fn counts(view: &MeshView) -> String {
    let nodes = view.node_statuses.len();
    let mut parts = vec![if nodes == 1 { "1 node".to_owned() } else { format!("{nodes} nodes") }];
    let words = [
        (MeshVerdict::Down, "down"),
        (MeshVerdict::Unconfirmed, "perhaps down"),
        (MeshVerdict::CutOff, "cut off"),
        (MeshVerdict::Lossy, "losing packets"),
        (MeshVerdict::Unverified, "without the mesh key"),
        (MeshVerdict::NeverSeen, "never seen"),
        (MeshVerdict::Left, "left"),
        (MeshVerdict::Maintenance, "in maintenance"),
    ];
    for (verdict, word) in words {
        let count = view.node_statuses.iter().filter(|status| status.verdict == verdict).count();
        if count > 0 {
            parts.push(format!("{count} {word}"));
        }
    }
    let bad: usize = view.rows.iter().map(|row| view.bad_links(row).count()).sum();
    let all = view.link_count();
    if all > 0 {
        let other = if view.node_statuses.iter().all(NodeStatus::has_links) { "" } else { "other " };
        parts.push(format!("{bad} of {all} {other}links bad"));
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::detector::peer::{PeerState, SelfState, Verdict};
    use crate::mesh::{self, BlindSpot, BlindSpotKind, Cell, Member, Row, RowFreshness};
    use crate::render::mesh::summary;

    /// A mesh of nodes with these names, where each of the pairs is broken from the first to the second.
    fn view(names: &[String], dead: usize, broken: &[(usize, usize)]) -> MeshView {
        let cell = |from: usize, to: usize| {
            let (state, verdict) = match (to < dead, broken.contains(&(from, to))) {
                (true, _) => (PeerState::Dead, Some(Verdict::Down)),
                (false, true) => (PeerState::Unreachable, Some(Verdict::LinkBroken)),
                (false, false) => (PeerState::Alive, None),
            };
            let heard = Some(Duration::from_secs(12));
            Cell { verdict, last_proof: heard, last_answer: heard, ..Cell::new(Member::from(&*names[to]), state) }
        };
        let row = |from: usize| Row {
            freshness: if from < dead { RowFreshness::Before } else { RowFreshness::Now },
            state: Some(SelfState::Ready),
            cells: (0..names.len()).filter(|to| *to != from).map(|to| cell(from, to)).collect(),
            ..Row::never(Member::from(&*names[from]))
        };
        mesh::view((0..names.len()).map(row).collect())
    }

    fn says(view: &MeshView) -> (String, String) {
        (headline(view, &summary(view)), counts(view))
    }

    fn nodes(count: usize) -> Vec<String> {
        (1..=count).map(|number| format!("node-{number}")).collect()
    }

    #[test]
    fn a_short_sentence_is_the_headline() {
        let (headline, counts) = says(&view(&nodes(3), 0, &[]));
        assert_eq!((&*headline, &*counts), ("all 3 nodes reach each other", "3 nodes, 0 of 6 links bad"));
    }

    #[test]
    fn a_second_fault_is_named_where_there_is_room() {
        let (headline, counts) = says(&view(&nodes(12), 2, &[(4, 5), (5, 4)]));
        assert_eq!(headline, "node-1 and node-2 have been down for 12 s; node-5 and node-6 cannot reach each other");
        assert_eq!(counts, "12 nodes, 2 down, 2 of 90 other links bad");
        // With the time of both, where that fits.
        let (headline, _) = says(&view(&nodes(12), 1, &[(1, 2)]));
        assert_eq!(headline, "node-1 has been down for 12 s; node-2 has not reached node-3 for 12 s: one way only");
        // Without any, where that does not.
        let (headline, _) = says(&view(&nodes(12), 0, &[(1, 2), (5, 6)]));
        assert_eq!(headline, "node-2 cannot reach node-3: one way only; node-6 cannot reach node-7: one way only");
    }

    #[test]
    fn faults_without_room_for_their_names_are_counted() {
        let three = [(4, 5), (5, 4), (6, 7), (7, 6)];
        let (headline, _) = says(&view(&nodes(12), 2, &three));
        assert_eq!(headline, "node-1 and node-2 are down; node-5 and node-6 cannot reach each other; 1 more fault");
        let names: Vec<String> = nodes(12).iter().map(|name| format!("{name}.example.com")).collect();
        let (headline, _) = says(&view(&names, 2, &three));
        assert_eq!(headline, "node-1.example.com and node-2.example.com have been down for 12 s; 2 more faults");
        let (headline, _) = says(&view(&names, 2, &three[..2]));
        assert_eq!(headline, "node-1.example.com and node-2.example.com have been down for 12 s; 1 more fault");
    }

    #[test]
    fn a_link_says_since_when() {
        let (headline, _) = says(&view(&nodes(3), 0, &[(0, 1)]));
        assert_eq!(headline, "node-1 has not reached node-2 for 12 s, but node-2 reaches node-1: one way only");
        let (headline, _) = says(&view(&nodes(12), 0, &[(0, 1), (1, 0)]));
        assert_eq!(headline, "node-1 and node-2 have not reached each other for 12 s");
    }

    #[test]
    fn what_is_not_known_is_named_or_counted_as_well() {
        let mut rows = view(&nodes(12), 0, &[]).rows;
        for (row, what) in rows.iter_mut().zip(["a.example.com:8001", "b.example.com:8001", "c.example.com:8001"]) {
            row.blind_spots = vec![BlindSpot { kind: BlindSpotKind::NoNodeAt, what: what.into(), why: "".into() }];
        }
        let (headline, _) = says(&mesh::view(rows));
        assert_eq!(headline, "no fault is known; node-1 finds no node at a.example.com:8001; 2 more findings");
    }

    #[test]
    fn the_numbers_speak_where_names_are_too_long() {
        let names: Vec<String> = (1..=12).map(|number| format!("{}-{number}", "x".repeat(90))).collect();
        let (headline, counts) = says(&view(&names, 1, &[]));
        assert_eq!(headline, "12 nodes, 1 down, 0 of 110 other links bad");
        assert_eq!(headline, counts);
    }

    #[test]
    fn a_split_of_a_large_mesh_has_its_sizes() {
        let across: Vec<(usize, usize)> = (0..12)
            .flat_map(|from| (0..12).map(move |to| (from, to)))
            .filter(|(from, to)| (*from < 5) != (*to < 5))
            .collect();
        let (headline, _) = says(&view(&nodes(12), 0, &across));
        assert_eq!(headline, "the mesh has been split into groups of 7 and 5 nodes for 12 s");
        let alone: Vec<(usize, usize)> = (0..6).flat_map(|from| (0..6).map(move |to| (from, to))).collect();
        let names: Vec<String> = nodes(6).iter().map(|name| format!("{name}.a-long-domain.example.com")).collect();
        let (headline, _) = says(&view(&names, 0, &alone));
        assert_eq!(headline, "the mesh has been split into 6 groups for 12 s");
    }

    #[test]
    fn links_of_nodes_that_are_not_there_are_in_neither_number() {
        for verdict in MeshVerdict::ALL {
            let mut mesh = view(&nodes(4), 0, &[(0, 3), (1, 3), (3, 0)]);
            mesh.node_statuses[3].verdict = verdict;
            let away = [MeshVerdict::Down, MeshVerdict::Unconfirmed, MeshVerdict::NeverSeen];
            let planned = [MeshVerdict::Left, MeshVerdict::Maintenance];
            let expected =
                if away.contains(&verdict) || planned.contains(&verdict) { "0 of 6 other" } else { "3 of 12" };
            let counts = counts(&mesh);
            assert!(counts.ends_with(&format!("{expected} links bad")), "{verdict:?}: {counts}");
        }
    }
}
