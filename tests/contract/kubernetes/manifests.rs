//! Kubernetes objects, and how to get at what is in them.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::files;

/// What one build made.
#[derive(Clone, Debug)]
pub struct Manifests {
    pub name: String,
    pub all: Vec<Value>,
}

/// Whatever makes pods.
#[derive(Clone, Copy)]
pub struct Workload<'a> {
    pub name: &'a str,
    pub object: &'a Value,
}

/// The labels that tell a node's pod from every other.
pub const NODES: (&str, &str) = ("app.kubernetes.io/name", "heartbeat");

impl Manifests {
    /// All objects of one kind.
    pub fn kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Value> {
        self.all.iter().filter(move |object| object["kind"] == kind)
    }

    pub fn named<'a>(&'a self, kind: &'a str, name: &str) -> Option<&'a Value> {
        self.kind(kind).find(|object| object["metadata"]["name"] == name)
    }

    /// Whatever has a pod template.
    pub fn workloads(&self) -> impl Iterator<Item = Workload<'_>> {
        let with_pods = self.all.iter().filter(|object| object["spec"]["template"]["spec"].is_object());
        with_pods.map(|object| Workload { name: text(&object["metadata"]["name"]), object })
    }

    /// The workload whose pods are the nodes.
    pub fn nodes(&self) -> Option<Workload<'_>> {
        self.workloads().find(|workload| workload.labels().get(NODES.0) == Some(&NODES.1))
    }

    /// The workloads whose pods a label selector selects.
    pub fn selected<'a>(&'a self, selector: &'a Value) -> impl Iterator<Item = Workload<'a>> {
        self.workloads().filter(move |workload| selects(selector, *workload))
    }
}

impl<'a> Workload<'a> {
    /// The pods' spec.
    pub fn pod(self) -> &'a Value {
        &self.object["spec"]["template"]["spec"]
    }

    pub fn labels(self) -> BTreeMap<&'a str, &'a str> {
        labels(&self.object["spec"]["template"]["metadata"]["labels"])
    }

    /// Containers of every sort.
    pub fn containers(self) -> impl Iterator<Item = &'a Value> {
        ["initContainers", "containers", "ephemeralContainers"]
            .into_iter()
            .flat_map(move |sort| list(&self.pod()[sort]))
    }

    pub fn container_ports(self) -> impl Iterator<Item = &'a Value> {
        self.containers().flat_map(|container| list(&container["ports"]))
    }

    /// A file like the one at this path, where a Secret is mounted over it; else the path, at which nothing is.
    pub fn in_a_secret(self, path: &str) -> String {
        let is_secret = |name: &Value| {
            list(&self.pod()["volumes"]).any(|volume| volume["name"] == *name && volume["secret"].is_object())
        };
        let mut mounts = self.containers().flat_map(|container| list(&container["volumeMounts"]));
        let is_mounted = mounts
            .any(|mount| is_secret(&mount["name"]) && path.starts_with(&format!("{}/", text(&mount["mountPath"]))));
        if is_mounted { files::path("tests/contract/mesh.key").display().to_string() } else { path.to_owned() }
    }

    pub fn variables(self) -> impl Iterator<Item = &'a Value> {
        self.containers().flat_map(|container| list(&container["env"]))
    }
}

/// `Kind namespace/name`.
pub fn full_name(object: &Value) -> String {
    let metadata = &object["metadata"];
    format!("{} {}/{}", text(&object["kind"]), text(&metadata["namespace"]), text(&metadata["name"]))
}

pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

pub fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

pub fn labels(value: &Value) -> BTreeMap<&str, &str> {
    value.as_object().into_iter().flatten().map(|(key, value)| (key.as_str(), text(value))).collect()
}

/// Whether a label selector selects the pods of a workload. A StatefulSet also
/// labels each pod with its own name, so an expression about that label selects
/// some pod or other.
pub fn selects(selector: &Value, workload: Workload<'_>) -> bool {
    let labels_of_pod = workload.labels();
    let matches =
        labels(&selector["matchLabels"]).into_iter().all(|(key, value)| labels_of_pod.get(key) == Some(&value));
    matches
        && list(&selector["matchExpressions"]).all(|expression| {
            let key = text(&expression["key"]);
            let among = || list(&expression["values"]).any(|value| labels_of_pod.get(key) == Some(&text(value)));
            match text(&expression["operator"]) {
                _ if key == "statefulset.kubernetes.io/pod-name" => true,
                "In" => among(),
                "NotIn" => !among(),
                "Exists" => labels_of_pod.contains_key(key),
                "DoesNotExist" => !labels_of_pod.contains_key(key),
                operator => panic!("there is no operator {operator}"),
            }
        })
}
