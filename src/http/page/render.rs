//! The page as a function of what is known: no clock, no socket, so the tests
//! can show it ten thousand meshes.
//!
//! A cell never relies on its colour alone: it has a mark, a word, and the age of
//! the report. A row that is not current reads "unknown" in every cell, whatever
//! was reported last, because an old report proves nothing.

use std::time::Duration;

use maud::{DOCTYPE, Markup, html};

use super::incidents::{self, IncidentRow};
use super::words::{ago, clock, seconds, shown};
use crate::detector::peer::{BootId, SelfState};
use crate::mesh::event::NodeEvent;
use crate::mesh::{Cell, LinkStatus, Member, MeshVerdict, MeshView, NodeStatus, Row, RowFreshness};
use crate::render::matrix::COLUMNS_MAX;
use crate::render::mesh::{Severity, Summary};
use crate::render::{round_trip, span};

/// The most names in one cell of the list of nodes.
const NAMES_SHOWN: usize = 8;

/// A heart; no request is made for it.
const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath \
                    fill='%23b3325f' d='M8 14 2 8a3.6 3.6 0 0 1 6-4 3.6 3.6 0 0 1 6 4z'/%3E%3C/svg%3E";

/// Everything that the page shows.
pub struct Page<'a> {
    pub me: Me<'a>,
    pub mesh: &'a MeshView,
    pub summary: &'a Summary,
    /// How long ago the rows were gathered.
    pub age: Duration,
    /// Peers that were asked for their rows, and how many gave one.
    pub asked: usize,
    pub answered: usize,
    /// Wall time, RFC 3339.
    pub now: String,
    /// The open ones first, then the newest.
    pub incidents: Vec<IncidentRow>,
    /// Newest first.
    pub happenings: Vec<Happening>,
}

/// The node that was asked.
pub struct Me<'a> {
    pub node: &'a str,
    pub boot: Option<BootId>,
    pub state: Option<SelfState>,
    pub version: &'a str,
    pub revision: &'a str,
    /// Wall time, RFC 3339.
    pub started: String,
    pub up_for: Duration,
    /// The longest pause of a peer that is surely ridden out.
    pub tolerated_pause: Duration,
}

/// An event, as a line of the timeline.
pub struct Happening {
    /// Wall time, RFC 3339.
    pub at: String,
    /// Louder than information.
    pub grave: bool,
    pub event: String,
    pub sentence: String,
}

