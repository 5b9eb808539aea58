//! Prometheus' side of the bundle: its rules read what the program writes, each
//! alert says what it must, has a page section and cases, and the targets are
//! the nodes that compose starts.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use heartbeat::testing::telemetry::catalogue::{self, CATALOGUE, Kind};
use promql_parser::label::MatchOp;
use promql_parser::parser::{self, Expr, VectorSelector};
use promql_parser::util::{ExprVisitor, walk_expr};
use serde_json::Value;

use super::files;

pub const RULES: [&str; 3] =
    ["prometheus/rules/mesh.yml", "prometheus/rules/quality.yml", "prometheus/rules/prober.yml"];
const CASES: [&str; 4] = [
    "prometheus/tests/mesh.yml",
    "prometheus/tests/quality.yml",
    "prometheus/tests/prober.yml",
    "prometheus/tests/scenarios.yml",
];
const PAGE: &str = "docs/alerts.md";
const CONFIG: &str = "prometheus/prometheus.yml";

/// What the scrape adds to every series.
const OF_THE_TARGET: [&str; 3] = ["job", "node", "instance"];

/// All alerts.
const ALERTS: [&str; 20] = [
    "HeartbeatPeerDown",
    "HeartbeatMaintenanceOverrun",
    "HeartbeatMeshPartitioned",
    "HeartbeatNodeIsolated",
    "HeartbeatPeerCutOff",
    "HeartbeatLinkDown",
    "HeartbeatLinkAsymmetric",
    "HeartbeatKeyMismatch",
    "HeartbeatConfigMismatch",
    "HeartbeatTargetMissing",
    "HeartbeatLossHigh",
    "HeartbeatLatencyHigh",
    "HeartbeatLinkDegraded",
    "HeartbeatPeerFlapping",
    "HeartbeatPeerCrashLooping",
    "HeartbeatCertificateExpiring",
    "HeartbeatProberDegraded",
    "HeartbeatProberStalled",
    "HeartbeatProberSlow",
    "HeartbeatWatchdog",
];

/// All rules of all files, in the order in which they are evaluated.
pub fn rules() -> Vec<Value> {
    let groups = RULES.iter().flat_map(|name| list(&files::yaml(name)["groups"]));
    groups.flat_map(|group| list(&group["rules"])).collect()
}

pub fn alerts() -> Vec<Value> {
    rules().into_iter().filter(|rule| rule["alert"].is_string()).collect()
}

pub fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_else(|| panic!("a list, not {value}"))
}

pub fn word<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("{key} is missing in {value}"))
}

/// How long an alert waits: `10s`, `1m`, or not at all.
pub fn wait(alert: &Value) -> Duration {
    let Some(text) = alert["for"].as_str() else { return Duration::ZERO };
    let (number, unit) = text.split_at(text.len() - 1);
    let number: u64 = number.parse().unwrap_or_else(|_| panic!("{text} is no duration"));
    Duration::from_secs(number * if unit == "m" { 60 } else { 1 })
}

/// `HeartbeatPeerDown` is called PeerDown where people read.
pub fn short(alert: &str) -> &str {
    alert.strip_prefix("Heartbeat").unwrap_or_else(|| panic!("{alert} does not begin with Heartbeat"))
}

/// Every expression: of rules, and of the queries that their texts make.
fn expressions() -> Vec<(String, String)> {
    let mut all = Vec::new();
    for rule in rules() {
        let name = rule["alert"].as_str().or(rule["record"].as_str()).expect("a name").to_owned();
        all.push((name.clone(), word(&rule, "expr").to_owned()));
        let texts = rule["annotations"].as_object().cloned().unwrap_or_default();
        for text in texts.values().filter_map(Value::as_str) {
            let queries = text.split("printf \"").skip(1).filter_map(|rest| rest.split('"').next());
            let queries = queries.filter(|query| query.contains("%q"));
            all.extend(queries.map(|query| (format!("{name}, a text"), query.replace("%q", "\"x\""))));
        }
    }
    all
}

/// Collects what an expression selects and by which labels it groups and joins.
#[derive(Default)]
struct Used {
    selectors: Vec<VectorSelector>,
    labels: BTreeSet<String>,
}

