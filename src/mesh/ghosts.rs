//! Nodes that one other node alone lists.
//!
//! A row is the word of one process, and may name a thousand nodes that do not exist. So a node that has no row of its
//! own enters the view only if two rows name it, or the row of the node that gathers does: in its list of peers, or as a
//! caller that is on no list. What is left out is not hidden: it is a blind spot of the row that named it, with a few of
//! the names, and the mesh is not whole.

use std::collections::{BTreeMap, BTreeSet};

use super::blind_spot::{BLIND_SPOTS_MAX, BlindSpot, BlindSpotKind};
use super::rows::{Member, Row};
use crate::detector::peer::PeerState;

/// Names of a row that are shown of those that are left out.
const NAMES_SHOWN: usize = 3;

/// The rows without the cells about nodes that only one row other than that of `me` names.
pub fn without_ghosts(mut rows: Vec<Row>, me: &Member) -> Vec<Row> {
    let mut named: BTreeMap<Member, usize> = BTreeMap::new();
    for row in &rows {
        *named.entry(row.observer.clone()).or_default() += 2;
        let weight = if row.observer == *me { 2 } else { 1 };
        let callers = row.blind_spots.iter().filter(|spot| spot.kind == BlindSpotKind::Unlisted);
        let callers = callers.map(|spot| Member(spot.what.clone()));
        for peer in row.cells.iter().map(|cell| cell.peer.clone()).chain(callers).collect::<BTreeSet<_>>() {
            *named.entry(peer).or_default() += weight;
        }
    }
    for row in &mut rows {
        let mut left_out: BTreeSet<Member> = BTreeSet::new();
        row.cells.retain(|cell| {
            let stays = named.get(&cell.peer).is_some_and(|count| *count >= 2);
            // One that left is dropped from the lists, from each a little later.
            if !stays && cell.state != PeerState::Left {
                left_out.insert(cell.peer.clone());
            }
            stays
        });
        row.blind_spots.retain(|spot| spot.kind != BlindSpotKind::ListedByOne);
        if !left_out.is_empty() {
            row.blind_spots.truncate(BLIND_SPOTS_MAX - 1);
            row.blind_spots.push(listed_by_one(&left_out));
        }
    }
    rows
}

fn listed_by_one(left_out: &BTreeSet<Member>) -> BlindSpot {
    let mut names: Vec<String> = left_out.iter().take(NAMES_SHOWN).map(Member::to_string).collect();
    if left_out.len() > NAMES_SHOWN {
        names.push(format!("{} more", left_out.len() - NAMES_SHOWN));
    }
    BlindSpot { kind: BlindSpotKind::ListedByOne, what: names.join(", ").into(), why: "".into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detector::peer::PeerState;
    use crate::mesh::{BlindSpot, Cell, RowFreshness, view};

    fn row(observer: &str, peers: &[&str]) -> Row {
        let cell = |peer: &&str| Cell::new(Member::from(*peer), PeerState::Dead);
        let cells = peers.iter().map(cell).collect();
        Row { freshness: RowFreshness::Now, cells, ..Row::never(Member::from(observer)) }
    }

    fn members(rows: Vec<Row>) -> Vec<String> {
        let view = view(without_ghosts(rows, &Member::from("me")));
        view.node_statuses.iter().map(|status| status.member.to_string()).collect()
    }

    #[test]
    fn one_row_adds_no_node_and_two_do() {
        assert_eq!(
            members(vec![row("me", &["a", "b"]), row("a", &["me", "x"]), row("b", &["me", "a"])]),
            ["a", "b", "me"]
        );
        assert_eq!(members(vec![row("me", &["a", "b"]), row("a", &["x"]), row("b", &["x"])]), ["a", "b", "me", "x"]);
    }

    #[test]
    fn my_own_list_adds_a_node_that_no_other_names() {
        assert_eq!(members(vec![row("me", &["a", "z"]), row("a", &["me"])]), ["a", "me", "z"]);
    }

    #[test]
    fn a_caller_that_is_on_no_list_of_mine_is_no_ghost() {
        let caller = BlindSpot { kind: BlindSpotKind::Unlisted, what: "x".into(), why: "".into() };
        let mine = Row { blind_spots: vec![caller], ..row("me", &["a"]) };
        assert_eq!(members(vec![mine, row("a", &["me", "x", "y"])]), ["a", "me", "x"]);
    }

    #[test]
    fn naming_a_node_twice_in_one_row_is_one_naming() {
        let caller = BlindSpot { kind: BlindSpotKind::Unlisted, what: "x".into(), why: "".into() };
        let theirs = Row { blind_spots: vec![caller], ..row("a", &["x", "x", "me"]) };
        assert_eq!(members(vec![row("me", &["a"]), theirs]), ["a", "me"]);
    }

    #[test]
    fn what_is_left_out_is_a_blind_spot_of_a_few_words() {
        let ghosts: Vec<String> = (0..1000).map(|n| format!("ghost-{n}")).collect();
        let ghosts: Vec<&str> = ghosts.iter().map(String::as_str).collect();
        let forged = BlindSpot { kind: BlindSpotKind::ListedByOne, what: "anything".into(), why: "".into() };
        let theirs = Row { blind_spots: vec![forged; BLIND_SPOTS_MAX], ..row("a", &ghosts) };
        let view = view(without_ghosts(vec![row("me", &["a"]), theirs], &Member::from("me")));
        let (_, row) = view.member(&Member::from("a")).expect("is watched");
        let whats: Vec<&str> = row.blind_spots.iter().map(|spot| &*spot.what).collect();
        assert_eq!(whats, ["ghost-0, ghost-1, ghost-2, 997 more"]);
        assert!(!view.whole);
    }

    #[test]
    fn one_that_left_and_is_not_dropped_everywhere_yet_is_no_blind_spot() {
        let mut theirs = row("a", &["x"]);
        theirs.cells[0].state = PeerState::Left;
        let rows = without_ghosts(vec![row("me", &["a"]), theirs], &Member::from("me"));
        assert!(rows.iter().all(|row| row.blind_spots.is_empty()));
    }
}
