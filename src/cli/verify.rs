//! `heartbeat verify`: is the mesh whole, and if not, what to do about it. The
//! exit code answers the first for installers, the text the second.

use clap::Args;

use super::address::Address;
use super::answer::{listed, name};
use super::ask::Place;
use super::exit::{Exit, Failure, Outcome};
use super::output::{Output, Paint, counted, names};
use crate::api::{ClusterBody, ClusterNodeBody, MismatchBody};
use crate::config::environment::Environment;
use crate::config::parse;
use crate::mesh::{MEMBERS_MAX, MeshVerdict, RowFreshness};
use crate::render::mesh::Severity;

/// What all nodes together say of each.
pub(crate) const CLUSTER: &str = "/api/v1/cluster";

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  heartbeat verify                           ask the node of this host about the whole mesh
  heartbeat verify --expect=3 --addr=:8002   and expect three nodes
  heartbeat wait --all --timeout=60s && heartbeat verify --expect=3

A mesh is whole when every node that should be there was asked, answered, and reaches all others.
A node that has left or is in maintenance does not count as missing.
Exit codes: 0 whole, 1 not whole or another number of nodes, 69 the node cannot be reached.")]
pub(crate) struct Verify {
    #[command(flatten)]
    pub address: Address,
    /// Expected number of nodes, including the one asked, excluding those that left
    #[arg(long, value_name = "NODES", value_parser = nodes)]
    pub expect: Option<usize>,
    /// Print the node's own JSON (`/api/v1/cluster`); the exit code is the same
    #[arg(long)]
    pub json: bool,
}

pub(crate) fn nodes(text: &str) -> Result<usize, String> {
    parse::count(text, 1, MEMBERS_MAX)
}

/// Checks whether the mesh is whole, and says what to do if not.
///
/// # Errors
/// When the node cannot be reached.
pub(crate) async fn verify(command: &Verify, environment: &Environment) -> Outcome {
    let mut output = Output::stdout(environment);
    let place = command.address.place(environment)?;
    let answer = place.ask(CLUSTER, "a view of the mesh").await?;
    let text = answer.body.clone();
    let cluster: ClusterBody = answer.into_shape()?;
    let miscount = miscount(&cluster, command.expect);
    let good = cluster.whole && miscount.is_none();
    if command.json {
        output.line(&text)?;
        if let Some(miscount) = miscount {
            return Err(Failure::Failed(miscount));
        }
    } else {
        explain(&cluster, command.expect, &place, &output).iter().try_for_each(|line| output.line(line))?;
    }
    Ok(if good { Exit::Success } else { Exit::Failed })
}

/// What is wrong with the number of nodes.
pub(crate) fn miscount(cluster: &ClusterBody, expected: Option<usize>) -> Option<String> {
    let there = members(cluster);
    let expected = expected.filter(|expected| *expected != there.len())?;
    let listed = if there.len() > 8 { String::new() } else { format!(": {}", names(&there)) };
    Some(format!("expected {}, found {}{listed}", counted(expected, "node"), there.len()))
}

fn members(cluster: &ClusterBody) -> Vec<String> {
    let there = cluster.nodes.iter().filter(|node| node.verdict.known() != Some(&MeshVerdict::Left));
    there.map(|node| name(&node.node)).collect()
}

/// The sentence, then every finding that it does not repeat.
pub(crate) fn findings(cluster: &ClusterBody, output: &Output) -> Vec<String> {
    let ClusterBody { sentence, whole, findings, .. } = cluster;
    let paint = if *whole { Paint::Good } else { Paint::Bad };
    let mut lines = vec![output.paint(paint, sentence)];
    // One or two findings are the sentence itself.
    for finding in findings.iter().filter(|finding| !sentence.contains(&finding.text)) {
        let (mark, paint) = match finding.weight.known() {
            Some(Severity::Fault) => ('!', Paint::Bad),
            Some(Severity::Gap) => ('?', Paint::Doubtful),
            Some(Severity::Note) | None => ('-', Paint::Plain),
        };
        lines.push(output.paint(paint, &format!("{mark} {}", finding.text)));
    }
    lines
}

