//! What the detector has to say: one event for each change, never one for a
//! state that goes on. A single function in `telemetry` turns each into one
//! log line and its metrics; the simulator prints the very same words.

use core::net::SocketAddr;
use std::time::Duration;

use super::discovery::{Finding, Removal};
use super::evidence::{Class, Evidence};
use super::level::Level;
use super::maintenance::{Maintenance, MaintenanceEnd};
use super::peer::{BootId, NodeName, PeerId, PeerKey, PeerState, Verdict};
use super::time::Monotonic;
use crate::closed_set::closed_set;

/// Something happened, at `at` on the machine's steady clock.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub at: Monotonic,
    /// The peer it is about; `None` for events about this node.
    pub peer: Option<PeerRef>,
    pub kind: EventKind,
}

/// A peer as events and views name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerRef {
    pub id: PeerId,
    pub key: PeerKey,
    /// The name it declared, once it has answered.
    pub node: Option<NodeName>,
    pub boot: Option<BootId>,
    /// The state after the event.
    pub state: PeerState,
}

impl PeerRef {
    /// What a reader calls the peer: the name it declared, else its key.
    pub fn display_name(&self) -> &str {
        self.node.as_ref().map_or(&self.key.0, NodeName::as_str)
    }
}

closed_set! {
    /// Why a request was made.
    pub enum Purpose {
        /// The one ping a link sends each interval, over its kept connection.
        Scheduled = "scheduled",
        /// A ping on a new connection, to see how the peer fails.
        Check = "check",
        /// A check made for another node. Counts in the witness metrics only.
        Witness = "witness",
    }
}

closed_set! {
    /// Why a peer became suspect.
    pub enum Doubt {
        /// A scheduled ping failed.
        Failed = "failed",
        /// A scheduled ping is later than this link's round trips allow.
        Late = "late",
        /// The event stream ended, or somebody unknown pinged, and the check that followed failed.
        CheckFailed = "check_failed",
    }
}

/// How one attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PingResult {
    /// `sampled`: the round trip fed the estimator (only scheduled pings on kept connections do).
    Success {
        rtt: Duration,
        sampled: bool,
    },
    Failure {
        evidence: Evidence,
        timed_out: bool,
    },
}

/// Two answers that contradict each other about who is who.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// A boot answered that had already been replaced by a newer one.
    OldBootReturned { boot: BootId, current: BootId },
    /// The pinned name is not the declared one.
    WrongName { expected: NodeName, declared: NodeName },
    /// Two keys of my list are one node; this one is not watched twice.
    SameNode { other: PeerKey },
}

#[derive(Clone, Debug, PartialEq)]
pub enum EventKind {
    /// An attempt ended. The only event that comes without a change.
    PingEnded {
        purpose: Purpose,
        result: PingResult,
    },
    /// The first valid answer ever.
    PeerJoined {
        rtt: Option<Duration>,
    },
    PeerSuspect {
        doubt: Doubt,
    },
    /// It answered in time after all.
    PeerCleared {
        suspect_for: Duration,
    },
    PeerDown {
        prev: PeerState,
        verdict: Verdict,
        class: Class,
        evidence: Evidence,
        silent_for: Duration,
        accusers: Vec<NodeName>,
    },
    PeerUnreachable {
        prev: PeerState,
        verdict: Verdict,
        class: Class,
        evidence: Evidence,
        silent_for: Duration,
        witnesses: Vec<NodeName>,
    },
    /// It answers again after `outage`, counted from its last proof of life before.
    PeerRecovered {
        prev: PeerState,
        outage: Duration,
        rtt: Option<Duration>,
    },
    PeerRestarted {
        prev: PeerState,
        old: BootId,
        new: BootId,
        silent_for: Duration,
    },
    /// It said goodbye, to me or to `witness`.
    PeerLeft {
        prev: PeerState,
        witness: Option<NodeName>,
    },
    /// It said goodbye and then `ready` again, in the same life.
    PeerReturned,
    PeerNeverSeen {
        waited: Duration,
        evidence: Option<Evidence>,
    },
    PeerFlapping {
        on: bool,
        changes: u32,
    },
    PeerDegraded {
        on: bool,
        bad: u32,
        of: u32,
    },
    PeerConflict {
        conflict: Conflict,
    },
    /// An address in my list is myself; it is not watched.
    PeerIsSelf,
    PeerAdded,
    PeerRemoved {
        why: Removal,
    },
    /// A discovered peer answers at another address than before.
    PeerMoved {
        from: SocketAddr,
        to: SocketAddr,
    },
    /// I hear less than half of my peers; `unheard` are the others.
    SelfCutOff {
        heard: u32,
        expected: u32,
        unheard: Vec<PeerRef>,
    },
    /// I hear at least half of my peers again.
    SelfRejoined {
        cut_off_for: Duration,
    },
    /// This process did not run for `lost`.
    SelfStalled {
        lost: Duration,
    },
    SelfLeaving,
    /// What looking for peers behind names met with.
    Discovery(Finding),
    /// A peer, or this node itself, was put into maintenance, or for another reason than before.
    MaintenanceBegan {
        maintenance: Maintenance,
    },
    MaintenanceEnded {
        how: MaintenanceEnd,
    },
}

