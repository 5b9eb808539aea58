//! The fields of an event, for the log and for the API alike.
//!
//! Names carry their units (`rtt_s`), ages are seconds, sets are closed words.
//! What is absent is left out.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use serde_json::{Map, Value, json};

use crate::api::timestamp::rfc3339_before;
use crate::detector::discovery::{Finding, Removal};
use crate::detector::event::{Conflict, Doubt, EventKind, PeerRef, PingResult, Purpose};
use crate::detector::evidence::Evidence;
use crate::detector::peer::{NodeName, PeerState};
use crate::mesh::Member;
use crate::mesh::event::NodeEvent;
use crate::mesh::incident::{IncidentSummary, IncidentVerdict};
use crate::render::evidence_phrase;

pub(super) type Fields = Map<String, Value>;

/// The fields of `event`, seen at wall time `now`; it stands for `folded` equal ones before it.
pub(super) fn of(event: &NodeEvent, now: SystemTime, folded: u64) -> Fields {
    let mut fields = Fields::new();
    match event {
        NodeEvent::Detector(event) => {
            if let Some(peer) = &event.peer {
                about_peer(&mut fields, peer);
            }
            of_kind(&mut fields, &event.kind, now);
            // The words of the event say what was wrong with the answer, and so does its error.
            let invalid = fields.get("error").is_some_and(|error| error == evidence_phrase(Evidence::Invalid));
            if let Some(flaw) = event.peer.as_ref().and_then(|peer| peer.flaw.as_ref()).filter(|_| invalid) {
                set(&mut fields, "error", flaw.to_string());
            }
        }
        NodeEvent::Incident(event) => of_incident(&mut fields, event.change.incident(), now),
    }
    if folded > 0 {
        set(&mut fields, "folded", folded);
    }
    fields
}

fn about_peer(fields: &mut Fields, peer: &PeerRef) {
    if let Some(node) = &peer.node {
        set(fields, "peer_node", node.as_str());
    }
    if let Some(boot) = peer.boot {
        set(fields, "peer_boot", boot.to_string());
    }
    set(fields, "state", peer.state.as_str());
    set(fields, "status", status(peer.state));
}

/// The state, for a reader who has not read the documentation.
fn status(state: PeerState) -> &'static str {
    match state {
        PeerState::Joining => "unknown",
        PeerState::Alive | PeerState::Suspect => "online",
        PeerState::Unreachable => "unreachable",
        PeerState::Dead => "down",
        PeerState::Left => "left",
    }
}

fn of_kind(fields: &mut Fields, kind: &EventKind, now: SystemTime) {
    match kind {
        EventKind::PingEnded { purpose, result } => of_ping(fields, *purpose, *result),
        EventKind::PeerJoined { rtt } => round_trip(fields, *rtt),
        EventKind::PeerSuspect { doubt } => set(fields, "reason", doubt_word(*doubt)),
        EventKind::PeerCleared { suspect_for } => seconds(fields, "suspect_for_s", *suspect_for),
        EventKind::PeerDown { prev, verdict, class, evidence, silent_for, accusers: names }
        | EventKind::PeerUnreachable { prev, verdict, class, evidence, silent_for, witnesses: names } => {
            set(fields, "prev_state", prev.as_str());
            set(fields, "verdict", verdict.as_str());
            set(fields, "class", class.as_str());
            failure(fields, *evidence);
            silence(fields, *silent_for, now);
            let who = if matches!(kind, EventKind::PeerDown { .. }) { "accusers" } else { "witnesses" };
            set(fields, who, name_list(names));
        }
        EventKind::PeerRecovered { prev, outage, rtt } => {
            set(fields, "prev_state", prev.as_str());
            seconds(fields, "outage_s", *outage);
            round_trip(fields, *rtt);
        }
        EventKind::PeerRestarted { prev, old, new, silent_for } => {
            set(fields, "prev_state", prev.as_str());
            set(fields, "old_boot", old.to_string());
            set(fields, "new_boot", new.to_string());
            silence(fields, *silent_for, now);
        }
        EventKind::PeerLeft { prev, witness } => {
            set(fields, "prev_state", prev.as_str());
            set(fields, "witnesses", name_list(witness.as_slice()));
        }
        EventKind::PeerNeverSeen { waited, evidence } => {
            seconds(fields, "waited_s", *waited);
            evidence.iter().for_each(|evidence| failure(fields, *evidence));
        }
        EventKind::PeerFlapping { on, changes } => {
            set(fields, "on", *on);
            set(fields, "changes", *changes);
        }
        EventKind::PeerDegraded { on, bad, of } => {
            set(fields, "on", *on);
            set(fields, "bad", *bad);
            set(fields, "of", *of);
        }
        EventKind::PeerConflict { conflict } => of_conflict(fields, conflict),
        EventKind::PeerReturned | EventKind::PeerIsSelf | EventKind::PeerAdded => {}
        EventKind::PeerRemoved { why } => set(fields, "reason", removal_word(*why)),
        EventKind::PeerMoved { from, to } => of_move(fields, *from, *to),
        EventKind::SelfCutOff { .. }
        | EventKind::SelfRejoined { .. }
        | EventKind::SelfSlow { .. }
        | EventKind::SelfWell { .. }
        | EventKind::SelfStalled { .. }
        | EventKind::SelfLeaving
        | EventKind::MaintenanceBegan { .. }
        | EventKind::MaintenanceEnded { .. }
        | EventKind::Discovery(_) => of_node(fields, kind),
    }
}

