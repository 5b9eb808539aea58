//! The mesh in one short line, for places with room for no more: the bar of the page, the picture, the end of a command.
//!
//! The full sentence is the headline where it is short enough. Else its first statement is, and where that is too long
//! as well, the numbers are: a line that is cut in the middle of a name says nothing.

use super::mesh::{Severity, Summary};
use crate::mesh::{MeshVerdict, MeshView};

/// The most characters of a headline: two lines on a phone, one on a desk.
pub const HEADLINE_CHARS: usize = 90;

/// The mesh in at most [`HEADLINE_CHARS`] characters, without a full stop.
pub fn headline(view: &MeshView, summary: &Summary) -> String {
    let fits = |text: &str| text.chars().count() <= HEADLINE_CHARS;
    if fits(&summary.sentence) {
        return summary.sentence.clone();
    }
    let gravest = summary.findings.first().map_or(Severity::Note, |finding| finding.weight);
    let others = summary.findings.iter().filter(|finding| finding.weight == gravest).count().saturating_sub(1);
    let more = if others == 0 { String::new() } else { format!("; {others} more") };
    if view.groups.split {
        let sizes: Vec<String> = view.groups.groups.iter().map(|group| group.len().to_string()).collect();
        let text = format!("the mesh is split into groups of {} nodes{more}", sizes.join(" and "));
        return if fits(&text) { text } else { format!("the mesh is split into {} groups", sizes.len()) };
    }
    if let (Some(first), Severity::Fault) = (summary.findings.first(), gravest) {
        let leads = [Some(&*first.text), first.text.split_once("; ").map(|(lead, _)| lead)];
        let lead = leads.into_iter().flatten().map(|lead| format!("{lead}{more}")).find(|text| fits(text));
        return lead.unwrap_or_else(|| counts(view));
    }
    counts(view)
}

/// The mesh in numbers: "12 nodes, 1 down, 2 of 132 links bad". A link to a node that is down is not counted as bad: one
/// dead node is one fault and not eleven.
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
    let all: usize = view.rows.iter().map(|row| row.cells.len()).sum();
    if all > 0 {
        parts.push(format!("{bad} of {all} links bad"));
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::detector::peer::{PeerState, SelfState, Verdict};
    use crate::mesh::{self, Cell, Member, Row, RowFreshness};
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
    fn a_long_one_is_its_first_statement() {
        let (headline, counts) = says(&view(&nodes(12), 2, &[(4, 5), (5, 4)]));
        assert_eq!(headline, "node-1 and node-2 have been down for 12 s; 1 more");
        assert_eq!(counts, "12 nodes, 2 down, 2 of 132 links bad");
    }

    #[test]
    fn the_numbers_speak_where_names_are_too_long() {
        let names: Vec<String> = (1..=12).map(|number| format!("{}-{number}", "x".repeat(80))).collect();
        let (headline, counts) = says(&view(&names, 1, &[]));
        assert_eq!(headline, "12 nodes, 1 down, 0 of 132 links bad");
        assert_eq!(headline, counts);
    }

    #[test]
    fn a_split_of_a_large_mesh_has_its_sizes() {
        let across: Vec<(usize, usize)> = (0..12)
            .flat_map(|from| (0..12).map(move |to| (from, to)))
            .filter(|(from, to)| (*from < 5) != (*to < 5))
            .collect();
        let (headline, _) = says(&view(&nodes(12), 0, &across));
        assert_eq!(headline, "the mesh is split into groups of 7 and 5 nodes");
        assert!(headline.chars().count() <= HEADLINE_CHARS);
    }
}
