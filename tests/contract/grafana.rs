//! The dashboard and Grafana's provisioning: the file is what the generator
//! makes, its queries ask for what a node really exports, and it can be read by
//! someone who has never seen it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use heartbeat::testing::telemetry::catalogue::{self, Kind};
use promql_parser::label::MatchOp;
use promql_parser::parser::{self, Expr, LabelModifier, VectorSelector};
use serde_json::Value;

use super::files::{path, text, yaml};
use super::{dashboard, queries};

const REWRITE: &str = "HEARTBEAT_WRITE=1 cargo test --test contract generator";

/// What Prometheus adds to every series of a target.
const TARGET_LABELS: &[&str] = &["job", "instance", "node"];

/// Series that Prometheus writes itself, with their labels besides those of the target.
const OF_PROMETHEUS: &[(&str, &[&str])] = &[("up", &[]), ("ALERTS", &["alertname", "alertstate", "severity", "peer"])];

/// Annotations of a config map may hold 256 KiB, and `kubectl apply` keeps a copy of the file in one.
const FILE_BYTES_MAX: usize = 200 * 1024;

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or("")
}

#[track_caller]
fn none(what: &str, found: &[String]) {
    assert!(found.is_empty(), "{what}:\n  {}", found.join("\n  "));
}

#[test]
fn grafana_reads_what_the_generator_makes() {
    let (file, fresh) = (path(dashboard::FILE), dashboard::text());
    if std::env::var_os("HEARTBEAT_WRITE").is_some() {
        fs::write(&file, fresh).expect("the dashboard can be written");
        return;
    }
    let written = text(dashboard::FILE);
    let differing = written.lines().zip(fresh.lines()).find(|(written, fresh)| written != fresh);
    let file = dashboard::FILE;
    assert!(written == fresh, "{file} is not what the generator makes; `{REWRITE}` rewrites it: {differing:#?}");
    assert!(fresh.len() < FILE_BYTES_MAX, "{} bytes, {FILE_BYTES_MAX} allowed", fresh.len());
}

#[test]
fn every_panel_explains_itself() {
    let dashboard = dashboard::dashboard();
    let mut found = Vec::new();
    for panel in queries::panels(&dashboard) {
        let (title, description) = (word(&panel["title"]), word(&panel["description"]));
        let mut expect = |holds: bool, what: &str| {
            if !holds {
                found.push(format!("{title:?}: {what}"));
            }
        };
        let defaults = &panel["fieldConfig"]["defaults"];
        expect(!title.is_empty() && title.len() <= 50, "a title that fits above it");
        expect(description.ends_with('.'), "a description in sentences");
        expect(!word(&defaults["unit"]).is_empty(), "a unit");
        if panel["type"] == "text" {
            continue;
        }
        expect(description.contains("Good") || title == "Silence before a verdict", "what good looks like");
        let nothing = word(&defaults["noValue"]);
        expect(!nothing.is_empty() && !nothing.contains(|c: char| c.is_ascii_digit()), "words for no data");
        for target in panel["targets"].as_array().into_iter().flatten() {
            let legend = word(&target["legendFormat"]);
            let many = matches!(word(&panel["type"]), "timeseries" | "state-timeline" | "heatmap" | "table");
            expect(!legend.is_empty() && (legend.contains("{{") || !many), "a legend that names its series");
        }
    }
    none("panels that lack something", &found);
}

#[test]
fn panels_are_of_current_kinds_and_lie_on_the_grid() {
    let current = ["row", "stat", "table", "timeseries", "state-timeline", "status-history", "heatmap", "text"];
    let dashboard = dashboard::dashboard();
    let open = dashboard["panels"].as_array().expect("panels");
    // The panels of a closed row lie below it when it is opened, and what follows moves down.
    let closed = open.iter().filter_map(|row| row["panels"].as_array()).filter(|panels| !panels.is_empty());
    let mut ids = BTreeSet::new();
    for together in std::iter::once(open).chain(closed) {
        lie_on_the_grid(together, &mut ids, &current);
    }
    assert!(ids.len() > 40, "only {} panels", ids.len());
}

fn lie_on_the_grid(panels: &[Value], ids: &mut BTreeSet<u64>, current: &[&str]) {
    let mut cells = BTreeMap::new();
    for panel in panels {
        let title = word(&panel["title"]);
        assert!(current.contains(&word(&panel["type"])), "{title}: {}", panel["type"]);
        assert!(ids.insert(panel["id"].as_u64().expect("an id")), "{title}: its id is used twice");
        let at = |side: &str| panel["gridPos"][side].as_u64().expect("a place");
        let (x, y, width, height) = (at("x"), at("y"), at("w"), at("h"));
        assert!(width > 0 && height > 0 && x + width <= 24, "{title} does not lie on the grid");
        for cell in (y..y + height).flat_map(|y| (x..x + width).map(move |x| (x, y))) {
            if let Some(other) = cells.insert(cell, title) {
                panic!("{title} overlaps {other}");
            }
        }
    }
}

