//! One link: everything this node knows about one peer.
//!
//! A link keeps four kinds of knowledge apart, because mixing them is how
//! detectors go wrong: *proofs* (when did it last show that it is alive),
//! *requests* (what is on its way), *statistics* (fed by my own scheduled
//! pings alone) and *hearsay* (what others say; it may veto or accuse and
//! touches nothing else).

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use super::config::DetectorConfig;
use super::estimator::RttEstimator;
use super::event::{PeerRef, Purpose};
use super::evidence::{Class, Evidence, Trail};
use super::gray::{Flaps, Outcomes};
use super::peer::{
    AttemptId, BootId, NodeName, PeerId, PeerKey, PeerSpec, PeerState, QuestionId, Seq, Testimony, Verdict,
};
use super::record::Record;
use super::time::ObserverTime;

/// Boots that ended, kept to recognise one that returns. Eight crash loops back is far enough.
const ENDED_BOOTS: usize = 8;

/// Questions that may wait for one witness ping of this link; more are turned away.
pub(crate) const QUESTIONS_MAX: usize = 32;

/// A request that is on its way.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub id: AttemptId,
    pub purpose: Purpose,
    pub begun: ObserverTime,
    pub connected: Option<ObserverTime>,
    /// Was in flight during a stall: its answer proves life, its failure proves nothing.
    pub tainted: bool,
    /// Its end has been counted; whatever comes now is only proof of life.
    pub counted: bool,
    /// It was found late already.
    pub late: bool,
    /// Sent on a connection that had carried an answer before.
    pub warm: bool,
}

/// A scheduled ping that counted as failed and may still be answered.
#[derive(Clone, Debug)]
pub(crate) struct Overdue {
    pub attempt: Attempt,
    /// Scheduled pings that may start before the request is dropped.
    pub grace: u8,
}

/// Who the peer says it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub node: NodeName,
    pub boot: BootId,
}

/// One question to a witness about this peer.
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
    pub last_call: bool,
}

impl Asked {
    /// When a verdict no longer waits for this witness.
    pub(crate) fn last_call_ends(&self, config: &DetectorConfig) -> ObserverTime {
        self.at + config.interval
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    Closed,
    Opening,
    Open,
}

/// An accusation by another observer, node_status until it lapses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Accuser {
    pub observer: PeerId,
    pub class: Class,
    pub until: ObserverTime,
}

#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub id: PeerId,
    pub key: PeerKey,
    pub pinned: Option<NodeName>,
    pub added: ObserverTime,
    pub counter: u32,

    pub state: PeerState,
    pub state_since: ObserverTime,
    pub verdict: Option<Verdict>,
    pub identity: Option<Identity>,
    pub ended: VecDeque<BootId>,
    pub conflict_told: Option<BootId>,
    pub goodbye: Option<Seq>,
    pub last_seq: Seq,

    // Proofs.
    pub last_answer: Option<ObserverTime>,
    pub last_ping_in: Option<ObserverTime>,
    /// A kernel or the process answered anything at all.
    pub last_contact: Option<ObserverTime>,
    /// Waits count from here when it is younger than the proofs.
    pub waits_from: ObserverTime,
    pub answers_since_dead: u8,
    /// The last answer before the present outage.
    pub outage_from: ObserverTime,
    /// No opinion until an attempt begun since has finished.
    pub blind: Option<ObserverTime>,

    // Requests.
    pub scheduled: Option<Attempt>,
    pub overdue: Option<Overdue>,
    /// At most two.
    pub checks: Vec<Attempt>,
    pub witness_ping: Option<Attempt>,
    /// Questions that the witness ping on its way will answer, and those that came after it began.
    pub questions: Vec<(QuestionId, BootId)>,
    pub questions_next: Vec<(QuestionId, BootId)>,
    pub next_ping: ObserverTime,
    pub next_check: Option<ObserverTime>,
    pub warm: bool,
    pub stream: Stream,
    pub reopen: Option<ObserverTime>,

    // Statistics: my own scheduled pings only.
    pub rtt: RttEstimator,
    pub outcomes: Outcomes,
    pub flaps: Flaps,
    pub restarts: u64,
    pub never_seen_told: bool,

    // What checks showed.
    pub trail: Trail,
    /// My own accusation stands, since then.
    pub accused: Option<ObserverTime>,

    // Hearsay about this peer.
    pub accusers: Vec<Accuser>,
    pub vetoes: BTreeMap<PeerId, ObserverTime>,
    pub ping_veto: Option<ObserverTime>,
    /// When the present vouching began.
    pub vouched_at: Option<ObserverTime>,
    pub asked: Vec<Asked>,
    /// When the observers that could object to a verdict were asked for the last time; `None` while there is none to make.
    pub last_call: Option<ObserverTime>,
    pub next_ask: Option<ObserverTime>,

    // What this peer says as an observer.
    pub watch: BTreeMap<PeerId, (BootId, PeerState)>,
    /// Lines of it that say unreachable or dead.
    pub misses: usize,
    /// What it says of me, if it watches me.
    pub watches_me: Option<PeerState>,
    /// Names on its list that are not on mine, some of them.
    pub strangers: BTreeSet<NodeName>,
    pub watch_rev: u64,
    /// When the whole list was asked for, until it has come.
    pub watch_asked: Option<ObserverTime>,
    pub accuses: Vec<PeerId>,

    /// What is remembered to explain decisions later. Nothing is decided by it.
    pub record: Record,

    /// Revision of my watch list in which this link changed last.
    pub rev: u64,
    /// The entry in the timetable that will wake this link.
    pub wake: Option<ObserverTime>,
}

