//! Answers that contradict each other.

use super::peer::{BootId, NodeName, PeerKey};

/// Two answers that contradict each other, mostly about who is who.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// A boot answered that had already been replaced by a newer one.
    OldBootReturned {
        /// The one that answered.
        boot: BootId,
        /// The one that had replaced it.
        current: BootId,
    },
    /// The pinned name, or the one it had, is not the declared one.
    WrongName {
        /// From the peer list or its answers before.
        expected: NodeName,
        /// From the answer.
        declared: NodeName,
    },
    /// Two nodes answer at one address in turn, as behind a load balancer.
    SharedAddress {
        /// The one that is taken for the peer.
        known: NodeName,
        /// The other one.
        declared: NodeName,
    },
    /// It has the name of this node.
    SharedName {
        /// What tells it from this node.
        boot: BootId,
    },
    /// Two keys of my list are one node; this one is not watched twice.
    SameNode {
        /// The key under which the node is watched.
        other: PeerKey,
    },
    /// It declares a name that the list pins for another peer.
    NameReserved {
        /// From the answer.
        name: NodeName,
        /// The key of the peer that the name is pinned for.
        other: PeerKey,
    },
    /// One witness vouches for it, and all other observers have been unable to reach it for a minute.
    LoneVouch {
        /// Its word counts for nothing until the peer answers this node.
        witness: NodeName,
    },
}
