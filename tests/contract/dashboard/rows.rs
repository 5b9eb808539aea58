//! The rows of the dashboard, from top to bottom. The first answers "is the mesh
//! whole?" for someone who has never seen it; each row below answers the next
//! question.

use heartbeat::testing::telemetry::catalogue::{
    EVENTS, INCIDENTS_OPEN, INCOMING_PEERS, OBSERVER_STALL, PEER_LAST_SUCCESS, PEER_LIST_MISMATCH, PEER_MAINTENANCE,
    PEER_PHI, PEER_RESTARTS, PEERS, PING_DURATION, PING_FAILURES, PINGS, PINGS_RECEIVED, PROCESS_CPU, PROCESS_RESIDENT,
    PROCESS_START, SILENCE_AT_VERDICT, TIMER_LAG, WITNESS_CHECKS,
};
use serde_json::json;

use super::panel::Panel;
use super::query::{self, Of, ordered};
use super::{Row, nodes, trouble, verdict, words};

const LINK: &str = "{{node}} → {{peer}}";

/// The first [`super::OPEN`] of them are open when the page is.
pub fn rows() -> Vec<Row> {
    vec![
        Row { title: "Is the mesh whole?", panels: verdict::verdict() },
        Row { title: "Who reaches whom, now", panels: now() },
        Row { title: "Alerts", panels: alerts() },
        Row { title: "Since when?", panels: timelines() },
        Row { title: "Loss, and what failed pings showed", panels: loss() },
        Row { title: "Round trips", panels: round_trips() },
        Row { title: "Events and restarts", panels: events() },
        Row { title: "Do both directions agree?", panels: directions() },
        Row { title: "The observers themselves: can you trust them?", panels: observers() },
    ]
}

fn now() -> Vec<Panel> {
    let state = Panel::matrix(
        "State: what each node reports about each peer",
        "none",
        "Good: every cell shows alive, and the diagonal shows runs. A row is what one node sees, a column is how one node is seen. \
         A bad column: that node is in trouble. A bad row: its observer is in trouble. A single bad cell: that link, in that direction. \
         Dead: what an observer reports of a peer, that it is down and enough observers agree. Not scraped: what Prometheus finds, \
         that it gets no metrics from this node; its column says whether it is dead. \
         Beyond twelve nodes: the twelve worst of those that are selected above.",
    );
    vec![
        nodes::nodes(),
        state.words(words::of_the_matrix()).ask_table(LINK, &query::matrix_of_states()).size(24, 10),
        Panel::text("How to read it", HOW_TO_READ, "The meaning of the words in the matrix.").size(24, 4),
    ]
}

const HOW_TO_READ: &str = "\
A **row** is what one node sees, a **column** is how one node is seen: **✓ alive** answers, **? suspect** is being checked, \
**⇸ unreachable** is alive behind a link that is down, or its observer is cut off, **✗ dead** is down, and enough observers agree, **← left** said goodbye, \
**no report**: Prometheus gets no metrics from that observer. Diagonal, what a node reports of itself: **● runs**, **◐ stalled** was just paused, **◌ cut off** hears fewer than half of its peers, \
**○ not scraped**: Prometheus gets no metrics from it; its column says whether it is dead. \
Documents: ${documents}/dashboard.md, ${documents}/alerts.md
";

