//! `heartbeat info`: the identity, addresses and settings of a node.

use std::collections::BTreeMap;

use clap::Args;
use serde_json::json;

use super::address::Reader;
use super::answer::{name, span_of, word};
use super::ask::Place;
use super::exit::{Exit, Outcome};
use super::output::{Cell, Output, Paint};
use super::verify::CLUSTER;
use crate::api::{ClusterBody, ConfigBody, DnsNameBody, NodeBody};
use crate::config::Source;
use crate::config::environment::Environment;
use crate::render::join_names;
use crate::render::matrix::short;

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  heartbeat info                           the node of this host
  heartbeat info --addr=node-2:8001        another node
  heartbeat info --json | jq -r .node.boot

Only settings that differ from the default are shown; `heartbeat config show` explains all of them.
Exit codes: 0 shown, 69 the node cannot be reached.")]
pub(crate) struct Info {
    #[command(flatten)]
    pub reader: Reader,
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
    let place = command.reader.place(environment)?;
    let node = place.ask("/api/v1/node", "a description of itself").await?;
    let config = place.ask("/api/v1/config", "a list of settings").await?;
    let cluster = place.ask(CLUSTER, "a view of the mesh").await?;
    if command.json {
        let all = json!({ "node": node.json, "config": config.json, "cluster": cluster.json });
        output.line(&all.to_string())?;
        return Ok(Exit::Success);
    }
    let (node, config, cluster) = (node.into_shape()?, config.into_shape()?, cluster.into_shape()?);
    picture(&place, &node, &config, &cluster, &output).iter().try_for_each(|line| output.line(line))?;
    Ok(Exit::Success)
}

fn picture(place: &Place, node: &NodeBody, config: &ConfigBody, cluster: &ClusterBody, output: &Output) -> Vec<String> {
    let stalled = if node.stalled { ", was just paused" } else { "" };
    let heading = output.paint(Paint::Strong, &name(&node.node));
    let mut lines = vec![format!("{heading} ({}{stalled})", word(&node.state))];
    let (version, revision) = (short(&node.version), short(&node.revision));
    let (started, up) = (short(&node.started.0), span_of(node.uptime_ms));
    let whole = if cluster.whole { Paint::Good } else { Paint::Bad };
    let mut rows = vec![
        ("address", Cell::plain(format!("{}/", place.url()))),
        ("metrics", Cell::plain(metrics(place, node))),
        ("version", Cell::plain(format!("{version} (revision {revision})"))),
        ("boot", Cell::plain(name(&node.boot))),
        ("started", Cell::plain(format!("{started}, {up} ago"))),
        ("peers", Cell::plain(peers(&node.peers))),
        ("mesh", Cell::new(whole, &cluster.sentence)),
    ];
    if let Some(maintenance) = &node.maintenance {
        let (left, reason) = (span_of(maintenance.left_ms), &maintenance.reason);
        rows.push(("maintenance", Cell::new(Paint::Doubtful, format!("for another {left}: {reason}"))));
    }
    rows.extend(node.discovery.names.iter().map(|name| ("finds peers", Cell::plain(lookup(name)))));
    if config.tolerated_pause_ms > 0 {
        let pause = span_of(config.tolerated_pause_ms);
        rows.push(("tolerates", Cell::plain(format!("pauses of a peer up to {pause}"))));
    }
    let typed = config.settings.iter().filter(|setting| setting.source.known() != Some(&Source::Default));
    for (number, setting) in typed.enumerate() {
        let text = format!("--{}={} ({})", setting.name, setting.value, name(&setting.source));
        rows.push((if number == 0 { "settings" } else { "" }, Cell::plain(text)));
    }
    let width = rows.iter().map(|(head, _)| head.len()).max().unwrap_or(0);
    lines.extend(rows.iter().flat_map(|(head, cell)| {
        let head = output.paint(Paint::Faint, &format!("{head:width$}"));
        output.prose(Paint::Plain, &format!("  {head}  "), width + 4, &output.paint(cell.paint, &cell.text))
    }));
    lines
}

/// At the main port always, and at a port of their own.
fn metrics(place: &Place, node: &NodeBody) -> String {
    let own = node.metrics_port.map(|port| format!(" and port {port}")).unwrap_or_default();
    format!("{}/metrics{own}", place.url())
}

fn peers(counts: &BTreeMap<String, u64>) -> String {
    let counts = counts.iter().filter(|(_, count)| **count > 0);
    let told: Vec<String> = counts.map(|(state, count)| format!("{count} {state}")).collect();
    if told.is_empty() { "none".to_owned() } else { join_names(&told) }
}

fn lookup(name: &DnsNameBody) -> String {
    let DnsNameBody { name, addresses, stale, error, .. } = name;
    let error = error.as_deref().unwrap_or_default();
    let stale = if *stale { format!(", stale: {error}") } else { String::new() };
    format!("behind {name}: {addresses} addresses{stale}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::answer::Answer;

    #[test]
    fn who_where_and_what_was_set() {
        let answer = |text: &str| Answer::new(text.into(), "").unwrap();
        let node = answer(
            r#"{"node":"node-1","boot":"5a47ab6786ac479b","state":"cut_off","stalled":false,"version":"0.1.0","revision":"abc",
            "started":"2026-11-26T02:10:00Z","uptime_ms":130000,"peers":{"alive":1,"dead":1,"left":0},"metrics_port":9101,
            "maintenance":{"reason":"new disk\u001b","left_ms":60000},
            "discovery":{"names":[{"name":"dns+http://nodes:8001","addresses":3,"stale":true,"error":"no such name"}]}}"#,
        );
        let config = answer(
            r#"{"tolerated_pause_ms":8900,"settings":[{"name":"port","value":"8001","source":"default"},
            {"name":"profile","value":"fast","source":"variable"}]}"#,
        );
        let cluster = answer(r#"{"whole":false,"sentence":"node-2 is down"}"#);
        let (node, config, cluster) =
            (node.into_shape().unwrap(), config.into_shape().unwrap(), cluster.into_shape().unwrap());
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
