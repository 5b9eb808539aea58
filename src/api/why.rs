//! The evidence behind what a node believes of one peer.
//!
//! The peer itself is shown as in the list of peers; beside it stands what that leaves out: single pings, the rule that
//! decided and the numbers it was made with.

use std::time::{Duration, SystemTime};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::number::{fine_ms, ms, thousandths};
use super::peers::{PeerBody, WitnessBody, texts};
use super::text::Text;
use super::timestamp::rfc3339_before;
use super::words::{PingResult, When};
use crate::detector::estimator::RttEstimator;
use crate::detector::event::Purpose;
use crate::detector::evidence::{Class, Evidence};
use crate::detector::peer::{NodeName, PeerState, SelfState, Verdict};
use crate::detector::record::{End, Quorum};
use crate::detector::rule::Rule;
use crate::detector::why::{AccusationView, DecisionView, ObserverView, PingView, Why};
use crate::render::explanation;

/// The most bytes of it that are read from a peer: sixteen pings and the names of a mesh in which all watch all.
pub const WHY_BYTES: usize = 64 * 1024;

/// Why this node has its opinion of one peer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct WhyBody {
    /// The explanation, in one paragraph.
    pub explanation: String,
    pub observer: ObserverBody,
    pub peer: PeerBody,
    pub decision: Option<DecisionBody>,
    /// The last decision that reported the link broken, when that is over.
    pub outage: Option<DecisionBody>,
    pub figures: FiguresBody,
    pub quorum: Option<QuorumBody>,
    /// Those that are out, then the last sixteen that ended, newest first.
    pub pings: Vec<PingBody>,
    /// Current accusations by other nodes, from their answers.
    pub accusations: Vec<HeldAccusationBody>,
    /// Witnesses that vouch for the peer now.
    pub vouchers: Vec<Text<NodeName>>,
    /// A witness that vouched against all other observers for a minute: its word counts for nothing.
    pub discredited: Option<Text<NodeName>>,
}

/// How far this node's own observations can be trusted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ObserverBody {
    pub node: Text<NodeName>,
    pub state: Text<SelfState>,
    /// It was paused a moment ago: its opinions are on hold.
    pub stalled: bool,
    /// Time in which it did not run although it was due.
    pub lost_ms: u64,
    /// How long it has heard less than half of its peers.
    pub cut_off_ms: Option<u64>,
    /// No opinion of this peer until a ping that began after the last pause has ended.
    pub blind: bool,
}

/// What the next decision depends on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct FiguresBody {
    /// How long this node has watched the peer.
    pub watched_ms: u64,
    /// The wait of the class that the checks show now.
    pub limit_ms: Option<u64>,
    /// An outstanding ping of this age is late.
    #[schemars(range(min = 0.0))]
    pub late_after_ms: f64,
    /// The phi from which on it is.
    #[schemars(range(min = 0.0))]
    pub phi_limit: f64,
    /// How long this node has accused the peer.
    pub accused_ms: Option<u64>,
    /// Age of the last valid ping from the peer.
    pub last_ping_in_ms: Option<u64>,
}

/// A ping of this node to the peer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct PingBody {
    /// Since it began.
    pub age_ms: u64,
    pub purpose: Text<Purpose>,
    pub result: Text<PingResult>,
    /// From its start to its end.
    #[schemars(range(min = 0.0))]
    pub took_ms: Option<f64>,
    /// Where it was answered in time.
    #[schemars(range(min = 0.0))]
    pub rtt_ms: Option<f64>,
    /// How it failed.
    pub reason: Option<Text<Evidence>>,
}

/// An accusation by another node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct HeldAccusationBody {
    pub observer: Text<NodeName>,
    pub class: Text<Class>,
    /// When it lapses unless it is repeated.
    pub left_ms: u64,
}

/// How many observers a verdict needs, and who they are. At most 32 are named; the numbers count all.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct QuorumBody {
    /// All observers of the peer, this node among them.
    pub observers: u64,
    /// Accusations that are needed.
    pub needed: u64,
    /// Current accusations.
    pub accusations: u64,
    /// The nodes that accuse it, this node first.
    pub accusers: Vec<Text<NodeName>>,
    /// Observers that do not accuse and may still answer.
    pub could_speak: Vec<Text<NodeName>>,
}

/// A change of what this node believed, and what it was made with.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct DecisionBody {
    pub rule: Text<Rule>,
    /// The rule in words.
    pub sentence: String,
    pub at: When,
    /// Since it was made.
    pub age_ms: u64,
    pub from: Text<PeerState>,
    pub to: Text<PeerState>,
    pub verdict: Option<Text<Verdict>>,
    pub class: Option<Text<Class>>,
    pub evidence: Option<Text<Evidence>>,
    /// How long the peer had given no sign of life; of a broken link, no answer to this node.
    pub silent_ms: u64,
    /// The wait of its class.
    pub limit_ms: Option<u64>,
    /// Suspicion of the ping that was late.
    #[schemars(range(min = 0.0))]
    pub phi: Option<f64>,
    /// Peers that this node had heard since, where it found itself cut off.
    pub heard: Option<u32>,
    /// Peers that it expected to hear.
    pub expected: Option<u32>,
    /// The witness that the peer had said goodbye to.
    pub told: Option<Text<NodeName>>,
    /// The rule behind the state before.
    pub before: Option<BeforeBody>,
    pub quorum: Option<QuorumBody>,
    /// Of a decision that calls the link broken: the last pings before it.
    pub pings: Vec<PingBody>,
    /// The witnesses that had been asked, and what they had said.
    pub witnesses: Vec<WitnessBody>,
    /// Witnesses that vouched for the peer.
    pub vouchers: Vec<Text<NodeName>>,
}

