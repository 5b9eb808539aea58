//! `/` as a function of what is known: no clock, no socket, so the tests can show it ten thousand meshes.
//!
//! The parts in the order of the page: the bar ([`frame`](super::frame)), the findings, the matrix and the drawing or what
//! stands in for them, the nodes with their strips, the incidents, the events, and this node.

use std::time::Duration;

use maud::{Markup, html};

use super::blocks::blocks;
use super::frame::{Frame, Me};
use super::graph::{GRAPH_MAX, graph};
use super::incidents::{self, IncidentRow};
use super::matrix::{SQUARES_MAX, WORDS_MAX, matrix, observers_of};
use super::nodes;
use super::order::{Place, places};
use super::timeline::{Happening, section};
use super::todo;
use super::words::{Root, ago, prose, shown};
use crate::mesh::MeshView;
use crate::mesh_service::strips::Run;
use crate::render::headline::headline;
use crate::render::mesh::{Finding, Summary};
use crate::render::span;

/// Findings above the matrix. A machine that is overloaded has one for each node, and the matrix must stay on the screen.
const FINDINGS_OPEN: usize = 5;

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
    /// The last 15 minutes of each node, in the order of the mesh.
    pub strips: Vec<Vec<Run>>,
    /// The open ones first, then the newest.
    pub incidents: Vec<IncidentRow>,
    /// Newest first.
    pub happenings: Vec<Happening>,
    /// Leave out what is well.
    pub only_bad: bool,
}

impl Page<'_> {
    /// The whole document.
    pub fn html(&self) -> String {
        let places = places(self.mesh, &self.strips);
        let frame = Frame {
            root: Root::Here,
            me: &self.me,
            mesh: self.mesh,
            summary: self.summary,
            now: &self.now,
            title: shown(self.me.node),
        };
        frame.around(&html! {
            (self.details())
            (todo::section(self.mesh))
            (self.matrix(&places))
            (nodes::section(&places, self.only_bad))
            (incidents::section(&self.incidents))
            (section(&format!("Events of {}", shown(self.me.node)), &self.happenings))
            (self.about())
        })
    }

    /// What the bar has no room for.
    fn details(&self) -> Markup {
        let is_short = headline(self.mesh, self.summary) == self.summary.sentence;
        let findings = &self.summary.findings;
        let list = |findings: &[Finding]| {
            html! { ul { @for finding in findings { li .(finding.weight.as_str()) { (prose(&finding.text)) } } } }
        };
        html! {
            @if findings.len() > 1 || !is_short {
                section #details aria-label="Findings" {
                    @let (first, rest) = findings.split_at(findings.len().min(FINDINGS_OPEN));
                    (list(first))
                    @if !rest.is_empty() { details #more-findings { summary { (rest.len()) " more" } (list(rest)) } }
                }
            }
        }
    }

    fn matrix(&self, places: &[Place<'_>]) -> Markup {
        let bad: Vec<Place> = places.iter().filter(|place| place.is_bad()).copied().collect();
        let size = places.len();
        let is_bare = self.only_bad && bad.is_empty();
        html! {
            section #matrix aria-labelledby="matrix-title" {
                h2 #matrix-title { "Who reaches whom" }
                p .note {
                    @if size <= WORDS_MAX { "A row is what one node reports of the others; the figure is the last round trip in ms. " }
                    @else if size <= SQUARES_MAX { "A row is what one node reports of the others. ✓ up, ~ suspect, ✕ broken, ? not known: hover, tap or walk with the arrow keys for more. " }
                    "Gathered " (ago(self.age)) ", " (self.answered) " of " (self.asked) " peers answered. "
                    (toggle(self.only_bad, bad.len(), size))
                }
                @if is_bare { p { "Nothing is bad." } }
                @else if size > SQUARES_MAX { (blocks(self.mesh, places, self.only_bad)) }
                @else if self.only_bad { (matrix(&observers_of(places, &bad), &bad, size <= WORDS_MAX)) }
                @else {
                    div .pair {
                        (matrix(places, places, size <= WORDS_MAX))
                        @if (2..=GRAPH_MAX).contains(&size) { (graph(self.mesh)) }
                    }
                }
            }
        }
    }

    fn about(&self) -> Markup {
        let links = [
            ("matrix.txt", "this page as text"),
            ("mesh.svg", "as a picture"),
            ("api/v1/cluster", "cluster"),
            ("api/v1/matrix", "matrix"),
            ("api/v1/peers", "peers"),
            ("api/v1/events", "events"),
            ("api/v1/incidents", "incidents"),
            ("api/v1/node", "node"),
            ("api/v1/config", "settings"),
            ("metrics", "metrics"),
            ("healthz", "health"),
            ("ping", "ping"),
            ("openapi.json", "API contract"),
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
                nav aria-label="API" { @for (path, what) in links { a href=(Root::Here.to(path)) { (what) } " " } }
            }
        }
    }
}

