//! What this node's own links were like between two readings, from its events.
//!
//! The detector emits an event for each change and none while nothing changes. So the state after one event holds until
//! the next, and no task has to wake up to sample it: the events are read when someone looks, and the time between them
//! is filled in then. Where the ring of events has forgotten some, of all peers or of one, nothing is filled in.

use std::collections::BTreeMap;
use std::time::Duration;

use super::strip::{Mark, slot};
use crate::detector::event::{Event, EventKind, PeerRef};
use crate::detector::peer::PeerState;
use crate::detector::time::Monotonic;
use crate::mesh::Member;

/// The state that holds since the last event about a peer.
#[derive(Clone, Copy, Debug)]
struct OwnLink {
    state: PeerState,
    never_seen: bool,
    degraded: bool,
    maintenance: bool,
    /// Slots before this one are filled in.
    filled: u32,
}

impl OwnLink {
    fn mark(&self) -> Mark {
        match self.state {
            _ if self.maintenance => Mark::Away,
            PeerState::Joining if self.never_seen => Mark::Down,
            PeerState::Joining => Mark::Unknown,
            PeerState::Alive if self.degraded => Mark::Partly,
            PeerState::Alive => Mark::Up,
            PeerState::Suspect => Mark::Partly,
            PeerState::Unreachable | PeerState::Dead => Mark::Down,
            PeerState::Left => Mark::Away,
        }
    }
}

/// Marks for some slots of one of this node's links; `None`: of this node itself.
pub(super) struct Filled {
    pub peer: Option<Member>,
    pub from: u32,
    pub to: u32,
    pub mark: Mark,
}

/// The own links: one entry for each watched peer.
#[derive(Debug, Default)]
pub(super) struct OwnLinks {
    peers: BTreeMap<Member, OwnLink>,
    /// Slots of this node itself before this one are filled in.
    own: u32,
}

impl OwnLinks {
    /// Takes in one event; gives what it says about the time before it and at it.
    pub(super) fn learn(&mut self, event: &Event, filled: &mut Vec<Filled>) {
        let now = slot(event.at);
        if let EventKind::SelfStalled { lost } = event.kind {
            self.stalled(event.at, lost, filled);
        }
        let Some(peer) = &event.peer else { return };
        let member = member(peer);
        if peer.node.is_some() {
            // Until it answered it was called by its key.
            let key = Member::from(&peer.key);
            if key != member {
                self.end(&key, now, filled);
            }
        }
        if matches!(event.kind, EventKind::PeerRemoved { .. } | EventKind::PeerIsSelf) {
            return self.end(&member, now, filled);
        }
        let old = self.peers.get(&member).copied();
        if let Some(old) = old {
            filled.push(Filled { peer: Some(member.clone()), from: old.filled, to: now, mark: old.mark() });
        }
        let mut link = old.unwrap_or(OwnLink {
            state: peer.state,
            never_seen: false,
            degraded: false,
            maintenance: false,
            filled: now,
        });
        link.state = peer.state;
        link.filled = now;
        match event.kind {
            EventKind::PeerNeverSeen { .. } => link.never_seen = true,
            EventKind::PeerDegraded { on, .. } => link.degraded = on,
            EventKind::MaintenanceBegan { .. } => link.maintenance = true,
            EventKind::MaintenanceEnded { .. } => link.maintenance = false,
            // Over before anyone could see it; worth a mark.
            EventKind::PeerRestarted { .. } => {
                filled.push(Filled { peer: Some(member.clone()), from: now, to: now, mark: Mark::Partly });
            }
            _ => {}
        }
        filled.push(Filled { peer: Some(member.clone()), from: now, to: now, mark: link.mark() });
        self.peers.insert(member, link);
    }

    /// Events were forgotten before they were read: what held then is not known.
    pub(super) fn forget(&mut self) {
        self.peers.clear();
    }

    /// Events of this peer were forgotten before they were read.
    pub(super) fn forget_one(&mut self, member: &Member) {
        self.peers.remove(member);
    }

    /// The row says this of a peer about which there was no event.
    pub(super) fn note(&mut self, member: &Member, state: PeerState, now: Monotonic) {
        if !self.peers.contains_key(member) {
            let link = OwnLink { state, never_seen: false, degraded: false, maintenance: false, filled: slot(now) };
            self.peers.insert(member.clone(), link);
        }
    }

    /// Forgets peers that are no longer watched.
    pub(super) fn keep(&mut self, is_watched: impl Fn(&Member) -> bool) {
        self.peers.retain(|member, _| is_watched(member));
    }

    /// Everything up to now.
    pub(super) fn settle(&mut self, now: Monotonic, filled: &mut Vec<Filled>) {
        let now = slot(now);
        for (member, link) in &mut self.peers {
            filled.push(Filled { peer: Some(member.clone()), from: link.filled, to: now, mark: link.mark() });
            link.filled = now;
        }
        filled.push(Filled { peer: None, from: self.own, to: now, mark: Mark::Up });
        self.own = now;
    }

    /// It did not run for a while: nothing is known of that time, and that shows in its own strip.
    fn stalled(&mut self, at: Monotonic, lost: Duration, filled: &mut Vec<Filled>) {
        let began = Monotonic(at.0.saturating_sub(lost));
        self.settle(began, filled);
        let now = slot(at);
        filled.push(Filled { peer: None, from: self.own, to: now, mark: Mark::Partly });
        self.own = now;
        for link in self.peers.values_mut() {
            link.filled = now;
        }
    }

    fn end(&mut self, member: &Member, now: u32, filled: &mut Vec<Filled>) {
        if let Some(link) = self.peers.remove(member) {
            filled.push(Filled { peer: Some(member.clone()), from: link.filled, to: now, mark: link.mark() });
        }
    }
}

fn member(peer: &PeerRef) -> Member {
    peer.node.as_ref().map_or_else(|| Member::from(&peer.key), Member::from)
}
