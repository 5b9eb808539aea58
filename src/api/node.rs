//! What a node is: its name, its health, its settings, and how it finds its peers.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::maintenance::MaintenanceBody;
use super::number::ms;
use super::text::Text;
use super::words::{HealthStatus, When};
use crate::config::{Setting, Source};
use crate::detector::evidence::Evidence;
use crate::detector::peer::{BootId, NodeName, PeerState, SelfState};
use crate::detector::view::{CandidateView, DiscoveryView, NameView};

/// Candidates listed one by one; where there are more, the number counts all.
const CANDIDATES_LISTED: usize = 64;

/// The node that was asked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct NodeBody {
    pub node: Text<NodeName>,
    pub boot: Text<BootId>,
    /// Milliseconds since the detector began.
    pub seq: u64,
    pub state: Text<SelfState>,
    /// It was paused a moment ago: its opinions are on hold.
    pub stalled: bool,
    /// Time in which this process did not run although it was due.
    pub lost_ms: u64,
    pub maintenance: Option<MaintenanceBody>,
    pub version: String,
    pub revision: String,
    pub started: When,
    pub uptime_ms: u64,
    /// The second address of the metrics; they are at this port's /metrics as well.
    #[schemars(range(min = 1))]
    pub metrics_port: Option<u16>,
    /// How many peers are in each state.
    #[schemars(schema_with = "peers_by_state")]
    pub peers: BTreeMap<String, u64>,
    pub discovery: DiscoveryBody,
}

/// How peers are found behind names; empty lists where every peer was listed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct DiscoveryBody {
    pub names: Vec<DnsNameBody>,
    /// Addresses where no node has identified itself yet.
    pub candidate_count: u64,
    /// The first 64 of them.
    #[schemars(length(max = 64))]
    pub candidates: Vec<CandidateBody>,
    /// Lookups that failed or found nothing, since the start.
    pub errors: u64,
}

/// A name behind which peers are looked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct DnsNameBody {
    /// As configured, such as `dns+http://nodes:8001`.
    pub name: String,
    /// Addresses in the last list that was found.
    pub addresses: u32,
    /// The last lookup failed: the addresses are those of the last successful one.
    pub stale: bool,
    /// Age of the last successful lookup; `null` before the first.
    pub last_success_ms: Option<u64>,
    /// For how long every lookup has failed.
    pub failing_ms: Option<u64>,
    /// Why the last lookup failed.
    pub error: Option<String>,
}

/// An address where no node has identified itself yet.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct CandidateBody {
    pub address: String,
    pub age_ms: u64,
    /// What the last probe showed; `null` before the first has ended.
    pub evidence: Option<Text<Evidence>>,
    /// What was wrong with the answer to the last probe; `null` if there was none, or if another node answered.
    pub flaw: Option<String>,
}

/// The settings of this node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ConfigBody {
    pub settings: Vec<SettingBody>,
    /// The longest pause of a peer that these settings always tolerate.
    pub tolerated_pause_ms: u64,
}

/// One setting.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SettingBody {
    /// As the flag is called.
    pub name: String,
    pub variable: String,
    /// As it would be typed; stars where it is a secret.
    pub value: String,
    pub source: Text<Source>,
}

/// Health of this process, never of its peers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct HealthBody {
    pub status: Text<HealthStatus>,
    pub live: bool,
    pub ready: bool,
}

impl From<&DiscoveryView> for DiscoveryBody {
    fn from(view: &DiscoveryView) -> DiscoveryBody {
        DiscoveryBody {
            names: view.names.iter().map(DnsNameBody::from).collect(),
            candidate_count: view.candidates.len() as u64,
            candidates: view.candidates.iter().take(CANDIDATES_LISTED).map(CandidateBody::from).collect(),
            errors: view.errors,
        }
    }
}

impl From<&NameView> for DnsNameBody {
    fn from(name: &NameView) -> DnsNameBody {
        DnsNameBody {
            name: name.name.to_string(),
            addresses: name.addresses,
            stale: name.failing_for.is_some(),
            last_success_ms: name.last_success.map(ms),
            failing_ms: name.failing_for.map(ms),
            error: name.error.as_deref().map(str::to_owned),
        }
    }
}

impl From<&CandidateView> for CandidateBody {
    fn from(candidate: &CandidateView) -> CandidateBody {
        CandidateBody {
            address: candidate.address.to_string(),
            age_ms: ms(candidate.age),
            evidence: candidate.evidence.map(Text::from),
            flaw: candidate.flaw.as_ref().map(ToString::to_string),
        }
    }
}

impl From<&Setting> for SettingBody {
    fn from(setting: &Setting) -> SettingBody {
        SettingBody {
            name: setting.name.to_owned(),
            variable: setting.variable.to_owned(),
            value: setting.value.clone(),
            source: setting.source.into(),
        }
    }
}

/// How many of these states there are.
pub(crate) fn count_by_state(states: impl Iterator<Item = PeerState>) -> BTreeMap<String, u64> {
    let mut counts: BTreeMap<String, u64> = PeerState::ALL.map(|state| (state.as_str().to_owned(), 0)).into();
    for state in states {
        *counts.entry(state.as_str().to_owned()).or_default() += 1;
    }
    counts
}

fn peers_by_state(generator: &mut SchemaGenerator) -> Schema {
    let states = PeerState::ALL.map(PeerState::as_str);
    let count = generator.subschema_for::<u64>();
    let properties: serde_json::Map<_, _> =
        states.map(|state| (state.to_owned(), count.clone().into())).into_iter().collect();
    json_schema!({ "type": "object", "required": states, "properties": properties })
}
