//! What came back: the ends of attempts, and pings that come in.
//!
//! Only an answer to a ping of mine ends a suspicion. A ping from the peer is
//! proof of life as well, so it restarts the wait for an accusation, but it
//! says nothing about my way to the peer.

use super::Node;
use super::identity::Claim;
use super::pings::failure;
use crate::detector::event::{Conflict, Doubt, EventKind, PingResult, Purpose};
use crate::detector::evidence::Evidence;
use crate::detector::limits::CHECK_GAP;
use crate::detector::link::{Attempt, Link};
use crate::detector::peer::{Answer, AttemptId, Caller, PeerId, PeerState, SelfState, Seq, Testimony};
use crate::detector::rule::Rule;
use crate::detector::time::ObserverTime;
use crate::detector::transmit::Transmit;

/// An incoming ping vouches for a peer only if it came at least this long after
/// a check of mine that failed had begun: one that was already in my own
/// socket's queue when the peer crashed must not.
const QUEUE_DELAY: std::time::Duration = std::time::Duration::from_millis(100);

impl Node {
    pub(super) fn attempt_connected(&mut self, attempt: AttemptId, now: ObserverTime) {
        let id = owner(attempt);
        let Some(link) = self.links.get_mut(&id) else { return };
        let open = link.checks.iter_mut().chain(link.witness_ping.as_mut()).find(|open| open.id == attempt);
        if let Some(open) = open {
            open.connected = Some(now);
            if !open.tainted {
                link.trail.connected();
            }
            self.contact(id, now);
            self.settle(id, now);
        }
    }

    /// Takes the attempt off its link, wherever it is.
    fn take_attempt(&mut self, id: PeerId, attempt: AttemptId) -> Option<Attempt> {
        let link = self.links.get_mut(&id)?;
        if let Some(found) = link.scheduled.take_if(|open| open.id == attempt) {
            return Some(found);
        }
        if let Some(found) = link.overdue.take_if(|overdue| overdue.attempt.id == attempt) {
            return Some(found.attempt);
        }
        if let Some(found) = link.witness_ping.take_if(|open| open.id == attempt) {
            return Some(found);
        }
        let place = link.checks.iter().position(|check| check.id == attempt)?;
        Some(link.checks.remove(place))
    }

    pub(super) fn attempt_answered(&mut self, attempt: AttemptId, answer: Answer, now: ObserverTime) {
        let id = owner(attempt);
        let Some(attempt) = self.take_attempt(id, attempt) else { return };
        if self.leaving {
            return;
        }
        match self.claim(id, &answer) {
            Claim::Myself => {
                self.emit(Some(id), EventKind::PeerIsSelf);
                self.drop_link(id);
            }
            Claim::Twin(other) => {
                if let Some(other) = self.links.get(&other).map(|link| link.key.clone()) {
                    self.emit(Some(id), EventKind::PeerConflict { conflict: Conflict::SameNode { other } });
                }
                self.drop_link(id);
            }
            // Addresses behind a name change owners; no setting pins one to the other.
            Claim::Refuted(Conflict::WrongName { .. }, _) if self.directory.is_discovered(id) => {
                self.directory.evict(id, now);
                self.invalid_answer(id, attempt, now);
            }
            Claim::Refuted(conflict, boot) => {
                self.tell_conflict(id, conflict, boot);
                self.invalid_answer(id, attempt, now);
            }
            claim @ (Claim::First | Claim::Same | Claim::NewBoot { .. }) => {
                self.valid_answer(id, attempt, claim, answer, now);
            }
        }
    }

    fn invalid_answer(&mut self, id: PeerId, attempt: Attempt, now: ObserverTime) {
        if let Some(link) = self.links.get_mut(&id)
            && attempt.purpose != Purpose::Scheduled
            && !attempt.tainted
        {
            link.trail.connected();
        }
        self.attempt_lost(id, attempt, Evidence::Invalid, now);
    }

    pub(super) fn valid_answer(
        &mut self,
        id: PeerId,
        attempt: Attempt,
        claim: Claim,
        answer: Answer,
        now: ObserverTime,
    ) {
        let rtt = now.since(attempt.begun);
        self.learn_identity(id, &claim, &answer, now);
        if !attempt.tainted {
            self.opinion_regained(id);
        }
        let sampled = attempt.purpose == Purpose::Scheduled && attempt.warm && !attempt.tainted && !attempt.counted;
        let Some(link) = self.links.get_mut(&id) else { return };
        if sampled && link.state != PeerState::Left {
            let bound = link.rtt.bound(self.config.interval);
            link.rtt.sample(rtt, bound);
        }
        link.warm |= attempt.purpose == Purpose::Scheduled && !attempt.counted;
        if attempt.counted {
            link.record.attempts.answered_late(attempt.begun, now, attempt.purpose);
        } else {
            self.count(id, attempt.purpose, attempt.begun, PingResult::Success { rtt, sampled });
        }
        if attempt.purpose == Purpose::Witness {
            self.witness_answered(id, answer.boot, now);
        }
        let timely = (!attempt.counted && !attempt.tainted).then_some(rtt);
        let (state, seq) = (answer.state, answer.seq);
        self.own_answer(id, claim, seq, state, timely, now);
        self.hear(id, answer, now);
        self.settle(id, now);
    }

