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
use crate::detector::event::{Conflict, EventKind};
use crate::detector::evidence::Evidence;
use crate::detector::flaw::Flaw;
use crate::detector::link::Link;
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
            self.report_self(EventKind::Discovery(finding));
        }
        if good && !self.leaving {
            self.drop_missing(now);
        }
        self.discover(now);
        self.effects.rejudge_if(self.cut_off.is_some());
        self.finish();
    }

    /// A probe ended. One that was cancelled is ignored.
    /// A failure has what was wrong with the answer, if one came that was not one of a node.
    pub fn handle_probe(&mut self, now: Monotonic, probe: ProbeId, result: Result<Answer, (Evidence, Option<Flaw>)>) {
        let now = self.begin(now);
        if let Some((address, begun)) = self.directory.probe_ended(probe, now)
            && !self.leaving
        {
            match result {
                Ok(answer) => {
                    if answer.boot != self.me.boot {
                        self.network_works(now);
                    }
                    self.probe_answered(address, answer, begun, now);
                }
                Err((evidence, flaw)) => {
                    self.directory.probe_failed(address, evidence, flaw);
                    self.no_peer_answered(evidence, now);
                }
            }
        }
        self.discover(now);
        self.effects.rejudge_if(self.cut_off.is_some());
        self.finish();
    }

    /// Lookups and probes that are due.
    pub(super) fn discover(&mut self, now: ObserverTime) {
        if self.leaving {
            return;
        }
        while let Some((id, name)) = self.directory.take_lookup(now) {
            self.effects.send(Transmit::LookUp { id, name });
        }
        for probe in self.directory.take_probes(now) {
            self.effects.send(Transmit::Probe { probe: probe.id, address: probe.address });
        }
    }

    /// Whose end no longer matters to the directory.
    pub(super) fn cancel_probes(&mut self) {
        while let Some(probe) = self.directory.take_cancelled() {
            self.effects.send(Transmit::CancelProbe { probe });
        }
    }

    /// Gives the directory the state of the discovered peers.
    pub(super) fn update_directory(&mut self) {
        let state = |id: PeerId| self.links.get(&id).map(Link::state);
        let any_missing = self.directory.discovered().any(|id| state(id) != Some(PeerState::Alive));
        let in_doubt = |id: &PeerId| self.links.get(id).is_some_and(Link::in_doubt);
        let in_doubt: BTreeSet<PeerId> = self.directory.discovered().filter(in_doubt).collect();
        self.directory.set_states(any_missing, in_doubt);
    }

    fn drop_missing(&mut self, now: ObserverTime) {
        let listed = self.directory.listed();
        let ids: Vec<PeerId> = self.directory.discovered().collect();
        for id in ids {
            let Some(link) = self.links.get(&id) else { continue };
            if let Some(why) = removal(listed.contains(&id), link.state(), now.since(link.state_since())) {
                self.remove_link(id, why);
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
                let finding = Finding::NameTaken { address: Some(address), boot: answer.boot };
                self.report_self(EventKind::Discovery(finding));
            }
            self.directory.unsettled(address, Evidence::Invalid);
        } else if answer.state == SelfState::Leaving {
            // A node that is about to leave need not be added.
            self.directory.unsettled(address, Evidence::Answered);
        } else {
            match self.resident(&answer) {
                Some(id) if self.directory.is_discovered(id) => {
                    self.with_link(id, |node, link| node.found_again(link, address, answer, begun, now));
                }
                // A peer that was listed by hand keeps the address it was given.
                Some(id) => self.directory.settle(address, Owner::Peer(id)),
                None => self.found(address, answer, begun, now),
            }
        }
    }

    /// The link of this node: by the name it declared, or by a key that is its name.
    fn resident(&self, answer: &Answer) -> Option<PeerId> {
        let by_key = || self.links.iter().find(|link| *link.key().0 == *answer.node.as_str()).map(Link::id);
        self.names.get(&answer.node).copied().or_else(by_key)
    }

    /// A discovered peer's address answers under another name. One address is one identity: only a peer that is watched
    /// already and has moved may be there instead, or anyone once the peer is dead or has left. Until then it is a
    /// conflict, told once, but not at once: a peer that has moved is found at its new address within that time.
    pub(super) fn other_name_answers(
        &mut self,
        link: &mut Link,
        answer: &Answer,
        conflict: Conflict,
        now: ObserverTime,
    ) {
        let is_over = |link: &Link| matches!(link.state(), PeerState::Dead | PeerState::Left);
        let resident = self.resident(answer).and_then(|id| self.links.get(&id));
        if is_over(link) || answer.boot == self.me.boot || resident.is_some_and(|resident| !is_over(resident)) {
            self.directory.evict(link.id(), now);
        } else if self.directory.newcomer_seen(link.id(), self.config.interval * RIVALRY, now) {
            self.report(link, EventKind::PeerConflict { conflict });
        }
    }

    /// An unknown node.
    fn found(&mut self, address: SocketAddr, answer: Answer, begun: ObserverTime, now: ObserverTime) {
        if self.links.len() >= PEERS_MAX {
            if let Some(finding) = self.directory.crowd() {
                self.report_self(EventKind::Discovery(finding));
            }
            self.directory.unsettled(address, Evidence::Answered);
            return;
        }
        if !self.directory.may_take_in(address, now) {
            self.directory.unsettled(address, Evidence::Invalid);
            return;
        }
        let id = PeerId(self.next_peer);
        self.next_peer += 1;
        let key = PeerKey(answer.node.as_str().into());
        let spec = PeerSpec { key, pinned: Some(answer.node.clone()) };
        self.links.add(Link::new(id, spec, now, now));
        self.directory.move_in(id, address, now);
        self.effects.states_changed();
        self.effects.send(Transmit::Locate { peer: id, address });
        self.with_link(id, |node, link| {
            node.report(link, EventKind::PeerAdded);
            node.answer_of_probe(link, answer, begun, now);
        });
    }

    /// A discovered peer answers at `address`: its home, another way to it, or its new home.
    fn found_again(
        &mut self,
        link: &mut Link,
        address: SocketAddr,
        answer: Answer,
        begun: ObserverTime,
        now: ObserverTime,
    ) {
        let same_boot = link.boot() == Some(answer.boot);
        let in_doubt = link.in_doubt() || link.state() == PeerState::Left;
        if !same_boot && link.identity.has_ended(answer.boot) {
            // The process that was, not gone yet from its old address.
            self.directory.unsettled(address, Evidence::Invalid);
        } else if same_boot && !in_doubt && self.directory.home(link.id()) != Some(address) {
            self.directory.settle(address, Owner::Peer(link.id()));
        } else if !same_boot && !in_doubt {
            self.rivals(link, address, &answer, now);
        } else {
            self.move_to(link, address, now);
            self.answer_of_probe(link, answer, begun, now);
        }
    }

    /// A peer that I believe alive answers as another process at another address. Either my next ping shows that
    /// it has moved, or there are two of that name.
    fn rivals(&mut self, link: &mut Link, address: SocketAddr, answer: &Answer, now: ObserverTime) {
        let rival_for = self.directory.rival(address, answer.boot, now);
        self.directory.unsettled(address, Evidence::Invalid);
        if let Some(current) = link.boot()
            && rival_for.is_some_and(|span| span >= self.config.interval * RIVALRY)
        {
            let conflict = Conflict::OldBootReturned { boot: answer.boot, current };
            self.report_conflict(link, conflict, answer.boot);
        } else {
            self.check_soon(link, now);
            self.settle(link, now);
        }
    }

    /// Everything on its way to the old address is given up.
    fn move_to(&mut self, link: &mut Link, address: SocketAddr, now: ObserverTime) {
        let before = self.directory.move_in(link.id(), address, now);
        let Some(from) = before else { return };
        self.turn_away(link);
        self.cancel_all(link, false);
        self.close_stream(link);
        link.requests.connection_is_gone();
        link.requests.set_next_ping(now);
        self.effects.send(Transmit::Locate { peer: link.id(), address });
        self.report(link, EventKind::PeerMoved { from, to: address });
    }

    /// The answer of a probe is one to a check that counts nowhere: its peer was not known when it was sent.
    fn answer_of_probe(&mut self, link: &mut Link, answer: Answer, begun: ObserverTime, now: ObserverTime) {
        match self.claim(link, &answer) {
            claim @ (Claim::First | Claim::Same | Claim::NewBoot { .. }) => {
                let tainted = link.proofs.no_opinion_since().is_some_and(|since| begun < since);
                let attempt = link.requests.probe(begun, tainted);
                self.valid_answer(link, &attempt, claim, answer, now);
            }
            // Asked before it came here: it is its own name, no other's, and no boot that had ended.
            Claim::Myself | Claim::Twin(_) | Claim::Refuted(..) => {}
        }
    }
}
