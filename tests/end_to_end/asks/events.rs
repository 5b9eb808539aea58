//! The events that a node serves at `/api/v1/events`.

use serde_json::Value;

use crate::support::Cluster;

/// What a reader of the events of `observer` reads.
pub fn sentences(cluster: &Cluster, observer: usize) -> Vec<String> {
    let events = cluster.node(observer).json("/api/v1/events").unwrap_or_else(|problem| panic!("{problem}"));
    let events = events["events"].as_array().cloned().unwrap_or_default();
    events.iter().filter_map(|event| event["sentence"].as_str()).map(str::to_owned).collect()
}

/// `observer` reads that its link to `subject` is broken, and who still reaches it.
#[track_caller]
pub fn assert_says_witness(cluster: &Cluster, observer: usize, subject: &str, witness: &str) {
    let said = sentences(cluster, observer);
    let names_both = |line: &&String| line.contains(subject) && line.contains(witness);
    assert!(said.iter().any(|line| names_both(&line)), "{witness} is not named as a witness of {subject}: {said:#?}");
}

/// Events that `asked` lists as reported by `teller`.
pub fn from(cluster: &Cluster, asked: usize, teller: &str) -> Result<Vec<Value>, String> {
    let body = cluster.node(asked).json("/api/v1/events?limit=1024")?;
    let events = body["events"].as_array().cloned().ok_or_else(|| body.to_string())?;
    Ok(events.into_iter().filter(|event| event["from"] == teller).collect())
}

/// Events that `asked` saw itself, all of them.
#[track_caller]
pub fn own(cluster: &Cluster, asked: usize) -> Vec<Value> {
    let body = cluster.node(asked).json("/api/v1/events?since=0&limit=1024").expect("events");
    body["events"].as_array().cloned().expect("a list")
}

pub fn is_about(event: &Value, kind: &str, peer: &str) -> bool {
    event["event"] == kind && event["peer"] == peer
}
