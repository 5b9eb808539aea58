//! The mesh under test: brought up once, asked through kubectl, and awaited until it is whole.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::kubectl::{NAMESPACE, inside, json, kubectl};
use super::support::{check, seconds};

/// What is applied, exactly as a person would.
pub const OVERLAY: &str = "k8s/overlays/kind";

/// How many nodes that makes.
pub const NODES: usize = 3;

/// Images are there already; programs start, on a machine that may be doing other things.
pub const UP_LIMIT: Duration = seconds(180);

/// Every node sees every other, whatever was done to them before. Names are looked up anew every second while a node
/// is missing, the kubelet waits longer after each restart, and a rolling restart is not in this.
pub const WHOLE_LIMIT: Duration = seconds(90);

/// One pod of a node.
#[derive(Clone, Debug)]
pub struct Pod {
    pub name: String,
    pub uid: String,
    pub ready: bool,
    pub restarts: u64,
    /// It was asked to stop.
    pub leaving: bool,
}

/// The nodes' pods, by name.
pub fn pods() -> Result<Vec<Pod>, String> {
    let list = json(&["get", "pods", "--selector=app.kubernetes.io/name=heartbeat"])?;
    let mut pods: Vec<_> = list["items"].as_array().into_iter().flatten().map(Pod::of).collect();
    pods.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(pods)
}

impl Pod {
    fn of(object: &Value) -> Pod {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let container = &object["status"]["containerStatuses"][0];
        Pod {
            name: text("/metadata/name"),
            uid: text("/metadata/uid"),
            ready: container["ready"] == true,
            restarts: container["restartCount"].as_u64().unwrap_or(0),
            leaving: !object["metadata"]["deletionTimestamp"].is_null(),
        }
    }
}

/// What a node says of its peers: state by key.
pub fn peers(pod: &str) -> Result<BTreeMap<String, Peer>, String> {
    let text = inside(pod, &["/heartbeat", "members", "--json"])?;
    let answer: Value = serde_json::from_str(&text).map_err(|error| format!("{pod}: {error} in {text:?}"))?;
    let peers = answer["peers"].as_array().into_iter().flatten();
    Ok(peers.map(|peer| (word(&peer["key"]), Peer::of(peer))).collect())
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    pub state: String,
    pub verdict: String,
    pub boot: String,
}

impl Peer {
    fn of(value: &Value) -> Peer {
        Peer { state: word(&value["state"]), verdict: word(&value["verdict"]), boot: word(&value["boot"]) }
    }
}

fn word(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// One line of a node's log.
#[derive(Clone, Debug)]
pub struct Entry {
    pub node: String,
    pub event: String,
    pub level: String,
    pub peer: String,
    pub raw: String,
}

/// What the present containers of all nodes have logged since `since` (RFC 3339, see [`now`]).
pub fn logs(since: &str) -> Result<Vec<Entry>, String> {
    let mut entries = Vec::new();
    for pod in pods()? {
        let text = kubectl(&["logs", &pod.name, &format!("--since-time={since}")])?;
        entries.extend(text.lines().map(|line| entry(&pod.name, line)));
    }
    Ok(entries)
}

fn entry(node: &str, line: &str) -> Entry {
    let fields: Value = serde_json::from_str(line).unwrap_or(Value::Null);
    Entry {
        node: node.to_owned(),
        event: word(&fields["event"]),
        level: word(&fields["level"]).to_lowercase(),
        peer: word(&fields["peer"]),
        raw: line.to_owned(),
    }
}

/// The time of the cluster's clock.
pub fn now() -> String {
    let output = std::process::Command::new("date").args(["--utc", "+%Y-%m-%dT%H:%M:%SZ"]).output().expect("date");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// The mesh as the overlay has it, and whole. What the case before left behind, because it failed, is put right by
/// applying the overlay again. Returns how long the first time took, until every pod was ready.
#[track_caller]
pub fn whole() -> Duration {
    static UP: OnceLock<Duration> = OnceLock::new();
    let took = *UP.get_or_init(|| {
        assert!(
            kubectl(&["get", "namespace", NAMESPACE]).is_err(),
            "there is a namespace {NAMESPACE} already: not ours to delete"
        );
        let began = Instant::now();
        up();
        began.elapsed()
    });
    kubectl(&["apply", "-k", OVERLAY]).unwrap_or_else(|problem| panic!("{problem}"));
    check("whole", WHOLE_LIMIT, || sees_all(NODES));
    took
}

/// Applies the overlay and waits for every pod.
#[track_caller]
pub fn up() {
    kubectl(&["apply", "-k", OVERLAY]).unwrap_or_else(|problem| panic!("{problem}"));
    let limit = format!("--timeout={}s", UP_LIMIT.as_secs());
    for workload in ["statefulset/heartbeat", "deployment/prometheus", "deployment/alertmanager", "deployment/grafana"]
    {
        let ready = kubectl(&["rollout", "status", workload, &limit]);
        ready.unwrap_or_else(|problem| panic!("{problem}\n{}", kubectl(&["describe", "pods"]).unwrap_or_default()));
    }
}

/// There are exactly `count` pods, all ready; each sees all others alive and knows no other node.
pub fn sees_all(count: usize) -> Result<(), String> {
    let pods = pods()?;
    if pods.len() != count || pods.iter().any(|pod| !pod.ready || pod.leaving) {
        return Err(format!("{pods:?}"));
    }
    for pod in &pods {
        let peers = peers(&pod.name)?;
        let others: Vec<_> = pods.iter().map(|pod| &pod.name).filter(|name| **name != pod.name).collect();
        if !peers.keys().eq(others) || peers.values().any(|peer| peer.state != "alive") {
            return Err(format!("{} sees {peers:?}", pod.name));
        }
    }
    Ok(())
}

/// Deletes what this suite made, and what a run that was cut off left behind.
pub fn clean() {
    let ours = json(&["get", "namespace", NAMESPACE])
        .is_ok_and(|found| found["metadata"]["labels"]["app.kubernetes.io/part-of"] == "distributed-heartbeat");
    if ours {
        let gone =
            kubectl(&["delete", "namespace", NAMESPACE, "--wait=true", "--timeout=120s", "--request-timeout=150s"]);
        gone.unwrap_or_else(|problem| panic!("{problem}"));
    }
}
