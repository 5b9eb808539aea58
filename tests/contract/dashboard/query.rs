//! The PromQL of the dashboard, put together from named parts, so that each
//! idea ("a link that is down", "Prometheus itself sees this node") is written
//! once and read by its name. [`super::trouble`] joins them to answers.
//!
//! Three rules hold for all queries. A sum that may be empty gets zeros to add, made
//! from series that exist: so a quiet mesh shows 0 and a mesh that is not scraped
//! shows "no data", which is not the same. A quotient is computed only where
//! its divisor is above zero. And a query over time reads the links of at most
//! [`super::variables::WORST`] nodes: a mesh of 100 has 9900 links, and a query that reads them all at
//! 180 moments takes longer than the page's refresh.

use heartbeat::detector::peer::PeerState;
use heartbeat::testing::telemetry::catalogue::{
    CUT_OFF, PEER_EXPECTED, PEER_STATE, PEER_UP, PEER_VERDICTS, PEERS, PING_DURATION, PINGS, PINGS_FAILED, STALLED,
};

use super::{trouble, words};

/// Written by Prometheus itself for each target: 1 if the last scrape succeeded.
pub const SCRAPE: &str = "up";
/// Written by Prometheus itself for each alert that is pending or firing.
const ALERTS: &str = "ALERTS";

/// The series that a panel selects.
#[derive(Clone, Copy)]
pub enum Of {
    /// The whole mesh, whatever the reader has selected: the first row must not hide anything.
    Mesh,
    /// The nodes that the reader has selected.
    Chosen,
    /// The links to the nodes that the reader has selected as nodes.
    ToChosen,
    /// The worst of the selected nodes.
    Nodes,
    /// All links to the worst of the selected peers.
    Peers,
    /// All links to the worst nodes of the whole mesh.
    Worst,
    /// The links from the worst of the selected nodes to the worst of the selected peers.
    Links,
}

impl Of {
    pub fn series(self, metric: &str) -> String {
        self.matching(metric, "")
    }

