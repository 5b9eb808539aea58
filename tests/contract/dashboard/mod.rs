//! The generator of the dashboard.
//!
//! A dashboard file has some three thousand lines, and one definition, such as what
//! counts as a broken link, occurs in ten of its queries. So the file is generated:
//! [`query`] has the definitions, [`words`] the words and colours, [`verdict`] and
//! [`rows`] the panels, and [`dashboard`] combines them. Metric names are the constants
//! of the catalogue, so a renamed metric does not compile here.
//!
//! `HEARTBEAT_WRITE=1 cargo test --test contract generator` rewrites the file; without
//! the variable the test fails if the two differ. Another stat is one line in
//! [`verdict`].
//!
//! Rejected: jsonnet and the SDKs of other languages, which would be a second
//! toolchain for one file, and editing in Grafana, which cannot be reviewed.

mod marks;
mod panel;
mod query;
mod rows;
mod verdict;
mod words;

use serde_json::{Value, json};

use panel::{Panel, datasource};
pub use words::FINE;

/// Where the file is.
pub const FILE: &str = "grafana/dashboards/heartbeat.json";
/// Its address: `/d/heartbeat`.
pub const UID: &str = "heartbeat";
/// The data source that provisioning makes.
pub const DATASOURCE: &str = "heartbeat-prometheus";

/// A heading and its panels.
pub struct Row {
    title: &'static str,
    panels: Vec<Panel>,
}

/// The whole file.
pub fn dashboard() -> Value {
    json!({
        "uid": UID,
        "title": "Heartbeat",
        "description": "Which node reaches which, since when, and is the cause the peer or its observer?",
        "tags": ["heartbeat"],
        "schemaVersion": 41,
        "editable": false,
        "graphTooltip": 1,
        "timezone": "browser",
        "refresh": "5s",
        "time": { "from": "now-15m", "to": "now" },
        "timepicker": { "refresh_intervals": ["5s", "10s", "30s", "1m", "5m"] },
        "fiscalYearStartMonth": 0,
        "links": [],
        "annotations": { "list": marks::annotations() },
        "templating": { "list": variables() },
        "panels": layout(rows::rows()),
    })
}

/// The file's text.
pub fn text() -> String {
    format!("{:#}\n", dashboard())
}

/// Gives every panel an id and a place: from left to right, and a new line where the width of 24 is used up.
fn layout(rows: Vec<Row>) -> Vec<Value> {
    let mut panels = Vec::new();
    let mut y = 0;
    for row in rows {
        let id = panels.len() as u64 + 1;
        panels.push(json!({
            "id": id, "type": "row", "title": row.title, "collapsed": false, "panels": [],
            "gridPos": { "x": 0, "y": y, "w": 24, "h": 1 },
        }));
        y += 1;
        let (mut x, mut height) = (0, 0);
        for panel in row.panels {
            if x + panel.width > 24 {
                (x, y, height) = (0, y + height, 0);
            }
            let (width, tall) = (panel.width, panel.height);
            panels.push(panel.json(panels.len() as u64 + 1, x, y));
            (x, height) = (x + width, height.max(tall));
        }
        y += height;
    }
    panels
}

/// Selections at the top of the page.
fn variables() -> Value {
    json!([
        {
            "name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus",
            "description": "The Prometheus to query.",
            "current": { "text": "Prometheus", "value": DATASOURCE }, "hide": 0, "refresh": 1, "regex": "",
            "multi": false, "includeAll": false,
        },
        variable("job", "Mesh", "One mesh: the name of the scrape job of its nodes.", rows::JOBS, false),
        variable("node", "Node", "Observers. The first two rows always show all.", rows::NODES, true),
        variable("peer", "Peer", "Their peers. The first two rows always show all.", rows::PEERS, true),
    ])
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