impl Used {
    fn by(expression: &str) -> Used {
        let parsed = parser::parse(expression).unwrap_or_else(|error| panic!("{error}: {expression}"));
        let mut used = Used::default();
        walk_expr(&mut used, &parsed).expect("the visitor never fails");
        used
    }
}

impl ExprVisitor for Used {
    type Error = std::convert::Infallible;

    fn pre_visit(&mut self, expression: &Expr) -> Result<bool, Self::Error> {
        let modifiers = match expression {
            Expr::VectorSelector(selector) => {
                self.selectors.push(selector.clone());
                None
            }
            Expr::MatrixSelector(matrix) => {
                self.selectors.push(matrix.vs.clone());
                None
            }
            Expr::Aggregate(aggregate) => aggregate.modifier.as_ref(),
            Expr::Binary(binary) => binary.modifier.as_ref().and_then(|modifier| modifier.matching.as_ref()),
            _ => None,
        };
        self.labels.extend(modifiers.into_iter().flat_map(|labels| labels.labels().labels.clone()));
        Ok(true)
    }
}

/// The labels that a metric of ours has, and the values of those that are closed sets. `None`: not ours.
fn labels_of(metric: &str) -> Option<BTreeMap<&'static str, Vec<&'static str>>> {
    let histogram = ["_bucket", "_sum", "_count"].iter().find_map(|end| {
        let metric = catalogue::find(metric.strip_suffix(end)?)?;
        (metric.kind == Kind::Histogram).then_some((metric, *end))
    });
    let (metric, end) = histogram.or(catalogue::find(metric).map(|metric| (metric, "")))?;
    let mut labels: BTreeMap<_, _> = metric.labels.iter().map(|label| (label.name, (label.values)())).collect();
    labels.extend(metric.per_peer.then(|| ("peer", Vec::new())));
    labels.extend((end == "_bucket").then(|| ("le", Vec::new())));
    labels.extend(OF_THE_TARGET.map(|label| (label, Vec::new())));
    Some(labels)
}

#[test]
fn rules_read_metrics_and_labels_that_the_program_writes() {
    let recorded: BTreeSet<String> =
        rules().iter().filter_map(|rule| rule["record"].as_str().map(str::to_owned)).collect();
    for (rule, expression) in expressions() {
        let used = Used::by(&expression);
        for selector in &used.selectors {
            let metric = selector.name.as_deref().unwrap_or_else(|| panic!("{rule}: a selector without a name"));
            let ours = labels_of(metric);
            assert!(ours.is_some() || recorded.contains(metric) || metric == "up", "{rule}: there is no {metric}");
            for matcher in &selector.matchers.matchers {
                let Some(labels) = &ours else { continue };
                let values = labels.get(&*matcher.name).unwrap_or_else(|| {
                    panic!("{rule}: {metric} has no label {}", matcher.name);
                });
                let named: Vec<&str> = match matcher.op {
                    MatchOp::Equal | MatchOp::NotEqual => vec![&matcher.value],
                    MatchOp::Re(_) | MatchOp::NotRe(_) => matcher.value.split('|').collect(),
                };
                let known = |value: &&str| values.is_empty() || values.contains(value);
                assert!(named.iter().all(known), "{rule}: {metric}{{{matcher}}} is none of {values:?}");
            }
        }
        let known = |label: &String| ["peer", "le"].iter().chain(&OF_THE_TARGET).any(|name| name == label);
        let strangers: Vec<&String> = used.labels.iter().filter(|label| !known(label)).collect();
        assert!(strangers.is_empty(), "{rule} groups or joins by {strangers:?}");
    }
}

/// `level:metric:operations`, <https://prometheus.io/docs/practices/rules/>.
#[test]
fn recorded_names_say_level_metric_and_operations() {
    for rule in rules().iter().filter(|rule| rule["record"].is_string()) {
        let name = word(rule, "record");
        let [level, metric, operations] = name.split(':').collect::<Vec<_>>()[..] else {
            panic!("{name} has not three parts")
        };
        assert!(["link", "node", "peer"].contains(&level), "{name}");
        let bare = |name: &str| name.strip_suffix("_total").unwrap_or(name) == metric;
        assert!(metric == "up" || CATALOGUE.iter().any(|metric| bare(metric.name)), "{name}: no metric {metric}");
        assert!(!operations.is_empty(), "{name}");
    }
}

