//! Asking others, and answering when asked.
//!
//! A witness does not report what it believes, it looks: its ping begins after
//! the question. Otherwise a belief formed before the crash would vouch for the
//! dead. One ping answers all questions that were there when it began.

use super::Node;
use crate::detector::event::{Doubt, PingResult, Purpose};
use crate::detector::link::{Asked, QUESTIONS_MAX};
use crate::detector::peer::{BootId, NodeName, PeerId, PeerState, QuestionId, Seq, Testimony};
use crate::detector::time::ObserverTime;
use crate::detector::transmit::Transmit;

/// Testimonies kept for explanations, the newest of each witness.
const ASKED_MAX: usize = 32;

impl Node {
    /// On suspicion and each interval while the link stays broken: those that do
    /// not accuse first, then those not asked for longest, then by chance.
    pub(super) fn ask_witnesses(&mut self, subject: PeerId, now: ObserverTime) {
        let interval = self.config.interval;
        let Some(link) = self.links.get_mut(&subject) else { return };
        link.next_ask = None;
        if !link.in_doubt() || link.identity.is_none() {
            return;
        }
        link.next_ask = Some(now + interval);
        let dead = link.state == PeerState::Dead;
        let mut candidates: Vec<(bool, Option<ObserverTime>, u64, PeerId)> = Vec::new();
        for witness in self.alive_observers(subject) {
            // Of a dead peer only an observer that sees it alive has anything to report.
            let sees = self.links.get(&witness).and_then(|link| link.watch.get(&subject));
            if dead && sees.is_none_or(|(_, state)| *state != PeerState::Alive) {
                continue;
            }
            let Some(link) = self.links.get(&subject) else { return };
            let accuses = link.accusers.iter().any(|accuser| accuser.observer == witness);
            let asked = link.asked.iter().filter(|asked| asked.witness == witness).map(|asked| asked.at).max();
            candidates.push((accuses, asked, rand_core::Rng::next_u64(&mut self.rng), witness));
        }
        candidates.sort_unstable();
        for (.., witness) in candidates.into_iter().take(self.config.witnesses) {
            self.ask(subject, witness, false, now);
        }
    }

    /// One question to one witness.
    pub(super) fn ask(&mut self, subject: PeerId, witness: PeerId, last_call: bool, now: ObserverTime) {
        let question = QuestionId(self.next_question);
        let Some(link) = self.links.get_mut(&subject) else { return };
        let Some(identity) = link.identity.clone() else { return };
        // A witness that has not answered yet is not asked twice at once.
        let entry = Asked { witness, question, at: now, said: None, earlier: None, last_call };
        match link.asked.iter_mut().find(|asked| asked.witness == witness) {
            Some(asked) if asked.said.is_none() && self.questions.contains_key(&asked.question) => {
                asked.last_call |= last_call;
                return;
            }
            Some(asked) => *asked = Asked { earlier: asked.said.or(asked.earlier), ..entry },
            None => {
                if link.asked.len() == ASKED_MAX {
                    link.asked.remove(0);
                }
                link.asked.push(entry);
            }
        }
        self.next_question += 1;
        self.questions.insert(question, (subject, witness));
        self.transmits.push_back(Transmit::Ask { question, witness, node: identity.node, boot: identity.boot });
    }

