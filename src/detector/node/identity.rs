//! Who is who: names, boots, and claims that do not fit.
//!
//! An answer is first of all a claim about who sent it. Only when the claim
//! fits (the pinned name, no boot that had ended, no name that another peer
//! holds) does it become proof of life.

use super::Node;
use crate::detector::event::{Conflict, EventKind};
use crate::detector::link::Link;
use crate::detector::peer::{Answer, BootId, PeerId};
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
        if answer.boot == self.me.boot {
            return Claim::Myself;
        }
        if let Some(pinned) = link.identity.pinned().filter(|pinned| **pinned != answer.node) {
            let conflict = Conflict::WrongName { expected: pinned.clone(), declared: answer.node.clone() };
            return Claim::Refuted(conflict, answer.boot);
        }
        if let Some(other) = self.names.get(&answer.node).filter(|other| **other != link.id()) {
            let current = self.links.get(other).and_then(Link::boot);
            return match current {
                Some(current) if current != answer.boot => {
                    Claim::Refuted(Conflict::OldBootReturned { boot: answer.boot, current }, answer.boot)
                }
                Some(_) | None => Claim::Twin(*other),
            };
        }
        match link.boot() {
            None => Claim::First,
            Some(known) if known == answer.boot => Claim::Same,
            Some(current) if link.identity.has_ended(answer.boot) => match link.node() {
                Some(known) if *known != answer.node => {
                    let conflict = Conflict::SharedAddress { known: known.clone(), declared: answer.node.clone() };
                    Claim::Refuted(conflict, answer.boot)
                }
                _ => Claim::Refuted(Conflict::OldBootReturned { boot: answer.boot, current }, answer.boot),
            },
            Some(old) => Claim::NewBoot { old },
        }
    }

    /// One line for each boot that contradicts, not one for each answer.
    pub(super) fn report_conflict(&mut self, link: &mut Link, conflict: Conflict, boot: BootId) {
        let is_new = match &conflict {
            Conflict::SharedAddress { declared, .. } => link.identity.is_new_rival(declared.clone(), self.clock.now()),
            _ => link.identity.is_new_conflict(boot),
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
        if let Some((old, _)) = link.identity.learn(answer.node.clone(), answer.boot)
            && old != answer.node
        {
            self.names.remove(&old);
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
