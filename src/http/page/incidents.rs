//! What went wrong, an entry for each incident: the open ones first, each with
//! its story, when it began, how long it lasted, and which node reported it.
//!
//! The entries are the page's own type and not that of the store of
//! incidents, so that tests can show the page any of them. Open
//! and over differ by a mark and a word before they differ by colour.

use std::time::Duration;

use maud::{Markup, html};

use super::words::{ago, clock, cut, seconds, shown};

/// Entries on the page. The API has the rest.
pub(super) const INCIDENTS: usize = 12;
/// The most characters of a story that are shown: names make it long, and it may come from a peer.
const STORY_CHARS: usize = 400;

/// One incident, as an entry of the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncidentRow {
    pub open: bool,
    /// Wall time, RFC 3339.
    pub began: String,
    pub began_age: Duration,
    /// How long ago it ended; `None` while it is open.
    pub ended_age: Option<Duration>,
    /// The sharpest word for it so far: `down`, `split`, ...
    pub verdict: String,
    pub story: String,
    /// The peer that reported it; `None`: this node saw it.
    pub from: Option<String>,
}

/// The section, with a word of its own where there is nothing to list.
pub(super) fn section(incidents: &[IncidentRow]) -> Markup {
    html! {
        section #incidents aria-labelledby="incidents-title" {
            h2 #incidents-title { "Incidents" }
            @if incidents.is_empty() { p { "No incidents known to this node." } }
            ol { @for incident in incidents.iter().take(INCIDENTS) { (entry(incident)) } }
            @if incidents.len() > INCIDENTS { p { a href="./api/v1/incidents" { "older incidents" } } }
        }
    }
}

fn entry(incident: &IncidentRow) -> Markup {
    let lasted = incident.began_age.saturating_sub(incident.ended_age.unwrap_or_default());
    html! {
        li .open[incident.open] {
            b { span aria-hidden="true" { (if incident.open { "●" } else { "○" }) } " " (if incident.open { "open" } else { "over" }) }
            " " span title=(incident.verdict.replace('_', " ")) { (cut(&incident.story, STORY_CHARS)) }
            small {
                "began " time datetime=(incident.began) { (clock(&incident.began)) } ", " (ago(incident.began_age))
                @if !incident.open { ", over after " (seconds(lasted)) }
                @if let Some(from) = &incident.from { ", reported by " bdi { (shown(from)) } }
            }
        }
    }
}
