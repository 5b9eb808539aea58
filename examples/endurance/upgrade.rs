//! Three nodes are replaced one by one, from the old version to the new and back. No node may be reported down:
//! each says goodbye, and what the other version says is understood.

use std::path::Path;
use std::time::Duration;

use super::Outcome;
use super::fleet::Fleet;

const AGREEMENT: Duration = Duration::from_secs(60);

pub fn upgrade(old: &Path, new: &Path) -> Outcome {
    for (from, to) in [(old, new), (new, old)] {
        let mut fleet = Fleet::new(3)?;
        match replace(&mut fleet, from, to) {
            Ok(()) => fleet.remove_logs(),
            Err(problem) => return Err(format!("{problem}; {}", fleet.keep_logs())),
        }
    }
    println!("upgrade: three nodes replaced one by one in both directions; no false verdict");
    Ok(())
}

fn replace(fleet: &mut Fleet, from: &Path, to: &Path) -> Outcome {
    println!("from {} to {}", from.display(), to.display());
    for node in &mut fleet.nodes {
        node.start(from)?;
    }
    fleet.agree(AGREEMENT)?;
    let before = versions(fleet)?;
    for index in 0..fleet.nodes.len() {
        fleet.nodes[index].stop(Duration::from_secs(20))?;
        fleet.nodes[index].start(to)?;
        let took = fleet.agree(AGREEMENT)?;
        println!(
            "node-{} replaced; all agree {:.1} s later: {}",
            index + 1,
            took.as_secs_f64(),
            versions(fleet)?.join(" ")
        );
        // Each version as it shows and hands on what the others say: the whole mesh must be whole.
        for node in &fleet.nodes {
            let cluster = node.get("/api/v1/cluster")?;
            if !cluster.contains("\"whole\":true") {
                return Err(format!("{} does not see the mesh whole: {cluster}", node.name));
            }
        }
    }
    let after = versions(fleet)?;
    if before == after {
        return Err(format!("nothing was replaced: {before:?} before and after"));
    }
    for index in 0..fleet.nodes.len() {
        let log = fleet.log(index);
        let verdict =
            |line: &&str| ["peer_down", "peer_unreachable", "peer_conflict"].iter().any(|event| line.contains(event));
        if let Some(line) = log.lines().find(verdict) {
            return Err(format!("node-{} gave a false verdict: {line}", index + 1));
        }
        if !log.contains("peer_joined") {
            return Err(format!("the log of node-{} has no events, so it proves nothing", index + 1));
        }
    }
    Ok(())
}

/// What each node says it is.
fn versions(fleet: &Fleet) -> Outcome<Vec<String>> {
    let version = |node: &super::fleet::Node| {
        let body = node.get("/ping")?;
        let found = body.split("\"version\":\"").nth(1).and_then(|rest| rest.split('"').next());
        found.map(str::to_owned).ok_or_else(|| format!("{} names no version: {body}", node.name))
    };
    fleet.nodes.iter().map(version).collect()
}
