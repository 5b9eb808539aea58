//! Every event in words: its message for people who search their logs, and one sentence that says what happened.
//!
//! A sentence about a peer names the peer first. A sentence about this node begins with its verb, because the reader
//! sees the node's name before it.

use std::time::Duration;

use super::phrase::{answered_in, evidence_phrase_of, failure_phrase_of, join_peers, listed};
use super::quantity::{round_trip, span};
use super::{discovery, incident, maintenance};
use crate::detector::event::{Conflict, Doubt, Event, EventKind, PeerRef, PingResult, Purpose};
use crate::detector::evidence::Evidence;
use crate::detector::flaw::Flaw;
use crate::detector::level::Level;
use crate::detector::peer::{NodeName, Verdict};
use crate::mesh::event::NodeEvent;
use crate::mesh::incident::IncidentChange;

/// All that a log line, an entry of the API or a line of the page says of an event, besides its fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// The stable name.
    pub name: &'static str,
    /// How loud the log line is.
    pub level: Level,
    /// The fixed text of a log line.
    pub message: &'static str,
    /// What happened, in one line without a full stop.
    pub sentence: String,
}

/// Any event in words.
pub fn describe(event: &NodeEvent) -> Description {
    let (message, sentence) = match event {
        NodeEvent::Detector(event) => (message(&event.kind), sentence(event)),
        NodeEvent::Incident(event) => match &event.change {
            IncidentChange::Opened(told) => {
                ("Incident opened", format!("incident {} opened: {}", told.id, incident::story(told)))
            }
            IncidentChange::Closed(told) => {
                ("Incident closed", format!("incident {} closed: {}", told.id, incident::story(told)))
            }
        },
    };
    Description { name: event.name(), level: event.level(), message, sentence }
}

/// The fixed text of a log line, the same for every event of a kind and
/// verdict: what changes from line to line is in the fields.
pub fn message(kind: &EventKind) -> &'static str {
    match kind {
        EventKind::PingEnded { result: PingResult::Success { .. }, .. } => "Ping answered",
        EventKind::PingEnded { result: PingResult::Failure { .. }, .. } => "Ping failed",
        EventKind::PeerJoined { .. } | EventKind::PeerRecovered { .. } => "Peer is online",
        EventKind::PeerSuspect { .. } => "Peer is suspect",
        EventKind::PeerCleared { .. } => "Suspicion cleared",
        EventKind::PeerDown { .. } | EventKind::PeerNeverSeen { .. } => "Peer unreachable",
        EventKind::PeerUnreachable { verdict, .. } => unreachable_message(*verdict),
        EventKind::PeerRestarted { .. } => "Peer restarted",
        EventKind::PeerLeft { .. } => "Peer left",
        EventKind::PeerReturned => "Peer returned",
        EventKind::PeerFlapping { on: true, .. } => "Peer is flapping",
        EventKind::PeerFlapping { on: false, .. } => "Peer is steady again",
        EventKind::PeerDegraded { on: true, .. } => "Peer is degraded",
        EventKind::PeerDegraded { on: false, .. } => "Peer answers well again",
        EventKind::PeerConflict { conflict: Conflict::SameNode { .. } } => "Peer is listed twice",
        EventKind::PeerConflict { conflict: Conflict::LoneVouch { .. } } => "One witness contradicts all others",
        EventKind::PeerConflict { .. } => "Peer identity conflict",
        EventKind::PeerIsSelf => "Peer is this node itself",
        EventKind::PeerAdded => "Peer added",
        EventKind::PeerRemoved { .. } => "Peer removed",
        EventKind::PeerMoved { .. } => "Peer has a new address",
        EventKind::SelfCutOff { .. } => "This node hears less than half of its peers",
        EventKind::SelfRejoined { .. } => "This node is no longer cut off",
        EventKind::SelfSlow { .. } => "This node is slow or loses its packets",
        EventKind::SelfWell { .. } => "This node is no longer slow",
        EventKind::SelfStalled { .. } => "This process was paused",
        EventKind::SelfLeaving => "Leaving",
        EventKind::Discovery(finding) => discovery::message(finding),
        EventKind::MaintenanceBegan { .. } => "Maintenance began",
        EventKind::MaintenanceEnded { how } => maintenance::ended_message(*how),
    }
}

