//! Real nodes in a real network that breaks: hosts that fall silent, links that are cut in one direction or both, packet
//! filters that drop or reject, loss. The network is made of namespaces by the suite itself.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::asks::events::assert_says_witness;
use super::asks::incidents::{assert_one_from_everybody, await_all, await_incidents};
use super::asks::mesh::{await_sentences, await_verdicts, await_whole};
use super::asks::why::{alive, await_reasons, because};
use super::splits::await_cut_off;
use super::support::{Cluster, Network, Plan, Report, SOON, hold, millis, seconds};

/// After everything has healed, all are alive for all within this time.
const HEALING: Duration = seconds(15);

/// Takes every fault away and waits until all nodes hear all others and report no problem; no node is reported down
/// because of the healing.
pub fn heal(cluster: &Cluster, report: &Report) -> Instant {
    let healed = Instant::now();
    cluster.network().heal();
    cluster.settle();
    report.measured("healed to all alive for all", healed.elapsed(), HEALING);
    await_whole(cluster, &cluster.numbers());
    report.measured("healed to no problem, reported by all", healed.elapsed(), HEALING);
    hold(seconds(3));
    for observer in cluster.numbers() {
        assert!(cluster.logged(observer, &["peer_down"], healed).is_empty(), "{}", cluster.node(observer).log_text());
    }
    cluster.settle();
    healed
}

/// The cable of one host is pulled. The others agree that it is down, and it knows that it is the one cut off; afterwards
/// all three tell one story.
pub fn host_gone_silent(report: &Report) {
    let cluster = Plan::inside(Network::new(3)).start();
    let pulled = Instant::now();
    cluster.network().plug(3, false);
    silent_host(&cluster, report, pulled);
    let outside = "node-3 has been down for *; node-1 and node-2 agree";
    let inside = "node-3 has heard nothing from node-1 and node-2 for *: they are down, or cut off";
    await_sentences(&cluster, &[(1, outside), (2, outside), (3, inside)], pulled, report);
    await_verdicts(
        &cluster,
        &[(1, &["up", "up", "down"]), (2, &["up", "up", "down"]), (3, &["cut_off", "cut_off", "up"])],
    );
    let gone = ["node-3 has been down for", "(silent)", "2 of 2 observers had to agree; node-", " did."];
    let alone = ["it hears only 0 of the 2 peers", "node-3 itself may be cut off; it calls no peer down"];
    await_reasons(
        &cluster,
        &[
            because(1, 3, &["quorum"], &gone),
            because(2, 3, &["quorum"], &gone),
            because(3, 1, &["most_unheard"], &alone),
            because(3, 2, &["most_unheard"], &alone),
            alive(1, 2, &["node-2 is alive: it answered node-1"]),
            alive(2, 1, &["node-1 is alive: it answered node-2"]),
        ],
    );
    let (outside, inside): (&[&str], &[&str]) = (&["down node-3 ..."], &["cut_off node-1 node-2 ..."]);
    let all = [(1, outside), (2, outside), (3, inside)];
    await_all(&cluster, &all, pulled, "isolated to the incident, from all", report);
    hold(seconds(8));
    await_all(&cluster, &all, Instant::now(), "and still", report);
    let healed = heal(&cluster, report);
    let over: &[&str] = &["cut_off node-3"];
    await_all(&cluster, &[(1, over), (2, over), (3, over)], healed, "healed to one shared incident, from all", report);
    for asked in [1, 2, 3] {
        let incident = await_incidents(&cluster, asked, over).remove(0);
        let story = incident["story"].as_str().unwrap_or_default();
        assert!(story.starts_with("node-3 was cut off from node-1 and node-2 for "), "{story}");
    }
    assert_one_from_everybody(&cluster, &[1, 2, 3], pulled, report);
    cluster.assert_down_only(&["node-3"]);
}