impl EventKind {
    /// Every name that [`EventKind::name`] can give, in the order of the variants.
    pub const NAMES: [&'static str; 28] = [
        "ping",
        "peer_joined",
        "peer_suspect",
        "peer_cleared",
        "peer_down",
        "peer_unreachable",
        "peer_recovered",
        "peer_restarted",
        "peer_left",
        "peer_returned",
        "peer_never_seen",
        "peer_flapping",
        "peer_degraded",
        "peer_conflict",
        "peer_is_self",
        "peer_added",
        "peer_removed",
        "peer_moved",
        "self_cut_off",
        "self_rejoined",
        "self_stalled",
        "self_leaving",
        "discovery_failed",
        "discovery_recovered",
        "discovery_full",
        "discovery_name_taken",
        "maintenance_began",
        "maintenance_ended",
    ];

    /// The key that logs, metrics and the API use. Stable between releases.
    pub fn name(&self) -> &'static str {
        match self {
            EventKind::PingEnded { .. } => "ping",
            EventKind::PeerJoined { .. } => "peer_joined",
            EventKind::PeerSuspect { .. } => "peer_suspect",
            EventKind::PeerCleared { .. } => "peer_cleared",
            EventKind::PeerDown { .. } => "peer_down",
            EventKind::PeerUnreachable { .. } => "peer_unreachable",
            EventKind::PeerRecovered { .. } => "peer_recovered",
            EventKind::PeerRestarted { .. } => "peer_restarted",
            EventKind::PeerLeft { .. } => "peer_left",
            EventKind::PeerReturned => "peer_returned",
            EventKind::PeerNeverSeen { .. } => "peer_never_seen",
            EventKind::PeerFlapping { .. } => "peer_flapping",
            EventKind::PeerDegraded { .. } => "peer_degraded",
            EventKind::PeerConflict { .. } => "peer_conflict",
            EventKind::PeerIsSelf => "peer_is_self",
            EventKind::PeerAdded => "peer_added",
            EventKind::PeerRemoved { .. } => "peer_removed",
            EventKind::PeerMoved { .. } => "peer_moved",
            EventKind::SelfCutOff { .. } => "self_cut_off",
            EventKind::SelfRejoined { .. } => "self_rejoined",
            EventKind::SelfStalled { .. } => "self_stalled",
            EventKind::SelfLeaving => "self_leaving",
            EventKind::Discovery(finding) => finding.name(),
            EventKind::MaintenanceBegan { .. } => "maintenance_began",
            EventKind::MaintenanceEnded { .. } => "maintenance_ended",
        }
    }

    /// Warn where somebody should look, info where something changed, debug
    /// for what comes and goes in a healthy mesh.
    pub fn level(&self) -> Level {
        match self {
            EventKind::PingEnded { .. }
            | EventKind::PeerSuspect { .. }
            | EventKind::PeerCleared { .. }
            // The list of peers and the reason for leaving stand in lines of the node itself.
            | EventKind::PeerAdded
            | EventKind::SelfLeaving => Level::Debug,
            EventKind::PeerJoined { .. }
            | EventKind::PeerRecovered { .. }
            | EventKind::PeerRestarted { .. }
            | EventKind::PeerLeft { .. }
            | EventKind::PeerReturned
            | EventKind::PeerIsSelf
            | EventKind::PeerRemoved { .. }
            | EventKind::PeerMoved { .. }
            | EventKind::SelfRejoined { .. }
            | EventKind::MaintenanceBegan { .. }
            => Level::Info,
            EventKind::MaintenanceEnded { how } => how.level(),
            EventKind::PeerFlapping { on, .. } | EventKind::PeerDegraded { on, .. } => {
                if *on {
                    Level::Warn
                } else {
                    Level::Info
                }
            }
            EventKind::PeerDown { .. }
            | EventKind::PeerUnreachable { .. }
            | EventKind::PeerNeverSeen { .. }
            | EventKind::PeerConflict { .. }
            | EventKind::SelfCutOff { .. }
            | EventKind::SelfStalled { .. }
            => Level::Warn,
            EventKind::Discovery(finding) => finding.level(),
        }
    }
}
