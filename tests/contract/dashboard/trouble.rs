//! Which node is the broken one: the queries behind "Who?" and behind the order
//! of the nodes.
//!
//! A link has two ends, and its observer cannot tell which of them fails. So the reports of
//! all observers of a peer are compared, and those of an observer that is cut off
//! count only where no other observer has a report: otherwise one node that hears nothing
//! would make all healthy nodes look bad.

use heartbeat::detector::peer::PeerState;
use heartbeat::testing::telemetry::catalogue::{
    PEER_EXPECTED, PEER_LAST_SUCCESS, PEER_STATE, PEER_STATE_CHANGED, PEER_UP, PEERS, PROCESS_START,
};

use super::query::{Of, SCRAPE, as_node, as_peer, credible, cut_off, links_down, ordered, scraped};
use super::words;

/// How many names fit into a tile.
const NAMES: u8 = 3;

/// Peers that said goodbye.
fn left(of: Of) -> String {
    format!("max by (peer) ({})", of.in_state(PeerState::Left))
}

/// The share of its observers that reach a peer, of those that expect it: a peer that said goodbye, or is due for
/// the first time, has none. Observers that are cut off expect no peer; where only they are left, a peer that they miss has zero.
fn share(of: Of, missed: Of) -> String {
    let sum = |metric: &str| format!("sum by (peer) ({})", credible(&of.series(metric)));
    let missed = format!("0 * max by (peer) ({})", missed.matching(PEER_STATE, r#"state=~"unreachable|dead""#));
    let missed = format!("({missed} unless on (peer) {})", left(of));
    format!("(clamp_max({} / ({} > 0), 1) or {missed})", sum(PEER_UP), sum(PEER_EXPECTED))
}

/// Peers that are down: no observer reaches them, and Prometheus does not scrape them. If it scrapes no node at all, every target.
fn down() -> String {
    let (lost, all) = (credible(&Of::Worst.lost()), credible(&Of::Worst.series(PEER_UP)));
    let by_none = format!("(count by (peer) ({lost}) == count by (peer) ({all}))");
    let silent = as_peer(&format!("max by (node) ({} unless on () {})", Of::Mesh.scrape(0), Of::Mesh.scrape(1)));
    format!("max by (peer) ({by_none} unless on (peer) {} or {silent})", scraped())
}

/// Nodes that run and do not hear peers that run: they miss more peers than are down.
pub fn apart() -> String {
    let missed = format!("sum by (node) ({})", Of::Mesh.matching(PEERS, r#"state=~"unreachable|dead""#));
    format!("({} and on (node) ({missed} > scalar(count({}) or vector(0))))", cut_off(), down())
}

/// Links that are down although both of their nodes are neither down nor cut off.
fn broken() -> String {
    let (down, apart) = (down(), as_peer(&cut_off()));
    format!("({} unless on (peer) {down} unless on (peer) {apart})", credible(&Of::Worst.lost()))
}

/// The nodes and links to look at: name, query and number of [`words::of_whom`] of each kind, the worst kind first.
///
/// Found among the worst nodes of the mesh, so the others are not counted: other tiles do.
pub fn who() -> [(&'static str, String); 5] {
    let named = |value: u8, set: &str| format!("topk({NAMES}, {value} + 0 * {set})");
    let (down, apart) = (down(), apart());
    let more = format!("{} + 0 * (count({down}) > {NAMES} or count({apart}) > {NAMES})", words::MORE);
    let fine = format!("0 * count({}) unless on () (({}) > 0)", Of::Mesh.scrape(1), links_down());
    [
        ("✗ {{peer}}", named(words::IS_DOWN, &down)),
        ("◌ {{node}}", named(words::IS_APART, &apart)),
        ("{{node}} ⇸ {{peer}}", named(words::A_LINK, &broken())),
        ("… and others", more),
        ("✓ no node", fine),
    ]
}

/// When the oldest of the present troubles began, in milliseconds since 1970; 0 without trouble. If no node
/// is scraped, the time of the last answer that any of them had.
pub fn since() -> String {
    let changed = format!("max by (node, peer) ({})", Of::Worst.series(PEER_STATE_CHANGED));
    let began = format!("min({changed} and on (node, peer) {})", Of::Worst.lost());
    let last = format!("max(last_over_time({}[$__range]))", Of::Worst.series(PEER_LAST_SUCCESS));
    let scraped = Of::Mesh.scrape(1);
    format!("1000 * ({began} or {last} unless on () {scraped} or 0 * count({scraped}))")
}

/// The share of its observers that reach a node.
pub fn reached_by() -> String {
    format!("max by (node) ({})", as_node(&share(Of::ToChosen, Of::Worst)))
}

/// How many peers a node reaches, as a share of what the best connected node reaches. Not of all peers:
/// a peer that is down says nothing about the nodes that cannot reach it.
pub fn reaches() -> String {
    let reached = |of: Of| format!("sum by (node) ({})", of.matching(PEERS, r#"state=~"alive|suspect""#));
    format!("{} / scalar(max({}) > 0) >= 0", reached(Of::Chosen), reached(Of::Mesh))
}

/// The worst of a number by link, by the node that is its peer.
pub fn worst_to(by_link: &str) -> String {
    format!("max by (node) ({})", as_node(&format!("max by (peer) ({by_link})")))
}

/// The share of the time range in which the node was reached, by the observer that watched it longest.
///
/// An average would count the time in which an observer was cut off against all of its peers. Time without an observer does not count.
pub fn available() -> String {
    let up = Of::ToChosen.series(PEER_UP);
    let over = |function: &str| format!("max by (peer) ({function}({up}[$__range]))");
    let share = format!("({} / {})", over("sum_over_time"), over("count_over_time"));
    format!("max by (node) ({}) and on () {}", as_node(&share), Of::Mesh.scrape(1))
}

/// When a node's process started, in milliseconds since 1970.
pub fn started() -> String {
    format!("1000 * max by (node) ({})", Of::Chosen.series(PROCESS_START))
}

/// How bad it is around a node: what its observers report counts most, then Prometheus, then what it reports of its peers.
/// `chosen` is the variable with the names.
pub fn trouble(chosen: &str) -> String {
    let of = |metric: &str, label: &str, more: &str| format!(r#"{metric}{{job=~"$job",{label}=~"{chosen}"{more}}}"#);
    let sum = |metric: &str| format!("sum by (peer) ({})", credible(&of(metric, "peer", "")));
    let to = format!("10 * clamp_min({} - {}, 0)", sum(PEER_EXPECTED), sum(PEER_UP));
    let from = format!("sum by (node) ({})", of(PEERS, "node", r#",state=~"unreachable|dead""#));
    format!("sum by (node) ({} or {from} or 1000 - 1000 * {})", as_node(&to), of(SCRAPE, "node", ""))
}

/// The order of the table: the worst first, equals by name.
pub fn rank() -> String {
    ordered(&trouble("$node"), &["node"])
}

/// Whether the observers of a peer reach it, see [`words::of_peers`]; only peers that were not reached all the time.
pub fn peer_by_all() -> String {
    let gone = format!("{} * {}", words::GONE_BY_ITSELF, left(Of::Peers));
    let ever = format!("min by (peer) (min_over_time({}[$__range] @ end())) == 0", Of::Peers.series(PEER_UP));
    ordered(&format!("(({gone} or {}) and on (peer) {ever})", share(Of::Peers, Of::Peers)), &["peer"])
}

/// The state of each link that was not alive all the time.
pub fn link_states() -> String {
    let alive = Of::Links.matching(PEER_STATE, r#"state="alive""#);
    let ever = format!("min by (node, peer) (min_over_time({alive}[$__range] @ end())) == 0");
    ordered(&format!("({} and on (node, peer) {ever})", Of::Links.state()), &["node", "peer"])
}
