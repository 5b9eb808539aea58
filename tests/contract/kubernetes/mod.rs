//! The Kubernetes manifests: what kustomize makes of them, held against rules of
//! our own, against the program, and against the API's schemas.
//!
//! Three layers, because each finds what the others cannot. The *schemas* of
//! three minor versions find a misspelt field ([`schema`]). The *rules* find what
//! the API server accepts and that causes trouble later: a node with a token, a
//! selector that selects nothing, a CPU limit ([`pods`], [`wiring`]). The
//! *program's own tables* find a variable or a path that it does not know
//! ([`program`]). And [`wrong`] breaks the manifests one line at a time and
//! checks that a rule finds it: a rule that never fails checks nothing.
//!
//! `k8s/install.yaml` is always read. The overlays and components need kubectl
//! or kustomize to build them: the one that `HEARTBEAT_KUSTOMIZE` names, or one
//! that is on this machine. Where there is none, the test reports that; where
//! `HEARTBEAT_KUSTOMIZE` is set it fails.

mod manifests;
mod operator;
mod pods;
mod program;
mod schema;
mod wiring;
mod wrong;

use std::fs;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use self::manifests::Manifests;
use crate::files;

/// What `just k8s-render` writes.
const INSTALL: &str = "k8s/install.yaml";

/// The overlay that it is made of.
const INSTALLED: &str = "kind";

/// What the labs apply.
const LABS: &str = "tests/labs/kubernetes";

/// Finds faults, one sentence each.
type Rule = fn(&Manifests) -> Vec<String>;

/// Everything that must hold of whatever is built here.
const RULES: [(&str, &[(&str, Rule)]); 3] =
    [("pods", &pods::RULES), ("wiring", &wiring::RULES), ("program", &program::RULES)];

/// The overlays that people apply.
const OVERLAYS: [&str; 3] = ["kind", "kind-partition", "cluster"];

/// The components that go with an overlay. A partition names one pod of the
/// StatefulSet, so it has no meaning where a DaemonSet has taken its place.
const COMPONENTS: [&[&str]; 15] = [
    &[],
    &["partition"],
    &["per-node"],
    &["no-monitoring"],
    &["no-monitoring", "partition"],
    &["no-monitoring", "per-node"],
    &["no-monitoring", "pod-monitor"],
    &["no-monitoring", "pod-monitor", "per-node"],
    &["no-monitoring", "pod-monitor", "kube-prometheus"],
    &["kube-prometheus"],
    &["mesh-key"],
    &["per-node", "mesh-key"],
    &["no-monitoring", "mesh-key"],
    &["tls"],
    &["per-node", "mesh-key", "tls"],
];

#[test]
fn what_is_installed_keeps_every_rule() {
    check(&installed());
}

#[test]
fn every_overlay_with_every_component_keeps_every_rule() {
    let Some(builder) = Builder::find() else { return };
    let mut built = 0;
    for overlay in OVERLAYS {
        for components in COMPONENTS {
            // The partition is part of that overlay already.
            if overlay == "kind-partition" && !components.is_empty() {
                continue;
            }
            check(&builder.build(overlay, components));
            built += 1;
        }
    }
    println!("{built} combinations built by {}", builder.program);
}

#[test]
fn the_rendered_file_is_what_the_overlay_builds() {
    let Some(builder) = Builder::find() else { return };
    let (mut rendered, mut built) = (installed().all, builder.build(INSTALLED, &[]).all);
    // Versions of kustomize differ in their order and in nothing else.
    for all in [&mut rendered, &mut built] {
        all.sort_by_key(manifests::full_name);
    }
    let names = |all: &[Value]| all.iter().map(manifests::full_name).collect::<Vec<_>>();
    assert_eq!(names(&rendered), names(&built), "{INSTALL} is old: `just k8s-render` writes it anew");
    for (rendered, built) in rendered.iter().zip(&built) {
        let name = manifests::full_name(built);
        assert_eq!(rendered, built, "{name} in {INSTALL} is old: `just k8s-render` writes it anew");
    }
}

/// The labs on Kubernetes are about the overlay that people apply: only what a lab needs is added, and the nodes, Prometheus
/// and its rules are untouched.
#[test]
fn the_labs_change_no_more_of_the_overlay_than_they_say() {
    let Some(builder) = Builder::find() else { return };
    let (labs, plain) = (builder.build_folder(LABS, &[]), builder.build(INSTALLED, &[]));
    let missing = |from: &Manifests, all: &Manifests| -> Vec<String> {
        all.all.iter().filter(|object| !from.all.contains(object)).map(manifests::full_name).collect()
    };
    let sorted = |mut names: Vec<String>| {
        names.sort();
        names
    };
    let changed = sorted(missing(&labs, &plain));
    assert_eq!(
        changed,
        [
            // Where it sends what it has to say.
            "Deployment heartbeat/alertmanager",
            // There is none.
            "Deployment heartbeat/grafana",
            // No ports of the machines.
            "Service heartbeat/alertmanager",
            "Service heartbeat/grafana",
            "Service heartbeat/heartbeat",
            "Service heartbeat/prometheus",
        ]
    );
    let added = [
        "Deployment heartbeat/alerts",
        "NetworkPolicy heartbeat/labs-alertmanager",
        "NetworkPolicy heartbeat/labs-alerts",
        "Service heartbeat/alerts",
    ];
    let with_added = added.map(str::to_owned).into_iter().chain(changed).collect();
    assert_eq!(sorted(missing(&plain, &labs)), sorted(with_added));
    // The runner makes a config map of Alertmanager's other file, which lies outside the overlay's folder.
    let known = |fault: &String| fault.contains("webhook") || fault.contains("distributed-heartbeat-labkit:dev");
    let faults: Vec<String> = faults(&labs).into_iter().filter(|fault| !known(fault)).collect();
    assert!(faults.is_empty(), "{}:\n  {}", labs.name, faults.join("\n  "));
}

