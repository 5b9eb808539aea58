//! `/why/OBSERVER/PEER`: what one node says of its link to another, and on what evidence.
//!
//! The evidence of a link (single pings, witnesses, the rule that decided) is known to its observer alone. The node that
//! was asked gets it from there, and says so where it does not come.

use std::time::Duration;

use maud::{Markup, html};

use super::cell::{line, mark, said};
use super::strip::{legend, strip};
use super::todo;
use super::words::{Root, ago, cut, link, name, shown};
use crate::api::{PingBody, WhyBody};
use crate::mesh::{Cell, Member, MeshView, Row};
use crate::mesh_service::strips::Run;
use crate::render::round_trip;

/// Everything that the page of a link shows.
pub(super) struct WhyPage<'a> {
    pub mesh: &'a MeshView,
    pub observer: &'a Member,
    pub peer: &'a Member,
    pub strip: Vec<Run>,
    /// The evidence in a paragraph, and the last pings, newest first; `None`: the observer did not give it.
    pub evidence: Option<Evidence>,
}

/// The most characters of an explanation: it may come from a peer.
const EXPLANATION_CHARS: usize = 4000;

/// Pings in the table.
const PINGS_SHOWN: usize = 20;

/// What only the observer has.
pub(super) struct Evidence {
    pub explanation: String,
    pub pings: Vec<Ping>,
}

/// A ping that has ended.
pub(super) struct Ping {
    pub age: Duration,
    pub purpose: String,
    pub end: String,
    pub took: Option<Duration>,
}

impl From<WhyBody> for Evidence {
    fn from(body: WhyBody) -> Evidence {
        let ping = |ping: &PingBody| Ping {
            age: Duration::from_millis(ping.age_ms),
            purpose: ping.purpose.to_string(),
            end: match &ping.reason {
                Some(reason) => format!("{}: {reason}", ping.result).replace('_', " "),
                None => ping.result.to_string().replace('_', " "),
            },
            took: ping.took_ms.and_then(|ms| Duration::try_from_secs_f64(ms / 1000.0).ok()),
        };
        let pings = body.pings.iter().take(PINGS_SHOWN).map(ping).collect();
        Evidence { explanation: cut(&body.explanation, EXPLANATION_CHARS), pings }
    }
}

impl WhyPage<'_> {
    pub(super) fn sections(&self) -> Markup {
        let (observer, peer) = (self.observer, self.peer);
        let row = self.mesh.member(observer).map(|(_, row)| row);
        let cell = row.and_then(|row| Some((row, row.cell(peer)?)));
        html! {
            section #link aria-labelledby="link-title" {
                h2 #link-title { (name(observer)) " → " (name(peer)) }
                @match cell {
                    Some((row, cell)) => (verdict(row, cell)),
                    None => p { (name(observer)) " does not report a link to " (name(peer)) "." },
                }
                (strip(&self.strip))
                (legend())
                p {
                    "The other direction: "
                    @if let Some(href) = Root::Two.why(peer, observer) { a href=(href) { (name(peer)) " → " (name(observer)) } }
                    " Its ends: " (link(Root::Two, observer, 40)) " " (link(Root::Two, peer, 40))
                }
            }
            section #evidence aria-labelledby="evidence-title" {
                h2 #evidence-title { "Why" }
                @match &self.evidence {
                    Some(evidence) => (shown_evidence(evidence)),
                    None => p {
                        "Single pings, witnesses and the rule that decided are known to " (name(observer))
                        " alone, and it did not answer when it was asked for them. On its machine: "
                        code { "heartbeat why " (shown(peer.as_str())) }
                    },
                }
            }
            @if let Some((row, cell)) = cell { (facts(row, cell)) }
        }
    }
}

fn verdict(row: &Row, cell: &Cell) -> Markup {
    let status = row.link_status(cell);
    html! {
        p .verdict .(status.as_str()) .degraded[cell.degraded] { b aria-hidden="true" { (mark(status)) } " " (line(row, cell)) }
    }
}

fn facts(row: &Row, cell: &Cell) -> Markup {
    let time = |time: Option<Duration>| time.map_or_else(|| "never".to_owned(), ago);
    let facts = [
        ("state", cell.state.to_string()),
        ("for", crate::render::span(Duration::from_secs(cell.state_age.as_secs()))),
        ("verdict", cell.verdict.map_or("-".to_owned(), |verdict| verdict.as_str().replace('_', " "))),
        ("how it fails", cell.class.map_or("-".to_owned(), |class| class.to_string())),
        ("last answer", time(cell.last_answer)),
        ("last sign of life", time(cell.last_proof)),
        ("last round trip", cell.rtt.map_or("-".to_owned(), round_trip)),
        ("99 of 100 below", cell.rtt_p99.map_or("-".to_owned(), round_trip)),
        ("failed of the last ten", cell.loss.map_or("-".to_owned(), |loss| format!("{} %", loss / 10))),
        ("its pings arrive", if cell.pings_me { "yes" } else { "no" }.to_owned()),
        ("restarts seen", cell.restarts.to_string()),
        ("the report", said(row)),
    ];
    html! {
        section #figures aria-labelledby="figures-title" {
            h2 #figures-title { "Figures" }
            dl { @for (what, fact) in facts { dt { (what) } dd { (fact) } } }
        }
    }
}

fn shown_evidence(evidence: &Evidence) -> Markup {
    html! {
        (todo::of_node(None, Some(&evidence.explanation)))
        @if !evidence.pings.is_empty() {
            div .wide tabindex="0" role="region" aria-labelledby="evidence-title" {
                table {
                    thead { tr { @for title in ["sent", "why", "result", "took"] { th scope="col" { (title) } } } }
                    tbody {
                        @for ping in &evidence.pings {
                            tr { td { (ago(ping.age)) } td { (ping.purpose) } td { (ping.end) } td { (ping.took.map_or("-".to_owned(), round_trip)) } }
                        }
                    }
                }
            }
        }
    }
}
