//! What happened lately.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::text::Text;
use super::words::{EventName, When};
use crate::detector::level::Level;
use crate::detector::peer::NodeName;
use crate::mesh::Member;

/// Events, as a list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct EventsBody {
    /// In the order in which they happened.
    pub events: Vec<EventBody>,
    /// Give this as `since` to read on.
    pub next: u64,
}

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct EventBody {
    /// Counts from 1 in each run of the node.
    #[schemars(range(min = 1))]
    pub seq: u64,
    pub at: When,
    pub event: Text<EventName>,
    pub level: Text<Level>,
    /// The node that saw it.
    pub node: Text<NodeName>,
    /// The peer's key; `null` for an event about this node.
    pub peer: Option<Text<Member>>,
    pub message: String,
    /// What happened, in one line.
    pub sentence: String,
    /// As in the log line. Names carry their units.
    pub fields: Map<String, Value>,
    /// The peer that reported it, with its number, its name for the peer and no fields; `null`: this node saw it itself.
    pub from: Option<Text<NodeName>>,
}
