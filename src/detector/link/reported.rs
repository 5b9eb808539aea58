//! What a peer reports as an observer: whom it watches, and whom it accuses.

use std::collections::BTreeMap;

use crate::detector::peer::{BootId, NodeName, PeerId, PeerState, SelfState, Seq, WatchDelta, Watched};
use crate::detector::time::ObserverTime;

/// Names on a peer's list that I do not know, kept for each peer. One is enough
/// to say that the lists differ; the rest helps to take back what is taken back.
const STRANGERS_MAX: usize = 64;

/// Its watch list and its accusations.
#[derive(Clone, Debug)]
pub(crate) struct Reported {
    watch: BTreeMap<PeerId, (BootId, PeerState)>,
    /// Lines of it that say unreachable or dead.
    broken: usize,
    /// What it says of me, if it watches me.
    watches_me: Option<PeerState>,
    /// Nodes on its list that are not on mine, some of them, and whether they are up for it.
    strangers: BTreeMap<NodeName, bool>,
    revision: u64,
    /// When the whole list was asked for, until it has come or is overdue.
    asked: Option<ObserverTime>,
    accuses: Vec<PeerId>,
    /// What it says of itself.
    state: SelfState,
    /// When, on its own clock.
    said: Seq,
}

impl Reported {
    pub(super) fn new(now: ObserverTime) -> Reported {
        Reported {
            watch: BTreeMap::new(),
            broken: 0,
            watches_me: None,
            strangers: BTreeMap::new(),
            revision: 0,
            asked: Some(now),
            accuses: Vec::new(),
            state: SelfState::Ready,
            said: Seq(0),
        }
    }

    /// The revision of its list that this node holds; 0 for none.
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    /// When the whole list was asked for, while it has not come and is not overdue.
    pub(crate) fn list_asked(&self) -> Option<ObserverTime> {
        self.asked
    }

    /// The list has not come: it is no longer waited for.
    pub(crate) fn list_is_overdue(&mut self) {
        self.asked = None;
    }

    /// Asks for the whole list with the next ping.
    pub(crate) fn ask_for_list(&mut self, now: ObserverTime) {
        self.revision = 0;
        self.asked = Some(now);
    }

    pub(crate) fn forget_list(&mut self) {
        self.watch.clear();
        self.broken = 0;
        self.watches_me = None;
        self.strangers.clear();
    }

    /// A part of the list has come. False when it is old, or does not follow on what this node holds: the next ping
    /// names the revision that it holds and gets the rest.
    pub(crate) fn list_came(&mut self, delta: &WatchDelta) -> bool {
        if delta.since > self.revision || delta.rev <= self.revision {
            return false;
        }
        self.revision = delta.rev;
        self.asked = None;
        if delta.since == 0 {
            self.forget_list();
        }
        true
    }

    /// A line of this peer's list about a peer of mine; `None` when it is no longer on it.
    pub(crate) fn watches(&mut self, subject: PeerId, line: Option<(BootId, PeerState)>) {
        let broken = |line: Option<(BootId, PeerState)>| usize::from(line.is_some_and(|(_, state)| state.is_broken()));
        let before = match line {
            Some(line) => self.watch.insert(subject, line),
            None => self.watch.remove(&subject),
        };
        self.broken = self.broken + broken(line) - broken(before);
    }

    /// A line of this peer's list about a node that is no peer of mine: me, or an unknown node.
    pub(crate) fn watches_another(&mut self, watched: &Watched, me: &NodeName, is_my_boot: bool) {
        if watched.node == *me {
            // It may not have met my present boot yet.
            self.watches_me = watched.state.map(|state| if is_my_boot { state } else { PeerState::Joining });
        } else if watched.state.is_none_or(|state| state == PeerState::Left) {
            self.strangers.remove(&watched.node);
        } else if self.strangers.len() < STRANGERS_MAX || self.strangers.contains_key(&watched.node) {
            self.strangers.insert(watched.node.clone(), watched.state.is_some_and(PeerState::is_up));
        }
    }

    /// What it says about a peer of mine.
    pub(crate) fn line(&self, subject: PeerId) -> Option<(BootId, PeerState)> {
        self.watch.get(&subject).copied()
    }

    /// Its lines about peers of mine.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (PeerId, PeerState)> {
        self.watch.iter().map(|(subject, (_, state))| (*subject, *state))
    }

    pub(crate) fn watches_me(&self) -> Option<PeerState> {
        self.watches_me
    }

    /// It cannot reach me or another.
    pub(crate) fn has_broken_link(&self) -> bool {
        self.broken > 0 || self.watches_me.is_some_and(PeerState::is_broken)
    }

    /// It does not watch me, or watches a node that I do not know.
    pub(crate) fn list_differs(&self) -> bool {
        self.watches_me.is_none() || !self.strangers.is_empty()
    }

    /// This node has become a peer of mine.
    pub(crate) fn is_met(&mut self, node: &NodeName) {
        self.strangers.remove(node);
    }

    /// It hears a node that no peer of mine has shown itself to be.
    pub(crate) fn hears_a_stranger(&self) -> bool {
        self.strangers.values().any(|is_up| *is_up)
    }

    /// The peers that it accuses from now on. Returns those before.
    pub(crate) fn set_accuses(&mut self, accuses: Vec<PeerId>) -> Vec<PeerId> {
        std::mem::replace(&mut self.accuses, accuses)
    }

    /// What it says of itself, unless it has said something newer. True when that is a change.
    pub(crate) fn says(&mut self, state: SelfState, seq: Seq) -> bool {
        if seq < self.said {
            return false;
        }
        self.said = seq;
        std::mem::replace(&mut self.state, state) != state
    }

    /// Another process has its name.
    pub(super) fn restarted(&mut self) {
        self.state = SelfState::Ready;
        self.said = Seq(0);
    }

    /// It says that it is slow: it comes late.
    pub(crate) fn is_slow(&self) -> bool {
        self.state == SelfState::Slow
    }

    /// It says that it is sick itself, so it accuses nobody for silence.
    pub(crate) fn is_sick(&self) -> bool {
        matches!(self.state, SelfState::Slow | SelfState::CutOff)
    }

    pub(crate) fn accuses_none(&self) -> bool {
        self.accuses.is_empty()
    }
}
