//! Groups of members that reach each other, and whether the mesh is split.
//!
//! A group is a connected component over links that work both ways. Only members that speak belong to one: which
//! nodes the others reach is not known, and counting on them would be an all-clear without a source. A link works if
//! those of its two ends that watch the other reach it; where only one end watches, its answers show that packets
//! pass both ways. A link that loses most packets works as far as groups go: some pass.

use std::collections::BTreeMap;

use super::rows::{Cell, LinkStatus, Member, Row};
use crate::detector::peer::Verdict;
use crate::detector::sets::Sets;

/// The members that speak, by group; largest first, then by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Groups {
    /// Largest first, then by name; the members of each are sorted.
    pub groups: Vec<Vec<Member>>,
    /// Rows of at least two sides are available, each side fails to reach another, and no link works across.
    pub split: bool,
}

impl Groups {
    /// Members outside of the group that is more than half of all: in a split, those that are cut off.
    pub fn minorities(&self) -> impl Iterator<Item = &Member> {
        let all: usize = self.groups.iter().map(Vec::len).sum();
        self.groups.iter().filter(move |group| group.len() * 2 <= all).flatten()
    }

    /// Whether two members are known to be on different sides.
    pub fn apart(&self, one: &Member, other: &Member) -> bool {
        let group = |member: &Member| self.groups.iter().position(|group| group.contains(member));
        matches!((group(one), group(other)), (Some(one), Some(other)) if one != other)
    }
}

/// Finds the groups. Rows are sorted by observer, one each, their cells sorted by peer.
pub(super) fn groups(rows: &[Row]) -> Groups {
    let speaking: Vec<&Row> = rows.iter().filter(|row| row.speaks()).collect();
    let place: BTreeMap<&Member, usize> = speaking.iter().map(|row| &row.observer).zip(0..).collect();
    let links = || {
        speaking.iter().enumerate().flat_map(|(one, row)| {
            let known = row.cells.iter().filter_map(|cell| Some((*place.get(&cell.peer)?, cell)));
            known.map(move |(other, cell)| (one, other, cell))
        })
    };
    let mut sets = Sets::new(speaking.len());
    for (one, other, cell) in links() {
        let back = speaking[other].cell(&speaking[one].observer);
        if passes(speaking[one], cell) && back.is_none_or(|back| passes(speaking[other], back)) {
            sets.join(one, other);
        }
    }
    let mut by_root: BTreeMap<usize, Vec<Member>> = BTreeMap::new();
    for (at, row) in speaking.iter().enumerate() {
        by_root.entry(sets.root(at)).or_default().push(row.observer.clone());
    }
    let split = by_root.len() > 1 && {
        let rooted: Vec<_> =
            links().map(|(one, other, cell)| (sets.root(one), sets.root(other), speaking[one], cell)).collect();
        let across: Vec<_> = rooted.into_iter().filter(|(one, other, ..)| one != other).collect();
        let misses = |root: &usize| {
            let mut of_root = across.iter().filter(|(one, other, ..)| one == root || other == root);
            of_root.any(|(_, _, row, cell)| row.link_status(cell) == LinkStatus::Bad)
        };
        across.iter().all(|(_, _, row, cell)| !passes(row, cell)) && by_root.keys().all(misses)
    };
    let mut groups: Vec<Vec<Member>> = by_root.into_values().collect();
    groups.sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
    Groups { groups, split }
}

/// Whether packets pass, all or some.
fn passes(row: &Row, cell: &Cell) -> bool {
    match row.link_status(cell) {
        LinkStatus::Bad => cell.verdict == Some(Verdict::Lossy),
        link_status => link_status.reaches(),
    }
}
