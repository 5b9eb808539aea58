//! A pod is cut off by policy, as `k8s/overlays/kind-partition` does it, and healed.
//!
//! Network plugins differ in one thing that matters here: some judge each packet, others judge a connection when it is
//! opened and then let it continue. A node keeps its connections, so under the second kind it would not notice the
//! policy at all. That is why it opens each one anew after some pings (`client::kept`), and why the
//! times here are printed: they say which kind the cluster has.

use std::time::{Duration, Instant};

use super::kubectl::kubectl;
use super::mesh::{self, NODES, OVERLAY};
use super::prometheus::Prometheus;
use super::support::{Report, check, seconds};

const VICTIM: &str = "heartbeat-2";
const OTHERS: [&str; 2] = ["heartbeat-0", "heartbeat-1"];

/// Kept connections are opened anew within this time, and then the silent wait begins.
const CUT: Duration = seconds(120);

pub fn one_pod_is_cut_off_and_healed(report: &Report) {
    mesh::whole();
    let (since, began) = (mesh::now(), Instant::now());
    let before = mesh::pods().expect("pods");
    kubectl(&["apply", "-k", &format!("{OVERLAY}-partition")]).expect("applied");
    check("the two others say that it is down, and hear each other", CUT, || {
        for pod in OTHERS {
            let peers = mesh::peers(pod)?;
            let alive = |peer: &str| peers.get(peer).is_some_and(|peer| peer.state == "alive");
            let dead = peers.get(VICTIM).is_some_and(|peer| peer.state == "dead");
            if !dead || !OTHERS.into_iter().filter(|other| *other != pod).all(alive) {
                return Err(format!("{pod} sees {peers:?}"));
            }
        }
        Ok(())
    });
    report.measured("the two others say that it is down", began.elapsed(), seconds(40));
    // The isolated node reports that it is cut off. It may have reported the first lost peer down while it still heard
    // the other one, but then as unconfirmed.
    check("the isolated node reports that it is cut off", CUT, || {
        let peers = mesh::peers(VICTIM)?;
        let stands = |state: &str, verdict: &str| {
            peers.values().filter(|peer| peer.state == state && peer.verdict == verdict).count()
        };
        let (cut_off, unconfirmed) = (stands("unreachable", "cut_off"), stands("dead", "unconfirmed"));
        if cut_off > 0 && cut_off + unconfirmed == NODES - 1 { Ok(()) } else { Err(format!("{peers:?}")) }
    });
    let told = mesh::logs(&since)
        .expect("logs")
        .into_iter()
        .any(|entry| entry.node == VICTIM && entry.event == "self_cut_off");
    assert!(told, "{VICTIM} did not log that it is cut off");
    report.measured("the isolated node reports that it is cut off", began.elapsed(), seconds(40));
    let prometheus = Prometheus::reach().expect("a forwarded port");
    let fired = check("an alert names it, not a dead node", CUT, || {
        let fired = prometheus.fired(began.elapsed())?;
        if fired.iter().any(|alert| alert == &format!("HeartbeatNodeIsolated {VICTIM}")) {
            Ok(fired)
        } else {
            Err(format!("{fired:?}"))
        }
    });
    report.measured("HeartbeatNodeIsolated fires", began.elapsed(), seconds(70));
    report.say(format!("fired: {fired:?}"));
    assert!(!fired.iter().any(|alert| alert.starts_with("HeartbeatPeerDown")), "{fired:?}");

    let healing = Instant::now();
    kubectl(&["apply", "-k", OVERLAY]).expect("applied");
    check("healed", mesh::WHOLE_LIMIT, || mesh::sees_all(NODES));
    report.measured("healed", healing.elapsed(), seconds(10));
    let after = mesh::pods().expect("pods");
    assert!(
        before.iter().zip(&after).all(|(before, after)| (&before.uid, before.restarts) == (&after.uid, after.restarts)),
        "{after:?}"
    );
    for entry in mesh::logs(&since).expect("logs").iter().filter(|entry| entry.level == "warn") {
        report.say(format!("{}: {}", entry.node, entry.raw));
    }
    check("no alert is left", seconds(120), || {
        let firing = prometheus.fired(seconds(1))?;
        if firing.is_empty() { Ok(()) } else { Err(format!("{firing:?}")) }
    });
}
