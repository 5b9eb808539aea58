//! What came back: the ends of attempts, and pings that come in.
//!
//! Only an answer to a ping of mine ends a suspicion. A ping from the peer is
//! proof of life as well, so it restarts the wait for an accusation, but it
//! says nothing about my way to the peer.

use std::time::Duration;

use super::identity::Claim;
use super::pings::failure;
use super::{Node, unlisted};
use crate::detector::config::PingsFrom;
use crate::detector::discovery::Finding;
use crate::detector::event::{Conflict, Doubt, EventKind, PingResult, Purpose};
use crate::detector::evidence::Evidence;
use crate::detector::flaw::Flaw;
use crate::detector::limits::CHECK_GAP;
use crate::detector::link::Link;
use crate::detector::link::requests::{Attempt, Requests};
use crate::detector::peer::{
    Answer, AttemptId, BootId, Caller, PeerId, PeerState, PingSource, SelfState, Seq, Testimony,
};
use crate::detector::rule::Rule;
use crate::detector::time::{Monotonic, ObserverTime};

/// An incoming ping vouches for a peer only if it came at least this long after
/// a check of mine that failed had begun: one that was already in my own
/// socket's queue when the peer crashed must not.
const QUEUE_DELAY: Duration = Duration::from_millis(100);

/// A peer that has answered nothing for this long is not shown alive by its pings alone: without a key they can be
/// anyone's from its address, and a real fault of one direction has long been reported by then.
const MUTE: Duration = Duration::from_secs(60);

impl Node {
    pub(super) fn attempt_connected(&mut self, attempt: AttemptId, now: ObserverTime) {
        self.with_link(Requests::owner(attempt), |node, link| {
            let Some(proves) = link.requests.connected(attempt, now) else { return };
            if proves {
                link.trail.connected();
            }
            node.contact(link, now);
            node.settle(link, now);
        });
    }

    pub(super) fn attempt_answered(&mut self, attempt: AttemptId, answer: Answer, now: ObserverTime) {
        let id = Requests::owner(attempt);
        let is_peer = self.with_link(id, |node, link| {
            let attempt = link.requests.take(attempt)?;
            (!node.leaving).then(|| node.answer_came(link, attempt, answer, now))
        });
        if is_peer.flatten() == Some(false) {
            self.drop_link(id);
        }
    }

    /// False when the link is not a peer of its own.
    fn answer_came(&mut self, link: &mut Link, attempt: Attempt, answer: Answer, now: ObserverTime) -> bool {
        match self.claim(link, &answer) {
            Claim::Myself => {
                self.report(link, EventKind::PeerIsSelf);
                return false;
            }
            Claim::Twin(other) => {
                if let Some(other) = self.links.get(&other).map(|link| link.key().clone()) {
                    self.report(link, EventKind::PeerConflict { conflict: Conflict::SameNode { other } });
                }
                return false;
            }
            // Addresses behind a name change owners; no setting pins one to the other.
            Claim::Refuted(conflict @ Conflict::WrongName { .. }, _) if self.directory.is_discovered(link.id()) => {
                self.other_name_answers(link, &answer, conflict, now);
                self.invalid_answer(link, &attempt, now);
            }
            Claim::Refuted(conflict, boot) => {
                self.report_conflict(link, conflict, boot);
                self.invalid_answer(link, &attempt, now);
            }
            claim @ (Claim::First | Claim::Same | Claim::NewBoot { .. }) => {
                self.valid_answer(link, &attempt, claim, answer, now);
            }
        }
        true
    }

    fn invalid_answer(&mut self, link: &mut Link, attempt: &Attempt, now: ObserverTime) {
        link.identity.set_flaw(None);
        if attempt.purpose != Purpose::Scheduled && !attempt.tainted {
            link.trail.connected();
        }
        self.attempt_lost(link, attempt, Evidence::Invalid, now);
    }

