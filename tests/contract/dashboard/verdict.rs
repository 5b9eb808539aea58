//! The first row, which answers "is the mesh whole? who is it? since when?" for someone who has never
//! seen it. Each stat is a number for the whole mesh at this moment: the last
//! value of a graph would remain long after its nodes are gone.
//!
//! Six tiles of equal width, each with a title of one word, so that it is whole on a screen of 900 pixels.

use serde_json::json;

use super::panel::Panel;
use super::{query, trouble, words};

pub fn verdict() -> Vec<Panel> {
    [whole(), whom(), nodes(), links(), since(), firing()].map(|panel| panel.size(4, 5)).into()
}

fn whole() -> Panel {
    Panel::stat(
        "Mesh",
        "none",
        "Good: whole. Every expected node is up, and all reach each other both ways. \
         A link is down: one direction between two running nodes does not work. \
         A node is down: neither Prometheus nor any peer reaches it, and it did not say goodbye. \
         Cut into groups: nodes run and Prometheus scrapes them, but they do not reach each other.",
    )
    .words(words::of_the_mesh())
    .ask_now("mesh", &query::whole())
}

fn whom() -> Panel {
    let panel = Panel::stat(
        "Who?",
        "none",
        "Good: no node. ✗ is down: no observer reaches it. ◌ is cut off: it runs and does not hear peers that run. \
         ⇸ is a link that is down from the first to the second, while both run. At most three of each kind.",
    )
    .words(words::of_whom())
    .option("textMode", json!("name"))
    .option("orientation", json!("horizontal"))
    // Names of the same size, however many there are: Grafana would make four of them too small to read.
    .option("text", json!({ "titleSize": 18 }));
    trouble::who().into_iter().fold(panel, |panel, (name, query)| panel.ask_now(name, &query))
}

fn nodes() -> Panel {
    Panel::stat(
        "Nodes",
        "none",
        "Good: both numbers are equal. Up: Prometheus scrapes it or at least one peer reaches it. \
         Expected: those, and every node that a peer expects. A node that said goodbye is not expected.",
    )
    .two()
    .ask_now("up", &query::nodes_up())
    .ask_now("expected", &query::nodes_expected())
}

fn links() -> Panel {
    Panel::stat(
        "Links",
        "none",
        "Good: 0 down. A link is one direction, observer to peer, so three nodes have six. \
         Down: its observer reports the peer as unreachable, as dead (enough observers agree) or as never seen. Only observers that Prometheus scrapes are counted.",
    )
    .two()
    .ask_now("down", &query::links_down())
    .ask_now("all", &query::links())
}

fn since() -> Panel {
    Panel::stat(
        "Since",
        "dateTimeFromNow",
        "Good: no trouble. When the oldest of the links that are down now went down. If no node answers: \
         when the last of them had its last answer.",
    )
    .words(words::of_since())
    .colours(words::BAD, &[])
    .ask_now("since", &trouble::since())
}

fn firing() -> Panel {
    Panel::stat(
        "Alerts",
        "none",
        "Good: 0. Firing alerts of severity warning or critical. No data: Prometheus evaluates none of our rules.",
    )
    .colours(words::FINE, &[(1.0, words::BAD)])
    .ask_now("alerts", &query::alerts_firing())
}