/// What is about a node as a whole, this one or a peer; every other kind is about a link.
fn of_node(fields: &mut Fields, kind: &EventKind) {
    match kind {
        EventKind::SelfCutOff { heard, expected, unheard, no_network } => {
            set(fields, "heard", *heard);
            set(fields, "expected", *expected);
            if *no_network {
                set(fields, "reason", Evidence::NoNetwork.as_str());
            }
            set(fields, "unheard", unheard.iter().map(|peer| json!(&*peer.key.0)).collect::<Value>());
        }
        EventKind::SelfRejoined { cut_off_for } => seconds(fields, "cut_off_for_s", *cut_off_for),
        EventKind::SelfSlow { bad, expected } => {
            set(fields, "bad", *bad);
            set(fields, "expected", *expected);
        }
        EventKind::SelfWell { slow_for } => seconds(fields, "slow_for_s", *slow_for),
        EventKind::SelfStalled { lost } => seconds(fields, "lost_s", *lost),
        EventKind::SelfLeaving => {}
        EventKind::Discovery(finding) => of_finding(fields, finding),
        EventKind::MaintenanceBegan { maintenance } => {
            set(fields, "reason", maintenance.reason.as_str());
            seconds(fields, "for_s", maintenance.left);
        }
        EventKind::MaintenanceEnded { how } => set(fields, "reason", how.as_str()),
        _ => {}
    }
}

fn of_incident(fields: &mut Fields, incident: &IncidentSummary, now: SystemTime) {
    let list = |members: &[Member]| members.iter().map(Member::as_str).collect::<Value>();
    set(fields, "incident", incident.id);
    set(fields, "verdict", incident.verdict.as_str());
    set(fields, "nodes", list(&incident.nodes));
    if incident.verdict == IncidentVerdict::Split {
        set(fields, "sides", incident.sides.iter().map(|side| list(side)).collect::<Value>());
    }
    set(fields, "observers", list(&incident.observers));
    set(fields, "failures", incident.failures);
    if let Some(class) = incident.reason {
        set(fields, "class", class.as_str());
    }
    set(fields, "since", rfc3339_before(now, incident.began));
    seconds(fields, "lasted_s", incident.lasted());
}

fn of_finding(fields: &mut Fields, finding: &Finding) {
    match finding {
        Finding::Failed { name, error, known } => {
            set(fields, "name", name.to_string());
            set(fields, "error", &**error);
            set(fields, "known", *known);
        }
        Finding::Recovered { name, failed_for, failures, found } => {
            set(fields, "name", name.to_string());
            seconds(fields, "failed_for_s", *failed_for);
            set(fields, "folded", *failures);
            set(fields, "found", *found);
        }
        Finding::Full { listed, limit } => {
            set(fields, "listed", *listed);
            set(fields, "limit", *limit);
        }
        Finding::NameTaken { address, boot } => {
            if let Some(address) = address {
                set(fields, "address", address.to_string());
            }
            set(fields, "boot", boot.to_string());
        }
    }
}

fn removal_word(why: Removal) -> &'static str {
    match why {
        Removal::Unlisted => "unlisted",
        Removal::Left => "left",
        Removal::Dead => "dead",
    }
}

fn of_move(fields: &mut Fields, from: SocketAddr, to: SocketAddr) {
    set(fields, "from", from.to_string());
    set(fields, "to", to.to_string());
}

fn of_ping(fields: &mut Fields, purpose: Purpose, result: PingResult) {
    set(fields, "purpose", purpose.as_str());
    match result {
        PingResult::Success { rtt, .. } => round_trip(fields, Some(rtt)),
        PingResult::Failure { evidence, timed_out } => {
            failure(fields, evidence);
            set(fields, "timed_out", timed_out);
        }
    }
}

