//! What the node that was asked believes of its peers.
//!
//! Ages are milliseconds; the one wall time, `since`, is added where it is shown. What is not known is `null`, never left
//! out and never zero.

use std::time::SystemTime;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::maintenance::MaintenanceBody;
use super::number::{fine_ms, ms, thousandths};
use super::text::Text;
use super::timestamp::rfc3339_before;
use super::words::{Said, When};
use crate::detector::evidence::{Class, Evidence};
use crate::detector::peer::{BootId, NodeName, PeerState, SelfState, Testimony, Verdict};
use crate::detector::view::{PeerView, View, WitnessView};
use crate::mesh::Member;

/// All peers that this node watches.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct PeersBody {
    pub node: Text<NodeName>,
    pub boot: Text<BootId>,
    pub state: Text<SelfState>,
    pub peers: Vec<PeerBody>,
}

/// What this node believes of one peer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct PeerBody {
    /// What this process calls the peer, for the whole run of the process.
    pub key: Text<Member>,
    pub node: Option<Text<NodeName>>,
    pub boot: Option<Text<BootId>>,
    pub state: Text<PeerState>,
    pub verdict: Option<Text<Verdict>>,
    pub class: Option<Text<Class>>,
    pub evidence: Option<Text<Evidence>>,
    /// What was wrong with its last answer, if that was not one of a node.
    pub flaw: Option<String>,
    /// Counts for alerts: false after a goodbye, in maintenance, before the peer was due for the first time, and while
    /// this node cannot judge.
    pub expected: bool,
    pub maintenance: Option<MaintenanceBody>,
    /// Its maintenance should have been over this long ago, and it has not been up since.
    pub maintenance_overrun_ms: Option<u64>,
    pub degraded: bool,
    pub flapping: bool,
    pub restarts: u64,
    /// When the last proof of life came.
    pub since: Option<When>,
    /// Age of the last proof of life.
    pub last_proof_ms: Option<u64>,
    /// Age of the last answer to a ping of this node.
    pub last_answer_ms: Option<u64>,
    pub state_age_ms: u64,
    pub rtt: RttBody,
    /// The outstanding ping is this late with probability at most 10^-phi.
    #[schemars(range(min = 0.0))]
    pub phi: f64,
    /// Failed of the last ten scheduled pings.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub loss: Option<f64>,
    /// An event stream to this peer is open.
    pub streaming: bool,
    /// Its pings arrive here.
    pub pings_me: bool,
    /// The nodes that accuse this boot now, this node first.
    pub accusers: Vec<Text<NodeName>>,
    /// The witnesses that were asked last, and what they answered.
    pub witnesses: Vec<WitnessBody>,
}

/// Round trips, in milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct RttBody {
    #[schemars(range(min = 0.0))]
    pub last_ms: Option<f64>,
    #[schemars(range(min = 0.0))]
    pub mean_ms: Option<f64>,
    #[schemars(range(min = 0.0))]
    pub p50_ms: Option<f64>,
    #[schemars(range(min = 0.0))]
    pub p99_ms: Option<f64>,
}

/// A witness that was asked about the peer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct WitnessBody {
    pub witness: Text<NodeName>,
    /// `null`: no answer yet.
    pub said: Option<Text<Said>>,
    /// How its own ping failed.
    pub evidence: Option<Text<Evidence>>,
    /// Age of the question.
    pub age_ms: u64,
    /// Age of its answer; greater than that of the question while a new one is out.
    pub said_ms: Option<u64>,
}

impl PeersBody {
    /// All peers, at wall time `now`.
    pub fn new(view: &View, now: SystemTime) -> PeersBody {
        PeersBody {
            node: Text::from(&view.node),
            boot: view.boot.into(),
            state: view.state.into(),
            peers: view.peers.iter().map(|peer| PeerBody::new(peer, now)).collect(),
        }
    }
}

impl PeerBody {
    /// One peer, at wall time `now`.
    pub fn new(view: &PeerView, now: SystemTime) -> PeerBody {
        PeerBody {
            key: Member::from(&view.peer.key).into(),
            node: view.peer.node.as_ref().map(Text::from),
            boot: view.peer.boot.map(Text::from),
            state: view.peer.state.into(),
            verdict: view.verdict.map(Text::from),
            class: view.class.map(Text::from),
            evidence: view.evidence.map(Text::from),
            flaw: view.peer.flaw.as_ref().map(ToString::to_string),
            expected: view.expected,
            maintenance: view.maintenance.as_ref().map(|maintenance| MaintenanceBody::new(maintenance, now)),
            maintenance_overrun_ms: view.overrun.map(ms),
            degraded: view.degraded,
            flapping: view.flapping,
            restarts: view.restarts,
            since: view.last_proof.map(|age| When(rfc3339_before(now, age))),
            last_proof_ms: view.last_proof.map(ms),
            last_answer_ms: view.last_answer.map(ms),
            state_age_ms: ms(view.state_age),
            rtt: RttBody {
                last_ms: view.rtt_last.map(fine_ms),
                mean_ms: view.rtt_mean.map(fine_ms),
                p50_ms: view.rtt_p50.map(fine_ms),
                p99_ms: view.rtt_p99.map(fine_ms),
            },
            phi: thousandths(view.phi),
            loss: view.loss.map(thousandths),
            streaming: view.streaming,
            pings_me: view.pings_me,
            accusers: texts(&view.accusers),
            witnesses: view.witnesses.iter().map(WitnessBody::from).collect(),
        }
    }
}

impl From<&WitnessView> for WitnessBody {
    fn from(view: &WitnessView) -> WitnessBody {
        let said = view.said.map(|testimony| match testimony {
            Testimony::Answered { .. } => Said::Answered,
            Testimony::Failed { .. } => Said::Failed,
            Testimony::Left => Said::Left,
            Testimony::NoOpinion => Said::NoOpinion,
        });
        WitnessBody {
            witness: Text::from(&view.witness),
            said: said.map(Text::from),
            evidence: match view.said {
                Some(Testimony::Failed { evidence }) => Some(evidence.into()),
                Some(Testimony::Answered { .. } | Testimony::Left | Testimony::NoOpinion) | None => None,
            },
            age_ms: ms(view.age),
            said_ms: view.said_age.map(ms),
        }
    }
}

/// Values as texts.
pub(super) fn texts<T: Clone>(values: &[T]) -> Vec<Text<T>> {
    values.iter().map(Text::from).collect()
}