/// The same with a packet filter on the host instead of the cable.
pub fn host_that_drops_everything(report: &Report) {
    let cluster = Plan::inside(Network::new(3)).start();
    let dropped = Instant::now();
    cluster.network().filter(3, "INPUT -i eth0 -j DROP");
    cluster.network().filter(3, "OUTPUT -o eth0 -j DROP");
    silent_host(&cluster, report, dropped);
    heal(&cluster, report);
    cluster.assert_down_only(&["node-3"]);
}

fn silent_host(cluster: &Cluster, report: &Report, since: Instant) {
    let time = cluster.last_to_log(&[1, 2], "peer_down", "node-3", since);
    report.measured("silent to down, confirmed, at the last survivor", time, millis(3300));
    for observer in [1, 2] {
        let line = cluster.await_event(observer, "peer_down", "node-3", since, SOON);
        assert!(!line.raw.contains("unconfirmed"), "{}", line.raw);
        let peer = cluster.await_view(observer, "node-3", "dead/down", SOON);
        assert_eq!((&peer["class"], line.text("class")), (&"silent".into(), "silent".to_owned()), "{peer}");
        cluster.assert_view(observer, &format!("node-{}", 3 - observer), "alive");
    }
    await_cut_off(cluster, 3, &["node-1", "node-2"]);
    report.measured("silent to the host's own word that it is cut off", since.elapsed(), seconds(5));
}

/// Neither end accuses the other: the third node sees both, and all three tell one broken link.
pub fn link_cut(report: &Report) {
    let cluster = Plan::inside(Network::new(3)).start();
    let cut = Instant::now();
    cluster.network().cut(1, 2);
    broken_both_ways(&cluster, report, cut);
    let said = [
        (1, "node-1 has not reached node-2 for *; node-3 can"),
        (2, "node-2 has not reached node-1 for *; node-3 can"),
        (3, "node-1 and node-2 have not reached each other for *; node-3 reaches both"),
    ];
    await_sentences(&cluster, &said, cut, report);
    let one = ["node-1 cannot reach node-2, but node-3, asked as a witness, got an answer", "So node-2 is alive"];
    let other = ["node-2 cannot reach node-1, but node-3, asked as a witness, got an answer", "So node-1 is alive"];
    await_reasons(
        &cluster,
        &[
            because(1, 2, &["witness_vouches"], &one),
            because(2, 1, &["witness_vouches"], &other),
            alive(1, 3, &["node-3 is alive: it answered node-1"]),
            alive(2, 3, &["node-3 is alive: it answered node-2"]),
            alive(3, 1, &["node-1 is alive: it answered node-3"]),
            alive(3, 2, &["node-2 is alive: it answered node-3"]),
        ],
    );
    let incident = ongoing(&cluster, "link_broken node-1 node-2", cut, report);
    still_broken_both_ways(&cluster, cut);
    incident.heal_and_close();
    cluster.assert_down_only(&[]);
}

/// Losing all packets of one direction breaks connections in both.
pub fn all_packets_of_one_direction_dropped(report: &Report) {
    let cluster = Plan::inside(Network::new(3)).start();
    let dropped = Instant::now();
    cluster.network().drop_packets(1, 2);
    broken_both_ways(&cluster, report, dropped);
    hold(seconds(5));
    still_broken_both_ways(&cluster, dropped);
    heal(&cluster, report);
    cluster.assert_down_only(&[]);
}

fn broken_both_ways(cluster: &Cluster, report: &Report, since: Instant) {
    for (observer, subject) in [(1, "node-2"), (2, "node-1")] {
        let line = cluster.await_event(observer, "peer_unreachable", subject, since, SOON);
        report.measured(
            &format!("node-{observer}: {subject} unreachable"),
            line.at.duration_since(since),
            millis(4500),
        );
        assert_eq!(line.text("message"), "Link to peer is broken, the peer is alive", "{}", line.raw);
        let peer = cluster.await_view(observer, subject, "unreachable/link_broken", SOON);
        assert_eq!(peer["class"], "silent", "{peer}");
        assert_says_witness(cluster, observer, subject, "node-3");
    }
}