impl Page<'_> {
    /// The whole document.
    pub fn html(&self) -> String {
        let me = shown(self.me.node);
        let state = self.me.state.map(|state| state.as_str().replace('_', " "));
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (self.title()) }
                    link rel="icon" href=(ICON);
                    link rel="stylesheet" href="/page.css";
                    noscript { meta http-equiv="refresh" content="5"; }
                    script src="/page.js" defer {}
                }
                body data-events=(self.events()) {
                    header {
                        p { "The mesh as reported by " strong { bdi { (me) } } @if let Some(state) = &state { ", " (state) } }
                        p #stale hidden role="alert" {}
                    }
                    main {
                        (self.summary())
                        @if self.mesh.rows.len() <= COLUMNS_MAX { (self.matrix()) }
                        (incidents::section(&self.incidents))
                        (self.nodes())
                        (self.timeline())
                        (self.about())
                    }
                    p #announce .unseen aria-live="polite" {}
                }
            }
        };
        page.into_string()
    }

    /// What the script listens for: everything that has a name, but the pings.
    fn events(&self) -> String {
        NodeEvent::names_of_changes().collect::<Vec<_>>().join(" ")
    }

    fn title(&self) -> String {
        let mark = match self.mood() {
            "fault" => "✕",
            "gap" => "?",
            _ => "✓",
        };
        format!("{mark} {} · heartbeat", shown(self.me.node))
    }

    /// `fault` when something is wrong, `gap` when something is not known, else `whole`.
    fn mood(&self) -> &'static str {
        let has = |weight| self.summary.findings.iter().any(|finding| finding.weight == weight);
        match (has(Severity::Fault), self.mesh.whole) {
            (true, _) => "fault",
            (false, false) => "gap",
            (false, true) => "whole",
        }
    }

    fn summary(&self) -> Markup {
        html! {
            section #summary .(self.mood()) aria-label="Summary" {
                h1 { (self.summary.sentence) }
                @if self.summary.findings.len() > 1 {
                    ul { @for finding in &self.summary.findings { li .(finding.weight.as_str()) { (finding.text) } } }
                }
            }
        }
    }

    /// Rows are observers, columns are peers.
    fn matrix(&self) -> Markup {
        let table = html! {
            caption {
                "Each row is what one node reports of the others: their state, the round trip of its last ping, and when the \
                 other last answered it. Gathered " (ago(self.age)) ", " (self.answered) " of " (self.asked) " peers answered."
            }
            thead {
                tr {
                    th scope="col" { "from ↓ to →" }
                    @for row in &self.mesh.rows { th scope="col" { (name(&row.observer)) } }
                }
            }
            tbody { @for row in &self.mesh.rows { (self.matrix_row(row)) } }
        };
        wide_table("matrix", "Who reaches whom", &table)
    }

    fn matrix_row(&self, row: &Row) -> Markup {
        html! {
            tr .mute[!row.speaks()] {
                th scope="row" { (name(&row.observer)) small { (said(row)) } }
                @for column in &self.mesh.rows {
                    @if column.observer == row.observer {
                        td .self { span aria-label="itself" { "·" } }
                    } @else if let Some(cell) = row.cell(&column.observer) {
                        (matrix_cell(row, cell))
                    } @else {
                        td .unknown { b { "?" } " " (if row.freshness == RowFreshness::Never { "unknown" } else { "not listed" }) }
                    }
                }
            }
        }
    }

    fn nodes(&self) -> Markup {
        let table = html! {
            thead {
                tr {
                    @for title in ["node", "verdict", "last report", "up for", "reached by", "unreachable from"] {
                        th scope="col" { (title) }
                    }
                }
            }
            tbody {
                @for (node_status, row) in self.mesh.node_statuses.iter().zip(&self.mesh.rows) { (node_row(node_status, row)) }
            }
        };
        wide_table("nodes", "Nodes", &table)
    }

    fn timeline(&self) -> Markup {
        html! {
            section #timeline aria-labelledby="timeline-title" {
                h2 #timeline-title { "Events of " bdi { (shown(self.me.node)) } }
                @if self.happenings.is_empty() { p { "Nothing yet." } }
                ol {
                    @for happening in &self.happenings {
                        li .grave[happening.grave] {
                            time datetime=(happening.at) { (clock(&happening.at)) }
                            " " span title=(happening.event) { (happening.sentence) }
                        }
                    }
                }
            }
        }
    }

    fn about(&self) -> Markup {
        let links = [
            ("/matrix.txt", "this page as text"),
            ("/api/v1/cluster", "cluster"),
            ("/api/v1/matrix", "matrix"),
            ("/api/v1/peers", "peers"),
            ("/api/v1/events", "events"),
            ("/api/v1/incidents", "incidents"),
            ("/api/v1/node", "node"),
            ("/api/v1/config", "settings"),
            ("/metrics", "metrics"),
            ("/healthz", "health"),
            ("/ping", "ping"),
            ("/openapi.json", "API contract"),
        ];
        html! {
            section #about aria-labelledby="about-title" {
                h2 #about-title { "This node" }
                dl {
                    dt { "name" } dd { bdi { (shown(self.me.node)) } }
                    dt { "boot" } dd { code { @if let Some(boot) = self.me.boot { (boot) } @else { "-" } } }
                    dt { "version" } dd { (self.me.version) ", revision " (self.me.revision) }
                    dt { "started" } dd { time datetime=(self.me.started) { (self.me.started) } ", " (ago(self.me.up_for)) }
                    dt { "tolerates pauses up to" } dd { (span(self.me.tolerated_pause)) }
                    dt { "now" } dd { time datetime=(self.now) { (self.now) } }
                }
                nav aria-label="API" { @for (path, what) in links { a href=(path) { (what) } " " } }
            }
        }
    }
}

/// A section with one table, which may be wider than the screen: it scrolls by itself, with the keyboard as well.
fn wide_table(id: &str, title: &str, table: &Markup) -> Markup {
    let title_id = format!("{id}-title");
    html! {
        section id=(id) aria-labelledby=(title_id) {
            h2 id=(title_id) { (title) }
            div .wide tabindex="0" role="region" aria-labelledby=(title_id) { table { (table) } }
        }
    }
}