    /// What a witness said about `subject`.
    pub(super) fn testified(&mut self, question: QuestionId, testimony: Testimony, now: ObserverTime) {
        let Some((subject, witness)) = self.questions.remove(&question) else { return };
        let Some(link) = self.links.get_mut(&subject) else { return };
        let Some(asked) = link.asked.iter_mut().find(|asked| asked.question == question) else { return };
        asked.said = Some((testimony, now));
        let asked_at = asked.at;
        match testimony {
            Testimony::Answered { boot } => {
                let accuses = link.accusers.iter().any(|accuser| accuser.observer == witness && now < accuser.until);
                // A newer boot vouches for the name; one that ended is stale news.
                if !accuses && !link.recently_ended(boot) && link.in_doubt() {
                    link.vouching_begins(now);
                    link.vetoes.insert(witness, now + self.config.interval * 2);
                    let surprising = link.state == PeerState::Dead;
                    self.rejudge = true;
                    if surprising {
                        self.check_soon(subject, now);
                    }
                }
            }
            Testimony::Left => {
                if link.in_doubt() && link.last_answer.is_none_or(|answered| answered < asked_at) {
                    let seq = link.goodbye.unwrap_or(Seq(0));
                    self.goodbye(subject, seq, Some(witness), now);
                }
            }
            Testimony::Failed { .. } | Testimony::NoOpinion => {}
        }
        self.settle(subject, now);
    }

    /// Another node asks me for a ping of `node`.
    pub(super) fn questioned(&mut self, question: QuestionId, node: &NodeName, boot: BootId, now: ObserverTime) {
        let no_opinion = Transmit::Testify { question, testimony: Testimony::NoOpinion };
        if *node == self.me.node {
            let testimony = Testimony::Answered { boot: self.me.boot };
            self.transmits.push_back(Transmit::Testify { question, testimony });
            return;
        }
        let link = self.names.get(node).and_then(|id| self.links.get_mut(id));
        let Some(link) = link.filter(|_| !self.leaving) else {
            self.transmits.push_back(no_opinion);
            return;
        };
        if link.state == PeerState::Left && link.boot() == Some(boot) {
            self.transmits.push_back(Transmit::Testify { question, testimony: Testimony::Left });
            return;
        }
        if link.questions.len() + link.questions_next.len() >= QUESTIONS_MAX {
            self.transmits.push_back(no_opinion);
            return;
        }
        let id = link.id;
        if link.witness_ping.is_some() {
            link.questions_next.push((question, boot));
        } else {
            link.questions.push((question, boot));
            let transmit = super::pings::witness_ping(link, now);
            self.transmits.push_back(transmit);
        }
        self.reschedule(id);
    }

    /// All nodes that wait for my ping of this peer get no opinion.
    pub(super) fn turn_away(&mut self, id: PeerId) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let waiting = std::mem::take(&mut link.questions).into_iter().chain(std::mem::take(&mut link.questions_next));
        for (question, _) in waiting {
            self.transmits.push_back(Transmit::Testify { question, testimony: Testimony::NoOpinion });
        }
    }

    pub(super) fn witness_answered(&mut self, id: PeerId, boot: BootId, now: ObserverTime) {
        self.testify(id, Testimony::Answered { boot }, now);
    }

    /// A witness ping failed. The node that asked gets the result; and what it showed is
    /// evidence of my own, so it starts a suspicion like a check of mine.
    pub(super) fn witness_ping_ended(
        &mut self,
        id: PeerId,
        begun: ObserverTime,
        testimony: Testimony,
        now: ObserverTime,
    ) {
        if let Testimony::Failed { evidence } = testimony {
            if let Some(link) = self.links.get_mut(&id) {
                self.rejudge |= link.failed(begun, evidence);
            }
            self.opinion_regained(id);
            self.count(id, Purpose::Witness, begun, PingResult::Failure { evidence, timed_out: false });
            self.doubt(id, Doubt::CheckFailed, now);
        }
        self.testify(id, testimony, now);
    }

    /// Answers all questions that this ping was for, and starts the next ping if more came meanwhile.
    fn testify(&mut self, id: PeerId, testimony: Testimony, now: ObserverTime) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let next = std::mem::take(&mut link.questions_next);
        let answered = std::mem::replace(&mut link.questions, next);
        if !link.questions.is_empty() {
            let transmit = super::pings::witness_ping(link, now);
            self.transmits.push_back(transmit);
        }
        for (question, _) in answered {
            self.transmits.push_back(Transmit::Testify { question, testimony });
        }
    }
}
