//! Who reaches whom: rows are observers, columns are peers, the worst of both first.
//!
//! Up to [`WORDS_MAX`] nodes a cell has a mark and a round trip. Up to [`SQUARES_MAX`] it is a square with a mark, and the
//! rest is its title, which the script shows on hover, focus and tap. A larger matrix is not readable; `blocks` stands
//! in for it.

use maud::{Markup, html};

use super::cell::{age, figure, line, mark, said, word};
use super::frame::wide;
use super::order::Place;
use super::words::{CELL_CHARS, Root, ago, link};
use crate::mesh::{Cell, LinkStatus, Row, RowFreshness};

/// Nodes up to which a cell has words.
pub(super) const WORDS_MAX: usize = 12;
/// Nodes up to which there is a matrix.
pub(super) const SQUARES_MAX: usize = 64;

/// The table, with a column for each of `peers` and a row for each of `observers`.
pub(super) fn matrix(observers: &[Place<'_>], peers: &[Place<'_>], is_small: bool) -> Markup {
    let table = html! {
        thead {
            tr {
                th scope="col" { "from ↓ to →" }
                @for peer in peers { th scope="col" { span { (link(Root::Here, peer.member(), CELL_CHARS)) } } }
            }
        }
        tbody { @for observer in observers { (row(observer.row, peers, is_small)) } }
    };
    wide("matrix-title", if is_small { "words" } else { "squares" }, &table)
}

/// The observers to show beside these peers: those that are bad themselves, and those that do not reach one of them.
pub(super) fn observers_of<'a>(places: &[Place<'a>], peers: &[Place<'a>]) -> Vec<Place<'a>> {
    let misses = |place: &&Place<'a>| {
        let status = |peer: &Place<'_>| place.row.cell(peer.member()).map(|cell| place.row.link_status(cell));
        place.is_bad() || peers.iter().any(|peer| status(peer) == Some(LinkStatus::Bad))
    };
    places.iter().filter(misses).copied().collect()
}

fn row(observer: &Row, peers: &[Place<'_>], is_small: bool) -> Markup {
    let is_current = observer.freshness == RowFreshness::Now && !observer.stalled;
    html! {
        tr .mute[!observer.speaks()] {
            th scope="row" {
                (link(Root::Here, &observer.observer, CELL_CHARS))
                @if is_small && !is_current { small title=(said(observer)) { (told(observer)) } }
            }
            @for peer in peers {
                @if *peer.member() == observer.observer {
                    td .self { span aria-label="itself" { "·" } }
                } @else if let Some(cell) = observer.cell(peer.member()) {
                    @if is_small { (words(observer, cell)) } @else { (square(observer, cell)) }
                } @else {
                    td .unknown { b { "?" } @if is_small { " " (if observer.freshness == RowFreshness::Never { "unknown" } else { "not listed" }) } }
                }
            }
        }
    }
}

/// When it reported its row, in as few characters as a column of names has room for.
fn told(row: &Row) -> String {
    match row.as_of {
        Some(age) if row.freshness == RowFreshness::Before => ago(age),
        _ => said(row),
    }
}

fn words(row: &Row, cell: &Cell) -> Markup {
    let link_status = row.link_status(cell);
    let figure = figure(row, cell);
    // A mark and a figure say "up"; a mark alone stands for a row that is not current, whose age says the rest.
    let is_plain =
        link_status == LinkStatus::Unknown || (link_status == LinkStatus::Good && !cell.degraded && figure.is_some());
    html! {
        td .(link_status.as_str()) .degraded[cell.degraded] .maintenance[cell.maintenance] title=(line(row, cell)) {
            (linked(row, cell, &html! {
                b aria-hidden="true" { (mark(link_status)) }
                @if is_plain { span .unseen { (word(row, cell)) } } @else { " " (word(row, cell)) }
                @if cell.flapping { " (flapping)" }
                @if cell.maintenance { " (maintenance)" }
                @if let Some(figure) = &figure { " " span .rtt { (figure) } }
            }))
            @if let (LinkStatus::Good, Some(age)) = (link_status, age(row, cell)) { small { (ago(age)) } }
        }
    }
}

/// Nothing but a mark. Only what is not good is a link: a thousand stops are no help to those who walk by keyboard, and
/// the script lets them walk through the squares with the arrow keys.
fn square(row: &Row, cell: &Cell) -> Markup {
    let link_status = row.link_status(cell);
    let is_plain = matches!(link_status, LinkStatus::Good | LinkStatus::Unknown | LinkStatus::Left) && !cell.degraded;
    html! {
        td .(link_status.as_str()) .degraded[cell.degraded] .maintenance[cell.maintenance] title=(line(row, cell)) {
            @if is_plain { (mark(link_status)) } @else { (linked(row, cell, &html! { (mark(link_status)) })) }
        }
    }
}

fn linked(row: &Row, cell: &Cell, text: &Markup) -> Markup {
    html! {
        @if let Some(href) = Root::Here.why(&row.observer, &cell.peer) { a href=(href) { (text) } } @else { (text) }
    }
}