fn still_broken_both_ways(cluster: &Cluster, since: Instant) {
    for (observer, subject) in [(1, "node-2"), (2, "node-1")] {
        cluster.assert_view(observer, subject, "unreachable/link_broken");
        cluster.assert_view(3, subject, "alive");
    }
    cluster.assert_quiet(&[3], since);
}

/// An incident that all three nodes list while it is open.
struct Ongoing<'a> {
    cluster: &'a Cluster,
    expected: &'a str,
    since: Instant,
    report: &'a Report,
}

/// Waits until all three tell it, and again eight seconds later.
fn ongoing<'a>(cluster: &'a Cluster, expected: &'a str, since: Instant, report: &'a Report) -> Ongoing<'a> {
    let goes_on = format!("{expected} ...");
    let goes_on: &[&str] = &[&goes_on];
    let all = [1, 2, 3].map(|asked| (asked, goes_on));
    await_all(cluster, &all, since, "broken to the incident, from all", report);
    hold(seconds(8));
    await_all(cluster, &all, Instant::now(), "and still", report);
    Ongoing { cluster, expected, since, report }
}

impl Ongoing<'_> {
    /// It is over once the network is whole, and then it was one.
    fn heal_and_close(self) {
        let healed = heal(self.cluster, self.report);
        let over: &[&str] = &[self.expected];
        let all = [1, 2, 3].map(|asked| (asked, over));
        await_all(self.cluster, &all, healed, "healed to over, from all", self.report);
        assert_one_from_everybody(self.cluster, &[1, 2, 3], self.since, self.report);
    }
}

/// Requests of one side are lost, those of the other get through with their answers: only one side notices, and it
/// knows that the peer is alive because the peer's pings arrive.
pub fn new_requests_of_one_side_dropped(report: &Report) {
    let cluster = Plan::inside(Network::new(3)).start();
    let dropped = drop_new_requests(&cluster);
    broken_one_way(&cluster, report, dropped);
    let sentence = "node-1 has not reached node-2 for *, but node-2 reaches node-1: one way only";
    await_sentences(&cluster, &[(1, sentence), (2, sentence), (3, sentence)], dropped, report);
    let deaf = ["node-1 gets no answers from node-2, but node-2's own pings arrive", "check firewalls and routes"];
    await_reasons(
        &cluster,
        &[
            because(1, 2, &["own_pings"], &deaf),
            alive(1, 3, &["node-3 is alive: it answered node-1"]),
            alive(2, 1, &["node-1 is alive: it answered node-2"]),
            alive(2, 3, &["node-3 is alive: it answered node-2"]),
            alive(3, 1, &["node-1 is alive: it answered node-3"]),
            alive(3, 2, &["node-2 is alive: it answered node-3"]),
        ],
    );
    let incident = ongoing(&cluster, "one_way node-1 node-2", dropped, report);
    still_broken_one_way(&cluster, dropped);
    incident.heal_and_close();
    cluster.assert_down_only(&[]);
}

/// With two nodes there is no witness to ask; the peer's own pings are enough.
pub fn new_requests_of_one_side_dropped_between_two(report: &Report) {
    let cluster = Plan::inside(Network::new(2)).start();
    let dropped = drop_new_requests(&cluster);
    broken_one_way(&cluster, report, dropped);
    hold(seconds(5));
    still_broken_one_way(&cluster, dropped);
    heal(&cluster, report);
    cluster.assert_down_only(&[]);
}

/// What node-1 sends to the port of node-2 is lost.
pub fn drop_new_requests(cluster: &Cluster) -> Instant {
    let dropped = Instant::now();
    cluster.network().filter(2, &format!("INPUT -s {} -p tcp --dport 8001 -j DROP", cluster.network().address(1)));
    dropped
}

