//! What somebody sees who has never seen the dashboard: which node it is, in the
//! first row, and no colour that says more than is known.
//!
//! Each test here holds one fault that was seen in a picture of an earlier version.

mod colours;
mod tried;

use std::collections::BTreeSet;

use promql_parser::parser::{self, Expr, VectorSelector};
use promql_parser::util::{ExprVisitor, walk_expr};
use serde_json::{Value, json};

use heartbeat::testing::telemetry::catalogue;

use super::dashboard;
use super::queries::{self, filled};

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or("")
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

/// The panel with this title.
fn panel(title: &str) -> Value {
    let dashboard = dashboard::dashboard();
    let found = queries::panels(&dashboard).into_iter().find(|panel| panel["title"] == title).cloned();
    found.unwrap_or_else(|| panic!("no panel is called {title:?}"))
}

fn expressions(panel: &Value) -> Vec<String> {
    list(&panel["targets"]).iter().map(|target| word(&target["expr"]).to_owned()).collect()
}

/// One property of the override for a column.
fn of_column(panel: &Value, column: &str, property: &str) -> Value {
    let all = list(&panel["fieldConfig"]["overrides"]);
    let of_it = all.iter().filter(|found| found["matcher"]["options"] == column);
    let mut properties = of_it.flat_map(|found| list(&found["properties"])).filter(|found| found["id"] == property);
    properties.next_back().map_or(Value::Null, |found| found["value"].clone())
}

#[test]
fn the_first_row_says_what_who_and_since_when_in_six_equal_tiles() {
    let dashboard = dashboard::dashboard();
    let first: Vec<Value> =
        list(&dashboard["panels"]).into_iter().skip(1).take_while(|panel| panel["type"] != "row").collect();
    let titles: Vec<&str> = first.iter().map(|panel| word(&panel["title"])).collect();
    assert_eq!(titles, ["Mesh", "Who?", "Nodes", "Links", "Since", "Alerts"]);
    for tile in &first {
        assert_eq!(tile["gridPos"]["w"], 4, "{}", tile["title"]);
    }
    let names: Vec<Value> =
        list(&panel("Who?")["targets"]).iter().map(|target| target["legendFormat"].clone()).collect();
    assert_eq!(names, ["✗ {{peer}}", "◌ {{node}}", "{{node}} ⇸ {{peer}}", "… and others", "✓ no node"]);
    assert_eq!(panel("Who?")["options"]["textMode"], "name");
    assert_eq!(panel("Since")["fieldConfig"]["defaults"]["unit"], "dateTimeFromNow");
}

/// Two words that are easily taken for one: what peers report of a node, and what Prometheus finds.
#[test]
fn panels_that_say_dead_or_not_scraped_say_what_that_is() {
    let mut seen = 0;
    for (word, meaning) in [("✗ dead", "Dead: "), ("○ not scraped", "Not scraped: ")] {
        let dashboard = dashboard::dashboard();
        for panel in queries::panels(&dashboard) {
            if panel["fieldConfig"].to_string().contains(word) {
                seen += 1;
                let description = panel["description"].as_str().unwrap_or_default();
                assert!(description.contains(meaning), "{}: {description}", panel["title"]);
            }
        }
    }
    assert_eq!(seen, 5, "two panels have states of links, three have states of nodes");
    let text = panel("How to read it")["options"]["content"].to_string();
    assert!(
        text.contains("**✗ dead** is down") && text.contains("**○ not scraped**: Prometheus gets no metrics"),
        "{text}"
    );
}

#[test]
fn three_rows_are_open_and_alerts_are_the_third() {
    let rows: Vec<Value> =
        list(&dashboard::dashboard()["panels"]).into_iter().filter(|panel| panel["type"] == "row").collect();
    assert_eq!(rows[2]["title"], "Alerts");
    for (index, row) in rows.iter().enumerate() {
        assert_eq!(row["collapsed"], index >= 3, "{}", row["title"]);
        assert_eq!(list(&row["panels"]).is_empty(), index < 3, "{}: a closed row holds its panels", row["title"]);
    }
    assert!(rows.len() > 6);
}

