//! What happens to pods without anybody's wish.

use std::time::{Duration, Instant};

use super::kubectl::kubectl;
use super::mesh::{self, NODES, Peer};
use super::process;
use super::prometheus::Prometheus;
use super::support::{Report, check, seconds};

/// The wait for a frozen process is 10 s; the rest is for a busy machine.
const STALLED: Duration = seconds(40);

/// The kubelet's patience (30 s), the grace period of a process that hears nothing (15 s), and a start.
const RESTARTED: Duration = seconds(150);

/// Two of the three, as they see the third.
fn seen_by_others(victim: &str) -> Result<Vec<(String, Peer)>, String> {
    let mut seen = Vec::new();
    for pod in mesh::pods()?.iter().filter(|pod| pod.name != victim) {
        let peers = mesh::peers(&pod.name)?;
        let peer = peers.get(victim).ok_or_else(|| format!("{} does not know {victim}", pod.name))?;
        seen.push((pod.name.clone(), peer.clone()));
    }
    Ok(seen)
}

#[track_caller]
fn process_of(name: &str) -> u32 {
    let pods = mesh::pods().expect("pods");
    let pod = pods.iter().find(|pod| pod.name == name).unwrap_or_else(|| panic!("no {name} in {pods:?}"));
    process::of_pod(&pod.uid).unwrap_or_else(|problem| panic!("{name}: {problem}"))
}

pub fn a_deleted_pod_says_goodbye_and_comes_back(report: &Report) {
    mesh::whole();
    let (since, began) = (mesh::now(), Instant::now());
    kubectl(&["delete", "pod", "heartbeat-1", "--wait=false"]).expect("deleted");
    let left = check("the others hear its goodbye", seconds(30), || {
        let told: Vec<_> = mesh::logs(&since)?
            .into_iter()
            .filter(|entry| entry.event == "peer_left" && entry.peer == "heartbeat-1")
            .collect();
        if told.len() == NODES - 1 { Ok(told) } else { Err(format!("{told:?}")) }
    });
    report.say(&left[0].raw);
    check("it is back", mesh::WHOLE_LIMIT, || mesh::sees_all(NODES));
    report.measured("whole again", began.elapsed(), seconds(30));
    let entries = mesh::logs(&since).expect("logs");
    assert!(entries.iter().all(|entry| entry.event != "peer_down"), "{entries:#?}");
}

pub fn a_killed_process_is_started_again(report: &Report) {
    mesh::whole();
    let restarts =
        |pod: &str| mesh::pods().expect("pods").iter().find(|found| found.name == pod).map(|found| found.restarts);
    let (before, old) = (restarts("heartbeat-2"), seen_by_others("heartbeat-2").expect("peers"));
    let (since, began) = (mesh::now(), Instant::now());
    process::signal(process_of("heartbeat-2"), "KILL");
    // Down for as long as the kubelet takes, or restarted so quickly that it was never down: both are the truth.
    let news = check("both others notice", seconds(30), || {
        let news: Vec<_> = mesh::logs(&since)?
            .into_iter()
            .filter(|entry| {
                entry.peer == "heartbeat-2" && ["peer_down", "peer_restarted"].contains(&entry.event.as_str())
            })
            .collect();
        let by = |node: &str| news.iter().any(|entry| entry.node == node);
        if by("heartbeat-0") && by("heartbeat-1") { Ok(news) } else { Err(format!("{news:?}")) }
    });
    for entry in news {
        report.say(format!("{}: {}", entry.node, entry.raw));
    }
    check("whole again", mesh::WHOLE_LIMIT, || mesh::sees_all(NODES));
    report.measured("whole again", began.elapsed(), seconds(20));
    assert_eq!(restarts("heartbeat-2"), before.map(|count| count + 1));
    for ((node, old), (_, new)) in old.iter().zip(seen_by_others("heartbeat-2").expect("peers")) {
        assert_ne!(old.boot, new.boot, "{node} took the new process for the old one");
    }
}

/// Liveness is slower than the mesh, so that what was frozen is first named and then restarted.
pub fn a_frozen_process_is_reported_before_the_kubelet_restarts_it(report: &Report) {
    mesh::whole();
    let began = Instant::now();
    process::signal(process_of("heartbeat-0"), "STOP");
    check("both others say that it is down", STALLED, || {
        let seen = seen_by_others("heartbeat-0")?;
        if seen.iter().all(|(_, peer)| peer.state == "dead") { Ok(()) } else { Err(format!("{seen:?}")) }
    });
    report.measured("both others say that it is down", began.elapsed(), seconds(12));
    let prometheus = Prometheus::reach().expect("a forwarded port");
    check("one alert, and nothing beside it", STALLED, || {
        let fired = prometheus.fired(began.elapsed())?;
        if fired.iter().eq(["HeartbeatPeerDown heartbeat-0"]) { Ok(()) } else { Err(format!("{fired:?}")) }
    });
    report.measured("HeartbeatPeerDown for heartbeat-0 fires", began.elapsed(), seconds(35));
    check("the kubelet starts it again", RESTARTED, || mesh::sees_all(NODES));
    report.measured("started again by the kubelet, and whole", began.elapsed(), seconds(75));
    let fired = prometheus.fired(began.elapsed()).expect("alerts");
    assert!(fired.iter().eq(["HeartbeatPeerDown heartbeat-0"]), "{fired:?}");
    check("no alert is left", seconds(90), || {
        let firing = prometheus.fired(seconds(1))?;
        if firing.is_empty() { Ok(()) } else { Err(format!("{firing:?}")) }
    });
}

/// The power goes out: every node at once, none of them with a goodbye.
pub fn all_at_once(report: &Report) {
    mesh::whole();
    let began = Instant::now();
    kubectl(&["delete", "pods", "--selector=app.kubernetes.io/name=heartbeat", "--force", "--grace-period=0"])
        .expect("deleted");
    check("whole again", mesh::WHOLE_LIMIT, || mesh::sees_all(NODES));
    report.measured("whole again", began.elapsed(), seconds(30));
}
