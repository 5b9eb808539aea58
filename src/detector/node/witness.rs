//! Asking others, and answering when asked.
//!
//! A witness does not report what it believes, it looks: its ping begins after
//! the question. Otherwise a belief formed before the crash would vouch for the
//! dead. One ping answers all questions that were there when it began.

use super::Node;
use crate::detector::event::{Conflict, Doubt, EventKind, PingResult, Purpose};
use crate::detector::limits::LONE_WORD;
use crate::detector::link::Link;
use crate::detector::peer::{BootId, NodeName, PeerId, PeerState, QuestionId, Seq, Testimony};
use crate::detector::time::ObserverTime;
use crate::detector::timers::Timer;
use crate::detector::transmit::Transmit;

/// A witness's word that it could not reach the peer contradicts a vouch for this many intervals: in a small mesh it is
/// asked in every second round, in a large one its accusation has come by itself.
const CONTRADICTS: u32 = 10;
/// Words that a goodbye needs which this node has not heard. With this node they are three, the most that a death needs;
/// and one member alone could else hide any crash.
const WORDS: usize = 2;

impl Node {
    /// On suspicion and each interval while the link stays broken: those that do
    /// not accuse first, then those not asked for longest, then by chance.
    pub(super) fn ask_witnesses(&mut self, link: &mut Link, now: ObserverTime) {
        if !link.in_doubt() || link.identity.known().is_none() {
            link.questions.set_next(None);
            return;
        }
        link.questions.set_next(Some(now + self.config.interval));
        let is_dead = link.state() == PeerState::Dead;
        let mut candidates: Vec<(bool, Option<ObserverTime>, u64, PeerId)> = Vec::new();
        for witness in self.links.iter().filter(|witness| witness.state() == PeerState::Alive) {
            // Of a dead peer only an observer that sees it alive has anything to report.
            let sees = witness.reported.line(link.id());
            if is_dead && sees.is_none_or(|(_, state)| state != PeerState::Alive) {
                continue;
            }
            let id = witness.id();
            let accuses = link.hearsay.accusers().iter().any(|accuser| accuser.observer == id);
            candidates.push((accuses, link.questions.asked_at(id), rand_core::Rng::next_u64(&mut self.rng), id));
        }
        candidates.sort_unstable();
        for (.., witness) in candidates.into_iter().take(self.config.witnesses) {
            self.ask(link, witness, false, now);
        }
    }

    /// One question to one witness.
    pub(super) fn ask(&mut self, link: &mut Link, witness: PeerId, is_last_call: bool, now: ObserverTime) {
        let Some((node, boot)) = link.identity.known().cloned() else { return };
        if let Some(asked) = link.questions.unanswered(witness) {
            asked.is_last_call |= is_last_call;
            return;
        }
        let question = QuestionId(self.next_question);
        self.next_question += 1;
        link.questions.add(witness, question, is_last_call, now);
        self.questions.insert(question, (link.id(), witness));
        self.effects.send(Transmit::Ask { question, witness, node, boot });
    }

    /// What a witness said.
    pub(super) fn testified(&mut self, question: QuestionId, testimony: Testimony, now: ObserverTime) {
        if let Some((subject, witness)) = self.questions.remove(&question) {
            self.with_link(subject, |node, link| {
                if let Some(asked) = link.questions.answered(question, testimony, now) {
                    node.testified_about(link, witness, testimony, asked, now);
                }
            });
        }
    }

    fn testified_about(
        &mut self,
        link: &mut Link,
        witness: PeerId,
        testimony: Testimony,
        asked: ObserverTime,
        now: ObserverTime,
    ) {
        match testimony {
            Testimony::Answered { boot } => {
                let accuses = link.hearsay.standing(now).any(|accuser| accuser.observer == witness);
                // A newer boot vouches for the name; one that ended is stale news.
                let is_news = !accuses && !link.identity.has_ended(boot) && self.has_veto();
                if is_news && link.in_doubt() && self.may_vouch(link, witness, now) {
                    link.hearsay.vouch(witness, self.config.interval * 2, now);
                    self.effects.rejudge();
                    if link.state() == PeerState::Dead {
                        self.check_soon(link, now);
                    }
                }
            }
            Testimony::Left => {
                let is_news = link.proofs.last_answer().is_none_or(|answered| answered < asked);
                if link.in_doubt() && is_news && self.enough_say_that_it_left(link, now) {
                    let seq = link.identity.goodbye().unwrap_or(Seq(0));
                    self.goodbye(link, seq, Some(witness), now);
                }
            }
            Testimony::Failed { .. } | Testimony::NoOpinion => {}
        }
        self.settle(link, now);
    }

    /// The word of one other does not show that a peer left. Two others, or one and the peer's own ping that said so, do.
    fn enough_say_that_it_left(&self, link: &Link, now: ObserverTime) -> bool {
        let says_so = |other: &&Link| self.says_that_it_left(other, link, now) && self.observes(other, link, now);
        let others = self.links.iter().filter(says_so).count();
        others + usize::from(link.identity.goodbye_hinted()) >= WORDS
    }

