//! One voice for the mesh: whoever is asked, while real nodes are killed, frozen, stopped and cut off, answers with
//! the sentence that its side can know.
//!
//! Cases inside a network need root, `ip` and `iptables`; without them they are SKIPPED, loudly. `cargo test --test mesh`.
#![cfg(feature = "node")]
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

mod support;

use std::process::ExitCode;
use std::time::Instant;

use serde_json::Value;
use support::fake::FakePeer;
use support::why::{Because, await_reasons};
use support::{Case, Cluster, Network, Plan, Report, SOON, case, check, seconds, suite};

/// Up to five processes each, and as many namespaces.
const AT_ONCE: usize = 6;

const LOOPBACK: &[Case] = &[
    case!(frozen_beyond_the_tolerance),
    case!(killed_and_started_again),
    case!(told_to_stop),
    case!(all_dark_but_one),
    case!(peers_that_take_the_question_and_say_nothing),
    case!(a_list_that_lacks_somebody),
];

const NETWORK: &[Case] = &[
    case!(split_of_five_three_to_two),
    case!(split_of_four_two_to_two),
    case!(isolated_host),
    case!(link_cut),
    case!(one_way_cut),
];

fn main() -> ExitCode {
    support::http::serve_fetch();
    if let Some(missing) = Network::missing() {
        println!("\n######## SKIPPED: the network cases of the mesh suite: they need {missing} ########\n");
        return suite::main("mesh", AT_ONCE, LOOPBACK);
    }
    let all: Vec<Case> = NETWORK.iter().chain(LOOPBACK).map(|case| Case { name: case.name, run: case.run }).collect();
    // The suite keeps its cases for the life of the program.
    suite::main("mesh", AT_ONCE, all.leak())
}

fn cluster_of(cluster: &Cluster, asked: usize) -> Result<Value, String> {
    cluster.node(asked).json("/api/v1/cluster")
}

/// Waits until `asked` answers with `sentence`, in which `*` stands for a length of time; gives the whole answer.
#[track_caller]
fn await_sentence(cluster: &Cluster, asked: usize, sentence: &str) -> Value {
    check(&format!("node-{asked} says {sentence:?}"), SOON, || {
        let answer = cluster_of(cluster, asked)?;
        let said = answer["sentence"].as_str().unwrap_or_default();
        if fits(said, sentence) { Ok(answer) } else { Err(said.to_owned()) }
    })
}

fn fits(said: &str, sentence: &str) -> bool {
    match sentence.split_once('*') {
        None => said == sentence,
        Some((before, after)) => {
            let time = said.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
            time.is_some_and(|time| time.starts_with(|c: char| c.is_ascii_digit()) && !time.contains(','))
        }
    }
}

/// Waits until `asked` says that all is well, with a note about node-3. On a busy machine there may be others: that
/// answers are slow, for one.
#[track_caller]
fn await_note(cluster: &Cluster, asked: usize, good: &str, note: &str, expected: &str) {
    check(&format!("node-{asked} says {good}{note}"), SOON, || {
        let answer = cluster_of(cluster, asked)?;
        let said = answer["sentence"].as_str().unwrap_or_default();
        let told = said.starts_with(good) && said.contains(note) && verdict(&answer, "node-3") == expected;
        if told { Ok(()) } else { Err(said.to_owned()) }
    });
}

/// Everybody says so, each in its own words where they differ.
#[track_caller]
fn await_sentences(cluster: &Cluster, said: &[(usize, &str)], since: Instant, report: &Report) {
    for (asked, sentence) in said {
        await_sentence(cluster, *asked, sentence);
    }
    report.measured("fault to the sentence, from every node", since.elapsed(), seconds(15));
}

#[track_caller]
fn await_whole(cluster: &Cluster, numbers: &[usize]) {
    for asked in numbers {
        check(&format!("node-{asked} says that the mesh is whole"), SOON, || {
            let answer = cluster.node(*asked).get("/api/v1/cluster?strict=1")?;
            if answer.status == 200 { Ok(()) } else { Err(answer.body) }
        });
    }
}

/// The verdict on `node` in an answer.
fn verdict<'a>(answer: &'a Value, node: &str) -> &'a str {
    let nodes = answer["nodes"].as_array().map_or(&[][..], Vec::as_slice);
    let found = nodes.iter().find(|entry| entry["node"] == node);
    found.and_then(|entry| entry["verdict"].as_str()).unwrap_or("not listed")
}

/// Everybody comes to these verdicts, which are those on node-1, node-2 and so on.
#[track_caller]
fn await_verdicts(cluster: &Cluster, expected: &[(usize, &[&str])]) {
    for (asked, expected) in expected {
        check(&format!("node-{asked} judges {expected:?}"), SOON, || {
            let answer = cluster_of(cluster, *asked)?;
            let names: Vec<String> = (1..=expected.len()).map(|number| format!("node-{number}")).collect();
            let verdicts: Vec<&str> = names.iter().map(|name| verdict(&answer, name)).collect();
            if verdicts == *expected { Ok(()) } else { Err(answer.to_string()) }
        });
    }
}