impl Link {
    pub(crate) fn new(id: PeerId, spec: PeerSpec, now: ObserverTime, first_ping: ObserverTime) -> Link {
        Link {
            id,
            key: spec.key,
            pinned: spec.pinned,
            added: now,
            counter: 0,
            state: PeerState::Joining,
            state_since: now,
            verdict: None,
            identity: None,
            ended: VecDeque::new(),
            conflict_told: None,
            goodbye: None,
            last_seq: Seq(0),
            last_answer: None,
            last_ping_in: None,
            last_contact: None,
            waits_from: now,
            answers_since_dead: 0,
            outage_from: now,
            blind: None,
            scheduled: None,
            overdue: None,
            checks: Vec::new(),
            witness_ping: None,
            questions: Vec::new(),
            questions_next: Vec::new(),
            next_ping: first_ping,
            next_check: None,
            warm: false,
            stream: Stream::Closed,
            reopen: None,
            rtt: RttEstimator::new(),
            outcomes: Outcomes::default(),
            flaps: Flaps::default(),
            restarts: 0,
            never_seen_told: false,
            trail: Trail::default(),
            accused: None,
            accusers: Vec::new(),
            vetoes: BTreeMap::new(),
            ping_veto: None,
            vouched_at: None,
            asked: Vec::new(),
            last_call: None,
            next_ask: None,
            watch: BTreeMap::new(),
            misses: 0,
            watches_me: None,
            strangers: BTreeSet::new(),
            watch_rev: 0,
            watch_asked: Some(now),
            accuses: Vec::new(),
            record: Record::default(),
            rev: 0,
            wake: None,
        }
    }

    /// A number for a new request. The upper half names the link, so that a
    /// result finds its way back without a map.
    pub(crate) fn next_attempt(&mut self) -> AttemptId {
        self.counter = self.counter.wrapping_add(1);
        AttemptId(u64::from(self.id.0) << 32 | u64::from(self.counter))
    }

    pub(crate) fn boot(&self) -> Option<BootId> {
        self.identity.as_ref().map(|identity| identity.boot)
    }

    pub(crate) fn node(&self) -> Option<&NodeName> {
        self.identity.as_ref().map(|identity| &identity.node)
    }

    pub(crate) fn peer_ref(&self) -> PeerRef {
        PeerRef { id: self.id, key: self.key.clone(), node: self.node().cloned(), boot: self.boot(), state: self.state }
    }

