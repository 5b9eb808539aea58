//! Addresses: which peer each one belongs to, and probes of those that are not known to belong to one.

use core::net::SocketAddr;
use std::time::Duration;

use super::entries::{Newcomer, Owner, Place};
use super::finding::ProbeId;
use super::{CALM, Directory, EAGER};
use crate::detector::evidence::Evidence;
use crate::detector::flaw::Flaw;
use crate::detector::peer::{BootId, PeerId};
use crate::detector::time::ObserverTime;

/// A candidate that has not answered for this long is probed calmly: it is no longer starting.
const YOUNG: Duration = Duration::from_secs(60);
/// An answer that takes longer than this is not waited for; the candidate is probed anew.
const PROBE_LIMIT: Duration = Duration::from_secs(2);
/// Between two nodes that were not known and came to be watched at one address in the place of another. A container that
/// is replaced needs one; an address that answers under a new name each time would else be as many peers as it likes.
const NEW_NAME: Duration = Duration::from_secs(60);
/// After its last answer a newcomer is forgotten.
const NEWCOMER_KEPT: Duration = Duration::from_secs(60);

/// A probe that is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Probe {
    pub id: ProbeId,
    pub address: SocketAddr,
}

impl Directory {
    pub(crate) fn is_discovered(&self, peer: PeerId) -> bool {
        self.homes.contains_key(&peer)
    }

