//! Questions to witnesses about a peer, and questions that others put to this node about it.

use std::time::Duration;

use crate::detector::peer::{PeerId, QuestionId, Testimony};
use crate::detector::time::ObserverTime;

/// Testimonies kept for explanations, the newest of each witness.
const ASKED_MAX: usize = 32;

/// Questions that may wait for one witness ping of a link; more are turned away.
const WAITING_MAX: usize = 32;

/// One question to a witness about the peer.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub witness: PeerId,
    pub question: QuestionId,
    pub at: ObserverTime,
    /// What it said, and when.
    pub said: Option<(Testimony, ObserverTime)>,
    /// What it had said to the question before.
    pub earlier: Option<(Testimony, ObserverTime)>,
    /// A verdict waits for this one.
    pub is_last_call: bool,
}

/// Mine, the newest to each witness.
#[derive(Clone, Debug, Default)]
pub(crate) struct Questions {
    asked: Vec<Asked>,
    next: Option<ObserverTime>,
    /// Since when a verdict could be made and waits for a last call.
    last_call: Option<ObserverTime>,
}

impl Questions {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Asked> {
        self.asked.iter()
    }

    /// When this witness was asked last.
    pub(crate) fn asked_at(&self, witness: PeerId) -> Option<ObserverTime> {
        self.asked.iter().filter(|asked| asked.witness == witness).map(|asked| asked.at).max()
    }

    /// The question that this witness has not answered; it is not asked twice at once.
    pub(crate) fn unanswered(&mut self, witness: PeerId) -> Option<&mut Asked> {
        self.asked.iter_mut().find(|asked| asked.witness == witness && asked.said.is_none())
    }

    pub(crate) fn add(&mut self, witness: PeerId, question: QuestionId, is_last_call: bool, now: ObserverTime) {
        let entry = Asked { witness, question, at: now, said: None, earlier: None, is_last_call };
        if let Some(asked) = self.asked.iter_mut().find(|asked| asked.witness == witness) {
            *asked = Asked { earlier: asked.said.or(asked.earlier), ..entry };
            return;
        }
        if self.asked.len() == ASKED_MAX {
            self.asked.remove(0);
        }
        self.asked.push(entry);
    }

    /// The answer to a question. Returns when that was asked.
    pub(crate) fn answered(
        &mut self,
        question: QuestionId,
        testimony: Testimony,
        now: ObserverTime,
    ) -> Option<ObserverTime> {
        let asked = self.asked.iter_mut().find(|asked| asked.question == question)?;
        asked.said = Some((testimony, now));
        Some(asked.at)
    }

    /// The last word of this witness, if it is not older than `span`.
    pub(crate) fn last_word(&self, witness: PeerId, span: Duration, now: ObserverTime) -> Option<Testimony> {
        let asked = self.asked.iter().find(|asked| asked.witness == witness)?;
        asked.said.or(asked.earlier).filter(|(_, at)| now.since(*at) <= span).map(|(said, _)| said)
    }

    /// When witnesses are asked again.
    pub(crate) fn next(&self) -> Option<ObserverTime> {
        self.next
    }

    pub(crate) fn set_next(&mut self, at: Option<ObserverTime>) {
        self.next = at;
    }

    /// A verdict can be made. Returns since when.
    pub(crate) fn last_call(&mut self, now: ObserverTime) -> ObserverTime {
        *self.last_call.get_or_insert(now)
    }

    /// There is no verdict to make any more.
    pub(crate) fn no_last_call(&mut self) {
        self.last_call = None;
    }

    /// When a verdict no longer waits, for each witness that it waits for.
    pub(crate) fn last_calls(&self, interval: Duration) -> impl Iterator<Item = (PeerId, ObserverTime)> {
        let open = self.asked.iter().filter(|asked| asked.is_last_call && asked.said.is_none());
        open.map(move |asked| (asked.witness, asked.at + interval))
    }
}

/// Those of others, which a ping of this node will answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Waiting {
    /// They will be answered by the ping that is on its way.
    now: Vec<QuestionId>,
    /// They came after it began.
    next: Vec<QuestionId>,
}

impl Waiting {
    pub(crate) fn is_full(&self) -> bool {
        self.now.len() + self.next.len() >= WAITING_MAX
    }

    pub(crate) fn add(&mut self, question: QuestionId, is_ping_out: bool) {
        if is_ping_out { self.next.push(question) } else { self.now.push(question) }
    }

    /// The ping has ended: the questions that it answers. What came meanwhile needs another ping.
    pub(crate) fn take_answered(&mut self) -> Vec<QuestionId> {
        let next = std::mem::take(&mut self.next);
        std::mem::replace(&mut self.now, next)
    }

    pub(crate) fn take_all(&mut self) -> Vec<QuestionId> {
        let mut all = self.take_answered();
        all.append(&mut self.now);
        all
    }

    pub(crate) fn needs_ping(&self) -> bool {
        !self.now.is_empty()
    }
}