    /// Something is wrong and not yet settled, or settled and may change.
    pub(crate) fn in_doubt(&self) -> bool {
        matches!(self.state, PeerState::Suspect | PeerState::Unreachable | PeerState::Dead)
    }

    /// The last sign of life of any kind: an answer or a ping.
    pub(crate) fn last_proof(&self) -> Option<ObserverTime> {
        self.last_answer.max(self.last_ping_in)
    }

    /// My own wait counts from my last answer: a link is broken when *my*
    /// pings get none, even while other observers hear the peer.
    pub(crate) fn link_base(&self) -> ObserverTime {
        self.last_answer.unwrap_or(self.added).max(self.waits_from)
    }

    /// An accusation counts from the last proof of life of any kind.
    pub(crate) fn proof_base(&self) -> ObserverTime {
        self.last_proof().unwrap_or(self.added).max(self.waits_from)
    }

    /// The wait of the class that the checks show.
    pub(crate) fn wait(&self, config: &DetectorConfig) -> Option<Duration> {
        self.trail.class().map(|class| match class {
            Class::Gone => config.wait_gone,
            Class::Silent => config.wait_silent,
            Class::Stalled => config.wait_stalled,
        })
    }

    /// A check failed. True when it is the first or last one in a row that shows silence: whether a broken link's peer
    /// could still speak about others depends on that.
    pub(crate) fn failed(&mut self, begun: ObserverTime, evidence: Evidence) -> bool {
        let was_silent = self.trail.last() == Some(Evidence::Silent);
        self.trail.ended(begun, evidence);
        self.in_doubt() && was_silent != (evidence == Evidence::Silent)
    }

    pub(crate) fn recently_ended(&self, boot: BootId) -> bool {
        self.ended.contains(&boot)
    }

    pub(crate) fn end_boot(&mut self, boot: BootId) {
        if self.ended.len() == ENDED_BOOTS {
            self.ended.pop_front();
        }
        self.ended.push_back(boot);
    }

    /// Another observer vouches for it, or it pinged me since a check failed.
    pub(crate) fn vouched(&self, now: ObserverTime) -> bool {
        self.ping_veto.is_some_and(|until| now < until) || self.vetoes.values().any(|until| now < *until)
    }

    /// An observer vouches, and a check of mine begun since has failed all the same: my link is broken. Without such a
    /// check the vouching may simply mean that the fault is over.
    pub(crate) fn broken_despite_vouching(&self, now: ObserverTime) -> bool {
        self.vouched(now) && self.trail.last_failed_begun() > self.vouched_at
    }

    /// Called before a veto is written down.
    pub(crate) fn vouching_begins(&mut self, now: ObserverTime) {
        if !self.vouched(now) {
            self.vouched_at = Some(now);
        }
    }

    pub(crate) fn pinged_despite_failure(&self, now: ObserverTime) -> bool {
        self.ping_veto.is_some_and(|until| now < until)
    }

    /// When anything last showed or said that it is there: its own proof, a kernel that answered, a witness that
    /// has not turned accuser since.
    pub(crate) fn last_heard_of(&self, config: &DetectorConfig) -> ObserverTime {
        let span = config.interval * 2;
        let vouched = self.vetoes.values().max().map(|until| ObserverTime(until.0.saturating_sub(span)));
        self.proof_base().max(self.last_contact.unwrap_or_default()).max(vouched.unwrap_or_default())
    }

    /// Asks for the peer's whole watch list with the next ping.
    pub(crate) fn forget_revision(&mut self, now: ObserverTime) {
        self.watch_rev = 0;
        self.watch_asked = Some(now);
    }

    pub(crate) fn forget_watch_list(&mut self) {
        self.watch.clear();
        self.misses = 0;
        self.watches_me = None;
        self.strangers.clear();
    }

    /// Forgets all that others said about the boot that was.
    pub(crate) fn forget_hearsay(&mut self) {
        self.accusers.clear();
        self.vetoes.clear();
        self.ping_veto = None;
    }
}
