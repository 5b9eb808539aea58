//! Lookups of peers, in words.

use super::quantity::span;
use crate::detector::discovery::{Finding, Removal};

pub(super) fn message(finding: &Finding) -> &'static str {
    match finding {
        Finding::Failed { .. } => "Peers cannot be looked up",
        Finding::Recovered { .. } => "Peers can be looked up again",
        Finding::Full { .. } => "More peers than one node watches",
        Finding::NameTaken { .. } => "Another node has this node's name",
    }
}

pub(super) fn sentence(finding: &Finding) -> String {
    match finding {
        Finding::Failed { name, error, known: 0 } => {
            format!("cannot look up {name}: {error}; no address is known yet")
        }
        Finding::Failed { name, error, known } => {
            format!("cannot look up {name}: {error}; continues with the last known addresses ({known})")
        }
        Finding::Recovered { name, failed_for, failures, found } => {
            format!("can look up {name} again after {} and {failures} failed lookups: {found} found", span(*failed_for))
        }
        Finding::Full { listed, limit } => {
            format!("found {listed} addresses but watches at most {limit} peers: the others are not watched")
        }
        Finding::NameTaken { address: Some(address), boot } => {
            format!("shares its name with another process, boot {boot} at {address}: give each node a name of its own")
        }
        Finding::NameTaken { address: None, boot } => {
            format!(
                "shares its name with another process, boot {boot}, which pings it: give each node a name of its own"
            )
        }
    }
}

pub(super) fn removal_phrase(why: Removal) -> &'static str {
    match why {
        Removal::Unlisted => "",
        Removal::Left => ": it left, and no name resolves to it any more",
        Removal::Dead => ": it has been dead for long, and no name resolves to it any more",
    }
}