/// What an expression asks for.
#[derive(Default)]
struct Asked {
    /// Labels that its series can have.
    known: BTreeSet<String>,
    /// Labels by which it groups, joins and relabels.
    used: BTreeSet<String>,
    /// Whether it compares values with those before: then a counter needs no rate.
    steps: bool,
    faults: Vec<String>,
}

impl Asked {
    fn of(expression: &Expr) -> Asked {
        let steps = expression.to_string().contains(" offset ");
        let mut asked = Asked { steps, ..Asked::default() };
        asked.walk(expression, "");
        let unknown = asked.used.difference(&asked.known).map(|label| format!("nothing has a label {label:?}"));
        asked.faults.extend(unknown);
        asked
    }

    /// `function`: the call that this expression is an argument of.
    fn walk(&mut self, expression: &Expr, function: &str) {
        match expression {
            Expr::Aggregate(aggregate) => {
                self.uses(aggregate.modifier.as_ref());
                self.walk(&aggregate.expr, "");
            }
            Expr::Binary(binary) => {
                if let Some(modifier) = &binary.modifier {
                    self.uses(modifier.matching.as_ref());
                    self.used.extend(modifier.card.labels().into_iter().flat_map(|labels| labels.labels.clone()));
                }
                self.walk(&binary.lhs, "");
                self.walk(&binary.rhs, "");
            }
            Expr::Call(call) => {
                let arguments: Vec<&Expr> = call.args.args.iter().map(Box::as_ref).collect();
                if let ("label_replace", [_, Expr::StringLiteral(made), _, Expr::StringLiteral(from), _]) =
                    (call.func.name, &arguments[..])
                {
                    self.known.insert(made.val.clone());
                    self.used.insert(from.val.clone());
                }
                for argument in arguments {
                    self.walk(argument, call.func.name);
                }
            }
            Expr::VectorSelector(selector) => self.selects(selector, None),
            Expr::MatrixSelector(matrix) => self.selects(&matrix.vs, Some(function)),
            Expr::Paren(paren) => self.walk(&paren.expr, function),
            Expr::Unary(unary) => self.walk(&unary.expr, ""),
            Expr::NumberLiteral(_) | Expr::StringLiteral(_) => {}
            Expr::Subquery(_) | Expr::Extension(_) => self.faults.push("a subquery: slow, and none is needed".into()),
        }
    }

    fn uses(&mut self, modifier: Option<&LabelModifier>) {
        self.used.extend(modifier.into_iter().flat_map(|modifier| modifier.labels().labels.clone()));
    }

    /// `over`: the function that is given a range of these series, if it is one.
    fn selects(&mut self, selector: &VectorSelector, over: Option<&str>) {
        let name = selector.name.as_deref().unwrap_or("");
        let base = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| name.strip_suffix(suffix));
        let histogram = base.and_then(catalogue::find).filter(|metric| metric.kind == Kind::Histogram);
        let metric = histogram.or_else(|| catalogue::find(name));
        let own: Vec<&str> = match (metric, OF_PROMETHEUS.iter().find(|(known, _)| *known == name)) {
            (Some(metric), _) => metric.label_names(),
            (None, Some((_, labels))) => labels.to_vec(),
            (None, None) => return self.faults.push(format!("{name:?} is in no catalogue")),
        };
        let bucket = histogram.filter(|_| name.ends_with("_bucket")).map(|_| "le");
        let labels: BTreeSet<&str> = own.into_iter().chain(TARGET_LABELS.iter().copied()).chain(bucket).collect();
        for matcher in &selector.matchers.matchers {
            let closed = metric.and_then(|metric| metric.labels.iter().find(|label| label.name == matcher.name));
            let values = closed.map(|label| (label.values)()).unwrap_or_default();
            let exact = matches!(matcher.op, MatchOp::Equal | MatchOp::Re(_));
            let strange = |value: &&str| exact && !values.is_empty() && !values.contains(value);
            if !labels.contains(matcher.name.as_str()) {
                self.faults.push(format!("{name} has no label {:?}", matcher.name));
            } else if let Some(value) = matcher.value.split('|').find(strange) {
                self.faults.push(format!("{} of {name} is never {value:?}", matcher.name));
            }
        }
        let counts = histogram.is_some() || metric.is_some_and(|metric| metric.kind.as_str() == "counter");
        match over {
            Some("rate" | "increase") if counts => {}
            Some("last_over_time") if !counts || self.steps => {}
            Some("min_over_time" | "sum_over_time" | "count_over_time") if !counts => {}
            None if self.steps => {}
            None if !counts => {}
            _ => self.faults.push(format!("{name} under {over:?}")),
        }
        self.known.extend(labels.into_iter().map(str::to_owned));
    }
}

