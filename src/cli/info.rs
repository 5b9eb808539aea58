//! `heartbeat info`: the identity, addresses and settings of a node.

use clap::Args;
use serde_json::json;

use super::address::Address;
use super::answer::{Answer, Part};
use super::ask::Place;
use super::exit::{Exit, Outcome};
use super::output::{Cell, Output, Paint, names};
use super::verify::CLUSTER;
use crate::config::Source;
use crate::config::environment::Environment;
use crate::render::span;

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  heartbeat info                           the node of this host
  heartbeat info --addr=node-2:8001        another node
  heartbeat info --json | jq -r .node.boot

Only settings that differ from the default are shown; `heartbeat config show` explains all of them.
Exit codes: 0 shown, 69 the node cannot be reached.")]
pub(crate) struct Info {
    #[command(flatten)]
    pub address: Address,
    /// Print one JSON object: the node's `/api/v1/node`, `/api/v1/config` and `/api/v1/cluster`
    #[arg(long)]
    pub json: bool,
}

/// Shows the identity, addresses and settings of a node.
///
/// # Errors
/// When it cannot be reached.
pub(crate) async fn info(command: &Info, environment: &Environment) -> Outcome {
    let mut output = Output::stdout(environment);
    let place = command.address.place(environment)?;
    let node = place.ask("/api/v1/node", "a description of itself").await?;
    let config = place.ask("/api/v1/config", "a list of settings").await?;
    let cluster = place.ask(CLUSTER, "a view of the mesh").await?;
    if command.json {
        let all = json!({ "node": node.root().0, "config": config.root().0, "cluster": cluster.root().0 });
        output.line(&all.to_string())?;
        return Ok(Exit::Success);
    }
    picture(&place, &node, &config, &cluster, &output).iter().try_for_each(|line| output.line(line))?;
    Ok(Exit::Success)
}

fn picture(place: &Place, node: &Answer, config: &Answer, cluster: &Answer, output: &Output) -> Vec<String> {
    let (node, config, cluster) = (node.root(), config.root(), cluster.root());
    let stalled = if node.flag("stalled") { ", was just paused" } else { "" };
    let state = node.name("state").replace('_', " ");
    let mut lines = vec![format!("{} ({state}{stalled})", output.paint(Paint::Strong, &node.name("node")))];
    let up = node.span("uptime_ms").map(span).unwrap_or_default();
    let whole = if cluster.flag("whole") { Paint::Good } else { Paint::Bad };
    let mut rows = vec![
        ("address", Cell::plain(format!("http://{place}/"))),
        ("metrics", Cell::plain(metrics(place, node))),
        ("version", Cell::plain(format!("{} (revision {})", node.name("version"), node.name("revision")))),
        ("boot", Cell::plain(node.name("boot"))),
        ("started", Cell::plain(format!("{}, {up} ago", node.name("started")))),
        ("peers", Cell::plain(peers(node.part("peers")))),
        ("mesh", Cell::new(whole, cluster.text("sentence"))),
    ];
    let maintenance = node.part("maintenance");
    if !maintenance.0.is_null() {
        let left = maintenance.span("left_ms").map(span).unwrap_or_default();
        rows.push((
            "maintenance",
            Cell::new(Paint::Doubtful, format!("for another {left}: {}", maintenance.text("reason"))),
        ));
    }
    rows.extend(node.part("discovery").parts("names").map(|name| ("finds peers", Cell::plain(lookup(name)))));
    if let Some(pause) = config.span("tolerated_pause_ms") {
        rows.push(("tolerates", Cell::plain(format!("pauses of a peer up to {}", span(pause)))));
    }
    let typed = config.parts("settings").filter(|setting| setting.text("source") != Source::Default.as_str());
    for (number, setting) in typed.enumerate() {
        let text = format!("--{}={} ({})", setting.text("name"), setting.text("value"), setting.name("source"));
        rows.push((if number == 0 { "settings" } else { "" }, Cell::plain(text)));
    }
    let width = rows.iter().map(|(head, _)| head.len()).max().unwrap_or(0);
    lines.extend(rows.iter().map(|(head, cell)| {
        format!("  {}  {}", output.paint(Paint::Faint, &format!("{head:width$}")), output.paint(cell.paint, &cell.text))
    }));
    lines
}

/// At the main port always, and at a port of their own.
fn metrics(place: &Place, node: Part<'_>) -> String {
    let own = node.number("metrics_port").map(|port| format!(" and port {port}")).unwrap_or_default();
    format!("http://{place}/metrics{own}")
}

fn peers(counts: Part<'_>) -> String {
    let counts = counts.0.as_object().into_iter().flatten();
    let counts = counts.filter_map(|(state, count)| {
        Some((super::safe_text::shown(state), count.as_u64().filter(|count| *count > 0)?))
    });
    let told: Vec<String> = counts.map(|(state, count)| format!("{count} {state}")).collect();
    if told.is_empty() { "none".to_owned() } else { names(&told) }
}

fn lookup(name: Part<'_>) -> String {
    let addresses = name.number("addresses").unwrap_or_default();
    let stale = if name.flag("stale") { format!(", stale: {}", name.text("error")) } else { String::new() };
    format!("behind {}: {addresses} addresses{stale}", name.text("name"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_where_and_what_was_set() {
        let of = |text: &str| Answer::new(text.into(), "").unwrap();
        let node = of(
            r#"{"node":"node-1","boot":"5a47ab6786ac479b","state":"cut_off","stalled":false,"version":"0.1.0","revision":"abc",
            "started":"2026-11-26T02:10:00Z","uptime_ms":130000,"peers":{"alive":1,"dead":1,"left":0},"metrics_port":9101,
            "maintenance":{"reason":"new disk\u001b","left_ms":60000},
            "discovery":{"names":[{"name":"dns+http://nodes:8001","addresses":3,"stale":true,"error":"no such name"}]}}"#,
        );
        let config = of(r#"{"tolerated_pause_ms":8900,"settings":[{"name":"port","value":"8001","source":"default"},
            {"name":"profile","value":"fast","source":"variable"}]}"#);
        let cluster = of(r#"{"whole":false,"sentence":"node-2 is down"}"#);
        let output = Output::to(Box::new(std::io::sink()), false);
        assert_eq!(
            picture(&Place::new("localhost", 8001), &node, &config, &cluster, &output).join("\n"),
            "\
node-1 (cut off)
  address      http://localhost:8001/
  metrics      http://localhost:8001/metrics and port 9101
  version      0.1.0 (revision abc)
  boot         5a47ab6786ac479b
  started      2026-11-26T02:10:00Z, 2 min 10 s ago
  peers        1 alive and 1 dead
  mesh         node-2 is down
  maintenance  for another 1 min: new disk?
  finds peers  behind dns+http://nodes:8001: 3 addresses, stale: no such name
  tolerates    pauses of a peer up to 8.9 s
  settings     --profile=fast (variable)"
        );
    }
}
