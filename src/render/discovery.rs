//! What is told about looking for peers, in words.

use super::span;
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
            format!("cannot look up {name}: {error}; knows no address behind it yet")
        }
        Finding::Failed { name, error, known } => {
            format!("cannot look up {name}: {error}; keeps the last list of {known}, which is stale from now on")
        }
        Finding::Recovered { name, failed_for, failures, found } => {
            format!("can look up {name} again after {} and {failures} failures: {found} found", span(*failed_for))
        }
        Finding::Full { listed, limit } => {
            format!("finds {listed} addresses and watches at most {limit} peers: the rest stay candidates")
        }
        Finding::NameTaken { address, boot } => {
            format!("has a name that another process has too, boot {boot} at {address}: give each node its own")
        }
    }
}

pub(super) fn removal_phrase(why: Removal) -> &'static str {
    match why {
        Removal::Unlisted => "",
        Removal::Left => ": it left, and no name leads to it any more",
        Removal::Dead => ": dead for long, and no name leads to it any more",
    }
}
