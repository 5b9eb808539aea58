//! Maintenance as people see and ask for it: with the wall time that nodes do not exchange.

use std::time::SystemTime;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ms;
use super::text::Text;
use super::timestamp::rfc3339;
use super::words::When;
use crate::detector::maintenance::Maintenance;
use crate::detector::peer::{BootId, NodeName, PeerState};
use crate::detector::view::{PeerView, View};
use crate::mesh::Member;

/// A maintenance in force.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct MaintenanceBody {
    #[schemars(length(min = 1, max = 200))]
    pub reason: String,
    /// Milliseconds until it ends by itself.
    pub left_ms: u64,
    pub until: When,
}

/// The maintenance of the node that was asked, and of its peers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct MaintenanceStatusBody {
    pub node: Text<NodeName>,
    pub boot: Text<BootId>,
    pub maintenance: Option<MaintenanceBody>,
    /// Peers that are in maintenance, or should be back from it.
    pub peers: Vec<PeerMaintenanceBody>,
}

/// A peer that is in maintenance, or should be back from it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct PeerMaintenanceBody {
    pub key: Text<Member>,
    pub node: Option<Text<NodeName>>,
    pub state: Text<PeerState>,
    pub maintenance: Option<MaintenanceBody>,
    /// Its maintenance should have been over this long ago, and it has not been up since.
    pub maintenance_overrun_ms: Option<u64>,
}

/// What is asked for. A field that is not known is a mistake of the caller's:
/// `fro` for `for` would otherwise quietly mean the default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MaintenanceWish {
    /// Printable, on one line.
    #[schemars(length(min = 1, max = 200))]
    pub reason: String,
    /// How long at most, from 1s to 24h: a number with its unit ms, s, m or h.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r#for: Option<String>,
}

impl MaintenanceBody {
    /// What is seen of it at wall time `now`.
    pub fn new(maintenance: &Maintenance, now: SystemTime) -> MaintenanceBody {
        MaintenanceBody {
            reason: maintenance.reason.as_str().to_owned(),
            left_ms: ms(maintenance.left),
            until: When(rfc3339(now.checked_add(maintenance.left).unwrap_or(now))),
        }
    }
}

impl MaintenanceStatusBody {
    /// What is seen of it at wall time `now`.
    pub fn new(view: &View, now: SystemTime) -> MaintenanceStatusBody {
        let concerned = view.peers.iter().filter(|peer| peer.maintenance.is_some() || peer.overrun.is_some());
        MaintenanceStatusBody {
            node: Text::from(&view.node),
            boot: view.boot.into(),
            maintenance: view.maintenance.as_ref().map(|maintenance| MaintenanceBody::new(maintenance, now)),
            peers: concerned.map(|peer| PeerMaintenanceBody::new(peer, now)).collect(),
        }
    }
}

impl PeerMaintenanceBody {
    fn new(view: &PeerView, now: SystemTime) -> PeerMaintenanceBody {
        PeerMaintenanceBody {
            key: Member::from(&view.peer.key).into(),
            node: view.peer.node.as_ref().map(Text::from),
            state: view.peer.state.into(),
            maintenance: view.maintenance.as_ref().map(|maintenance| MaintenanceBody::new(maintenance, now)),
            maintenance_overrun_ms: view.overrun.map(ms),
        }
    }
}
