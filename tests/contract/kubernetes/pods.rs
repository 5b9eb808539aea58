//! What must hold of every pod: the Pod Security Standard *restricted*, as
//! kubernetes.io/docs/concepts/security/pod-security-standards lists it, and
//! what we ask beyond it.
//!
//! The API server checks the standard as well, but only when the manifests are applied.

use serde_json::{Value, json};

use super::Rule;
use super::manifests::{Manifests, Workload, list, text};

pub const RULES: [(&str, Rule); 7] = [
    ("restricted", |manifests| each(manifests, restricted)),
    ("hardened beyond the standard", |manifests| each(manifests, hardened)),
    ("a token for Prometheus alone", |manifests| each(manifests, token)),
    ("no service links", |manifests| each(manifests, service_links)),
    ("resources", |manifests| each(manifests, resources)),
    ("pinned images", |manifests| each(manifests, images)),
    ("secrets for the process alone", |manifests| each(manifests, secrets)),
];

/// The kinds of volumes that the standard allows.
const VOLUMES: [&str; 8] =
    ["configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"];

fn each(manifests: &Manifests, find: fn(Workload<'_>) -> Vec<String>) -> Vec<String> {
    let named = |workload: Workload<'_>| {
        let name = workload.name.to_owned();
        find(workload).into_iter().map(move |fault| format!("{name}: {fault}"))
    };
    manifests.workloads().flat_map(named).collect()
}

/// `container` says it, or else its pod.
fn effective<'a>(pod: &'a Value, container: &'a Value, field: &str) -> &'a Value {
    let own = &container["securityContext"][field];
    if own.is_null() { &pod["securityContext"][field] } else { own }
}

fn restricted(workload: Workload<'_>) -> Vec<String> {
    let pod = workload.pod();
    let mut faults = Vec::new();
    for host in ["hostNetwork", "hostPID", "hostIPC"] {
        if pod[host] == true {
            faults.push(format!("{host} is on"));
        }
    }
    if list(&pod["securityContext"]["sysctls"]).next().is_some() {
        faults.push("sysctls are set".into());
    }
    for volume in list(&pod["volumes"]) {
        let sources = volume.as_object().into_iter().flat_map(|volume| volume.keys()).filter(|key| *key != "name");
        faults.extend(
            sources
                .filter(|source| !VOLUMES.contains(&source.as_str()))
                .map(|source| format!("a volume is a {source}")),
        );
    }
    for container in workload.containers() {
        let name = text(&container["name"]);
        let own = &container["securityContext"];
        let mut fault = |fault: String| faults.push(format!("container {name}: {fault}"));
        if own["privileged"] == true {
            fault("is privileged".into());
        }
        if own["allowPrivilegeEscalation"] != false {
            fault("allowPrivilegeEscalation is not false".into());
        }
        if !list(&own["capabilities"]["drop"]).any(|capability| capability == "ALL") {
            fault("capabilities are not dropped".into());
        }
        if list(&own["capabilities"]["add"]).any(|capability| capability != "NET_BIND_SERVICE") {
            fault("capabilities are added".into());
        }
        if !own["procMount"].is_null() && own["procMount"] != "Default" {
            fault("procMount is not the default".into());
        }
        if effective(pod, container, "runAsNonRoot") != true {
            fault("runAsNonRoot is not true".into());
        }
        if effective(pod, container, "runAsUser") == 0 {
            fault("runs as root".into());
        }
        if !["RuntimeDefault", "Localhost"].contains(&text(&effective(pod, container, "seccompProfile")["type"])) {
            fault("has no seccomp profile".into());
        }
        if list(&container["ports"]).any(|port| !port["hostPort"].is_null()) {
            fault("takes a port of its host".into());
        }
        for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
            if !container[probe]["httpGet"]["host"].is_null() {
                fault(format!("its {probe} asks another host"));
            }
        }
    }
    faults
}

