//! Marks on all graphs: process starts, incidents, and peers that are down, unreachable or left.

use heartbeat::testing::telemetry::catalogue::{INCIDENTS_OPEN, PEER_STATE, PEER_STATE_CHANGED, PROCESS_START};
use serde_json::{Value, json};

use super::panel::datasource;
use super::query::Of;
use super::words;

pub fn annotations() -> Value {
    // Only starts of the last two minutes, each where it happened: the mark of an old start needs no points.
    let started = format!("1000 * (max by (node) ({}) > time() - 120)", Of::Chosen.series(PROCESS_START));
    let entered = Of::Links.matching(PEER_STATE, r#"state=~"unreachable|dead|left""#);
    let changed = format!(
        "1000 * {} * on (node, peer) group_right () (max by (node, peer, state) ({entered}) == 1)",
        format_args!("max by (node, peer) ({})", Of::Links.series(PEER_STATE_CHANGED))
    );
    let open = format!("max({}) > 0", Of::Mesh.series(INCIDENTS_OPEN));
    json!([
        {
            "name": "Annotations & Alerts", "type": "dashboard", "builtIn": 1, "enable": true, "hide": true,
            "datasource": { "type": "grafana", "uid": "-- Grafana --" }, "iconColor": words::PLAIN,
        },
        annotation("Process starts", words::PLAIN, &started, "{{node}} started", "", true),
        annotation("Incidents", words::WARN, &open, "An incident was open", "", false),
        off(annotation("Peers down, unreachable or left", words::BAD, &changed, "{{node}}: {{peer}} is {{state}}", "state", true)),
    ])
}

/// Not drawn until the reader asks for it: one crash is a mark for each of its observers.
fn off(mut annotation: Value) -> Value {
    annotation["enable"] = json!(false);
    annotation
}

/// `dated`: the value is the time to mark, in milliseconds; otherwise times with a value above zero are marked.
fn annotation(name: &str, colour: &str, expression: &str, title: &str, tags: &str, dated: bool) -> Value {
    json!({
        "name": name, "enable": true, "hide": false, "iconColor": colour, "datasource": datasource(),
        "expr": expression, "target": { "refId": "Anno", "expr": expression, "range": true },
        "titleFormat": title, "textFormat": "", "tagKeys": tags, "useValueForTime": dated, "step": "5s",
    })
}
