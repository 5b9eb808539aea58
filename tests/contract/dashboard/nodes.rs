//! The table of all nodes, the worst first. Up to a dozen nodes the matrix says
//! more; beyond that this table is what can be read.

use heartbeat::testing::telemetry::catalogue::BUILD_INFO;
use serde_json::{Map, Value, json};

use super::panel::{Panel, link_to_the_node, sorted, steps};
use super::query::Of;
use super::{trouble, words};

/// One column, and what fills it.
struct Column {
    title: &'static str,
    query: String,
    properties: Vec<Value>,
}

pub fn nodes() -> Panel {
    let mut panel = Panel::table(
        "Nodes, worst first",
        "Good: runs, reached by 100 % of its observers, reaches 100 % of its peers. A peer that is down or cut off does not count \
         against the nodes that cannot reach it. State is what the node reports of itself. Not scraped: Prometheus gets no metrics from it; \
         reached by 0 % says that its peers do not reach it either. Worst loss: of the links to this node that are up, in the last minute. \
         p99: of the slowest link to it, for the worst nodes only. Available: the share of the time range in which it was reached. \
         A click on a name opens the node's page.",
    )
    .over("1m")
    .size(24, 8);
    let mut columns = columns();
    // The last two have no column of their own: a label of one is shown, and the other is the order.
    columns.push(Column { title: "version", query: version(), properties: vec![property("custom.width", json!(110))] });
    columns.push(Column { title: "rank", query: trouble::rank(), properties: Vec::new() });
    let rank = value_of(columns.len() - 1);
    let (mut renamed, mut order, mut hidden) = (Map::new(), Map::new(), Map::new());
    order.insert("node".into(), json!(0));
    hidden.extend(["Time", "_node"].map(|name| (name.to_owned(), json!(true))));
    for (index, column) in columns.into_iter().enumerate() {
        let field = value_of(index);
        match column.title {
            "version" => order.insert("version".into(), json!(index + 1)),
            _ => order.insert(field.clone(), json!(index + 1)),
        };
        if matches!(column.title, "version" | "rank") {
            hidden.insert(field, json!(true));
        } else {
            renamed.insert(field, json!(column.title));
        }
        panel = panel.ask_table("{{node}}", &column.query).override_by_name(column.title, column.properties);
    }
    let organize = json!({ "excludeByName": hidden, "renameByName": renamed, "indexByName": order });
    panel
        .override_by_name("node", vec![property("links", link_to_the_node()), property("custom.minWidth", json!(110))])
        .transform(json!({ "id": "merge", "options": {} }))
        .transform(sorted("_node", false))
        .transform(sorted(&rank, true))
        .transform(json!({ "id": "organize", "options": organize }))
}

fn columns() -> Vec<Column> {
    let column = |title, query, properties| Column { title, query, properties };
    let share = || judged("percentunit", 0, words::BAD, &[(0.01, words::WARN), (1.0, words::FINE)]);
    let mut state = judged("none", 0, words::GREY, &[]);
    let mut of_nodes = words::of_nodes().as_array().cloned().unwrap_or_default();
    of_nodes.push(words::of_nothing("-"));
    state.extend([property("mappings", json!(of_nodes)), property("custom.width", json!(120))]);
    let loss = judged("percentunit", 0, words::FINE, &[(0.01, words::WARN), (0.05, words::BAD)]);
    let slow = judged("s", 1, words::FINE, &[(0.1, words::WARN), (0.25, words::BAD)]);
    let available = vec![property("unit", json!("percentunit")), property("decimals", json!(2))];
    vec![
        column("state", Of::Chosen.itself(), state),
        column("reached by", trouble::reached_by(), share()),
        column("reaches", trouble::reaches(), share()),
        column("worst loss", trouble::worst_to(&Of::ToChosen.loss()), loss),
        column("p99", trouble::worst_to(&Of::Peers.round_trip("0.99")), slow),
        column("available", trouble::available(), available),
        column("started", trouble::started(), vec![property("unit", json!("dateTimeFromNow"))]),
    ]
}

fn version() -> String {
    format!("max by (node, version) ({})", Of::Chosen.series(BUILD_INFO))
}

/// What Grafana calls the numbers of the query with this index, where a panel has several.
fn value_of(index: usize) -> String {
    format!("Value #{}", char::from(b'A' + u8::try_from(index).expect("a table has few columns")))
}

fn property(id: &str, value: Value) -> Value {
    json!({ "id": id, "value": value })
}

/// A cell whose colour judges it.
fn judged(unit: &str, decimals: u8, below: &str, from: &[(f64, &str)]) -> Vec<Value> {
    vec![
        property("unit", json!(unit)),
        property("decimals", json!(decimals)),
        property("mappings", json!([words::of_nothing("-")])),
        property("thresholds", steps(from, below)),
        property("custom.cellOptions", json!({ "type": "color-background", "mode": "basic" })),
        property("custom.align", json!("center")),
        property("custom.width", json!(92)),
    ]
}
