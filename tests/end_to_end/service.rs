//! What a node offers while others come and go, or alone: a start in any order, counters that add up, ports.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use super::support::{Cluster, Plan, Report, SOON, hold, millis, ports, seconds};
#[cfg(target_os = "linux")]
use super::support::{check, proc_status};

/// At every scrape, while pings succeed, fail and are on their way: total = success + failed. And every series of a
/// known peer is there from the first scrape on.
pub fn counters_add_up(_: &Report) {
    let nobody = SocketAddr::from((Ipv4Addr::LOCALHOST, ports::free()));
    let mut cluster = Plan::loopback(3).watching("nobody", nobody).with(&["--interval=100ms"]).build();
    cluster.start(1);
    cluster.node(1).await_ready();
    let first = cluster.node(1).metrics().expect("metrics");
    let peers = ["peer=\"node-2\"", "peer=\"node-3\"", "peer=\"nobody\""];
    for series in [
        "heartbeat_pings_total",
        "heartbeat_pings_success_total",
        "heartbeat_pings_failed_total",
        "heartbeat_ping_failures_total",
        "heartbeat_peer_up",
        "heartbeat_peer_expected",
        "heartbeat_peer_state",
        "heartbeat_peer_transitions_total",
        "heartbeat_peer_restarts_total",
    ] {
        for peer in peers {
            first.value(series, &[peer]).unwrap_or_else(|missing| panic!("{missing} at the first scrape"));
        }
    }
    cluster.start(2);
    cluster.start(3);
    cluster.settle();
    scrape_for(&cluster, seconds(3), &peers);
    cluster.kill(3);
    scrape_for(&cluster, seconds(3), &peers);
    let last = cluster.node(1).metrics().expect("metrics");
    for (series, peer) in [("success", peers[0]), ("success", peers[1]), ("failed", peers[1]), ("failed", peers[2])] {
        let value = last.value(&format!("heartbeat_pings_{series}_total"), &[peer]);
        assert!(value.as_ref().is_ok_and(|count| *count > 0.0), "{series} of {peer}: {value:?}");
    }
    cluster.assert_down_only(&["node-3"]);
}

fn scrape_for(cluster: &Cluster, span: Duration, peers: &[&str]) {
    let until = Instant::now() + span;
    while Instant::now() < until {
        let scrape = cluster.node(1).metrics().expect("metrics");
        for peer in peers {
            let count = |kind: &str| {
                scrape
                    .value(&format!("heartbeat_pings_{kind}total"), &[peer])
                    .unwrap_or_else(|missing| panic!("{missing}"))
            };
            let (total, success, failed) = (count(""), count("success_"), count("failed_"));
            assert!(total == success + failed, "{peer}: {total} != {success} + {failed}");
        }
    }
}

/// The last of the nodes comes when the first have long been pinging its closed port.
pub fn started_in_any_order(report: &Report) {
    let mut cluster = Plan::loopback(3).build();
    let began = cluster.start(3);
    cluster.node(3).await_ready();
    report.measured("start to ready", began.elapsed(), millis(50));
    hold(seconds(1));
    cluster.start(1);
    hold(seconds(2));
    let last = cluster.start(2);
    cluster.settle();
    report.measured("last start to all hear all", last.elapsed(), seconds(2));
    for observer in cluster.numbers() {
        for subject in cluster.others(observer) {
            let line = cluster.await_event(observer, "peer_joined", &format!("node-{subject}"), began, SOON);
            assert_eq!(line.text("message"), "Peer is online", "{}", line.raw);
        }
    }
    cluster.assert_quiet(&[1, 2, 3], began);
    cluster.assert_down_only(&[]);
}

/// A node without peers is legal, healthy, and stops as any other.
pub fn alone(report: &Report) {
    let mut cluster = Plan::loopback(1).build();
    let began = cluster.start(1);
    cluster.node(1).await_ready();
    report.measured("start to ready", began.elapsed(), millis(50));
    let view = cluster.node(1).json("/api/v1/peers").unwrap_or_else(|problem| panic!("{problem}"));
    assert_eq!(view["peers"].as_array().map(Vec::len), Some(0), "{view}");
    assert_eq!(view["state"], "ready", "{view}");
    cluster.signal(1, "INT");
    assert_eq!(cluster.node_mut(1).await_end(SOON).code(), Some(0));
}

/// Ten seconds after its start a node holds less of the program's file than before, and still does some pings later.
#[cfg(target_os = "linux")]
pub fn gives_back_pages_of_the_start(report: &Report) {
    /// Less than is given back, and more than comes and goes.
    const LESS: f64 = 512.0 * 1024.0;
    let mut cluster = Plan::loopback(2).build();
    cluster.start(1);
    cluster.start(2);
    let process = cluster.node(1).process_id().to_string();
    let mapped = || proc_status::bytes(&process, "RssFile").expect("of a running process");
    let mut most = 0.0_f64;
    check("pages are given back", SOON + seconds(10), || {
        let now = mapped();
        most = most.max(now);
        if now + LESS < most { Ok(()) } else { Err(format!("{now} of {most} bytes")) }
    });
    // What it still needs comes back with the next pings.
    cluster.settle();
    hold(seconds(3));
    cluster.await_fresh_answers(&[1, 2]);
    let left = mapped();
    report.say(format!("{:.1} of {:.1} MiB of the program stay", left / 1048576.0, most / 1048576.0));
    assert!(left + LESS < most, "{left} of {most} bytes have come back");
    cluster.assert_down_only(&[]);
}

/// A clear error and exit code 74, for either port.
pub fn taken_port(_: &Report) {
    for number in [1, 2] {
        let mut cluster = Plan::loopback(1).build();
        let host = &cluster.node(1).host;
        let port = if number == 1 { host.address.port() } else { host.metrics_port };
        let _taken = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).expect("the port was free");
        let began = cluster.start(1);
        let status = cluster.node_mut(1).await_end(SOON);
        assert_eq!(status.code(), Some(74), "{}", cluster.node(1).log_text());
        let named = cluster.node(1).log.wait(began, SOON, |line| line.raw.contains(&port.to_string()));
        assert!(named.is_some(), "the port {port} is not named: {}", cluster.node(1).log_text());
    }
}
