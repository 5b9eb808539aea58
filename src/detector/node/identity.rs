//! Who is who: names, boots, and claims that do not fit.
//!
//! An answer is first of all a claim about who sent it. Only when the claim
//! fits (the pinned name, no boot that had ended, no name that another peer
//! holds) does it become proof of life.

use super::Node;
use crate::detector::event::{Conflict, EventKind};
use crate::detector::link::Identity;
use crate::detector::peer::{Answer, BootId, PeerId, Seq};
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
    pub(super) fn claim(&self, id: PeerId, answer: &Answer) -> Claim {
        let Some(link) = self.links.get(&id) else { return Claim::Myself };
        if answer.boot == self.me.boot {
            return Claim::Myself;
        }
        if let Some(pinned) = link.pinned.as_ref().filter(|pinned| **pinned != answer.node) {
            let conflict = Conflict::WrongName { expected: pinned.clone(), declared: answer.node.clone() };
            return Claim::Refuted(conflict, answer.boot);
        }
        if let Some(other) = self.names.get(&answer.node).filter(|other| **other != id) {
            let current = self.links.get(other).and_then(|link| link.boot());
            return match current {
                Some(current) if current != answer.boot => {
                    Claim::Refuted(Conflict::OldBootReturned { boot: answer.boot, current }, answer.boot)
                }
                Some(_) | None => Claim::Twin(*other),
            };
        }
        match &link.identity {
            None => Claim::First,
            Some(known) if known.boot == answer.boot => Claim::Same,
            Some(known) if link.recently_ended(answer.boot) => {
                let conflict = Conflict::OldBootReturned { boot: answer.boot, current: known.boot };
                Claim::Refuted(conflict, answer.boot)
            }
            Some(known) => Claim::NewBoot { old: known.boot },
        }
    }

    /// One line for each boot that contradicts, not one for each answer.
    pub(super) fn tell_conflict(&mut self, id: PeerId, conflict: Conflict, boot: BootId) {
        let Some(link) = self.links.get_mut(&id) else { return };
        if link.conflict_told.replace(boot) != Some(boot) {
            self.emit(Some(id), EventKind::PeerConflict { conflict });
        }
    }

    /// A key that is not a peer of its own: myself, or a peer under another key.
    pub(super) fn drop_link(&mut self, id: PeerId) {
        if let Some(link) = self.links.get(&id) {
            self.dropped.insert(link.key.clone());
        }
        self.remove_link(id);
    }

    /// Takes note of a first or new identity. A new boot ends everything that was said about the old one.
    pub(super) fn learn_identity(&mut self, id: PeerId, claim: &Claim, answer: &Answer, now: ObserverTime) {
        if matches!(claim, Claim::Same) {
            return;
        }
        let Some(link) = self.links.get_mut(&id) else { return };
        let identity = Identity { node: answer.node.clone(), boot: answer.boot };
        if let Some(old) = link.identity.replace(identity) {
            link.end_boot(old.boot);
            if old.node != answer.node {
                self.names.remove(&old.node);
            }
        }
        link.forget_hearsay();
        link.forget_watch_list();
        link.forget_revision(now);
        link.last_seq = Seq(0);
        link.goodbye = None;
        link.waits_from = now;
        let mut accused = std::mem::take(&mut link.accuses);
        accused.dedup();
        let new_name = self.names.insert(answer.node.clone(), id).is_none();
        if matches!(claim, Claim::NewBoot { .. }) {
            // Whatever stream there was led to the boot that ended.
            self.close_stream(id);
            if let Some(link) = self.links.get_mut(&id) {
                link.reopen = Some(now);
            }
        }
        if new_name {
            // Watch lists were read without this name; ask for all of them again.
            self.links.iter_mut().for_each(|link| link.forget_revision(now));
        }
        for other in accused {
            if let Some(link) = self.links.get_mut(&other) {
                link.accusers.retain(|accuser| accuser.observer != id);
            }
        }
        self.bump(id);
        self.publish = true;
        self.rejudge = true;
    }
}
