//! `heartbeat verify`: is the mesh whole, and if not, what to do about it. The
//! exit code answers the first for installers, the text the second.

use std::collections::BTreeSet;

use clap::Args;

use super::address::Reader;
use super::answer::{listed, name};
use super::ask::Place;
use super::exit::{Exit, Failure, Outcome};
use super::output::{Output, Paint, counted};
use crate::api::{ClusterBody, ClusterNodeBody, MismatchBody};
use crate::config::environment::Environment;
use crate::config::parse;
use crate::mesh::{BlindSpotKind, MEMBERS_MAX, MeshVerdict, RowFreshness};
use crate::render::advice::{Number, Seen, advice, fault_of, fault_of_blind_spot};
use crate::render::join_names;
use crate::render::mesh::Severity;
use crate::render::mesh_keys;

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
    pub reader: Reader,
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
    let place = command.reader.place(environment)?;
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
    let listed = if there.len() > 8 { String::new() } else { format!(": {}", join_names(&there)) };
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
    let mut lines = output.prose(paint, "", 0, sentence);
    // One or two findings are the sentence itself.
    for finding in findings.iter().filter(|finding| !sentence.contains(&finding.text)) {
        let (mark, paint) = match finding.weight.known() {
            Some(Severity::Fault) => ('!', Paint::Bad),
            Some(Severity::Gap) => ('?', Paint::Doubtful),
            Some(Severity::Note) | None => ('-', Paint::Plain),
        };
        lines.extend(output.prose(paint, &format!("{mark} "), 2, &finding.text));
    }
    lines
}

fn explain(cluster: &ClusterBody, expected: Option<usize>, place: &Place, output: &Output) -> Vec<String> {
    let miscount = miscount(cluster, expected);
    let mut lines = findings(cluster, output);
    if let Some(miscount) = &miscount {
        lines.extend(output.prose(Paint::Bad, "! ", 2, miscount));
    }
    let mut advice: Vec<String> = Vec::new();
    if !cluster.whole {
        advice.extend(cluster.nodes.iter().filter_map(|node| remedy(node, place)));
        advice.extend(cluster.nodes.iter().flat_map(sight));
        advice.extend(cluster.mismatches.iter().map(|MismatchBody { observer, missing }| {
            format!("{} does not list {}: give every node the same --peers", name(observer), listed(missing))
        }));
    }
    for text in keys(cluster) {
        lines.extend(output.prose(Paint::Plain, "- ", 2, &text));
    }
    let there = members(cluster).len();
    if let Some(expected) = expected.filter(|expected| *expected > there) {
        let asked = name(&cluster.node);
        let missing = expected - there;
        let them = if missing == 1 { "it" } else { "them" };
        advice.push(format!(
            "{missing} missing: no node lists {them}; start {them}, and add {them} to --peers of {asked} and the others"
        ));
    } else if miscount.is_some() {
        advice.push("too many: remove those that are gone for good from --peers of every node".to_owned());
    }
    if !advice.is_empty() {
        let expect = expected.map(|expected| format!(" --expect={expected}")).unwrap_or_default();
        advice.push(format!("then: heartbeat wait --all{expect} --addr={place}"));
        lines.extend([String::new(), "what to do:".to_owned()]);
        lines.extend(advice.iter().flat_map(|line| output.prose(Paint::Plain, "  ", 4, line)));
    }
    lines
}

/// Which nodes have which mesh keys, of those that reported now.
fn keys(cluster: &ClusterBody) -> Vec<String> {
    let here = cluster.nodes.iter().filter(|node| node.heard.known() == Some(&RowFreshness::Now));
    let known = |node: &ClusterNodeBody| node.mesh_keys.iter().filter_map(|id| id.known().copied()).collect();
    mesh_keys(here.map(|node| (name(&node.node), known(node))))
}

