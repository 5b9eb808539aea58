//! The generator of the dashboard.
//!
//! A dashboard file has some three thousand lines, and one definition, such as what
//! counts as a broken link, occurs in ten of its queries. So the file is generated:
//! [`query`] and [`trouble`] have the definitions, [`words`] the words and colours, [`verdict`],
//! [`nodes`] and [`rows`] the panels, [`variables`] the selections, and [`dashboard`] combines them. Metric names are the constants
//! of the catalogue, so a renamed metric does not compile here.
//!
//! `HEARTBEAT_WRITE=1 cargo test --test contract generator` rewrites the file; without
//! the variable the test fails if the two differ. Another stat is one line in
//! [`verdict`].
//!
//! Rejected: jsonnet and the SDKs of other languages, which would be a second
//! toolchain for one file, and editing in Grafana, which cannot be reviewed.

mod marks;
mod nodes;
mod panel;
mod query;
mod rows;
mod trouble;
mod variables;
mod verdict;
pub mod words;

use serde_json::{Value, json};

use panel::Panel;
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

/// So many rows are open when the page is. The others cost nothing until somebody opens them.
const OPEN: usize = 3;

/// At the top of the page: where to go from here.
fn links() -> Value {
    let link = |title: &str, url: &str, tooltip: &str| {
        json!({
            "type": "link", "title": title, "url": url, "tooltip": tooltip, "icon": "external link", "targetBlank": true,
            "asDropdown": false, "includeVars": false, "keepTime": false, "tags": [],
        })
    };
    json!([
        link("Page of a node", "${page}", "The matrix of now, and for each node why it is judged as it is."),
        link("Alertmanager", "${alertmanager}/#/alerts", "Alerts that are silenced, grouped and sent."),
    ])
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
        "links": links(),
        "annotations": { "list": marks::annotations() },
        "templating": { "list": variables::variables() },
        "panels": layout(rows::rows()),
    })
}

/// The file's text.
pub fn text() -> String {
    format!("{:#}\n", dashboard())
}

/// Gives every panel an id and a place: from left to right, and a new line where the width of 24 is used up.
/// The panels of a row that is closed lie inside of it.
fn layout(rows: Vec<Row>) -> Vec<Value> {
    let mut panels = Vec::new();
    let (mut id, mut y) = (0, 0);
    for (index, row) in rows.into_iter().enumerate() {
        id += 1;
        let (heading, mut own) = (id, Vec::new());
        let top = y;
        y += 1;
        let (mut x, mut height) = (0, 0);
        for panel in row.panels {
            if x + panel.width > 24 {
                (x, y, height) = (0, y + height, 0);
            }
            let (width, tall) = (panel.width, panel.height);
            id += 1;
            own.push(panel.json(id, x, y));
            (x, height) = (x + width, height.max(tall));
        }
        y += height;
        let closed = index >= OPEN;
        let (inside, below) = if closed { (own, Vec::new()) } else { (Vec::new(), own) };
        panels.push(json!({
            "id": heading, "type": "row", "title": row.title, "collapsed": closed, "panels": inside,
            "gridPos": { "x": 0, "y": top, "w": 24, "h": 1 },
        }));
        panels.extend(below);
        if closed {
            y = top + 1;
        }
    }
    panels
}