    pub(super) fn valid_answer(
        &mut self,
        link: &mut Link,
        attempt: &Attempt,
        claim: Claim,
        answer: Answer,
        now: ObserverTime,
    ) {
        let rtt = now.since(attempt.begun);
        self.learn_identity(link, &claim, &answer, now);
        link.identity.answered_at(answer.seq);
        let answer = Answer { seq: link.identity.plausible(answer.seq, self.last_raw), ..answer };
        if !attempt.tainted {
            link.proofs.regain_opinion();
        }
        let is_scheduled = attempt.purpose == Purpose::Scheduled;
        let sampled = is_scheduled && attempt.warm && !attempt.tainted && !attempt.counted;
        if sampled && link.state() != PeerState::Left {
            let bound = link.rtt.bound(self.config.interval);
            link.rtt.sample(rtt, bound);
        }
        if is_scheduled && !attempt.counted {
            link.requests.connection_works();
        }
        if attempt.counted {
            link.record.attempts.answered_late(attempt.begun, now, attempt.purpose);
        } else {
            self.count(link, attempt.purpose, attempt.begun, PingResult::Success { rtt, sampled });
        }
        if attempt.purpose == Purpose::Witness {
            self.testify(link, Testimony::Answered { boot: answer.boot }, now);
        }
        let timely = (!attempt.counted && !attempt.tainted).then_some(rtt);
        self.own_answer(link, &claim, (answer.seq, answer.state), timely, now);
        self.hear(link, answer, now);
        self.settle(link, now);
    }

    /// A valid answer to a ping of mine: the only thing that ends a suspicion.
    fn own_answer(
        &mut self,
        link: &mut Link,
        claim: &Claim,
        (seq, state): (Seq, SelfState),
        rtt: Option<Duration>,
        now: ObserverTime,
    ) {
        let silent_for = link.proofs.silent_for(now);
        let suspect_for = now.since(link.state_since());
        link.proofs.answered(now);
        // Before the answer counts: one between many losses does not make the link whole.
        let changes = link.reported.says(state, seq);
        self.effects.rejudge_if(changes);
        self.consider_losses(link);
        link.trail = Default::default();
        link.identity.set_flaw(None);
        link.identity.hint_goodbye(false);
        self.contact(link, now);
        self.withdraw(link, now);
        if state == SelfState::Leaving {
            self.goodbye(link, seq, None, now);
            return;
        }
        let prev = link.state();
        let outage = link.proofs.outage(now);
        let Some(rule) = rule_of_answer(link, claim, seq, rtt.is_some(), now) else { return };
        let changed = self.apply(link, rule, now).is_some();
        if let Claim::NewBoot { old } = claim
            && prev != PeerState::Left
        {
            self.restarted(link, prev, *old, silent_for, now);
        }
        if !changed {
            return;
        }
        match prev {
            PeerState::Joining => self.report(link, EventKind::PeerJoined { rtt }),
            PeerState::Suspect if rule != Rule::NewBoot => {
                self.report(link, EventKind::PeerCleared { suspect_for });
            }
            PeerState::Unreachable | PeerState::Dead => {
                self.report(link, EventKind::PeerRecovered { prev, outage, rtt });
            }
            PeerState::Left => self.report(link, EventKind::PeerReturned),
            PeerState::Suspect | PeerState::Alive => {}
        }
    }

    /// As [`Node::handle_failure`], for an answer that came and was not one of a node: `flaw` says what was wrong.
    pub fn handle_flaw(&mut self, now: Monotonic, attempt: AttemptId, flaw: Flaw) {
        self.with_link(Requests::owner(attempt), |_, link| link.identity.set_flaw(Some(flaw)));
        self.handle_failure(now, attempt, Evidence::Invalid);
    }

    /// A restart after an outage has had its line with the outage; one without counts as a flap, and those of a peer
    /// that flaps already are counted and not reported each.
    fn restarted(&mut self, link: &mut Link, prev: PeerState, old: BootId, silent_for: Duration, now: ObserverTime) {
        link.restarted();
        let was_flapping = link.flaps.flapping();
        let changes = if prev.is_up() { link.flaps.add(now) } else { None };
        if !(was_flapping && prev.is_up()) {
            let new = link.boot().unwrap_or(old);
            self.report(link, EventKind::PeerRestarted { prev, old, new, silent_for });
        }
        if let Some(changes) = changes {
            self.report(link, EventKind::PeerFlapping { on: true, changes });
        }
    }

