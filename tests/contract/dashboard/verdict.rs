//! The first row, which answers "is the mesh whole?" for someone who has never
//! seen it. Each stat is a number for the whole mesh at this moment: the last
//! value of a graph would remain long after its nodes are gone.

use serde_json::json;

use super::panel::Panel;
use super::{query, words};

/// One stat on each line.
pub fn verdict() -> Vec<Panel> {
    vec![
        whole().size(5, 4),
        nodes().size(3, 4),
        links().size(3, 4),
        groups().size(2, 4),
        incidents().size(3, 4),
        loss().size(3, 4),
        slowest().size(3, 4),
        firing().size(2, 4),
    ]
}

/// A number that is bad if it is not 0.
fn none_is_fine(panel: Panel) -> Panel {
    panel.colours(words::FINE, &[(1.0, words::BAD)])
}

fn whole() -> Panel {
    Panel::stat(
        "Is the mesh whole?",
        "none",
        "Good: whole. Every expected node is up, and all reach each other both ways. \
         A link is down: one direction between two running nodes does not work. \
         A node is down: neither Prometheus nor any peer reaches it, and it did not say goodbye. \
         Cut into groups: nodes run and Prometheus scrapes them, but they do not reach each other.",
    )
    .words(words::of_the_mesh())
    .ask_now("mesh", &query::whole())
}

fn nodes() -> Panel {
    Panel::stat(
        "Nodes",
        "none",
        "Good: both numbers are equal. Up: Prometheus scrapes it or at least one peer reaches it. \
         Expected: those, and every node that a peer expects. A node that said goodbye is not expected.",
    )
    .option("textMode", json!("value_and_name"))
    .option("orientation", json!("horizontal"))
    .option("colorMode", json!("none"))
    .ask_now("up", &query::nodes_up())
    .ask_now("expected", &query::nodes_expected())
}

fn links() -> Panel {
    let panel = Panel::stat(
        "Links down",
        "none",
        "Good: 0. A link is one direction, observer to peer, so three nodes have six. \
         The number counts links whose peer is unreachable, dead, or has not joined in time.",
    );
    none_is_fine(panel).ask_now("links", &query::links_down())
}

fn groups() -> Panel {
    Panel::stat(
        "Groups",
        "none",
        "Good: 1. Nodes that all reach each other both ways are one group; only nodes that Prometheus scrapes are counted. \
         2 is a split, or one node cut off. A single broken link leaves 1.",
    )
    .colours(words::FINE, &[(2.0, words::BAD)])
    .ask_now("groups", &query::groups())
}

fn incidents() -> Panel {
    let panel = Panel::stat(
        "Incidents",
        "none",
        "Good: 0. Open incidents, by the node that knows of most. A crash, a split and a broken link are one each; \
         the page of any node and `heartbeat incidents` describe them.",
    );
    none_is_fine(panel).ask_now("incidents", &query::incidents_open())
}

fn loss() -> Panel {
    Panel::stat(
        "Worst loss",
        "percentunit",
        "Good: 0 %. The share of failed pings on the worst link that is up. Above 5 %, check the loss row.",
    )
    .colours(words::FINE, &[(0.01, words::WARN), (0.05, words::BAD)])
    .over("15s")
    .ask_now("loss", &query::worst_loss())
}

fn slowest() -> Panel {
    Panel::stat(
        "Worst p99",
        "s",
        "Good: a few milliseconds inside one site. 99 of 100 round trips of the slowest link are faster. \
         From 250 ms on a ping counts as slow.",
    )
    .colours(words::FINE, &[(0.1, words::WARN), (0.25, words::BAD)])
    .over("15s")
    .ask_now("p99", &query::worst_round_trip())
}

fn firing() -> Panel {
    let panel = Panel::stat(
        "Alerts",
        "none",
        "Good: 0. The watchdog, which always fires to show that alerting works, is not counted. No data: Prometheus evaluates none of our rules.",
    );
    none_is_fine(panel).ask_now("alerts", &query::alerts_firing())
}
