//! What a node reports: events of its detector, and changes of its incidents.
//!
//! They stay apart because they have different makers: the detector emits the first and knows no incident, the fold
//! over mesh views emits the second. The log, the API and the page read both as one sequence.

use super::Member;
use super::incident::IncidentChange;
use crate::detector::event::{Event, EventKind};
use crate::detector::level::Level;
use crate::detector::peer::PeerKey;
use crate::detector::time::Monotonic;

/// One event of either kind.
#[derive(Clone, Debug, PartialEq)]
pub enum NodeEvent {
    /// The detector changed its opinion, or noted something.
    Detector(Event),
    /// An incident was opened or closed.
    Incident(IncidentEvent),
}

/// An incident was opened or closed, at `at` on the machine's steady clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncidentEvent {
    /// When the change was found; the incident itself began earlier.
    pub at: Monotonic,
    /// Opened or closed, with the incident as it was then.
    pub change: IncidentChange,
}

impl NodeEvent {
    /// Every name that [`NodeEvent::name`] can give.
    pub fn names() -> impl Iterator<Item = &'static str> {
        EventKind::NAMES.iter().copied().chain(IncidentChange::NAMES)
    }

    /// The same without `ping`, the only event that comes without a change: what is kept, counted and listed.
    pub fn names_of_changes() -> impl Iterator<Item = &'static str> {
        NodeEvent::names().filter(|name| *name != "ping")
    }

    /// When it was noticed, on the machine's steady clock.
    pub fn at(&self) -> Monotonic {
        match self {
            NodeEvent::Detector(event) => event.at,
            NodeEvent::Incident(event) => event.at,
        }
    }

    /// The stable name that logs, metrics and the API use.
    pub fn name(&self) -> &'static str {
        match self {
            NodeEvent::Detector(event) => event.kind.name(),
            NodeEvent::Incident(event) => event.change.name(),
        }
    }

    /// How loud its log line is.
    pub fn level(&self) -> Level {
        match self {
            NodeEvent::Detector(event) => event.kind.level(),
            NodeEvent::Incident(event) => event.change.level(),
        }
    }

    /// The key of the peer it is about; `None` for an event about this node or the mesh.
    pub fn peer(&self) -> Option<&PeerKey> {
        match self {
            NodeEvent::Detector(event) => event.peer.as_ref().map(|peer| &peer.key),
            NodeEvent::Incident(_) => None,
        }
    }

    /// The peer it is about as others know it: by its name, or by its key while it has none.
    pub fn peer_member(&self) -> Option<Member> {
        let NodeEvent::Detector(event) = self else { return None };
        let peer = event.peer.as_ref()?;
        Some(peer.node.as_ref().map_or_else(|| Member::from(&peer.key), Member::from))
    }
}