fn unreachable_message(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::LinkBroken | Verdict::OneWay | Verdict::Restarted => "Link to peer is broken, the peer is alive",
        Verdict::Lossy => "Link to peer loses most packets",
        Verdict::Unverified => "Peer answers without the mesh key",
        Verdict::CutOff => "Peer not heard, it is down or this node is cut off",
        Verdict::Down | Verdict::Unconfirmed | Verdict::NeverSeen => "Peer unreachable",
    }
}

/// What happened, in one line without a full stop.
pub fn sentence(event: &Event) -> String {
    let named = event.peer.as_ref().map(PeerRef::display_name);
    let peer = named.unwrap_or("a peer");
    let key = event.peer.as_ref().map_or("its address", |peer| &peer.key.0);
    let flaw = event.peer.as_ref().and_then(|peer| peer.flaw.as_ref());
    match &event.kind {
        EventKind::PingEnded { purpose, result } => ping_sentence(peer, *purpose, *result, flaw),
        EventKind::PeerJoined { rtt } => format!("{peer} is online{}", answered_in(*rtt)),
        EventKind::PeerSuspect { doubt } => format!("{peer} is suspect: {}", doubt_phrase(*doubt)),
        EventKind::PeerCleared { suspect_for } => {
            format!("{peer} answered after all; was suspect for {}", span(*suspect_for))
        }
        EventKind::PeerDown { verdict, class, evidence, silent_for, accusers, .. } => {
            let why = format!("{}, last heard {} ago", failure_phrase_of(*class, *evidence, flaw), span(*silent_for));
            down_sentence(peer, *verdict, &why, accusers)
        }
        EventKind::PeerUnreachable { verdict, evidence, silent_for, witnesses, .. } => {
            unreachable_sentence(peer, *verdict, *evidence, *silent_for, witnesses)
        }
        EventKind::PeerRecovered { outage, rtt, .. } => {
            format!("{peer} is online again after {}{}", span(*outage), answered_in(*rtt))
        }
        EventKind::PeerRestarted { silent_for, .. } => {
            format!("{peer} restarted after {} of silence", span(*silent_for))
        }
        EventKind::PeerLeft { witness: None, .. } => format!("{peer} said goodbye and left"),
        EventKind::PeerLeft { witness: Some(witness), .. } => format!("{peer} left: it said goodbye to {witness}"),
        EventKind::PeerReturned => format!("{peer} is back after its goodbye"),
        EventKind::PeerNeverSeen { waited, evidence } => {
            let why = evidence.map(|e| format!(": {}", evidence_phrase_of(e, flaw))).unwrap_or_default();
            format!("{peer} has not answered once in {}{why}", span(*waited))
        }
        EventKind::PeerFlapping { on: true, changes } => {
            format!("{peer} is flapping: lost or restarted {changes} times within a minute")
        }
        EventKind::PeerFlapping { on: false, .. } => format!("{peer} is no longer flapping"),
        EventKind::PeerDegraded { on: true, bad, of } => {
            format!("{peer} is degraded: {bad} of its last {of} pings failed or were slow")
        }
        EventKind::PeerDegraded { on: false, bad, of } => {
            format!("{peer} is no longer degraded: {bad} of its last {of} pings failed or were slow")
        }
        EventKind::PeerConflict { conflict } => conflict_sentence(peer, key, conflict),
        EventKind::PeerIsSelf => format!("{peer} is this node itself and is not watched"),
        EventKind::PeerAdded => format!("now watching {peer}"),
        EventKind::PeerRemoved { why } => format!("no longer watching {peer}{}", discovery::removal_phrase(*why)),
        EventKind::PeerMoved { from, to } => format!("{peer} moved from {from} to {to}"),
        EventKind::SelfCutOff { unheard, no_network, .. } => cut_off_sentence(unheard, *no_network),
        EventKind::SelfRejoined { cut_off_for } => format!("is no longer cut off, after {}", span(*cut_off_for)),
        EventKind::SelfSlow { bad, expected } => slow_sentence(*bad, *expected),
        EventKind::SelfWell { slow_for } => format!("is no longer slow, after {}", span(*slow_for)),
        EventKind::SelfStalled { lost } => {
            format!("was paused for {}; judges no peer until it has pinged it again", span(*lost))
        }
        EventKind::SelfLeaving => "is leaving and says goodbye to its peers".to_owned(),
        EventKind::Discovery(finding) => discovery::sentence(finding),
        EventKind::MaintenanceBegan { maintenance } => maintenance::began_sentence(named, maintenance),
        EventKind::MaintenanceEnded { how } => maintenance::ended_sentence(named, *how),
    }
}

