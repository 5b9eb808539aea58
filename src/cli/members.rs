//! `heartbeat members`: the state of each peer, as one node sees it.

use clap::Args;

use super::address::Reader;
use super::answer::{fine, no_answer, span_of};
use super::exit::{Exit, Outcome};
use super::output::{Cell, Output, Paint};
use crate::api::text::Text;
use crate::api::words::Said;
use crate::api::{PeerBody, PeersBody, WitnessBody};
use crate::config::environment::Environment;
use crate::detector::peer::PeerState;
use crate::render::join_names;
use crate::render::round_trip;

const A_LIST: &str = "a list of peers";

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  heartbeat members                        the node of this host
  heartbeat members --addr=node-2:8001     another node
  heartbeat members --json | jq '.peers[] | select(.state != \"alive\")'

Exit codes: 0 all expected peers are up, 1 one is not, 69 the node cannot be reached.")]
pub(crate) struct Members {
    #[command(flatten)]
    pub reader: Reader,
    /// Print the node's own JSON (`/api/v1/peers`)
    #[arg(long)]
    pub json: bool,
}

fn is_up(peer: &PeerBody) -> bool {
    peer.state.known().is_some_and(|state| state.is_up())
}

fn paint(peer: &PeerBody) -> Paint {
    match peer.state.known() {
        Some(PeerState::Alive) => Paint::Good,
        Some(PeerState::Dead) => Paint::Bad,
        Some(PeerState::Left) => Paint::Faint,
        Some(PeerState::Joining | PeerState::Suspect | PeerState::Unreachable) | None => Paint::Doubtful,
    }
}

/// Everything that the columns do not say.
fn note(peer: &PeerBody) -> String {
    let mut parts = Vec::new();
    if let Some(maintenance) = &peer.maintenance {
        parts.push(format!("maintenance for another {} ({})", span_of(maintenance.left_ms), maintenance.reason));
    }
    if let Some(overrun) = peer.maintenance_overrun_ms {
        parts.push(format!("maintenance over {} ago", span_of(overrun)));
    }
    if let Some(verdict) = &peer.verdict {
        let evidence = peer.evidence.as_ref().map(|evidence| format!(" ({evidence})")).unwrap_or_default();
        parts.push(format!("{}{evidence}", verdict.as_str().replace('_', " ")));
    }
    if !is_up(peer)
        && let Some(silent) = peer.last_proof_ms
    {
        parts.push(format!("last heard {} ago", span_of(silent)));
    }
    if !peer.accusers.is_empty() {
        parts
            .push(format!("accused by {}", join_names(&peer.accusers.iter().map(Text::to_string).collect::<Vec<_>>())));
    }
    let vouches = |witness: &&WitnessBody| witness.said == Some(Said::Answered.into());
    let vouching: Vec<String> = peer.witnesses.iter().filter(vouches).map(|w| w.witness.to_string()).collect();
    if !vouching.is_empty() && !is_up(peer) {
        parts.push(format!("answers {}", join_names(&vouching)));
    }
    parts.extend(peer.degraded.then(|| "degraded".to_owned()));
    parts.extend(peer.flapping.then(|| "flapping".to_owned()));
    let own_name = peer.node.as_ref().filter(|node| node.as_str() != peer.key.as_str());
    parts.extend(own_name.map(|node| format!("calls itself {node}")));
    parts.join(", ")
}

fn row(peer: &PeerBody) -> Vec<Cell> {
    let rtt = |ms: Option<f64>| Cell::plain(ms.and_then(fine).map_or_else(|| "-".to_owned(), round_trip));
    vec![
        Cell::plain(peer.key.as_str()),
        Cell::new(paint(peer), peer.state.as_str()),
        Cell::plain(span_of(peer.state_age_ms)),
        rtt(peer.rtt.last_ms),
        rtt(peer.rtt.p99_ms),
        Cell::plain(peer.loss.map_or("-".to_owned(), |part| format!("{:.0} %", part * 100.0))),
        Cell::plain(peer.restarts.to_string()),
        Cell::plain(note(peer)),
    ]
}

/// Asks one node and shows its peers.
///
/// # Errors
/// When the node cannot be reached or says something that is no list of peers.
pub(crate) async fn members(command: &Members, environment: &Environment) -> Outcome {
    let mut output = Output::stdout(environment);
    let answer = command.reader.place(environment)?.ask("/api/v1/peers", A_LIST).await?;
    let text = answer.body.clone();
    let body: PeersBody = answer.into_shape()?;
    // A program that is no node may answer with any object, and one without peers counts as good.
    if body.node.as_str().is_empty() {
        return Err(no_answer(A_LIST, "missing field `node`"));
    }
    let missing = body.peers.iter().filter(|peer| peer.expected && !is_up(peer)).count();
    if command.json {
        output.line(&text)?;
    } else {
        show(&mut output, &body)?;
    }
    Ok(if missing == 0 { Exit::Success } else { Exit::Failed })
}

pub(super) fn show(output: &mut Output, body: &PeersBody) -> std::io::Result<()> {
    let up = body.peers.iter().filter(|peer| is_up(peer)).count();
    let name = output.paint(Paint::Strong, &body.node.as_str());
    let state = body.state.as_str().replace('_', " ");
    if body.peers.is_empty() {
        return output.line(&format!("{name} ({state}) has no peers"));
    }
    output.line(&format!("{name} ({state}): {up} of {} peers up", body.peers.len()))?;
    let rows: Vec<Vec<Cell>> = body.peers.iter().map(row).collect();
    output.table(&["PEER", "STATE", "FOR", "RTT", "P99", "LOSS", "RESTARTS", "NOTE"], &rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_says_what_the_columns_do_not() {
        let peer: PeerBody = serde_json::from_str(
            r#"{"key":"localhost:8003","node":"node-3","state":"unreachable","verdict":"link_broken","evidence":"silent",
                "last_proof_ms":3100,"witnesses":[{"witness":"node-2","said":"answered"}],"accusers":["node-1"],"new":1,
                "maintenance":{"reason":"disk","left_ms":90000},"maintenance_overrun_ms":null}"#,
        )
        .unwrap();
        assert_eq!(
            note(&peer),
            "maintenance for another 1 min 30 s (disk), link broken (silent), last heard 3.1 s ago, accused by node-1, answers node-2, calls itself node-3"
        );
    }
}