    /// This observer's last word was that the peer had said goodbye to it.
    pub(super) fn says_that_it_left(&self, observer: &Link, link: &Link, now: ObserverTime) -> bool {
        link.questions.last_word(observer.id(), self.config.interval * 2, now) == Some(Testimony::Left)
    }

    /// One witness that vouches for a peer while all other observers contradict it is believed for a while: its link may
    /// be the only one that works. Then its word counts for nothing until the peer answers this node.
    fn may_vouch(&mut self, link: &mut Link, witness: PeerId, now: ObserverTime) -> bool {
        let alone = self.stands_alone(link, witness, now);
        let since = link.hearsay.vouches_alone(witness, alone, now);
        if since.is_none_or(|since| now.since(since) < LONE_WORD) {
            return true;
        }
        if link.hearsay.discredit(witness)
            && let Some(witness) = self.links.get(&witness).and_then(|witness| witness.node().cloned())
        {
            self.report(link, EventKind::PeerConflict { conflict: Conflict::LoneVouch { witness } });
            self.effects.rejudge();
        }
        false
    }

    /// My own wait is over, there are other observers that I hear, and none of them reaches the peer.
    fn stands_alone(&self, link: &Link, witness: PeerId, now: ObserverTime) -> bool {
        let contradicts = |other: &Link| {
            let word = link.questions.last_word(other.id(), self.config.interval * CONTRADICTS, now);
            matches!(word, Some(Testimony::Failed { .. }))
                || link.hearsay.standing(now).any(|accuser| accuser.observer == other.id())
        };
        let is_other =
            |other: &&Link| other.id() != witness && other.state().is_up() && self.observes(other, link, now);
        let mut others = self.links.iter().filter(is_other).peekable();
        link.is_due(Timer::ProofWait, &self.config, now) && others.peek().is_some() && others.all(contradicts)
    }

    /// Another node asks me for a ping of `node`.
    pub(super) fn questioned(&mut self, question: QuestionId, node: &NodeName, boot: BootId, now: ObserverTime) {
        let at_once = if *node == self.me.node {
            Some(Testimony::Answered { boot: self.me.boot })
        } else {
            let id = self.names.get(node).copied().filter(|_| !self.leaving);
            id.and_then(|id| self.with_link(id, |node, link| node.questioned_about(link, question, boot, now)))
                .unwrap_or(Some(Testimony::NoOpinion))
        };
        if let Some(testimony) = at_once {
            self.effects.send(Transmit::Testify { question, testimony });
        }
    }

    /// The testimony, if it takes no ping.
    fn questioned_about(
        &mut self,
        link: &mut Link,
        question: QuestionId,
        boot: BootId,
        now: ObserverTime,
    ) -> Option<Testimony> {
        if link.state() == PeerState::Left && link.boot() == Some(boot) {
            return Some(Testimony::Left);
        }
        if link.waiting.is_full() {
            return Some(Testimony::NoOpinion);
        }
        let is_ping_out = link.requests.for_witness().is_some();
        link.waiting.add(question, is_ping_out);
        if !is_ping_out {
            self.ping_for_witness(link, now);
        }
        self.schedule.set(link, &self.config, now);
        None
    }

    /// A witness ping like any other, for the testimony.
    fn ping_for_witness(&mut self, link: &mut Link, now: ObserverTime) {
        let attempt = link.requests.start_for_witness(now);
        self.send_ping(link, attempt, Purpose::Witness);
    }

    /// All nodes that wait for my ping of this peer get no opinion.
    pub(super) fn turn_away(&mut self, link: &mut Link) {
        for question in link.waiting.take_all() {
            self.effects.send(Transmit::Testify { question, testimony: Testimony::NoOpinion });
        }
    }

    /// A witness ping failed. The node that asked gets the result; and what it showed is
    /// evidence of my own, so it starts a suspicion like a check of mine.
    pub(super) fn witness_ping_ended(
        &mut self,
        link: &mut Link,
        begun: ObserverTime,
        testimony: Testimony,
        now: ObserverTime,
    ) {
        if let Testimony::Failed { evidence } = testimony {
            self.effects.rejudge_if(link.failed(begun, evidence));
            link.proofs.regain_opinion();
            self.count(link, Purpose::Witness, begun, PingResult::Failure { evidence, timed_out: false });
            self.doubt_for(link, Doubt::CheckFailed, evidence, now);
        }
        self.testify(link, testimony, now);
    }

    /// Answers all questions that this ping was for, and starts the next ping if more came meanwhile.
    pub(super) fn testify(&mut self, link: &mut Link, testimony: Testimony, now: ObserverTime) {
        let answered = link.waiting.take_answered();
        if link.waiting.needs_ping() {
            self.ping_for_witness(link, now);
        }
        for question in answered {
            self.effects.send(Transmit::Testify { question, testimony });
        }
    }
}
