//! What `heartbeat why` answers, run on the observer's host.

use serde_json::Value;

use crate::support::{Cluster, SOON, check};

/// What an observer must say of a peer, how it must look in the paragraph and which rule it must rest on.
#[derive(Clone, Copy, Debug)]
pub struct Because<'a> {
    pub observer: usize,
    pub peer: usize,
    /// What the last decision may rest on, as the API spells it.
    pub rules: &'a [&'a str],
    pub words: &'a [&'a str],
}

/// Asks until the answer has all of `words`, and gives it as it was printed.
#[track_caller]
pub fn await_words(cluster: &Cluster, observer: usize, peer: usize, words: &[&str]) -> String {
    let host = &cluster.node(observer).host;
    let (peer, place) = (format!("node-{peer}"), format!("--addr={}", host.address));
    check(&format!("node-{observer} says {words:?} of {peer}"), SOON, || {
        let output = host.heartbeat().args(["why", &peer, &place]).output().map_err(|error| error.to_string())?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.code() != Some(0) {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        // Its paragraph is broken into lines.
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        match words.iter().find(|words| !line.contains(*words)) {
            Some(missing) => Err(format!("no {missing:?} in\n{text}")),
            None => Ok(text),
        }
    })
}

/// The same answer as data.
#[track_caller]
pub fn evidence(cluster: &Cluster, observer: usize, peer: usize) -> Value {
    let path = format!("/api/v1/why/node-{peer}");
    cluster.node(observer).json(&path).unwrap_or_else(|error| panic!("{error}"))
}

/// Waits until each of these observers has this verdict, for this reason.
#[track_caller]
pub fn await_reasons(cluster: &Cluster, expected: &[Because<'_>]) {
    for because in expected {
        await_words(cluster, because.observer, because.peer, because.words);
        let why = evidence(cluster, because.observer, because.peer);
        let rule = why["decision"]["rule"].as_str().unwrap_or_default();
        assert!(because.rules.contains(&rule), "{because:?}: {why:#}");
    }
}

/// What an observer says of a peer that answers it, whatever others say. On a busy machine there may have been a doubt.
pub fn alive<'a>(observer: usize, peer: usize, words: &'a [&'a str]) -> Because<'a> {
    Because { observer, peer, rules: &["first_answer", "answered"], words }
}

pub fn because<'a>(observer: usize, peer: usize, rules: &'a [&'a str], words: &'a [&'a str]) -> Because<'a> {
    Because { observer, peer, rules, words }
}
