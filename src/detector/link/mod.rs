//! One link: everything this node knows about one peer.
//!
//! A link keeps kinds of knowledge apart, because mixing them is how
//! detectors go wrong: *proofs* (when did it last show that it is alive),
//! *requests* (what is on its way), *statistics* (fed by my own scheduled
//! pings alone), *hearsay* (what others say of it; it may vouch or accuse and
//! touches nothing else), and what it *reports* itself as an observer. Each is a
//! part with fields of its own, so what may change it is in its file.

pub(crate) mod hearsay;
pub(crate) mod identity;
pub(crate) mod proofs;
pub(crate) mod questions;
pub(crate) mod reported;
pub(crate) mod requests;
pub(crate) mod stream;

use std::time::Duration;

use self::hearsay::Hearsay;
use self::identity::Identity;
use self::proofs::Proofs;
use self::questions::{Questions, Waiting};
use self::reported::Reported;
use self::requests::Requests;
use self::stream::Stream;
use super::config::DetectorConfig;
use super::estimator::RttEstimator;
use super::event::PeerRef;
use super::evidence::{Class, Evidence, Trail};
use super::gray::{Flaps, Outcomes};
use super::peer::{BootId, NodeName, PeerId, PeerKey, PeerSpec, PeerState, Verdict};
use super::quality::Quality;
use super::record::{Decision, Record};
use super::time::ObserverTime;

/// Waits are so much longer while this node or the peer is slow, or the link loses most of its packets. Read 2.5 s late, a
/// round trip between two slow nodes takes up to 5 s.
const PATIENCE: u32 = 4;

/// One peer, and what this node believes of it.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    id: PeerId,
    key: PeerKey,
    state: PeerState,
    state_since: ObserverTime,
    verdict: Option<Verdict>,
    /// My own accusation stands, since then.
    accused: Option<ObserverTime>,
    restarts: u64,
    /// Revision of my watch list in which this link changed last.
    revision: u64,
    /// The entry in the timetable that will wake this link.
    pub(crate) wake: Option<ObserverTime>,

    pub(crate) identity: Identity,
    pub(crate) proofs: Proofs,
    pub(crate) requests: Requests,
    pub(crate) stream: Stream,
    /// What checks showed.
    pub(crate) trail: Trail,
    pub(crate) hearsay: Hearsay,
    pub(crate) questions: Questions,
    /// Questions of others about this peer.
    pub(crate) waiting: Waiting,
    pub(crate) reported: Reported,
    // Statistics: my own scheduled pings only.
    pub(crate) rtt: RttEstimator,
    pub(crate) outcomes: Outcomes,
    pub(crate) flaps: Flaps,
    /// Fed by all attempts of mine.
    pub(crate) quality: Quality,
    /// I was slow when this link was looked at last.
    pub(crate) i_am_slow: bool,
    /// What is remembered to explain decisions later. Nothing is decided by it.
    pub(crate) record: Record,
}

impl Link {
    pub(crate) fn new(id: PeerId, spec: PeerSpec, now: ObserverTime, first_ping: ObserverTime) -> Link {
        Link {
            id,
            key: spec.key,
            state: PeerState::Joining,
            state_since: now,
            verdict: None,
            accused: None,
            restarts: 0,
            revision: 0,
            wake: None,
            identity: Identity::new(spec.pinned),
            proofs: Proofs::new(now),
            requests: Requests::new(id, first_ping),
            stream: Stream::default(),
            trail: Trail::default(),
            hearsay: Hearsay::default(),
            questions: Questions::default(),
            waiting: Waiting::default(),
            reported: Reported::new(now),
            rtt: RttEstimator::new(),
            outcomes: Outcomes::default(),
            flaps: Flaps::default(),
            quality: Quality::default(),
            i_am_slow: false,
            record: Record::default(),
        }
    }

    pub(crate) fn id(&self) -> PeerId {
        self.id
    }

    pub(crate) fn key(&self) -> &PeerKey {
        &self.key
    }

    pub(crate) fn state(&self) -> PeerState {
        self.state
    }

    pub(crate) fn state_since(&self) -> ObserverTime {
        self.state_since
    }

    pub(crate) fn verdict(&self) -> Option<Verdict> {
        self.verdict
    }

    pub(crate) fn boot(&self) -> Option<BootId> {
        self.identity.known().map(|(_, boot)| *boot)
    }

    pub(crate) fn node(&self) -> Option<&NodeName> {
        self.identity.known().map(|(node, _)| node)
    }

    pub(crate) fn peer_ref(&self) -> PeerRef {
        PeerRef {
            id: self.id,
            key: self.key.clone(),
            node: self.node().cloned(),
            boot: self.boot(),
            state: self.state,
            flaw: self.identity.flaw().cloned(),
        }
    }