/// The rates of an observer that has died stay for as long as their window.
#[test]
fn what_a_dead_observer_measured_last_does_not_count() {
    let dashboard = dashboard::dashboard();
    let all = queries::queries(&dashboard);
    let by_link = |metric: &str, query: &queries::Query| {
        query.written.contains(&format!("{metric}{{")) && query.written.contains("by (node, peer")
    };
    let measured = all.iter().filter(|query| {
        by_link(catalogue::PINGS_FAILED, query) || by_link("heartbeat_ping_duration_seconds_bucket", query)
    });
    let mut checked = 0;
    for query in measured {
        checked += 1;
        let (panel, written) = (&query.panel, &query.written);
        assert!(written.contains(r#" and on (node) (up{job=~"$job"} == 1)"#), "{panel}: {written}");
        let up = format!(" and on (node, peer) {}", catalogue::PEER_UP);
        assert!(written.contains(&up), "{panel}: of links that are down too: {written}");
    }
    assert!(checked >= 7, "only {checked} queries measure links");
    for panel in queries::panels(&dashboard).into_iter().filter(|panel| word(&panel["title"]).starts_with("Loss")) {
        assert!(word(&panel["title"]).starts_with("Loss on links that are up"), "{}", panel["title"]);
    }
}

#[test]
fn a_matrix_is_narrow_keeps_its_names_in_sight_and_obeys_the_selection() {
    let dashboard = dashboard::dashboard();
    let matrices: Vec<&Value> = queries::panels(&dashboard)
        .into_iter()
        .filter(|panel| panel["transformations"].to_string().contains("groupingToMatrix"))
        .collect();
    assert_eq!(matrices.len(), 3);
    for matrix in matrices {
        assert_eq!(matrix["fieldConfig"]["defaults"]["custom"]["minWidth"], 56);
        assert_eq!(matrix["options"]["frozenColumns"]["left"], 1);
        let query = &expressions(matrix)[0];
        assert!(query.contains(r#"node=~"$rows",peer=~"$columns""#), "{query}");
    }
    let variables = list(&dashboard["templating"]["list"]);
    let query = |name: &str| {
        let found = variables.iter().find(|variable| variable["name"] == name).expect("a variable");
        assert_eq!((&found["hide"], &found["current"]["value"]), (&json!(2), &json!(["$__all"])), "{name}");
        word(&found["query"]["query"]).to_owned()
    };
    let (rows, columns, worst) = (query("rows"), query("columns"), query("worst"));
    assert!(rows.starts_with("query_result(topk(12, ") && rows.contains(r#"node=~"$node""#) && !rows.contains("$peer"));
    assert!(
        columns.starts_with("query_result(topk(12, ")
            && columns.contains(r#"peer=~"$peer""#)
            && !columns.contains("$node")
    );
    assert!(worst.starts_with("query_result(topk(12, ") && !worst.contains("$peer") && !worst.contains("$node"));
}

/// Names are sorted as text, so the number at their end is filled up.
#[test]
fn names_sort_as_people_count() {
    for (title, field) in [("State: what each node reports about each peer", "_peer"), ("Nodes, worst first", "_node")]
    {
        let panel = panel(title);
        let first = list(&panel["transformations"]).into_iter().find(|step| step["id"] == "sortBy").expect("a sort");
        assert_eq!(first["options"]["sort"][0]["field"], field, "{title}");
    }
    let mut lanes = 0;
    for panel in queries::panels(&dashboard::dashboard()).into_iter().filter(|panel| panel["type"] == "state-timeline")
    {
        let query = expressions(panel).remove(0);
        if !query.contains("ALERTS") {
            lanes += 1;
            assert!(query.starts_with("label_replace(") && query.contains(r#""${1}00$2""#), "{}", panel["title"]);
        }
        assert_eq!(panel["options"]["perPage"], 10, "{}", panel["title"]);
    }
    assert_eq!(lanes, 4);
    // What the two replacements make of names; Prometheus anchors its expressions.
    let padded = |name: &str| {
        let digits = name.len() - name.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        let (stem, number) = name.split_at(name.len() - digits);
        format!("{stem}{number:0>3}")
    };
    let mut names = ["node-10", "node-2", "node-1", "heartbeat-0"].map(padded);
    names.sort();
    assert_eq!(names, ["heartbeat-000", "node-001", "node-002", "node-010"]);
}

#[test]
fn the_table_of_nodes_has_the_worst_first() {
    let panel = panel("Nodes, worst first");
    let steps = list(&panel["transformations"]);
    let ids: Vec<&str> = steps.iter().map(|step| word(&step["id"])).collect();
    assert_eq!(ids, ["merge", "sortBy", "sortBy", "organize"], "the last sort decides, and keeps the order of equals");
    let rank = &steps[2]["options"]["sort"][0];
    assert_eq!(rank["desc"], true);
    let names = &steps[3]["options"]["renameByName"];
    let shown: BTreeSet<&str> = names.as_object().expect("names").values().map(word).collect();
    assert_eq!(shown, ["state", "reached by", "reaches", "worst loss", "p99", "available", "started"].into());
    assert_eq!(steps[3]["options"]["indexByName"]["version"], 8);
    assert_eq!(steps[3]["options"]["excludeByName"][word(&rank["field"])], true, "the rank is no column");
    let last = list(&panel["targets"]).len() - 1;
    assert_eq!(rank["field"], format!("Value #{}", char::from(b'A' + u8::try_from(last).expect("few"))));
}

/// What a query selects.
#[derive(Default)]
struct Selectors(Vec<VectorSelector>);

impl ExprVisitor for Selectors {
    type Error = std::convert::Infallible;

    fn pre_visit(&mut self, expression: &Expr) -> Result<bool, Self::Error> {
        match expression {
            Expr::VectorSelector(selector) => self.0.push(selector.clone()),
            Expr::MatrixSelector(matrix) => self.0.push(matrix.vs.clone()),
            _ => {}
        }
        Ok(true)
    }
}

/// The labels of every aggregation.
#[derive(Default)]
struct Groupings(Vec<Vec<String>>);

impl ExprVisitor for Groupings {
    type Error = std::convert::Infallible;

    fn pre_visit(&mut self, expression: &Expr) -> Result<bool, Self::Error> {
        if let Expr::Aggregate(aggregate) = expression {
            self.0.push(aggregate.modifier.as_ref().map(|by| by.labels().labels.clone()).unwrap_or_default());
        }
        Ok(true)
    }
}

/// A mesh of n nodes has n² links; read at every moment of the range, those of 100 nodes took 13.9 s and made 7.5 MB.
#[test]
fn queries_over_time_read_the_links_of_few_nodes() {
    let (dashboard, mut checked) = (dashboard::dashboard(), 0);
    let targets = queries::panels(&dashboard).into_iter().flat_map(|panel| list(&panel["targets"]));
    let marks = list(&dashboard["annotations"]["list"]).into_iter().map(|mark| mark["target"].clone());
    for target in targets.chain(marks).filter(|target| target["range"] == true) {
        let expression = word(&target["expr"]);
        // Matchers are told apart by the variable, so it must be a value that no other has.
        let told = expression.replace("$rows", "few").replace("$columns", "few").replace("$worst", "few");
        let parsed = parser::parse(&filled(&told)).unwrap_or_else(|problem| panic!("{problem}: {expression}"));
        let mut selectors = Selectors::default();
        walk_expr(&mut selectors, &parsed).expect("the visitor never fails");
        for selector in selectors.0 {
            let name = selector.name.clone().unwrap_or_default();
            let base = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(&name);
            if catalogue::find(base).is_some_and(|metric| metric.per_peer) {
                checked += 1;
                let few = selector.matchers.matchers.iter().any(|matcher| matcher.value == "few");
                assert!(few, "{name} of all links, at each moment: {expression}");
            }
        }
    }
    assert!(checked > 30, "only {checked} selectors were looked at");
    for title in [
        "Loss on links that are up, the ten worst",
        "Slow round trips (p99), the ten slowest links",
        "Since the last answer, the ten longest",
    ] {
        assert!(expressions(&panel(title))[0].starts_with("topk(10, "), "{title}");
    }
    for title in ["Links that were not alive all the time", "Peers that were not reached all the time"] {
        assert!(expressions(&panel(title))[0].contains("[$__range] @ end())) == 0"), "{title}");
    }
}

/// A frozen process reports its pause in the first scrape after it, and no rate has a value on both sides.
#[test]
fn what_happened_between_two_scrapes_is_shown() {
    for title in ["Time lost", "Notable events", "Restarts, by peer"] {
        let query = expressions(&panel(title)).remove(0);
        assert!(query.contains("[1h] offset $__interval)") && !query.contains("rate("), "{title}: {query}");
        assert_eq!(panel(title)["fieldConfig"]["defaults"]["custom"]["drawStyle"], "bars", "{title}");
    }
}

#[test]
fn an_incident_is_one_region_and_info_colours_nothing() {
    let marks = list(&dashboard::dashboard()["annotations"]["list"]);
    let regions: Vec<&Value> =
        marks.iter().filter(|mark| mark["builtIn"].is_null() && mark["useValueForTime"] == false).collect();
    let [region] = regions[..] else { panic!("{} regions", regions.len()) };
    assert!(word(&region["expr"]).starts_with("max(heartbeat_incidents_open{"), "one for the mesh: {region}");
    let shown = |name: &str| marks.iter().find(|mark| mark["name"] == name).expect("a mark")["enable"].clone();
    assert_eq!(shown("Peers down, unreachable or left"), false, "a mark for each observer");
    assert!(expressions(&panel("Alerts"))[0].contains(r#"severity=~"warning|critical""#));
    // Every alert of a mesh has its job; only the watchdog is about no mesh.
    let mut found = 0;
    for query in queries::queries(&dashboard::dashboard()) {
        for selector in query.written.split("ALERTS{").skip(1) {
            let of_job = selector.starts_with(r#"alertname=~"Heartbeat.+",job=~"$job","#);
            assert!(of_job || selector.starts_with(r#"alertname="HeartbeatWatchdog""#), "{}: {selector}", query.panel);
            found += 1;
        }
    }
    assert!(found >= 7, "{found} selectors of alerts");
    for rule in super::prometheus::rules() {
        let expression = word(&rule["expr"]);
        let mut groupings = Groupings::default();
        walk_expr(&mut groupings, &parser::parse(expression).expect(expression)).expect("the visitor never fails");
        let job = |labels: &Vec<String>| labels.iter().any(|label| label == "job");
        assert!(groupings.0.iter().all(job), "loses the job, so no dashboard shows its alerts: {expression}");
    }
    let table = panel("Pending and firing, now");
    for (column, width) in [("alertname", 230), ("severity", 90), ("node", 110), ("peer", 110)] {
        assert_eq!(of_column(&table, column, "custom.minWidth"), width);
    }
    assert_eq!(table["fieldConfig"]["defaults"]["noValue"], "-", "an alert without a node or a peer");
}

/// A node that hears nothing reports all others as unreachable.
#[test]
fn a_node_that_is_cut_off_does_not_make_others_look_bad() {
    let sound = "unless on (node) (max by (node) (heartbeat_cut_off{job=~\"$job\"} == 1) and on ()";
    let table = expressions(&panel("Nodes, worst first"));
    let timeline = expressions(&panel("Peers that were not reached all the time"));
    let who = expressions(&panel("Who?"));
    for query in [&table[1], &timeline[0], &who[0], &who[2]] {
        assert!(query.contains(sound), "{query}");
    }
    // And what a node reaches is measured by the best connected one, not by nodes that are down.
    assert!(table[2].contains("/ scalar(max("), "{}", table[2]);
}

#[test]
fn cells_and_headings_lead_on() {
    let dashboard = dashboard::dashboard();
    let links: Vec<Value> = list(&dashboard["links"]).iter().map(|link| link["url"].clone()).collect();
    assert_eq!(links, ["${page}", "${alertmanager}/#/alerts"]);
    let to_node = "${page}/node/${__value.text}";
    assert_eq!(of_column(&panel("Nodes, worst first"), "node", "links")[0]["url"], to_node);
    let matrix = panel("State: what each node reports about each peer");
    assert_eq!(matrix["fieldConfig"]["defaults"]["links"][0]["url"], "${page}/node/${__field.name}");
    let why = "${page}/why/${__data.fields[0]}/${__field.name}";
    assert_eq!(matrix["fieldConfig"]["defaults"]["links"][1]["url"], why, "from its observer and to its peer");
    // The pages are there: the program's own list of routes has both.
    let routes = super::files::text("src/http/route.rs");
    for route in [r#""/node/{name}""#, r#""/why/{observer}/{peer}""#] {
        assert!(routes.contains(route), "the program has no page {route}");
    }
    let named: BTreeSet<&str> = ["${documents}/dashboard.md", "${documents}/alerts.md"].into();
    let text = panel("How to read it")["options"]["content"].to_string();
    assert!(named.iter().all(|page| text.contains(page)), "{text}");
    for page in named {
        assert!(super::files::path(&page.replace("${documents}", "docs")).exists(), "{page}");
    }
    let variables = list(&dashboard["templating"]["list"]);
    for name in ["page", "alertmanager", "documents"] {
        assert!(variables.iter().any(|variable| variable["name"] == name), "no variable ${name}");
    }
}