    pub(super) fn attempt_failed(&mut self, attempt: AttemptId, evidence: Evidence, now: ObserverTime) {
        self.with_link(Requests::owner(attempt), |node, link| {
            let Some(attempt) = link.requests.take(attempt).filter(|_| !node.leaving) else { return };
            if evidence != Evidence::Invalid {
                link.identity.set_flaw(None);
            }
            let kernel_answered = matches!(evidence, Evidence::Refused | Evidence::Invalid | Evidence::Stalled);
            if attempt.purpose != Purpose::Scheduled && kernel_answered {
                node.contact(link, now);
            }
            node.attempt_lost(link, &attempt, evidence, now);
        });
    }

    /// What the failure of an attempt that is off its link means.
    fn attempt_lost(&mut self, link: &mut Link, attempt: &Attempt, evidence: Evidence, now: ObserverTime) {
        match attempt.purpose {
            Purpose::Scheduled => {
                link.requests.connection_is_gone();
                if !attempt.tainted && !attempt.counted {
                    link.proofs.regain_opinion();
                    if link.state() == PeerState::Joining {
                        // Before the first answer no checks run, so a failed ping has to say how.
                        link.trail.ended(attempt.begun, evidence);
                    }
                    // A kept connection may have been closed at this end.
                    if matches!(link.state(), PeerState::Joining | PeerState::Left) && !attempt.warm {
                        self.no_peer_answered(evidence, now);
                    }
                    self.count(link, Purpose::Scheduled, attempt.begun, failure(evidence, false));
                    self.doubt_for(link, Doubt::Failed, evidence, now);
                }
            }
            Purpose::Check if attempt.counted => {
                // Counted as stalled before; its final result is evidence all the same.
                if !attempt.tainted {
                    self.effects.rejudge_if(link.failed(attempt.begun, evidence));
                }
            }
            Purpose::Check => self.check_ended(link, attempt, evidence, now),
            Purpose::Witness => {
                // What this node could not send says nothing about the peer.
                let knows_nothing = attempt.tainted || evidence == Evidence::NoNetwork;
                let testimony = if knows_nothing { Testimony::NoOpinion } else { Testimony::Failed { evidence } };
                self.witness_ping_ended(link, attempt.begun, testimony, now);
            }
        }
        self.settle(link, now);
    }

    /// An incoming ping.
    pub(super) fn pinged(&mut self, caller: &Caller, source: PingSource, now: ObserverTime) {
        if self.leaving || caller.boot == self.me.boot {
            return;
        }
        if let Some(&id) = self.names.get(&caller.node) {
            self.with_link(id, |node, link| node.pinged_by_peer(link, caller, source, now));
            return;
        }
        self.stranger_pinged(caller, now);
        let is_joining = |link: &&Link| link.state() == PeerState::Joining;
        let unmet: Vec<PeerId> = self.links.iter().filter(is_joining).map(Link::id).collect();
        for id in unmet {
            self.with_link(id, |node, link| node.ping_soon(link, now));
        }
        self.directory.stranger(caller.boot, now);
    }

    /// What the headers say is a hint: anyone can write them. They make this node look, at most once in `CHECK_GAP`; that
    /// the peer leaves, is back or has restarted is believed only when it says so in an answer to this node.
    fn pinged_by_peer(&mut self, link: &mut Link, caller: &Caller, source: PingSource, now: ObserverTime) {
        // A member's ping is its own from anywhere.
        let is_its_own =
            self.keyed || source == PingSource::PeerAddress || self.config.pings_from == PingsFrom::Anywhere;
        let hint = if link.boot() != Some(caller.boot) {
            caller.state != SelfState::Leaving && !link.identity.has_ended(caller.boot)
        } else if link.state() == PeerState::Left {
            caller.state != SelfState::Leaving && link.identity.is_after_goodbye(caller.seq)
        } else if caller.state == SelfState::Leaving {
            let counts = is_its_own && self.is_new_ping(link, caller);
            // A copy takes nothing back, either.
            if counts || !self.keyed {
                link.identity.hint_goodbye(counts);
            }
            true
        } else if !is_its_own {
            link.proofs.pinged_elsewhere(now);
            link.state().is_broken()
        } else if !self.is_new_ping(link, caller) || (!self.keyed && self.is_mute(link, now)) {
            link.state().is_broken()
        } else {
            if self.in_quarantine() {
                return;
            }
            self.shows_life(link, now);
            link.state().is_broken()
        };
        if hint {
            self.check_soon(link, now);
        }
        self.settle(link, now);
    }

