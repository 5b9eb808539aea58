//! The mesh as any node reports it: `/api/v1/cluster`, its sentence and its verdicts.

use std::time::Instant;

use serde_json::Value;

use crate::support::{Cluster, Report, SOON, check, seconds};

pub fn told_by(cluster: &Cluster, asked: usize) -> Result<Value, String> {
    cluster.node(asked).json("/api/v1/cluster")
}

/// Waits until `asked` answers with `sentence`, in which `*` stands for a length of time; gives the whole answer.
#[track_caller]
pub fn await_sentence(cluster: &Cluster, asked: usize, sentence: &str) -> Value {
    check(&format!("node-{asked} says {sentence:?}"), SOON, || {
        let answer = told_by(cluster, asked)?;
        let said = answer["sentence"].as_str().unwrap_or_default();
        if fits(said, sentence) { Ok(answer) } else { Err(said.to_owned()) }
    })
}

fn fits(said: &str, sentence: &str) -> bool {
    match sentence.split_once('*') {
        None => said == sentence,
        Some((before, after)) => {
            let time = said.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
            time.is_some_and(|time| time.starts_with(|c: char| c.is_ascii_digit()) && !time.contains(','))
        }
    }
}

/// Waits until `asked` reports no problem, with a note about node-3. On a busy machine there may be others: that
/// answers are slow, for one.
#[track_caller]
pub fn await_note(cluster: &Cluster, asked: usize, good: &str, note: &str, expected: &str) {
    check(&format!("node-{asked} says {good}{note}"), SOON, || {
        let answer = told_by(cluster, asked)?;
        let said = answer["sentence"].as_str().unwrap_or_default();
        let told = said.starts_with(good) && said.contains(note) && verdict(&answer, "node-3") == expected;
        if told { Ok(()) } else { Err(said.to_owned()) }
    });
}

/// Every node says so, each with its own sentence where they differ.
#[track_caller]
pub fn await_sentences(cluster: &Cluster, said: &[(usize, &str)], since: Instant, report: &Report) {
    for (asked, sentence) in said {
        await_sentence(cluster, *asked, sentence);
    }
    report.measured("fault to the sentence, from every node", since.elapsed(), seconds(15));
}

#[track_caller]
pub fn await_whole(cluster: &Cluster, numbers: &[usize]) {
    for asked in numbers {
        check(&format!("node-{asked} says that the mesh is whole"), SOON, || {
            let answer = cluster.node(*asked).get("/api/v1/cluster?strict=1")?;
            if answer.status == 200 { Ok(()) } else { Err(answer.body) }
        });
    }
}

/// The verdict on `node` in an answer.
fn verdict<'a>(answer: &'a Value, node: &str) -> &'a str {
    let nodes = answer["nodes"].as_array().map_or(&[][..], Vec::as_slice);
    let found = nodes.iter().find(|entry| entry["node"] == node);
    found.and_then(|entry| entry["verdict"].as_str()).unwrap_or("not listed")
}

/// Every node comes to these verdicts, which are listed in the order node-1, node-2 and so on.
#[track_caller]
pub fn await_verdicts(cluster: &Cluster, expected: &[(usize, &[&str])]) {
    for (asked, expected) in expected {
        check(&format!("node-{asked} has the verdicts {expected:?}"), SOON, || {
            let answer = told_by(cluster, *asked)?;
            let names: Vec<String> = (1..=expected.len()).map(|number| format!("node-{number}")).collect();
            let verdicts: Vec<&str> = names.iter().map(|name| verdict(&answer, name)).collect();
            if verdicts == *expected { Ok(()) } else { Err(answer.to_string()) }
        });
    }
}

/// Waits until `asked` reports no problem, and this verdict on one node.
#[track_caller]
pub fn await_well(cluster: &Cluster, asked: usize, node: usize, verdict: &str) {
    check(&format!("node-{asked} reports no problem, and node-{node} {verdict}"), SOON, || {
        let answer = cluster.node(asked).json("/api/v1/cluster")?;
        let nodes = answer["nodes"].as_array().cloned().unwrap_or_default();
        let found = nodes.iter().find(|entry| entry["node"] == format!("node-{node}"));
        let is_well =
            answer["sentence"].as_str().is_some_and(|sentence| sentence.starts_with("all 3 nodes reach each other"));
        let is_so = found.is_some_and(|entry| entry["verdict"] == verdict);
        if is_well && is_so { Ok(()) } else { Err(answer.to_string()) }
    });
}
