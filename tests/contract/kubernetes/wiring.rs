//! Whether the objects fit each other: selectors select, ports are open at both
//! ends, names that are referred to are there, and what policies allow is what
//! the nodes need and nothing more.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde_json::{Value, json};

use super::Rule;
use super::manifests::{Manifests, NODES, Workload, full_name, labels, list, selects, text};
use crate::files;

pub const RULES: [(&str, Rule); 11] = [
    ("one namespace, restricted", namespace),
    ("workloads select their own pods", own_pods),
    ("services", services),
    ("the headless service", headless),
    ("the budget", budget),
    ("references", references),
    ("nothing to the whole cluster", access),
    ("default deny", default_deny),
    ("names are looked up over both protocols", names),
    ("policies select and name open ports", policies),
    ("who reaches the nodes", reach),
];

/// Where all pods are in a cluster made with `k8s/kind.yaml`.
static POD_ADDRESSES: LazyLock<Value> =
    LazyLock::new(|| files::yaml("k8s/kind.yaml")["networking"]["podSubnet"].clone());

fn namespace(manifests: &Manifests) -> Vec<String> {
    let mut faults = Vec::new();
    let namespaces: Vec<_> = manifests.kind("Namespace").collect();
    let [namespace] = namespaces[..] else { return vec![format!("{} namespaces", namespaces.len())] };
    for mode in ["enforce", "warn", "audit"] {
        if namespace["metadata"]["labels"][format!("pod-security.kubernetes.io/{mode}")] != "restricted" {
            faults.push(format!("Pod Security does not {mode} restricted"));
        }
    }
    for object in manifests.all.iter().filter(|object| object["kind"] != "Namespace") {
        if object["metadata"]["namespace"] != namespace["metadata"]["name"] {
            faults.push(format!("{} is elsewhere", full_name(object)));
        }
    }
    faults
}

fn own_pods(manifests: &Manifests) -> Vec<String> {
    let mut faults = Vec::new();
    for workload in manifests.workloads() {
        let selected: Vec<_> =
            manifests.selected(&workload.object["spec"]["selector"]).map(|found| found.name).collect();
        if selected != [workload.name] {
            faults.push(format!("{} selects the pods of {selected:?}", full_name(workload.object)));
        }
    }
    if manifests.nodes().is_none() {
        faults.push("there are no nodes".into());
    }
    faults
}

fn services(manifests: &Manifests) -> Vec<String> {
    let mut faults = Vec::new();
    for service in manifests.kind("Service") {
        let name = full_name(service);
        let selector = json!({ "matchLabels": service["spec"]["selector"] });
        let selected: Vec<_> = manifests.selected(&selector).collect();
        let [workload] = selected[..] else {
            faults.push(format!("{name} selects {} workloads", selected.len()));
            continue;
        };
        for port in list(&service["spec"]["ports"]) {
            let target = &port["targetPort"];
            let Some(container) = workload.container_ports().find(|port| port["name"] == *target) else {
                faults.push(format!("{name}: {} has no port called {target}", workload.name));
                continue;
            };
            // One number everywhere, so that a URL is the same from a pod, from compose and from a forwarded port.
            if port["port"] != container["containerPort"] {
                faults.push(format!("{name}: port {} is {} in the pod", port["port"], container["containerPort"]));
            }
        }
    }
    faults
}

/// The one whose addresses are the nodes.
fn headless(manifests: &Manifests) -> Vec<String> {
    let Some(nodes) = manifests.nodes() else { return Vec::new() };
    let peers = nodes.variables().find(|variable| variable["name"] == "HEARTBEAT_PEERS");
    let peers = peers.map_or("", |variable| text(&variable["value"]));
    let place = peers.strip_prefix("dns+http://").or_else(|| peers.strip_prefix("dns+https://"));
    let Some((name, port)) = place.and_then(|rest| rest.rsplit_once(':')) else {
        return vec![format!("HEARTBEAT_PEERS={peers:?} is no name to look up")];
    };
    let Some(service) = manifests.named("Service", name) else { return vec![format!("there is no service {name}")] };
    let mut faults = Vec::new();
    if service["spec"]["clusterIP"] != "None" {
        faults.push(format!("{name} has an address of its own"));
    }
    if service["spec"]["publishNotReadyAddresses"] != true {
        faults.push(format!("{name} hides nodes that are not ready"));
    }
    if !list(&service["spec"]["ports"]).any(|open| open["port"].as_u64() == port.parse().ok()) {
        faults.push(format!("{name} has no port {port}"));
    }
    let governing = &nodes.object["spec"]["serviceName"];
    if !governing.is_null() && governing != name {
        faults.push(format!("the StatefulSet belongs to {governing}"));
    }
    faults
}

