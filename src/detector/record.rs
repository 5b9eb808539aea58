//! What a link remembers to explain itself later: its last attempts, and the
//! decision behind its present state.
//!
//! The attempts are a fixed ring in the link itself, so that a ping that is
//! answered costs one write of 24 bytes and no allocation: sixteen of them are
//! 392 bytes a peer, whatever happens. A ring forgets, and people ask later
//! than after 15 s. So a decision that calls a link broken takes a
//! copy of the ring along, and what the witnesses had said: its *exhibits*. They
//! are kept as long as the state lasts, and one outage longer. Such a decision
//! has about 1 kB, more where many witnesses were asked, and a link has two at most.
//!
//! Nothing in the detector reads any of it back.

use std::time::Duration;

use super::event::{PingResult, Purpose};
use super::evidence::{Class, Evidence};
use super::peer::{NodeName, PeerState};
use super::rule::Rule;
use super::time::ObserverTime;
use super::view::WitnessView;

/// Attempts remembered for each link: ten of a healthy one's pings and some more, and four seconds of checks.
pub const ATTEMPTS: usize = 16;

/// Names kept with a decision; the numbers count all of them. In a mesh where every node watches every other these are
/// all of them.
pub(crate) const NAMES_KEPT: usize = 32;

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Answered,
    /// It had counted as failed by then: a proof of life, and no round trip.
    AnsweredLate,
    Failed(Evidence),
    /// Counted as failed when its time was over; it may still be open.
    OutOfTime(Evidence),
}

/// One attempt of mine that ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    pub begun: ObserverTime,
    /// Microseconds: half the size of a `Duration`, and enough for an hour.
    took: u32,
    pub purpose: Purpose,
    pub end: End,
}

impl Ended {
    /// From the start to the end.
    pub(crate) fn took(&self) -> Duration {
        Duration::from_micros(self.took.into())
    }
}

const UNUSED: Ended =
    Ended { begun: ObserverTime(Duration::ZERO), took: 0, purpose: Purpose::Scheduled, end: End::Answered };

/// The last attempts of a link, a ring.
#[derive(Clone, Debug)]
pub(crate) struct Attempts {
    ring: [Ended; ATTEMPTS],
    /// Where the next one goes.
    next: u8,
    count: u8,
}

impl Default for Attempts {
    fn default() -> Attempts {
        Attempts { ring: [UNUSED; ATTEMPTS], next: 0, count: 0 }
    }
}

impl Attempts {
    /// Takes note of one that began at `begun` and ends now.
    pub(crate) fn add(&mut self, begun: ObserverTime, now: ObserverTime, purpose: Purpose, result: PingResult) {
        let end = match result {
            PingResult::Success { .. } => End::Answered,
            PingResult::Failure { evidence, timed_out: false } => End::Failed(evidence),
            PingResult::Failure { evidence, timed_out: true } => End::OutOfTime(evidence),
        };
        self.ring[usize::from(self.next)] = Ended { begun, took: micros(now.since(begun)), purpose, end };
        self.next = (self.next + 1) % ATTEMPTS as u8;
        self.count = (self.count + 1).min(ATTEMPTS as u8);
    }

    /// One that had counted as failed was answered after all.
    pub(crate) fn answered_late(&mut self, begun: ObserverTime, now: ObserverTime, purpose: Purpose) {
        let count = usize::from(self.count);
        let late = self.ring[..count].iter_mut().find(|ended| ended.begun == begun && ended.purpose == purpose);
        if let Some(late) = late {
            late.end = End::AnsweredLate;
            late.took = micros(now.since(begun));
        }
    }

    /// The newest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Ended> {
        let next = usize::from(self.next);
        (1..=usize::from(self.count)).map(move |back| &self.ring[(next + ATTEMPTS - back) % ATTEMPTS])
    }
}

fn micros(time: Duration) -> u32 {
    u32::try_from(time.as_micros()).unwrap_or(u32::MAX)
}

/// One change of what I believe about a peer, and the figures it was made with.
#[derive(Clone, Debug)]
pub(crate) struct Decision {
    pub at: ObserverTime,
    pub rule: Rule,
    pub from: PeerState,
    pub to: PeerState,
    /// How the peer failed, as far as checks had shown.
    pub class: Option<Class>,
    pub evidence: Option<Evidence>,
    /// Since its last sign of life; of a broken link, since its last answer to me.
    pub silent_for: Duration,
    /// The wait of that class.
    pub limit: Option<Duration>,
    /// Suspicion of the ping that was late.
    pub phi: Option<f64>,
    /// Peers that I heard, and those that I expected to hear, when I found that I am cut off.
    pub heard: Option<(u32, u32)>,
    /// The node it said goodbye to, if not to me.
    pub goodbye_to: Option<NodeName>,
    /// When I began to believe what I believed before, and by which rule.
    pub before: Option<(ObserverTime, Rule)>,
    /// Of a decision that calls the link broken.
    pub exhibits: Option<Box<EvidenceKept>>,
}