fn matrix_cell(row: &Row, cell: &Cell) -> Markup {
    let link_status = row.link_status(cell);
    let word = match link_status {
        LinkStatus::Good if cell.degraded => "degraded".to_owned(),
        LinkStatus::Good => "up".to_owned(),
        LinkStatus::Bad => cell.verdict.map_or(cell.state.as_str(), |verdict| verdict.as_str()).replace('_', " "),
        LinkStatus::Unknown => format!("was {}", cell.state),
        LinkStatus::Doubt | LinkStatus::Waiting | LinkStatus::Left => cell.state.to_string(),
    };
    html! {
        td .(link_status.as_str()) .degraded[cell.degraded] .maintenance[cell.maintenance] {
            b aria-hidden="true" { (mark(link_status)) } " " (word)
            @if cell.flapping { " (flapping)" }
            @if cell.maintenance { " (maintenance)" }
            @if link_status.reaches() { @if let Some(rtt) = cell.rtt { " " span .rtt { (round_trip(rtt)) } } }
            @if let Some(age) = cell.last_answer { small { "answered " (ago(age)) } }
        }
    }
}

fn node_row(node_status: &NodeStatus, row: &Row) -> Markup {
    let verdict = node_status.verdict.as_str().replace('_', " ");
    let since = node_status.silent_for.or(node_status.since).map(|time| format!(" for {}", seconds(time)));
    let class = match node_status.verdict {
        verdict if verdict.is_bad() => "bad",
        MeshVerdict::Up | MeshVerdict::Restarted => "good",
        MeshVerdict::Left | MeshVerdict::Maintenance => "left",
        _ => "unknown",
    };
    html! {
        tr {
            th scope="row" { (name(&node_status.member)) }
            td .(class) { (verdict) (since.unwrap_or_default()) }
            td { (said(row)) @if row.stalled { ", was just paused" } }
            td .short { @if let (Some(up_for), RowFreshness::Now) = (row.up_for, row.freshness) { (seconds(up_for)) } @else { "-" } }
            td { (names(&node_status.reached_by)) }
            td { (names(&node_status.missed_by)) }
        }
    }
}

/// Different shapes, for readers who cannot distinguish the colours.
fn mark(link_status: LinkStatus) -> &'static str {
    match link_status {
        LinkStatus::Good => "✓",
        LinkStatus::Doubt => "~",
        LinkStatus::Bad => "✕",
        LinkStatus::Waiting => "…",
        LinkStatus::Left => "–",
        LinkStatus::Unknown => "?",
    }
}

/// When the observer reported its row.
fn said(row: &Row) -> String {
    match (row.freshness, row.as_of) {
        (RowFreshness::Now, _) if row.stalled => "stalled".to_owned(),
        (RowFreshness::Now, _) => "reported just now".to_owned(),
        (RowFreshness::Before, Some(age)) => format!("reported {}", ago(age)),
        (RowFreshness::Before | RowFreshness::Never, _) => "no report yet".to_owned(),
    }
}

/// Isolated from the text around it, so that a name in another direction of writing stays in its place.
fn name(member: &Member) -> Markup {
    html! { bdi { (shown(member.as_str())) } }
}

fn names(members: &[Member]) -> Markup {
    html! {
        @if members.is_empty() { "-" }
        @for (place, member) in members.iter().take(NAMES_SHOWN).enumerate() {
            @if place > 0 { ", " }
            (name(member))
        }
        @if members.len() > NAMES_SHOWN { " and " (members.len() - NAMES_SHOWN) " more" }
    }
}

#[cfg(test)]
mod tests {
    //! Shown ten thousand meshes, with names that mean harm.

    use proptest::prelude::*;

    use super::*;
    use crate::detector::peer::{PeerState, Verdict};
    use crate::mesh;

    fn page(rows: Vec<Row>) -> String {
        page_with(rows, Vec::new())
    }