/// What an observer says of a peer that answers it, whatever others say. On a busy machine there may have been a doubt.
fn alive<'a>(observer: usize, peer: usize, words: &'a [&'a str]) -> Because<'a> {
    Because { observer, peer, rules: &["first_answer", "answered"], words }
}

fn because<'a>(observer: usize, peer: usize, rules: &'a [&'a str], words: &'a [&'a str]) -> Because<'a> {
    Because { observer, peer, rules, words }
}

fn killed_and_started_again(report: &Report) {
    let mut cluster = Plan::loopback(3).start();
    await_whole(&cluster, &[1, 2, 3]);
    let killed = cluster.kill(3);
    let sentence = "node-3 is down for *, seen by node-1 and node-2";
    await_sentences(&cluster, &[(1, sentence), (2, sentence)], killed, report);
    let strict = cluster.node(1).get("/api/v1/cluster?strict=1").expect("an answer");
    assert_eq!(strict.status, 503, "{}", strict.body);
    // The row from before its death is shown, marked, and says nothing.
    let matrix = cluster.node(1).json("/api/v1/matrix").expect("a matrix");
    let row =
        matrix["rows"].as_array().and_then(|rows| rows.iter().find(|row| row["observer"] == "node-3")).expect("a row");
    assert_eq!(row["heard"], "before", "{row}");
    assert!(row["as_of_ms"].as_u64().is_some(), "{row}");
    let cells = row["cells"].as_array().expect("cells");
    assert!(cells.len() == 2 && cells.iter().all(|cell| cell["reading"] == "unknown"), "{row}");
    cluster.start(3);
    for asked in [1, 2, 3] {
        await_note(&cluster, asked, "all 3 nodes reach each other; ", "node-3 restarted ", "restarted");
    }
    await_whole(&cluster, &[1, 2, 3]);
}

fn told_to_stop(report: &Report) {
    let mut cluster = Plan::loopback(3).start();
    let told = cluster.signal(3, "TERM");
    cluster.node_mut(3).await_end(SOON);
    for asked in [1, 2] {
        await_note(&cluster, asked, "both nodes reach each other; ", "node-3 left ", "left");
    }
    report.measured("told to stop to \"left\", from both others", told.elapsed(), seconds(2));
    await_whole(&cluster, &[1, 2]);
}

fn frozen_beyond_the_tolerance(report: &Report) {
    let cluster = Plan::loopback(3).start();
    let frozen = cluster.signal(3, "STOP");
    for asked in [1, 2] {
        await_sentence(&cluster, asked, "node-3 is suspect, seen by node-1 and node-2: too early to say more");
    }
    let sentence = "node-3 is down for *, seen by node-1 and node-2";
    await_sentences(&cluster, &[(1, sentence), (2, sentence)], frozen, report);
    cluster.signal(3, "CONT");
    await_whole(&cluster, &[1, 2, 3]);
}

fn all_dark_but_one(report: &Report) {
    let mut cluster = Plan::loopback(3).start();
    let killed = cluster.kill(2);
    cluster.kill(3);
    let sentence = "node-2 and node-3 are down, unconfirmed, for *: only node-1 says so";
    await_sentences(&cluster, &[(1, sentence)], killed, report);
}

/// Two peers answer pings and never a question for their rows.
fn peers_that_take_the_question_and_say_nothing(report: &Report) {
    let fakes = [FakePeer::start("fake-1"), FakePeer::start("fake-2")];
    let plan = fakes.iter().fold(Plan::loopback(2), |plan, fake| plan.watching(&fake.name, fake.address));
    let cluster = plan.start();
    for fake in &fakes {
        cluster.await_view(1, &fake.name, "alive", SOON);
        fake.keep_rows_to_itself();
    }
    let asked = Instant::now();
    let answer = cluster.node(1).json("/api/v1/matrix").expect("an answer, whoever is silent");
    report.measured("a matrix with two peers that never say theirs", asked.elapsed(), seconds(1));
    for row in answer["rows"].as_array().expect("rows") {
        let own = row["observer"].as_str().is_some_and(|name| name.starts_with("node-"));
        assert_eq!(row["heard"], if own { "now" } else { "never" }, "{row}");
    }
    // What is not known is said, and is no fault.
    let answer =
        await_sentence(&cluster, 1, "nothing is known to be wrong; fake-1 and fake-2 did not say what they see");
    assert_eq!(answer["whole"], false);
}

/// node-3 watches the others, and only node-2 watches it.
fn a_list_that_lacks_somebody(report: &Report) {
    let mut cluster = Plan::loopback(3).build();
    let address = cluster.node(2).host.address;
    cluster.node_mut(1).replace_peers(&format!("node-2=http://{address}"));
    let began = Instant::now();
    for number in cluster.numbers() {
        cluster.start(number);
    }
    let sentence = "node-1 does not watch node-3";
    await_sentences(&cluster, &[(1, sentence), (2, sentence), (3, sentence)], began, report);
    check("node-2 counts the list that differs", SOON, || {
        let count = cluster.node(2).metrics()?.sum("heartbeat_peer_list_mismatch");
        if count == 1.0 { Ok(()) } else { Err(count.to_string()) }
    });
}

fn heal(cluster: &Cluster, report: &Report) {
    let healed = Instant::now();
    cluster.network().heal();
    await_whole(cluster, &cluster.numbers());
    report.measured("healed to whole, said by everybody", healed.elapsed(), seconds(15));
}

fn isolated_host(report: &Report) {
    let cluster = Plan::inside(Network::new(3)).start();
    let pulled = Instant::now();
    cluster.network().plug(3, false);
    let outside = "node-3 is down for *, seen by node-1 and node-2";
    let inside = "node-3 hears nothing from node-1 and node-2: down, or cut off";
    await_sentences(&cluster, &[(1, outside), (2, outside), (3, inside)], pulled, report);
    await_verdicts(
        &cluster,
        &[(1, &["up", "up", "down"]), (2, &["up", "up", "down"]), (3, &["cut_off", "cut_off", "up"])],
    );
    let gone = ["node-3 has been down for", "(silent)", "It took 2 of 2 observers, and node-", " accused it"];
    let alone =
        ["it has heard only 0 of the 2 peers", "node-3 may be the one that is cut off, and it calls nobody down"];
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
    heal(&cluster, report);
}

fn link_cut(report: &Report) {
    let cluster = Plan::inside(Network::new(3)).start();
    let cut = Instant::now();
    cluster.network().cut(1, 2);
    let said = [
        (1, "node-1 cannot reach node-2; node-3 can"),
        (2, "node-2 cannot reach node-1; node-3 can"),
        (3, "node-1 and node-2 cannot reach each other; node-3 reaches both"),
    ];
    await_sentences(&cluster, &said, cut, report);
    let one = ["node-1 cannot reach node-2, but node-3 had an answer from it when asked", "So node-2 is alive"];
    let other = ["node-2 cannot reach node-1, but node-3 had an answer from it when asked", "So node-1 is alive"];
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
    heal(&cluster, report);
}

fn one_way_cut(report: &Report) {
    let cluster = Plan::inside(Network::new(3)).start();
    let dropped = Instant::now();
    cluster.network().filter(2, &format!("INPUT -s {} -p tcp --dport 8001 -j DROP", cluster.network().address(1)));
    let sentence = "node-1 cannot reach node-2, but node-2 reaches node-1: broken one way";
    await_sentences(&cluster, &[(1, sentence), (2, sentence), (3, sentence)], dropped, report);
    let deaf = ["node-1 gets no answers from node-2, but node-2's own pings arrive", "look at firewalls and routes"];
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
    heal(&cluster, report);
}

fn split_of_four_two_to_two(report: &Report) {
    let cluster = Plan::inside(Network::new(4)).start();
    let split = Instant::now();
    cluster.network().split(&[1, 2], &[3, 4]);
    let one = "node-1 and node-2 hear nothing from node-3 and node-4: down, or cut off";
    let other = "node-3 and node-4 hear nothing from node-1 and node-2: down, or cut off";
    await_sentences(&cluster, &[(1, one), (2, one), (3, other), (4, other)], split, report);
    let (left, right) = (&["up", "up", "cut_off", "cut_off"], &["cut_off", "cut_off", "up", "up"]);
    await_verdicts(&cluster, &[(1, left), (2, left), (3, right), (4, right)]);
    let sides: [([usize; 2], [usize; 2]); 2] = [([1, 2], [3, 4]), ([3, 4], [1, 2])];
    let words = ["it has heard only 1 of the 3 peers that it expects to hear", "and it calls nobody down"];
    for (side, other) in sides {
        for (observer, neighbour) in [(side[0], side[1]), (side[1], side[0])] {
            await_reasons(&cluster, &other.map(|peer| because(observer, peer, &["most_unheard"], &words)));
            await_reasons(&cluster, &[alive(observer, neighbour, &["is alive: it answered"])]);
        }
    }
    let answer = cluster_of(&cluster, 1).expect("an answer");
    assert_eq!(answer["groups"], serde_json::json!([["node-1", "node-2"]]));
    heal(&cluster, report);
}

fn split_of_five_three_to_two(report: &Report) {
    let cluster = Plan::inside(Network::new(5)).start();
    let split = Instant::now();
    cluster.network().split(&[1, 2, 3], &[4, 5]);
    let three = "node-4 and node-5 are down for *, seen by node-1, node-2 and node-3";
    let two = "node-4 and node-5 hear nothing from node-1, node-2 and node-3: down, or cut off";
    await_sentences(&cluster, &[(1, three), (2, three), (3, three), (4, two), (5, two)], split, report);
    for peer in [4, 5] {
        let agreed = ["(silent)", "It took 3 of 4 observers, and node-", " accused it"];
        await_reasons(&cluster, &[1, 2, 3].map(|observer| because(observer, peer, &["quorum"], &agreed)));
        let alone = ["it has heard only 1 of the 4 peers that it expects to hear", "and it calls nobody down"];
        await_reasons(&cluster, &[1, 2, 3].map(|other| because(peer, other, &["most_unheard"], &alone)));
    }
    heal(&cluster, report);
}