/// Every rule that is recorded is there because another rule, or a text, reads it.
#[test]
fn nothing_is_recorded_for_nobody() {
    let used: BTreeSet<String> = expressions()
        .iter()
        .flat_map(|(_, expression)| Used::by(expression).selectors)
        .filter_map(|selector| selector.name)
        .collect();
    for rule in rules().iter().filter(|rule| rule["record"].is_string()) {
        assert!(used.contains(word(rule, "record")), "nothing reads {}", word(rule, "record"));
    }
}

#[test]
fn the_alerts_are_those_of_the_design() {
    let alerts = alerts();
    let names: BTreeSet<&str> = alerts.iter().map(|alert| word(alert, "alert")).collect();
    assert_eq!(names, ALERTS.into(), "a name too many or too few");
    // The same thing may be worse in one case than in another, but is said once of each severity.
    let kinds: BTreeSet<_> = alerts.iter().map(|a| (word(a, "alert"), word(&a["labels"], "severity"))).collect();
    assert_eq!(kinds.len(), alerts.len(), "an alert twice: {kinds:?}");
}

#[test]
fn each_alert_says_what_it_must() {
    let page = sections();
    for alert in alerts() {
        let name = word(&alert, "alert");
        let texts = &alert["annotations"];
        assert!(["critical", "warning", "info", "none"].contains(&word(&alert["labels"], "severity")), "{name}");
        for text in ["summary", "description"] {
            assert!(word(texts, text).len() > 15, "{name} says little: {texts}");
        }
        let anchor = name.to_lowercase();
        assert_eq!(word(texts, "runbook_url"), format!("{{{{ $externalLabels.runbooks }}}}#{anchor}"));
        assert!(page.contains_key(name), "{PAGE} has no section {name}");
        let dashboard = word(texts, "dashboard_url");
        assert!(dashboard.starts_with("{{ $externalLabels.dashboards }}/d/heartbeat"), "{name}: {dashboard}");
        // The victim, or the job where there is none, is chosen when the dashboard opens.
        let expression = word(&alert, "expr");
        assert!(expression == "vector(1)" || dashboard.contains("?var-job={{ urlquery $labels.job }}"), "{dashboard}");
    }
}

/// The page's sections by their heading.
pub fn sections() -> BTreeMap<String, String> {
    let text = files::text(PAGE);
    let parts = text.split("\n## ").skip(1).filter_map(|part| part.split_once('\n'));
    parts.map(|(heading, body)| (heading.to_owned(), body.to_owned())).collect()
}

#[test]
fn each_section_says_what_to_do() {
    let all = sections();
    for name in ALERTS {
        let body = &all[name];
        let order = ["**Means** ", "**Good**", "\n1. ", "\n2. ", "\n3. ", "**Silences** ", "**Silenced by** "];
        let places: Vec<usize> =
            order.iter().map(|part| body.find(part).unwrap_or_else(|| panic!("{name}: no {part:?}"))).collect();
        assert!(places.is_sorted(), "{name}: parts in another order");
    }
    let strangers: Vec<&String> =
        all.keys().filter(|name| name.starts_with("Heartbeat") && !ALERTS.contains(&name.as_str())).collect();
    assert!(strangers.is_empty(), "sections without an alert: {strangers:?}");
}

#[test]
fn the_table_of_the_page_has_severity_and_wait_of_the_rules() {
    let page = files::text(PAGE);
    for alert in alerts() {
        let name = word(&alert, "alert");
        let wait = match wait(&alert).as_secs() {
            0 => "0".to_owned(),
            seconds if seconds % 60 == 0 => format!("{} min", seconds / 60),
            seconds => format!("{seconds} s"),
        };
        let (short, anchor, severity) = (short(name), name.to_lowercase(), word(&alert["labels"], "severity"));
        let row = format!("| [{short}](#{anchor}) | {severity} | {wait} | ");
        assert!(page.contains(&row), "{PAGE} has no row that begins with {row}");
    }
}

