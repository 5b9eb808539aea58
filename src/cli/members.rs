//! `heartbeat members`: the state of each peer, as one node sees it.

use std::time::Duration;

use clap::Args;
use serde::Deserialize;

use super::address::Address;
use super::exit::{Exit, Outcome};
use super::output::{Cell, Output, Paint, names};
use crate::config::environment::Environment;
use crate::render::{round_trip, span};

const A_LIST: &str = "a list of peers";

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  heartbeat members                        the node of this host
  heartbeat members --addr=node-2:8001     another node
  heartbeat members --json | jq '.peers[] | select(.state != \"alive\")'

Exit codes: 0 all expected peers are up, 1 one is not, 69 the node cannot be reached.")]
pub(crate) struct Members {
    #[command(flatten)]
    pub address: Address,
    /// Print the node's own JSON (`/api/v1/peers`)
    #[arg(long)]
    pub json: bool,
}

/// What is shown of `/api/v1/peers`. Fields that are missing or new are no reason to fail: versions mix.
#[derive(Debug, Deserialize)]
struct Body {
    node: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    peers: Vec<Peer>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Peer {
    key: String,
    node: Option<String>,
    state: String,
    verdict: Option<String>,
    evidence: Option<String>,
    expected: bool,
    maintenance: Option<Maintenance>,
    maintenance_overrun_ms: Option<f64>,
    degraded: bool,
    flapping: bool,
    restarts: u64,
    last_proof_ms: Option<f64>,
    state_age_ms: Option<f64>,
    rtt: Option<Rtt>,
    loss: Option<f64>,
    accusers: Vec<String>,
    witnesses: Vec<Witness>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Maintenance {
    reason: String,
    left_ms: f64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Rtt {
    last_ms: Option<f64>,
    p99_ms: Option<f64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Witness {
    witness: String,
    said: Option<String>,
}

impl Peer {
    fn is_up(&self) -> bool {
        matches!(self.state.as_str(), "alive" | "suspect")
    }

    fn paint(&self) -> Paint {
        match self.state.as_str() {
            "alive" => Paint::Good,
            "dead" => Paint::Bad,
            "left" => Paint::Faint,
            _ => Paint::Doubtful,
        }
    }

    /// Everything that the columns do not say.
    fn note(&self) -> String {
        let mut parts = Vec::new();
        if let Some(maintenance) = &self.maintenance {
            let left = span(duration(maintenance.left_ms));
            parts.push(format!("maintenance for another {left} ({})", maintenance.reason));
        }
        if let Some(overrun) = self.maintenance_overrun_ms {
            parts.push(format!("maintenance over {} ago", span(duration(overrun))));
        }
        if let Some(verdict) = &self.verdict {
            let evidence = self.evidence.as_ref().map(|evidence| format!(" ({evidence})")).unwrap_or_default();
            parts.push(format!("{}{evidence}", verdict.replace('_', " ")));
        }
        if !self.is_up()
            && let Some(silent) = self.last_proof_ms
        {
            parts.push(format!("last heard {} ago", span(duration(silent))));
        }
        if !self.accusers.is_empty() {
            parts.push(format!("accused by {}", names(&self.accusers)));
        }
        let vouching = self.witnesses.iter().filter(|witness| witness.said.as_deref() == Some("answered"));
        let vouching: Vec<String> = vouching.map(|witness| witness.witness.clone()).collect();
        if !vouching.is_empty() && !self.is_up() {
            parts.push(format!("answers {}", names(&vouching)));
        }
        parts.extend(self.degraded.then(|| "degraded".to_owned()));
        parts.extend(self.flapping.then(|| "flapping".to_owned()));
        parts.extend(self.node.as_ref().filter(|node| **node != self.key).map(|node| format!("calls itself {node}")));
        parts.join(", ")
    }

    fn row(&self) -> Vec<Cell> {
        let rtt = |value: Option<f64>| value.map_or("-".to_owned(), |ms| round_trip(duration(ms)));
        let figures = self.rtt.as_ref();
        vec![
            Cell::plain(&self.key),
            Cell::new(self.paint(), &self.state),
            Cell::plain(self.state_age_ms.map_or("-".to_owned(), |ms| span(duration(ms)))),
            Cell::plain(rtt(figures.and_then(|rtt| rtt.last_ms))),
            Cell::plain(rtt(figures.and_then(|rtt| rtt.p99_ms))),
            Cell::plain(self.loss.map_or("-".to_owned(), |part| format!("{:.0} %", part * 100.0))),
            Cell::plain(self.restarts.to_string()),
            Cell::plain(self.note()),
        ]
    }
}

fn duration(value: f64) -> Duration {
    Duration::try_from_secs_f64(value / 1000.0).unwrap_or_default()
}

/// Asks one node and shows its peers.
///
/// # Errors
/// When the node cannot be reached or says something that is no list of peers.
pub(crate) async fn members(command: &Members, environment: &Environment) -> Outcome {
    let mut output = Output::stdout(environment);
    let answer = command.address.place(environment)?.ask("/api/v1/peers", A_LIST).await?;
    let text = answer.body.clone();
    let body: Body = answer.into_shape(A_LIST)?;
    let missing = body.peers.iter().filter(|peer| peer.expected && !peer.is_up()).count();
    if command.json {
        output.line(&text)?;
    } else {
        show(&mut output, &body)?;
    }
    Ok(if missing == 0 { Exit::Success } else { Exit::Failed })
}

fn show(output: &mut Output, body: &Body) -> std::io::Result<()> {
    let up = body.peers.iter().filter(|peer| peer.is_up()).count();
    let name = output.paint(Paint::Strong, &body.node);
    let state = body.state.replace('_', " ");
    if body.peers.is_empty() {
        return output.line(&format!("{name} ({state}) has no peers"));
    }
    output.line(&format!("{name} ({state}): {up} of {} peers up", body.peers.len()))?;
    let rows: Vec<Vec<Cell>> = body.peers.iter().map(Peer::row).collect();
    output.table(&["PEER", "STATE", "FOR", "RTT", "P99", "LOSS", "RESTARTS", "NOTE"], &rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_says_what_the_columns_do_not() {
        let peer: Peer = serde_json::from_str(
            r#"{"key":"localhost:8003","node":"node-3","state":"unreachable","verdict":"link_broken","evidence":"silent",
                "last_proof_ms":3100,"witnesses":[{"witness":"node-2","said":"answered"}],"accusers":["node-1"],"new":1,
                "maintenance":{"reason":"disk","left_ms":90000},"maintenance_overrun_ms":null}"#,
        )
        .unwrap();
        assert_eq!(
            peer.note(),
            "maintenance for another 1 min 30 s (disk), link broken (silent), last heard 3.1 s ago, accused by node-1, answers node-2, calls itself node-3"
        );
    }
}