fn timelines() -> Vec<Panel> {
    let by_peer = Panel::timeline(
        "Peers that were not reached all the time",
        words::of_peers(),
        "Good: no lane. Not by all: at least one link to it is down, so the cause is a path. By none: the cause is the node, down or cut off. \
         Observers that are cut off count only where no other observer has a report. The left edge of a colour is the time when it began.",
    );
    let by_node = Panel::timeline(
        "Each node, as it sees itself",
        words::of_nodes(),
        "Good: runs. Stalled: the process has just been paused and judges no peer. Cut off: it hears fewer than half of its peers. \
         Not scraped: Prometheus gets no metrics from it, so what it sees is not known; its peers report whether it is dead.",
    );
    let by_link = Panel::timeline(
        "Links that were not alive all the time",
        words::of_links(),
        "Good: no lane. Two lanes towards one peer that turn bad together: the peer. One lane of a pair: a one-way link. \
         Dead: the observer reports that the peer is down, and enough observers agree. Unreachable: it is alive behind a link that is down, or its observer is cut off. \
         A gap: Prometheus got no metrics from the observer.",
    );
    let groups = Panel::stat(
        "Groups",
        "none",
        "Good: 1. Nodes that all reach each other both ways are one group; only nodes that Prometheus scrapes are counted. \
         2 is a split, or one node cut off. A single broken link leaves 1.",
    );
    let incidents = Panel::lines(
        "Open incidents, as each node counts them",
        "short",
        "Good: 0. A crash, a split and a broken link are one incident each, from the first bad verdict to the last recovery; the page and \
         `heartbeat incidents` describe it. Counts differ while a split keeps nodes from asking each other.",
    );
    let open = ordered(&format!("max by (node) ({})", Of::Nodes.series(INCIDENTS_OPEN)), &["node"]);
    vec![
        by_peer.nothing("every peer was reached all the time").ask("{{peer}}", &trouble::peer_by_all()).size(12, 8),
        by_node.ask("{{node}}", &ordered(&format!("({})", Of::Nodes.itself()), &["node"])).size(12, 8),
        by_link.nothing("every link was alive all the time").ask(LINK, &trouble::link_states()).size(24, 9),
        groups.colours(words::FINE, &[(2.0, words::BAD)]).ask_now("groups", &query::groups()).size(4, 8),
        incidents
            .default("decimals", json!(0))
            .custom("axisSoftMax", json!(1))
            .custom("lineInterpolation", json!("stepAfter"))
            .ask("{{node}}", &open)
            .size(20, 8),
    ]
}

/// The ten largest at each moment: more lines cannot be told apart.
fn ten(by_link: &str) -> String {
    format!("topk(10, {by_link})")
}

fn loss() -> Vec<Panel> {
    let loss = Panel::lines(
        "Loss on links that are up, the ten worst",
        "percentunit",
        "Good: a flat line at 0 %. The share of failed pings: a path that loses packets, or a node that answers too late. \
         A link that is down is not here; its begin is in the row Since when.",
    );
    let lossy = Panel::matrix(
        "Loss on links that are up",
        "percentunit",
        "Good: 0 % everywhere. The share of failed pings over the last minute, on links that are up. No data: the observer is not scraped, or has no peers.",
    );
    let reasons = Panel::lines(
        "Failed pings, by what they showed",
        "suffix: pings/s",
        "Good: 0. Refused: the host responds, the process is gone. Silent: no response. Stalled: connected, but no answer. \
         Timeout: not finished in time. Invalid: another service answered. No_network: the observer itself has none. Name: the name does not resolve. For the worst of the selected nodes and peers.",
    );
    let age = Panel::lines(
        "Since the last answer, the ten longest",
        "s",
        "Good: below one interval. The age of the last answer when Prometheus scraped the observer. A slope of 1 s per second is a link that is down; it begins where the link broke. \
         Peers that never answered are not shown.",
    );
    let phi = Panel::lines(
        "Suspicion, the ten highest",
        "none",
        "Good: near 0. How unusual the age of the outstanding ping is: a live peer is this late with probability at most 10^-phi. \
         From 3 on the node checks the peer; phi alone never makes a peer dead.",
    );
    let by_reason = format!("sum by (reason) ({})", Of::Links.rate(PING_FAILURES));
    let last = Of::Links.series(PEER_LAST_SUCCESS);
    vec![
        lossy
            .words(words::of_cells())
            .over("1m")
            .default("decimals", json!(0))
            .colours(words::FINE, &[(0.01, words::WARN), (0.05, words::BAD)])
            .ask_table(LINK, &query::matrix(&Of::Links.loss())),
        loss.default("max", json!(1)).ask(LINK, &ten(&Of::Links.loss())).size(12, 9),
        reasons
            .custom("stacking", json!({ "mode": "normal", "group": "A" }))
            .custom("fillOpacity", json!(40))
            .custom("axisSoftMax", json!(1))
            .by_meaning()
            .coloured(words::FLAWS)
            .ask("{{reason}}", &by_reason)
            .size(24, 8),
        age.ask(LINK, &ten(&format!("max by (node, peer) (timestamp({last}) - ({last} > 0))"))),
        phi.colours("transparent", &[(3.0, words::WARN)])
            .custom("thresholdsStyle", json!({ "mode": "dashed" }))
            .custom("axisSoftMax", json!(4))
            .ask(LINK, &ten(&format!("max by (node, peer) ({})", Of::Links.series(PEER_PHI)))),
    ]
}