    pub(crate) fn discovered(&self) -> impl Iterator<Item = PeerId> + '_ {
        self.homes.keys().copied()
    }

    pub(crate) fn home(&self, peer: PeerId) -> Option<SocketAddr> {
        self.homes.get(&peer).copied()
    }

    pub(crate) fn owner(&self, address: SocketAddr) -> Option<Owner> {
        self.places.get(&address).map(|place| place.owner)
    }

    /// At how many addresses, of those since when `counts`, nobody has been met.
    pub(crate) fn unmet(&self, counts: impl Fn(ObserverTime) -> bool) -> usize {
        let is_unmet = |place: &&Place| place.is_listed() && place.owner == Owner::Nobody && counts(place.since);
        self.places.values().filter(is_unmet).count()
    }

    /// The probes that are due. One that is still open is given up for its successor.
    pub(crate) fn take_probes(&mut self, now: ObserverTime) -> Vec<Probe> {
        let mut probes = Vec::new();
        if self.due.is_none_or(|due| due > now) {
            return probes;
        }
        for (address, place) in &mut self.places {
            if place.next_probe > now || !place.is_probed(*address, &self.homes, &self.in_doubt) {
                continue;
            }
            self.next_probe += 1;
            let id = ProbeId(self.next_probe);
            if let Some((open, _)) = place.probe.replace((id, now)) {
                place.fails(Evidence::Stalled, None);
                self.cancelled.push(open);
            }
            place.next_probe = now + PROBE_LIMIT;
            probes.push(Probe { id, address: *address });
        }
        self.plan();
        probes
    }

    pub(crate) fn take_cancelled(&mut self) -> Option<ProbeId> {
        self.cancelled.pop()
    }

    /// A probe ended. Its address and start, unless it was cancelled.
    pub(crate) fn probe_ended(&mut self, id: ProbeId, now: ObserverTime) -> Option<(SocketAddr, ObserverTime)> {
        let (address, place) =
            self.places.iter_mut().find(|(_, place)| place.probe.is_some_and(|(open, _)| open == id))?;
        let (_, begun) = place.probe.take()?;
        let pace = if now.since(place.since) < YOUNG { EAGER } else { CALM };
        place.next_probe = (begun + pace).max(now);
        let address = *address;
        self.plan();
        Some((address, begun))
    }

    /// The answer to the probe of this address settled nothing.
    pub(crate) fn unsettled(&mut self, address: SocketAddr, evidence: Evidence) {
        self.probe_failed(address, evidence, None);
    }

    /// The probe of this address failed. `flaw`: what was wrong with the answer, if one came.
    pub(crate) fn probe_failed(&mut self, address: SocketAddr, evidence: Evidence, flaw: Option<Flaw>) {
        if let Some(place) = self.places.get_mut(&address) {
            place.fails(evidence, flaw);
        }
    }

    /// Whose address it is. A candidate no longer.
    pub(crate) fn settle(&mut self, address: SocketAddr, owner: Owner) {
        if let Some(place) = self.places.get_mut(&address) {
            place.owner = owner;
            (place.evidence, place.flaw) = (None, None);
            place.rival = None;
            place.newcomer = None;
            place.was_home |= matches!(owner, Owner::Peer(_));
        }
        self.plan();
    }

    /// `peer` is now reached at `address`. Its former address is free for others.
    pub(crate) fn move_in(&mut self, peer: PeerId, address: SocketAddr, now: ObserverTime) -> Option<SocketAddr> {
        let before = self.homes.insert(peer, address).filter(|before| *before != address);
        if let Some(before) = before.filter(|before| self.owner(*before) == Some(Owner::Peer(peer))) {
            self.vacate(before, now);
        }
        self.settle(address, Owner::Peer(peer));
        before
    }

    /// Another node answers at the peer's address: that node may be probed for, and the peer may be found elsewhere.
    pub(crate) fn evict(&mut self, peer: PeerId, now: ObserverTime) {
        if let Some(address) = self.home(peer)
            && self.owner(address) == Some(Owner::Peer(peer))
        {
            if let Some(place) = self.places.get_mut(&address) {
                place.owner = Owner::Nobody;
                place.since = now;
                place.next_probe = now;
            }
            self.plan();
        }
    }

    /// The peer is no longer watched. Addresses that names still lead to are candidates again.
    pub(crate) fn forget(&mut self, peer: PeerId, now: ObserverTime) {
        self.homes.remove(&peer);
        self.in_doubt.remove(&peer);
        let theirs = |(address, place): (&SocketAddr, &Place)| (place.owner == Owner::Peer(peer)).then_some(*address);
        let addresses: Vec<SocketAddr> = self.places.iter().filter_map(theirs).collect();
        for address in addresses {
            self.vacate(address, now);
        }
        self.plan();
    }

    fn vacate(&mut self, address: SocketAddr, now: ObserverTime) {
        let Some(place) = self.places.get_mut(&address) else { return };
        if place.listed == 0 {
            self.cancelled.extend(place.probe.map(|(id, _)| id));
            self.places.remove(&address);
        } else {
            place.owner = Owner::Nobody;
            place.since = now;
            place.next_probe = now + EAGER;
        }
    }

    /// Whether a node that is not known may come to be watched at this address; if so, it is taken to be.
    pub(crate) fn may_take_in(&mut self, address: SocketAddr, now: ObserverTime) -> bool {
        let Some(place) = self.places.get_mut(&address) else { return false };
        if place.was_home {
            if place.replaced.is_some_and(|last| now.since(last) < NEW_NAME) {
                return false;
            }
            place.replaced = Some(now);
        }
        place.was_home = true;
        true
    }

    /// Another name answers at the address of this peer. True once when that has gone on for `span`.
    pub(crate) fn newcomer_seen(&mut self, peer: PeerId, span: Duration, now: ObserverTime) -> bool {
        let Some(place) = self.homes.get(&peer).and_then(|address| self.places.get_mut(address)) else { return false };
        let newcomer = place.newcomer.filter(|newcomer| now.since(newcomer.last) < NEWCOMER_KEPT);
        let Newcomer { since, is_reported, .. } =
            newcomer.unwrap_or(Newcomer { since: now, last: now, is_reported: false });
        let is_due = !is_reported && now.since(since) >= span;
        place.newcomer = Some(Newcomer { since, last: now, is_reported: is_reported || is_due });
        is_due
    }

    /// A process answers here whose name another has. For how long already; `None` when it is seen for the first time.
    pub(crate) fn rival(&mut self, address: SocketAddr, boot: BootId, now: ObserverTime) -> Option<Duration> {
        let place = self.places.get_mut(&address)?;
        match place.rival {
            Some((known, since)) if known == boot => Some(now.since(since)),
            Some(_) | None => {
                place.rival = Some((boot, now));
                None
            }
        }
    }
}
