//! What an observer knows that it does not see.
//!
//! A mesh that looks whole because nobody was found is the worst of all answers. So an observer says with its row what
//! it was told to watch and does not: a name that cannot be looked up, an address at which no node answers, callers
//! that are on no list, another node of its own name. While there is any, the mesh is not whole.

use std::sync::Arc;

use crate::closed_set::closed_set;
use crate::detector::evidence::Evidence;
use crate::detector::view::View;

closed_set! {
    /// What kind of gap it is.
    pub enum BlindSpotKind {
        /// It has a list of peers or a name to look up, and watches no node at all.
        FoundNobody = "found_nobody",
        /// A name cannot be looked up.
        LookupFails = "lookup_fails",
        /// No node answers at an address that a name gave.
        NoNodeAt = "no_node_at",
        /// A node pings it and is on no list of its own.
        Unlisted = "unlisted",
        /// Another node has its name.
        SharedName = "shared_name",
        /// Several nodes answer at the address of one peer.
        SharedAddress = "shared_address",
        /// Nodes that no other node lists.
        ListedByOne = "listed_by_one",
    }
}

/// One thing that an observer does not see.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BlindSpot {
    /// What kind of gap it is.
    pub kind: BlindSpotKind,
    /// The name, address or node that it is about; empty where it is about none.
    pub what: Arc<str>,
    /// Why, in a few words; may be empty.
    pub why: Arc<str>,
}

/// The most of one observer. More say nothing new, and rows stay small.
pub const BLIND_SPOTS_MAX: usize = 32;

/// Those of a node, from its own view.
pub fn of_view(view: &View) -> Vec<BlindSpot> {
    let spot = |kind, what: &str, why: &str| BlindSpot { kind, what: what.into(), why: why.into() };
    let mut spots = Vec::new();
    if view.found_nobody {
        spots.push(spot(BlindSpotKind::FoundNobody, "", ""));
    }
    for name in &view.discovery.names {
        if let (Some(_), Some(error)) = (name.failing_for, &name.error) {
            spots.push(spot(BlindSpotKind::LookupFails, &name.name.to_string(), error));
        }
    }
    for candidate in view.discovery.candidates.iter().filter(|candidate| candidate.overdue) {
        let why = candidate.evidence.map_or("", Evidence::as_str);
        spots.push(spot(BlindSpotKind::NoNodeAt, &candidate.address.to_string(), why));
    }
    spots.extend(view.unlisted.iter().map(|node| spot(BlindSpotKind::Unlisted, node.as_str(), "")));
    for peer in &view.peers {
        if peer.peer.node.as_ref() == Some(&view.node) {
            spots.push(spot(BlindSpotKind::SharedName, &peer.peer.key.0, ""));
        }
        if let Some(rival) = &peer.rival {
            let mut names = [peer.peer.display_name(), rival.as_str()];
            names.sort_unstable();
            let names = names.join(" and ");
            spots.push(spot(BlindSpotKind::SharedAddress, &peer.peer.key.0, &names));
        }
    }
    spots.truncate(BLIND_SPOTS_MAX);
    spots
}