fn cut_off_sentence(unheard: &[PeerRef], no_network: bool) -> String {
    if no_network {
        return format!("this node has no network: it cannot send to {}", join_peers(unheard));
    }
    let they = if unheard.len() == 1 { "it is" } else { "they are" };
    format!("hears nothing from {}: {they} down, or this node is cut off", join_peers(unheard))
}

fn ping_sentence(peer: &str, purpose: Purpose, result: PingResult, flaw: Option<&Flaw>) -> String {
    let what = match purpose {
        Purpose::Scheduled => "ping",
        Purpose::Check => "check",
        Purpose::Witness => "witness check",
    };
    match result {
        PingResult::Success { rtt, .. } => format!("{what} of {peer} answered in {}", round_trip(rtt)),
        PingResult::Failure { evidence, timed_out: false } => {
            format!("{what} of {peer} failed: {}", evidence_phrase_of(evidence, flaw))
        }
        PingResult::Failure { evidence, timed_out: true } => {
            format!("{what} of {peer} failed, out of time: {}", evidence_phrase_of(evidence, flaw))
        }
    }
}

fn slow_sentence(bad: u32, expected: u32) -> String {
    format!("reads late or loses its packets: {bad} of its {expected} links are bad although the peers live")
}

fn down_sentence(peer: &str, verdict: Verdict, why: &str, accusers: &[NodeName]) -> String {
    let names = listed(accusers);
    match verdict {
        Verdict::Down if accusers.len() > 1 => format!("{peer} is down: {why}; {names} agree"),
        Verdict::Down if accusers.len() == 1 => format!("{peer} is down: {why}; reported by {names}"),
        Verdict::Down => format!("{peer} is down: {why}"),
        Verdict::Unconfirmed => {
            let says = match accusers.len() {
                0 => "; no observer is left to confirm it".to_owned(),
                1 => format!("; {names} is the only observer left"),
                _ => format!("; {names} are the only observers left"),
            };
            format!("{peer} may be down: {why}{says}")
        }
        Verdict::LinkBroken
        | Verdict::OneWay
        | Verdict::Lossy
        | Verdict::Unverified
        | Verdict::CutOff
        | Verdict::Restarted
        | Verdict::NeverSeen => {
            format!("{peer} is down ({verdict}): {why}")
        }
    }
}

fn unreachable_sentence(
    peer: &str,
    verdict: Verdict,
    evidence: Evidence,
    silent_for: Duration,
    witnesses: &[NodeName],
) -> String {
    let names = listed(witnesses);
    match verdict {
        Verdict::CutOff if evidence == Evidence::NoNetwork => {
            format!("{peer} has not been heard for {}: this node has no network", span(silent_for))
        }
        Verdict::LinkBroken => {
            let reach = match witnesses.len() {
                0 => "others reach it".to_owned(),
                1 => format!("{names} reaches it"),
                _ => format!("{names} reach it"),
            };
            format!("{peer} cannot be reached from here, but {reach}: the link is broken")
        }
        Verdict::OneWay => {
            format!("{peer} cannot be reached from here, but its own pings arrive: the link works one way only")
        }
        Verdict::Lossy => format!("{peer} answers few pings from here: the link loses most of its packets"),
        Verdict::Unverified => {
            format!("{peer} cannot be verified: what answers at its address does not use the mesh key of this node")
        }
        Verdict::CutOff => {
            format!("{peer} has not been heard for {}: it is down, or this node is cut off", span(silent_for))
        }
        Verdict::Restarted => {
            let by = if witnesses.is_empty() { String::new() } else { format!(" by {names}") };
            format!("{peer} cannot be reached from here, but was seen restarted{by}: the link is broken")
        }
        Verdict::Down | Verdict::Unconfirmed | Verdict::NeverSeen => {
            format!("{peer} cannot be reached from here ({verdict}), silent for {}", span(silent_for))
        }
    }
}