    fn page_with(rows: Vec<Row>, incidents: Vec<IncidentRow>) -> String {
        let view = mesh::view(rows);
        let me = Me {
            node: "<b>me</b>",
            boot: Some(BootId(7)),
            state: Some(SelfState::Ready),
            version: "0.1.0",
            revision: "unknown",
            started: "2026-01-01T00:00:00.000Z".to_owned(),
            up_for: Duration::from_secs(130),
            tolerated_pause: Duration::from_millis(8900),
        };
        let happening = Happening {
            at: "2026-01-01T00:00:01.000Z".to_owned(),
            grave: true,
            event: "peer_down".to_owned(),
            sentence: "<img src=x onerror=alert(1)> is down".to_owned(),
        };
        let page = Page {
            me,
            mesh: &view,
            summary: &crate::render::mesh::summary(&view),
            age: Duration::ZERO,
            asked: 2,
            answered: 1,
            now: "2026-01-01T00:02:10.000Z".to_owned(),
            incidents,
            happenings: vec![happening],
        };
        page.html()
    }

    fn cell(peer: &str, state: PeerState, verdict: Option<Verdict>) -> Cell {
        let age = Some(Duration::from_secs(5));
        let rtt = Some(Duration::from_micros(420));
        Cell {
            verdict,
            state_age: Duration::from_secs(5),
            last_proof: age,
            last_answer: age,
            rtt,
            ..Cell::new(peer.into(), state)
        }
    }

    fn row(observer: &str, freshness: RowFreshness, cells: Vec<Cell>) -> Row {
        let as_of = (freshness != RowFreshness::Never).then_some(Duration::from_secs(12));
        Row { freshness, as_of, state: Some(SelfState::Ready), cells, ..Row::never(observer.into()) }
    }

    #[test]
    fn a_silent_row_is_never_blank_and_never_good() {
        let alive = |peer| cell(peer, PeerState::Alive, None);
        let html =
            page(vec![row("a", RowFreshness::Now, vec![alive("b")]), row("b", RowFreshness::Before, vec![alive("a")])]);
        let cells = html.split("<tbody>").nth(1).unwrap_or_default();
        assert_eq!(cells.matches("class=\"good\"").count(), 1, "only the report of a is current: {cells}");
        assert!(cells.contains("<td class=\"unknown\"><b aria-hidden=\"true\">?</b> was alive"), "{cells}");
        assert!(cells.contains("reported 12 s ago"), "{cells}");
    }

    #[test]
    fn a_page_names_what_is_wrong_first() {
        let down = || cell("c", PeerState::Dead, Some(Verdict::Down));
        let rows = vec![
            row("a", RowFreshness::Now, vec![cell("b", PeerState::Alive, None), down()]),
            row("b", RowFreshness::Now, vec![cell("a", PeerState::Alive, None), down()]),
        ];
        let html = page(rows);
        assert!(html.contains("<h1>c has been down for 5 s; a and b agree</h1>"), "{html}");
        assert!(
            html.contains("id=\"summary\" class=\"fault\"") || html.contains("class=\"fault\" id=\"summary\""),
            "{html}"
        );
        assert!(html.contains("<title>✕ "), "{html}");
    }

    fn incident(story: &str, began_s: u64, ended_s: Option<u64>, from: Option<&str>) -> IncidentRow {
        IncidentRow {
            open: ended_s.is_none(),
            began: "2026-01-01T00:00:01.000Z".to_owned(),
            began_age: Duration::from_secs(began_s),
            ended_age: ended_s.map(Duration::from_secs),
            verdict: "link_broken".to_owned(),
            story: story.to_owned(),
            from: from.map(str::to_owned),
        }
    }

    #[test]
    fn incidents_say_whether_they_are_over_and_whose_word_they_are() {
        let incidents = vec![incident("c is down", 130, None, None), incident("a <b> b", 300, Some(240), Some("d"))];
        let html = page_with(Vec::new(), incidents);
        let section = html.split("id=\"incidents\"").nth(1).and_then(|rest| rest.split("</section>").next());
        let section = section.expect("a section of incidents");
        let entries: Vec<&str> = section.split("<li").skip(1).collect();
        assert_eq!(entries.len(), 2, "{section}");
        assert!(entries[0].starts_with(" class=\"open\">") && entries[0].contains("</span> open</b>"), "{section}");
        assert!(entries[0].contains("2 min 10 s ago") && !entries[0].contains("reported by"), "{section}");
        assert!(entries[1].contains("</span> over</b>") && entries[1].contains("over after 1 m"), "{section}");
        assert!(entries[1].contains("a &lt;b&gt; b") && entries[1].contains("reported by <bdi>d</bdi>"), "{section}");
        assert!(page(Vec::new()).contains("No incidents known to this node."));
        let many = (0..20).map(|_| incident("x", 1, None, None)).collect();
        let html = page_with(Vec::new(), many);
        assert_eq!(html.matches("<li class=\"open\">").count(), 12, "{html}");
        assert!(html.contains("older incidents"), "{html}");
    }

