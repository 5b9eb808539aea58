//! Real nodes in a real network that breaks: hosts that fall silent, links that are cut in one direction or both,
//! packet filters that drop or reject, splits, loss. The network is made of namespaces by the suite itself.
//!
//! Needs root, `ip` and `iptables`; says SKIPPED, loudly, where it has none. `cargo test --test network`.
#![cfg(feature = "node")]
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

mod support;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use support::{Case, Cluster, Network, Plan, Report, SOON, case, check, hold, millis, seconds, suite};

/// Up to five processes each, and as many namespaces.
const AT_ONCE: usize = 6;

const CASES: &[Case] = &[
    case!(link_that_loses_forty_percent),
    case!(split_of_five_three_to_two),
    case!(split_of_four_two_to_two),
    case!(peer_that_was_never_up),
    case!(host_gone_silent),
    case!(host_that_drops_everything),
    case!(one_link_of_three_cut),
    case!(all_packets_of_one_direction_dropped),
    case!(new_requests_of_one_side_dropped),
    case!(new_requests_of_one_side_dropped_between_two),
    case!(reject_against_drop),
];

fn main() -> ExitCode {
    support::http::serve_fetch();
    if let Some(missing) = Network::missing() {
        println!("\n######## SKIPPED: every case of the network suite: it needs {missing} ########\n");
        return ExitCode::SUCCESS;
    }
    suite::main("network", AT_ONCE, CASES)
}

/// After everything has healed, all are alive for all within this time.
const HEALING: Duration = seconds(15);

/// Takes every fault away and waits until all hear all; nobody dies of the healing.
fn heal(cluster: &Cluster, report: &Report) {
    let healed = Instant::now();
    cluster.network().heal();
    cluster.settle();
    report.measured("healed to everybody alive for everybody", healed.elapsed(), HEALING);
    hold(seconds(3));
    for observer in cluster.numbers() {
        assert!(cluster.logged(observer, &["peer_down"], healed).is_empty(), "{}", cluster.node(observer).log_text());
    }
    cluster.settle();
}

/// The cable of one host is pulled. The others agree that it is down, and it knows that it is the one cut off.
fn host_gone_silent(report: &Report) {
    let cluster = Plan::inside(Network::new(3)).start();
    let pulled = Instant::now();
    cluster.network().plug(3, false);
    silent_host(&cluster, report, pulled);
}

/// The same with a packet filter on the host instead of the cable.
fn host_that_drops_everything(report: &Report) {
    let cluster = Plan::inside(Network::new(3)).start();
    let dropped = Instant::now();
    cluster.network().filter(3, "INPUT -i eth0 -j DROP");
    cluster.network().filter(3, "OUTPUT -o eth0 -j DROP");
    silent_host(&cluster, report, dropped);
}

fn silent_host(cluster: &Cluster, report: &Report, since: Instant) {
    let time = cluster.last_to_log(&[1, 2], "peer_down", "node-3", since);
    report.measured("silent to down, confirmed, at the last survivor", time, millis(3300));
    for observer in [1, 2] {
        let peer = cluster.await_view(observer, "node-3", "dead/down", SOON);
        assert_eq!(peer["class"], "silent", "{peer}");
        cluster.assert_view(observer, &format!("node-{}", 3 - observer), "alive");
    }
    await_cut_off(cluster, 3, &["node-1", "node-2"]);
    report.measured("silent to the host's own word that it is cut off", since.elapsed(), seconds(5));
    heal(cluster, report);
    cluster.assert_down_only(&["node-3"]);
}

/// `observer` says of itself that it is cut off, and of the silent ones no more than that it does not hear them.
fn await_cut_off(cluster: &Cluster, observer: usize, silent: &[&str]) {
    check(&format!("node-{observer} says that it is cut off"), SOON, || {
        let view = cluster.node(observer).json("/api/v1/peers")?;
        if view["state"] == "cut_off" { Ok(()) } else { Err(view.to_string()) }
    });
    for subject in silent {
        cluster.await_view(observer, subject, "unreachable/cut_off", SOON);
    }
    let said = sentences(cluster, observer);
    let hears_nothing = |line: &&String| line.contains("hear") && silent.iter().all(|subject| line.contains(subject));
    assert!(said.iter().any(|line| hears_nothing(&line)), "nobody reads what node-{observer} does not hear: {said:#?}");
}

