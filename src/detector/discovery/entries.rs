//! The entries of the book: a name to look up, and an address that a name or a peer gave.

use core::net::SocketAddr;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::finding::{DnsName, ProbeId};
use crate::detector::evidence::Evidence;
use crate::detector::flaw::Flaw;
use crate::detector::peer::{BootId, PeerId};
use crate::detector::time::ObserverTime;

#[derive(Debug)]
pub(super) struct Name {
    pub name: DnsName,
    /// Start of the last lookup.
    pub begun: Option<ObserverTime>,
    pub running: bool,
    /// The first lookup has ended, well or badly.
    pub tried: bool,
    pub succeeded: Option<ObserverTime>,
    /// The failures since the last success.
    pub failing: Option<Failing>,
    /// The last good list was longer than what is remembered.
    pub cut: bool,
}

#[derive(Debug)]
pub(super) struct Failing {
    pub since: ObserverTime,
    pub error: Arc<str>,
    pub count: u32,
    pub is_reported: bool,
}

impl Name {
    pub(super) fn new(name: DnsName) -> Name {
        Name { name, begun: None, running: false, tried: false, succeeded: None, failing: None, cut: false }
    }
}

/// Whose address it is, as far as is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// It has not answered yet, or not with anything that settles whose it is.
    Nobody,
    Myself,
    Peer(PeerId),
}

#[derive(Debug)]
pub(super) struct Place {
    /// The names that list it: one bit each.
    pub listed: u16,
    pub owner: Owner,
    /// Since when it has been in the list, or without an owner.
    pub since: ObserverTime,
    pub next_probe: ObserverTime,
    pub probe: Option<(ProbeId, ObserverTime)>,
    /// How the last probe failed.
    pub evidence: Option<Evidence>,
    /// What was wrong with its answer, if one came.
    pub flaw: Option<Flaw>,
    /// Another boot of a node whose home is elsewhere answers here, since then.
    pub rival: Option<(BootId, ObserverTime)>,
    /// A node has come to be watched here.
    pub was_home: bool,
    /// When a node that was not known came to be watched here last, in the place of another.
    pub replaced: Option<ObserverTime>,
    /// Another name answers in the place of the owner.
    pub newcomer: Option<Newcomer>,
}

/// What answers at an address in the place of its owner, under one name or many.
#[derive(Clone, Copy, Debug)]
pub(super) struct Newcomer {
    pub since: ObserverTime,
    pub last: ObserverTime,
    pub is_reported: bool,
}

impl Place {
    pub(super) fn new(listed: u16, now: ObserverTime, next_probe: ObserverTime) -> Place {
        Place {
            listed,
            owner: Owner::Nobody,
            since: now,
            next_probe,
            probe: None,
            evidence: None,
            flaw: None,
            rival: None,
            was_home: false,
            replaced: None,
            newcomer: None,
        }
    }

    /// Its last probe failed like this.
    pub(super) fn fails(&mut self, evidence: Evidence, flaw: Option<Flaw>) {
        (self.evidence, self.flaw) = (Some(evidence), flaw);
    }

    pub(super) fn is_listed(&self) -> bool {
        self.listed != 0
    }

    /// Whether it must be asked who answers there: while it has no owner, or is another way to a peer that is not
    /// alive.
    pub(super) fn is_probed(
        &self,
        address: SocketAddr,
        homes: &BTreeMap<PeerId, SocketAddr>,
        in_doubt: &BTreeSet<PeerId>,
    ) -> bool {
        match self.owner {
            Owner::Nobody => true,
            Owner::Myself => false,
            Owner::Peer(peer) => in_doubt.contains(&peer) && homes.get(&peer) != Some(&address),
        }
    }
}
