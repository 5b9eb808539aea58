//! What is bad comes first: the order of nodes on the page, and which of them `?only=bad` shows.
//!
//! A node that is down makes a bad link of every node that watches it. Only the node that is down counts as trouble
//! then; a link counts for its observer where both its ends are up.

use crate::mesh::{Member, MeshVerdict, MeshView, NodeStatus, Row};
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
    Doubtful,
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
    match status.verdict {
        MeshVerdict::Down | MeshVerdict::Unconfirmed => Trouble::Down,
        verdict if verdict.is_bad() => Trouble::Faulty,
        MeshVerdict::Left | MeshVerdict::Maintenance => Trouble::Away,
        _ if view.bad_links(row).next().is_some() => Trouble::BadLinks,
        MeshVerdict::Unknown => Trouble::Silent,
        _ if !row.speaks() => Trouble::Silent,
        _ if status.is_doubtful() || !status.unmet_by.is_empty() => Trouble::Doubtful,
        _ => Trouble::None,
    }
}