/// What a reader of the events of `observer` reads.
fn sentences(cluster: &Cluster, observer: usize) -> Vec<String> {
    let events = cluster.node(observer).json("/api/v1/events").unwrap_or_else(|problem| panic!("{problem}"));
    let events = events["events"].as_array().cloned().unwrap_or_default();
    events.iter().filter_map(|event| event["sentence"].as_str()).map(str::to_owned).collect()
}

/// `observer` reads that its link to `subject` is broken, and who still reaches it.
fn assert_says_witness(cluster: &Cluster, observer: usize, subject: &str, witness: &str) {
    let said = sentences(cluster, observer);
    let names_both = |line: &&String| line.contains(subject) && line.contains(witness);
    assert!(said.iter().any(|line| names_both(&line)), "{witness} is not named as a witness of {subject}: {said:#?}");
}

/// Neither end accuses the other: the third node sees both.
fn one_link_of_three_cut(report: &Report) {
    let cluster = Plan::inside(Network::new(3)).start();
    let cut = Instant::now();
    cluster.network().cut(1, 2);
    broken_both_ways(&cluster, report, cut, "silent");
}

/// Losing all packets of one direction breaks connections in both.
fn all_packets_of_one_direction_dropped(report: &Report) {
    let cluster = Plan::inside(Network::new(3)).start();
    let dropped = Instant::now();
    cluster.network().drop_packets(1, 2);
    broken_both_ways(&cluster, report, dropped, "silent");
}

fn broken_both_ways(cluster: &Cluster, report: &Report, since: Instant, class: &str) {
    for (observer, subject) in [(1, "node-2"), (2, "node-1")] {
        let line = cluster.await_event(observer, "peer_unreachable", subject, since, SOON);
        report.measured(
            &format!("node-{observer}: {subject} unreachable"),
            line.at.duration_since(since),
            millis(4500),
        );
        assert_eq!(line.text("message"), "Link to peer is broken, the peer is alive", "{}", line.raw);
        let peer = cluster.await_view(observer, subject, "unreachable/link_broken", SOON);
        assert_eq!(peer["class"], class, "{peer}");
        assert_says_witness(cluster, observer, subject, "node-3");
    }
    hold(seconds(5));
    for (observer, subject) in [(1, "node-2"), (2, "node-1")] {
        cluster.assert_view(observer, subject, "unreachable/link_broken");
        cluster.assert_view(3, subject, "alive");
    }
    cluster.assert_quiet(&[3], since);
    heal(cluster, report);
    cluster.assert_down_only(&[]);
}

/// Requests of one side are lost, those of the other get through with their answers: only one side notices, and it
/// knows that the peer lives because the peer's pings come in.
fn new_requests_of_one_side_dropped(report: &Report) {
    one_way(report, 3);
}

/// With two nodes there is nobody to ask; the peer's own pings are enough.
fn new_requests_of_one_side_dropped_between_two(report: &Report) {
    one_way(report, 2);
}

fn one_way(report: &Report, size: usize) {
    let cluster = Plan::inside(Network::new(size)).start();
    let dropped = Instant::now();
    cluster.network().filter(2, &format!("INPUT -s {} -p tcp --dport 8001 -j DROP", cluster.network().address(1)));
    let line = cluster.await_event(1, "peer_unreachable", "node-2", dropped, SOON);
    // Two checks that time out with a ping of the peer between them: only a check begun after it can tell a broken link
    // from one that has just healed. A witness vouches sooner than the peer pings.
    report.measured("requests of one side dropped to unreachable", line.at.duration_since(dropped), seconds(6));
    let peer = cluster.await_view(1, "node-2", "unreachable/one_way", SOON);
    assert_eq!(peer["pings_me"], true, "{peer}");
    hold(seconds(5));
    cluster.assert_view(1, "node-2", "unreachable/one_way");
    cluster.assert_view(2, "node-1", "alive");
    cluster.assert_quiet(&cluster.others(1), dropped);
    heal(&cluster, report);
    cluster.assert_down_only(&[]);
}

/// A filter that rejects is noticed at once and looks like a crash; one that drops takes the silent wait. In both the
/// third node knows better.
fn reject_against_drop(report: &Report) {
    for (target, class, expected) in
        [("REJECT --reject-with tcp-reset", "gone", millis(1500)), ("DROP", "silent", millis(4500))]
    {
        let cluster = Plan::inside(Network::new(3)).start();
        let network = cluster.network();
        let began = Instant::now();
        for (from, to) in [(1, 2), (2, 1)] {
            network.filter(to, &format!("INPUT -s {} -p tcp --dport 8001 -j {target}", network.address(from)));
        }
        for (observer, subject) in [(1, "node-2"), (2, "node-1")] {
            let line = cluster.await_event(observer, "peer_unreachable", subject, began, SOON);
            report.measured(&format!("{target}: {subject} unreachable"), line.at.duration_since(began), expected);
            let peer = cluster.await_view(observer, subject, "unreachable/link_broken", SOON);
            assert_eq!(peer["class"], class, "{peer}");
        }
        cluster.assert_quiet(&[3], began);
        heal(&cluster, report);
        cluster.assert_down_only(&[]);
    }
}

