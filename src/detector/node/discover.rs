//! Peers behind a name: what a lookup or a probe means for the links.
//!
//! A probe's answer is an answer like any other, so the node that gives it joins,
//! restarts or recovers by the same rules as a peer that was listed by hand; all
//! that is decided here is *which link* the answer belongs to.

use core::net::SocketAddr;
use std::collections::BTreeSet;

use super::Node;
use super::identity::Claim;
use crate::detector::discovery::{Directory, DnsName, Finding, Found, NameId, Owner, PEERS_MAX, ProbeId, removal};
use crate::detector::event::{Conflict, EventKind, Purpose};
use crate::detector::evidence::Evidence;
use crate::detector::link::{Attempt, Link};
use crate::detector::peer::{Answer, PeerId, PeerKey, PeerSpec, PeerState, SelfState};
use crate::detector::time::{Monotonic, ObserverTime};
use crate::detector::transmit::Transmit;

/// Two live processes of one name are reported as a conflict after this many
/// intervals; a restart that outruns my pings is settled long before.
const RIVALRY: u32 = 3;

impl Node {
    /// The names behind which peers are found. Each is looked up as soon as the node runs.
    pub fn set_names(&mut self, names: Vec<DnsName>) {
        self.directory = Directory::new(names);
    }

    /// Whether the first lookup of every name has ended, well or badly: a node is not ready before.
    pub fn discovery_was_tried(&self) -> bool {
        self.directory.was_tried()
    }

    /// A lookup ended.
    pub fn handle_lookup(&mut self, now: Monotonic, name: NameId, found: Found) {
        let now = self.begin(now);
        let good = found.as_ref().is_ok_and(|addresses| !addresses.is_empty());
        for finding in self.directory.looked_up(name, found, self.config.interval, now) {
            self.emit(None, EventKind::Discovery(finding));
        }
        if good && !self.leaving {
            self.drop_missing(now);
        }
        self.discover(now);
        self.finish();
    }

    /// A probe ended. One that was cancelled is ignored.
    pub fn handle_probe(&mut self, now: Monotonic, probe: ProbeId, result: Result<Answer, Evidence>) {
        let now = self.begin(now);
        if let Some((address, begun)) = self.directory.probe_ended(probe, now)
            && !self.leaving
        {
            match result {
                Ok(answer) => self.probe_answered(address, answer, begun, now),
                Err(evidence) => self.directory.unsettled(address, evidence),
            }
        }
        self.discover(now);
        self.finish();
    }

    /// Lookups and probes that are due.
    pub(super) fn discover(&mut self, now: ObserverTime) {
        if self.leaving {
            return;
        }
        while let Some((id, name)) = self.directory.take_lookup(now) {
            self.transmits.push_back(Transmit::LookUp { id, name });
        }
        for probe in self.directory.take_probes(now) {
            self.transmits.push_back(Transmit::Probe { probe: probe.id, address: probe.address });
        }
    }

    /// Whose end no longer matters to the directory.
    pub(super) fn cancel_probes(&mut self) {
        while let Some(probe) = self.directory.take_cancelled() {
            self.transmits.push_back(Transmit::CancelProbe { probe });
        }
    }

    /// Gives the directory the state of the discovered peers, when that may have changed.
    pub(super) fn tell_mood(&mut self) {
        if !std::mem::take(&mut self.mood_changed) {
            return;
        }
        let state = |id: PeerId| self.links.get(&id).map(|link| link.state);
        let restless = self.directory.discovered().any(|id| state(id) != Some(PeerState::Alive));
        let in_doubt = |id: &PeerId| self.links.get(id).is_some_and(Link::in_doubt);
        let doubted: BTreeSet<PeerId> = self.directory.discovered().filter(in_doubt).collect();
        self.directory.set_mood(restless, doubted);
    }

    fn drop_missing(&mut self, now: ObserverTime) {
        let listed = self.directory.listed();
        let ids: Vec<PeerId> = self.directory.discovered().collect();
        for id in ids {
            let Some(link) = self.links.get(&id) else { continue };
            if let Some(why) = removal(listed.contains(&id), link.state, now.since(link.state_since)) {
                self.emit(Some(id), EventKind::PeerRemoved { why });
                self.remove_link(id);
            }
        }
        if self.links.len() < PEERS_MAX {
            self.directory.has_room();
        }
    }

    /// A node answers at an address: which one is it?
    fn probe_answered(&mut self, address: SocketAddr, answer: Answer, begun: ObserverTime, now: ObserverTime) {
        if answer.boot == self.me.boot {
            self.directory.settle(address, Owner::Myself);
        } else if answer.node == self.me.node {
            if self.directory.rival(address, answer.boot, now).is_none() {
                let finding = Finding::NameTaken { address, boot: answer.boot };
                self.emit(None, EventKind::Discovery(finding));
            }
            self.directory.unsettled(address, Evidence::Invalid);
        } else if answer.state == SelfState::Leaving {
            // A node that is about to leave need not be added.
            self.directory.unsettled(address, Evidence::Answered);
        } else {
            match self.resident(&answer) {
                Some(id) if self.directory.is_discovered(id) => self.found_again(id, address, answer, begun, now),
                // A peer that was listed by hand keeps the address it was given.
                Some(id) => self.directory.settle(address, Owner::Peer(id)),
                None => self.found(address, answer, begun, now),
            }
        }
    }

