//! What the mesh view shows where a node's list lacks a peer, and where peers do not report what they see.

use std::time::Instant;

use super::asks::mesh::{await_sentence, await_sentences};
use super::support::fake::FakePeer;
use super::support::{Plan, Report, SOON, check, seconds};

/// Two peers answer pings and never a question for their rows.
pub fn peers_that_take_the_question_and_say_nothing(report: &Report) {
    let fakes = [FakePeer::start("fake-1"), FakePeer::start("fake-2")];
    let plan = fakes.iter().fold(Plan::loopback(2), |plan, fake| plan.watching(&fake.name, fake.address));
    let cluster = plan.start();
    for fake in &fakes {
        cluster.await_view(1, &fake.name, "alive", SOON);
        fake.keep_rows_to_itself();
    }
    let asked = Instant::now();
    let answer = cluster.node(1).json("/api/v1/matrix").expect("an answer, even with silent peers");
    report.measured("a matrix with two peers that never say theirs", asked.elapsed(), seconds(1));
    for row in answer["rows"].as_array().expect("rows") {
        let own = row["observer"].as_str().is_some_and(|name| name.starts_with("node-"));
        assert_eq!(row["heard"], if own { "now" } else { "never" }, "{row}");
    }
    // What is not known is said, and is no fault.
    let answer = await_sentence(&cluster, 1, "no fault is known; fake-1 and fake-2 did not report their links");
    assert_eq!(answer["whole"], false);
}

/// node-3 watches the others, and only node-2 watches it.
pub fn a_list_that_lacks_somebody(report: &Report) {
    let mut cluster = Plan::loopback(3).build();
    let address = cluster.node(2).host.address;
    cluster.node_mut(1).replace_peers(&format!("node-2=http://{address}"));
    let began = Instant::now();
    cluster.start_all();
    let sentence = "node-1 does not watch node-3";
    await_sentences(&cluster, &[(1, sentence), (2, sentence), (3, sentence)], began, report);
    check("node-2 counts the list that differs", SOON, || {
        let count = cluster.node(2).metrics()?.sum("heartbeat_peer_list_mismatch");
        if count == 1.0 { Ok(()) } else { Err(count.to_string()) }
    });
}
