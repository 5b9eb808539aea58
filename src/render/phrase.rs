//! Phrases that several sentences share: how a ping failed, lists of names.

use std::time::Duration;

use super::quantity::round_trip;
use crate::detector::event::PeerRef;
use crate::detector::evidence::{Class, Evidence};
use crate::detector::flaw::Flaw;
use crate::detector::peer::NodeName;
use crate::mesh::Member;

/// Names listed in a sentence before it says "and N more": a line must stay a line in a mesh of a thousand.
const LISTED_MAX: usize = 8;

/// How the peer fails. The class decides, the evidence sharpens it: a peer that
/// answers nonsense has the class of one that does not answer.
pub(super) fn failure_phrase(class: Class, evidence: Evidence) -> &'static str {
    match (class, evidence) {
        (Class::Gone, _) => "connection refused (process gone)",
        (Class::Silent, Evidence::NoNetwork) => "this node has no network",
        (Class::Silent, _) => "its host does not respond (silent)",
        (Class::Stalled, Evidence::Invalid) => "its answers are not valid (stalled)",
        (
            Class::Stalled,
            Evidence::Answered
            | Evidence::Refused
            | Evidence::Silent
            | Evidence::Stalled
            | Evidence::Name
            | Evidence::NoNetwork,
        ) => "it accepts connections but does not answer (stalled)",
    }
}

/// What usually causes that.
pub(super) fn usual_cause(class: Class) -> &'static str {
    match class {
        Class::Gone => "typical of a process that crashed or was killed",
        Class::Silent => "typical of a host that is off, or of a broken network",
        Class::Stalled => "typical of a process that is frozen or overloaded",
    }
}

/// How a victim of an incident failed, short enough for brackets.
pub(super) fn reason_phrase(reason: Class) -> &'static str {
    match reason {
        Class::Gone => "connection refused",
        Class::Silent => "no response from its host",
        Class::Stalled => "accepted connections without answering",
    }
}

/// What a ping showed, as the `error` of a log line says it.
pub fn evidence_phrase(evidence: Evidence) -> &'static str {
    match evidence {
        Evidence::Answered => "it answered",
        Evidence::Refused => "connection refused",
        Evidence::Silent => "no response from its host",
        Evidence::Stalled => "connected, but no answer",
        Evidence::Invalid => "its answer is not valid",
        Evidence::Name => "its name does not resolve",
        Evidence::NoNetwork => "this node has no network",
    }
}

/// The same; where the peer answered with something that is no answer of a node, what that was.
pub fn evidence_phrase_of(evidence: Evidence, flaw: Option<&Flaw>) -> String {
    match flaw.filter(|_| evidence == Evidence::Invalid) {
        Some(flaw) => flaw.to_string(),
        None => evidence_phrase(evidence).to_owned(),
    }
}

/// As [`failure_phrase`], with what was wrong with the answers.
pub(super) fn failure_phrase_of(class: Class, evidence: Evidence, flaw: Option<&Flaw>) -> String {
    match flaw.filter(|_| class == Class::Stalled && evidence == Evidence::Invalid) {
        Some(flaw) => format!("its answers are not valid: {flaw}"),
        None => failure_phrase(class, evidence).to_owned(),
    }
}

/// Members in a sentence.
pub(super) fn names(members: &[Member]) -> String {
    join_texts(members.iter().map(Member::as_str))
}

/// The same, of members that are held elsewhere.
pub(super) fn names_of(members: &[&Member]) -> String {
    join_texts(members.iter().map(|member| member.as_str()))
}

/// Names in a sentence: "node-1, node-2 and node-3".
pub fn join_names(names: &[String]) -> String {
    join_texts(names.iter().map(String::as_str))
}

pub(super) fn answered_in(rtt: Option<Duration>) -> String {
    rtt.map(|rtt| format!(", answered in {}", round_trip(rtt))).unwrap_or_default()
}

pub(super) fn listed(names: &[NodeName]) -> String {
    join_texts(names.iter().map(NodeName::as_str))
}

pub(super) fn join_peers(peers: &[PeerRef]) -> String {
    if peers.is_empty() { "its peers".to_owned() } else { join_texts(peers.iter().map(PeerRef::display_name)) }
}

/// "a, b, c", or "a, b and 7 more" where there are more than `most`: what may be typed next, not a part of a sentence.
pub fn first_of<'a>(texts: impl ExactSizeIterator<Item = &'a str>, most: usize) -> String {
    let more = texts.len().saturating_sub(most);
    let list = texts.take(most).collect::<Vec<_>>().join(", ");
    if more == 0 { list } else { format!("{list} and {more} more") }
}

/// "a", "a and b", "a, b and c", "a, b and 7 more".
pub fn join_texts<'a>(texts: impl ExactSizeIterator<Item = &'a str>) -> String {
    let more = texts.len().saturating_sub(LISTED_MAX);
    let texts: Vec<&str> = texts.take(LISTED_MAX).collect();
    match (texts.split_last(), more) {
        (None, _) => String::new(),
        (Some((only, [])), 0) => (*only).to_owned(),
        (Some((last, rest)), 0) => format!("{} and {last}", rest.join(", ")),
        (Some(_), more) => format!("{} and {more} more", texts.join(", ")),
    }
}