fn explain(cluster: &ClusterBody, expected: Option<usize>, place: &Place, output: &Output) -> Vec<String> {
    let miscount = miscount(cluster, expected);
    let mut lines = findings(cluster, output);
    if let Some(miscount) = &miscount {
        lines.push(output.paint(Paint::Bad, &format!("! {miscount}")));
    }
    let mut advice: Vec<String> = Vec::new();
    if !cluster.whole {
        advice.extend(cluster.nodes.iter().filter_map(remedy));
        advice.extend(cluster.mismatches.iter().map(|MismatchBody { observer, missing }| {
            format!("{} does not list {}: give every node the same --peers", name(observer), listed(missing))
        }));
    }
    let there = members(cluster).len();
    if let Some(expected) = expected.filter(|expected| *expected > there) {
        let asked = name(&cluster.node);
        let missing = expected - there;
        advice.push(format!(
            "{missing} missing: no node lists them; start them, and add them to --peers of {asked} and the others"
        ));
    } else if miscount.is_some() {
        advice.push("too many: remove those that are gone for good from --peers of every node".to_owned());
    }
    if !advice.is_empty() {
        let expect = expected.map(|expected| format!(" --expect={expected}")).unwrap_or_default();
        advice.push(format!("then: heartbeat wait --all{expect} --addr={place}"));
        lines.extend([String::new(), "what to do:".to_owned()]);
        lines.extend(advice.iter().map(|line| format!("  {line}")));
    }
    lines
}

/// What to do about the verdict on a node.
fn remedy(node: &ClusterNodeBody) -> Option<String> {
    let verdict = *node.verdict.known()?;
    let (name, missed_by) = (name(&node.node), listed(&node.missed_by));
    let silent = node.heard.known() != Some(&RowFreshness::Now);
    Some(match verdict {
        MeshVerdict::Down | MeshVerdict::Unconfirmed => {
            format!(
                "{name}: check whether its process runs, read the end of its log, and start it; see heartbeat why {name}"
            )
        }
        MeshVerdict::NeverSeen => {
            format!("{name}: start it, or correct its host and port in --peers of the nodes that have never heard it")
        }
        MeshVerdict::LinkBroken => {
            format!("{name}: it runs; check the network and the firewalls between it and {missed_by}")
        }
        MeshVerdict::OneWay => {
            format!("{name}: it runs; look for a firewall that drops new connections from {missed_by} to its port")
        }
        MeshVerdict::CutOff => format!("{name}: check its network, and ask a node on its side (--addr)"),
        MeshVerdict::Unknown => format!("{name}: it has not answered yet; wait a moment"),
        MeshVerdict::Up | MeshVerdict::Restarted if silent => {
            format!("{name}: its peers reach it, but it did not report its links: busy, or another version")
        }
        MeshVerdict::Up | MeshVerdict::Restarted if node.stalled => {
            format!("{name}: its host is overloaded or was suspended; wait a moment")
        }
        MeshVerdict::Up | MeshVerdict::Restarted | MeshVerdict::Left | MeshVerdict::Maintenance => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    fn told(text: &str, expected: Option<usize>) -> String {
        let cluster = serde_json::from_str(text).unwrap();
        let output = Output::to(Box::new(std::io::sink()), false);
        explain(&cluster, expected, &Place::new("localhost", 8001), &output).join("\n")
    }

    #[test]
    fn what_is_wrong_and_what_to_do() {
        let text = r#"{"node":"node-1","whole":false,"sentence":"node-3 has been down for 3 s; reported by node-1",
            "findings":[{"weight":"fault","text":"node-3 has been down for 3 s; reported by node-1"},{"weight":"note","text":"node-2 restarted"}],
            "nodes":[{"node":"node-1","verdict":"up","heard":"now"},{"node":"node-2","verdict":"restarted","heard":"now"},
                     {"node":"node-3","verdict":"down","heard":"before","missed_by":["node-1"]},
                     {"node":"node-4","verdict":"left","heard":"never"}],
            "mismatches":[{"observer":"node-2","missing":["node-3"]}]}"#;
        assert_eq!(
            told(text, Some(4)),
            "\
node-3 has been down for 3 s; reported by node-1
- node-2 restarted
! expected 4 nodes, found 3: node-1, node-2 and node-3

what to do:
  node-3: check whether its process runs, read the end of its log, and start it; see heartbeat why node-3
  node-2 does not list node-3: give every node the same --peers
  1 missing: no node lists them; start them, and add them to --peers of node-1 and the others
  then: heartbeat wait --all --expect=4 --addr=localhost:8001"
        );
    }

    #[test]
    fn a_whole_mesh_needs_no_advice() {
        let text = r#"{"node":"a","whole":true,"sentence":"both nodes reach each other","findings":[],
            "nodes":[{"node":"a","verdict":"up","heard":"now"},{"node":"b","verdict":"up","heard":"now"}]}"#;
        assert_eq!(told(text, Some(2)), "both nodes reach each other");
        assert!(told(text, Some(3)).contains("expected 3 nodes, found 2: a and b"));
    }

    #[test]
    fn every_bad_verdict_has_a_remedy() {
        for verdict in MeshVerdict::ALL {
            let text = format!(r#"{{"node":"a","verdict":"{}","heard":"now","missed_by":["b"]}}"#, verdict.as_str());
            let advised = remedy(&serde_json::from_str(&text).unwrap()).is_some();
            assert_eq!(advised, verdict.is_bad() || verdict == MeshVerdict::Unknown, "{verdict:?}");
        }
    }
}
