//! The mesh key as a Secret: introduced with the component, and exchanged in the running pods.

use std::time::{Duration, Instant};

use super::kubectl::{kubectl, kubectl_with};
use super::mesh::{self, NODES};
use super::moves::{ROLLED, nobody_was_alarmed};
use super::support::{Report, check, keygen, seconds};

/// The overlay with the component `mesh-key`.
const KEYED: &str = "tests/cluster/keyed";

/// The kubelet renews the files of a Secret with its next look at the pod, the node reads them every 10 s, and new
/// content twice.
const RENEWED: Duration = seconds(120);

/// Three steps, old to both to new, in pods that are not replaced: every node says that it has read each, no node is
/// reported and no ping fails because of a key.
pub fn the_mesh_key_is_exchanged_without_a_restart(report: &Report) {
    mesh::whole();
    let (old, new) = (keygen(), keygen());
    secret(&[&old]);
    kubectl(&["apply", "-k", KEYED]).expect("applied");
    rolled();
    let (before, since, began) = (mesh::pods().expect("pods"), mesh::now(), Instant::now());
    for (step, keys) in [&[&old, &new][..], &[&new, &old], &[&new]].into_iter().enumerate() {
        let keys: Vec<&str> = keys.iter().map(|key| key.as_str()).collect();
        secret(&keys);
        // A changed pod is looked at now, and not within a minute.
        let mark = format!("heartbeat.example/step={step}");
        kubectl(&["annotate", "pods", "--selector=app.kubernetes.io/name=heartbeat", "--overwrite", &mark])
            .expect("marked");
        let stepped = Instant::now();
        check("every node has read it", RENEWED, || {
            let entries = mesh::logs(&since)?;
            let read = entries.iter().filter(|entry| entry.event == "mesh_keys_changed").count();
            if read == NODES * (step + 1) { Ok(()) } else { Err(format!("{read} lines, {entries:?}")) }
        });
        report.measured(&format!("step {}", step + 1), stepped.elapsed(), seconds(30));
    }
    let after = mesh::pods().expect("pods");
    let same = |one: &[mesh::Pod]| one.iter().map(|pod| (pod.uid.clone(), pod.restarts)).collect::<Vec<_>>();
    assert_eq!(same(&after), same(&before), "a pod was replaced or restarted");
    mesh::sees_all(NODES).expect("all see all");
    nobody_was_alarmed(report, &since, began);
    let unusable: Vec<_> = mesh::logs(&since)
        .expect("logs")
        .into_iter()
        .filter(|entry| ["mesh_key_file_unusable", "unverified_requests"].contains(&entry.event.as_str()))
        .collect();
    assert!(unusable.is_empty(), "{unusable:#?}");
    // As the other cases expect it.
    kubectl(&["apply", "-k", mesh::OVERLAY]).expect("applied");
    rolled();
    kubectl(&["delete", "secret", "heartbeat-mesh-key"]).expect("deleted");
}

/// Makes the Secret, or puts these keys into it.
fn secret(keys: &[&str]) {
    let secret = serde_json::json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": { "name": "heartbeat-mesh-key", "labels": { "app.kubernetes.io/part-of": "distributed-heartbeat" } },
        "stringData": { "keys": keys.join("\n") + "\n" },
    });
    kubectl_with(&["apply", "-f", "-"], &secret.to_string()).expect("a secret");
}

/// All pods are those of the last change, and see each other.
fn rolled() {
    let limit = format!("--timeout={}s", ROLLED.as_secs());
    let patience = format!("--request-timeout={}s", ROLLED.as_secs() + 10);
    kubectl(&["rollout", "status", "statefulset/heartbeat", &limit, &patience]).expect("rolled out");
    check("whole", mesh::WHOLE_LIMIT, || mesh::sees_all(NODES));
}
