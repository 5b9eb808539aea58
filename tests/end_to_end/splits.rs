//! Networks that fall in two: which node reports down, which reports that it is cut off, and the one incident
//! afterwards.

use std::time::Instant;

use serde_json::json;

use super::asks::events::sentences;
use super::asks::incidents::{assert_one_from_everybody, await_all, await_in_any_order, await_incidents};
use super::asks::mesh::{await_sentences, await_verdicts, told_by};
use super::asks::why::{alive, await_reasons, because};
use super::links::heal;
use super::support::{Cluster, Network, Plan, Report, SOON, check, hold, seconds};

/// `observer` reports that it is cut off, and of the silent peers only that it does not hear them.
pub fn await_cut_off(cluster: &Cluster, observer: usize, silent: &[&str]) {
    check(&format!("node-{observer} says that it is cut off"), SOON, || {
        let view = cluster.node(observer).json("/api/v1/peers")?;
        if view["state"] == "cut_off" { Ok(()) } else { Err(view.to_string()) }
    });
    for subject in silent {
        cluster.await_view(observer, subject, "unreachable/cut_off", SOON);
    }
    let said = sentences(cluster, observer);
    let hears_nothing = |line: &&String| line.contains("hear") && silent.iter().all(|subject| line.contains(subject));
    assert!(said.iter().any(|line| hears_nothing(&line)), "no line says what node-{observer} does not hear: {said:#?}");
}

/// Neither half can know that it is not the one cut off, so neither says down. Afterwards all four tell one split.
pub fn split_of_four_two_to_two(report: &Report) {
    let cluster = Plan::inside(Network::new(4)).start();
    let split = Instant::now();
    cluster.network().split(&[1, 2], &[3, 4]);
    for (observer, silent) in
        [(1, ["node-3", "node-4"]), (2, ["node-3", "node-4"]), (3, ["node-1", "node-2"]), (4, ["node-1", "node-2"])]
    {
        await_cut_off(&cluster, observer, &silent);
    }
    report.measured("split 2-2 to cut off, at the last node", split.elapsed(), seconds(5));
    told_by_both_halves(&cluster, split, report);
    let (one, other): (&[&str], &[&str]) = (&["cut_off node-3 node-4 ..."], &["cut_off node-1 node-2 ..."]);
    let all = [(1, one), (2, one), (3, other), (4, other)];
    await_all(&cluster, &all, split, "split to the incident, from all", report);
    hold(seconds(12));
    await_all(&cluster, &all, Instant::now(), "and still", report);
    cluster.assert_view(1, "node-2", "alive");
    cluster.assert_view(3, "node-4", "alive");
    cluster.assert_view(1, "node-3", "unreachable/cut_off");
    let healed = heal(&cluster, report);
    let over: &[&str] = &["split node-1 node-2 node-3 node-4"];
    let all = [1, 2, 3, 4].map(|asked| (asked, over));
    await_all(&cluster, &all, healed, "healed to one shared incident, from all", report);
    for asked in [1, 2, 3, 4] {
        let incident = await_incidents(&cluster, asked, over).remove(0);
        assert_eq!(incident["sides"], json!([["node-1", "node-2"], ["node-3", "node-4"]]), "{incident}");
        let story = incident["story"].as_str().unwrap_or_default();
        let (start, end) = ("the mesh was split for ", ": node-1 and node-2 could not reach node-3 and node-4");
        assert!(story.starts_with(start) && story.ends_with(end), "{story}");
        report.say(format!("node-{asked}: {story}"));
    }
    assert_one_from_everybody(&cluster, &[1, 2, 3, 4], split, report);
    cluster.assert_down_only(&[]);
}

fn told_by_both_halves(cluster: &Cluster, split: Instant, report: &Report) {
    let one = "node-1 and node-2 have heard nothing from node-3 and node-4 for *: they are down, or cut off";
    let other = "node-3 and node-4 have heard nothing from node-1 and node-2 for *: they are down, or cut off";
    await_sentences(cluster, &[(1, one), (2, one), (3, other), (4, other)], split, report);
    let (left, right) = (&["up", "up", "cut_off", "cut_off"], &["cut_off", "cut_off", "up", "up"]);
    await_verdicts(cluster, &[(1, left), (2, left), (3, right), (4, right)]);
    let sides: [([usize; 2], [usize; 2]); 2] = [([1, 2], [3, 4]), ([3, 4], [1, 2])];
    let words = ["it hears only 1 of the 3 peers that it expects to hear", "it calls no peer down"];
    for (side, other) in sides {
        for (observer, neighbour) in [(side[0], side[1]), (side[1], side[0])] {
            await_reasons(cluster, &other.map(|peer| because(observer, peer, &["most_unheard"], &words)));
            await_reasons(cluster, &[alive(observer, neighbour, &["is alive: it answered"])]);
        }
    }
    let answer = told_by(cluster, 1).expect("an answer");
    assert_eq!(answer["groups"], json!([["node-1", "node-2"]]));
}

/// Three nodes hear half of the others, so they may give a verdict; two do not.
pub fn split_of_five_three_to_two(report: &Report) {
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
    let three = "node-4 and node-5 have been down for *; node-1, node-2 and node-3 agree";
    let two = "node-4 and node-5 have heard nothing from node-1, node-2 and node-3 for *: they are down, or cut off";
    await_sentences(&cluster, &[(1, three), (2, three), (3, three), (4, two), (5, two)], split, report);
    for peer in [4, 5] {
        let agreed = ["(silent)", "3 of 4 observers had to agree; node-", " did."];
        await_reasons(&cluster, &[1, 2, 3].map(|observer| because(observer, peer, &["quorum"], &agreed)));
        let alone = ["it hears only 1 of the 4 peers that it expects to hear", "it calls no peer down"];
        await_reasons(&cluster, &[1, 2, 3].map(|other| because(peer, other, &["most_unheard"], &alone)));
    }
    for observer in [4, 5] {
        assert!(cluster.logged(observer, &["peer_down"], split).is_empty(), "{}", cluster.node(observer).log_text());
    }
    for asked in [1, 2, 3] {
        await_in_any_order(&cluster, asked, &["down node-4 ...", "down node-5 ..."]);
    }
    let two: &[&str] = &["cut_off node-1 node-2 node-3 ..."];
    await_all(&cluster, &[(4, two), (5, two)], split, "split to the incidents, from all", report);
    let healed = heal(&cluster, report);
    let over: &[&str] = &["split node-1 node-2 node-3 node-4 node-5"];
    let all = [1, 2, 3, 4, 5].map(|asked| (asked, over));
    await_all(&cluster, &all, healed, "healed to one shared incident, from all", report);
    cluster.assert_down_only(&["node-4", "node-5"]);
}
