//! What is for clusters that run the Prometheus operator: the same rules and the
//! same dashboard as everywhere else, in the form that its parts find.
//!
//! The rules are a copy, because a PrometheusRule holds them inside of itself: made from the files, comments
//! included, with the two addresses of their links filled in, which elsewhere are external labels of
//! Prometheus and would here be labels of the whole cluster's.

use std::fs;

use serde_json::Value;

use super::manifests::{Manifests, text};
use super::{Builder, installed};
use crate::files;
use crate::prometheus::RULES;

const FILE: &str = "k8s/components/kube-prometheus/rules.yaml";

const HEAD: &str = "\
# The rules of prometheus/rules for the Prometheus operator. Made by `just k8s-render`; do not edit.
# Links in alerts lead to the addresses that prometheus/prometheus.yml names: replace both here, as with sed.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: heartbeat
  namespace: heartbeat
  labels:
    app.kubernetes.io/name: heartbeat
    app.kubernetes.io/part-of: distributed-heartbeat
    # Where Prometheus selects rules by labels, these are kube-prometheus' own.
    prometheus: k8s
    role: alert-rules
spec:
  groups:
";

fn made() -> String {
    let labels = &files::yaml("prometheus/prometheus.yml")["global"]["external_labels"];
    let mut out = HEAD.to_owned();
    for name in RULES {
        let content = files::text(name);
        let (comment, groups) = content.split_once("groups:\n").unwrap_or_else(|| panic!("{name} has no groups"));
        for line in comment.lines().chain(groups.lines()) {
            let line = if line.is_empty() { String::new() } else { format!("  {line}") };
            out.push_str(&line);
            out.push('\n');
        }
    }
    for label in ["runbooks", "dashboards"] {
        out = out.replace(&format!("{{{{ $externalLabels.{label} }}}}"), text(&labels[label]));
    }
    out
}

#[test]
fn the_operator_is_given_the_same_rules() {
    let made = made();
    if std::env::var_os("HEARTBEAT_WRITE").is_some() {
        fs::write(files::path(FILE), made).expect("the rules can be written");
        return;
    }
    assert!(files::text(FILE) == made, "{FILE} is old: `just k8s-render` writes it anew");
    assert!(!made.contains("$externalLabels"), "an address is left open");
    // As data: every group of every file, and nothing else.
    let groups = |value: &Value| value["groups"].as_array().cloned().expect("groups");
    let copied = groups(&files::yaml(FILE)["spec"]);
    let all: Vec<Value> = RULES.iter().flat_map(|name| groups(&files::yaml(name))).collect();
    assert_eq!(copied.len(), all.len());
    for (copied, original) in copied.iter().zip(&all) {
        assert_eq!(copied["name"], original["name"]);
        let expressions = |group: &Value| {
            let rules = group["rules"].as_array().cloned().expect("rules");
            rules
                .into_iter()
                .map(|rule| (rule["alert"].clone(), rule["record"].clone(), rule["expr"].clone(), rule["for"].clone()))
        };
        assert!(expressions(copied).eq(expressions(original)), "{}", copied["name"]);
    }
}

#[test]
fn the_sidecar_is_given_the_same_dashboard() {
    let Some(builder) = Builder::find() else { return };
    let built = builder.build("cluster", &["no-monitoring", "pod-monitor", "kube-prometheus"]);
    let map = built.named("ConfigMap", "heartbeat-dashboard").expect("a config map without a hash in its name");
    assert_eq!(map["metadata"]["labels"]["grafana_dashboard"], "1", "the label that the sidecar looks for");
    assert_eq!(text(&map["data"]["heartbeat.json"]), files::text("grafana/dashboards/heartbeat.json"));
    for kind in ["PrometheusRule", "PodMonitor"] {
        assert!(built.named(kind, "heartbeat").is_some(), "no {kind}");
    }
    let own = |manifests: &Manifests| manifests.named("Deployment", "grafana").is_some();
    assert!(!own(&built) && own(&installed()), "the cluster's Grafana and no other");
}
