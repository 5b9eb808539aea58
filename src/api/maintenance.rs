//! Maintenance as people see and ask for it: with the wall time that nodes do not exchange.

use std::time::SystemTime;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::number::ms;
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
    /// Printable, on one line, and not blank.
    #[schemars(length(min = 1, max = 200), regex(pattern = PRINTABLE))]
    pub reason: String,
    /// How long at most, from 1s to 24h: a number with its unit ms, s, m or h. Without it: 30m.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", regex(pattern = SPAN))]
    pub r#for: Option<String>,
}

/// What [`printable`](crate::detector::maintenance) lets through, with something to see in it.
const PRINTABLE: &str = concat!(
    r"^[^\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]*",
    r"[^\s\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]",
    r"[^\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]*$",
);
/// Whole numbers of each unit from a second to a day. Fractions and blanks around it are accepted as well.
const SPAN: &str = concat!(
    r"^(([1-9]|1[0-9]|2[0-4])h",
    r"|([1-9][0-9]{0,2}|1[0-3][0-9]{2}|14[0-3][0-9]|1440)m",
    r"|([1-9][0-9]{0,3}|[1-7][0-9]{4}|8[0-5][0-9]{3}|86[0-3][0-9]{2}|86400)s",
    r"|([1-9][0-9]{3,6}|[1-7][0-9]{7}|8[0-5][0-9]{6}|86[0-3][0-9]{5}|86400000)ms)$",
);

/// A field may be left out, but `null` is a mistake of the caller's.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    String::deserialize(deserializer).map(Some)
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