fn budget(manifests: &Manifests) -> Vec<String> {
    let Some(nodes) = manifests.nodes() else { return Vec::new() };
    let budgets: Vec<_> = manifests.kind("PodDisruptionBudget").collect();
    // A budget cannot count the pods of a DaemonSet.
    if nodes.object["kind"] == "DaemonSet" {
        return budgets
            .into_iter()
            .map(|budget| format!("{} means nothing for a DaemonSet", full_name(budget)))
            .collect();
    }
    let [budget] = budgets[..] else { return vec![format!("{} budgets", budgets.len())] };
    let spec = &budget["spec"];
    let mut faults = Vec::new();
    if spec["maxUnavailable"] != 1 || !spec["minAvailable"].is_null() {
        faults.push("more or fewer than one node may be taken at a time".into());
    }
    if spec["unhealthyPodEvictionPolicy"] != "AlwaysAllow" {
        faults.push("a broken node would keep its machine from being drained".into());
    }
    if !selects(&spec["selector"], nodes) {
        faults.push("it does not select the nodes".into());
    }
    faults
}

fn references(manifests: &Manifests) -> Vec<String> {
    let mut faults = Vec::new();
    for workload in manifests.workloads() {
        let mut refer = |kind: &str, name: &Value| {
            if !name.is_null() && manifests.named(kind, text(name)).is_none() {
                faults.push(format!("{}: there is no {kind} {name}", workload.name));
            }
        };
        refer("ServiceAccount", &workload.pod()["serviceAccountName"]);
        let volumes: BTreeSet<_> = list(&workload.pod()["volumes"]).map(|volume| text(&volume["name"])).collect();
        for volume in list(&workload.pod()["volumes"]) {
            refer("ConfigMap", &volume["configMap"]["name"]);
        }
        let mounts: BTreeSet<_> = workload
            .containers()
            .flat_map(|container| list(&container["volumeMounts"]))
            .map(|mount| text(&mount["name"]))
            .collect();
        if mounts != volumes {
            faults.push(format!("{}: volumes are {volumes:?}, mounted are {mounts:?}", workload.name));
        }
        for mount in workload.containers().flat_map(|container| list(&container["volumeMounts"])) {
            let volume = list(&workload.pod()["volumes"]).find(|volume| volume["name"] == mount["name"]);
            let is_read = |volume: &Value| volume["configMap"].is_object() || volume["secret"].is_object();
            if volume.is_some_and(is_read) && mount["readOnly"] != true {
                faults.push(format!("{}: {} can be written", workload.name, mount["mountPath"]));
            }
        }
    }
    faults
}

/// One Role that reads pods, for one account, in one namespace.
fn access(manifests: &Manifests) -> Vec<String> {
    let mut faults: Vec<String> = ["ClusterRole", "ClusterRoleBinding"]
        .into_iter()
        .flat_map(|kind| manifests.kind(kind))
        .map(|object| format!("{} reaches beyond the namespace", full_name(object)))
        .collect();
    for role in manifests.kind("Role") {
        if role["rules"] != json!([{ "apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"] }]) {
            faults.push(format!("{} allows more than reading pods", full_name(role)));
        }
    }
    for binding in manifests.kind("RoleBinding") {
        if binding["roleRef"]["kind"] != "Role" || manifests.named("Role", text(&binding["roleRef"]["name"])).is_none()
        {
            faults.push(format!("{} binds no Role of ours", full_name(binding)));
        }
        for subject in list(&binding["subjects"]) {
            if subject["kind"] != "ServiceAccount"
                || manifests.named("ServiceAccount", text(&subject["name"])).is_none()
            {
                faults.push(format!("{} gives it to somebody unknown", full_name(binding)));
            }
        }
    }
    faults
}