pub fn broken_one_way(cluster: &Cluster, report: &Report, since: Instant) {
    let line = cluster.await_event(1, "peer_unreachable", "node-2", since, SOON);
    // Two checks that time out with a ping of the peer between them: only a check begun after it can tell a broken link
    // from one that has just healed. A witness vouches sooner than the peer pings.
    report.measured("requests of one side dropped to unreachable", line.at.duration_since(since), seconds(6));
    let peer = cluster.await_view(1, "node-2", "unreachable/one_way", SOON);
    assert_eq!(peer["pings_me"], true, "{peer}");
}

pub fn still_broken_one_way(cluster: &Cluster, since: Instant) {
    cluster.assert_view(1, "node-2", "unreachable/one_way");
    cluster.assert_view(2, "node-1", "alive");
    cluster.assert_quiet(&cluster.others(1), since);
}

/// A filter that rejects is noticed at once and looks like a crash. The third node still reaches it.
pub fn connections_rejected_both_ways(report: &Report) {
    filtered_both_ways(report, "REJECT --reject-with tcp-reset", "gone", millis(1500));
}

/// A filter that drops takes the silent wait.
pub fn connections_dropped_both_ways(report: &Report) {
    filtered_both_ways(report, "DROP", "silent", millis(4500));
}

fn filtered_both_ways(report: &Report, target: &str, class: &str, expected: Duration) {
    let cluster = Plan::inside(Network::new(3)).start();
    let network = cluster.network();
    let began = Instant::now();
    let rule = |from| format!("INPUT -s {} -p tcp --dport 8001 -j {target}", network.address(from));
    network.filters(&[(2, rule(1)), (1, rule(2))]);
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

/// A bad link is not a dead peer.
pub fn link_that_loses_forty_percent(report: &Report) {
    let cluster = Plan::inside(Network::new(3)).start();
    let network = cluster.network();
    let began = Instant::now();
    let loss = "-m statistic --mode random --probability 0.4 -j DROP";
    let rule = |from| format!("INPUT -s {} {loss}", network.address(from));
    network.filters(&[(2, rule(1)), (1, rule(2))]);
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

/// A host whose network card loses most packets, in both directions and on all links. It finds out that it is the sick one
/// and calls nobody dead; the others have one lasting opinion of it, however many packets get through.
pub fn host_that_loses_sixty_percent(report: &Report) {
    let cluster = Plan::inside(Network::new(5)).start();
    let began = Instant::now();
    let loss = "-m statistic --mode random --probability 0.6 -j DROP";
    cluster.network().filters(&[(1, format!("INPUT -i eth0 {loss}")), (1, format!("OUTPUT -o eth0 {loss}"))]);
    hold(seconds(60));
    let itself: Vec<String> = cluster
        .logged(1, &["self_slow", "self_cut_off", "self_well", "self_rejoined"], began)
        .iter()
        .map(|line| format!("{} after {:.0?}", line.event(), line.at.duration_since(began)))
        .collect();
    report.say(format!("of itself node-1 says: {itself:?}"));
    let mut most = 0;
    for observer in cluster.others(1) {
        let changes = cluster.logged(observer, &["peer_unreachable", "peer_down", "peer_recovered"], began);
        let changes: Vec<_> = changes.into_iter().filter(|line| line.text("peer") == "node-1").collect();
        report.say(format!(
            "node-{observer}: {:?}",
            changes.iter().map(|line| line.text("sentence")).collect::<Vec<_>>()
        ));
        most = most.max(changes.len());
    }
    let view = cluster.node(2).json("/api/v1/cluster").unwrap_or_else(|problem| panic!("{problem}"));
    report.say(format!("node-2 reports of all: {}", view["sentence"]));
    let dead = cluster.logged(1, &["peer_down"], began);
    assert!(dead.is_empty(), "the sick host calls a peer dead: {}", dead[0].raw);
    assert!(most <= 2, "an observer changed its opinion of node-1 {most} times within a minute");
    heal(&cluster, report);
    cluster.assert_down_only(&["node-1"]);
}

/// An address where no host is: it never was, so it cannot be down.
pub fn peer_that_was_never_up(report: &Report) {
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
