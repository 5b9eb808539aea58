//! The nodes one by one, the worst first, each with its last 15 minutes.

use maud::{Markup, html};

use super::cell::node_look;
use super::frame::wide;
use super::order::Place;
use super::strip::{legend, strip};
use super::words::{CELL_CHARS, Root, ago, link, name, seconds};
use crate::detector::peer::SelfState;
use crate::mesh::{Member, NodeStatus, Row, RowFreshness};

/// The most names in one cell; where there are more, it says how many of how many.
const NAMES_SHOWN: usize = 3;
/// Nodes in the table; where there are more, those with trouble are, and the rest can be opened.
const OPEN_MAX: usize = 64;
/// Nodes that can be opened. The API has all.
const FOLDED_MAX: usize = 256;

/// The section.
pub(super) fn section(places: &[Place<'_>], only_bad: bool) -> Markup {
    let is_large = places.len() > OPEN_MAX;
    let (shown, rest): (Vec<&Place>, Vec<&Place>) =
        places.iter().partition(|place| place.is_bad() || !(is_large || only_bad));
    html! {
        section #nodes aria-labelledby="nodes-title" {
            h2 #nodes-title { "Nodes" }
            (legend())
            @if shown.is_empty() && is_large { p { "No node has trouble." } }
            @if !shown.is_empty() { (table(&shown)) }
            @if is_large && !only_bad && !rest.is_empty() {
                details #more-nodes {
                    summary { (rest.len()) " nodes without trouble" }
                    (table(&rest[..rest.len().min(FOLDED_MAX)]))
                }
            }
        }
    }
}

fn table(places: &[&Place<'_>]) -> Markup {
    let titles = ["node", "verdict", "last 15 minutes", "reached by", "unreachable from", "last report", "up for"];
    let table = html! {
        thead { tr { @for title in titles { th scope="col" { (title) } } } }
        tbody { @for place in places { (row(place)) } }
    };
    wide("nodes-title", "nodes", &table)
}

fn row(place: &Place<'_>) -> Markup {
    let (status, row) = (place.status, place.row);
    let (class, mark) = node_look(status);
    let others = status.reached_by.len() + status.missed_by.len() + status.unmet_by.len();
    html! {
        tr {
            th scope="row" { (link(Root::Here, &status.member, CELL_CHARS)) }
            td .(class) { b aria-hidden="true" { (mark) } " " (verdict(status)) }
            td .history { (strip(place.strip)) }
            td { (names(&status.reached_by, others)) }
            td { (names(&status.missed_by, others)) }
            td { (last_report(row)) }
            td .short { @if let (Some(up_for), RowFreshness::Now) = (row.up_for, row.freshness) { (seconds(up_for)) } @else { "-" } }
        }
    }
}

fn last_report(row: &Row) -> String {
    match (row.freshness, row.as_of) {
        (RowFreshness::Now, _) if row.stalled => "just now, was paused".to_owned(),
        (RowFreshness::Now, _) if row.state == Some(SelfState::Slow) => "just now, is slow".to_owned(),
        (RowFreshness::Now, _) => "just now".to_owned(),
        (RowFreshness::Before, Some(age)) => ago(age),
        (RowFreshness::Before | RowFreshness::Never, _) => "never".to_owned(),
    }
}

/// The verdict, and for how long.
pub(super) fn verdict(status: &NodeStatus) -> String {
    let since = status.silent_for.or(status.since).map(|time| format!(" for {}", seconds(time)));
    format!("{}{}", status.verdict.as_str().replace('_', " "), since.unwrap_or_default())
}

/// "a, b" or "33 of 35".
fn names(members: &[Member], of: usize) -> Markup {
    html! {
        @if members.is_empty() { "-" }
        @else if members.len() > NAMES_SHOWN { (members.len()) " of " (of) }
        @else {
            @for (place, member) in members.iter().enumerate() {
                @if place > 0 { ", " }
                (name(member))
            }
        }
    }
}