    /// A valid answer to a ping of mine: the only thing that ends a suspicion.
    fn own_answer(
        &mut self,
        id: PeerId,
        claim: Claim,
        seq: Seq,
        state: SelfState,
        rtt: Option<std::time::Duration>,
        now: ObserverTime,
    ) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let silent_for = now.since(link.last_proof().unwrap_or(link.added));
        let suspect_for = now.since(link.state_since);
        link.last_answer = Some(now);
        link.trail = Default::default();
        self.contact(id, now);
        self.withdraw(id);
        if state == SelfState::Leaving {
            self.goodbye(id, seq, None, now);
            return;
        }
        let Some(link) = self.links.get_mut(&id) else { return };
        let prev = link.state;
        let outage = now.since(link.outage_from);
        let Some(rule) = link.rule_of_answer(&claim, seq, now) else { return };
        let restarted = match claim {
            Claim::NewBoot { old } if prev != PeerState::Left => {
                link.restarts += 1;
                let new = link.boot().unwrap_or(old);
                Some(EventKind::PeerRestarted { prev, old, new, silent_for })
            }
            _ => None,
        };
        let changed = self.apply(id, rule, now).is_some();
        if let Some(restarted) = restarted {
            self.emit(Some(id), restarted);
        }
        if !changed {
            return;
        }
        match prev {
            PeerState::Joining => self.emit(Some(id), EventKind::PeerJoined { rtt }),
            PeerState::Suspect if rule != Rule::NewBoot => {
                self.emit(Some(id), EventKind::PeerCleared { suspect_for });
            }
            PeerState::Unreachable | PeerState::Dead => {
                self.emit(Some(id), EventKind::PeerRecovered { prev, outage, rtt });
            }
            PeerState::Left => self.emit(Some(id), EventKind::PeerReturned),
            PeerState::Suspect | PeerState::Alive => {}
        }
    }

    pub(super) fn attempt_failed(&mut self, attempt: AttemptId, evidence: Evidence, now: ObserverTime) {
        let id = owner(attempt);
        let Some(attempt) = self.take_attempt(id, attempt) else { return };
        if self.leaving {
            return;
        }
        let kernel_answered = matches!(evidence, Evidence::Refused | Evidence::Invalid | Evidence::Stalled);
        if attempt.purpose != Purpose::Scheduled && kernel_answered {
            self.contact(id, now);
        }
        self.attempt_lost(id, attempt, evidence, now);
    }

    /// What the failure of an attempt that is off its link means.
    fn attempt_lost(&mut self, id: PeerId, attempt: Attempt, evidence: Evidence, now: ObserverTime) {
        match attempt.purpose {
            Purpose::Scheduled => {
                if let Some(link) = self.links.get_mut(&id) {
                    link.warm = false;
                }
                if !attempt.tainted && !attempt.counted {
                    self.opinion_regained(id);
                    self.note_first_contact(id, attempt.begun, evidence);
                    self.count(id, Purpose::Scheduled, attempt.begun, failure(evidence, false));
                    self.doubt(id, Doubt::Failed, now);
                }
            }
            Purpose::Check if attempt.counted => {
                // Counted as stalled before; its final result is evidence all the same.
                if let Some(link) = self.links.get_mut(&id)
                    && !attempt.tainted
                {
                    self.rejudge |= link.failed(attempt.begun, evidence);
                }
            }
            Purpose::Check => self.check_ended(id, attempt.begun, evidence, attempt.tainted, now),
            Purpose::Witness => {
                let tainted = attempt.tainted;
                let testimony = if tainted { Testimony::NoOpinion } else { Testimony::Failed { evidence } };
                self.witness_ping_ended(id, attempt.begun, testimony, now);
            }
        }
        self.settle(id, now);
    }

    /// Before the first answer no checks run, so a failed ping has to say how.
    fn note_first_contact(&mut self, id: PeerId, begun: ObserverTime, evidence: Evidence) {
        if let Some(link) = self.links.get_mut(&id)
            && link.state == PeerState::Joining
        {
            link.trail.ended(begun, evidence);
        }
    }

    /// An incoming ping.
    pub(super) fn pinged(&mut self, caller: Caller, now: ObserverTime) {
        if self.leaving || caller.boot == self.me.boot {
            return;
        }
        let Some(&id) = self.names.get(&caller.node) else {
            let joining = |id: &PeerId| self.links.get(id).is_some_and(|link| link.state == PeerState::Joining);
            let unmet: Vec<PeerId> = self.links.ids().filter(joining).collect();
            for id in unmet {
                self.ping_soon(id, now);
            }
            self.directory.stranger(caller.boot, now);
            return;
        };
        let Some(link) = self.links.get_mut(&id) else { return };
        if link.boot() != Some(caller.boot) {
            if caller.state != SelfState::Leaving && !link.recently_ended(caller.boot) {
                self.check_soon(id, now);
                self.settle(id, now);
            }
            return;
        }
        if caller.state == SelfState::Leaving {
            self.goodbye(id, caller.seq, None, now);
            return;
        }
        if self.quarantine.is_some() {
            return;
        }
        if link.trail.last_failed_begun().is_some_and(|begun| now.since(begun) >= QUEUE_DELAY) {
            link.vouching_begins(now);
            link.ping_veto = Some(now + self.config.interval * 2);
        }
        let surprising = link.state.is_broken();
        link.last_ping_in = Some(now);
        let returned = link.state == PeerState::Left && link.goodbye.is_none_or(|goodbye| caller.seq > goodbye);
        self.contact(id, now);
        self.withdraw(id);
        if returned && self.apply(id, Rule::ReadyAgain, now).is_some() {
            self.emit(Some(id), EventKind::PeerReturned);
        }
        if surprising {
            self.check_soon(id, now);
        }
        self.settle(id, now);
    }

    /// It says goodbye, to me or to a witness.
    pub(super) fn goodbye(&mut self, id: PeerId, seq: Seq, witness: Option<PeerId>, now: ObserverTime) {
        let rule = if witness.is_some() { Rule::GoodbyeToWitness } else { Rule::Goodbye };
        let witness = witness.and_then(|id| self.links.get(&id)).and_then(|link| link.node().cloned());
        let Some(link) = self.links.get_mut(&id) else { return };
        let prev = link.state;
        link.goodbye = Some(link.goodbye.map_or(seq, |known| known.max(seq)));
        if self.apply(id, rule, now).is_some() {
            self.told(id, witness.clone());
            self.emit(Some(id), EventKind::PeerLeft { prev, witness });
        }
        self.settle(id, now);
    }

    /// My accusation is withdrawn: the peer showed that it is alive.
    pub(super) fn withdraw(&mut self, id: PeerId) {
        if let Some(link) = self.links.get_mut(&id)
            && link.accused.take().is_some()
        {
            self.publish = true;
            self.rejudge = true;
        }
    }

    pub(super) fn cancel_all(&mut self, id: PeerId, keep_witness: bool) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let overdue = link.overdue.take().map(|overdue| overdue.attempt);
        let mut open: Vec<Attempt> = link.scheduled.take().into_iter().chain(overdue).collect();
        open.append(&mut link.checks);
        if !keep_witness {
            open.extend(link.witness_ping.take());
        }
        for attempt in open {
            self.transmits.push_back(Transmit::Cancel { attempt: attempt.id });
        }
    }
}

impl Link {
    /// What an answer means for the table. `None`: the first of the two that a dead peer owes; the next ping comes soon.
    fn rule_of_answer(&mut self, claim: &Claim, seq: Seq, now: ObserverTime) -> Option<Rule> {
        let returned = self.state == PeerState::Left && self.goodbye.is_none_or(|goodbye| seq > goodbye);
        if matches!(claim, Claim::NewBoot { .. }) {
            return Some(Rule::NewBoot);
        }
        if returned {
            return Some(Rule::ReadyAgain);
        }
        match self.state {
            PeerState::Joining => Some(Rule::FirstAnswer),
            PeerState::Dead => {
                self.answers_since_dead += 1;
                if self.answers_since_dead >= 2 {
                    return Some(Rule::TwoAnswers);
                }
                self.next_ping = self.next_ping.min(now + CHECK_GAP);
                None
            }
            PeerState::Alive | PeerState::Suspect | PeerState::Unreachable | PeerState::Left => Some(Rule::Answered),
        }
    }
}

/// The link an attempt belongs to: see `Link::next_attempt`.
fn owner(attempt: AttemptId) -> PeerId {
    PeerId(u32::try_from(attempt.0 >> 32).unwrap_or(0))
}
