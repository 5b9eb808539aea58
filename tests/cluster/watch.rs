//! What can be seen while nothing is broken: the nodes by each other, and everything by Prometheus.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::kubectl::{Forward, kubectl};
use super::mesh::{self, NODES, OVERLAY};
use super::prometheus::Prometheus;
use super::support::{Report, check, dashboard, hold, http, seconds};

/// Two scrapes and an evaluation, ten times over.
const SCRAPED: Duration = seconds(120);

/// What kubenurse's own suite looks at, too: exact number of pods, no restart, no unexpected log line, metrics for every pair.
pub fn every_node_sees_every_other(report: &Report) {
    let began = Instant::now();
    report.measured("from apply to every pod ready", mesh::whole(), seconds(60));
    report.measured("and until every node sees every other", began.elapsed(), seconds(70));
    let pods = mesh::pods().expect("pods");
    let names: Vec<_> = pods.iter().map(|pod| pod.name.as_str()).collect();
    assert_eq!(names, ["heartbeat-0", "heartbeat-1", "heartbeat-2"]);
    assert!(pods.iter().all(|pod| pod.restarts == 0), "{pods:?}");
    for entry in mesh::logs("2000-01-01T00:00:00Z").expect("logs") {
        assert!(["info", "debug"].contains(&entry.level.as_str()), "{}: {}", entry.node, entry.raw);
    }
    let metrics = Prometheus::reach().expect("a forwarded port");
    for name in ["heartbeat_peer_up", "heartbeat_pings_success_total", "heartbeat_ping_duration_seconds_count"] {
        check(&format!("{name} of every pair"), SCRAPED, || {
            let found = metrics.ask(&format!("count by (node, peer) ({name} > 0)"))?;
            let pairs: BTreeSet<_> = found.iter().map(pair).collect();
            let expected: BTreeSet<_> = names
                .iter()
                .flat_map(|node| {
                    names.iter().filter(move |peer| *peer != node).map(move |peer| format!("{node}->{peer}"))
                })
                .collect();
            if pairs == expected { Ok(()) } else { Err(format!("{pairs:?}")) }
        });
    }
}

fn pair(series: &Value) -> String {
    let text = |label: &str| series["metric"][label].as_str().unwrap_or_default();
    format!("{}->{}", text("node"), text("peer"))
}

pub fn prometheus_has_every_target_rule_and_query(report: &Report) {
    mesh::whole();
    let prometheus = Prometheus::reach().expect("a forwarded port");
    check("every target is up", SCRAPED, || {
        let targets = prometheus.api("targets?state=active")?;
        let targets = targets["activeTargets"].as_array().cloned().unwrap_or_default();
        let down: Vec<_> =
            targets.iter().filter(|target| target["health"] != "up").map(|target| &target["lastError"]).collect();
        let named = |job: &str| targets.iter().filter(|target| target["labels"]["job"] == job).count();
        // The machine is named too: that is what a pod's name does not say.
        let placed = targets.iter().filter(|target| target["labels"]["host"].is_string()).count();
        let counts = (named("heartbeat"), named("prometheus"), named("alertmanager"), placed);
        if down.is_empty() && counts == (NODES, 1, 1, NODES) {
            Ok(())
        } else {
            Err(format!("{counts:?}, down: {down:?}"))
        }
    });
    let rules = check("every rule is healthy", SCRAPED, || {
        let groups = prometheus.api("rules")?;
        let groups = groups["groups"].as_array().cloned().unwrap_or_default();
        let rules: Vec<_> =
            groups.iter().flat_map(|group| group["rules"].as_array().cloned().unwrap_or_default()).collect();
        let unhealthy: Vec<_> = rules
            .iter()
            .filter(|rule| rule["health"] != "ok")
            .map(|rule| (&rule["name"], &rule["lastError"]))
            .collect();
        if !rules.is_empty() && unhealthy.is_empty() {
            Ok(rules.len())
        } else {
            Err(format!("{} rules, unhealthy: {unhealthy:?}", rules.len()))
        }
    });
    check("Alertmanager hears of it", SCRAPED, || {
        let found = prometheus.api("alertmanagers")?;
        let active = found["activeAlertmanagers"].as_array().map_or(0, Vec::len);
        if active == 1 { Ok(()) } else { Err(found.to_string()) }
    });
    check("every query of the dashboard answers", SCRAPED, || {
        let faults = dashboard::unanswered(|path| prometheus.get(path));
        if faults.is_empty() { Ok(()) } else { Err(faults.join("\n")) }
    });
    let queries = dashboard::queries(&dashboard::dashboard()).len();
    report.say(format!("{rules} rules are healthy; {queries} queries of the dashboard answer"));
    let grafana = Forward::to("deployment/grafana", 3000).expect("a forwarded port");
    for path in ["/api/health", "/api/datasources/uid/heartbeat-prometheus/health", "/api/search"] {
        let response = http::get(grafana.address, path).expect("an answer");
        assert_eq!(response.status, 200, "{path}: {}", response.body);
    }
}

/// The nodes do not depend on their observers: Prometheus and a reader may come and go.
pub fn nodes_do_not_notice_that_the_monitoring_is_gone(report: &Report) {
    mesh::whole();
    let (before, since) = (mesh::pods().expect("pods"), mesh::now());
    let kinds = "deployments,services,configmaps,networkpolicies,roles,rolebindings,serviceaccounts";
    let gone = kubectl(&["delete", kinds, "--selector=app.kubernetes.io/component=monitoring", "--wait=true"])
        .expect("deleted");
    report.say(format!("{} objects deleted", gone.lines().count()));
    check("its pods are gone", seconds(90), || {
        let left = kubectl(&[
            "get",
            "pods",
            "--output=name",
            "--selector=app.kubernetes.io/name in (prometheus,alertmanager,grafana)",
        ])?;
        if left.is_empty() { Ok(()) } else { Err(left) }
    });
    // Long enough for a node to notice what is not there: some pings and a lookup of names.
    hold(seconds(12));
    mesh::sees_all(NODES).expect("whole without its monitoring");
    let began = Instant::now();
    mesh::up();
    report.measured(&format!("back, by applying {OVERLAY} again"), began.elapsed(), seconds(60));
    let entries = mesh::logs(&since).expect("logs");
    assert!(entries.is_empty(), "a node noticed: {entries:#?}");
    let after = mesh::pods().expect("pods");
    assert_eq!(
        before.iter().map(|pod| &pod.uid).collect::<Vec<_>>(),
        after.iter().map(|pod| &pod.uid).collect::<Vec<_>>()
    );
    assert!(after.iter().zip(&before).all(|(after, before)| after.restarts == before.restarts), "{after:?}");
}