/// The way to the other view of the same.
fn toggle(only_bad: bool, bad: usize, size: usize) -> Markup {
    html! {
        @if only_bad { a #toggle href="./" { "show all " (size) " nodes" } }
        @else if bad > 0 && size > 2 { a #toggle href="?only=bad" { "show only what is bad" } }
    }
}

#[cfg(test)]
mod tests {
    //! Shown ten thousand meshes, with names that mean harm.

    use proptest::prelude::*;

    use super::*;
    use crate::detector::evidence::Class;
    use crate::detector::peer::{BootId, PeerState, SelfState, Verdict};
    use crate::http::page::node::NodePage;
    use crate::http::page::why::{Evidence, Ping, WhyPage};
    use crate::mesh::{self, Cell, Row, RowFreshness};
    use crate::mesh_service::strips::Mark;

    fn me() -> Me<'static> {
        Me {
            node: "<b>me</b>",
            boot: Some(BootId(7)),
            state: Some(SelfState::Ready),
            version: "0.1.0",
            revision: "unknown",
            started: "2026-01-01T00:00:00.000Z".to_owned(),
            up_for: Duration::from_secs(130),
            tolerated_pause: Duration::from_millis(8900),
        }
    }

    fn page(rows: Vec<Row>) -> String {
        page_with(rows, Vec::new())
    }

    fn page_with(rows: Vec<Row>, incidents: Vec<IncidentRow>) -> String {
        page_of(rows, incidents, false)
    }

    fn page_of(rows: Vec<Row>, incidents: Vec<IncidentRow>, only_bad: bool) -> String {
        let view = mesh::view(rows);
        let happening = Happening {
            at: "2026-01-01T00:00:01.000Z".to_owned(),
            grave: true,
            event: "peer_down".to_owned(),
            sentence: "<img src=x onerror=alert(1)> is down".to_owned(),
        };
        let page = Page {
            me: me(),
            mesh: &view,
            summary: &crate::render::mesh::summary(&view),
            age: Duration::ZERO,
            asked: 2,
            answered: 1,
            now: "2026-01-01T00:02:10.000Z".to_owned(),
            strips: view.rows.iter().map(|_| vec![Run { mark: Mark::Down, slots: 90 }]).collect(),
            incidents,
            happenings: vec![happening],
            only_bad,
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
        let cells = html.split("<tbody>").nth(1).and_then(|rest| rest.split("</tbody>").next()).unwrap_or_default();
        assert_eq!(cells.matches("class=\"good\"").count(), 1, "only the report of a is current: {cells}");
        assert!(cells.contains("<td class=\"unknown\" title=\"b → a: was alive, reported 12 s ago\">"), "{cells}");
        assert!(cells.contains("<small title=\"reported 12 s ago\">12 s ago</small>"), "{cells}");
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
        assert!(html.contains("<header class=\"fault\" id=\"summary\">"), "{html}");
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

    /// On an overloaded machine every node is a finding.
    #[test]
    fn many_findings_leave_the_matrix_on_the_screen() {
        let names: Vec<String> = (1..=20).map(|number| format!("node-{number}")).collect();
        let slow = |own: &str| {
            let others = names.iter().filter(|name| *name != own);
            others.map(|name| Cell { degraded: true, ..cell(name, PeerState::Alive, None) }).collect()
        };
        let html = page(names.iter().map(|name| row(name, RowFreshness::Now, slow(name))).collect());
        let section = html.split("id=\"details\"").nth(1).and_then(|rest| rest.split("</section>").next());
        let (open, folded) = section.and_then(|section| section.split_once("<details")).expect("some are folded");
        assert_eq!((open.matches("<li").count(), folded.matches("<li").count()), (5, 15));
        assert!(folded.contains("<summary>15 more</summary>"), "{folded}");
    }

    /// Of the nodes `node-1` to `node-N`, the last `dead` of them down.
    fn page_with_dead(size: usize, dead: usize) -> String {
        let names: Vec<String> = (1..=size).map(|number| format!("node-{number}")).collect();
        let is_dead = |name: &String| names.iter().rev().take(dead).any(|other| other == name);
        let cells = |own: &String| {
            let others = names.iter().filter(|name| *name != own);
            let cell = |name: &String| match is_dead(name) {
                true => Cell { class: Some(Class::Gone), ..cell(name, PeerState::Dead, Some(Verdict::Down)) },
                false => cell(name, PeerState::Alive, None),
            };
            others.map(cell).collect()
        };
        let fresh = |name: &String| if is_dead(name) { RowFreshness::Before } else { RowFreshness::Now };
        page(names.iter().map(|name| row(name, fresh(name), cells(name))).collect())
    }

    #[test]
    fn what_is_bad_comes_with_what_to_do_about_it() {
        let todo = |html: &str| {
            let section = html.split("id=\"todo\"").nth(1).and_then(|rest| rest.split("</section>").next());
            section.map(|section| section.replace("<bdi>", "").replace("</bdi>", ""))
        };
        let one = todo(&page_with_dead(3, 1)).expect("something is bad");
        assert!(one.contains(">node-3</a></b>: start it; read its last log lines</li>"), "{one}");
        let six = todo(&page_with_dead(12, 6)).expect("something is bad");
        assert_eq!(six.matches("<li>").count(), 1, "one line for all with the same advice: {six}");
        assert!(six.contains("node-10</a></b> and 2 more: start them; read their last log lines</li>"), "{six}");
        assert_eq!(todo(&page_with_dead(3, 0)), None);
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

    /// An element that is not the template's: whatever came from a name is escaped.
    fn foreign_element(html: &str) -> Option<String> {
        let known = [
            "!DOCTYPE", "html", "head", "meta", "title", "link", "noscript", "script", "body", "header", "main",
            "section", "h1", "h2", "h3", "p", "ul", "ol", "li", "div", "table", "caption", "thead", "tbody", "tr",
            "th", "td", "b", "bdi", "small", "span", "strong", "time", "dl", "dt", "dd", "code", "nav", "a", "details",
            "summary", "svg", "g", "path", "text", "defs", "desc", "marker", "rect",
        ];
        let opened = html.split('<').skip(1).map(|rest| rest.trim_start_matches('/'));
        let name = |rest: &str| {
            rest.split(|c: char| !(c.is_ascii_alphanumeric() || c == '!')).next().unwrap_or_default().to_owned()
        };
        opened.map(name).find(|name| !known.contains(&name.as_str()))
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 5_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_mesh_has_a_page(
            rows in prop::collection::vec(any_row(), 0..7),
            incidents in prop::collection::vec(any_incident(), 0..4),
        ) {
            for only_bad in [false, true] {
                let html = page_of(rows.clone(), incidents.clone(), only_bad);
                prop_assert_eq!(foreign_element(&html), None);
            }
        }

    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_large_mesh_has_a_page(rows in prop::collection::vec(any_row(), 0..100)) {
            let html = page_with(rows, Vec::new());
            prop_assert_eq!(foreign_element(&html), None);
        }

        #[test]
        fn any_node_and_any_link_have_a_page(
            rows in prop::collection::vec(any_row(), 1..16),
            text in any_name(),
            picks in any::<[prop::sample::Index; 2]>(),
        ) {
            let view = mesh::view(rows);
            let [member, peer] = picks.map(|pick| &view.rows[pick.index(view.rows.len())].observer);
            let summary = crate::render::mesh::summary(&view);
            let runs = || vec![Run { mark: Mark::Partly, slots: 90 }];
            let happening = Happening { at: text.clone(), grave: false, event: text.clone(), sentence: text.clone() };
            let node = NodePage {
                mesh: &view,
                member,
                strip: runs(),
                links: view.rows.iter().skip(1).map(|_| (runs(), runs())).collect(),
                why: Some(text.clone()),
                happenings: vec![happening],
            };
            let ping = Ping { age: Duration::MAX, purpose: text.clone(), end: text.clone(), took: None };
            let evidence = Some(Evidence { explanation: text, pings: vec![ping] });
            let link = WhyPage { mesh: &view, observer: member, peer, strip: runs(), evidence };
            let (me, now) = (me(), "2026-01-01T00:02:10.000Z");
            for sections in [node.sections(), link.sections()] {
                let title = member.to_string();
                let frame = Frame { root: Root::Two, me: &me, mesh: &view, summary: &summary, now, title };
                prop_assert_eq!(foreign_element(&frame.around(&sections)), None);
            }
            let svg = crate::http::page::graph::file(&view, &summary.sentence, "3 nodes");
            prop_assert_eq!(foreign_element(&svg), None);
        }
    }
}