fn round_trips() -> Vec<Panel> {
    let median = Panel::lines(
        "Median round trip (p50), the ten slowest links",
        "s",
        "Good: flat, and similar for links of one kind. Half of the successful pings are faster. A step is a changed path or a busy node.",
    );
    let slowest = Panel::lines(
        "Slow round trips (p99), the ten slowest links",
        "s",
        "Good: a few times the median at most. 99 of 100 successful pings are faster. From 250 ms on a ping counts as slow, and a link \
         with four slow pings of ten is degraded.",
    );
    let spread = Panel::heatmap(
        "All round trips",
        "s",
        "Good: one bright band that stays where it is. A second band is a second kind of path, or a node that sometimes waits. \
         Brighter: more pings per second. For the worst of the selected nodes and peers.",
    );
    let slow = Panel::matrix(
        "p99 round trip",
        "s",
        "Good: all cells similar, a few milliseconds within one site. 99 of 100 round trips of the last minute were faster. \
         A slow row or column is a slow node, a slow cell a slow path. No data: no ping succeeded, or the observer is not scraped.",
    );
    let buckets = Of::Links.rate(&format!("{PING_DURATION}_bucket"));
    vec![
        slow.words(words::of_cells())
            .over("1m")
            .default("decimals", json!(1))
            .colours(words::GREY, &[(0.0, words::FINE), (0.1, words::WARN), (0.25, words::BAD)])
            .ask_table(LINK, &query::matrix(&Of::Links.round_trip("0.99"))),
        slowest.every("15s").ask(LINK, &ten(&Of::Links.round_trip("0.99"))).size(12, 9),
        median.every("15s").ask(LINK, &ten(&Of::Links.round_trip("0.5"))).size(24, 8),
        spread.ask_buckets(&format!("sum by (le) ({buckets})")).size(24, 8),
    ]
}

