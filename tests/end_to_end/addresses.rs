//! Peers whose pings come from another address than the one that they are asked at.

use std::time::Instant;

use super::asks::why::await_words;
use super::links::{broken_one_way, drop_new_requests, heal, still_broken_one_way};
use super::support::{Network, Plan, Report, SOON, hold, seconds};

const NOT_ITS_OWN: &str = "pings in its name arrive from an address that is not its own";

/// Its pings come from another address than the one that it is asked at. That is no fault; but while it does not answer, its
/// pings vouch for it only where the operator says that they may come from anywhere.
pub fn peer_behind_address_translation(report: &Report) {
    for (pings_from, state) in [("peer-address", "dead/unconfirmed"), ("anywhere", "unreachable/one_way")] {
        let mut cluster =
            Plan::inside(Network::new(2)).with(&[&format!("--pings-from={pings_from}"), "--log-level=debug"]).build();
        let outside = cluster.network().translate(2);
        let began = Instant::now();
        for number in [1, 2] {
            cluster.start(number);
        }
        cluster.settle();
        hold(seconds(3));
        cluster.assert_quiet(&[1, 2], began);
        let peer = cluster.node(1).peer("node-2").expect("is watched");
        assert_eq!(peer["pings_me"], true, "the link works, whatever is in between: {peer}");
        let dropped = drop_new_requests(&cluster);
        cluster.await_view(1, "node-2", state, SOON);
        report.say(format!(
            "{outside}, --pings-from={pings_from}: {state} after {:.1} s",
            dropped.elapsed().as_secs_f64()
        ));
        if pings_from == "peer-address" {
            await_words(&cluster, 1, 2, &[NOT_ITS_OWN, "start node-1 with --pings-from=anywhere"]);
        }
        hold(seconds(5));
        cluster.assert_view(1, "node-2", state);
        cluster.assert_view(2, "node-1", "alive");
        cluster.assert_quiet(&[2], began);
        heal(&cluster, report);
    }
}

/// Its pings vouched for it; then they come from another address, and from there anyone could send them.
pub fn peer_whose_address_changes(report: &Report) {
    let cluster = Plan::inside(Network::new(2)).start();
    let network = cluster.network();
    let dropped = drop_new_requests(&cluster);
    broken_one_way(&cluster, report, dropped);
    hold(seconds(5));
    still_broken_one_way(&cluster, dropped);
    let outside = network.translate(2);
    // Whatever translates addresses forgets the connections that were open.
    let old = network.address(2);
    let changed = Instant::now();
    network.filter(1, &format!("INPUT -s {old} -p tcp --dport 8001 -j REJECT --reject-with tcp-reset"));
    cluster.await_view(1, "node-2", "dead/unconfirmed", SOON);
    report.say(format!("dead {:.1} s after its pings came from {outside}", changed.elapsed().as_secs_f64()));
    await_words(&cluster, 1, 2, &[NOT_ITS_OWN]);
    cluster.await_fresh_answer(2, 1);
    cluster.assert_quiet(&[2], dropped);
    // It answers again, and that is enough wherever its pings come from.
    let healed = heal(&cluster, report);
    cluster.assert_quiet(&[1, 2], healed);
    assert_eq!(cluster.node(1).peer("node-2").expect("is watched")["pings_me"], true);
}