fn hardened(workload: Workload<'_>) -> Vec<String> {
    let pod = workload.pod();
    let mut faults = Vec::new();
    for container in workload.containers() {
        let name = text(&container["name"]);
        if container["securityContext"]["readOnlyRootFilesystem"] != true {
            faults.push(format!("container {name}: its root file system can be written"));
        }
        // A user by number: the kubelet cannot tell whether a name is root's.
        if !effective(pod, container, "runAsUser").is_u64() || !effective(pod, container, "runAsGroup").is_u64() {
            faults.push(format!("container {name}: user or group has no number"));
        }
        for probe in ["livenessProbe", "readinessProbe"] {
            if container[probe].is_null() {
                faults.push(format!("container {name}: has no {probe}"));
            }
        }
        // What is not ready is left alone; what is not live is killed. One question cannot answer both.
        let asks = |probe: &str| (container[probe]["httpGet"].clone(), container[probe]["tcpSocket"].clone());
        if asks("livenessProbe") == asks("readinessProbe") {
            faults.push(format!("container {name}: its livenessProbe is its readinessProbe"));
        }
    }
    for volume in list(&pod["volumes"]).filter(|volume| volume["emptyDir"].is_object()) {
        if volume["emptyDir"]["sizeLimit"].is_null() {
            faults.push(format!("volume {} has no size limit", text(&volume["name"])));
        }
    }
    faults
}

fn token(workload: Workload<'_>) -> Vec<String> {
    let mounted = &workload.pod()["automountServiceAccountToken"];
    let expected = workload.name == "prometheus";
    if *mounted == json!(expected) {
        Vec::new()
    } else {
        vec![format!("automountServiceAccountToken is {mounted}, not {expected}")]
    }
}

fn service_links(workload: Workload<'_>) -> Vec<String> {
    if workload.pod()["enableServiceLinks"] == false { Vec::new() } else { vec!["service links are on".into()] }
}

/// What the kubelet keeps of a container's log by default: five files of 10 MiB. It counts as the pod's storage.
const LOG_MEBIBYTES: u64 = 50;

/// `64Mi`; nothing counts as none.
fn mebibytes(quantity: &Value) -> u64 {
    text(quantity).strip_suffix("Mi").and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// Requests, a memory limit and a storage limit for all, and a CPU limit for none: what is
/// throttled answers late, and in a failure detector late is what is measured.
fn resources(workload: Workload<'_>) -> Vec<String> {
    let mut faults = Vec::new();
    for container in workload.containers() {
        let resources = &container["resources"];
        for asked in [
            "/requests/cpu",
            "/requests/memory",
            "/requests/ephemeral-storage",
            "/limits/memory",
            "/limits/ephemeral-storage",
        ] {
            if resources.pointer(asked).is_none() {
                faults.push(format!("{asked} is missing"));
            }
        }
        let volumes = list(&workload.pod()["volumes"]).map(|volume| mebibytes(&volume["emptyDir"]["sizeLimit"]));
        let needed = volumes.sum::<u64>() + LOG_MEBIBYTES;
        let limit = mebibytes(&resources["limits"]["ephemeral-storage"]);
        if limit < needed {
            faults.push(format!(
                "the kubelet evicts it at {limit}Mi of storage, and volumes and log may take {needed}Mi"
            ));
        }
        if !resources["limits"]["cpu"].is_null() {
            faults.push("there is a CPU limit".into());
        }
    }
    faults
}

fn images(workload: Workload<'_>) -> Vec<String> {
    let mut faults = Vec::new();
    for container in workload.containers() {
        let image = text(&container["image"]);
        let tag = image.rsplit_once(':').map(|(_, tag)| tag).filter(|tag| !tag.contains('/'));
        if tag.is_none_or(|tag| tag == "latest") {
            faults.push(format!("image {image} is not pinned"));
        }
        if container["imagePullPolicy"] != "IfNotPresent" {
            faults.push(format!("image {image} is pulled although it may have been loaded"));
        }
    }
    faults
}

/// What is in a Secret is read by the group of the process and no one else, and a file of it is not mounted alone: that
/// file would never change.
fn secrets(workload: Workload<'_>) -> Vec<String> {
    let pod = workload.pod();
    let mut faults = Vec::new();
    for volume in list(&pod["volumes"]).filter(|volume| volume["secret"].is_object()) {
        let name = text(&volume["name"]);
        if volume["secret"]["defaultMode"] != 0o440 {
            faults.push(format!("the files of {name} have the mode {}", volume["secret"]["defaultMode"]));
        }
        if pod["securityContext"]["fsGroup"] != pod["securityContext"]["runAsGroup"] {
            faults.push(format!("the files of {name} are not of the group of the process"));
        }
        let mounts = workload.containers().flat_map(|container| list(&container["volumeMounts"]));
        if mounts.filter(|mount| mount["name"] == volume["name"]).any(|mount| !mount["subPath"].is_null()) {
            faults.push(format!("a part of {name} is mounted, which never changes"));
        }
    }
    faults
}
