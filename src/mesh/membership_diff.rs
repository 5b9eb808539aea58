//! Observers whose list of peers lacks a member.
//!
//! Where every node watches every other, a node that is missing from one list has one observer fewer, and no one
//! would notice: what is not watched is never down. An observer that lists a peer that has never answered knows it by
//! its address alone, so its missing members cannot be named; such an observer is skipped, and the peer has a verdict
//! of its own ("never seen").

use super::rows::{Member, Row};
use super::verdict::{MeshVerdict, NodeStatus};
use crate::detector::peer::PeerState;

/// An observer, and the members that it does not watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// The node whose list is shorter.
    pub observer: Member,
    /// Members that it does not watch; sorted.
    pub missing: Vec<Member>,
}

/// Compares the lists of all observers that speak. Members and cells are sorted.
pub(super) fn mismatches(rows: &[Row], node_statuses: &[NodeStatus]) -> Vec<Mismatch> {
    // A member without a boot is a key on one node's list, and keys are private.
    let members = || {
        node_statuses
            .iter()
            .filter(|node_status| node_status.boot.is_some() && node_status.verdict != MeshVerdict::Left)
    };
    let judged = rows.iter().filter(|row| row.speaks() && row.cells.iter().all(|cell| !is_nameless(cell)));
    let compared = judged.map(|row| {
        let lacks = |member: &&Member| **member != row.observer && row.cell(member).is_none();
        let missing = members().map(|node_status| &node_status.member).filter(lacks).cloned().collect();
        Mismatch { observer: row.observer.clone(), missing }
    });
    compared.filter(|mismatch| !mismatch.missing.is_empty()).collect()
}

fn is_nameless(cell: &super::rows::Cell) -> bool {
    cell.boot.is_none() && cell.state == PeerState::Joining
}
