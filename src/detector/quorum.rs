//! How many observers must agree, and which may take part at all.
//!
//! A majority of the observers, but never more than three: with three
//! independent accusations a fourth adds cost and no certainty, and a mesh of
//! hundreds must not wait for half of itself. Source of the majority rule:
//! any two majorities share a member, so two halves of a split cannot both
//! condemn across it. The cap gives that up in meshes of seven and more; the
//! half rule below takes its place there.

use super::time::ObserverTime;

// ANCHOR: quorum
/// Accusations needed before a peer with `observers` observers is dead:
/// `min(3, floor(observers / 2) + 1)`.
pub(crate) fn quorum(observers: usize) -> usize {
    (observers / 2 + 1).min(3)
}
// ANCHOR_END: quorum

/// The verdict on a peer that I accuse and for which no observer vouches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum QuorumDecision {
    /// Enough observers agree.
    Confirmed,
    /// I am the only observer: enough, and unconfirmed.
    OnlyObserver,
    /// No observer is left that could agree or object: unconfirmed.
    NobodyLeft,
    /// An observer may still answer.
    Wait,
}

/// The state of a trial, in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct QuorumCount {
    /// All observers of the accused, me among them.
    pub observers: usize,
    /// Those whose accusation stands, me among them.
    pub accusers: usize,
    /// Those that do not accuse and could.
    pub can_speak: usize,
    /// Two intervals have passed since my wait was met, or the class needs no such time.
    pub may_give_up: bool,
}

impl QuorumCount {
    /// Accusations needed.
    pub(crate) fn needed(self) -> usize {
        quorum(self.observers)
    }

    /// A verdict that rests on one observer is never confirmed.
    pub(crate) fn ruling(self) -> QuorumDecision {
        let needed = self.needed();
        if self.accusers >= needed {
            return if self.accusers >= 2 { QuorumDecision::Confirmed } else { QuorumDecision::OnlyObserver };
        }
        if self.may_give_up && self.accusers + self.can_speak < needed {
            return QuorumDecision::NobodyLeft;
        }
        QuorumDecision::Wait
    }
}

// ANCHOR: half_rule
/// The half rule: a side that hears less than half of the peers it expects may
/// not say that a silent one is dead. With one expected peer there are no
/// halves, and the rule does not apply.
pub(crate) fn hears_half(heard: usize, expected: usize) -> bool {
    expected < 2 || heard * 2 >= expected
}
// ANCHOR_END: half_rule

/// How it was found that this node is cut off.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CutOff {
    pub since: ObserverTime,
    /// Nothing could be sent then.
    pub no_network: bool,
    pub heard: u32,
    pub expected: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quorums_of_small_meshes() {
        // Nodes in the mesh -> accusations needed; the accused is no observer.
        for (nodes, needed) in [(2, 1), (3, 2), (4, 2), (5, 3), (6, 3), (7, 3), (32, 3), (1000, 3)] {
            assert_eq!(quorum(nodes - 1), needed, "{nodes} nodes");
        }
    }

    #[test]
    fn rulings() {
        use QuorumDecision::{Confirmed, NobodyLeft, OnlyObserver, Wait};
        // observers, accusers, can speak, may give up
        for (observers, accusers, can_speak, may_give_up, ruling) in [
            (1, 1, 0, false, OnlyObserver),
            (2, 1, 1, false, Wait),
            (2, 1, 1, true, Wait),
            (2, 1, 0, false, Wait),
            (2, 1, 0, true, NobodyLeft),
            (2, 2, 0, false, Confirmed),
            (4, 2, 2, true, Wait),
            (4, 2, 0, true, NobodyLeft),
            (4, 3, 1, false, Confirmed),
            (9, 3, 6, false, Confirmed),
        ] {
            let trial = QuorumCount { observers, accusers, can_speak, may_give_up };
            assert_eq!(trial.ruling(), ruling, "{trial:?}");
        }
    }

    #[test]
    fn half_of_the_peers() {
        for (heard, expected, enough) in
            [(0, 0, true), (0, 1, true), (0, 2, false), (1, 2, true), (1, 3, false), (2, 4, true), (1, 4, false)]
        {
            assert_eq!(hears_half(heard, expected), enough, "{heard} of {expected}");
        }
    }
}
