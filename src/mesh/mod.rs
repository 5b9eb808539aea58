//! The mesh as a whole, from what its nodes report about their links.
//!
//! Each detector knows its own links and asks others only when one is broken. Here the rows of all nodes are
//! compared; the result is a verdict for each member, the groups that reach each other, and lists of peers that
//! differ. It is a function of the rows alone: no clock, no network, no memory, so the page, the commands, the text
//! for chats and the tests cannot disagree, and any set of rows has a result. [`incident`] folds one result after the
//! other into incidents.
//!
//! In reading order: `rows` (the input, and what may be concluded from it), `restarts` (opinions about processes
//! that have ended), `ghosts` (nodes that one row alone names), `verdict`, `groups`, `membership_diff`.
//!
//! Turned down: a mesh view inside the detector. Every node would have to keep it up to date all the time, for the
//! few moments in which someone looks at it.

mod blind_spot;
pub mod event;
mod ghosts;
mod groups;
pub mod incident;
mod key_id;
mod membership_diff;
mod own_row;
mod restarts;
mod rows;
mod verdict;

use std::collections::{BTreeMap, BTreeSet};

pub use blind_spot::{BLIND_SPOTS_MAX, BlindSpot, BlindSpotKind, of_view as blind_spots};
pub use ghosts::without_ghosts;
pub use groups::Groups;
pub use key_id::{MESH_KEYS_MAX, MeshKeyId};
pub use membership_diff::Mismatch;
pub use rows::{Cell, LinkStatus, Member, Row, RowFreshness};
pub use verdict::{MeshVerdict, NodeStatus};

use verdict::Opinion;

/// The most members of one view. Rows come from other processes, and each could list thousands of peers that no other
/// node knows; the largest measured mesh fits.
pub const MEMBERS_MAX: usize = 1024;

/// The mesh, as one node can describe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeshView {
    /// Every member, sorted by name.
    pub node_statuses: Vec<NodeStatus>,
    /// One row for each member in the same order, their cells sorted by peer. A
    /// member that never gave one has an empty row, [`RowFreshness::Never`].
    pub rows: Vec<Row>,
    /// Who reaches whom.
    pub groups: Groups,
    /// Observers that do not watch a member that others watch.
    pub mismatches: Vec<Mismatch>,
    /// Every expected node spoke, and all that they reported is good.
    pub whole: bool,
}

impl MeshView {
    /// The status and the row of a member.
    pub fn member(&self, member: &Member) -> Option<(&NodeStatus, &Row)> {
        let at = self.node_statuses.binary_search_by(|status| status.member.cmp(member)).ok()?;
        self.node_statuses.get(at).zip(self.rows.get(at))
    }

    /// The links between nodes that should be there and are not known to be down. A dead node is one fault, and not one for
    /// each node that watches it.
    pub fn link_count(&self) -> usize {
        let gone: Vec<&Member> =
            self.node_statuses.iter().filter(|status| !status.has_links()).map(|status| &status.member).collect();
        let of = |row: &Row| row.cells.len() - gone.iter().filter(|member| row.cell(member).is_some()).count();
        let there = self.node_statuses.iter().zip(&self.rows).filter(|(status, _)| status.has_links());
        there.map(|(_, row)| of(row)).sum()
    }

    /// Those of them that are bad for this observer.
    pub fn bad_links<'a>(&'a self, row: &'a Row) -> impl Iterator<Item = &'a Cell> {
        let has_links = |member: &Member| self.member(member).is_some_and(|(status, _)| status.has_links());
        let bad = row.cells.iter().filter(|cell| row.link_status(cell) == LinkStatus::Bad);
        bad.filter(move |cell| has_links(&row.observer) && has_links(&cell.peer))
    }
}

