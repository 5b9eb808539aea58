//! The values that labels of metrics can have.

use crate::detector::evidence::{Class, Evidence};
use crate::detector::flaw::FlawKind;
use crate::detector::peer::{PeerState, Verdict};
use crate::mesh::event::NodeEvent;

/// What [`PING_FAILURES`](super::catalogue::PING_FAILURES) calls a ping that was out of time, whatever the last thing was that it showed.
pub const REASON_TIMEOUT: &str = "timeout";

pub(super) fn reasons() -> Vec<&'static str> {
    let failures = Evidence::ALL.into_iter().filter(|evidence| *evidence != Evidence::Answered);
    failures.map(Evidence::as_str).chain(FlawKind::ALL.map(FlawKind::as_str)).chain([REASON_TIMEOUT]).collect()
}

pub(super) fn results() -> Vec<&'static str> {
    Evidence::ALL.into_iter().map(Evidence::as_str).collect()
}

pub(super) fn states() -> Vec<&'static str> {
    PeerState::ALL.into_iter().map(PeerState::as_str).collect()
}

/// A restart is an event and never a node_status verdict.
pub(super) fn verdicts() -> Vec<&'static str> {
    Verdict::ALL.into_iter().filter(|verdict| *verdict != Verdict::Restarted).map(Verdict::as_str).collect()
}

pub(super) fn classes() -> Vec<&'static str> {
    Class::ALL.into_iter().map(Class::as_str).collect()
}

/// A ping is no event of the log; it has counters of its own.
pub(super) fn events() -> Vec<&'static str> {
    NodeEvent::names_of_changes().collect()
}
