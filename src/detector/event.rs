//! What the detector reports: one event for each change, never one for a
//! state that continues. A single function in `telemetry` turns each into one
//! log line and its metrics; the simulator prints the same sentences.

use core::net::SocketAddr;
use std::time::Duration;

pub use super::conflict::Conflict;
use super::discovery::finding::{Finding, Removal};
use super::evidence::{Class, Evidence};
use super::flaw::Flaw;
use super::level::Level;
use super::maintenance::{Maintenance, MaintenanceEnd};
use super::peer::{BootId, NodeName, PeerId, PeerKey, PeerState, Verdict};
use super::time::Monotonic;
use crate::closed_set::closed_set;

/// Something happened, at `at` on the machine's steady clock.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// When it was noticed.
    pub at: Monotonic,
    /// The peer it is about; `None` for events about this node.
    pub peer: Option<PeerRef>,
    /// What happened, and the figures that go with it.
    pub kind: EventKind,
}

/// A peer as events and views name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerRef {
    /// Its slot in this process.
    pub id: PeerId,
    /// What this process calls it in logs, labels and the API.
    pub key: PeerKey,
    /// The name it declared, once it has answered.
    pub node: Option<NodeName>,
    /// The life of it that answered last; `None` before the first answer.
    pub boot: Option<BootId>,
    /// The state after the event.
    pub state: PeerState,
    /// What was wrong with its last answer, if that was not one of a node.
    pub flaw: Option<Flaw>,
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
        /// The event stream ended, or an unknown node pinged, and the check that followed failed.
        CheckFailed = "check_failed",
    }
}

/// How one attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PingResult {
    /// `sampled`: the round trip fed the estimator (only scheduled pings on kept connections do).
    Success {
        /// From the moment the request was sent to the whole answer.
        rtt: Duration,
        /// It fed the estimator; only scheduled pings on kept connections do.
        sampled: bool,
    },
    /// No valid answer.
    Failure {
        /// What the network showed.
        evidence: Evidence,
        /// The time limit ended it, not the peer or its host.
        timed_out: bool,
    },
}

/// What happened, with what is needed to say it in a sentence.
#[derive(Clone, Debug, PartialEq)]
pub enum EventKind {
    /// An attempt ended. The only event that comes without a change.
    PingEnded {
        /// Why it was made.
        purpose: Purpose,
        /// How it ended.
        result: PingResult,
    },
    /// The first valid answer ever.
    PeerJoined {
        /// Of the ping that it answered; `None` when it was heard in another way first.
        rtt: Option<Duration>,
    },
    /// A ping failed or is late; a check has begun.
    PeerSuspect {
        /// What raised the suspicion.
        doubt: Doubt,
    },
    /// It answered in time after all.
    PeerCleared {
        /// How long the suspicion lasted.
        suspect_for: Duration,
    },
    /// Enough observers agree that this boot is gone, or none is left that could object.
    PeerDown {
        /// The state before.
        prev: PeerState,
        /// What the accusations and the witnesses together say.
        verdict: Verdict,
        /// How it fails.
        class: Class,
        /// What the last check showed.
        evidence: Evidence,
        /// Since its last proof of life.
        silent_for: Duration,
        /// The observers whose accusation counted, this node first.
        accusers: Vec<NodeName>,
    },
    /// This node cannot reach the peer, and it is not agreed that the peer is down.
    PeerUnreachable {
        /// The state before.
        prev: PeerState,
        /// Whose fault it is, as far as that is known.
        verdict: Verdict,
        /// How it fails.
        class: Class,
        /// What the last check showed.
        evidence: Evidence,
        /// Since its last answer to this node.
        silent_for: Duration,
        /// The nodes that reached it when they were asked.
        witnesses: Vec<NodeName>,
    },
    /// It answers again after `outage`, counted from its last proof of life before.
    PeerRecovered {
        /// The state before.
        prev: PeerState,
        /// From its last proof of life before to the answer.
        outage: Duration,
        /// Of the ping that it answered; `None` when it was heard in another way first.
        rtt: Option<Duration>,
    },
    /// A new boot answered under the old name.
    PeerRestarted {
        /// The state of the old boot.
        prev: PeerState,
        /// The boot that is gone.
        old: BootId,
        /// The boot that answered.
        new: BootId,
        /// From the last proof of life of the old boot to the first of the new one.
        silent_for: Duration,
    },
    /// It said goodbye, to me or to `witness`.
    PeerLeft {
        /// The state before.
        prev: PeerState,
        /// The node that heard the goodbye; `None` when this node did.
        witness: Option<NodeName>,
    },
    /// It said goodbye and then `ready` again, in the same life.
    PeerReturned,
    /// It has not answered within the time that a start may take.
    PeerNeverSeen {
        /// Since it was first expected.
        waited: Duration,
        /// What the last check showed; `None` before one ended.
        evidence: Option<Evidence>,
    },
    /// It was lost or restarted three times within a minute, or has been stable for a minute since. Repeated once a
    /// minute while it goes on.
    PeerFlapping {
        /// It began; `false`: it ended.
        on: bool,
        /// How many times it became down or unreachable or restarted since it was reported last.
        changes: u32,
    },
    /// Too many of its last ten pings failed or were slow, or no longer do.
    PeerDegraded {
        /// It began; `false`: it ended.
        on: bool,
        /// Failed or slow ones among the last `of`.
        bad: u32,
        /// Scheduled pings that were counted.
        of: u32,
    },
    /// Its answer contradicts what is known of it or of another peer.
    PeerConflict {
        /// What contradicts what.
        conflict: Conflict,
    },
    /// An address in my list is myself; it is not watched.
    PeerIsSelf,
    /// Discovery found it; it is watched from now on.
    PeerAdded,
    /// Discovery no longer names it; it is no longer watched.
    PeerRemoved {
        /// What became of it.
        why: Removal,
    },
    /// A discovered peer answers at another address than before.
    PeerMoved {
        /// The address that was pinged until now.
        from: SocketAddr,
        /// The address that is pinged from now on.
        to: SocketAddr,
    },
    /// I hear less than half of my peers; `unheard` are the others.
    SelfCutOff {
        /// Peers that are heard.
        heard: u32,
        /// Peers that should be.
        expected: u32,
        /// The peers that are missing.
        unheard: Vec<PeerRef>,
        /// Nothing could be sent: this machine has no way to them.
        no_network: bool,
    },
    /// I hear at least half of my peers again, or no half is left that I could miss.
    SelfRejoined {
        /// How long it lasted.
        cut_off_for: Duration,
    },
    /// Most of my links are bad although their peers live: it is this node that reads late or loses its packets.
    SelfSlow {
        /// Peers whose links are bad although they live.
        bad: u32,
        /// Peers that count.
        expected: u32,
    },
    /// My links are well again.
    SelfWell {
        /// How long it lasted.
        slow_for: Duration,
    },
    /// This process did not run for `lost`.
    SelfStalled {
        /// Time that is not counted against any peer.
        lost: Duration,
    },
    /// This node stops and says goodbye to its peers.
    SelfLeaving,
    /// What looking for peers behind names met with.
    Discovery(Finding),
    /// A peer, or this node itself, was put into maintenance, or for another reason than before.
    MaintenanceBegan {
        /// Its reason, and how long it will last.
        maintenance: Maintenance,
    },
    /// The maintenance of a peer or of this node is over.
    MaintenanceEnded {
        /// Ended by an operator or by its time.
        how: MaintenanceEnd,
    },
}