fn events() -> Vec<Panel> {
    let news = Panel::lines(
        "Notable events",
        "short",
        "Good: 0, except for your own restarts and stops. Each observer counts what it saw, so one crash in a mesh of three is \
         two peer_down events. An event is shown once, in the first scrape after it, also after a gap. The names are those in the log.",
    );
    let restarts = Panel::lines(
        "Restarts, by peer",
        "short",
        "Good: 0, except for your own restarts. How often the peer came back as a new process, by the observer that counted most.",
    );
    let age = Panel::lines(
        "Age of the process",
        "s",
        "Good: it only grows. A drop to 0 is a restart, a gap is a node that Prometheus could not scrape.",
    );
    let silence = Panel::stat(
        "Silence before a verdict",
        "s",
        "How long peers had been silent when they were reported as down or unreachable: the median in the selected time range. Good, with the default \
         waits: gone (the process has ended) below 0.5 s, silent (the host does not respond) about 3 s, stalled (the process hangs) about 10 s.",
    );
    let maintenance = Panel::timeline(
        "Maintenance",
        words::of_maintenance(),
        "Good: only what you planned. A node in maintenance is monitored as usual, but no alert fires for it. As reported by any of its peers.",
    );
    let named =
        "peer_down|peer_unreachable|peer_recovered|peer_restarted|peer_left|peer_flapping|self_cut_off|self_stalled";
    let happened = Of::Nodes.step(EVENTS, &format!(r#"event=~"{named}""#));
    let restarted = Of::Peers.step(PEER_RESTARTS, "");
    let buckets = Of::Nodes.series(&format!("{SILENCE_AT_VERDICT}_bucket"));
    let median = format!("histogram_quantile(0.5, sum by (class, le) (increase({buckets}[$__range])))");
    let bars = |panel: Panel| {
        panel
            .custom("drawStyle", json!("bars"))
            .custom("fillOpacity", json!(60))
            .custom("stacking", json!({ "mode": "normal", "group": "A" }))
    };
    vec![
        bars(news).by_meaning().ask("{{event}}", &format!("sum by (event) ({happened})")),
        bars(restarts).custom("axisSoftMax", json!(1)).ask("{{peer}}", &format!("max by (peer) ({restarted})")),
        age.ask(
            "{{node}}",
            &ordered(&format!("(time() - max by (node) ({}))", Of::Nodes.series(PROCESS_START)), &["node"]),
        ),
        silence
            .nothing("none")
            .option("textMode", json!("value_and_name"))
            .option("orientation", json!("horizontal"))
            .option("colorMode", json!("none"))
            .ask_now("{{class}}", &median)
            .size(12, 8),
        maintenance
            .ask("{{peer}}", &ordered(&format!("max by (peer) ({})", Of::Peers.series(PEER_MAINTENANCE)), &["peer"]))
            .size(24, 8),
    ]
}

fn directions() -> Vec<Panel> {
    let heard = Panel::lines(
        "Peers heard and peers reached",
        "short",
        "Good: both lines of a node coincide, at the number of its peers. Hears more than it reaches: its requests or their \
         answers are lost. Reaches more than it hears: requests of the others do not arrive.",
    );
    let sent = Panel::lines(
        "Pings out and pings in",
        "suffix: pings/s",
        "Good: in and out are similar, near one per second for each peer. More out than in: checks of a suspect peer, or requests that do not arrive.",
    );
    let asked = Panel::lines(
        "Witness pings",
        "suffix: pings/s",
        "Good: 0 while all is well. Pings made for another node: a node that suspects a peer asks witnesses to ping it. An answered ping clears the peer, \
         the other results support the suspicion. By result of the ping.",
    );
    let lists = Panel::lines(
        "Peers with a different peer list",
        "short",
        "Good: 0. The number of peers that have heard a different set of nodes than this one. Above 0 for longer than a start takes: \
         a node is missing on a peer list; the page names both.",
    );
    let reached = format!("sum by (node) ({})", Of::Nodes.matching(PEERS, r#"state=~"alive|suspect""#));
    let out = format!("sum by (node) ({})", Of::Nodes.rate(PINGS));
    vec![
        heard
            .default("decimals", json!(0))
            .ask("{{node}} hears", &format!("max by (node) ({})", Of::Nodes.series(INCOMING_PEERS)))
            .ask("{{node}} reaches", &reached)
            .size(6, 8),
        sent.ask("{{node}} out", &out)
            .ask("{{node}} in", &format!("sum by (node) ({})", Of::Nodes.rate(PINGS_RECEIVED)))
            .size(6, 8),
        asked
            .custom("axisSoftMax", json!(1))
            .by_meaning()
            .ask("{{result}}", &format!("sum by (result) ({})", Of::Nodes.rate(WITNESS_CHECKS)))
            .size(6, 8),
        lists
            .default("decimals", json!(0))
            .custom("axisSoftMax", json!(1))
            .ask("{{node}}", &format!("max by (node) ({})", Of::Nodes.series(PEER_LIST_MISMATCH)))
            .size(6, 8),
    ]
}

fn observers() -> Vec<Panel> {
    let lag = Panel::lines(
        "Timer lag (p99)",
        "s",
        "Good: a few milliseconds. How late the detector woke up. A late observer gets its answers late: above 100 ms, check \
         the observer before its peers.",
    );
    let stalls = Panel::lines(
        "Time lost",
        "s",
        "Good: 0. How long the process did not run, because it was paused, suspended or overloaded, as it reported in the first scrape afterwards. \
         The node notices this, does not count that time against its peers and accuses none.",
    );
    let cpu = Panel::lines(
        "Processor",
        "percentunit",
        "Good: well below 1 % of one core in a mesh of three. 100 % is one core fully used.",
    );
    let memory = Panel::lines(
        "Memory",
        "bytes",
        "Good: flat, about 7 MiB in a mesh of three. A steady increase is a leak: please report it.",
    );
    let lags = Of::Nodes.rate(&format!("{TIMER_LAG}_bucket"));
    let by_node = |series: String| format!("sum by (node) ({series})");
    vec![
        lag.ask("{{node}}", &format!("histogram_quantile(0.99, sum by (node, le) ({lags})) >= 0")).size(6, 8),
        stalls
            .custom("drawStyle", json!("bars"))
            .custom("fillOpacity", json!(60))
            .custom("axisSoftMax", json!(1))
            .ask("{{node}}", &by_node(Of::Nodes.step(OBSERVER_STALL, "")))
            .size(6, 8),
        cpu.ask("{{node}}", &by_node(Of::Nodes.rate(PROCESS_CPU))).size(6, 8),
        memory.ask("{{node}}", &by_node(Of::Nodes.series(PROCESS_RESIDENT))).size(6, 8),
    ]
}

fn alerts() -> Vec<Panel> {
    let now = Panel::list(
        "Pending and firing, now",
        &[("alertname", 230), ("severity", 90), ("node", 110), ("peer", 110)],
        words::of_alerts(),
        "Good: only HeartbeatWatchdog, which always fires to show that rules are evaluated. No rows: Prometheus has no rules. \
         Pending: true, but not for long enough yet. Hint: of severity info, which asks for nobody.",
    );
    let history = Panel::timeline(
        "Pending and firing, over time",
        words::of_alerts(),
        "Good: one lane, HeartbeatWatchdog. Several lanes at the same time are usually one incident seen from several sides; \
         Alertmanager sends one of them.",
    );
    let loud = r#"severity=~"warning|critical""#;
    let code = |value: u8, alerts: String| format!("{value} * {alerts}");
    let all = [
        code(words::FIRING, query::alerts(&format!(r#"alertstate="firing",{loud}"#))),
        code(words::HINT, query::alerts(r#"alertstate="firing",severity="info""#)),
        // A pending hint is not worth a lane: one crash makes it pending at every observer.
        code(words::PENDING, query::alerts(&format!(r#"alertstate="pending",{loud}"#))),
        code(words::ALWAYS, query::watchdog(r#"alertstate="firing""#)),
    ];
    let code = format!("max by (alertname, severity, node, peer) ({})", all.join(" or "));
    vec![
        now.nothing("-").ask_table(LINK, &code).size(14, 8),
        history.ask("{{alertname}} {{node}} {{peer}}", &code).size(10, 8),
        Panel::text("Who is notified", WHO_IS_NOTIFIED, "Alerts fire here; Alertmanager decides who is notified.")
            .size(24, 3),
    ]
}

const WHO_IS_NOTIFIED: &str = "\
[Alertmanager](${alertmanager}/#/alerts) shows which alerts are silenced, grouped and sent. \
As shipped, no one is notified: its default receiver is **no-one-is-notified** until you name another, see ${documents}/alert-routing.md.
";