    /// The table has given it another state.
    pub(crate) fn enter(&mut self, state: PeerState, now: ObserverTime) {
        if !self.state.is_broken() {
            self.proofs.outage_begins();
        }
        self.state = state;
        self.state_since = now;
    }

    /// A rule has decided.
    pub(crate) fn decide(&mut self, decision: Decision) {
        self.verdict = decision.rule.verdict();
        self.record.decide(decision);
    }

    /// Something is wrong and not yet settled, or settled and may change.
    pub(crate) fn in_doubt(&self) -> bool {
        matches!(self.state, PeerState::Suspect | PeerState::Unreachable | PeerState::Dead)
    }

    /// It should be heard. Dead peers that others found dead, those that left and those that never answered say nothing
    /// about this node.
    pub(crate) fn is_expected(&self) -> bool {
        match self.state {
            PeerState::Joining | PeerState::Left => false,
            PeerState::Dead => self.verdict != Some(Verdict::Down),
            PeerState::Alive | PeerState::Suspect | PeerState::Unreachable => true,
        }
    }

    /// The wait of the class that the checks show.
    pub(crate) fn wait(&self, config: &DetectorConfig) -> Option<Duration> {
        // Once it is dead, its silence is no loss of packets. A wait that became longer would not be met any more: this node
        // would withdraw its accusation, and an observer that was to agree a moment later would wait for that long.
        let loses_most = self.quality.loses_most() && !self.is_silent_since_death();
        let explained = self.i_am_slow || self.reported.is_slow() || loses_most;
        let patience = if explained { PATIENCE } else { 1 };
        self.trail.class().map(|class| match class {
            Class::Gone => config.wait_gone,
            Class::Silent => config.wait_silent * patience,
            Class::Stalled => config.wait_stalled * patience,
        })
    }

    /// It is dead for me, and has shown no sign of life since.
    pub(crate) fn is_silent_since_death(&self) -> bool {
        self.state() == PeerState::Dead && self.proofs.last() <= Some(self.state_since())
    }

    /// My own accusation stands, since then.
    pub(crate) fn accused(&self) -> Option<ObserverTime> {
        self.accused
    }

    /// It stands, and I have an opinion of the peer.
    pub(crate) fn is_accused(&self) -> bool {
        self.accused.is_some() && self.proofs.has_opinion()
    }

    /// My accusation is made or withdrawn. True when that is a change.
    pub(crate) fn set_accused(&mut self, stands: bool, now: ObserverTime) -> bool {
        let changes = stands != self.accused.is_some();
        if changes {
            self.accused = stands.then_some(now);
        }
        changes
    }

    /// A check failed. True when it is the first or last one in a row that shows silence: whether a broken link's peer
    /// could still speak about others depends on that.
    pub(crate) fn failed(&mut self, begun: ObserverTime, evidence: Evidence) -> bool {
        let before = (self.is_silent(), self.is_unsent());
        self.trail.ended(begun, evidence);
        self.in_doubt() && before != (self.is_silent(), self.is_unsent())
    }

    /// The last check could not be sent from here: that shows nothing about the peer.
    pub(crate) fn is_unsent(&self) -> bool {
        self.trail.last() == Some(Evidence::NoNetwork)
    }

    /// The last check was answered, and the answer cannot be believed: not made with the mesh key.
    pub(crate) fn is_unverified(&self) -> bool {
        self.trail.last() == Some(Evidence::Invalid)
            && self.identity.flaw().is_some_and(|flaw| flaw.kind.is_of_mesh_key())
    }

    /// The last check had no response at all.
    pub(crate) fn is_silent(&self) -> bool {
        self.trail.last() == Some(Evidence::Silent)
    }

    /// An observer vouches, and a check of mine begun since has failed all the same: my link is broken. Without such a
    /// check the vouching may simply mean that the fault is over.
    pub(crate) fn is_broken_despite_vouching(&self, now: ObserverTime) -> bool {
        self.hearsay.is_vouched(now) && self.trail.last_failed_begun() > self.hearsay.vouched_since()
    }

    /// When anything last showed or said that it is there: its own proof, a kernel that answered, a witness that
    /// has not turned accuser since.
    pub(crate) fn last_heard_of(&self, config: &DetectorConfig) -> ObserverTime {
        let span = config.interval * 2;
        let vouched = self.hearsay.vouched_until().max().map(|until| ObserverTime(until.0.saturating_sub(span)));
        let contact = self.proofs.last_contact().unwrap_or_default();
        self.proofs.proof_base().max(contact).max(vouched.unwrap_or_default())
    }

    /// A new boot answered.
    pub(crate) fn restarted(&mut self) {
        self.restarts += 1;
        self.quality.forget_losses();
        self.reported.restarted();
    }

    pub(crate) fn restarts(&self) -> u64 {
        self.restarts
    }

    /// Its line in my watch list changed last in this revision of it.
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    pub(crate) fn changed_in(&mut self, revision: u64) {
        self.revision = revision;
    }
}