fn conflict_sentence(peer: &str, key: &str, conflict: &Conflict) -> String {
    match conflict {
        Conflict::SharedAddress { known, declared } => {
            let (one, other) = if known <= declared { (known, declared) } else { (declared, known) };
            format!("{key} is one address, two nodes: {one} and {other}; is a load balancer in between?")
        }
        Conflict::SharedName { .. } => {
            format!(
                "two nodes call themselves {peer}: this one and the one at {key}; give each a name of its own (--node)"
            )
        }
        Conflict::OldBootReturned { boot, current } => {
            format!("two nodes use the name {peer}: boot {boot} answered after {current} had replaced it")
        }
        Conflict::WrongName { expected, declared } => {
            format!("{peer} calls itself {declared}, but {expected} was expected: its answers do not count")
        }
        Conflict::SameNode { other } => format!("{peer} is the same node as {other} and is not watched twice"),
        Conflict::LoneVouch { witness } => {
            format!(
                "only {witness} reports that it reaches {peer}, for 1 min against all other observers: \
                 its report no longer counts; compare {witness} with the others"
            )
        }
        Conflict::NameReserved { name, other } => {
            format!("{peer} calls itself {name}, a name that the peer list keeps for {other}: its answers do not count")
        }
    }
}

fn doubt_phrase(doubt: Doubt) -> &'static str {
    match doubt {
        Doubt::Failed => "a ping failed",
        Doubt::Late => "its answer is late",
        Doubt::CheckFailed => "a check failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detector::discovery::{DnsName, Finding, Removal};
    use crate::detector::evidence::Class;
    use crate::detector::peer::{BootId, PeerId, PeerKey, PeerState};
    use crate::detector::time::Monotonic;
    use crate::mesh::event::IncidentEvent;
    use crate::mesh::incident::{IncidentSummary, IncidentVerdict};

    fn name(text: &str) -> NodeName {
        NodeName::new(text).unwrap()
    }

    fn event(kind: EventKind) -> Event {
        let about_self = kind.name().starts_with("self_") || kind.name().starts_with("discovery_");
        let peer = PeerRef {
            id: PeerId(0),
            key: PeerKey("localhost:8003".into()),
            node: Some(name("node-3")),
            boot: Some(BootId(7)),
            state: PeerState::Alive,
            flaw: None,
        };
        Event { at: Monotonic(Duration::ZERO), peer: (!about_self).then_some(peer), kind }
    }

    /// A peer that is called by its key, because it never said its name.
    fn unheard(key: &str) -> PeerRef {
        PeerRef {
            id: PeerId(9),
            key: PeerKey(key.into()),
            node: None,
            boot: None,
            state: PeerState::Suspect,
            flaw: None,
        }
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn down(verdict: Verdict, class: Class, evidence: Evidence, accusers: &[&str]) -> EventKind {
        let accusers = accusers.iter().map(|text| name(text)).collect();
        EventKind::PeerDown { prev: PeerState::Suspect, verdict, class, evidence, silent_for: ms(251), accusers }
    }

    fn unreachable(verdict: Verdict, witnesses: &[&str]) -> EventKind {
        EventKind::PeerUnreachable {
            prev: PeerState::Suspect,
            verdict,
            class: Class::Silent,
            evidence: Evidence::Silent,
            silent_for: ms(3000),
            witnesses: witnesses.iter().map(|text| name(text)).collect(),
        }
    }

    fn ping(purpose: Purpose, result: PingResult) -> EventKind {
        EventKind::PingEnded { purpose, result }
    }

    type Row = (EventKind, &'static str, Level, &'static str, &'static str);

    /// Every kind, and every case in which its words differ.
    fn table() -> Vec<Row> {
        let mut rows = happy_rows();
        rows.extend(broken_rows());
        rows.extend(flag_rows());
        rows.extend(self_rows());
        rows.extend(discovery_rows());
        rows.extend(maintenance_rows());
        rows
    }

    #[rustfmt::skip]
    fn happy_rows() -> Vec<Row> {
        use Level::{Debug, Info};
        let prev = PeerState::Suspect;
        vec![
            (ping(Purpose::Scheduled, PingResult::Success { rtt: ms(1), sampled: true }), "ping", Debug,
                "Ping answered", "ping of node-3 answered in 1.00 ms"),
            (ping(Purpose::Check, PingResult::Failure { evidence: Evidence::Refused, timed_out: false }), "ping", Debug,
                "Ping failed", "check of node-3 failed: connection refused"),
            (ping(Purpose::Witness, PingResult::Failure { evidence: Evidence::Stalled, timed_out: true }), "ping", Debug,
                "Ping failed", "witness check of node-3 failed, out of time: connected, but no answer"),
            (EventKind::PeerJoined { rtt: Some(ms(12)) }, "peer_joined", Info,
                "Peer is online", "node-3 is online, answered in 12.0 ms"),
            (EventKind::PeerSuspect { doubt: Doubt::Failed }, "peer_suspect", Debug,
                "Peer is suspect", "node-3 is suspect: a ping failed"),
            (EventKind::PeerSuspect { doubt: Doubt::Late }, "peer_suspect", Debug,
                "Peer is suspect", "node-3 is suspect: its answer is late"),
            (EventKind::PeerSuspect { doubt: Doubt::CheckFailed }, "peer_suspect", Debug,
                "Peer is suspect", "node-3 is suspect: a check failed"),
            (EventKind::PeerCleared { suspect_for: ms(300) }, "peer_cleared", Debug,
                "Suspicion cleared", "node-3 answered after all; was suspect for 0.3 s"),
            (EventKind::PeerRecovered { prev, outage: ms(130_500), rtt: None }, "peer_recovered", Info,
                "Peer is online", "node-3 is online again after 2 min 10 s"),
            (EventKind::PeerRestarted { prev, old: BootId(1), new: BootId(2), silent_for: ms(204) }, "peer_restarted", Info,
                "Peer restarted", "node-3 restarted after 0.2 s of silence"),
            (EventKind::PeerLeft { prev, witness: None }, "peer_left", Info,
                "Peer left", "node-3 said goodbye and left"),
            (EventKind::PeerLeft { prev, witness: Some(name("node-2")) }, "peer_left", Info,
                "Peer left", "node-3 left: it said goodbye to node-2"),
            (EventKind::PeerReturned, "peer_returned", Info, "Peer returned", "node-3 is back after its goodbye"),
            (EventKind::PeerAdded, "peer_added", Debug, "Peer added", "now watching node-3"),
            (EventKind::PeerRemoved { why: Removal::Unlisted }, "peer_removed", Info,
                "Peer removed", "no longer watching node-3"),
            (EventKind::PeerRemoved { why: Removal::Left }, "peer_removed", Info,
                "Peer removed", "no longer watching node-3: it left, and no name resolves to it any more"),
            (EventKind::PeerRemoved { why: Removal::Dead }, "peer_removed", Info,
                "Peer removed", "no longer watching node-3: it has been dead for long, and no name resolves to it any more"),
            (EventKind::PeerMoved { from: address(3), to: address(7) }, "peer_moved", Info,
                "Peer has a new address", "node-3 moved from 10.0.0.3:8001 to 10.0.0.7:8001"),
            (EventKind::PeerIsSelf, "peer_is_self", Info,
                "Peer is this node itself", "node-3 is this node itself and is not watched"),
        ]
    }

    #[rustfmt::skip]
    fn broken_rows() -> Vec<Row> {
        use Level::Warn;
        let (gone, refused) = (Class::Gone, Evidence::Refused);
        let broken = "Link to peer is broken, the peer is alive";
        vec![
            (down(Verdict::Down, gone, refused, &["node-1", "node-2"]), "peer_down", Warn, "Peer unreachable",
                "node-3 is down: connection refused (process gone), last heard 0.25 s ago; node-1 and node-2 agree"),
            (down(Verdict::Down, Class::Silent, Evidence::Silent, &["node-1"]), "peer_down", Warn, "Peer unreachable",
                "node-3 is down: its host does not respond (silent), last heard 0.25 s ago; reported by node-1"),
            (down(Verdict::Unconfirmed, Class::Stalled, Evidence::Stalled, &["node-1"]), "peer_down", Warn, "Peer unreachable",
                "node-3 may be down: it accepts connections but does not answer (stalled), last heard 0.25 s ago; node-1 is the only observer left"),
            (down(Verdict::Unconfirmed, Class::Stalled, Evidence::Invalid, &["node-1", "node-2"]), "peer_down", Warn, "Peer unreachable",
                "node-3 may be down: its answers are not valid (stalled), last heard 0.25 s ago; node-1 and node-2 are the only observers left"),
            (unreachable(Verdict::LinkBroken, &["node-2"]), "peer_unreachable", Warn, broken,
                "node-3 cannot be reached from here, but node-2 reaches it: the link is broken"),
            (unreachable(Verdict::LinkBroken, &["node-2", "node-4"]), "peer_unreachable", Warn, broken,
                "node-3 cannot be reached from here, but node-2 and node-4 reach it: the link is broken"),
            (unreachable(Verdict::OneWay, &[]), "peer_unreachable", Warn, broken,
                "node-3 cannot be reached from here, but its own pings arrive: the link works one way only"),
            (unreachable(Verdict::Restarted, &["node-2"]), "peer_unreachable", Warn, broken,
                "node-3 cannot be reached from here, but was seen restarted by node-2: the link is broken"),
            (unreachable(Verdict::CutOff, &[]), "peer_unreachable", Warn,
                "Peer not heard, it is down or this node is cut off",
                "node-3 has not been heard for 3 s: it is down, or this node is cut off"),
            (EventKind::PeerNeverSeen { waited: ms(10_000), evidence: Some(Evidence::Name) }, "peer_never_seen", Warn,
                "Peer unreachable", "node-3 has not answered once in 10 s: its name does not resolve"),
            (EventKind::PeerNeverSeen { waited: ms(10_000), evidence: None }, "peer_never_seen", Warn,
                "Peer unreachable", "node-3 has not answered once in 10 s"),
        ]
    }

    #[rustfmt::skip]
    fn flag_rows() -> Vec<Row> {
        use Level::{Info, Warn};
        vec![
            (EventKind::PeerFlapping { on: true, changes: 3 }, "peer_flapping", Warn,
                "Peer is flapping", "node-3 is flapping: lost or restarted 3 times within a minute"),
            (EventKind::PeerFlapping { on: false, changes: 0 }, "peer_flapping", Info,
                "Peer is steady again", "node-3 is no longer flapping"),
            (EventKind::PeerDegraded { on: true, bad: 4, of: 10 }, "peer_degraded", Warn,
                "Peer is degraded", "node-3 is degraded: 4 of its last 10 pings failed or were slow"),
            (EventKind::PeerDegraded { on: false, bad: 1, of: 10 }, "peer_degraded", Info,
                "Peer answers well again", "node-3 is no longer degraded: 1 of its last 10 pings failed or were slow"),
            (EventKind::PeerConflict { conflict: Conflict::OldBootReturned { boot: BootId(1), current: BootId(2) } },
                "peer_conflict", Warn, "Peer identity conflict",
                "two nodes use the name node-3: boot 0000000000000001 answered after 0000000000000002 had replaced it"),
            (EventKind::PeerConflict { conflict: Conflict::WrongName { expected: name("node-3"), declared: name("x") } },
                "peer_conflict", Warn, "Peer identity conflict",
                "node-3 calls itself x, but node-3 was expected: its answers do not count"),
            (EventKind::PeerConflict { conflict: Conflict::SharedAddress { known: name("m1"), declared: name("m2") } },
                "peer_conflict", Warn, "Peer identity conflict", "localhost:8003 is one address, two nodes: m1 and m2; is a load balancer in between?"),
            (EventKind::PeerConflict { conflict: Conflict::SharedName { boot: BootId(1) } },
                "peer_conflict", Warn, "Peer identity conflict", "two nodes call themselves node-3: this one and the one at localhost:8003; give each a name of its own (--node)"),
            (EventKind::PeerConflict { conflict: Conflict::SameNode { other: PeerKey("a:1".into()) } },
                "peer_conflict", Warn, "Peer is listed twice",
                "node-3 is the same node as a:1 and is not watched twice"),
            (EventKind::PeerConflict { conflict: Conflict::LoneVouch { witness: name("node-2") } },
                "peer_conflict", Warn, "One witness contradicts all others",
                "only node-2 reports that it reaches node-3, for 1 min against all other observers: its report no longer counts; compare node-2 with the others"),
            (EventKind::PeerConflict { conflict: Conflict::NameReserved { name: name("x"), other: PeerKey("x".into()) } },
                "peer_conflict", Warn, "Peer identity conflict",
                "node-3 calls itself x, a name that the peer list keeps for x: its answers do not count"),
        ]
    }

    #[rustfmt::skip]
    fn self_rows() -> Vec<Row> {
        use Level::{Info, Warn};
        let keys = |texts: &[&str]| texts.iter().map(|text| unheard(text)).collect();
        vec![
            (EventKind::SelfCutOff { heard: 0, expected: 2, unheard: keys(&["node-3", "node-4"]), no_network: false },
                "self_cut_off", Warn, "This node hears less than half of its peers",
                "hears nothing from node-3 and node-4: they are down, or this node is cut off"),
            (EventKind::SelfCutOff { heard: 0, expected: 10, unheard: keys(&["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"]), no_network: false },
                "self_cut_off", Warn, "This node hears less than half of its peers",
                "hears nothing from a, b, c, d, e, f, g, h and 2 more: they are down, or this node is cut off"),
            (EventKind::SelfRejoined { cut_off_for: ms(65_000) }, "self_rejoined", Info,
                "This node is no longer cut off", "is no longer cut off, after 1 min 5 s"),
            (EventKind::SelfSlow { bad: 28, expected: 49 }, "self_slow", Warn,
                "This node is slow or loses its packets",
                "reads late or loses its packets: 28 of its 49 links are bad although the peers live"),
            (EventKind::SelfWell { slow_for: ms(122_000) }, "self_well", Info,
                "This node is no longer slow", "is no longer slow, after 2 min 2 s"),
            (EventKind::SelfStalled { lost: ms(2300) }, "self_stalled", Warn,
                "This process was paused", "was paused for 2.3 s; judges no peer until it has pinged it again"),
            (EventKind::SelfLeaving, "self_leaving", Level::Debug, "Leaving", "is leaving and says goodbye to its peers"),
            (EventKind::Discovery(Finding::NameTaken { address: Some(address(7)), boot: BootId(9) }), "discovery_name_taken", Warn,
                "Another node has this node's name",
                "shares its name with another process, boot 0000000000000009 at 10.0.0.7:8001: give each node a name of its own"),
        ]
    }

    fn address(last: u8) -> core::net::SocketAddr {
        ([10, 0, 0, last], 8001).into()
    }

    #[rustfmt::skip]
    fn discovery_rows() -> Vec<Row> {
        use Level::{Info, Warn};
        let failed = |known| {
            EventKind::Discovery(Finding::Failed { name: nodes(), error: "Name or service not known".into(), known })
        };
        vec![
            (failed(0), "discovery_failed", Warn, "Peers cannot be looked up",
                "cannot look up dns+http://nodes:8001: Name or service not known; no address is known yet"),
            (failed(3), "discovery_failed", Warn, "Peers cannot be looked up",
                "cannot look up dns+http://nodes:8001: Name or service not known; continues with the last known addresses (3)"),
            (EventKind::Discovery(Finding::Recovered { name: nodes(), failed_for: ms(65_000), failures: 7, found: 3 }),
                "discovery_recovered", Info, "Peers can be looked up again",
                "can look up dns+http://nodes:8001 again after 1 min 5 s and 7 failed lookups: 3 found"),
            (EventKind::Discovery(Finding::Full { listed: 1100, limit: 1024 }), "discovery_full", Warn,
                "More peers than one node watches",
                "found 1100 addresses but watches at most 1024 peers: the others are not watched"),
        ]
    }

    fn nodes() -> DnsName {
        DnsName { host: "nodes".into(), port: 8001, tls: false }
    }

    #[test]
    fn incidents_have_words() {
        let told = |ended| IncidentSummary {
            id: 3,
            verdict: IncidentVerdict::Down,
            nodes: vec!["node-3".into()],
            sides: Vec::new(),
            observers: vec!["node-1".into(), "node-2".into()],
            began: ms(130_000),
            ended,
            failures: 1,
            reason: Some(Class::Gone),
        };
        let table = [
            (
                IncidentChange::Opened(told(None)),
                ("incident_opened", Level::Warn, "Incident opened"),
                "incident 3 opened: node-3 has been down for 2 min 10 s (connection refused); node-1 and node-2 agree",
            ),
            (
                IncidentChange::Closed(told(Some(ms(60_000)))),
                ("incident_closed", Level::Info, "Incident closed"),
                "incident 3 closed: node-3 was down for 1 min 10 s (connection refused); node-1 and node-2 agreed",
            ),
        ];
        assert_eq!(table.len(), IncidentChange::NAMES.len());
        for (change, (name, level, message), sentence) in table {
            let event = NodeEvent::Incident(IncidentEvent { at: Monotonic::default(), change });
            assert_eq!(describe(&event), Description { name, level, message, sentence: sentence.to_owned() });
        }
    }

    fn maintenance_rows() -> Vec<Row> {
        use crate::detector::maintenance::{Maintenance, MaintenanceEnd, MaintenanceReason};
        let reason = MaintenanceReason::new("new disk").unwrap();
        let ended = |how, level, message, text| {
            (EventKind::MaintenanceEnded { how }, "maintenance_ended", level, message, text)
        };
        vec![
            (
                EventKind::MaintenanceBegan { maintenance: Maintenance { reason, left: ms(1_800_000) } },
                "maintenance_began",
                Level::Info,
                "Maintenance began",
                "node-3 is in maintenance for at most 30 min: new disk",
            ),
            ended(MaintenanceEnd::Withdrawn, Level::Info, "Maintenance ended", "node-3 is no longer in maintenance"),
            ended(
                MaintenanceEnd::Expired,
                Level::Info,
                "Maintenance ended",
                "node-3 is no longer in maintenance: the announced time is over",
            ),
            ended(
                MaintenanceEnd::Overrun,
                Level::Warn,
                "Maintenance overrun",
                "node-3 is not back, although its maintenance should be over",
            ),
        ]
    }

    #[test]
    fn every_kind_has_its_words() {
        for (kind, name, level, line, text) in table() {
            let event = event(kind);
            assert_eq!(event.kind.name(), name, "{event:?}");
            assert_eq!(event.kind.level(), level, "{event:?}");
            assert_eq!(message(&event.kind), line, "{event:?}");
            assert_eq!(sentence(&event), text, "{event:?}");
        }
    }

    #[test]
    fn the_table_covers_every_name() {
        let tested: std::collections::BTreeSet<&str> = table().iter().map(|row| row.0.name()).collect();
        let known: std::collections::BTreeSet<&str> = EventKind::NAMES.iter().copied().collect();
        assert_eq!(tested, known);
        assert_eq!(known.len(), EventKind::NAMES.len(), "a name is listed twice");
    }

    #[test]
    fn a_peer_that_never_answered_is_called_by_its_key() {
        let mut event = event(EventKind::PeerAdded);
        event.peer.as_mut().unwrap().node = None;
        assert_eq!(sentence(&event), "now watching localhost:8003");
    }

    #[test]
    fn no_verdict_is_without_words() {
        for verdict in Verdict::ALL {
            for class in Class::ALL {
                let text = sentence(&event(down(verdict, class, Evidence::Silent, &[])));
                assert!(text.starts_with("node-3 is down") || text.starts_with("node-3 may be down"), "{text}");
                assert!(text.contains(class.as_str()), "{text}");
            }
            let text = sentence(&event(unreachable(verdict, &[])));
            assert!(text.starts_with("node-3 ") && !text.ends_with(['.', ' ']), "{text}");
        }
    }
}
