//! Does anybody notice? Each case breaks what is installed in one place and
//! says which rule must find it.

use serde_json::{Value, json};

use super::manifests::{Manifests, full_name};
use super::{faults, installed};

/// Which object, where in it, what it is changed to (`null` takes it away), and a piece of the fault.
type Case = (&'static str, &'static str, Value, &'static str);

const NODES: &str = "StatefulSet heartbeat/heartbeat";
const POD: &str = "/spec/template/spec";

fn cases() -> Vec<Case> {
    let container = "/spec/template/spec/containers/0";
    let at = |rest: &str| -> &'static str { Box::leak(format!("{container}{rest}").into_boxed_str()) };
    let pod = |rest: &str| -> &'static str { Box::leak(format!("{POD}{rest}").into_boxed_str()) };
    vec![
        // What the schemas find.
        (NODES, "/spec/podManagmentPolicy", json!("Parallel"), "podManagmentPolicy"),
        (NODES, "/spec/replicas", json!("three"), "v1.35: StatefulSet heartbeat/heartbeat/spec/replicas"),
        (NODES, "/spec/selector", Value::Null, "\"selector\" is a required property"),
        (NODES, "/apiVersion", json!("apps/v1beta1"), "v1.37: StatefulSet heartbeat/heartbeat: no such kind"),
        // What the standard forbids.
        (NODES, pod("/hostNetwork"), json!(true), "restricted: heartbeat: hostNetwork is on"),
        (NODES, pod("/securityContext/runAsNonRoot"), json!(false), "runAsNonRoot is not true"),
        (NODES, pod("/securityContext/runAsUser"), json!(0), "runs as root"),
        (NODES, pod("/securityContext/seccompProfile"), Value::Null, "has no seccomp profile"),
        (
            NODES,
            pod("/volumes"),
            json!([{ "name": "key", "secret": { "secretName": "key" } }]),
            "the files of key have the mode null",
        ),
        (
            NODES,
            pod("/volumes"),
            json!([{ "name": "key", "secret": { "secretName": "key", "defaultMode": 0o440 } }]),
            "the files of key are not of the group of the process",
        ),
        (
            NODES,
            at("/env/1"),
            json!({ "name": "HEARTBEAT_MESH_KEY_FILE", "value": "/etc/heartbeat/mesh-key/keys" }),
            "HEARTBEAT_MESH_KEY_FILE=/etc/heartbeat/mesh-key/keys",
        ),
        (NODES, pod("/volumes"), json!([{ "name": "etc", "hostPath": { "path": "/etc" } }]), "a volume is a hostPath"),
        (NODES, pod("/securityContext/sysctls"), json!([{ "name": "a", "value": "1" }]), "sysctls are set"),
        (NODES, at("/securityContext/capabilities/drop"), json!(["NET_RAW"]), "capabilities are not dropped"),
        (NODES, at("/securityContext/capabilities/add"), json!(["NET_RAW"]), "capabilities are added"),
        (NODES, at("/securityContext/allowPrivilegeEscalation"), Value::Null, "allowPrivilegeEscalation is not false"),
        (NODES, at("/securityContext/privileged"), json!(true), "is privileged"),
        (NODES, at("/ports/0/hostPort"), json!(8001), "takes a port of its host"),
        (NODES, at("/livenessProbe/httpGet/host"), json!("example.com"), "asks another host"),
        // What we ask beyond it.
        (NODES, at("/securityContext/readOnlyRootFilesystem"), json!(false), "its root file system can be written"),
        (NODES, pod("/securityContext/runAsGroup"), Value::Null, "user or group has no number"),
        (NODES, pod("/automountServiceAccountToken"), json!(true), "automountServiceAccountToken is true, not false"),
        ("Deployment heartbeat/prometheus", pod("/automountServiceAccountToken"), Value::Null, "is null, not true"),
        (NODES, pod("/enableServiceLinks"), Value::Null, "service links are on"),
        (NODES, at("/resources/limits/cpu"), json!("1"), "there is a CPU limit"),
        (NODES, at("/resources/limits/memory"), Value::Null, "/limits/memory is missing"),
        (NODES, at("/image"), json!("localhost:5000/distributed-heartbeat"), "is not pinned"),
        (NODES, at("/image"), json!("distributed-heartbeat:latest"), "is not pinned"),
        (NODES, at("/imagePullPolicy"), json!("Always"), "is pulled although"),
        ("Deployment heartbeat/prometheus", pod("/volumes/2/emptyDir"), json!({}), "has no size limit"),
        // What does not fit together.
        (
            "Namespace /heartbeat",
            "/metadata/labels/pod-security.kubernetes.io~1enforce",
            json!("baseline"),
            "does not enforce restricted",
        ),
        ("Service heartbeat/heartbeat", "/metadata/namespace", json!("default"), "is elsewhere"),
        (NODES, "/spec/template/metadata/labels/app.kubernetes.io~1name", json!("beat"), "selects the pods of []"),
        ("Service heartbeat/heartbeat", "/spec/selector/app.kubernetes.io~1name", json!("beat"), "selects 0 workloads"),
        ("Service heartbeat/heartbeat", "/spec/ports/0/targetPort", json!("web"), "has no port called \"web\""),
        ("Service heartbeat/heartbeat", "/spec/ports/0/port", json!(80), "port 80 is 8001 in the pod"),
        (
            "Service heartbeat/heartbeat-headless",
            "/spec/publishNotReadyAddresses",
            Value::Null,
            "hides nodes that are not ready",
        ),
        ("Service heartbeat/heartbeat-headless", "/spec/clusterIP", Value::Null, "has an address of its own"),
        (NODES, "/spec/serviceName", json!("heartbeat"), "the StatefulSet belongs to \"heartbeat\""),
        (NODES, at("/env/1/value"), json!("dns+http://heartbeats:8001"), "there is no service heartbeats"),
        ("PodDisruptionBudget heartbeat/heartbeat", "/spec/maxUnavailable", json!(2), "more or fewer than one node"),
        (
            "PodDisruptionBudget heartbeat/heartbeat",
            "/spec/unhealthyPodEvictionPolicy",
            Value::Null,
            "a broken node would keep",
        ),
        (
            "PodDisruptionBudget heartbeat/heartbeat",
            "/spec/selector/matchLabels/app.kubernetes.io~1name",
            json!("beat"),
            "does not select the nodes",
        ),
        ("Deployment heartbeat/prometheus", pod("/serviceAccountName"), json!("admin"), "there is no ServiceAccount"),
        (
            "Deployment heartbeat/prometheus",
            pod("/volumes/0/configMap/name"),
            json!("prometheus-config"),
            "there is no ConfigMap",
        ),
        ("Deployment heartbeat/prometheus", at("/volumeMounts/0/readOnly"), Value::Null, "can be written"),
        ("Deployment heartbeat/prometheus", at("/volumeMounts/0"), Value::Null, "volumes are"),
        (
            "Role heartbeat/prometheus",
            "/rules/0/resources",
            json!(["pods", "secrets"]),
            "allows more than reading pods",
        ),
        ("Role heartbeat/prometheus", "/kind", json!("ClusterRole"), "reaches beyond the namespace"),
        ("RoleBinding heartbeat/prometheus", "/subjects/0/name", json!("default"), "somebody unknown"),
        (
            "NetworkPolicy heartbeat/default-deny",
            "/spec/policyTypes",
            json!(["Ingress"]),
            "nothing is refused by default",
        ),
        ("NetworkPolicy heartbeat/dns", "/spec/egress/0/ports/1", Value::Null, "names are looked up over"),
        ("NetworkPolicy heartbeat/heartbeat-mesh", "/spec/ingress/0/ports/0/port", json!(8080), "no listener on 8080"),
        (
            "NetworkPolicy heartbeat/heartbeat-mesh",
            "/spec/ingress/0/from/0/podSelector/matchLabels/app.kubernetes.io~1name",
            json!("beat"),
            "ingress names no pod",
        ),
        ("NetworkPolicy heartbeat/heartbeat-mesh", "/spec/egress", Value::Null, "the nodes do not reach each other"),
        ("NetworkPolicy heartbeat/heartbeat-mesh", "/spec/ingress/0/from", Value::Null, "opens the nodes to every pod"),
        (
            "NetworkPolicy heartbeat/heartbeat-metrics",
            "/spec/ingress/0/from/0/podSelector/matchLabels/app.kubernetes.io~1name",
            json!("grafana"),
            "has no business with the nodes",
        ),
        (
            "NetworkPolicy heartbeat/people",
            "/spec/ingress/0/from/0/ipBlock/except",
            json!([]),
            "has no business with the nodes",
        ),
        // What the program does not know.
        (NODES, at("/env/3/name"), json!("HEARTBEAT_SHUTDOWN_DELAYS"), "HEARTBEAT_SHUTDOWN_DELAY"),
        (NODES, at("/env/3/value"), json!("5 apples"), "HEARTBEAT_SHUTDOWN_DELAY"),
        (NODES, at("/env/0"), json!({ "name": "HEARTBEAT_NODE", "value": "node" }), "does not come from its pod"),
        (NODES, at("/env/2/value"), json!("9101"), "the pod opens"),
        (NODES, at("/env/2"), Value::Null, "left to chance"),
        (NODES, at("/livenessProbe/httpGet/path"), json!("/api/v1/peers"), "livenessProbe asks"),
        (NODES, at("/readinessProbe/httpGet/path"), json!("/livez"), "readinessProbe asks"),
        (NODES, at("/livenessProbe/failureThreshold"), json!(1), "the kubelet restarts a frozen node after 10 s"),
        (NODES, pod("/terminationGracePeriodSeconds"), json!(10), "10s for a stop that takes 10.3s"),
        ("Deployment heartbeat/grafana", at("/env/0"), Value::Null, "the file says"),
        (NODES, at("/resources/limits/ephemeral-storage"), Value::Null, "/limits/ephemeral-storage is missing"),
        (NODES, at("/resources/limits/ephemeral-storage"), json!("32Mi"), "the kubelet evicts it at 32Mi"),
        (NODES, at("/livenessProbe/httpGet/path"), json!("/readyz"), "its livenessProbe is its readinessProbe"),
        (
            "Deployment heartbeat/grafana",
            at("/volumeMounts/2/mountPath"),
            json!("/dashboards"),
            "nothing is mounted at",
        ),
        (NODES, at("/image"), json!("distributed-heartbeat:0"), "compose runs"),
        (NODES, at("/env/3/value"), json!("20s"), "15s for a stop that takes 25.3s"),
    ]
}

#[test]
fn every_fault_is_found() {
    let whole = installed();
    let mut unnoticed = Vec::new();
    for (object, pointer, value, expected) in cases() {
        let broken = broken(&whole, object, pointer, value.clone());
        let found = faults(&broken);
        if !found.iter().any(|fault| fault.contains(expected)) {
            unnoticed.push(format!("{object} {pointer} = {value}: expected {expected:?}, found {found:#?}"));
        }
    }
    assert!(unnoticed.is_empty(), "{}", unnoticed.join("\n"));
}

/// A copy with one value set, or taken away where it is null.
fn broken(whole: &Manifests, object: &str, pointer: &str, value: Value) -> Manifests {
    let mut copy = whole.clone();
    let found = copy.all.iter_mut().find(|candidate| full_name(candidate) == object);
    let found = found.unwrap_or_else(|| panic!("there is no {object}"));
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
    let key = key.replace("~1", "/");
    let parent = found.pointer_mut(parent).unwrap_or_else(|| panic!("{object} has no {parent}"));
    match parent {
        Value::Array(values) => {
            let index: usize = key.parse().expect("an index");
            if value.is_null() {
                values.remove(index);
            } else {
                values[index] = value;
            }
        }
        Value::Object(fields) if value.is_null() => {
            fields.remove(&key).unwrap_or_else(|| panic!("{object} has no {pointer}"));
        }
        Value::Object(fields) => {
            fields.insert(key, value);
        }
        other => panic!("{object} {pointer}: {other} holds nothing"),
    }
    copy
}