fn default_deny(manifests: &Manifests) -> Vec<String> {
    let denies = json!({ "podSelector": {}, "policyTypes": ["Ingress", "Egress"] });
    let found = manifests.kind("NetworkPolicy").any(|policy| policy["spec"] == denies);
    if found { Vec::new() } else { vec!["nothing is refused by default".into()] }
}

fn names(manifests: &Manifests) -> Vec<String> {
    let every_pod = |policy: &&Value| policy["spec"]["podSelector"] == json!({}) && !policy["spec"]["egress"].is_null();
    let Some(policy) = manifests.kind("NetworkPolicy").find(every_pod) else {
        return vec!["no pod may look up names".into()];
    };
    let ports: BTreeSet<_> = list(&policy["spec"]["egress"])
        .flat_map(|rule| list(&rule["ports"]))
        .map(|port| (text(&port["protocol"]), port["port"].to_string()))
        .collect();
    let expected = BTreeSet::from([("TCP", "53".to_owned()), ("UDP", "53".to_owned())]);
    if ports == expected { Vec::new() } else { vec![format!("names are looked up over {ports:?}")] }
}

/// Every selector of every policy selects pods of ours, and every port is one that those pods open.
fn policies(manifests: &Manifests) -> Vec<String> {
    let mut faults = Vec::new();
    for policy in manifests.kind("NetworkPolicy") {
        let name = full_name(policy);
        let spec = &policy["spec"];
        let subjects: Vec<_> = manifests.selected(&spec["podSelector"]).collect();
        if subjects.is_empty() {
            faults.push(format!("{name} selects no pod"));
        }
        for (types, rules, ends) in [("Ingress", "ingress", "from"), ("Egress", "egress", "to")] {
            if spec[rules].is_null() {
                continue;
            }
            if !list(&spec["policyTypes"]).any(|kind| kind == types) {
                faults.push(format!("{name} has {rules} rules and is no {types} policy"));
            }
            for rule in list(&spec[rules]) {
                // Ends in other namespaces are not ours to check.
                let ours: Vec<_> = list(&rule[ends])
                    .filter(|end| end["podSelector"].is_object() && end["namespaceSelector"].is_null())
                    .collect();
                let found: Vec<_> = ours.iter().flat_map(|end| manifests.selected(&end["podSelector"])).collect();
                if !ours.is_empty() && found.is_empty() {
                    faults.push(format!("{name}: {rules} names no pod"));
                }
                let listeners = if types == "Ingress" { &subjects } else { &found };
                if !listeners.is_empty() {
                    faults.extend(closed(rule, listeners).map(|port| format!("{name}: no listener on {port}")));
                }
            }
        }
    }
    faults
}

/// The ports of a rule that none of these pods opens.
fn closed<'a>(rule: &'a Value, listeners: &'a [Workload<'a>]) -> impl Iterator<Item = &'a Value> {
    let open = |wanted: &Value| {
        listeners.iter().flat_map(|pods| pods.container_ports()).any(|port| port["containerPort"] == *wanted)
    };
    list(&rule["ports"]).map(|port| &port["port"]).filter(move |port| !open(port))
}