    #[test]
    fn names_stay_text() {
        let evil =
            ["<script>alert(1)</script>", "\" onmouseover=\"x", "", "&amp;", "\u{202e}gnp.exe", &"x".repeat(10_000)];
        let cells = |skip: &str| {
            evil.iter().filter(|name| **name != skip).map(|name| cell(name, PeerState::Alive, None)).collect()
        };
        let html = page(evil.iter().map(|name| row(name, RowFreshness::Now, cells(name))).collect());
        assert!(
            !html.contains("<script>alert") && !html.contains("<img") && !html.contains("\" onmouseover"),
            "{html}"
        );
        assert!(
            html.contains("&lt;script&gt;") && html.contains("(no name)") && html.contains("&lt;b&gt;me&lt;/b&gt;")
        );
        assert!(html.len() < 60_000, "{} bytes: long names are cut", html.len());
    }

    fn any_name() -> impl Strategy<Value = String> {
        prop_oneof![
            "[a-e]",
            "<[a-z]{1,5}>",
            Just(String::new()),
            Just("א\u{202e}ב".to_owned()),
            Just("y".repeat(300)),
            "\\PC{0,12}"
        ]
    }

    fn any_cell() -> impl Strategy<Value = Cell> {
        let states = prop::sample::select(&PeerState::ALL[..]);
        let verdicts = prop::option::of(prop::sample::select(&Verdict::ALL[..]));
        (any_name(), states, verdicts, prop::option::of(0..u64::MAX), any::<[bool; 3]>()).prop_map(
            |(peer, state, verdict, age, [degraded, flapping, maintenance])| {
                let last_answer = age.map(Duration::from_millis);
                Cell { degraded, flapping, maintenance, last_answer, rtt: last_answer, ..cell(&peer, state, verdict) }
            },
        )
    }

    fn any_row() -> impl Strategy<Value = Row> {
        let freshness = prop::sample::select(&RowFreshness::ALL[..]);
        (any_name(), freshness, any::<bool>(), prop::collection::vec(any_cell(), 0..7))
            .prop_map(|(observer, freshness, stalled, cells)| Row { stalled, ..row(&observer, freshness, cells) })
    }

    fn any_incident() -> impl Strategy<Value = IncidentRow> {
        let from = prop::option::of(any_name());
        (any_name(), any::<bool>(), any::<u64>(), prop::option::of(any::<u64>()), any_name(), from).prop_map(
            |(story, open, began_ms, ended_ms, text, from)| IncidentRow {
                open,
                began: text.clone(),
                began_age: Duration::from_millis(began_ms),
                ended_age: ended_ms.map(Duration::from_millis),
                verdict: text,
                story,
                from,
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_mesh_has_a_page(
            rows in prop::collection::vec(any_row(), 0..7),
            incidents in prop::collection::vec(any_incident(), 0..4),
        ) {
            let html = page_with(rows, incidents);
            // Only the template opens an element: whatever came from a name is escaped.
            let opened = html.split('<').skip(1).map(|rest| rest.trim_start_matches('/'));
            let known = ["!DOCTYPE", "html", "head", "meta", "title", "link", "noscript", "script", "body", "header", "main", "section",
                "h1", "h2", "p", "ul", "ol", "li", "div", "table", "caption", "thead", "tbody", "tr", "th", "td", "b>", "bdi", "small",
                "span", "strong", "time", "dl", "dt", "dd", "code", "nav", "a "];
            for element in opened {
                let is_known = known.iter().any(|name| element.starts_with(name)) || element.starts_with("b ") || element.starts_with("a>");
                prop_assert!(is_known, "<{}", element.chars().take(40).collect::<String>());
            }
        }
    }
}
