//! The mesh as a drawing: nodes on a circle, a line for each link. Made here, without a library, for the page and for
//! `/mesh.svg`, which chats and wikis can show.
//!
//! A pair whose two directions agree is one line; else each direction is a bent arrow of its own. Good links are thin and
//! faint, so that a bad one is what the eye finds. States differ by width and dashes, nodes by shape and mark, before they
//! differ by colour. Colours are attributes, for readers of the file alone; the style sheet of the page replaces them.
//!
//! More nodes than [`GRAPH_MAX`] are a knot of lines, so there the file has a tile for each node instead.

use std::f64::consts::PI;

use maud::{Markup, html};

use super::cell::node_look;
use super::words::{Root, short, shown};
use crate::mesh::{LinkStatus, Member, MeshView, NodeStatus, Row};

/// Nodes up to which lines can be told apart.
pub(super) const GRAPH_MAX: usize = 12;
/// Characters of a name beside its node.
const LABEL_CHARS: usize = 15;
const WIDTH: f64 = 480.0;
const HEIGHT: f64 = 340.0;
const RADIUS: f64 = 125.0;
/// Of a node.
const NODE: f64 = 15.0;
/// Where the sentence stands above the drawing.
const HEAD: f64 = 70.0;
/// Characters in one line of it.
const HEAD_CHARS: usize = 48;
/// Tiles in one line of a large mesh, and their size.
const TILES: usize = 20;
const TILE: f64 = 22.0;

/// The colours of a class without a style sheet: the line, and the ground of a node.
fn colours(class: &str) -> (&'static str, &'static str) {
    match class {
        "good" => ("#0b5a8f", "#e3f0f9"),
        "bad" => ("#b83a00", "#fde3d6"),
        "doubt" => ("#8a6a00", "#fbf1cc"),
        _ => ("#6b757c", "#eceef0"),
    }
}

/// The drawing within the page.
pub(super) fn graph(view: &MeshView) -> Markup {
    html! {
        svg .graph viewBox={ "0 0 " (WIDTH) " " (depth(view.rows.len())) } role="group" aria-label="The same as a drawing" {
            (arrows())
            (drawing(view, true))
        }
    }
}

/// The drawing as a file of its own, with the headline and the numbers above it.
pub(super) fn file(view: &MeshView, headline: &str, counts: &str) -> String {
    let is_graph = view.rows.len() <= GRAPH_MAX;
    let rows = view.rows.len().div_ceil(TILES);
    let below =
        if is_graph { depth(view.rows.len()) } else { TILE * f64::from(u32::try_from(rows).unwrap_or(0)) + 20.0 };
    let height = HEAD + below;
    let svg = html! {
        svg xmlns="http://www.w3.org/2000/svg" viewBox={ "0 0 " (WIDTH) " " (height) } width=(WIDTH) height=(height) role="img" font-family="system-ui, sans-serif" {
            title { (headline) }
            desc { (counts) }
            rect width=(WIDTH) height=(height) fill="#fbfaf8" {}
            @for (at, text) in lines(headline).iter().enumerate() {
                text x="16" y=(if at == 0 { 24 } else { 44 }) font-size="17" font-weight="600" fill="#1d2327" { (text) }
            }
            text x="16" y="62" font-size="12" fill="#5c6770" { (counts) }
            g transform={ "translate(0 " (HEAD) ")" } {
                @if is_graph { (arrows()) (drawing(view, false)) } @else { (tiles(view)) }
            }
        }
    };
    svg.into_string()
}

/// A text in two lines, parted at a blank.
fn lines(text: &str) -> Vec<String> {
    if text.chars().count() <= HEAD_CHARS {
        return vec![text.to_owned()];
    }
    let limit = text.char_indices().nth(HEAD_CHARS).map_or(text.len(), |(at, _)| at);
    let at = text[..limit].rfind(' ').unwrap_or(limit);
    vec![text[..at].to_owned(), text[at..].trim_start().to_owned()]
}

fn arrows() -> Markup {
    html! {
        defs {
            @for class in ["good", "bad", "doubt", "unknown"] {
                marker id={ "arrow-" (class) } .arrow .(class) viewBox="0 0 8 8" refX="7" refY="4" markerWidth="9" markerHeight="9" markerUnits="userSpaceOnUse" orient="auto" {
                    path d="M0 0 8 4 0 8z" fill=(colours(class).0) {}
                }
            }
        }
    }
}

