//! Peers that were well and then answer nonsense, too slowly or not at all; and one that never came.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Instant;

use super::support::fake::{FakePeer, Manner};
use super::support::{Cluster, Plan, Report, SOON, hold, millis, ports, seconds};

pub fn peer_that_answers_garbage(report: &Report) {
    misbehaving(report, Manner::Garbage, "invalid");
}

pub fn peer_with_the_wrong_identity(report: &Report) {
    misbehaving(report, Manner::WrongIdentity, "invalid");
}

pub fn peer_that_answers_500(report: &Report) {
    misbehaving(report, Manner::ServerError, "invalid");
}

pub fn peer_that_answers_half(report: &Report) {
    misbehaving(report, Manner::HalfAnswer, "invalid");
}

pub fn peer_that_drips_one_byte_a_second(report: &Report) {
    misbehaving(report, Manner::Drip, "stalled");
}

pub fn peer_that_floods(report: &Report) {
    misbehaving(report, Manner::Flood, "invalid");
}

pub fn peer_that_is_mute(report: &Report) {
    misbehaving(report, Manner::Mute, "stalled");
}

/// It is not unpacked.
pub fn peer_that_answers_a_gzip_bomb(report: &Report) {
    let cluster = misbehaving(report, Manner::GzipBomb, "invalid");
    for observer in [1, 2] {
        let memory = cluster.node(observer).memory_at_most() / 1024.0 / 1024.0;
        report.say(format!("memory of node-{observer} at most {memory:.1} MiB"));
        assert!(memory < 48.0, "{memory} MiB");
        let lines = cluster.node(observer).log.lines();
        let said = "gzip-encoded, which was not asked for";
        assert!(lines.iter().any(|line| line.raw.contains(said)), "{}", cluster.node(observer).log_text());
    }
}

/// Two nodes watch a peer that was well and then is not: both find it down for what it does, after the longest wait,
/// and neither is harmed itself.
fn misbehaving(report: &Report, manner: Manner, evidence: &str) -> Cluster {
    let fake = FakePeer::start("fake");
    let cluster = Plan::loopback(2).watching("fake", fake.address).start();
    for observer in [1, 2] {
        cluster.await_view(observer, "fake", "alive", SOON);
    }
    let changed = fake.become_one_that(manner);
    let time = cluster.last_to_log(&[1, 2], "peer_down", "fake", changed);
    report.measured(&format!("{manner:?} to down"), time, millis(10_300));
    for observer in [1, 2] {
        let peer = cluster.await_view(observer, "fake", "dead/down", SOON);
        assert_eq!((&peer["class"], &peer["evidence"]), (&"stalled".into(), &evidence.into()), "{peer}");
        for path in ["/livez", "/readyz"] {
            assert_eq!(cluster.node(observer).get(path).map(|answer| answer.status), Ok(200), "{path}");
        }
    }
    let healed = fake.become_one_that(Manner::Honest);
    let time = cluster.last_to_log(&[1, 2], "peer_recovered", "fake", healed);
    report.measured("well again to recovered", time, seconds(4));
    cluster.settle();
    cluster.assert_down_only(&["fake"]);
    cluster
}

/// It counts as expected and not up, and is said once: it never was, so it cannot be down.
pub fn never_started_peer_is_said_once(report: &Report) {
    let nobody = SocketAddr::from((Ipv4Addr::LOCALHOST, ports::free()));
    let cluster = Plan::loopback(2).watching("nobody", nobody).start();
    let began = Instant::now();
    for observer in [1, 2] {
        let peer = cluster.await_view(observer, "nobody", "joining/never_seen", SOON);
        report.measured("start to never seen", began.elapsed(), seconds(11));
        assert_eq!(peer["expected"], true, "{peer}");
        let metrics = cluster.node(observer).metrics().expect("metrics");
        assert_eq!(metrics.value("heartbeat_peer_up", &["peer=\"nobody\""]), Ok(0.0));
        assert_eq!(metrics.value("heartbeat_peer_expected", &["peer=\"nobody\""]), Ok(1.0));
    }
    hold(seconds(3));
    for observer in [1, 2] {
        let lines = cluster.node(observer).log.lines();
        let said: Vec<_> = lines.iter().filter(|line| line.text("message") == "Peer unreachable").collect();
        assert_eq!(said.len(), 1, "{}", cluster.node(observer).log_text());
        assert!(said[0].raw.contains("never_seen") || said[0].raw.contains("never seen"), "{}", said[0].raw);
    }
    cluster.assert_down_only(&[]);
}
