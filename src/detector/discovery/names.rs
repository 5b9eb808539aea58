//! Looking names up: when, and what a result means for the list.

use core::net::SocketAddr;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::entries::{Failing, Name, Owner, Place};
use super::finding::{DnsName, Finding, NameId};
use super::{CALM, Directory, EAGER, Found, PEERS_MAX, count};
use crate::detector::peer::BootId;
use crate::detector::time::ObserverTime;

/// Addresses remembered: two for each peer, one of each family.
const PLACES_MAX: usize = 2 * PEERS_MAX;
/// A name that has never been found is complained about after this long: a
/// mesh that starts together is not in the name server at once.
const PATIENCE: Duration = Duration::from_secs(5);
/// Boots of callers unknown here that are remembered, so that each hurries the lookups only once.
const STRANGERS: usize = 64;

impl Directory {
    /// Whether every name's first lookup has ended, well or badly.
    pub(crate) fn was_tried(&self) -> bool {
        self.names.iter().all(|name| name.tried)
    }

    /// A lookup that is due.
    pub(crate) fn take_lookup(&mut self, now: ObserverTime) -> Option<(NameId, DnsName)> {
        let index =
            (0..self.names.len()).find(|index| self.lookup_due(&self.names[*index]).is_some_and(|at| at <= now))?;
        let name = &mut self.names[index];
        name.begun = Some(now);
        name.running = true;
        let taken = name.name.clone();
        self.plan();
        Some((NameId(index as u16), taken))
    }

    /// A lookup ended. Returns what to report of it.
    pub(crate) fn looked_up(&mut self, id: NameId, found: Found, spread: Duration, now: ObserverTime) -> Vec<Finding> {
        let Some(name) = self.names.get_mut(usize::from(id.0)) else { return Vec::new() };
        name.running = false;
        name.tried = true;
        let findings = match found {
            Ok(addresses) if !addresses.is_empty() => self.list(id, addresses, spread, now),
            Ok(_) => self.failed(id, "the name has no addresses".into(), now),
            Err(error) => self.failed(id, error, now),
        };
        self.plan();
        findings
    }

    fn failed(&mut self, id: NameId, error: Arc<str>, now: ObserverTime) -> Vec<Finding> {
        self.errors += 1;
        let known = self.listed_by(id);
        let name = &mut self.names[usize::from(id.0)];
        let never_found = name.succeeded.is_none();
        let failing =
            name.failing.get_or_insert(Failing { since: now, error: error.clone(), count: 0, is_reported: false });
        failing.count = failing.count.saturating_add(1);
        failing.error = error.clone();
        if failing.is_reported || (never_found && now.since(failing.since) < PATIENCE) {
            return Vec::new();
        }
        failing.is_reported = true;
        vec![Finding::Failed { name: name.name.clone(), error, known }]
    }

    fn list(&mut self, id: NameId, found: Vec<SocketAddr>, spread: Duration, now: ObserverTime) -> Vec<Finding> {
        let bit = 1u16 << id.0;
        let found: BTreeSet<SocketAddr> = found.into_iter().collect();
        let homes = &self.homes;
        let cancelled = &mut self.cancelled;
        self.places.retain(|address, place| {
            if !found.contains(address) {
                place.listed &= !bit;
            }
            let lives_here = matches!(place.owner, Owner::Peer(id) if homes.get(&id) == Some(address));
            let stays = place.listed != 0 || lives_here || found.contains(address);
            if !stays {
                cancelled.extend(place.probe.map(|(id, _)| id));
            }
            stays
        });
        let gap = spread / u32::try_from(found.len().max(1)).unwrap_or(u32::MAX);
        let mut left_out = 0;
        for (number, address) in found.iter().enumerate() {
            if let Some(place) = self.places.get_mut(address) {
                place.listed |= bit;
            } else if self.places.len() < PLACES_MAX {
                let first_probe = now + gap * u32::try_from(number).unwrap_or(0);
                self.places.insert(*address, Place::new(bit, now, first_probe));
            } else {
                left_out += 1;
            }
        }
        self.tell_listed(id, found.len(), left_out, now)
    }

    fn tell_listed(&mut self, id: NameId, found: usize, left_out: usize, now: ObserverTime) -> Vec<Finding> {
        let name = &mut self.names[usize::from(id.0)];
        name.succeeded = Some(now);
        let mut findings = Vec::new();
        if let Some(failing) = name.failing.take().filter(|failing| failing.is_reported) {
            findings.push(Finding::Recovered {
                name: name.name.clone(),
                failed_for: now.since(failing.since),
                failures: failing.count,
                found: count(found),
            });
        }
        name.cut = left_out > 0;
        if name.cut {
            findings.extend(self.crowd());
        }
        findings
    }

    /// There are more peers than are watched: reported once, until there is room again.
    pub(crate) fn crowd(&mut self) -> Option<Finding> {
        let first = !std::mem::replace(&mut self.crowded, true);
        first.then(|| Finding::Full { listed: count(self.places.len()), limit: count(PEERS_MAX) })
    }

    /// There is room for another peer.
    pub(crate) fn has_room(&mut self) {
        self.crowded &= self.names.iter().any(|name| name.cut);
    }

    /// An unknown node pings this node: perhaps a peer that lookups have not shown yet.
    pub(crate) fn stranger(&mut self, boot: BootId, now: ObserverTime) {
        if self.names.is_empty() || self.strangers.contains(&boot) {
            return;
        }
        if self.strangers.len() == STRANGERS {
            self.strangers.pop_front();
        }
        self.strangers.push_back(boot);
        self.eager_until = self.eager_until.max(now + CALM);
        self.plan();
    }

    pub(super) fn listed_by(&self, id: NameId) -> u32 {
        count(self.places.values().filter(|place| place.listed & (1 << id.0) != 0).count())
    }

    pub(super) fn lookup_due(&self, name: &Name) -> Option<ObserverTime> {
        if name.running {
            return None;
        }
        let Some(begun) = name.begun else { return Some(ObserverTime::default()) };
        let eager = self.any_missing || name.succeeded.is_none() || begun + EAGER <= self.eager_until;
        Some(begun + if eager { EAGER } else { CALM })
    }
}
