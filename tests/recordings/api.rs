//! The answers of every route that shows the mesh, and the page, at moments when something is wrong.

use std::fmt::Write as _;

use heartbeat::testing::http::Route;
use serde_json::Value;

use super::stand_in::{MOMENTS, Moment, Reply, answers, asked};
use super::{all_as_recorded, compare};
use heartbeat::sim;

/// Routes that show nothing of a mesh, are the same at all times, or have no fixed answer.
const LEFT_OUT: [&str; 12] = [
    "/",
    "/mesh.svg",
    "/page.css",
    "/page.js",
    "/login",
    "/ping",
    "/livez",
    "/metrics",
    "/openapi.json",
    "/healthz",
    "/readyz",
    "/api/v1/witness/{node}/{boot}",
];

/// What is asked of the node at each moment.
pub fn paths(moment: Moment) -> Vec<String> {
    let nodes = sim::builtin(moment.scenario).expect("built in").nodes;
    // A node has no "why" of itself and answers with an error.
    let names = || (0..nodes).map(|host| format!("node-{}", host + 1));
    let plain = Route::served().map(Route::path).filter(|path| !LEFT_OUT.contains(path) && !path.contains('{'));
    let mut paths: Vec<String> = plain.map(str::to_owned).collect();
    paths.extend(names().map(|name| format!("/api/v1/why/{name}")));
    paths.extend(names().map(|name| format!("/api/v1/peers/{name}:8001")));
    paths.extend(["/api/v1/cluster?strict=1", "/api/v1/why/nobody", "/api/v1/events?limit=2"].map(str::to_owned));
    paths
}

#[test]
fn every_route_of_the_api_is_as_recorded() {
    all_as_recorded(MOMENTS.iter().flat_map(|moment| {
        let (name, asked) = (moment.scenario, asked(*moment));
        let mut paths = paths(*moment);
        paths.push("/".to_owned());
        let mut answers = answers(*moment, &paths);
        let page = answers.remove("/").expect("asked for").text;
        let mut text = format!("{name} after {} s, as {asked} answers\n", moment.second);
        for (path, reply) in &answers {
            let _ = write!(text, "\n--- GET {path}: {}\n{}", reply.status, pretty(reply));
        }
        // One tag a line: a page has no line ends of its own.
        let page = page.replace("><", ">\n<") + "\n";
        [compare(&format!("api/{name}.txt"), &text), compare(&format!("api/{name}.html"), &page)]
    }));
}

/// JSON with one value a line, and lists of plain values on one.
fn pretty(reply: &Reply) -> String {
    match serde_json::from_str::<Value>(&reply.text) {
        Ok(value) => {
            let mut text = String::new();
            write(&value, 0, &mut text);
            text + "\n"
        }
        Err(_) => reply.text.clone(),
    }
}

/// Objects without objects in them stand on one line: a row of a matrix is then a line.
fn write(value: &Value, depth: usize, text: &mut String) {
    let is_flat = |value: &Value| match value {
        Value::Array(list) => list.iter().all(|item| !item.is_object() && !item.is_array()),
        Value::Object(map) => map.values().all(|item| !item.is_object() && !item.is_array()),
        _ => true,
    };
    let items: Vec<(String, &Value)> = match value {
        Value::Array(list) => list.iter().map(|item| (String::new(), item)).collect(),
        Value::Object(map) => map.iter().map(|(key, item)| (format!("{key:?}: "), item)).collect(),
        _ => Vec::new(),
    };
    if is_flat(value) || items.is_empty() {
        let _ = write!(text, "{value}");
        return;
    }
    let (open, close) = if value.is_array() { ('[', ']') } else { ('{', '}') };
    let _ = writeln!(text, "{open}");
    for (key, item) in items {
        let _ = write!(text, "{:1$}{key}", "", 2 * depth + 2);
        write(item, depth + 1, text);
        text.push('\n');
    }
    let _ = write!(text, "{:1$}{close}", "", 2 * depth);
}
