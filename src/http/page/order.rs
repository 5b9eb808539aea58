//! What is bad comes first: the order of nodes on the page, and which of them `?only=bad` shows.
//!
//! A node that is down makes a bad link of every node that watches it. Only the node that is down counts as trouble
//! then; a link counts for its observer where both its ends are up.

use crate::mesh::{Cell, LinkStatus, Member, MeshVerdict, MeshView, NodeStatus, Row};
use crate::mesh_service::strips::Run;

/// How a node is, from the worst to the best. The order of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Trouble {
    Down,
    /// A bad verdict that is not "down".
    Faulty,
    /// Up, and it does not reach another that is up.
    BadLinks,
    /// It did not say how its links are.
    Silent,
    /// Suspected, degraded, flapping, or not met by some.
    Doubted,
    /// Nothing is wrong; not expected to be up.
    Away,
    None,
}

/// One node with all that the page shows of it.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub row: &'a Row,
    pub status: &'a NodeStatus,
    pub strip: &'a [Run],
    pub trouble: Trouble,
}

impl Place<'_> {
    pub(super) fn member(&self) -> &Member {
        &self.status.member
    }

    pub(super) fn is_bad(&self) -> bool {
        self.trouble < Trouble::Away
    }
}

/// All nodes, the worst first, and by name where they are equal. `strips` has one strip for each node of the view.
pub(super) fn places<'a>(view: &'a MeshView, strips: &'a [Vec<Run>]) -> Vec<Place<'a>> {
    let place = |(at, (status, row)): (usize, (&'a NodeStatus, &'a Row))| Place {
        row,
        status,
        strip: strips.get(at).map_or(&[][..], Vec::as_slice),
        trouble: trouble(view, status, row),
    };
    let mut places: Vec<Place> = view.node_statuses.iter().zip(&view.rows).enumerate().map(place).collect();
    places.sort_by_key(|place| place.trouble);
    places
}

fn trouble(view: &MeshView, status: &NodeStatus, row: &Row) -> Trouble {
    let doubted = [&status.suspected_by, &status.degraded_by, &status.flapping_by, &status.unmet_by];
    match status.verdict {
        MeshVerdict::Down | MeshVerdict::Unconfirmed => Trouble::Down,
        verdict if verdict.is_bad() => Trouble::Faulty,
        MeshVerdict::Left | MeshVerdict::Maintenance => Trouble::Away,
        _ if bad_links(view, row).next().is_some() => Trouble::BadLinks,
        MeshVerdict::Unknown => Trouble::Silent,
        _ if !row.speaks() => Trouble::Silent,
        _ if doubted.iter().any(|by| !by.is_empty()) => Trouble::Doubted,
        _ => Trouble::None,
    }
}

/// The links of this observer that are bad although nobody calls the other end down.
pub(super) fn bad_links<'a>(view: &'a MeshView, row: &'a Row) -> impl Iterator<Item = &'a Cell> {
    let bad = row.cells.iter().filter(|cell| row.link_status(cell) == LinkStatus::Bad);
    bad.filter(|cell| !is_gone(view, &cell.peer))
}

fn is_gone(view: &MeshView, member: &Member) -> bool {
    let gone = [MeshVerdict::Down, MeshVerdict::Unconfirmed, MeshVerdict::NeverSeen];
    find(view, member).is_some_and(|(status, _)| gone.contains(&status.verdict))
}

/// A node by its name. The nodes of a view are sorted.
pub(super) fn find<'a>(view: &'a MeshView, member: &Member) -> Option<(&'a NodeStatus, &'a Row)> {
    let place = view.node_statuses.binary_search_by(|status| status.member.cmp(member)).ok()?;
    view.node_statuses.get(place).zip(view.rows.get(place))
}

/// What a row says of a peer. The cells of a view are sorted.
pub(super) fn cell<'a>(row: &'a Row, peer: &Member) -> Option<&'a Cell> {
    let place = row.cells.binary_search_by(|cell| cell.peer.cmp(peer)).ok()?;
    row.cells.get(place)
}