    /// With one more matcher.
    pub fn matching(self, metric: &str, matcher: &str) -> String {
        let chosen = match self {
            Of::Mesh => "",
            Of::Chosen => r#",node=~"$node""#,
            Of::ToChosen => r#",peer=~"$node""#,
            Of::Nodes => r#",node=~"$rows""#,
            Of::Peers => r#",peer=~"$columns""#,
            Of::Worst => r#",peer=~"$worst""#,
            Of::Links => r#",node=~"$rows",peer=~"$columns""#,
        };
        let comma = if matcher.is_empty() { "" } else { "," };
        format!(r#"{metric}{{job=~"$job"{chosen}{comma}{matcher}}}"#)
    }

    /// How fast a counter grows, per second.
    pub fn rate(self, counter: &str) -> String {
        format!("rate({}[$__rate_interval])", self.series(counter))
    }

    /// How much a counter has grown since the last value before, however long ago that was, up to one hour.
    ///
    /// A rate misses a growth that lies in a gap between scrapes: a process that was frozen for minutes reports the lost
    /// time in its first scrape after the gap, and no window has a value on both sides of it. A counter that has
    /// become smaller has begun again at zero.
    pub fn step(self, counter: &str, matcher: &str) -> String {
        let now = self.matching(counter, matcher);
        let before = format!("last_over_time({now}[1h] offset $__interval)");
        format!("({now} - {before} >= 0 or {now} < {before})")
    }

    /// Failed pings of all pings, per link that is up, as its observer reports it. Nothing where no ping ended.
    pub fn loss(self) -> String {
        let (failed, all) = (self.rate(PINGS_FAILED), self.rate(PINGS));
        let loss = format!("sum by (node, peer) ({failed}) / (sum by (node, peer) ({all}) > 0)");
        format!("{} and on (node, peer) {} == 1", by_scraped(&format!("({loss})")), self.series(PEER_UP))
    }

    /// A quantile of the round trips, per link that is up. Without a successful ping there is none, not even "not a number".
    pub fn round_trip(self, quantile: &str) -> String {
        let buckets = self.rate(&format!("{PING_DURATION}_bucket"));
        let quantile = format!("(histogram_quantile({quantile}, sum by (node, peer, le) ({buckets})) >= 0)");
        format!("{} and on (node, peer) {} == 1", by_scraped(&quantile), self.series(PEER_UP))
    }

    /// The links over which the observer does not reach an expected peer.
    ///
    /// By state and not by [`PEER_EXPECTED`]: a node that is cut off expects no peer, but its links are down.
    pub fn lost(self) -> String {
        let broken = self.matching(PEER_STATE, r#"state=~"unreachable|dead""#);
        let joining = self.matching(PEER_STATE, r#"state="joining""#);
        let expected = self.series(PEER_EXPECTED);
        format!("max by (node, peer) ({broken} == 1 or ({joining} == 1) and on (node, peer) ({expected} == 1))")
    }

    /// The links in this state.
    pub fn in_state(self, state: PeerState) -> String {
        format!("{} == 1", self.matching(PEER_STATE, &format!(r#"state="{}""#, state.as_str())))
    }

    /// The number for the state of each link, see [`words::code`].
    pub fn state(self) -> String {
        let state = |state: PeerState| {
            let series = self.matching(PEER_STATE, &format!(r#"state="{}""#, state.as_str()));
            format!("{} * {series}", words::code(state))
        };
        let states: Vec<String> = PeerState::ALL.into_iter().map(state).collect();
        format!("sum by (node, peer) ({})", states.join(" or "))
    }

    /// What a node reports about itself, or that Prometheus cannot scrape it, see [`words::of_nodes`].
    pub fn itself(self) -> String {
        let (stalled, cut_off) = (self.series(STALLED), self.series(CUT_OFF));
        let said = format!("{} + {stalled} + {} * {cut_off}", words::READY, words::CUT_OFF - words::READY);
        format!("max by (node) ({said}) or {} + max by (node) {}", words::UNSEEN, self.scrape(0))
    }

    /// Nodes whose last scrape succeeded (1) or failed (0).
    pub fn scrape(self, outcome: u8) -> String {
        format!("({} == {outcome})", self.series(SCRAPE))
    }
}

/// Only what observers report that Prometheus scrapes now: the last minute of one that has died is no report.
fn by_scraped(links: &str) -> String {
    format!("{links} and on (node) {}", Of::Mesh.scrape(1))
}

/// Nodes that report to be cut off: they hear fewer than half of their peers, so their reports prove nothing about these.
pub fn cut_off() -> String {
    format!("max by (node) ({} == 1)", Of::Mesh.series(CUT_OFF))
}

/// What observers report that are not cut off. If all of them are, what they report is all that is known.
pub fn credible(links: &str) -> String {
    let cut_off = cut_off();
    let others = format!("({} unless on (node) {cut_off})", Of::Mesh.scrape(1));
    format!("({links} unless on (node) ({cut_off} and on () {others}))")
}

/// Nodes that are up: those that Prometheus scrapes, and those that a node reaches.
pub fn nodes_up() -> String {
    let reached = format!("{} == 1", Of::Mesh.series(PEER_UP));
    format!("count({} or {}) or 0 * {}", by_peer(&reached), by_peer(&scraped()), targets())
}

/// Expected nodes: those that a node expects or misses, and those that Prometheus scrapes. A node that has left is not expected.
pub fn nodes_expected() -> String {
    let expected = format!("{} == 1", Of::Mesh.series(PEER_EXPECTED));
    let (missed, seen) = (by_peer(&Of::Worst.lost()), by_peer(&scraped()));
    format!("count({} or {missed} or {seen}) or {}", by_peer(&expected), targets())
}

/// Links that are down, by the count that each observer keeps. No zero without a node that Prometheus scrapes: then the
/// value is unknown.
pub fn links_down() -> String {
    let lost = Of::Mesh.matching(PEERS, r#"state=~"unreachable|dead""#);
    let never = Of::Mesh.matching(PEER_VERDICTS, r#"verdict="never_seen""#);
    format!("sum({lost}) + sum({never}) or 0 * count({})", Of::Mesh.scrape(1))
}

/// All links of the nodes that Prometheus scrapes, those to peers that said goodbye left out.
pub fn links() -> String {
    let all = Of::Mesh.matching(PEERS, r#"state!="left""#);
    format!("sum({all}) or 0 * count({})", Of::Mesh.scrape(1))
}

/// The number of groups among the nodes that Prometheus scrapes, where all nodes of a group reach each other both ways.
///
/// Each node counts for one part of its group: in a group of n each node reaches
/// n - 1 others and counts 1/n, so that a group adds up to 1. Links that are
/// missing inside a group make the sum somewhat larger, so it is rounded down, and the
/// thousandth is for six times a sixth.
///
/// Only the links that are down are turned round: they are few, and to rename the labels of all 9900 links of 100 nodes
/// takes longer than all else on the page. A link to a node that has no report is none, because the other way is not known.
pub fn groups() -> String {
    let there = Of::Mesh.series(PEER_UP);
    let both = format!(
        "({there} == 1) and on (peer) {} unless on (node, peer) {}",
        scraped(),
        swapped(&format!("({there} == 0)"))
    );
    let others = format!("sum by (node) ({both})");
    let alone = format!("0 * max by (node) {}", Of::Mesh.scrape(1));
    format!("floor(sum(1 / (1 + ({others} or {alone}))) + 0.001)")
}

/// One number for the whole mesh, see [`words::of_the_mesh`]: one bit for each kind of fault.
pub fn whole() -> String {
    let apart = format!("4 * ((count({}) or 0 * {}) > bool 0)", trouble::apart(), targets());
    let missing = format!("2 * (({}) - ({}) > bool 0)", nodes_expected(), nodes_up());
    let broken = format!("(({}) > bool 0)", links_down());
    format!("{apart} + {missing} + {broken} or {} + 0 * {}", words::NO_NODE, targets())
}

/// Firing alerts that ask for somebody: `info` and the watchdog, which always fires, do not. The watchdog provides the
/// zero: without it no rules are evaluated.
pub fn alerts_firing() -> String {
    let firing = alerts(r#"alertstate="firing",severity=~"warning|critical""#);
    format!("count({firing}) or 0 * count({})", watchdog(""))
}

/// Our alerts of this mesh that match.
pub fn alerts(matcher: &str) -> String {
    format!(r#"{ALERTS}{{alertname=~"Heartbeat.+",job=~"$job",{matcher}}}"#)
}

/// The alert that always fires. It is about Prometheus and not about a mesh, so it has no job.
pub fn watchdog(matcher: &str) -> String {
    let comma = if matcher.is_empty() { "" } else { "," };
    format!(r#"{ALERTS}{{alertname="HeartbeatWatchdog"{comma}{matcher}}}"#)
}

/// State by observer and peer, each node's own state on the diagonal, and "no report" along the row of a node that is not scraped.
pub fn matrix_of_states() -> String {
    let diagonal = on_the_diagonal(&Of::Nodes.itself());
    ordered(
        &format!("({} or {} + 0 * {} or {diagonal})", Of::Links.state(), words::NO_REPORT, pairs()),
        &["node", "peer"],
    )
}

/// A number by observer and peer. Cells without a number exist too, so that rows
/// and columns have the same order in every matrix.
pub fn matrix(of_links: &str) -> String {
    let down = format!("{} + 0 * {}", words::NO_LINK, Of::Links.lost());
    let diagonal = on_the_diagonal(&format!("NaN * max by (node) ({})", Of::Nodes.series(SCRAPE)));
    let nothing = format!("{} + 0 * {}", words::NO_NUMBER, pairs());
    ordered(&format!("({of_links} or {down} or {nothing} or {diagonal})"), &["node", "peer"])
}

/// Every observer with each of its peers; for an observer that Prometheus cannot scrape, its last known peers.
fn pairs() -> String {
    let silent = format!("max by (node) {}", Of::Nodes.scrape(0));
    let known = format!("last_over_time({}[$__range]) and on (node) {silent}", Of::Links.series(PEER_UP));
    format!("max by (node, peer) ({} or {known})", Of::Links.series(PEER_UP))
}

/// The same series with each of these labels once more, as `_node` for `node`, and the number at its end filled up with
/// zeros: so names sort as people count, 1, 2, 10. `_` comes before every letter, so Prometheus sorts by it first.
pub fn ordered(series: &str, labels: &[&str]) -> String {
    let with = |series: String, label: &&str| {
        let copy = |series: String, to: &str, from: &str| {
            format!(r#"label_replace({series}, "_{label}", "{to}", "{label}", "{from}")"#)
        };
        let whole = copy(series, "$1", "(.+)");
        let units = copy(whole, "${1}00$2", "(.*[^0-9])([0-9])");
        copy(units, "${1}0$2", "(.*[^0-9])([0-9]{2})")
    };
    labels.iter().fold(series.to_owned(), with)
}

/// Nodes that Prometheus scrapes, as peers.
pub fn scraped() -> String {
    as_peer(&Of::Mesh.scrape(1))
}

/// A set of nodes, as peers.
pub fn as_peer(nodes: &str) -> String {
    format!(r#"label_replace({nodes}, "peer", "$1", "node", "(.+)")"#)
}

/// A set of peers, as nodes.
pub fn as_node(peers: &str) -> String {
    format!(r#"label_replace({peers}, "node", "$1", "peer", "(.+)")"#)
}

fn by_peer(series: &str) -> String {
    format!("max by (peer) ({series})")
}

/// The number of targets, scraped or not: the source of zeros.
fn targets() -> String {
    format!("count({})", Of::Mesh.series(SCRAPE))
}

/// A number by node, as a number by node and peer where both are the node.
fn on_the_diagonal(by_node: &str) -> String {
    let column = Of::Peers.series(PEER_UP);
    format!(
        "({} and on (peer) ({column} or {}))",
        as_peer(by_node),
        as_peer(&Of::Mesh.matching(SCRAPE, r#"node=~"$columns""#))
    )
}

/// The same links, seen from the other end.
fn swapped(links: &str) -> String {
    let kept = format!(r#"label_replace({links}, "observer", "$1", "node", "(.+)")"#);
    let turned = as_node(&kept);
    format!(r#"label_replace({turned}, "peer", "$1", "observer", "(.+)")"#)
}