fn of_conflict(fields: &mut Fields, conflict: &Conflict) {
    match conflict {
        Conflict::OldBootReturned { boot, current } => {
            set(fields, "reason", "old_boot_returned");
            set(fields, "boot", boot.to_string());
            set(fields, "current_boot", current.to_string());
        }
        Conflict::WrongName { expected, declared } => {
            set(fields, "reason", "wrong_name");
            set(fields, "expected", expected.as_str());
            set(fields, "declared", declared.as_str());
        }
        Conflict::SharedAddress { known, declared } => {
            set(fields, "reason", "shared_address");
            set(fields, "known", known.as_str());
            set(fields, "declared", declared.as_str());
        }
        Conflict::SharedName { boot } => {
            set(fields, "reason", "shared_name");
            set(fields, "boot", boot.to_string());
        }
        Conflict::SameNode { other } => {
            set(fields, "reason", "same_node");
            set(fields, "other", &*other.0);
        }
        Conflict::LoneVouch { witness } => {
            set(fields, "reason", "lone_vouch");
            set(fields, "witness", witness.as_str());
        }
        Conflict::NameReserved { name, other } => {
            set(fields, "reason", "name_reserved");
            set(fields, "declared", name.as_str());
            set(fields, "other", &*other.0);
        }
    }
}

fn doubt_word(doubt: Doubt) -> &'static str {
    match doubt {
        Doubt::Failed => "failed",
        Doubt::Late => "late",
        Doubt::CheckFailed => "check_failed",
    }
}

fn failure(fields: &mut Fields, evidence: Evidence) {
    set(fields, "reason", evidence.as_str());
    set(fields, "error", evidence_phrase(evidence));
}

fn silence(fields: &mut Fields, silent_for: Duration, now: SystemTime) {
    set(fields, "since", rfc3339_before(now, silent_for));
    seconds(fields, "last_ping_seconds_ago", silent_for);
}

fn round_trip(fields: &mut Fields, rtt: Option<Duration>) {
    if let Some(rtt) = rtt {
        // Microseconds are all that a round trip is worth.
        set(fields, "rtt_s", rtt.as_micros() as f64 / 1e6);
    }
}

fn seconds(fields: &mut Fields, name: &str, time: Duration) {
    set(fields, name, time.as_millis() as f64 / 1e3);
}

fn name_list(names: &[NodeName]) -> Value {
    names.iter().map(NodeName::as_str).collect()
}

fn set(fields: &mut Fields, name: &str, value: impl Into<Value>) {
    fields.insert(name.to_owned(), value.into());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detector::event::Event;
    use crate::detector::evidence::Class;
    use crate::detector::peer::{BootId, PeerId, PeerKey, Verdict};
    use crate::detector::time::Monotonic;

    fn fields(kind: EventKind, state: PeerState) -> Value {
        let peer = PeerRef {
            id: PeerId(1),
            key: PeerKey("a:1".into()),
            node: Some(NodeName::new("a").unwrap()),
            boot: Some(BootId(255)),
            state,
            flaw: None,
        };
        let event = NodeEvent::Detector(Event { at: Monotonic(Duration::ZERO), peer: Some(peer), kind });
        Value::Object(of(&event, SystemTime::UNIX_EPOCH + Duration::from_secs(100), 3))
    }

    #[test]
    fn an_outage_says_everything_that_is_known() {
        let kind = EventKind::PeerDown {
            prev: PeerState::Suspect,
            verdict: Verdict::Down,
            class: Class::Gone,
            evidence: Evidence::Refused,
            silent_for: Duration::from_millis(1251),
            accusers: vec![NodeName::new("x").unwrap(), NodeName::new("y").unwrap()],
        };
        let expected = json!({
            "peer_node": "a", "peer_boot": "00000000000000ff", "state": "dead", "status": "down",
            "prev_state": "suspect", "verdict": "down", "class": "gone", "reason": "refused",
            "error": "connection refused", "since": "1970-01-01T00:01:38.749Z", "last_ping_seconds_ago": 1.251,
            "accusers": ["x", "y"], "folded": 3
        });
        assert_eq!(fields(kind, PeerState::Dead), expected);
    }

    #[test]
    fn a_round_trip_is_in_seconds() {
        let kind = EventKind::PeerJoined { rtt: Some(Duration::from_nanos(846_321)) };
        assert_eq!(fields(kind, PeerState::Alive)["rtt_s"], json!(0.000846));
        let kind = EventKind::PeerJoined { rtt: None };
        assert_eq!(fields(kind, PeerState::Alive)["rtt_s"], Value::Null);
    }
}