/// Nodes reach nodes at the mesh port; Prometheus reaches the metrics port and
/// nothing else; other pods reach nothing.
fn reach(manifests: &Manifests) -> Vec<String> {
    let Some(nodes) = manifests.nodes() else { return Vec::new() };
    let port_called = |name: &str| {
        nodes.container_ports().find(|port| port["name"] == name).map(|port| port["containerPort"].clone())
    };
    let (mesh, metrics) = (port_called("http"), port_called("metrics"));
    let mut faults = Vec::new();
    let mut to_each_other = [false; 2];
    for policy in manifests.kind("NetworkPolicy").filter(|policy| selects(&policy["spec"]["podSelector"], nodes)) {
        for (direction, rules, ends) in [(0, "ingress", "from"), (1, "egress", "to")] {
            for rule in list(&policy["spec"][rules]) {
                if rule[ends].is_null() || list(&rule["ports"]).next().is_none() {
                    faults.push(format!("{} opens the nodes to every pod, or on every port", full_name(policy)));
                }
                for end in list(&rule[ends]) {
                    let from = labels(&end["podSelector"]["matchLabels"]).get(NODES.0).copied();
                    let port = list(&rule["ports"]).map(|port| port["port"].clone()).next();
                    match from {
                        Some("heartbeat") if port == mesh => to_each_other[direction] = true,
                        Some("prometheus") if direction == 0 && port == metrics => {}
                        // Names, for every pod; and people, who come from no pod's address.
                        None if list(&rule["ports"]).all(|port| port["port"] == 53) => {}
                        None if list(&end["ipBlock"]["except"]).any(|pods| *pods == *POD_ADDRESSES) => {}
                        other => {
                            faults.push(format!("{}: {other:?} has no business with the nodes", full_name(policy)))
                        }
                    }
                }
            }
        }
    }
    if to_each_other != [true; 2] {
        faults.push("the nodes do not reach each other".into());
    }
    faults
}

/// The ports of this machine that kind leads into the cluster arrive at a service each, under the number that they have in compose.
#[test]
fn kind_maps_a_port_to_each_service_for_people() {
    let kind = files::yaml("k8s/kind.yaml");
    let control_plane = list(&kind["nodes"]).find(|node| node["role"] == "control-plane").expect("a control plane");
    let mapped: Vec<_> = list(&control_plane["extraPortMappings"]).collect();
    assert!(mapped.iter().all(|mapping| mapping["listenAddress"] == "127.0.0.1"), "{mapped:?}");
    let mut mapped: Vec<_> =
        mapped.iter().map(|mapping| (mapping["containerPort"].as_u64(), mapping["hostPort"].as_u64())).collect();
    let installed = super::installed();
    let ports = installed.kind("Service").flat_map(|service| list(&service["spec"]["ports"]));
    let mut open: Vec<_> = ports
        .filter(|port| !port["nodePort"].is_null())
        .map(|port| (port["nodePort"].as_u64(), port["port"].as_u64()))
        .collect();
    mapped.sort_unstable();
    open.sort_unstable();
    assert_eq!(mapped, open);
    assert_eq!(list(&kind["nodes"]).filter(|node| node["role"] == "worker").count(), 3);
}

/// Prometheus has the same settings in compose and here, except where the nodes and the rule files are.
#[test]
fn prometheus_is_set_up_as_in_compose() {
    let (mut compose, mut here) =
        (files::yaml("prometheus/prometheus.yml"), files::yaml("k8s/monitoring/prometheus.yml"));
    let nodes = |config: &mut Value| -> Value {
        let jobs = config["scrape_configs"].as_array_mut().expect("jobs");
        let at = jobs.iter().position(|job| job["job_name"] == "heartbeat").expect("a job for the nodes");
        jobs.remove(at)
    };
    let (_, found) = (nodes(&mut compose), nodes(&mut here));
    assert_eq!(compose["rule_files"].take(), json!(["rules/*.yml"]));
    assert_eq!(here["rule_files"].take(), json!(["/etc/prometheus/rules/*.yml"]));
    assert_eq!(compose, here);
    // In its own namespace alone, which is what the Role allows.
    assert_eq!(found["kubernetes_sd_configs"][0]["namespaces"], json!({ "own_namespace": true }));
    assert_eq!(list(&found["kubernetes_sd_configs"]).count(), 1);
    let named: BTreeSet<_> = list(&found["relabel_configs"])
        .map(|step| text(&step["target_label"]))
        .filter(|label| !label.is_empty())
        .collect();
    assert_eq!(named, BTreeSet::from(["node", "instance", "host", "zone"]));
}
