//! The evidence behind what this node believes of one peer, to explain it.
//!
//! A [`Why`] is a snapshot like a [`View`](super::view::View), of one link and
//! in full: the pings, the witnesses, the accusations, the rule that decided
//! and its figures. It holds the [`PeerView`] that all others see, so nothing
//! is said twice and nothing can differ. All times are ages.
//! `render::why::explanation` puts it into a paragraph.

use std::time::Duration;

use super::event::Purpose;
use super::evidence::{Class, Evidence};
use super::peer::{NodeName, PeerState, SelfState};
use super::record::{End, Quorum};
use super::rule::Rule;
use super::view::{PeerView, WitnessView};

#[derive(Clone, Debug, PartialEq)]
pub struct Why {
    pub observer: ObserverView,
    pub peer: PeerView,
    /// How long this node has watched it.
    pub watched: Duration,
    /// Age of the last valid ping from it.
    pub last_ping_in: Option<Duration>,
    /// Age of the last ping in its name that came from another address than its own.
    pub last_ping_elsewhere: Option<Duration>,
    /// Pings, checks and witness pings: those that are out, then those that ended, newest first.
    pub pings: Vec<PingView>,
    /// The wait of the class that the checks show now; `None` while they show none.
    pub limit: Option<Duration>,
    /// An outstanding ping of this age is late.
    pub late_after: Duration,
    /// Accusations by others that stand.
    pub accusations: Vec<AccusationView>,
    /// How long this node's own accusation has stood.
    pub accused: Option<Duration>,
    /// Those who vouch for it now.
    pub vouchers: Vec<NodeName>,
    /// One that vouched against all others for too long: its word counts for nothing.
    pub discredited: Option<NodeName>,
    /// While it is suspect or unreachable: what a verdict would need now.
    pub quorum: Option<Quorum>,
    /// Behind the present state; `None` before the first.
    pub decision: Option<DecisionView>,
    /// The one that called the link broken last, when that is over.
    pub outage: Option<DecisionView>,
}

/// How far this observer can be trusted.
#[derive(Clone, Debug, PartialEq)]
pub struct ObserverView {
    pub node: NodeName,
    pub state: SelfState,
    /// Within one interval after a stall.
    pub stalled: bool,
    /// Time this process did not run, in all.
    pub lost: Duration,
    /// How long it has heard less than half of its peers.
    pub cut_off: Option<Duration>,
    /// It has no opinion of this peer until a ping that began after its last stall has ended.
    pub blind: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PingView {
    /// Since it began.
    pub age: Duration,
    pub purpose: Purpose,
    /// How it ended, and how long it took; `None` while it is out.
    pub end: Option<(End, Duration)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccusationView {
    pub observer: NodeName,
    pub class: Class,
    /// When it lapses unless it is repeated.
    pub left: Duration,
}

/// A `Decision` with ages in the place of moments.
#[derive(Clone, Debug, PartialEq)]
pub struct DecisionView {
    pub age: Duration,
    pub rule: Rule,
    pub from: PeerState,
    pub to: PeerState,
    pub class: Option<Class>,
    pub evidence: Option<Evidence>,
    pub silent_for: Duration,
    pub limit: Option<Duration>,
    pub phi: Option<f64>,
    /// Peers heard, and those expected, when this node found that it is cut off.
    pub heard: Option<(u32, u32)>,
    /// The node it said goodbye to, if not this one.
    pub goodbye_to: Option<NodeName>,
    /// The rule behind the state before, and its age.
    pub before: Option<(Rule, Duration)>,
    pub exhibits: Option<EvidenceView>,
}

/// The evidence; ages count from now, not from the decision.
#[derive(Clone, Debug, PartialEq)]
pub struct EvidenceView {
    pub pings: Vec<PingView>,
    pub witnesses: Vec<WitnessView>,
    pub vouchers: Vec<NodeName>,
    pub quorum: Option<Quorum>,
}
