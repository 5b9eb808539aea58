//! Every query of the dashboard, ready to be sent to a Prometheus.
//!
//! Read from the file that Grafana reads and not from the program that makes
//! it, with the variables filled as they are when the page is first opened. A
//! suite that has a Prometheus at hand asks [`unanswered`] and waits until it
//! names nothing: a rate needs its second scrape.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

pub const FILE: &str = "grafana/dashboards/heartbeat.json";

/// What may be without data while nothing is wrong, and why.
pub const MAY_BE_EMPTY: &[(&str, &str)] = &[
    ("Who?", "each of its queries but one names what is down, cut off or broken, and nothing is"),
    ("mark: Peers down, unreachable or left", "it marks peers that are dead, unreachable or gone, and there are none"),
    ("mark: Incidents", "it marks the time in which an incident is open, and none is"),
    ("mark: Process starts", "it marks processes that have just started"),
    ("Peers that were not reached all the time", "it shows peers that were not reached, and all were"),
    ("Links that were not alive all the time", "it shows links that were not alive, and all were"),
];

/// Variables as they are when the page is opened: one mesh, all nodes, and the
/// shortest windows that Grafana takes with a scrape every 5 s.
const FILLED: &[(&str, &str)] = &[
    ("$__rate_interval", "20s"),
    ("$__interval", "5s"),
    ("$__range", "15m"),
    ("$job", "heartbeat"),
    ("$node", ".+"),
    ("$peer", ".+"),
    ("$worst", ".+"),
    ("$rows", ".+"),
    ("$columns", ".+"),
];

#[derive(Clone, Debug)]
pub struct Query {
    /// The panel's title; `mark: ` and its name for what is marked on all graphs.
    pub panel: String,
    pub legend: String,
    /// As the file has it.
    pub written: String,
    /// With its variables filled.
    pub expression: String,
}

impl Query {
    /// Where a Prometheus answers it, for the present moment.
    pub fn path(&self) -> String {
        format!("/api/v1/query?query={}", percent_encoded(&self.expression))
    }

    pub fn may_be_empty(&self) -> bool {
        MAY_BE_EMPTY.iter().any(|(panel, _)| *panel == self.panel)
    }
}

/// The dashboard as data.
pub fn dashboard() -> Value {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(FILE);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{FILE}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{FILE} is no JSON: {error}"))
}

/// All panels, those in closed rows too, without the headings.
pub fn panels(dashboard: &Value) -> Vec<&Value> {
    let all = dashboard["panels"].as_array().expect("a dashboard has panels");
    let inside = all.iter().filter_map(|row| row["panels"].as_array()).flatten();
    let open = all.iter().filter(|panel| panel["type"] != "row");
    open.chain(inside).collect()
}

/// All queries, of panels and of marks, from top to bottom.
pub fn queries(dashboard: &Value) -> Vec<Query> {
    let mut queries = Vec::new();
    for panel in panels(dashboard) {
        for target in panel["targets"].as_array().into_iter().flatten() {
            queries.push(query(word(&panel["title"]), word(&target["legendFormat"]), &target["expr"]));
        }
    }
    for mark in dashboard["annotations"]["list"].as_array().expect("a dashboard has annotations") {
        if mark["target"].is_object() {
            let name = format!("mark: {}", word(&mark["name"]));
            queries.push(query(name, word(&mark["titleFormat"]), &mark["target"]["expr"]));
        }
    }
    queries
}

fn query(panel: String, legend: String, expression: &Value) -> Query {
    let written = expression.as_str().unwrap_or_else(|| panic!("{panel}: a query without an expression")).to_owned();
    Query { expression: filled(&written), panel, legend, written }
}

fn word(value: &Value) -> String {
    value.as_str().unwrap_or("").to_owned()
}

/// The text with its variables filled.
pub fn filled(text: &str) -> String {
    FILLED.iter().fold(text.to_owned(), |text, (variable, value)| text.replace(variable, value))
}

/// Asks every query and says which had no answer or no data. `ask` is given a path and returns the JSON that Prometheus answers.
pub fn unanswered(mut ask: impl FnMut(&str) -> Result<Value, String>) -> Vec<String> {
    let mut faults = Vec::new();
    for query in queries(&dashboard()) {
        let fault = match ask(&query.path()) {
            Err(problem) => problem,
            Ok(answer) if answer["status"] != "success" => answer["error"].to_string(),
            Ok(answer) if series(&answer) == 0 && !query.may_be_empty() => "no data".into(),
            Ok(_) => continue,
        };
        faults.push(format!("{}: {fault}: {}", query.panel, query.expression));
    }
    faults
}

fn series(answer: &Value) -> usize {
    answer["data"]["result"].as_array().map_or(0, Vec::len)
}

fn percent_encoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}