#[test]
fn queries_ask_for_what_is_there() {
    let dashboard = queries::dashboard();
    let all = queries::queries(&dashboard);
    let mut found = Vec::new();
    for query in &all {
        let mut fault = |fault: String| found.push(format!("{}: {fault}: {}", query.panel, query.written));
        let parsed = match parser::parse(&query.expression) {
            Ok(parsed) => parsed,
            Err(problem) => {
                fault(problem);
                continue;
            }
        };
        let mut asked = Asked::of(&parsed);
        let in_legend = query.legend.split("{{").skip(1).filter_map(|rest| rest.split("}}").next()).map(str::trim);
        let strange = in_legend.filter(|label| !asked.known.contains(*label)).map(|label| format!("legend {label:?}"));
        let strange: Vec<String> = strange.collect();
        asked.faults.extend(strange);
        // What stands between quotes is no window, and the hour is how far back a step looks.
        let outside = query.written.split('"').step_by(2).collect::<String>();
        let outside = outside.replace("[1h] offset $__interval", "");
        for window in outside.split('[').skip(1).filter_map(|rest| rest.split(']').next()) {
            if !matches!(window, "$__rate_interval" | "$__range") {
                asked.faults.push(format!("a window of {window:?}, which does not follow the reader's zoom"));
            }
        }
        asked.faults.into_iter().for_each(&mut fault);
    }
    none("queries", &found);
    assert!(all.len() > 30, "only {} queries were found", all.len());
}

