//! Planned operations. None of them is an outage, so none may be reported as one.

use std::time::{Duration, Instant};

use super::kubectl::{NAMESPACE, kubectl, kubectl_with};
use super::mesh::{self, NODES};
use super::prometheus::Prometheus;
use super::support::{Report, check, hold, seconds};

/// A rolling restart: for each of the nodes the shutdown delay, a start, and `minReadySeconds`, with room for a busy machine.
pub(super) const ROLLED: Duration = seconds(240);

/// Longer than any alert of the first minute waits before it fires.
const AFTERWARDS: Duration = seconds(30);

/// No node was reported down and no alert fired. Looks at the logs of all present containers since `since`.
#[track_caller]
pub(super) fn nobody_was_alarmed(report: &Report, since: &str, began: Instant) {
    hold(AFTERWARDS);
    let alarms: Vec<_> = mesh::logs(since)
        .expect("logs")
        .into_iter()
        .filter(|entry| ["peer_down", "peer_unreachable", "self_cut_off"].contains(&entry.event.as_str()))
        .collect();
    assert!(alarms.is_empty(), "{alarms:#?}");
    let prometheus = Prometheus::reach().expect("a forwarded port");
    let fired = prometheus.fired(began.elapsed()).expect("alerts");
    assert!(fired.is_empty(), "{fired:?}");
    report.say("no node was reported down, no alert fired");
}

pub fn rolling_restart_takes_one_at_a_time_and_alerts_nobody(report: &Report) {
    mesh::whole();
    let (before, since, began) = (mesh::pods().expect("pods"), mesh::now(), Instant::now());
    kubectl(&["rollout", "restart", "statefulset/heartbeat"]).expect("restarts");
    let mut fewest = NODES;
    check("every pod is a new one", ROLLED, || {
        let pods = mesh::pods()?;
        fewest = fewest.min(pods.iter().filter(|pod| pod.ready && !pod.leaving).count());
        let old = pods.iter().filter(|pod| before.iter().any(|before| before.uid == pod.uid)).count();
        if old == 0 && pods.len() == NODES && pods.iter().all(|pod| pod.ready) {
            Ok(())
        } else {
            Err(format!("{old} old ones: {pods:?}"))
        }
    });
    report.measured("all restarted", began.elapsed(), seconds(90));
    report.say(format!("fewest ready at once: {fewest} of {NODES}"));
    assert!(fewest >= NODES - 1, "{fewest} of {NODES} were ready at once");
    mesh::whole();
    assert!(mesh::pods().expect("pods").iter().all(|pod| pod.restarts == 0), "a container was restarted in its pod");
    nobody_was_alarmed(report, &since, began);
    // From then on not a single ping fails.
    let prometheus = Prometheus::reach().expect("a forwarded port");
    let failed = "sum(increase(heartbeat_pings_failed_total[20s]))";
    let found = prometheus.ask(failed).expect("failed pings");
    assert!(found.iter().all(|series| series["value"][1] == "0"), "{failed}: {found:?}");
}

pub fn scaled_to_five_and_back(report: &Report) {
    mesh::whole();
    let (since, began) = (mesh::now(), Instant::now());
    kubectl(&["scale", "statefulset/heartbeat", "--replicas=5"]).expect("scales");
    check("five see each other", mesh::WHOLE_LIMIT, || mesh::sees_all(5));
    report.measured("five see each other", began.elapsed(), seconds(30));
    let began_back = Instant::now();
    kubectl(&["scale", "statefulset/heartbeat", "--replicas=3"]).expect("scales");
    check("three see each other", mesh::WHOLE_LIMIT, || mesh::sees_all(3));
    report.measured("and three again, the others forgotten", began_back.elapsed(), seconds(60));
    let entries = mesh::logs(&since).expect("logs");
    for peer in ["heartbeat-3", "heartbeat-4"] {
        let told = entries.iter().filter(|entry| entry.event == "peer_left" && entry.peer == peer).count();
        assert_eq!(told, NODES, "{told} of {NODES} heard the goodbye of {peer}: {entries:#?}");
    }
    nobody_was_alarmed(report, &since, began);
}

pub fn the_second_eviction_is_refused(report: &Report) {
    mesh::whole();
    check("one may go", seconds(60), || {
        let allowed =
            kubectl(&["get", "poddisruptionbudget", "heartbeat", "--output=jsonpath={.status.disruptionsAllowed}"])?;
        if allowed == "1" { Ok(()) } else { Err(format!("{allowed} may go")) }
    });
    let (since, began) = (mesh::now(), Instant::now());
    evict("heartbeat-1").expect("the first passes");
    let refusal = evict("heartbeat-2").expect_err("the second passed as well");
    assert!(refusal.contains("disruption budget"), "{refusal}");
    report.say(refusal.split(": ").last().unwrap_or_default().trim());
    check("whole again", mesh::WHOLE_LIMIT, || mesh::sees_all(NODES));
    report.measured("whole again", began.elapsed(), seconds(45));
    nobody_was_alarmed(report, &since, began);
}

/// What `kubectl drain` does to each pod.
fn evict(pod: &str) -> Result<String, String> {
    let eviction = format!(
        r#"{{"apiVersion":"policy/v1","kind":"Eviction","metadata":{{"name":"{pod}","namespace":"{NAMESPACE}"}}}}"#
    );
    kubectl_with(
        &["create", "--raw", &format!("/api/v1/namespaces/{NAMESPACE}/pods/{pod}/eviction"), "-f", "-"],
        &eviction,
    )
}
