//! Who is who: names, boots, and claims that do not fit.
//!
//! An answer is first of all a claim about who sent it. Only when the claim
//! fits (the pinned name, no boot that had ended, no name that another peer
//! holds or that is pinned for another) does it become proof of life.
//!
//! An answer that leads to this node, or to a peer under another key, ends a
//! link only if that link has neither a pin nor an identity. Elsewhere it is a
//! conflict, and the peer stays watched: one redirected request must not be
//! enough to make this node forget whom it was told to watch.

use super::Node;
use crate::detector::event::{Conflict, EventKind};
use crate::detector::link::Link;
use crate::detector::peer::{Answer, BootId, NodeName, PeerId};
use crate::detector::time::ObserverTime;

/// What an answer's claim of identity amounts to.
pub(super) enum Claim {
    First,
    Same,
    NewBoot { old: BootId },
    Myself,
    Twin(PeerId),
    Refuted(Conflict, BootId),
}

impl Node {
    pub(super) fn claim(&self, link: &Link, answer: &Answer) -> Claim {
        // The pin, else the name that it has had so far: what a link that is somebody already must answer as.
        let expected = link.identity.pinned().or(link.node());
        let is_other = expected.filter(|expected| **expected != answer.node);
        let wrong_name = |expected: &NodeName| {
            let conflict = Conflict::WrongName { expected: expected.clone(), declared: answer.node.clone() };
            Claim::Refuted(conflict, answer.boot)
        };
        if answer.boot == self.me.boot {
            return is_other.map_or(Claim::Myself, wrong_name);
        }
        if let (Some(pinned), Some(_)) = (link.identity.pinned(), is_other) {
            return wrong_name(pinned);
        }
        if let Some(other) = self.names.get(&answer.node).filter(|other| **other != link.id()) {
            let Some(other) = self.links.get(other) else { return Claim::Twin(*other) };
            return match (other.boot(), expected) {
                (Some(current), _) if current != answer.boot => {
                    Claim::Refuted(Conflict::OldBootReturned { boot: answer.boot, current }, answer.boot)
                }
                (_, None) => Claim::Twin(other.id()),
                (_, Some(expected)) if is_other.is_some() => wrong_name(expected),
                (_, Some(_)) => Claim::Refuted(Conflict::SameNode { other: other.key().clone() }, answer.boot),
            };
        }
        match link.boot() {
            Some(known) if known == answer.boot => Claim::Same,
            Some(current) if link.identity.has_ended(answer.boot) => match link.node() {
                Some(known) if *known != answer.node => {
                    let conflict = Conflict::SharedAddress { known: known.clone(), declared: answer.node.clone() };
                    Claim::Refuted(conflict, answer.boot)
                }
                _ => Claim::Refuted(Conflict::OldBootReturned { boot: answer.boot, current }, answer.boot),
            },
            known => match (self.reserved(link, &answer.node), known) {
                (Some(other), _) => {
                    let conflict = Conflict::NameReserved { name: answer.node.clone(), other: other.key().clone() };
                    Claim::Refuted(conflict, answer.boot)
                }
                (None, None) => Claim::First,
                (None, Some(old)) => Claim::NewBoot { old },
            },
        }
    }

    /// The peer that goes by this name.
    pub fn peer_named(&self, name: &NodeName) -> Option<PeerId> {
        self.names.get(name).copied()
    }

    /// The other link that this name is pinned for. Its owner may come up later than one that takes its name.
    fn reserved(&self, link: &Link, name: &NodeName) -> Option<&Link> {
        self.links.iter().find(|other| other.id() != link.id() && other.identity.pinned() == Some(name))
    }

    /// One line for each boot that contradicts, not one for each answer; and few where each answer is of another boot.
    pub(super) fn report_conflict(&mut self, link: &mut Link, conflict: Conflict, boot: BootId) {
        let is_new = match &conflict {
            Conflict::SharedAddress { declared, .. } => link.identity.is_new_rival(declared.clone(), self.clock.now()),
            _ => link.identity.is_new_conflict(boot, self.clock.now()),
        };
        if is_new {
            self.report(link, EventKind::PeerConflict { conflict });
        }
    }

    /// Takes note of a first or new identity. A new boot ends everything that was said about the old one.
    pub(super) fn learn_identity(&mut self, link: &mut Link, claim: &Claim, answer: &Answer, now: ObserverTime) {
        if matches!(claim, Claim::Same) {
            return;
        }
        if let Some((old, boot)) = link.identity.learn(answer.node.clone(), answer.boot, (answer.seq, self.last_raw))
            && old != answer.node
        {
            self.bury(old, boot);
        }
        link.hearsay.forget();
        link.reported.forget_list();
        link.reported.ask_for_list(now);
        link.proofs.wait_from(now);
        if matches!(claim, Claim::NewBoot { .. }) {
            // Whatever stream there was led to the boot that ended.
            self.close_stream(link);
            link.stream.set_reopen(Some(now));
        }
        self.unlisted.is_listed(&answer.node);
        if answer.node == self.me.node {
            self.report_conflict(link, Conflict::SharedName { boot: answer.boot }, answer.boot);
        }
        if self.names.insert(answer.node.clone(), link.id()).is_none() {
            // Watch lists were read without this name; ask for all of them again.
            for other in self.links.iter_mut() {
                other.reported.is_met(&answer.node);
                other.reported.ask_for_list(now);
                self.schedule.set(other, &self.config, now);
            }
        }
        for accused in link.reported.set_accuses(Vec::new()) {
            if let Some(accused) = self.links.get_mut(&accused) {
                accused.hearsay.withdraw(link.id());
            }
        }
        self.line_changed(link);
        self.effects.publish();
        self.effects.rejudge();
    }
}
