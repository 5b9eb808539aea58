//! What one node says of its link to another, in a few characters: the same in the matrix, the squares and the pages.
//!
//! A cell never relies on its colour alone: it has a mark and a word or a figure. A row that is not current reads
//! "unknown" in every cell, whatever was reported last, because an old report proves nothing.

use std::time::Duration;

use super::words::{ago, shown};
use crate::mesh::{Cell, LinkStatus, MeshVerdict, NodeStatus, Row, RowFreshness};
use crate::render::round_trip;

/// A good answer older than this is shown with its age: three intervals of the slowest usual setting.
const STALE: Duration = Duration::from_secs(5);

/// Different shapes, for readers who cannot distinguish the colours.
pub(super) fn mark(link_status: LinkStatus) -> &'static str {
    match link_status {
        LinkStatus::Good => "✓",
        LinkStatus::Doubt => "~",
        LinkStatus::Bad => "✕",
        LinkStatus::Waiting => "…",
        LinkStatus::Left => "–",
        LinkStatus::Unknown => "?",
    }
}

/// The state in a word; a good link needs none where it has a figure.
pub(super) fn word(row: &Row, cell: &Cell) -> String {
    match row.link_status(cell) {
        LinkStatus::Good if cell.degraded => "degraded".to_owned(),
        LinkStatus::Good => "up".to_owned(),
        LinkStatus::Bad => cell.verdict.map_or(cell.state.as_str(), |verdict| verdict.as_str()).replace('_', " "),
        LinkStatus::Unknown => format!("was {}", cell.state),
        LinkStatus::Doubt | LinkStatus::Waiting | LinkStatus::Left => cell.state.to_string(),
    }
}

/// The last round trip in milliseconds, without the unit; only of a link that works.
pub(super) fn figure(row: &Row, cell: &Cell) -> Option<String> {
    let rtt = cell.rtt.filter(|_| row.link_status(cell).reaches()).map(round_trip)?;
    Some(rtt.trim_end_matches(" ms").to_owned())
}

/// How old the cell is, where that is not a matter of course.
pub(super) fn age(row: &Row, cell: &Cell) -> Option<Duration> {
    match row.link_status(cell) {
        LinkStatus::Unknown => row.as_of,
        LinkStatus::Bad => cell.last_answer,
        _ => cell.last_answer.filter(|age| *age >= STALE),
    }
}

/// The whole cell in a line, for hovering, tapping and listening: "a → b: up, 0.38 ms".
pub(super) fn line(row: &Row, cell: &Cell) -> String {
    let mut text = format!("{} → {}: {}", shown(row.observer.as_str()), shown(cell.peer.as_str()), word(row, cell));
    if let Some(figure) = figure(row, cell) {
        text = format!("{text}, {figure} ms");
    }
    for (is, word) in [(cell.flapping, "flapping"), (cell.maintenance, "maintenance")] {
        if is {
            text = format!("{text}, {word}");
        }
    }
    match (age(row, cell), row.link_status(cell)) {
        (None, _) => text,
        (Some(age), LinkStatus::Unknown) => format!("{text}, reported {}", ago(age)),
        (Some(age), _) => format!("{text}, last answer {}", ago(age)),
    }
}

/// When the observer reported its row.
pub(super) fn said(row: &Row) -> String {
    match (row.freshness, row.as_of) {
        (RowFreshness::Now, _) if row.stalled => "stalled".to_owned(),
        (RowFreshness::Now, _) => "reported just now".to_owned(),
        (RowFreshness::Before, Some(age)) => format!("reported {}", ago(age)),
        (RowFreshness::Before | RowFreshness::Never, _) => "no report yet".to_owned(),
    }
}

/// The class and the mark of a node by its verdict.
pub(super) fn node_look(status: &NodeStatus) -> (&'static str, &'static str) {
    match status.verdict {
        MeshVerdict::LinkBroken | MeshVerdict::OneWay | MeshVerdict::Lossy => ("doubt", "~"),
        verdict if verdict.is_bad() => ("bad", "✕"),
        MeshVerdict::Up | MeshVerdict::Restarted if status.is_doubtful() => ("doubt", "~"),
        MeshVerdict::Up | MeshVerdict::Restarted => ("good", "✓"),
        MeshVerdict::Left | MeshVerdict::Maintenance => ("left", "–"),
        _ => ("unknown", "?"),
    }
}
