//! Whether the manifests and the program speak of the same things: variables,
//! ports, paths, times.

use std::ffi::OsString;
use std::time::Duration;

use heartbeat::testing::config::settings::SETTINGS;
use heartbeat::testing::config::{Config, Environment, Machine, MetricsPort, Raw, resolve};
use heartbeat::testing::http::Route;
use serde_json::Value;

use super::Rule;
use super::manifests::{Manifests, Workload, list, text};
use crate::files;

pub const RULES: [(&str, Rule); 6] = [
    ("the program takes its variables", variables),
    ("ports", ports),
    ("probes", probes),
    ("the grace period covers the stop", grace),
    ("compose and Kubernetes run the same images", images),
    ("Grafana is told what grafana/grafana.env says", grafana),
];

/// Goodbyes take this long at most (`protocol`, rule 6), and then the listeners close.
const GOODBYES: Duration = Duration::from_millis(300);

/// What the nodes' variables mean to the program, the pod's name put where the kubelet puts it.
fn config(nodes: Workload<'_>) -> Result<Config, String> {
    let value = |variable: &Value| match &variable["value"] {
        Value::String(path) if variable["name"] == "HEARTBEAT_MESH_KEY_FILE" => nodes.in_a_secret(path),
        Value::String(value) => value.clone(),
        _ => match text(&variable["valueFrom"]["fieldRef"]["fieldPath"]) {
            "metadata.name" => "heartbeat-0".into(),
            "spec.nodeName" => "machine-1.example.com".into(),
            other => format!("<{other}>"),
        },
    };
    // There are no certificates here; `tests/tls` reads such files. That they are mounted is a rule of its own.
    let set = nodes.variables().filter(|variable| !is_of_tls(variable));
    let value = |variable| value(variable).replace("dns+https://", "dns+http://");
    let variables = set.map(|variable| (OsString::from(text(&variable["name"])), OsString::from(value(variable))));
    let environment: Environment = variables.collect();
    let machine = Machine { host_name: Some("heartbeat-0".into()), process_id: 1 };
    resolve(&Raw::default(), &environment, &machine).map_err(|problems| problems.to_string())
}

fn is_of_tls(variable: &Value) -> bool {
    let names = SETTINGS.iter().map(|spec| spec.variable).filter(|name| name.starts_with("HEARTBEAT_TLS_"));
    names.into_iter().any(|name| variable["name"] == name)
}

fn variables(manifests: &Manifests) -> Vec<String> {
    let Some(nodes) = manifests.nodes() else { return Vec::new() };
    let mut faults: Vec<String> = config(nodes).err().into_iter().collect();
    let named = nodes.variables().find(|variable| variable["name"] == "HEARTBEAT_NODE");
    if named.is_none_or(|variable| variable["valueFrom"]["fieldRef"].is_null()) {
        faults.push("the node's name does not come from its pod".into());
    }
    for file in nodes.variables().filter(|variable| is_of_tls(variable)).map(|variable| text(&variable["value"])) {
        let mounts = nodes.containers().flat_map(|container| list(&container["volumeMounts"]));
        let folders: Vec<&str> = mounts.map(|mount| text(&mount["mountPath"])).collect();
        if !folders.iter().any(|folder| file.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))) {
            faults.push(format!("{file} is in none of {folders:?}"));
        }
    }
    faults
}

fn ports(manifests: &Manifests) -> Vec<String> {
    let Some(nodes) = manifests.nodes() else { return Vec::new() };
    let Ok(config) = config(nodes) else { return Vec::new() };
    let MetricsPort::Exactly(metrics) = config.metrics_port else {
        return vec!["the metrics port is left to chance".into()];
    };
    let expected = [("http", config.listen.port), ("metrics", metrics)];
    let number = |port: &Value| port["containerPort"].as_u64().and_then(|port| u16::try_from(port).ok()).unwrap_or(0);
    let open: Vec<_> = nodes.container_ports().map(|port| (text(&port["name"]), number(port))).collect();
    if open == expected { Vec::new() } else { vec![format!("the pod opens {open:?}, the program {expected:?}")] }
}