fn drawing(view: &MeshView, is_linked: bool) -> Markup {
    let mut edges = edges(view);
    // The worst are drawn last, over the others.
    edges.sort_by_key(|edge| edge.gravity());
    html! {
        g .edges fill="none" aria-hidden="true" { @for edge in &edges { (edge.draw(view.rows.len())) } }
        @for (at, status) in view.node_statuses.iter().enumerate() { (node(at, view.node_statuses.len(), status, is_linked)) }
    }
}

/// A line from one node to another, or (`is_both`) between them.
struct Edge {
    from: usize,
    to: usize,
    class: &'static str,
    is_both: bool,
}

impl Edge {
    fn gravity(&self) -> usize {
        ["unknown", "good", "doubt", "bad"].iter().position(|class| *class == self.class).unwrap_or(0)
    }

    fn draw(&self, nodes: usize) -> Markup {
        let ((x1, y1), (x2, y2)) = (spot(self.from, nodes, RADIUS), spot(self.to, nodes, RADIUS));
        let length = (x2 - x1).hypot(y2 - y1).max(1.0);
        let (along, across) = (((x2 - x1) / length, (y2 - y1) / length), ((y1 - y2) / length, (x2 - x1) / length));
        let (width, dashes) = match self.class {
            "bad" => ("2.5", None),
            "doubt" => ("2", Some("6 3")),
            "unknown" => ("1", Some("2 4")),
            _ => ("1", None),
        };
        let gap = NODE + 3.0;
        let (x1, y1, x2, y2) = (x1 + along.0 * gap, y1 + along.1 * gap, x2 - along.0 * gap, y2 - along.1 * gap);
        let bend = if self.is_both { 0.0 } else { (length * 0.12).min(18.0) };
        let (middle_x, middle_y) = ((x1 + x2) / 2.0 + across.0 * bend, (y1 + y2) / 2.0 + across.1 * bend);
        let path = format!("M{x1:.1} {y1:.1}Q{middle_x:.1} {middle_y:.1} {x2:.1} {y2:.1}");
        let head = (!self.is_both).then(|| format!("url(#arrow-{})", self.class));
        html! {
            path .(self.class) d=(path) stroke=(colours(self.class).0) stroke-width=(width) stroke-dasharray=[dashes] marker-end=[head] {}
        }
    }
}

/// One for each pair whose directions agree, else one for each direction that says something.
fn edges(view: &MeshView) -> Vec<Edge> {
    let mut edges = Vec::new();
    for (from, row) in view.rows.iter().enumerate() {
        for (to, other) in view.rows.iter().enumerate().skip(from + 1) {
            match (class(row, &other.observer), class(other, &row.observer)) {
                (None, None) => {}
                (there, back) if there == back => {
                    edges.extend(there.map(|class| Edge { from, to, class, is_both: true }));
                }
                // The end that is known says more than the one that is not.
                (Some(class), None | Some("unknown")) => edges.push(Edge { from, to, class, is_both: false }),
                (None | Some("unknown"), Some(class)) => edges.push(Edge { from: to, to: from, class, is_both: false }),
                (Some(there), Some(back)) => {
                    edges.push(Edge { from, to, class: there, is_both: false });
                    edges.push(Edge { from: to, to: from, class: back, is_both: false });
                }
            }
        }
    }
    edges
}

fn class(row: &Row, peer: &Member) -> Option<&'static str> {
    let cell = row.cell(peer)?;
    match row.link_status(cell) {
        LinkStatus::Good if cell.degraded => Some("doubt"),
        LinkStatus::Good => Some("good"),
        LinkStatus::Doubt => Some("doubt"),
        LinkStatus::Bad => Some("bad"),
        LinkStatus::Waiting | LinkStatus::Unknown => Some("unknown"),
        LinkStatus::Left => None,
    }
}