/// What to do about a node.
fn remedy(node: &ClusterNodeBody, place: &Place) -> Option<String> {
    let seen = Seen {
        verdict: *node.verdict.known()?,
        class: node.class.as_ref().and_then(|class| class.known().copied()),
        heard: node.heard.known().copied(),
        stalled: node.stalled,
    };
    let fault = fault_of(seen)?;
    let name = name(&node.node);
    let more = if node.verdict.known().is_some_and(|verdict| verdict.is_down()) {
        format!("; see heartbeat why {name} --addr={place}")
    } else {
        String::new()
    };
    Some(format!("{name}: {}{more}", advice(fault, &listed(&node.missed_by), Number::One)))
}

/// What to do so that a node sees what it should, once for each kind of gap.
fn sight(node: &ClusterNodeBody) -> Vec<String> {
    let kinds: BTreeSet<BlindSpotKind> =
        node.blind_spots.iter().filter_map(|spot| spot.kind.known().copied()).collect();
    let told = kinds
        .into_iter()
        .map(|kind| format!("{}: {}", name(&node.node), advice(fault_of_blind_spot(kind), "", Number::One)));
    told.collect()
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
                     {"node":"node-3","verdict":"down","class":"gone","heard":"before","missed_by":["node-1"]},
                     {"node":"node-4","verdict":"left","heard":"never"}],
            "mismatches":[{"observer":"node-2","missing":["node-3"]}]}"#;
        assert_eq!(
            told(text, Some(4)),
            "\
node-3 has been down for 3 s; reported by node-1
- node-2 restarted
! expected 4 nodes, found 3: node-1, node-2 and node-3

what to do:
  node-3: start it; read its last log lines; see heartbeat why node-3 --addr=localhost:8001
  node-2 does not list node-3: give every node the same --peers
  1 missing: no node lists it; start it, and add it to --peers of node-1 and the others
  then: heartbeat wait --all --expect=4 --addr=localhost:8001"
        );
    }

    #[test]
    fn a_gap_in_what_a_node_sees_has_its_advice() {
        let text = r#"{"node":"a","whole":false,"sentence":"no fault is known; a has found no other node",
            "nodes":[{"node":"a","verdict":"up","heard":"now","blind_spots":[{"kind":"found_nobody"},{"kind":"dreams"},{"kind":"unlisted","what":"b"}]}]}"#;
        let told = told(text, None);
        assert!(told.contains("  a: it has found no other node: check that --peers names the others"), "{told}");
        assert!(told.contains("  a: give every node the same --peers"), "{told}");
    }

    #[test]
    fn who_has_which_mesh_keys_is_shown_of_nodes_that_reported_now() {
        let text = r#"{"node":"a","whole":true,"sentence":"all","nodes":[
            {"node":"a","verdict":"up","heard":"now","mesh_keys":["00000001","00000002"]},
            {"node":"b","verdict":"up","heard":"now","mesh_keys":["00000001","\u001b[2J"]},
            {"node":"c","verdict":"up","heard":"before","mesh_keys":["00000003"]}]}"#;
        assert_eq!(
            told(text, None),
            "all\n- b signs with the mesh key 00000001\n- a signs with the mesh key 00000001 and knows 00000002"
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
    fn the_class_decides_what_to_do_about_a_dead_node() {
        for (class, words) in [
            (r#""gone""#, "start it; read its last log lines"),
            (r#""stalled""#, "it runs but does not answer: check CPU limits"),
            (r#""silent""#, "check the host, its power and the network first"),
            // Of an older or newer node.
            ("null", "check whether its process runs"),
            (r#""enchanted""#, "check whether its process runs"),
        ] {
            let text = format!(r#"{{"node":"a","verdict":"unconfirmed","class":{class},"missed_by":["b"]}}"#);
            let told = remedy(&serde_json::from_str(&text).unwrap(), &Place::new("localhost", 8001)).unwrap();
            assert!(told.starts_with("a: ") && told.contains(words), "{class}: {told}");
        }
    }
}