/// Start-up and liveness ask whether the detector turns, readiness whether the
/// node is ready: none of them asks about peers. And the kubelet must not restart
/// a frozen node before the mesh has said what it is.
fn probes(manifests: &Manifests) -> Vec<String> {
    let Some(nodes) = manifests.nodes() else { return Vec::new() };
    let mut faults = Vec::new();
    // The kubelet has no authority to check certificates with; the metrics port is plain.
    let port = if nodes.variables().any(is_of_tls) { "metrics" } else { "http" };
    for container in nodes.containers() {
        for (probe, route) in
            [("startupProbe", Route::Livez), ("livenessProbe", Route::Livez), ("readinessProbe", Route::Readyz)]
        {
            let asked = &container[probe]["httpGet"];
            if asked["path"] != route.path() || asked["port"] != port {
                faults.push(format!("{probe} asks {asked}"));
            }
        }
        let Ok(config) = config(nodes) else { continue };
        let liveness = &container["livenessProbe"];
        let patience =
            liveness["periodSeconds"].as_u64().unwrap_or(10) * liveness["failureThreshold"].as_u64().unwrap_or(3);
        let stalled = config.detector.wait_stalled;
        if Duration::from_secs(patience) < 2 * stalled {
            faults.push(format!(
                "the kubelet restarts a frozen node after {patience} s, and the mesh reports it after {stalled:?}"
            ));
        }
    }
    faults
}

fn grace(manifests: &Manifests) -> Vec<String> {
    let Some(nodes) = manifests.nodes() else { return Vec::new() };
    let Ok(config) = config(nodes) else { return Vec::new() };
    let needed = GOODBYES + config.shutdown_delay + config.drain_timeout;
    let given = nodes.pod()["terminationGracePeriodSeconds"].as_u64().map(Duration::from_secs).unwrap_or_default();
    // A second to spare, or a busy machine turns a clean stop into a kill.
    if given >= needed + Duration::from_secs(1) {
        Vec::new()
    } else {
        vec![format!("{given:?} for a stop that takes {needed:?}")]
    }
}

fn compose() -> Option<Value> {
    files::path("docker-compose.yml").exists().then(|| files::yaml("docker-compose.yml"))
}

fn images(manifests: &Manifests) -> Vec<String> {
    let Some(compose) = compose() else { return Vec::new() };
    let mut faults = Vec::new();
    for workload in manifests.workloads() {
        let service =
            if workload.labels().values().any(|label| *label == "heartbeat") { "node-1" } else { workload.name };
        let expected = plain(text(&compose["services"][service]["image"]));
        for container in workload.containers() {
            let image = text(&container["image"]);
            // The overlay for clusters names a registry, and there the tag is the release.
            let released = format!("/distributed-heartbeat:{}", env!("CARGO_PKG_VERSION"));
            if image != expected && !image.ends_with(&released) {
                faults.push(format!("{} runs {image}, compose runs {expected}", workload.name));
            }
        }
    }
    faults
}

/// `${NAME:-default}` is its default.
fn plain(text: &str) -> String {
    match text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')).and_then(|inner| inner.split_once(":-")) {
        Some((_, default)) => default.to_owned(),
        None => text.to_owned(),
    }
}

fn grafana(manifests: &Manifests) -> Vec<String> {
    let Some(grafana) = manifests.workloads().find(|workload| workload.name == "grafana") else { return Vec::new() };
    let file = files::text("grafana/grafana.env");
    let mut expected: Vec<_> =
        file.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('=')).collect();
    let mut set: Vec<_> =
        grafana.variables().map(|variable| (text(&variable["name"]), text(&variable["value"]))).collect();
    expected.sort_unstable();
    set.sort_unstable();
    let mut faults = Vec::new();
    if set != expected {
        faults.push(format!("it is set to {set:?}, the file says {expected:?}"));
    }
    let mounted: Vec<_> = grafana
        .containers()
        .flat_map(|container| list(&container["volumeMounts"]))
        .map(|mount| text(&mount["mountPath"]))
        .collect();
    for path in
        ["/etc/grafana/provisioning/datasources", "/etc/grafana/provisioning/dashboards", "/etc/grafana/dashboards"]
    {
        if !mounted.contains(&path) {
            faults.push(format!("nothing is mounted at {path}"));
        }
    }
    faults
}