/// Every component and overlay is in the lists above, so that none goes unbuilt.
#[test]
fn nothing_is_left_out() {
    let folders = |name: &str| -> Vec<String> {
        let entries = fs::read_dir(files::path(name)).expect("a folder");
        let mut names: Vec<_> =
            entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("text")).collect();
        names.sort();
        names
    };
    let mut overlays = OVERLAYS.to_vec();
    overlays.sort_unstable();
    assert_eq!(folders("k8s/overlays"), overlays);
    let mut components: Vec<_> = COMPONENTS.into_iter().flatten().copied().collect();
    components.sort_unstable();
    components.dedup();
    assert_eq!(folders("k8s/components"), components);
}

fn installed() -> Manifests {
    Manifests { name: INSTALL.into(), all: files::documents(INSTALL, &files::text(INSTALL)) }
}

/// All faults at once, each with the rule that found it.
fn faults(manifests: &Manifests) -> Vec<String> {
    let mut found = schema::faults(manifests);
    for (group, rules) in RULES {
        for (rule, find) in rules {
            found.extend(find(manifests).into_iter().map(|fault| format!("{group}, {rule}: {fault}")));
        }
    }
    found
}

fn check(manifests: &Manifests) {
    let faults = faults(manifests);
    assert!(faults.is_empty(), "{}:\n  {}", manifests.name, faults.join("\n  "));
}

/// kubectl or kustomize.
struct Builder {
    program: String,
}

impl Builder {
    /// The one that is named, else the first on this machine; reports where there is none.
    fn find() -> Option<Builder> {
        if let Ok(program) = std::env::var("HEARTBEAT_KUSTOMIZE") {
            return Some(Builder { program });
        }
        let found = ["kubectl", "kustomize"]
            .into_iter()
            .find(|program| Command::new(program).arg("version").arg("--help").output().is_ok());
        if found.is_none() {
            eprintln!("!!! SKIPPED: neither kubectl nor kustomize is on this machine, so only {INSTALL} is checked");
        }
        found.map(|program| Builder { program: program.into() })
    }

    /// An overlay with components over it, as a person would put them together.
    fn build(&self, overlay: &str, components: &[&str]) -> Manifests {
        self.build_folder(&format!("k8s/overlays/{overlay}"), components)
    }

    fn build_folder(&self, overlay: &str, components: &[&str]) -> Manifests {
        let name = format!("{overlay} with {components:?}");
        let place = [&[overlay], components].concat().join("+").replace('/', "-");
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("kustomize").join(place);
        fs::create_dir_all(&folder).expect("a folder under target");
        let to = |path: String| relative(&folder, &files::path(&path));
        let components: Vec<_> = components.iter().map(|name| to(format!("k8s/components/{name}"))).collect();
        let kustomization = serde_json::json!({
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "resources": [to(overlay.to_owned())],
            "components": components,
        });
        fs::write(folder.join("kustomization.yaml"), kustomization.to_string()).expect("a file under target");
        // `kubectl kustomize DIR`, `kustomize build DIR`.
        let verb = if self.program.ends_with("kustomize") { "build" } else { "kustomize" };
        let output = Command::new(&self.program).arg(verb).arg(&folder).output();
        let output = output.unwrap_or_else(|error| panic!("{}: {error}", self.program));
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}: {errors}");
        assert!(errors.is_empty(), "{name}: {} warns: {errors}", self.program);
        let text = String::from_utf8(output.stdout).expect("YAML is text");
        Manifests { all: files::documents(&name, &text), name }
    }
}

/// The way from one folder to another; kustomize takes no other.
fn relative(from: &Path, to: &Path) -> String {
    let parts = |path: &Path| -> Vec<_> {
        let path = path.canonicalize().unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        path.components().map(Component::as_os_str).map(ToOwned::to_owned).collect()
    };
    let (from, to) = (parts(from), parts(to));
    let shared = from.iter().zip(&to).take_while(|(from, to)| from == to).count();
    let up = std::iter::repeat_n("..".into(), from.len() - shared);
    let path: PathBuf = up.chain(to[shared..].iter().cloned()).collect();
    path.into_os_string().into_string().expect("a path in UTF-8")
}