/// Neither half can know that it is not the one cut off, so neither says down.
fn split_of_four_two_to_two(report: &Report) {
    let cluster = Plan::inside(Network::new(4)).start();
    let split = Instant::now();
    cluster.network().split(&[1, 2], &[3, 4]);
    for (observer, silent) in
        [(1, ["node-3", "node-4"]), (2, ["node-3", "node-4"]), (3, ["node-1", "node-2"]), (4, ["node-1", "node-2"])]
    {
        await_cut_off(&cluster, observer, &silent);
    }
    report.measured("split 2-2 to cut off, at the last node", split.elapsed(), seconds(5));
    hold(seconds(12));
    cluster.assert_view(1, "node-2", "alive");
    cluster.assert_view(3, "node-4", "alive");
    cluster.assert_view(1, "node-3", "unreachable/cut_off");
    heal(&cluster, report);
    cluster.assert_down_only(&[]);
}

/// Three hear half of the others and may say so; two do not.
fn split_of_five_three_to_two(report: &Report) {
    let cluster = Plan::inside(Network::new(5)).start();
    let split = Instant::now();
    cluster.network().split(&[1, 2, 3], &[4, 5]);
    for observer in [4, 5] {
        await_cut_off(&cluster, observer, &["node-1", "node-2", "node-3"]);
    }
    for subject in ["node-4", "node-5"] {
        let time = cluster.last_to_log(&[1, 2, 3], "peer_down", subject, split);
        report.measured(&format!("split 3-2: {subject} down for the three"), time, seconds(6));
        for observer in [1, 2, 3] {
            cluster.await_view(observer, subject, "dead/down", SOON);
        }
    }
    for observer in [4, 5] {
        assert!(cluster.logged(observer, &["peer_down"], split).is_empty(), "{}", cluster.node(observer).log_text());
    }
    heal(&cluster, report);
    cluster.assert_down_only(&["node-4", "node-5"]);
}

/// A bad link is not a dead peer.
fn link_that_loses_forty_percent(report: &Report) {
    let cluster = Plan::inside(Network::new(3)).start();
    let network = cluster.network();
    let began = Instant::now();
    for (from, to) in [(1, 2), (2, 1)] {
        let loss = "-m statistic --mode random --probability 0.4 -j DROP";
        network.filter(to, &format!("INPUT -s {} {loss}", network.address(from)));
    }
    hold(seconds(30));
    for (observer, subject) in [(1, "node-2"), (2, "node-1")] {
        let peer = cluster.node(observer).peer(subject).unwrap_or_else(|problem| panic!("{problem}"));
        let changes = cluster.logged(observer, &["peer_unreachable", "peer_recovered"], began).len();
        report.say(format!(
            "after 30 s of 40 % loss node-{observer} says {} of {subject}, degraded {}, {changes} changes",
            peer["state"], peer["degraded"]
        ));
    }
    cluster.assert_quiet(&[3], began);
    heal(&cluster, report);
    cluster.assert_down_only(&[]);
}

/// An address where no host is: it never was, so it cannot be down.
fn peer_that_was_never_up(report: &Report) {
    let nobody = SocketAddr::from(([10, 99, 0, 99], 8001));
    let cluster = Plan::inside(Network::new(2)).watching("nobody", nobody).start();
    let began = Instant::now();
    for observer in [1, 2] {
        let peer = cluster.await_view(observer, "nobody", "joining/never_seen", SOON);
        assert_eq!((&peer["expected"], &peer["evidence"]), (&true.into(), &"silent".into()), "{peer}");
    }
    report.measured("start to never seen", began.elapsed(), seconds(11));
    hold(seconds(3));
    for observer in [1, 2] {
        cluster.assert_view(observer, "nobody", "joining/never_seen");
        let view = cluster.node(observer).json("/api/v1/peers").unwrap_or_else(|problem| panic!("{problem}"));
        assert_eq!(view["state"], "ready", "one of two that never came is no reason to feel cut off: {view}");
    }
    cluster.assert_down_only(&[]);
}
