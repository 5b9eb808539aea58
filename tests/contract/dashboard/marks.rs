//! Marks on all graphs: process starts, peers that are down, unreachable or left, alerts.

use heartbeat::testing::telemetry::catalogue::{PEER_STATE, PEER_STATE_CHANGED, PROCESS_START};
use serde_json::{Value, json};

use super::panel::datasource;
use super::query::{self, Of};
use super::words;

pub fn annotations() -> Value {
    let started = format!("1000 * max by (node) ({})", Of::Nodes.series(PROCESS_START));
    let entered = Of::Links.matching(PEER_STATE, r#"state=~"unreachable|dead|left""#);
    let changed = format!(
        "1000 * {} * on (node, peer) group_right () (max by (node, peer, state) ({entered}) == 1)",
        format_args!("max by (node, peer) ({})", Of::Links.series(PEER_STATE_CHANGED))
    );
    json!([
        {
            "name": "Annotations & Alerts", "type": "dashboard", "builtIn": 1, "enable": true, "hide": true,
            "datasource": { "type": "grafana", "uid": "-- Grafana --" }, "iconColor": words::PLAIN,
        },
        annotation("Process starts", words::PLAIN, &started, "{{node}} started", "", true),
        annotation("Peers down, unreachable or left", words::BAD, &changed, "{{node}}: {{peer}} is {{state}}", "state", true),
        annotation(
            "Firing alerts", words::WARN, &query::alerts(r#"alertstate="firing",alertname!="HeartbeatWatchdog""#),
            "{{alertname}} {{node}} {{peer}}", "severity", false,
        ),
    ])
}

/// `dated`: the value is the time to mark, in milliseconds; otherwise times with a value above zero are marked.
fn annotation(name: &str, colour: &str, expression: &str, title: &str, tags: &str, dated: bool) -> Value {
    json!({
        "name": name, "enable": true, "hide": false, "iconColor": colour, "datasource": datasource(),
        "expr": expression, "target": { "refId": "Anno", "expr": expression, "range": true },
        "titleFormat": title, "textFormat": "", "tagKeys": tags, "useValueForTime": dated, "step": "5s",
    })
}
