//! The API's own schemas, three minor versions of them, read strictly: a field
//! that is not in them is a fault, as `kubectl apply` would say.
//!
//! They are cut out of the OpenAPI document in the sources of Kubernetes
//! (Apache License 2.0), for the kinds that we use and without the prose.
//! `just k8s-schemas` makes them anew. What they cannot tell (a number out of
//! range, a selector that does not match) is the business of the rules.

use std::collections::BTreeSet;
use std::collections::btree_map::{BTreeMap, Entry};
use std::fmt::Write;
use std::fs;
use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::{Value, json};

use super::manifests::{Manifests, full_name, list, text};
use crate::files;

/// The minors, oldest first: those that are maintained when a release of ours is made.
const MINORS: [&str; 3] = ["v1.35", "v1.36", "v1.37"];

/// The kinds that we apply.
const KINDS: [&str; 11] = [
    "ConfigMap",
    "DaemonSet",
    "Deployment",
    "Namespace",
    "NetworkPolicy",
    "PodDisruptionBudget",
    "Role",
    "RoleBinding",
    "Service",
    "ServiceAccount",
    "StatefulSet",
];

/// Of the Prometheus operator, not of Kubernetes; the components that use them say that it must be there.
const FOREIGN: &str = "monitoring.coreos.com/v1";

/// Its kinds that we use, by the name that its files have for them.
const FOREIGN_KINDS: [(&str, &str); 2] = [("PodMonitor", "podmonitors"), ("PrometheusRule", "prometheusrules")];

/// Where the sources of one minor are, for the test that cuts the schemas out.
const SOURCES: &str = "HEARTBEAT_KUBERNETES_SOURCES";

/// What every minor finds wrong.
pub fn faults(manifests: &Manifests) -> Vec<String> {
    ALL.iter().chain([&*OPERATOR]).flat_map(|schemas| schemas.faults(manifests)).collect()
}

/// Read once: there are many manifests to hold against them.
static ALL: LazyLock<[Schemas; 3]> = LazyLock::new(|| MINORS.map(Schemas::of));

static OPERATOR: LazyLock<Schemas> = LazyLock::new(Schemas::of_the_operator);

struct Schemas {
    minor: &'static str,
    /// By `apiVersion/kind`.
    kinds: BTreeMap<String, Validator>,
}

