//! The mesh as a whole: the matrix is what every node says of its links, the cluster is what all of them together say of
//! each node. Both carry the age of the rows that they were made of. All times are ages.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::number::{fine_ms, ms};
use super::peers::texts;
use super::row::BlindSpotBody;
use super::text::Text;
use crate::detector::evidence::Class;
use crate::detector::peer::{BootId, NodeName, PeerState, SelfState, Verdict};
use crate::mesh::{
    Cell, LinkStatus, Member, MeshKeyId, MeshVerdict, MeshView, Mismatch, NodeStatus, Row, RowFreshness,
};
use crate::render::mesh::{Finding, Severity, Summary};

/// Who reaches whom, as every node reports it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct MatrixBody {
    /// The node that was asked.
    pub node: Text<NodeName>,
    /// How long ago this was gathered: readers share it for a moment.
    pub age_ms: u64,
    /// The whole mesh in one line.
    pub sentence: String,
    /// Every expected node reported, and no fault is known.
    pub whole: bool,
    /// All members, sorted; rows come in the same order.
    pub members: Vec<Text<Member>>,
    pub rows: Vec<MatrixRowBody>,
}

/// What one node reports of its links.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct MatrixRowBody {
    pub observer: Text<Member>,
    pub heard: Text<RowFreshness>,
    /// Age of the row; `null` when there is none.
    pub as_of_ms: Option<u64>,
    /// The state that it reports of itself.
    pub state: Option<Text<SelfState>>,
    /// It was paused a moment ago and judges no peer until it has pinged it again.
    pub stalled: bool,
    /// In the order of the members; a peer that the observer does not watch has none.
    pub cells: Vec<MatrixCellBody>,
}

/// What the observer reports of one peer. Ages are as of now, also in a row from before.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct MatrixCellBody {
    pub peer: Text<Member>,
    pub reading: Text<LinkStatus>,
    pub state: Text<PeerState>,
    pub verdict: Option<Text<Verdict>>,
    pub class: Option<Text<Class>>,
    /// Age of the state.
    pub state_age_ms: u64,
    /// Age of the last proof of life, an incoming ping included.
    pub last_proof_ms: Option<u64>,
    /// Age of the last answer to a ping of the observer.
    pub last_answer_ms: Option<u64>,
    /// The last round trip, in milliseconds.
    #[schemars(range(min = 0.0))]
    pub rtt_ms: Option<f64>,
    /// Milliseconds.
    #[schemars(range(min = 0.0))]
    pub rtt_p99_ms: Option<f64>,
    /// Failed of the last ten scheduled pings.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub loss: Option<f64>,
    pub restarts: u64,
    /// Counts for alerts.
    pub expected: bool,
    pub degraded: bool,
    pub flapping: bool,
    pub maintenance: bool,
    /// Its pings arrive at the observer.
    pub pings_me: bool,
}

/// The mesh, as the node that was asked can describe it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ClusterBody {
    /// The node that was asked.
    pub node: Text<NodeName>,
    /// How long ago this was gathered: readers share it for a moment.
    pub age_ms: u64,
    /// The whole mesh in one line.
    pub sentence: String,
    /// Every expected node reported, and no fault is known.
    pub whole: bool,
    /// All findings, the most severe first.
    pub findings: Vec<FindingBody>,
    pub nodes: Vec<ClusterNodeBody>,
    /// Nodes that reported and reach each other both ways, directly or through others; largest group first.
    pub groups: Vec<Vec<Text<Member>>>,
    /// Rows of two sides are available, neither side reaches the other, and no link leads across.
    pub split: bool,
    /// Nodes that do not watch a node that others watch.
    pub mismatches: Vec<MismatchBody>,
    /// Peers that were asked for their rows.
    pub asked: u64,
    /// How many of them gave one.
    pub answered: u64,
}

/// One finding.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct FindingBody {
    pub weight: Text<Severity>,
    pub text: String,
}

/// What all rows together report of one node. Only nodes that reported now are counted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ClusterNodeBody {
    pub node: Text<Member>,
    pub boot: Option<Text<BootId>>,
    pub verdict: Text<MeshVerdict>,
    /// While a node cannot reach it: how long ago any of those last heard it.
    pub silent_ms: Option<u64>,
    /// How it fails for the nodes that cannot reach it.
    pub class: Option<Text<Class>>,
    /// How long ago it left or restarted.
    pub since_ms: Option<u64>,
    pub heard: Text<RowFreshness>,
    /// Age of its row.
    pub as_of_ms: Option<u64>,
    pub state: Option<Text<SelfState>>,
    /// Milliseconds since it started, by its own count.
    pub up_ms: Option<u64>,
    pub stalled: bool,
    pub maintenance: bool,
    /// The nodes that reach it.
    pub reached_by: Vec<Text<Member>>,
    /// The nodes that do not.
    pub missed_by: Vec<Text<Member>>,
    /// The nodes that reach it and suspect it at the moment.
    pub suspected_by: Vec<Text<Member>>,
    /// The nodes whose link to it is degraded.
    pub degraded_by: Vec<Text<Member>>,
    /// The nodes for which it is flapping.
    pub flapping_by: Vec<Text<Member>>,
    /// The nodes that have not heard it yet and are not alarmed.
    pub unmet_by: Vec<Text<Member>>,
    /// What it knows that it does not see. While there is any, the mesh is not whole.
    pub blind_spots: Vec<BlindSpotBody>,
    /// Its mesh keys, the one that signs first; absent where it has none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mesh_keys: Vec<Text<MeshKeyId>>,
}