#[test]
fn the_checks_of_queries_see_what_they_should() {
    let faults = |text: &str| Asked::of(&parser::parse(text).expect(text)).faults;
    assert_eq!(faults("sum by (node, peer) (rate(heartbeat_pings_total[1m]))"), [""; 0]);
    assert_eq!(faults("heartbeat_nothing"), [r#""heartbeat_nothing" is in no catalogue"#]);
    assert_eq!(faults("heartbeat_pings_total"), ["heartbeat_pings_total under None"]);
    assert_eq!(faults("heartbeat_pings_total - last_over_time(heartbeat_pings_total[1h] offset 5s)"), [""; 0]);
    assert_eq!(faults("rate(heartbeat_peer_up[1m])"), [r#"heartbeat_peer_up under Some("rate")"#]);
    assert_eq!(faults(r#"heartbeat_cut_off{peer="a"}"#), [r#"heartbeat_cut_off has no label "peer""#]);
    assert_eq!(faults(r#"heartbeat_peers{state=~"alive|well"}"#), [r#"state of heartbeat_peers is never "well""#]);
    assert_eq!(faults("sum by (le) (heartbeat_peer_up)"), [r#"nothing has a label "le""#]);
    assert_eq!(faults("up * on (peer) up"), [r#"nothing has a label "peer""#]);
    assert_eq!(faults(r#"sum by (peer) (label_replace(up, "peer", "$1", "node", "(.+)"))"#), [""; 0]);
    assert_eq!(faults(r#"label_replace(up, "peer", "$1", "host", "(.+)")"#), [r#"nothing has a label "host""#]);
}

#[test]
fn what_may_be_empty_is_on_the_dashboard() {
    let panels: BTreeSet<String> =
        queries::queries(&queries::dashboard()).into_iter().map(|query| query.panel).collect();
    for (panel, reason) in queries::MAY_BE_EMPTY {
        assert!(panels.contains(*panel) && !reason.is_empty(), "{panel}");
    }
    assert_eq!(queries::filled("$job $node $peer [$__rate_interval]"), "heartbeat .+ .+ [20s]");
}

#[test]
fn every_query_goes_to_the_data_source_that_the_reader_chose() {
    let dashboard = dashboard::dashboard();
    let variables = dashboard["templating"]["list"].as_array().expect("variables");
    let names: Vec<&str> = variables.iter().map(|variable| word(&variable["name"])).collect();
    let expected =
        ["datasource", "job", "node", "peer", "worst", "rows", "columns", "page", "alertmanager", "documents"];
    assert_eq!(names, expected);
    assert_eq!(variables[0]["current"]["value"], dashboard::DATASOURCE);
    for variable in variables.iter().filter(|variable| variable["type"] == "query") {
        let query = word(&variable["query"]["query"]);
        if let Some(inner) = query.strip_prefix("query_result(").and_then(|rest| rest.strip_suffix(')')) {
            let asked = Asked::of(&parser::parse(&queries::filled(inner)).expect(query));
            none(query, &asked.faults);
            assert_eq!(variable["regex"], r#"/node="([^"]+)"/"#);
            continue;
        }
        let inner = query.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')')).expect(query);
        let (series, label) = inner.rsplit_once(", ").expect(query);
        let asked = Asked::of(&parser::parse(&queries::filled(series)).expect(query));
        none(query, &asked.faults);
        assert!(asked.known.contains(label), "{query}");
    }
    let mut found = Vec::new();
    data_sources(&dashboard, &mut found);
    assert!(found.len() > 60, "only {} data sources were found", found.len());
    found.retain(|uid| !matches!(uid.as_str(), "${datasource}" | "-- Grafana --"));
    none("a data source that cannot be changed", &found);
}

fn data_sources(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(uid) = fields.get("datasource").and_then(|source| source["uid"].as_str()) {
                found.push(uid.to_owned());
            }
            fields.values().for_each(|value| data_sources(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| data_sources(value, found)),
        _ => {}
    }
}

#[test]
fn words_differ_and_so_do_their_signs() {
    let dashboard = dashboard::dashboard();
    let mut checked = 0;
    for panel in queries::panels(&dashboard) {
        let mappings = panel["fieldConfig"]["defaults"]["mappings"].as_array().into_iter().flatten();
        let results =
            mappings.filter(|mapping| mapping["type"] == "range").map(|mapping| &mapping["options"]["result"]);
        let mut bad = BTreeSet::new();
        let mut good = BTreeSet::new();
        for result in results {
            let (text, colour) = (word(&result["text"]), word(&result["color"]));
            let sign = text.chars().next().expect("a word");
            let signs = if colour == dashboard::FINE { &mut good } else { &mut bad };
            signs.insert(sign);
            checked += 1;
        }
        assert!(good.is_disjoint(&bad), "{}: only the colour distinguishes good from bad", panel["title"]);
    }
    assert!(checked > 20, "only {checked} words were found");
}

#[test]
fn grafana_finds_the_files_where_compose_mounts_them() {
    let source = &yaml("grafana/provisioning/datasources/prometheus.yml")["datasources"][0];
    assert_eq!(source["uid"], dashboard::DATASOURCE);
    assert_eq!(source["editable"], false);
    let prometheus = yaml("prometheus/prometheus.yml");
    assert_eq!(source["jsonData"]["timeInterval"], prometheus["global"]["scrape_interval"]);
    let provider = &yaml("grafana/provisioning/dashboards/heartbeat.yml")["providers"][0];
    assert_eq!(provider["allowUiUpdates"], false);

    let compose = yaml("docker-compose.yml");
    let grafana = &compose["services"]["grafana"];
    let mounts: BTreeMap<&str, &str> = grafana["volumes"]
        .as_array()
        .expect("mounts")
        .iter()
        .map(|mount| word(mount).strip_suffix(":ro").and_then(|mount| mount.split_once(':')).expect("read-only"))
        .map(|(from, to)| (to, from.trim_start_matches("./")))
        .collect();
    assert_eq!(mounts["/etc/grafana/provisioning"], "grafana/provisioning");
    let folder = word(&provider["options"]["path"]);
    assert!(dashboard::FILE.starts_with(mounts[folder]), "{folder} is not where the dashboard is");

    assert_eq!(word(&grafana["env_file"][0]).trim_start_matches("./"), "grafana/grafana.env");
    let file = text("grafana/grafana.env");
    let settings: BTreeMap<&str, &str> =
        file.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('=')).collect();
    let home = settings["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"];
    let name = dashboard::FILE.rsplit('/').next().expect("a name");
    assert_eq!(home, format!("{folder}/{name}"), "the first page is the dashboard");
    assert_eq!(settings["GF_AUTH_ANONYMOUS_ORG_ROLE"], "Viewer");
    assert!(settings.keys().all(|name| name.starts_with("GF_")));
    // The address at which compose and Kubernetes both have Prometheus.
    assert!(compose["services"]["prometheus"].is_object() && source["url"] == "http://prometheus:9090");
}

#[test]
fn kubernetes_is_given_every_file_that_compose_mounts() {
    let base = yaml("grafana/kustomization.yaml");
    let generators = base["configMapGenerator"].as_array().expect("config maps");
    let listed = generators.iter().flat_map(|map| [&map["files"], &map["envs"]]).filter_map(Value::as_array).flatten();
    let listed: BTreeSet<String> = listed.map(|file| format!("grafana/{}", word(file))).collect();
    let mut there = BTreeSet::from(["grafana/grafana.env".to_owned()]);
    for folder in ["grafana/provisioning/datasources", "grafana/provisioning/dashboards", "grafana/dashboards"] {
        for entry in fs::read_dir(path(folder)).unwrap_or_else(|error| panic!("{folder}: {error}")) {
            let name = entry.expect("an entry").file_name().to_string_lossy().into_owned();
            // Grafana reads no YAML there; it is the base of components/kube-prometheus.
            if name != "kustomization.yaml" {
                there.insert(format!("{folder}/{name}"));
            }
        }
    }
    assert_eq!(listed, there);
}