/// Compares the rows. Of two rows of one observer the fresher one counts.
pub fn view(rows: Vec<Row>) -> MeshView {
    let mut rows = tidy(rows);
    restarts::mark_ended(&mut rows);
    let mut opinions: BTreeMap<&Member, Vec<Opinion<'_>>> = BTreeMap::new();
    for observer in rows.iter().filter(|row| row.speaks()) {
        for cell in &observer.cells {
            opinions.entry(&cell.peer).or_default().push(Opinion { observer, cell });
        }
    }
    let judge = |row: &Row| {
        let opinions = opinions.get(&row.observer).map_or(&[][..], Vec::as_slice);
        verdict::node_status(&row.observer, Some(row), opinions)
    };
    let mut node_statuses: Vec<NodeStatus> = rows.iter().map(judge).collect();
    let groups = groups::groups(&rows);
    if groups.split {
        seen_from_above(&mut node_statuses, &groups);
    }
    let mismatches = membership_diff::mismatches(&rows, &node_statuses);
    let whole = is_whole(&rows, &node_statuses, &groups, &mismatches);
    MeshView { node_statuses, rows, groups, mismatches, whole }
}

/// From inside a split, links on both sides look broken. Seen from outside, the members that are not with the
/// majority are cut off, and nothing is wrong with the majority.
fn seen_from_above(node_statuses: &mut [NodeStatus], groups: &Groups) {
    let minorities: BTreeSet<&Member> = groups.minorities().collect();
    let linked = |verdict: MeshVerdict| verdict.is_of_a_link() || verdict == MeshVerdict::CutOff;
    for node_status in node_statuses.iter_mut().filter(|node_status| !node_status.missed_by.is_empty()) {
        let from_across = node_status.missed_by.iter().all(|by| groups.apart(by, &node_status.member));
        if minorities.contains(&node_status.member) && linked(node_status.verdict) {
            node_status.verdict = MeshVerdict::CutOff;
        } else if linked(node_status.verdict) && from_across {
            node_status.verdict = MeshVerdict::Up;
        }
    }
}

/// One row for each member, in order, without contradictions.
fn tidy(mut rows: Vec<Row>) -> Vec<Row> {
    for row in &mut rows {
        row.cells.sort();
        row.cells.dedup_by(|later, first| later.peer == first.peer);
        row.cells.retain(|cell| cell.peer != row.observer);
    }
    // Sorting puts the fresher of two rows first, and makes the order of arrival irrelevant.
    rows.sort();
    rows.dedup_by(|later, first| later.observer == first.observer);
    rows.truncate(MEMBERS_MAX);
    let mut members: BTreeSet<Member> = rows.iter().map(|row| row.observer.clone()).collect();
    let mut room = MEMBERS_MAX - members.len();
    let listed: BTreeSet<&Member> = rows.iter().flat_map(|row| row.cells.iter().map(|cell| &cell.peer)).collect();
    let rowless: Vec<Row> = listed
        .into_iter()
        .filter(|member| {
            room > 0 && members.insert((*member).clone()) && {
                room -= 1;
                true
            }
        })
        .map(|member| Row::never(member.clone()))
        .collect();
    rows.extend(rowless);
    for row in &mut rows {
        row.cells.retain(|cell| members.contains(&cell.peer));
    }
    rows.sort();
    rows
}

fn is_whole(rows: &[Row], node_statuses: &[NodeStatus], groups: &Groups, mismatches: &[Mismatch]) -> bool {
    let fine = |node_status: &NodeStatus, row: &Row| match node_status.verdict {
        MeshVerdict::Left | MeshVerdict::Maintenance => true,
        MeshVerdict::Up | MeshVerdict::Restarted => {
            row.speaks() && node_status.missed_by.is_empty() && node_status.unmet_by.is_empty()
        }
        _ => false,
    };
    !rows.is_empty()
        && !groups.split
        && mismatches.is_empty()
        && rows.iter().all(|row| !row.is_here() || row.blind_spots.is_empty())
        && node_statuses.iter().zip(rows).all(|(node_status, row)| fine(node_status, row))
}

#[cfg(test)]
pub(crate) mod tests;
