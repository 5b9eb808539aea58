//! A mesh that is too large for a matrix: what is bad as a list, then a tile for each node, in blocks by the beginning of
//! their names.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::cell::{line, node_look};
use super::order::Place;
use super::words::{Root, shown};
use crate::mesh::MeshView;

/// Bad links in the list. Behind more than these stands a cause that the nodes show.
const LINKS_SHOWN: usize = 40;
/// Blocks; the nodes beyond share the last one.
const BLOCKS_MAX: usize = 24;

/// Both. `places` has the worst first.
pub(super) fn blocks(view: &MeshView, places: &[Place<'_>], only_bad: bool) -> Markup {
    html! {
        (bad_list(view, places))
        @if !only_bad { @for (prefix, members) in grouped(places) { (block(prefix, &members)) } }
    }
}

fn bad_list(view: &MeshView, places: &[Place<'_>]) -> Markup {
    let links = || places.iter().flat_map(|place| view.bad_links(place.row).map(|cell| (place.row, cell)));
    let count = links().count();
    html! {
        @if count > 0 {
            h3 { "Bad links between nodes that are up" }
            ul .links {
                @for (row, cell) in links().take(LINKS_SHOWN) {
                    li {
                        @if let Some(href) = Root::Here.why(&row.observer, &cell.peer) { a href=(href) { (line(row, cell)) } }
                        @else { (line(row, cell)) }
                    }
                }
                @if count > LINKS_SHOWN { li { (count - LINKS_SHOWN) " more" } }
            }
        }
    }
}

fn block(prefix: &str, members: &[Place<'_>]) -> Markup {
    let bad = members.iter().filter(|place| place.is_bad()).count();
    html! {
        div .block {
            h3 {
                bdi { (if prefix.is_empty() { "other names".to_owned() } else { format!("{}*", shown(prefix)) }) }
                small { " " (members.len()) " nodes, " (if bad == 0 { "all good".to_owned() } else { format!("{bad} with trouble") }) }
            }
            ul .tiles { @for place in members { li { (tile(place)) } } }
        }
    }
}

fn tile(place: &Place<'_>) -> Markup {
    let (class, mark) = node_look(place.status);
    let text = format!("{}: {}", shown(place.member().as_str()), place.status.verdict.as_str().replace('_', " "));
    html! {
        @if let Some(href) = Root::Here.node(place.member()) {
            a .tile .(class) href=(href) title=(text) aria-label=(text) { (mark) }
        } @else {
            span .tile .(class) title=(text) { (mark) }
        }
    }
}

/// Nodes by the beginning of their names, the blocks in order, the worst nodes of each first.
fn grouped<'a, 'b>(places: &'b [Place<'a>]) -> BTreeMap<&'a str, Vec<Place<'b>>>
where
    'a: 'b,
{
    let mut blocks: BTreeMap<&str, Vec<Place<'_>>> = BTreeMap::new();
    for place in places {
        let prefix = prefix(place.status.member.as_str());
        let has_room = blocks.len() < BLOCKS_MAX || blocks.contains_key(prefix);
        blocks.entry(if has_room { prefix } else { "" }).or_default().push(*place);
    }
    blocks
}

/// The part of a name that it shares with its siblings: all but the last part, or all but the number at its end.
fn prefix(name: &str) -> &str {
    let without_number = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let end = if without_number.len() < name.len() {
        without_number.len()
    } else {
        name.rfind(['-', '.', '_', ':']).map_or(0, |at| at + 1)
    };
    &name[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn siblings_share_the_beginning_of_their_names() {
        for (name, expected) in [
            ("node-7", "node-"),
            ("web12", "web"),
            ("heartbeat-7f9c6d-x2x5q", "heartbeat-7f9c6d-"),
            ("10.0.0.7", "10.0.0."),
            ("host-2:8001", "host-2:"),
            ("alice", ""),
            ("", ""),
            ("7", ""),
            ("א-ב", "א-"),
        ] {
            assert_eq!(prefix(name), expected, "{name}");
        }
    }
}
