//! What happened in the mesh, each incident once.
//!
//! Wall time is that of the node that was asked and for people; everything else is an age.

use std::time::SystemTime;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::number::ms;
use super::peers::texts;
use super::text::Text;
use super::timestamp::rfc3339_before;
use super::words::When;
use crate::detector::evidence::Class;
use crate::detector::peer::NodeName;
use crate::mesh::Member;
use crate::mesh::incident::{IncidentSummary, IncidentVerdict};
use crate::render::incident::story;

/// The incidents that the node that was asked knows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct IncidentsBody {
    /// The node that was asked.
    pub node: Text<NodeName>,
    /// How many of its own are open.
    pub open: u64,
    /// The open ones first, the newest of each first.
    pub incidents: Vec<IncidentBody>,
}

/// One incident.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct IncidentBody {
    /// Counts from 1 in each run of the node that saw it; numbers that were found to be a part of others are missing.
    #[schemars(range(min = 1))]
    pub id: u64,
    /// It is not over yet.
    pub open: bool,
    pub verdict: Text<IncidentVerdict>,
    /// The nodes that are down or cut off, the ends of the link, or all nodes of a split.
    #[schemars(length(min = 1))]
    pub nodes: Vec<Text<Member>>,
    /// The groups of a split; else empty.
    pub sides: Vec<Vec<Text<Member>>>,
    /// The nodes that saw it.
    pub observers: Vec<Text<Member>>,
    pub began_at: When,
    /// Age of its beginning: the last sign of life before the first bad verdict.
    pub began_ms: u64,
    pub ended_at: Option<When>,
    /// Age of its end; `null` while it continues. The same fault within a minute opens it again.
    pub ended_ms: Option<u64>,
    /// From its beginning to its end, or until now.
    pub lasted_ms: u64,
    /// How many times it failed: more than one in a crash loop.
    #[schemars(range(min = 1))]
    pub failures: u32,
    /// How the victim failed, where there is one.
    pub reason: Option<Text<Class>>,
    /// The peer that reported it; `null`: this node saw it itself.
    pub from: Option<Text<Member>>,
    /// The incident, in one line.
    pub story: String,
}

impl IncidentBody {
    /// An incident that this node saw, or that the peer `from` reported, at wall time `now`.
    pub fn new(told: &IncidentSummary, from: Option<&Member>, now: SystemTime) -> IncidentBody {
        let is_split = told.verdict == IncidentVerdict::Split;
        IncidentBody {
            id: told.id,
            open: told.is_open(),
            verdict: told.verdict.into(),
            nodes: texts(&told.nodes),
            sides: told.sides.iter().filter(|_| is_split).map(|side| texts(side)).collect(),
            observers: texts(&told.observers),
            began_at: When(rfc3339_before(now, told.began)),
            began_ms: ms(told.began),
            ended_at: told.ended.map(|ended| When(rfc3339_before(now, ended))),
            ended_ms: told.ended.map(ms),
            lasted_ms: ms(told.lasted()),
            failures: told.failures,
            reason: told.reason.map(Text::from),
            from: from.map(Text::from),
            story: story(told),
        }
    }
}