/// The name of each kind. What a lookup or a probe found has names of its own.
macro_rules! names {
    (
        $($Kind:ident = $name:literal,)+; Discovery = [$($finding:literal),+]; $($Later:ident = $later:literal,)+
    ) => {
        impl EventKind {
            /// Every name that [`EventKind::name`] can give.
            pub const NAMES: &[&str] = &[$($name,)+ $($finding,)+ $($later),+];

            /// The key that logs, metrics and the API use. Stable between releases.
            pub fn name(&self) -> &'static str {
                match self {
                    $(EventKind::$Kind { .. } => $name,)+
                    EventKind::Discovery(finding) => finding.name(),
                    $(EventKind::$Later { .. } => $later,)+
                }
            }
        }
    };
}

names! {
    PingEnded = "ping",
    PeerJoined = "peer_joined",
    PeerSuspect = "peer_suspect",
    PeerCleared = "peer_cleared",
    PeerDown = "peer_down",
    PeerUnreachable = "peer_unreachable",
    PeerRecovered = "peer_recovered",
    PeerRestarted = "peer_restarted",
    PeerLeft = "peer_left",
    PeerReturned = "peer_returned",
    PeerNeverSeen = "peer_never_seen",
    PeerFlapping = "peer_flapping",
    PeerDegraded = "peer_degraded",
    PeerConflict = "peer_conflict",
    PeerIsSelf = "peer_is_self",
    PeerAdded = "peer_added",
    PeerRemoved = "peer_removed",
    PeerMoved = "peer_moved",
    SelfCutOff = "self_cut_off",
    SelfRejoined = "self_rejoined",
    SelfSlow = "self_slow",
    SelfWell = "self_well",
    SelfStalled = "self_stalled",
    SelfLeaving = "self_leaving",
    ;
    Discovery = ["discovery_failed", "discovery_recovered", "discovery_full", "discovery_name_taken"];
    MaintenanceBegan = "maintenance_began",
    MaintenanceEnded = "maintenance_ended",
}

impl EventKind {
    /// Warn for what needs attention, info for a change, debug
    /// for what is normal in a healthy mesh.
    pub fn level(&self) -> Level {
        match self {
            EventKind::PingEnded { .. }
            | EventKind::PeerSuspect { .. }
            | EventKind::PeerCleared { .. }
            // The list of peers and the reason for leaving are in log lines of the node itself.
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
            | EventKind::SelfWell { .. }
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
            | EventKind::SelfSlow { .. }
            | EventKind::SelfStalled { .. }
            => Level::Warn,
            EventKind::Discovery(finding) => finding.level(),
        }
    }
}