    /// The link of this node: by the name it declared, or by a key that is its name.
    fn resident(&self, answer: &Answer) -> Option<PeerId> {
        let by_key = || self.links.iter().find(|link| *link.key.0 == *answer.node.as_str()).map(|link| link.id);
        self.names.get(&answer.node).copied().or_else(by_key)
    }

    /// An unknown node.
    fn found(&mut self, address: SocketAddr, answer: Answer, begun: ObserverTime, now: ObserverTime) {
        if self.links.len() >= PEERS_MAX {
            if let Some(finding) = self.directory.crowd() {
                self.emit(None, EventKind::Discovery(finding));
            }
            self.directory.unsettled(address, Evidence::Answered);
            return;
        }
        let id = PeerId(self.next_peer);
        self.next_peer += 1;
        let key = PeerKey(answer.node.as_str().into());
        let spec = PeerSpec { key, pinned: Some(answer.node.clone()) };
        self.links.add(Link::new(id, spec, now, now));
        self.directory.move_in(id, address, now);
        self.mood_changed = true;
        self.transmits.push_back(Transmit::Locate { peer: id, address });
        self.emit(Some(id), EventKind::PeerAdded);
        self.answer_of_probe(id, answer, begun, now);
    }

    /// A discovered peer answers at `address`: its home, another way to it, or its new home.
    fn found_again(&mut self, id: PeerId, address: SocketAddr, answer: Answer, begun: ObserverTime, now: ObserverTime) {
        let Some(link) = self.links.get(&id) else { return };
        let same_boot = link.boot() == Some(answer.boot);
        let in_doubt = link.in_doubt() || link.state == PeerState::Left;
        if !same_boot && link.recently_ended(answer.boot) {
            // The process that was, not gone yet from its old address.
            self.directory.unsettled(address, Evidence::Invalid);
        } else if same_boot && !in_doubt && self.directory.home(id) != Some(address) {
            self.directory.settle(address, Owner::Peer(id));
        } else if !same_boot && !in_doubt {
            self.rivals(id, address, &answer, now);
        } else {
            self.move_to(id, address, now);
            self.answer_of_probe(id, answer, begun, now);
        }
    }

    /// A peer that I believe alive answers as another process at another address. Either my next ping shows that
    /// it has moved, or there are two of that name.
    fn rivals(&mut self, id: PeerId, address: SocketAddr, answer: &Answer, now: ObserverTime) {
        let rival_for = self.directory.rival(address, answer.boot, now);
        self.directory.unsettled(address, Evidence::Invalid);
        let current = self.links.get(&id).and_then(Link::boot);
        if let Some(current) = current
            && rival_for.is_some_and(|span| span >= self.config.interval * RIVALRY)
        {
            let conflict = Conflict::OldBootReturned { boot: answer.boot, current };
            self.tell_conflict(id, conflict, answer.boot);
        } else {
            self.check_soon(id, now);
            self.settle(id, now);
        }
    }

    /// Everything on its way to the old address is given up.
    fn move_to(&mut self, id: PeerId, address: SocketAddr, now: ObserverTime) {
        let before = self.directory.move_in(id, address, now);
        let Some(from) = before else { return };
        self.turn_away(id);
        self.cancel_all(id, false);
        self.close_stream(id);
        if let Some(link) = self.links.get_mut(&id) {
            link.warm = false;
            link.next_ping = now;
        }
        self.transmits.push_back(Transmit::Locate { peer: id, address });
        self.emit(Some(id), EventKind::PeerMoved { from, to: address });
    }

    /// The answer of a probe is one to a check that counts nowhere: its peer was not known when it was sent.
    fn answer_of_probe(&mut self, id: PeerId, answer: Answer, begun: ObserverTime, now: ObserverTime) {
        let claim = self.claim(id, &answer);
        let Some(link) = self.links.get_mut(&id) else { return };
        let attempt = Attempt {
            id: link.next_attempt(),
            purpose: Purpose::Check,
            begun,
            connected: Some(begun),
            tainted: link.blind.is_some_and(|since| begun < since),
            counted: true,
            late: false,
            warm: false,
        };
        match claim {
            claim @ (Claim::First | Claim::Same | Claim::NewBoot { .. }) => {
                self.valid_answer(id, attempt, claim, answer, now);
            }
            // Asked before it came here: it is its own name, no other's, and no boot that had ended.
            Claim::Myself | Claim::Twin(_) | Claim::Refuted(..) => {}
        }
    }
}