/// A node whose list of peers lacks others.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct MismatchBody {
    pub observer: Text<Member>,
    /// The nodes that it does not watch.
    pub missing: Vec<Text<Member>>,
}

impl MatrixBody {
    /// What `node` gathered `age` ago.
    pub fn new(node: &NodeName, view: &MeshView, summary: &Summary, age: Duration) -> MatrixBody {
        MatrixBody {
            node: Text::from(node),
            age_ms: ms(age),
            sentence: summary.sentence.clone(),
            whole: view.whole,
            members: view.rows.iter().map(|row| Text::from(&row.observer)).collect(),
            rows: view.rows.iter().map(MatrixRowBody::from).collect(),
        }
    }
}

impl From<&Row> for MatrixRowBody {
    fn from(row: &Row) -> MatrixRowBody {
        MatrixRowBody {
            observer: Text::from(&row.observer),
            heard: row.freshness.into(),
            as_of_ms: row.as_of.map(ms),
            state: row.state.map(Text::from),
            stalled: row.stalled,
            cells: row.cells.iter().map(|cell| MatrixCellBody::new(row, cell)).collect(),
        }
    }
}

impl MatrixCellBody {
    fn new(row: &Row, cell: &Cell) -> MatrixCellBody {
        MatrixCellBody {
            peer: Text::from(&cell.peer),
            reading: row.link_status(cell).into(),
            state: cell.state.into(),
            verdict: cell.verdict.map(Text::from),
            class: cell.class.map(Text::from),
            state_age_ms: ms(cell.state_age),
            last_proof_ms: cell.last_proof.map(ms),
            last_answer_ms: cell.last_answer.map(ms),
            rtt_ms: cell.rtt.map(fine_ms),
            rtt_p99_ms: cell.rtt_p99.map(fine_ms),
            loss: cell.loss.map(|loss| f64::from(loss) / 1000.0),
            restarts: cell.restarts,
            expected: cell.expected,
            degraded: cell.degraded,
            flapping: cell.flapping,
            maintenance: cell.maintenance,
            pings_me: cell.pings_me,
        }
    }
}

impl ClusterBody {
    /// What `node` gathered `age` ago: `answered` of `asked` peers gave their row.
    pub fn new(
        node: &NodeName,
        view: &MeshView,
        summary: &Summary,
        age: Duration,
        (asked, answered): (usize, usize),
    ) -> ClusterBody {
        ClusterBody {
            node: Text::from(node),
            age_ms: ms(age),
            sentence: summary.sentence.clone(),
            whole: view.whole,
            findings: summary.findings.iter().map(FindingBody::from).collect(),
            nodes: view.node_statuses.iter().zip(&view.rows).map(ClusterNodeBody::from).collect(),
            groups: view.groups.groups.iter().map(|group| texts(group)).collect(),
            split: view.groups.split,
            mismatches: view.mismatches.iter().map(MismatchBody::from).collect(),
            asked: asked as u64,
            answered: answered as u64,
        }
    }
}

impl From<&Finding> for FindingBody {
    fn from(finding: &Finding) -> FindingBody {
        FindingBody { weight: finding.weight.into(), text: finding.text.clone() }
    }
}

impl From<(&NodeStatus, &Row)> for ClusterNodeBody {
    fn from((status, row): (&NodeStatus, &Row)) -> ClusterNodeBody {
        ClusterNodeBody {
            node: Text::from(&status.member),
            boot: status.boot.map(Text::from),
            verdict: status.verdict.into(),
            silent_ms: status.silent_for.map(ms),
            class: status.class.map(Text::from),
            since_ms: status.since.map(ms),
            heard: row.freshness.into(),
            as_of_ms: row.as_of.map(ms),
            state: row.state.map(Text::from),
            up_ms: row.up_for.map(ms),
            stalled: row.stalled,
            maintenance: row.maintenance,
            reached_by: texts(&status.reached_by),
            missed_by: texts(&status.missed_by),
            suspected_by: texts(&status.suspected_by),
            degraded_by: texts(&status.degraded_by),
            flapping_by: texts(&status.flapping_by),
            unmet_by: texts(&status.unmet_by),
            blind_spots: row.blind_spots.iter().filter(|_| row.is_here()).map(BlindSpotBody::from).collect(),
            mesh_keys: row.mesh_keys.iter().filter(|_| row.is_here()).map(Text::from).collect(),
        }
    }
}

impl From<&Mismatch> for MismatchBody {
    fn from(mismatch: &Mismatch) -> MismatchBody {
        MismatchBody { observer: Text::from(&mismatch.observer), missing: texts(&mismatch.missing) }
    }
}
