//! The PromQL of the dashboard, put together from named parts, so that each
//! idea ("a link that is down", "Prometheus itself sees this node") is written
//! once and read by its name.
//!
//! Two rules hold for all queries. A sum that may be empty gets zeros to add, made
//! from series that exist: so a quiet mesh shows 0 and a mesh that is not scraped
//! shows "no data", which is not the same. And a quotient is computed only where
//! its divisor is above zero.

use heartbeat::detector::peer::PeerState;
use heartbeat::testing::telemetry::catalogue::{
    CUT_OFF, INCIDENTS_OPEN, PEER_EXPECTED, PEER_STATE, PEER_UP, PING_DURATION, PINGS, PINGS_FAILED, STALLED,
};

use super::words;

/// Written by Prometheus itself for each target: 1 if the last scrape succeeded.
const SCRAPE: &str = "up";
/// Written by Prometheus itself for each alert that is pending or firing.
const ALERTS: &str = "ALERTS";

/// The series that a panel selects.
#[derive(Clone, Copy)]
pub enum Of {
    /// The whole mesh, whatever the reader has selected: the first rows must not hide anything.
    Mesh,
    /// The nodes that the reader has selected.
    Nodes,
    /// The links from the selected nodes to the selected peers.
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
            Of::Nodes => r#",node=~"$node""#,
            Of::Links => r#",node=~"$node",peer=~"$peer""#,
        };
        let comma = if matcher.is_empty() { "" } else { "," };
        format!(r#"{metric}{{job=~"$job"{chosen}{comma}{matcher}}}"#)
    }

    /// How fast a counter grows, per second.
    pub fn rate(self, counter: &str) -> String {
        format!("rate({}[$__rate_interval])", self.series(counter))
    }

    /// Failed pings of all pings, per link. Nothing where no ping ended.
    pub fn loss(self) -> String {
        let (failed, all) = (self.rate(PINGS_FAILED), self.rate(PINGS));
        format!("sum by (node, peer) ({failed}) / (sum by (node, peer) ({all}) > 0)")
    }

    /// A quantile of the round trips, per link. Without a successful ping there is none, not even "not a number".
    pub fn round_trip(self, quantile: &str) -> String {
        let buckets = self.rate(&format!("{PING_DURATION}_bucket"));
        format!("histogram_quantile({quantile}, sum by (node, peer, le) ({buckets})) >= 0")
    }

    /// 1 for each link over which the observer does not reach an expected peer, else 0.
    ///
    /// By state and not by [`PEER_EXPECTED`]: a node that is cut off expects no peer, but its links are down.
    pub fn broken(self) -> String {
        let broken = self.matching(PEER_STATE, r#"state=~"unreachable|dead""#);
        let joining = self.matching(PEER_STATE, r#"state="joining""#);
        let overdue = format!("{joining} * on (node, peer) group_left () {}", self.series(PEER_EXPECTED));
        format!("sum by (node, peer) ({broken} or {overdue})")
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
    fn scrape(self, outcome: u8) -> String {
        format!("({} == {outcome})", self.series(SCRAPE))
    }
}

/// Nodes that are up: those that Prometheus scrapes, and those that a node reaches.
pub fn nodes_up() -> String {
    let reached = format!("{} == 1", Of::Mesh.series(PEER_UP));
    format!("count({} or {}) or 0 * {}", by_peer(&reached), by_peer(&scraped()), targets())
}

/// Expected nodes: those that a node expects, and those that Prometheus scrapes. A node that has left is not expected.
pub fn nodes_expected() -> String {
    let expected = format!("{} == 1", Of::Mesh.series(PEER_EXPECTED));
    let down = format!("{} == 1", Of::Mesh.broken());
    let seen = by_peer(&scraped());
    format!("count({} or {} or {seen}) or {}", by_peer(&expected), by_peer(&down), targets())
}

/// The zero of a node without peers. No zero without a node that Prometheus scrapes: then the value is unknown.
pub fn links_down() -> String {
    format!("sum({}) or 0 * count({})", Of::Mesh.broken(), Of::Mesh.scrape(1))
}

/// The number of groups among the nodes that Prometheus scrapes, where all nodes of a group reach each other both ways.
///
/// Each node counts for one part of its group: in a group of n each node reaches
/// n - 1 others and counts 1/n, so that a group adds up to 1. Links that are
/// missing inside a group make the sum somewhat larger, so it is rounded down, and the
/// thousandth is for six times a sixth.
pub fn groups() -> String {
    let joining = Of::Mesh.matching(PEER_STATE, r#"state="joining""#);
    let there = format!("({} + on (node, peer) {joining})", Of::Mesh.series(PEER_UP));
    let back = swapped(&there);
    let others = format!("sum by (node) ({there} * on (node, peer) {back})");
    let alone = format!("0 * max by (node) {}", Of::Mesh.scrape(1));
    format!("floor(sum(1 / (1 + ({others} or {alone}))) + 0.001)")
}

/// One number for the whole mesh, see [`words::of_the_mesh`]: one bit for each kind of fault.
pub fn whole() -> String {
    let apart = format!("4 * ({} > bool 1)", groups());
    let missing = format!("2 * (({}) - ({}) > bool 0)", nodes_expected(), nodes_up());
    let broken = format!("(({}) > bool 0)", links_down());
    format!("{apart} + {missing} + {broken} or {} + 0 * {}", words::NO_NODE, targets())
}

/// The worst of the links that are up; another panel counts those that are down.
pub fn worst_loss() -> String {
    format!("max(({}) and on (node, peer) {} == 1)", Of::Mesh.loss(), Of::Mesh.series(PEER_UP))
}

pub fn worst_round_trip() -> String {
    format!("max({})", Of::Mesh.round_trip("0.99"))
}

/// Open incidents. Each node counts those that it knows, so the maximum is the best estimate.
pub fn incidents_open() -> String {
    format!("max({})", Of::Mesh.series(INCIDENTS_OPEN))
}

/// Firing alerts. The watchdog, which always fires, provides the zero: without it no rules are evaluated.
pub fn alerts_firing() -> String {
    let firing = alerts(r#"alertstate="firing",alertname!="HeartbeatWatchdog""#);
    format!(r#"count({firing}) or 0 * count({ALERTS}{{alertname="HeartbeatWatchdog"}})"#)
}

/// Our alerts that match. Rules may drop the label `job`, so it is not matched.
pub fn alerts(matcher: &str) -> String {
    let comma = if matcher.is_empty() { "" } else { "," };
    format!(r#"{ALERTS}{{alertname=~"Heartbeat.+"{comma}{matcher}}}"#)
}

/// State by observer and peer, each node's own state on the diagonal, and "no report" along the row of a node that is not scraped.
pub fn matrix_of_states() -> String {
    let diagonal = on_the_diagonal(&Of::Mesh.itself());
    format!("{} or {} + 0 * {} or {diagonal}", Of::Mesh.state(), words::NO_REPORT, pairs())
}

/// A number by observer and peer. Cells without a number exist too, so that rows
/// and columns have the same order in every matrix.
pub fn matrix(of_links: &str) -> String {
    let diagonal = on_the_diagonal(&format!("NaN * max by (node) ({})", Of::Mesh.series(SCRAPE)));
    format!("({of_links}) or {} + 0 * {} or {diagonal}", words::NO_NUMBER, pairs())
}

/// Every observer with each of its peers; for an observer that Prometheus cannot scrape, its last known peers.
fn pairs() -> String {
    let silent = format!("max by (node) {}", Of::Mesh.scrape(0));
    let known = format!("last_over_time({}[$__range]) and on (node) {silent}", Of::Mesh.series(PEER_UP));
    format!("max by (node, peer) ({} or {known})", Of::Mesh.series(PEER_UP))
}

/// Whether the observers of a peer reach it, see [`words::of_peers`].
pub fn peer_by_all() -> String {
    let broken = Of::Links.broken();
    let left = Of::Links.matching(PEER_STATE, r#"state="left""#);
    format!("max by (peer) ({broken}) + min by (peer) ({broken}) + {} * max by (peer) ({left})", words::GONE_BY_ITSELF)
}

fn scraped() -> String {
    format!(r#"label_replace({}, "peer", "$1", "node", "(.+)")"#, Of::Mesh.scrape(1))
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
    format!(r#"label_replace({by_node}, "peer", "$1", "node", "(.+)")"#)
}

/// The same links, seen from the other end.
fn swapped(links: &str) -> String {
    let kept = format!(r#"label_replace({links}, "observer", "$1", "node", "(.+)")"#);
    let turned = format!(r#"label_replace({kept}, "node", "$1", "peer", "(.+)")"#);
    format!(r#"label_replace({turned}, "peer", "$1", "observer", "(.+)")"#)
}
