//! The mesh as plain text, for chats, tickets and terminals: the sentence, then the matrix with one line for each
//! observer.
//!
//! A line stays one line whatever a name contains: characters that could move the cursor, change the writing
//! direction or break the table are replaced, and long names are shortened. A cell of an old row is in brackets, so
//! that it cannot be mistaken for current news.
//!
//! The commands use the same words for their tables ([`Entry`], [`said`] and [`short`]); they read the API, which may
//! hold a state that this version does not know.

use std::fmt::Write as _;
use std::time::Duration;

use super::mesh::{Severity, Summary};
use super::quantity::{round_trip, span};
use crate::mesh::{Cell, LinkStatus, Member, MeshView, Row, RowFreshness};

/// Members up to which there is a table; a wider one is unreadable. The same number up to which every node watches
/// every other.
pub const COLUMNS_MAX: usize = 32;
/// The characters shown of each end of a name that is too long for the table: generated names differ at their end.
const NAME_END_CHARS: usize = 11;

/// What a cell shows of a working link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Measurement {
    /// The last round trip.
    #[default]
    Last,
    /// The last one, and the 99th percentile.
    RoundTrips,
    /// Failed of the last ten scheduled pings.
    Loss,
}

/// One cell, from any source.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// What may be concluded from it.
    pub link_status: LinkStatus,
    /// The word of a state, also one that this version does not know.
    pub state: &'a str,
    /// The word of a verdict, where something is wrong.
    pub verdict: Option<&'a str>,
    /// The last round trip.
    pub rtt: Option<Duration>,
    /// 99th percentile of the last round trips.
    pub rtt_p99: Option<Duration>,
    /// In thousandths.
    pub loss: Option<u16>,
}

/// The whole text, with a line feed at its end. `asked` is the node that reports it.
pub fn text(view: &MeshView, summary: &Summary, asked: &Member) -> String {
    let mut text = format!("{}\n", printable(&summary.sentence));
    // One finding is the sentence itself.
    for finding in summary.findings.iter().filter(|finding| finding.text != summary.sentence) {
        let mark = match finding.weight {
            Severity::Fault => '!',
            Severity::Gap => '?',
            Severity::Note => '-',
        };
        let _ = writeln!(text, "{mark} {}", printable(&finding.text));
    }
    let _ = writeln!(text, "\nas reported by {}:", short(asked.as_str()));
    if view.rows.len() > COLUMNS_MAX {
        members(view, &mut text);
    } else {
        table(view, &mut text);
    }
    text
}

/// One line an observer, one column a peer.
fn table(view: &MeshView, text: &mut String) {
    let head = ["OBSERVER".to_owned(), "REPORTED".to_owned()];
    let mut lines =
        vec![head.into_iter().chain(view.rows.iter().map(|row| short(row.observer.as_str()))).collect::<Vec<_>>()];
    for row in &view.rows {
        let columns = view.rows.iter().map(|column| match row.cell(&column.observer) {
            _ if column.observer == row.observer => ".".to_owned(),
            Some(cell) => entry(row, cell),
            None if row.freshness == RowFreshness::Never => "?".to_owned(),
            None => "-".to_owned(),
        });
        lines.push(
            [short(row.observer.as_str()), said(row.freshness, row.stalled, row.as_of)]
                .into_iter()
                .chain(columns)
                .collect(),
        );
    }
    align(&lines, text);
}

/// A mesh that is too large for a table: one line a member.
fn members(view: &MeshView, text: &mut String) {
    let mut lines = vec![["NODE", "VERDICT", "REPORTED", "REACHED BY", "UNREACHABLE FROM"].map(str::to_owned).to_vec()];
    for (node_status, row) in view.node_statuses.iter().zip(&view.rows) {
        let verdict = node_status.verdict.as_str().replace('_', " ");
        let (reached, missed) = (node_status.reached_by.len().to_string(), node_status.missed_by.len().to_string());
        lines.push(vec![
            short(node_status.member.as_str()),
            verdict,
            said(row.freshness, row.stalled, row.as_of),
            reached,
            missed,
        ]);
    }
    align(&lines, text);
}

fn align(lines: &[Vec<String>], text: &mut String) {
    let columns = lines.first().map_or(0, Vec::len);
    let width = |at: usize| lines.iter().filter_map(|line| line.get(at)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|at| width(at).unwrap_or(0)).collect();
    for line in lines {
        let padded: Vec<String> = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        let _ = writeln!(text, "{}", padded.join("  ").trim_end());
    }
}

/// When an observer reported.
pub fn said(freshness: RowFreshness, stalled: bool, as_of: Option<Duration>) -> String {
    match (freshness, as_of) {
        (RowFreshness::Now, _) if stalled => "stalled".to_owned(),
        (RowFreshness::Now, _) => "now".to_owned(),
        (RowFreshness::Before, Some(age)) => format!("{} ago", span(tenths(age))),
        (RowFreshness::Before | RowFreshness::Never, _) => "never".to_owned(),
    }
}

/// Whole tenths of a second.
pub fn tenths(time: Duration) -> Duration {
    Duration::from_millis(u64::try_from(time.as_millis()).unwrap_or(u64::MAX) / 100 * 100)
}

fn entry(row: &Row, cell: &Cell) -> String {
    let entry = Entry {
        link_status: row.link_status(cell),
        state: cell.state.as_str(),
        verdict: cell.verdict.map(|verdict| verdict.as_str()),
        rtt: cell.rtt,
        rtt_p99: cell.rtt_p99,
        loss: cell.loss,
    };
    entry.text(Measurement::Last)
}

impl Entry<'_> {
    /// The cell in a few characters that cannot break a line.
    pub fn text(&self, figure: Measurement) -> String {
        let state = || short(self.state);
        match self.link_status {
            LinkStatus::Good => self.figure(figure).unwrap_or_else(|| "up".to_owned()),
            LinkStatus::Bad => self.verdict.map_or_else(state, short).replace('_', " "),
            LinkStatus::Doubt | LinkStatus::Waiting | LinkStatus::Left => state(),
            LinkStatus::Unknown => format!("({})", state()),
        }
    }

    fn figure(&self, figure: Measurement) -> Option<String> {
        match figure {
            Measurement::Last => self.rtt.map(round_trip),
            Measurement::RoundTrips => match (self.rtt.map(round_trip), self.rtt_p99.map(round_trip)) {
                (Some(last), Some(p99)) => Some(format!("{} / {p99}", last.trim_end_matches(" ms"))),
                (last, p99) => last.or(p99),
            },
            Measurement::Loss => self.loss.map(|loss| format!("{} %", loss / 10)),
        }
    }
}

/// A name in printable ASCII, its middle left out where it is long.
pub fn short(name: &str) -> String {
    let length = name.chars().count();
    if length <= 2 * NAME_END_CHARS + 2 {
        return printable(name);
    }
    let (first, last) = (name.chars().take(NAME_END_CHARS), name.chars().skip(length - NAME_END_CHARS));
    let (first, last): (String, String) = (first.collect(), last.collect());
    printable(&format!("{first}..{last}"))
}

/// Printable ASCII, and a question mark for everything else.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c == ' ' || c.is_ascii_graphic() { c } else { '?' }).collect()
}