/// promtool runs the cases; here is held that there are some, of the kinds that each alert needs.
#[test]
fn each_alert_has_cases_in_which_it_fires_and_in_which_it_does_not() {
    let tests = CASES.iter().flat_map(|name| list(&files::yaml(name)["tests"]));
    let checks: Vec<Value> = tests.filter_map(|test| test["alert_rule_test"].as_array().cloned()).flatten().collect();
    for name in ALERTS {
        let of_it: Vec<&Value> = checks.iter().filter(|check| check["alertname"] == name).collect();
        let silent = of_it.iter().filter(|check| list(&check["exp_alerts"]).is_empty()).count();
        assert!(of_it.len() > silent, "{name}: no case in which it fires");
        let always = name == "HeartbeatWatchdog";
        // Just below its wait, after it is over, and on missing data.
        assert!(silent >= 3 || always, "{name}: {silent} cases in which it is silent");
    }
}

#[test]
fn the_configuration_fits_the_rules_and_the_nodes() {
    let config = files::yaml(CONFIG);
    assert_eq!(config["global"]["scrape_interval"], config["global"]["evaluation_interval"]);
    assert_eq!(config["rule_files"], serde_json::json!(["rules/*.yml"]));
    // The labels that alert texts read are set, and taken off what is sent.
    let labels = config["global"]["external_labels"].as_object().expect("external labels");
    let dropped = word(&config["alerting"]["alert_relabel_configs"][0], "regex");
    for (_, text) in alerts().iter().flat_map(|alert| alert["annotations"].as_object().expect("texts").clone()) {
        let text = text.as_str().expect("a text");
        for label in text.split("$externalLabels.").skip(1).filter_map(|rest| rest.split(' ').next()) {
            assert!(labels.contains_key(label), "{CONFIG} does not set {label}");
            assert!(dropped.split('|').any(|name| name == label), "{label} would be sent with each alert");
        }
    }
    let jobs = list(&config["scrape_configs"]);
    let job = jobs.iter().find(|job| job["job_name"] == "heartbeat").expect("the nodes' job");
    let targets = list(&job["static_configs"][0]["targets"]);
    let targets: Vec<&str> = targets.iter().map(|target| target.as_str().expect("a target")).collect();
    assert_eq!(targets, ["node-1:9100", "node-2:9100", "node-3:9100"]);
    assert_eq!(job["relabel_configs"][0]["target_label"], "node");
}

/// A node is scraped under the name that it calls itself, on the port that it was given.
#[test]
fn the_targets_are_the_nodes_that_compose_starts() {
    const COMPOSE: &str = "docker-compose.yml";
    let compose = files::yaml(COMPOSE);
    let config = files::yaml(CONFIG);
    for target in list(&config["scrape_configs"][0]["static_configs"][0]["targets"]) {
        let (name, port) = target.as_str().and_then(|target| target.split_once(':')).expect("name and port");
        let environment = &compose["services"][name]["environment"];
        assert_eq!(environment["HEARTBEAT_NODE"], name);
        assert_eq!(environment["HEARTBEAT_METRICS_PORT"], port);
    }
    let manager = &config["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"][0];
    let (service, _) = manager.as_str().and_then(|target| target.split_once(':')).expect("name and port");
    assert!(compose["services"][service].is_object(), "compose has no service {service}");
}

#[test]
fn the_base_for_kubernetes_holds_every_file_of_rules() {
    let base = files::yaml("prometheus/kustomization.yaml");
    let held = list(&base["configMapGenerator"][0]["files"]);
    let mut held: Vec<String> =
        held.iter().map(|file| format!("prometheus/{}", file.as_str().expect("a path"))).collect();
    held.sort();
    assert_eq!(held, in_folder("prometheus/rules"));
    let mut known = RULES.map(str::to_owned);
    known.sort();
    assert_eq!(held, known, "this test reads all of them");
    let mut cases = CASES.map(str::to_owned);
    cases.sort();
    assert_eq!(in_folder("prometheus/tests"), cases, "and all cases");
}

fn in_folder(folder: &str) -> Vec<String> {
    let entries = std::fs::read_dir(files::path(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
    let names = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.map(|name| format!("{folder}/{name}")).collect();
    names.sort();
    names
}

/// Prometheus' own reading of its files, and the cases, where it is installed.
#[test]
fn promtool_accepts_the_files_and_passes_the_cases() {
    files::tool("PROMTOOL", "promtool", &[&["check", "config", CONFIG]]);
    files::tool("PROMTOOL", "promtool", &[&["check", "rules"], &RULES[..]]);
    files::tool("PROMTOOL", "promtool", &[&["test", "rules"], &CASES[..]]);
}