/// The rule behind the state before.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct BeforeBody {
    pub rule: Text<Rule>,
    /// Since it had decided.
    pub age_ms: u64,
}

impl WhyBody {
    /// The evidence, at wall time `now`.
    pub fn new(why: &Why, now: SystemTime) -> WhyBody {
        WhyBody {
            explanation: explanation(why),
            observer: ObserverBody::from(&why.observer),
            peer: PeerBody::new(&why.peer, now),
            decision: why.decision.as_ref().map(|decision| DecisionBody::new(decision, now)),
            outage: why.outage.as_ref().map(|outage| DecisionBody::new(outage, now)),
            figures: FiguresBody {
                watched_ms: ms(why.watched),
                limit_ms: why.limit.map(ms),
                late_after_ms: fine_ms(why.late_after),
                phi_limit: RttEstimator::THRESHOLD,
                accused_ms: why.accused.map(ms),
                last_ping_in_ms: why.last_ping_in.map(ms),
            },
            quorum: why.quorum.as_ref().map(QuorumBody::from),
            pings: why.pings.iter().map(PingBody::from).collect(),
            accusations: why.accusations.iter().map(HeldAccusationBody::from).collect(),
            vouchers: texts(&why.vouchers),
            discredited: why.discredited.as_ref().map(Text::from),
        }
    }
}

impl From<&ObserverView> for ObserverBody {
    fn from(view: &ObserverView) -> ObserverBody {
        ObserverBody {
            node: Text::from(&view.node),
            state: view.state.into(),
            stalled: view.stalled,
            lost_ms: ms(view.lost),
            cut_off_ms: view.cut_off.map(ms),
            blind: view.blind,
        }
    }
}

impl DecisionBody {
    fn new(view: &DecisionView, now: SystemTime) -> DecisionBody {
        let evidence = view.exhibits.as_ref();
        DecisionBody {
            rule: view.rule.into(),
            sentence: view.rule.sentence().to_owned(),
            at: When(rfc3339_before(now, view.age)),
            age_ms: ms(view.age),
            from: view.from.into(),
            to: view.to.into(),
            verdict: view.rule.verdict().map(Text::from),
            class: view.class.map(Text::from),
            evidence: view.evidence.map(Text::from),
            silent_ms: ms(view.silent_for),
            limit_ms: view.limit.map(ms),
            phi: view.phi.map(thousandths),
            heard: view.heard.map(|(heard, _)| heard),
            expected: view.heard.map(|(_, expected)| expected),
            told: view.goodbye_to.as_ref().map(Text::from),
            before: view.before.map(|(rule, age)| BeforeBody { rule: rule.into(), age_ms: ms(age) }),
            quorum: evidence.and_then(|evidence| evidence.quorum.as_ref()).map(QuorumBody::from),
            pings: evidence.map_or_else(Vec::new, |evidence| evidence.pings.iter().map(PingBody::from).collect()),
            witnesses: evidence
                .map_or_else(Vec::new, |evidence| evidence.witnesses.iter().map(WitnessBody::from).collect()),
            vouchers: evidence.map_or_else(Vec::new, |evidence| texts(&evidence.vouchers)),
        }
    }
}

impl From<&Quorum> for QuorumBody {
    fn from(quorum: &Quorum) -> QuorumBody {
        QuorumBody {
            observers: quorum.observers as u64,
            needed: quorum.needed as u64,
            accusations: quorum.accusations as u64,
            accusers: texts(&quorum.accusers),
            could_speak: texts(&quorum.could_speak),
        }
    }
}

impl From<&AccusationView> for HeldAccusationBody {
    fn from(view: &AccusationView) -> HeldAccusationBody {
        HeldAccusationBody { observer: Text::from(&view.observer), class: view.class.into(), left_ms: ms(view.left) }
    }
}

impl From<&PingView> for PingBody {
    fn from(view: &PingView) -> PingBody {
        let (result, reason) = match view.end.map(|(end, _)| end) {
            None => (PingResult::Open, None),
            Some(End::Answered) => (PingResult::Answered, None),
            Some(End::AnsweredLate) => (PingResult::AnsweredLate, None),
            Some(End::Failed(evidence)) => (PingResult::Failed, Some(evidence)),
            Some(End::OutOfTime(evidence)) => (PingResult::OutOfTime, Some(evidence)),
        };
        let took: Option<Duration> = view.end.map(|(_, took)| took);
        PingBody {
            age_ms: ms(view.age),
            purpose: view.purpose.into(),
            result: result.into(),
            took_ms: took.map(fine_ms),
            rtt_ms: took.filter(|_| result == PingResult::Answered).map(fine_ms),
            reason: reason.map(Text::from),
        }
    }
}
