//! Who is behind a name: from lists of addresses to peers.
//!
//! A DNS name stands for all nodes of a mesh; looking it up gives addresses and
//! nothing else. Whose address it is, only its owner can say. So an address is a
//! *candidate* until it answers a probe, and what it answers decides: it is this
//! node itself, another way to a peer that is watched already, the new home of
//! one that had moved, or an unknown node. A candidate is counted and shown; it is
//! never suspected, accused or dead, because it is not known which node that would be.
//!
//! Three rules keep a name server's bad day away from the mesh. A lookup that
//! fails or finds nothing changes nothing: the last list stays and is called
//! stale. A peer that a good lookup no longer names is dropped at once only if
//! it said goodbye; else it is watched until it has been dead for ten minutes,
//! because lists lose addresses for reasons that are not deaths. And a peer's
//! key is its name, so that a process that comes back under another address is
//! one that restarted, not a dead one and a new one.
//!
//! Here is only the book-keeping: names, addresses, which peer has which address and when to
//! look or probe next. What it means for a link is in `node::discover`.

mod candidates;
mod entries;
pub(crate) mod finding;
mod names;

use core::net::SocketAddr;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::peer::{BootId, PeerId, PeerState};
use super::time::ObserverTime;
use super::view::{CandidateView, DiscoveryView, NameView};
pub(crate) use entries::Owner;
use entries::{Name, Place};
pub use finding::{DnsName, Finding, NameId, ProbeId, Removal};

/// The most peers one node watches. Every node watches every other, so each peer
/// costs every node a request a second; a thousand is the largest mesh that is
/// measured, and a longer list is more likely a slip in a template.
pub const PEERS_MAX: usize = 1024;
/// The most names one node looks up. A mesh has one; a few more join meshes for a while.
pub const NAMES_MAX: usize = 16;
/// Between two lookups while no peer is missing. Name servers cache for as long.
const CALM: Duration = Duration::from_secs(10);
/// Between two lookups while a peer is missing, and between two probes of a new candidate.
const EAGER: Duration = Duration::from_secs(1);
/// For this long after the start more nodes may be to come than the last lookup found, although none is missing yet: a
/// mesh that
/// starts together enters the name server one by one, within the time that an orchestrator takes for a start.
const GATHERING: Duration = Duration::from_secs(30);
/// A dead peer that no good lookup names is forgotten after this long.
pub const DEAD_KEPT: Duration = Duration::from_secs(600);

/// What a lookup gave: addresses, or why there are none.
pub(crate) type Found = Result<Vec<SocketAddr>, Arc<str>>;

/// The book of names and addresses.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    names: Vec<Name>,
    /// Peers were listed by hand.
    list_was_set: bool,
    places: BTreeMap<SocketAddr, Place>,
    /// The address at which each discovered peer is pinged.
    homes: BTreeMap<PeerId, SocketAddr>,
    next_probe: u64,
    /// Some discovered peer is not Alive.
    any_missing: bool,
    /// Peers that may be tried in every known way.
    in_doubt: BTreeSet<PeerId>,
    /// Lookups are eager until then, whatever the states.
    eager_until: ObserverTime,
    strangers: VecDeque<BootId>,
    crowded: bool,
    errors: u64,
    /// Probes whose end no longer matters.
    cancelled: Vec<ProbeId>,
    /// When there is something to do next; computed when something changed, because it is asked for after every input.
    due: Option<ObserverTime>,
}

impl Directory {
    /// At most [`NAMES_MAX`] names; more are not looked up.
    pub(crate) fn new(mut names: Vec<DnsName>) -> Directory {
        names.truncate(NAMES_MAX);
        let mut directory = Directory {
            names: names.into_iter().map(Name::new).collect(),
            eager_until: ObserverTime::default() + GATHERING,
            ..Directory::default()
        };
        directory.plan();
        directory
    }

    /// A list of peers was configured, whatever is left of it.
    pub(crate) fn expect_peers(&mut self) {
        self.list_was_set = true;
    }

    /// Whether this node was told where peers are.
    pub(crate) fn expects_peers(&self) -> bool {
        self.list_was_set || !self.names.is_empty()
    }

    /// When to call [`Directory::take_lookup`] and [`Directory::take_probes`] next.
    pub(crate) fn next_due(&self) -> Option<ObserverTime> {
        self.due
    }

    /// The state of the discovered peers: those in doubt may be tried in every way, `any_missing` says that any is not
    /// Alive.
    pub(crate) fn set_states(&mut self, any_missing: bool, in_doubt: BTreeSet<PeerId>) {
        if self.any_missing != any_missing || self.in_doubt != in_doubt {
            self.any_missing = any_missing;
            self.in_doubt = in_doubt;
            self.plan();
        }
    }

    /// The peers that some name leads to, by the last good lookup of each.
    pub(crate) fn listed(&self) -> BTreeSet<PeerId> {
        let theirs = self.places.values().filter(|place| place.is_listed());
        theirs.filter_map(|place| if let Owner::Peer(peer) = place.owner { Some(peer) } else { None }).collect()
    }

    /// Something changed: who is no longer probed, and when is there something to do next?
    fn plan(&mut self) {
        let mut due = self.names.iter().filter_map(|name| self.lookup_due(name)).min();
        let (homes, in_doubt) = (&self.homes, &self.in_doubt);
        for (address, place) in &mut self.places {
            if place.is_probed(*address, homes, in_doubt) {
                due = Some(due.map_or(place.next_probe, |due| due.min(place.next_probe)));
            } else {
                self.cancelled.extend(place.probe.take().map(|(id, _)| id));
            }
        }
        self.due = due;
    }

    /// For people and metrics.
    pub(crate) fn view(&self, now: ObserverTime, longest_wait: Duration) -> DiscoveryView {
        let names = self.names.iter().enumerate().map(|(index, name)| NameView {
            name: name.name.clone(),
            addresses: self.listed_by(NameId(index as u16)),
            last_success: name.succeeded.map(|at| now.since(at)),
            failing_for: name.failing.as_ref().map(|failing| now.since(failing.since)),
            error: name.failing.as_ref().map(|failing| failing.error.clone()),
        });
        let nobodys = self.places.iter().filter(|(_, place)| place.owner == Owner::Nobody);
        let candidate = |(address, place): (&SocketAddr, &Place)| CandidateView {
            address: *address,
            age: now.since(place.since),
            evidence: place.evidence,
            flaw: place.flaw.clone(),
            overdue: now.since(place.since) > longest_wait,
        };
        DiscoveryView { names: names.collect(), candidates: nobodys.map(candidate).collect(), errors: self.errors }
    }
}

/// Whether a discovered peer is dropped after a good lookup, given whether any name leads to it, its state and the age of that.
pub fn removal(is_listed: bool, state: PeerState, age: Duration) -> Option<Removal> {
    match state {
        _ if is_listed => None,
        // One that never answered under its own name is not known to any node, so it is not missing.
        PeerState::Left | PeerState::Joining => Some(Removal::Left),
        PeerState::Dead if age >= DEAD_KEPT => Some(Removal::Dead),
        PeerState::Dead | PeerState::Alive | PeerState::Suspect | PeerState::Unreachable => None,
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