    /// A node that is on no list of mine pinged me.
    fn stranger_pinged(&mut self, caller: &Caller, now: ObserverTime) {
        if caller.state == SelfState::Leaving || (self.keyed && !self.is_fresh(caller)) {
            return;
        }
        self.unlisted.pinged(&caller.node, now, unlisted::fresh(self.config.interval));
        if caller.node == self.me.node && self.unlisted.shares_my_name(now) {
            let finding = Finding::NameTaken { address: None, boot: caller.boot };
            self.report_self(EventKind::Discovery(finding));
        }
    }

    /// No answer of it has come for so long that its pings alone no longer count.
    fn is_mute(&self, link: &Link, now: ObserverTime) -> bool {
        link.proofs.unanswered_for(now) > MUTE.max(self.config.wait_stalled * 2)
    }

    /// Its ping is proof of life, and says nothing about my way to it.
    fn shows_life(&mut self, link: &mut Link, now: ObserverTime) {
        let has_failed = link.trail.last_failed_begun().is_some_and(|begun| now.since(begun) >= QUEUE_DELAY);
        if has_failed && self.has_veto() {
            link.hearsay.own_ping_vouches(self.config.interval * 2, now);
        }
        link.proofs.pinged(now);
        self.contact(link, now);
        self.withdraw(link, now);
    }

    /// Whether the answer to this caller's goodbye has to wait: a node that stops does so when its goodbyes are answered,
    /// and the check that asks the node itself has not ended yet.
    pub(crate) fn holds_goodbye(&self, caller: &Caller) -> bool {
        let is_checked = |link: &Link| {
            link.boot() == Some(caller.boot) && link.state() != PeerState::Left && link.requests.has_check()
        };
        caller.state == SelfState::Leaving
            && !self.leaving
            && self.names.get(&caller.node).and_then(|id| self.links.get(id)).is_some_and(is_checked)
    }

    /// It says goodbye, to me or to a witness.
    pub(super) fn goodbye(&mut self, link: &mut Link, seq: Seq, witness: Option<PeerId>, now: ObserverTime) {
        let rule = if witness.is_some() { Rule::GoodbyeToWitness } else { Rule::Goodbye };
        let witness = witness.and_then(|id| self.links.get(&id)?.node().cloned());
        let prev = link.state();
        link.identity.said_goodbye(seq);
        if self.apply(link, rule, now).is_some() {
            link.record.goodbye_went_to(witness.clone());
            self.report(link, EventKind::PeerLeft { prev, witness });
        }
        self.settle(link, now);
    }

    /// My accusation is withdrawn: the peer showed that it is alive.
    pub(super) fn withdraw(&mut self, link: &mut Link, now: ObserverTime) {
        if link.set_accused(false, now) {
            self.effects.publish();
            self.effects.rejudge();
        }
    }

    pub(super) fn cancel_all(&mut self, link: &mut Link, keep_witness: bool) {
        self.effects.cancel(link.requests.take_own());
        if !keep_witness {
            self.effects.cancel(link.requests.take_for_witness().map(|attempt| attempt.id));
        }
    }
}

/// What an answer means for the table. `None`: it does not show that the link is whole; where the next one may, the next
/// ping comes soon.
fn rule_of_answer(link: &mut Link, claim: &Claim, seq: Seq, in_time: bool, now: ObserverTime) -> Option<Rule> {
    if matches!(claim, Claim::NewBoot { .. }) {
        return Some(Rule::NewBoot);
    }
    match link.state() {
        // One answer between failures does not make the link whole.
        PeerState::Unreachable | PeerState::Dead if link.quality.loses_most() => None,
        PeerState::Joining => Some(Rule::FirstAnswer),
        PeerState::Left if link.identity.is_after_goodbye(seq) => Some(Rule::ReadyAgain),
        PeerState::Dead if link.proofs.has_answered_twice() => Some(Rule::TwoAnswers),
        PeerState::Unreachable if in_time && link.quality.is_whole() => Some(Rule::ThreeAnswers),
        // The first of the answers that are needed. Or one to a ping that had failed: it may have been on its way since before the
        // trouble.
        PeerState::Dead | PeerState::Unreachable => {
            link.requests.ping_by(now + CHECK_GAP);
            None
        }
        PeerState::Alive | PeerState::Suspect | PeerState::Left => Some(Rule::Answered),
    }
}
