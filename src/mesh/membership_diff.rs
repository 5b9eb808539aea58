//! Whose list of peers lacks somebody.
//!
//! In a mesh in which everybody watches everybody, a node that is missing from
//! one list has one observer less, and nobody would notice: what is not watched
//! is never down. An observer that lists a peer that has never answered it
//! knows that peer by its address alone, so it cannot be said whom it lacks;
//! such an observer is not judged, it has a verdict of its own ("never seen").

use super::rows::{Member, Row};
use super::verdict::{MeshVerdict, NodeStatus};
use crate::detector::peer::PeerState;

/// An observer, and the members that it does not watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    pub observer: Member,
    pub missing: Vec<Member>,
}

/// Compares the lists of all observers that speak. Members and cells are sorted.
pub(super) fn mismatches(rows: &[Row], standings: &[NodeStatus]) -> Vec<Mismatch> {
    // A member without a boot is a key on somebody's list, and keys are private.
    let members =
        || standings.iter().filter(|standing| standing.boot.is_some() && standing.verdict != MeshVerdict::Left);
    let judged = rows.iter().filter(|row| row.speaks() && row.cells.iter().all(|cell| !is_nameless(cell)));
    let compared = judged.map(|row| {
        let lacks = |member: &&Member| {
            **member != row.observer && row.cells.binary_search_by(|cell| cell.peer.cmp(member)).is_err()
        };
        let missing = members().map(|standing| &standing.member).filter(lacks).cloned().collect();
        Mismatch { observer: row.observer.clone(), missing }
    });
    compared.filter(|mismatch| !mismatch.missing.is_empty()).collect()
}

fn is_nameless(cell: &super::rows::Cell) -> bool {
    cell.boot.is_none() && cell.state == PeerState::Joining
}