impl Schemas {
    fn of(minor: &'static str) -> Schemas {
        let name = file(minor);
        let mut document: Value =
            serde_json::from_str(&files::text(&name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut definitions = document["definitions"].take();
        for definition in definitions.as_object_mut().expect("definitions").values_mut() {
            strict(definition);
        }
        let kinds = document["kinds"].as_object().expect("kinds").iter();
        let kinds = kinds.map(|(kind, definition)| {
            let schema = json!({
                "$schema": "http://json-schema.org/draft-04/schema#",
                "$ref": format!("#/definitions/{}", text(definition)),
                "definitions": definitions,
            });
            let validator =
                jsonschema::validator_for(&schema).unwrap_or_else(|error| panic!("{name}, {kind}: {error}"));
            (kind.clone(), validator)
        });
        Schemas { minor, kinds: kinds.collect() }
    }

    fn of_the_operator() -> Schemas {
        let name = file("prometheus-operator");
        let document: Value =
            serde_json::from_str(&files::text(&name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let kinds = document["kinds"].as_object().expect("kinds").iter().map(|(kind, schema)| {
            let validator = jsonschema::validator_for(schema).unwrap_or_else(|error| panic!("{name}, {kind}: {error}"));
            (kind.clone(), validator)
        });
        Schemas { minor: "prometheus-operator", kinds: kinds.collect() }
    }

    fn faults(&self, manifests: &Manifests) -> Vec<String> {
        let mut faults = Vec::new();
        let foreign = self.minor == "prometheus-operator";
        for object in &manifests.all {
            let version = text(&object["apiVersion"]);
            if (version == FOREIGN) != foreign {
                continue;
            }
            let Some(validator) = self.kinds.get(&format!("{version}/{}", text(&object["kind"]))) else {
                faults.push(format!("{}: {}: no such kind in {version}", self.minor, full_name(object)));
                continue;
            };
            let found = validator.iter_errors(object);
            faults.extend(
                found.map(|error| format!("{}: {}{}: {error}", self.minor, full_name(object), error.instance_path())),
            );
        }
        faults
    }
}

fn file(minor: &str) -> String {
    format!("tests/contract/kubernetes/schemas/{minor}.json")
}

/// A definition that lists its fields allows no other. Two definitions are more
/// liberal than they say: both take a number as well.
fn strict(definition: &mut Value) {
    let fields = definition.as_object_mut().expect("a definition");
    if fields.contains_key("properties") {
        fields.insert("additionalProperties".into(), false.into());
    }
    if fields.get("format").is_some_and(|format| format == "int-or-string") {
        fields.insert("type".into(), json!(["string", "integer"]));
    }
    if fields.get("type").is_some_and(|kind| kind == "quantity") {
        fields.insert("type".into(), json!(["string", "number"]));
    }
}

#[test]
#[ignore = "writes the schemas; `just k8s-schemas` runs it with the sources of Kubernetes at hand"]
fn write_the_schemas() {
    let sources = std::env::var(SOURCES).unwrap_or_else(|_| panic!("{SOURCES} names the folders, separated by colons"));
    for source in sources.split(':') {
        if source.contains("prometheus-operator@") {
            fs::write(files::path(&file("prometheus-operator")), cut_foreign(source))
                .expect("the schema can be written");
            continue;
        }
        let minor = MINORS.into_iter().find(|minor| source.contains(minor));
        let minor = minor.unwrap_or_else(|| panic!("{source} is none of {MINORS:?}"));
        let swagger =
            fs::read_to_string(format!("{source}/api/openapi-spec/swagger.json")).expect("the sources of Kubernetes");
        let swagger: Value = serde_json::from_str(&swagger).expect("JSON");
        let module = source.rsplit('/').next().unwrap_or_default();
        fs::write(files::path(&file(minor)), cut(&swagger, module)).expect("the schema can be written");
    }
}

/// Our kinds and whatever they refer to, a definition a line.
fn cut(swagger: &Value, module: &str) -> String {
    let all = swagger["definitions"].as_object().expect("definitions");
    let mut kinds = BTreeMap::new();
    for (name, definition) in all {
        for kind in
            list(&definition["x-kubernetes-group-version-kind"]).filter(|kind| KINDS.contains(&text(&kind["kind"])))
        {
            let group = Some(text(&kind["group"])).filter(|group| !group.is_empty()).map(|group| format!("{group}/"));
            let (group, version) = (group.unwrap_or_default(), text(&kind["version"]));
            kinds.insert(format!("{group}{version}/{}", text(&kind["kind"])), name.clone());
        }
    }
    let mut todo: Vec<String> = kinds.values().cloned().collect();
    let mut kept: BTreeMap<String, Value> = BTreeMap::new();
    while let Some(name) = todo.pop() {
        if let Entry::Vacant(place) = kept.entry(name) {
            let definition = plain(place.key(), &all[place.key()]);
            todo.extend(referred(&definition));
            place.insert(definition);
        }
    }
    let mut out = format!(
        "{{\n\"source\": \"{module}, api/openapi-spec/swagger.json, Apache License 2.0; cut by `just k8s-schemas`\",\n\"kinds\": {},\n\"definitions\": {{\n",
        json!(kinds)
    );
    let lines: Vec<_> = kept.iter().map(|(name, definition)| format!("{}: {definition}", json!(name))).collect();
    let _ = writeln!(out, "{}\n}}\n}}", lines.join(",\n"));
    out
}

/// The operator's kinds, each with its whole schema, a kind a line.
fn cut_foreign(source: &str) -> String {
    let lines = FOREIGN_KINDS.map(|(kind, plural)| {
        let name = format!("{source}/example/prometheus-operator-crd/monitoring.coreos.com_{plural}.yaml");
        let definition = fs::read_to_string(&name).unwrap_or_else(|error| panic!("{name}: {error}"));
        let definition = files::documents(&name, &definition).remove(0);
        let versions: Vec<_> =
            list(&definition["spec"]["versions"]).filter(|version| version["name"] == "v1").collect();
        let mut schema = versions[0]["schema"]["openAPIV3Schema"].clone();
        closed(&mut schema);
        format!("{}: {}", json!(format!("{FOREIGN}/{kind}")), plain(kind, &schema))
    });
    let module = source.rsplit('/').next().unwrap_or_default();
    format!(
        "{{\n\"source\": \"{module}, example/prometheus-operator-crd, Apache License 2.0; cut by `just k8s-schemas`\",\n\"kinds\": {{\n{}\n}}\n}}\n",
        lines.join(",\n")
    )
}

/// As [`strict`], all the way down.
fn closed(schema: &mut Value) {
    if schema["x-kubernetes-int-or-string"] == true {
        schema["type"] = json!(["string", "integer"]);
    }
    match schema {
        Value::Object(fields) => {
            if fields.get("properties").is_some_and(Value::is_object)
                && fields.get("type").is_some_and(|kind| kind == "object")
            {
                fields.insert("additionalProperties".into(), false.into());
            }
            fields.values_mut().for_each(closed);
        }
        Value::Array(values) => values.iter_mut().for_each(closed),
        _ => {}
    }
}

/// A definition without its prose.
fn plain(name: &str, definition: &Value) -> Value {
    fn without(value: &Value) -> Value {
        match value {
            Value::Object(fields) => {
                let prose = |key: &str, value: &Value| {
                    (key == "description" && value.is_string()) || key.starts_with("x-kubernetes")
                };
                Value::Object(
                    fields
                        .iter()
                        .filter(|(key, value)| !prose(key, value))
                        .map(|(key, value)| (key.clone(), without(value)))
                        .collect(),
                )
            }
            Value::Array(values) => values.iter().map(without).collect(),
            other => other.clone(),
        }
    }
    if name.ends_with(".resource.Quantity") {
        return json!({ "type": "quantity" });
    }
    without(definition)
}

fn referred(value: &Value) -> BTreeSet<String> {
    match value {
        Value::Object(fields) => {
            let own =
                fields.get("$ref").and_then(Value::as_str).map(|reference| reference.replace("#/definitions/", ""));
            fields.values().flat_map(referred).chain(own).collect()
        }
        Value::Array(values) => values.iter().flat_map(referred).collect(),
        _ => BTreeSet::new(),
    }
}

#[test]
fn the_operators_kinds_are_read_strictly() {
    let group = |group: Value| json!({ "apiVersion": FOREIGN, "kind": "PrometheusRule", "metadata": {}, "spec": { "groups": [group] } });
    let faults = |object: Value| OPERATOR.faults(&Manifests { name: "here".into(), all: vec![object] });
    let rule = json!({ "alert": "A", "expr": "vector(1)", "for": "10s" });
    assert_eq!(faults(group(json!({ "name": "a", "rules": [rule] }))), [""; 0]);
    let misspelt = json!({ "alert": "A", "expr": "vector(1)", "fro": "10s" });
    assert_eq!(faults(group(json!({ "name": "a", "rules": [misspelt] }))).len(), 1);
    assert_eq!(faults(group(json!({ "rules": [] }))).len(), 1, "a group without a name");
    assert_eq!(faults(json!({ "apiVersion": FOREIGN, "kind": "Probe", "metadata": {} })).len(), 1, "an unknown kind");
}

#[test]
fn each_minor_says_where_it_comes_from_and_knows_every_kind() {
    for minor in MINORS {
        let text = files::text(&file(minor));
        assert!(text.contains(&format!("kubernetes@{minor}.")), "{minor} comes from elsewhere");
        let schemas = ALL.iter().find(|schemas| schemas.minor == minor).expect("read");
        for kind in KINDS {
            assert!(schemas.kinds.keys().any(|known| known.ends_with(&format!("/{kind}"))), "{minor} lacks {kind}");
        }
    }
}