/// The evidence when a link was called broken.
#[derive(Clone, Debug, Default)]
pub(crate) struct EvidenceKept {
    pub attempts: Attempts,
    /// Those asked, and what they had said.
    pub witnesses: Vec<WitnessView>,
    /// Those who vouched for it.
    pub vouchers: Vec<NodeName>,
    /// Of a down verdict.
    pub quorum: Option<Quorum>,
}

/// How many observers a verdict needs, and who they are. At most `NAMES_KEPT` are named; the numbers count all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quorum {
    /// All observers of the peer, me among them.
    pub observers: usize,
    pub needed: usize,
    /// Accusations that stood.
    pub accusations: usize,
    /// Whose they were, me first.
    pub accusers: Vec<NodeName>,
    /// Those who did not accuse and could still have spoken.
    pub could_speak: Vec<NodeName>,
}

/// All that a link can be asked about.
#[derive(Clone, Debug, Default)]
pub(crate) struct Record {
    pub attempts: Attempts,
    /// The decision behind the present state.
    pub decision: Option<Box<Decision>>,
    /// The one that called the link broken last, when that is over.
    pub outage: Option<Box<Decision>>,
}

impl Record {
    /// The node that the peer said goodbye to, where it was not this one.
    pub(crate) fn goodbye_went_to(&mut self, witness: Option<NodeName>) {
        if let Some(decision) = &mut self.decision {
            decision.goodbye_to = witness;
        }
    }

    pub(crate) fn decide(&mut self, decision: Decision) {
        let over = !decision.to.is_broken();
        let previous = self.decision.replace(Box::new(decision));
        if over && let Some(previous) = previous.filter(|previous| previous.to.is_broken()) {
            self.outage = Some(previous);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> ObserverTime {
        ObserverTime(Duration::from_millis(ms))
    }

    fn answered(ms: u64) -> PingResult {
        PingResult::Success { rtt: Duration::from_millis(ms), sampled: true }
    }

    #[test]
    fn the_last_sixteen_are_kept_youngest_first_in_less_than_400_bytes() {
        let mut attempts = Attempts::default();
        assert_eq!(attempts.iter().count(), 0);
        for second in 0..40u64 {
            attempts.add(at(second * 1000), at(second * 1000 + 2), Purpose::Scheduled, answered(2));
            assert_eq!(attempts.iter().count(), (second as usize + 1).min(ATTEMPTS));
            assert_eq!(attempts.iter().next().map(|ended| ended.begun), Some(at(second * 1000)));
        }
        let begun: Vec<ObserverTime> = attempts.iter().map(|ended| ended.begun).collect();
        assert_eq!(begun, (24..40u64).rev().map(|second| at(second * 1000)).collect::<Vec<_>>());
        assert!(attempts.iter().all(|ended| ended.took() == Duration::from_millis(2)));
        assert!(size_of::<Attempts>() <= 400, "{} bytes a peer", size_of::<Attempts>());
        assert!(size_of::<Decision>() + size_of::<EvidenceKept>() <= 1024, "the module says about 1 kB");
    }

    #[test]
    fn ends_are_told_apart_and_a_late_answer_takes_the_place_of_its_failure() {
        let mut attempts = Attempts::default();
        let failed = |evidence, timed_out| PingResult::Failure { evidence, timed_out };
        attempts.add(at(0), at(2000), Purpose::Scheduled, failed(Evidence::Stalled, true));
        attempts.add(at(1000), at(1001), Purpose::Check, failed(Evidence::Refused, false));
        attempts.answered_late(at(0), at(2500), Purpose::Scheduled);
        attempts.answered_late(at(1000), at(9000), Purpose::Scheduled);
        let ends: Vec<(End, u128)> = attempts.iter().map(|ended| (ended.end, ended.took().as_millis())).collect();
        assert_eq!(ends, [(End::Failed(Evidence::Refused), 1), (End::AnsweredLate, 2500)]);
    }

    #[test]
    fn an_outage_is_remembered_when_it_is_over() {
        let decision = |rule: Rule, from, to| Decision {
            at: at(0),
            rule,
            from,
            to,
            class: None,
            evidence: None,
            silent_for: Duration::ZERO,
            limit: None,
            phi: None,
            heard: None,
            goodbye_to: None,
            before: None,
            exhibits: None,
        };
        use PeerState::{Alive, Dead, Suspect};
        let mut record = Record::default();
        record.decide(decision(Rule::PingFailed, Alive, Suspect));
        record.decide(decision(Rule::Quorum, Suspect, Dead));
        assert!(record.outage.is_none(), "it goes on");
        record.decide(decision(Rule::TwoAnswers, Dead, Alive));
        record.decide(decision(Rule::PingLate, Alive, Suspect));
        assert_eq!(record.outage.map(|outage| outage.rule), Some(Rule::Quorum));
        assert_eq!(record.decision.map(|decision| decision.rule), Some(Rule::PingLate));
    }
}
