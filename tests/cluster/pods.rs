//! What the cluster and the nodes refuse.

use super::kubectl::{kubectl, kubectl_with};
use super::mesh;
use super::support::{Report, check, seconds};

/// A pod as an operator in a hurry writes it.
const HOSTILE: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: hostile, labels: {app.kubernetes.io/name: heartbeat}}
spec:
  hostNetwork: true
  containers:
    - name: heartbeat
      image: distributed-heartbeat:dev
      securityContext: {privileged: true}
      volumeMounts: [{name: host, mountPath: /host}]
  volumes: [{name: host, hostPath: {path: /}}]
"#;

pub fn refused_by_admission_with_a_clear_message(report: &Report) {
    mesh::whole();
    let refusal = kubectl_with(&["apply", "-f", "-"], HOSTILE).expect_err("it was let in");
    for part in [
        "violates PodSecurity \"restricted:latest\"",
        "privileged",
        "hostPath",
        "host namespaces",
        "runAsNonRoot",
        "seccompProfile",
    ] {
        assert!(refusal.contains(part), "{part} is not in: {refusal}");
    }
    report.say(refusal.split("violates ").last().unwrap_or_default().trim());
    // A slip of the pen in what is ours is refused as well.
    let misspelt = kubectl_with(
        &["apply", "--dry-run=server", "--validate=strict", "-f", "-"],
        "{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {port: []}}",
    );
    assert!(misspelt.expect_err("it was let in").contains("unknown field \"spec.port\""));
}

/// With service links on, Kubernetes writes `HEARTBEAT_PORT=tcp://...` into the environment, because a Service is called
/// heartbeat. The node does not guess what was meant: it says what to do.
pub fn hostile_environment_is_refused_by_the_node_itself(report: &Report) {
    const LINKED: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: linked}
spec:
  restartPolicy: Never
  automountServiceAccountToken: false
  enableServiceLinks: true
  securityContext: {runAsNonRoot: true, runAsUser: 65532, runAsGroup: 65532, seccompProfile: {type: RuntimeDefault}}
  containers:
    - name: heartbeat
      image: distributed-heartbeat:dev
      imagePullPolicy: IfNotPresent
      securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
"#;
    mesh::whole();
    kubectl_with(&["apply", "-f", "-"], LINKED).expect("restricted enough");
    let code = "jsonpath={.status.containerStatuses[0].state.terminated.exitCode}";
    check("it ended with the code for a wrong configuration", seconds(60), || {
        let code = kubectl(&["get", "pod", "linked", "--output", code])?;
        if code == "64" { Ok(()) } else { Err(format!("exit code {code:?}")) }
    });
    let said = kubectl(&["logs", "linked"]).expect("logs");
    kubectl(&["delete", "pod", "linked", "--wait=true"]).expect("deleted");
    assert!(said.contains("HEARTBEAT_PORT") && said.contains("enableServiceLinks"), "{said}");
    report.say(said.trim());
}

/// `kubectl apply -f k8s/install.yaml` would change nothing.
pub fn the_rendered_file_is_what_is_there(_report: &Report) {
    mesh::whole();
    let difference = kubectl(&["diff", "-f", "k8s/install.yaml"]);
    assert!(difference.as_ref().is_ok_and(String::is_empty), "{difference:?}");
}