fn node(at: usize, nodes: usize, status: &NodeStatus, is_linked: bool) -> Markup {
    let (class, mark) = node_look(status);
    let (line, ground) = colours(class);
    let (x, y) = spot(at, nodes, RADIUS);
    let (label_x, label_y) = spot(at, nodes, RADIUS + NODE + 8.0);
    // From the middle of the label to the line that its letters stand on. Above and below a node it clears the corner of
    // a square.
    let (anchor, down) = match label_x - WIDTH / 2.0 {
        side if side > 20.0 => ("start", 4.0),
        side if side < -20.0 => ("end", 4.0),
        _ if label_y < y => ("middle", -3.0),
        _ => ("middle", 12.0),
    };
    let text = format!("{}: {}", shown(status.member.as_str()), status.verdict.as_str().replace('_', " "));
    let drawn = html! {
        title { (text) }
        (shape(class, x, y, line, ground))
        text .mark x=(num(x)) y=(num(y + 5.5)) text-anchor="middle" font-size="15" font-weight="700" fill=(line) aria-hidden="true" { (mark) }
        text .label x=(num(label_x)) y=(num(label_y + down)) text-anchor=(anchor) font-size="13" fill="#1d2327" { (short(status.member.as_str(), LABEL_CHARS)) }
    };
    html! {
        g .node .(class) {
            @if let (true, Some(href)) = (is_linked, Root::Here.node(&status.member)) {
                a href=(href) aria-label=(text) { (drawn) }
            } @else {
                (drawn)
            }
        }
    }
}

/// Round is good, a square on its corner is bad, a square is neither.
fn shape(class: &str, x: f64, y: f64, line: &str, ground: &str) -> Markup {
    let path = match class {
        "good" => format!(
            "M{} {}a{NODE} {NODE} 0 1 0 {} 0a{NODE} {NODE} 0 1 0 -{} 0z",
            num(x - NODE),
            num(y),
            NODE * 2.0,
            NODE * 2.0
        ),
        "bad" => {
            let reach = NODE * 1.3;
            format!("M{} {}l{reach} {reach}l-{reach} {reach}l-{reach} -{reach}z", num(x), num(y - reach))
        }
        _ => format!("M{} {}h{}v{}h-{}z", num(x - NODE), num(y - NODE), NODE * 2.0, NODE * 2.0, NODE * 2.0),
    };
    html! { path .shape d=(path) stroke=(line) fill=(ground) stroke-width=(if class == "bad" { "3" } else { "1.5" }) {} }
}

/// Where a node is on the circle; the first one is at the top.
fn spot(at: usize, nodes: usize, radius: f64) -> (f64, f64) {
    let part = |number: usize| f64::from(u32::try_from(number).unwrap_or(0));
    let angle = 2.0 * PI * part(at) / part(nodes.max(1)) - PI / 2.0;
    // Wider than high, so that names have room beside it.
    (WIDTH / 2.0 + radius * 1.05 * angle.cos(), HEIGHT / 2.0 + radius * angle.sin())
}

/// Down to the label of the lowest node.
fn depth(nodes: usize) -> f64 {
    let lowest = (0..nodes.max(1)).map(|at| spot(at, nodes, RADIUS).1).fold(0.0, f64::max);
    (lowest + NODE + 30.0).round()
}

fn num(value: f64) -> String {
    format!("{value:.1}")
}

fn tiles(view: &MeshView) -> Markup {
    let at = |number: usize| f64::from(u32::try_from(number).unwrap_or(0)) * TILE;
    html! {
        @for (number, status) in view.node_statuses.iter().enumerate() {
            @let (class, mark) = node_look(status);
            @let (line, ground) = colours(class);
            @let (x, y) = (at(number % TILES) + 16.0, at(number / TILES));
            g .node .(class) {
                title { (shown(status.member.as_str())) }
                rect x=(x) y=(y) width="18" height="18" fill=(if class == "bad" { line } else { ground }) stroke=(line) {}
                text x=(x + 9.0) y=(y + 14.0) text-anchor="middle" font-size="12" fill=(if class == "bad" { "#ffffff" } else { line }) { (mark) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawing_ends_below_its_lowest_node() {
        assert_eq!([3, 4, 12].map(depth), [278.0, 340.0, 340.0]);
    }

    #[test]
    fn a_headline_is_parted_at_a_blank() {
        assert_eq!(lines("all is well"), ["all is well"]);
        let text = "node-1 and node-2 hear nothing from node-3 and node-4: they are down, or cut off";
        assert_eq!(lines(text).join(" "), text);
        assert!(lines(text)[0].chars().count() <= HEAD_CHARS);
        assert_eq!(lines(&"א".repeat(90)).len(), 2);
    }
}
