//! Selections at the top of the page, and addresses and names that follow from them.
//!
//! `worst`, `rows` and `columns` are hidden: the worst nodes of the mesh, and those of the nodes and peers that the reader
//! has selected. Up to [`WORST`] nodes are all of them. Every query by link reads these only, so that its
//! cost does not grow with the square of the nodes.

use serde_json::{Value, json};

use super::panel::datasource;
use super::{DATASOURCE, trouble};

/// As many nodes as a matrix shows without scrolling at 1600 pixels.
pub const WORST: u8 = 12;

const JOBS: &str = "label_values(heartbeat_peer_up, job)";
const NODES: &str = r#"label_values(up{job=~"$job"}, node)"#;
const PEERS: &str = r#"label_values(heartbeat_peer_up{job=~"$job",node=~"$node"}, peer)"#;

/// Addresses that the links lead to: those of compose and of a cluster made by `k8s/kind.yaml`. Set them in the
/// page's address, as in `?var-page=http://node-1.example.org:8001`, or here.
const ADDRESSES: [(&str, &str, &str); 3] = [
    ("page", "Any node", "http://localhost:8001"),
    ("alertmanager", "Alertmanager", "http://localhost:9093"),
    ("documents", "Folder of the documents", "docs"),
];

pub fn variables() -> Value {
    let datasource = json!({
        "name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus",
        "description": "The Prometheus to query.",
        "current": { "text": "Prometheus", "value": DATASOURCE }, "hide": 0, "refresh": 1, "regex": "",
        "multi": false, "includeAll": false,
    });
    let mut all = vec![
        datasource,
        variable("job", "Mesh", "One mesh: the name of the scrape job of its nodes.", JOBS, false),
        variable("node", "Node", "Observers. The first row always shows all.", NODES, true),
        variable("peer", "Peer", "Their peers. The first row always shows all.", PEERS, true),
        worst("worst", "The worst nodes of the mesh.", ".+"),
        worst("rows", "The worst of the selected nodes.", "$node"),
        worst("columns", "The worst of the selected peers.", "$peer"),
    ];
    all.extend(ADDRESSES.map(|(name, label, value)| {
        json!({
            "name": name, "label": label, "type": "textbox", "query": value, "hide": 2,
            "current": { "text": value, "value": value }, "options": [{ "text": value, "value": value, "selected": true }],
        })
    }));
    Value::Array(all)
}

fn variable(name: &str, label: &str, description: &str, query: &str, many: bool) -> Value {
    let current = if many {
        json!({ "text": ["All"], "value": ["$__all"] })
    } else {
        json!({ "text": "heartbeat", "value": "heartbeat" })
    };
    // All matches any name, not only those known when the page was opened.
    let all = if many { json!(".+") } else { Value::Null };
    json!({
        "name": name, "label": label, "description": description, "type": "query", "datasource": datasource(),
        "definition": query, "query": { "query": query, "refId": format!("variable-{name}") },
        // Queried again when the time range changes: a node that was away today can be found in yesterday's data.
        "refresh": 2, "sort": 7, "regex": "", "hide": 0, "multi": many, "includeAll": many, "allValue": all, "current": current,
    })
}

/// Names that a query finds. All of them are selected, always: without `allValue`, all means those that were found.
fn worst(name: &str, description: &str, chosen: &str) -> Value {
    let query = format!("query_result(topk({WORST}, {}))", trouble::trouble(chosen));
    let mut variable = variable(name, name, description, &query, true);
    variable["regex"] = json!(r#"/node="([^"]+)"/"#);
    variable["allValue"] = Value::Null;
    variable["hide"] = json!(2);
    variable
}
