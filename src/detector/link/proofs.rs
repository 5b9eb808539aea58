//! When a peer last showed that it is alive.

use std::time::Duration;

use crate::detector::time::ObserverTime;

/// Signs of life, and what is counted from them.
#[derive(Clone, Debug)]
pub(crate) struct Proofs {
    added: ObserverTime,
    last_answer: Option<ObserverTime>,
    last_ping_in: Option<ObserverTime>,
    /// A ping in its name came from another address than its own. No sign of life.
    last_ping_elsewhere: Option<ObserverTime>,
    /// A kernel or the process answered anything at all.
    last_contact: Option<ObserverTime>,
    /// Waits count from here when it is later than the proofs.
    waits_from: ObserverTime,
    answers_since_dead: u8,
    /// The last answer before the present outage.
    outage_from: ObserverTime,
    /// No opinion until an attempt begun since has finished.
    no_opinion_since: Option<ObserverTime>,
}

impl Proofs {
    pub(super) fn new(now: ObserverTime) -> Proofs {
        Proofs {
            added: now,
            last_answer: None,
            last_ping_in: None,
            last_ping_elsewhere: None,
            last_contact: None,
            waits_from: now,
            answers_since_dead: 0,
            outage_from: now,
            no_opinion_since: None,
        }
    }

    pub(crate) fn answered(&mut self, now: ObserverTime) {
        self.last_answer = Some(now);
    }

    pub(crate) fn pinged(&mut self, now: ObserverTime) {
        self.last_ping_in = Some(now);
    }

    pub(crate) fn pinged_elsewhere(&mut self, now: ObserverTime) {
        self.last_ping_elsewhere = Some(now);
    }

    pub(crate) fn last_ping_elsewhere(&self) -> Option<ObserverTime> {
        self.last_ping_elsewhere
    }

    /// Returns the contact before.
    pub(crate) fn contacted(&mut self, now: ObserverTime) -> Option<ObserverTime> {
        self.last_contact.replace(now)
    }

    pub(crate) fn added(&self) -> ObserverTime {
        self.added
    }

    pub(crate) fn last_answer(&self) -> Option<ObserverTime> {
        self.last_answer
    }

    pub(crate) fn last_ping_in(&self) -> Option<ObserverTime> {
        self.last_ping_in
    }

    pub(crate) fn last_contact(&self) -> Option<ObserverTime> {
        self.last_contact
    }

    /// The last sign of life of any kind: an answer or a ping.
    pub(crate) fn last(&self) -> Option<ObserverTime> {
        self.last_answer.max(self.last_ping_in)
    }

    /// Since the last sign of life of any kind.
    pub(crate) fn silent_for(&self, now: ObserverTime) -> Duration {
        now.since(self.last().unwrap_or(self.added))
    }

    /// Since the last answer to this node.
    pub(crate) fn unanswered_for(&self, now: ObserverTime) -> Duration {
        now.since(self.last_answer.unwrap_or(self.added))
    }

    /// My own wait counts from my last answer: a link is broken when *my*
    /// pings get none, even while other observers hear the peer.
    pub(crate) fn link_base(&self) -> ObserverTime {
        self.last_answer.unwrap_or(self.added).max(self.waits_from)
    }

    /// An accusation counts from the last proof of life of any kind.
    pub(crate) fn proof_base(&self) -> ObserverTime {
        self.last().unwrap_or(self.added).max(self.waits_from)
    }

    /// All waits begin anew.
    pub(crate) fn wait_from(&mut self, now: ObserverTime) {
        self.waits_from = now;
    }

    pub(super) fn outage_begins(&mut self) {
        self.outage_from = self.last_answer.unwrap_or(self.added);
    }

    /// From the last answer before the outage.
    pub(crate) fn outage(&self, now: ObserverTime) -> Duration {
        now.since(self.outage_from)
    }

    pub(crate) fn count_answers_anew(&mut self) {
        self.answers_since_dead = 0;
    }

    /// An answer of a dead peer: true for the second and later ones.
    pub(crate) fn has_answered_twice(&mut self) -> bool {
        self.answers_since_dead = self.answers_since_dead.saturating_add(1);
        self.answers_since_dead >= 2
    }

    /// This process did not run: what it knows of the peer is old.
    pub(crate) fn lose_opinion(&mut self, now: ObserverTime) {
        self.no_opinion_since = Some(now);
    }

    /// An attempt ended that was begun after the last stall.
    pub(crate) fn regain_opinion(&mut self) {
        self.no_opinion_since = None;
    }

    pub(crate) fn no_opinion_since(&self) -> Option<ObserverTime> {
        self.no_opinion_since
    }

    pub(crate) fn has_opinion(&self) -> bool {
        self.no_opinion_since.is_none()
    }
}
