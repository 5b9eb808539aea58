//! What a node would answer to `why`, at the end of faults that are played: the rule that decided, and its explanation.

use heartbeat::detector::evidence::Evidence;
use heartbeat::detector::peer::Testimony;
use heartbeat::render::explanation;
use heartbeat::sim::{self, Scenario};
use heartbeat::testing::detector::Rule;
use heartbeat::testing::detector::Why;
use heartbeat::testing::detector::{ATTEMPTS, End};

/// What node `observer` has of node `subject` (both count from 1) when the scenario ends.
fn why(text: &str, observer: usize, subject: usize) -> Why {
    let scenario: Scenario = text.parse().unwrap_or_else(|error| panic!("{error}"));
    let subject = format!("node-{subject}");
    let run = sim::run(&scenario, 1);
    let found = run.whys[observer - 1].iter().find(|why| why.peer.peer.key.0.split(':').next() == Some(&*subject));
    found.unwrap_or_else(|| panic!("node-{observer} does not watch {subject}")).clone()
}

/// The rule that decided at the end, or the explanation instead.
#[track_caller]
fn decided(text: &str, observer: usize, subject: usize, rule: Rule, words: &[&str]) -> Why {
    let why = why(text, observer, subject);
    let told = explanation(&why);
    assert_eq!(why.decision.as_ref().map(|decision| decision.rule), Some(rule), "{told}\n{why:#?}");
    for words in words {
        assert!(told.contains(words), "{words:?} is missing: {told}");
    }
    why
}

#[test]
fn a_crash_is_told_by_both_survivors() {
    for (observer, other) in [(1, 2), (2, 1)] {
        let accused = format!("2 of 2 observers had to agree; node-{observer} and node-{other} did");
        let words = ["node-3 has been down for", "Connection refused (process gone)", &accused];
        let why = decided("nodes 3\nlength 12s\nat 10s crash node-3\n", observer, 3, Rule::Quorum, &words);
        let quorum = why.decision.and_then(|decision| decision.exhibits).and_then(|exhibits| exhibits.quorum);
        let quorum = quorum.expect("a down verdict has a quorum");
        assert_eq!((quorum.observers, quorum.needed, quorum.accusations), (2, 2, 2));
    }
}

#[test]
fn the_pings_that_decided_are_kept_when_the_ring_has_forgotten_them() {
    let why = decided("nodes 3\nlength 70s\nat 10s crash node-3\n", 1, 3, Rule::Quorum, &["down for 59"]);
    let refused = Some(End::Failed(Evidence::Refused));
    let end = |ping: &heartbeat::testing::detector::PingView| ping.end.map(|(end, _)| end);
    assert!(why.pings.iter().all(|ping| end(ping) == refused || ping.end.is_none()), "{:#?}", why.pings);
    let kept = why.decision.and_then(|decision| decision.exhibits).expect("exhibits").pings;
    assert_eq!(kept.len().min(ATTEMPTS), kept.len());
    assert!(kept.iter().filter(|ping| end(ping) == refused).count() >= 2, "{kept:#?}");
    assert!(kept.iter().any(|ping| end(ping) == Some(End::Answered)), "it was well before: {kept:#?}");
    assert!(kept.iter().all(|ping| ping.age.as_secs() >= 59), "ages keep growing: {kept:#?}");
}

#[test]
fn what_is_silent_and_what_is_frozen_are_told_apart() {
    let silent = ["Its host does not respond (silent)", "the limit for silent is 3 s"];
    decided("nodes 3\nlength 15s\nat 10s power-off node-3\n", 1, 3, Rule::Quorum, &silent);
    let frozen = ["does not answer (stalled)", "frozen", "the limit for stalled is 10 s"];
    decided("nodes 3\nlength 22s\nat 10s freeze node-3\n", 1, 3, Rule::Quorum, &frozen);
    let why = why("nodes 3\nlength 15s\nat 10s freeze node-3\n", 1, 3);
    let told = explanation(&why);
    assert!(told.starts_with("node-3 has been suspect for") && told.contains("It is accused 10 s after"), "{told}");
    assert_eq!(why.quorum.map(|quorum| (quorum.needed, quorum.accusations)), Some((2, 0)), "no accusation yet");
}

#[test]
fn a_witness_confirms_a_silent_host() {
    // A witness has an interval for its ping of a host that does not respond, so what it says comes later than any
    // other testimony: the asking node must wait for it.
    let off = "nodes 3\nlength 15s\nat 10s power-off node-3\n";
    for (observer, witness) in [(1, "node-2"), (2, "node-1")] {
        let why = decided(off, observer, 3, Rule::Quorum, &["node-3 has been down for"]);
        let exhibits = why.decision.and_then(|decision| decision.exhibits).expect("exhibits");
        let said =
            exhibits.witnesses.iter().find(|asked| asked.witness.as_str() == witness).and_then(|asked| asked.said);
        assert_eq!(said, Some(Testimony::Failed { evidence: Evidence::Silent }), "{:#?}", exhibits.witnesses);
    }
}

#[test]
fn who_vouches_is_told() {
    let cut = "nodes 3\nlength 20s\nat 10s cut node-1 node-2\n";
    let words = [
        "node-1 cannot reach node-2, but node-3, asked as a witness, got an answer",
        "the link between node-1 and node-2 is broken",
    ];
    decided(cut, 1, 2, Rule::WitnessVouches, &words);
    let one_way = "nodes 3\nlength 20s\nat 10s block node-1 node-2\n";
    decided(one_way, 1, 2, Rule::OwnPings, &["node-2's own pings arrive", "the link works one way only"]);
}

#[test]
fn one_that_is_cut_off_says_so_of_itself() {
    let isolated = "nodes 3\nlength 20s\nat 10s unplug node-3\n";
    let words = ["hears only 0 of the 2 peers", "node-3 itself may be cut off; it calls no peer down"];
    decided(isolated, 3, 1, Rule::MostUnheard, &words);
    decided(isolated, 1, 3, Rule::Quorum, &["node-3 has been down for"]);
}

#[test]
fn without_enough_observers_it_is_unconfirmed() {
    let two = "nodes 2\nlength 15s\nat 10s crash node-2\n";
    decided(two, 1, 2, Rule::OnlyObserver, &["may be down", "only node-1 reports it", "check from another place"]);
    let dark = "nodes 3\nlength 30s\nat 10s freeze node-2\nat 10s freeze node-3\n";
    decided(dark, 1, 2, Rule::NobodyLeft, &["2 accusations are needed to confirm it; only node-1 accused it"]);
}

#[test]
fn comings_and_goings() {
    decided("nodes 3\nlength 15s\n", 1, 3, Rule::FirstAnswer, &["node-3 is alive: it answered node-1"]);
    decided("nodes 3\nlength 15s\nat 10s leave node-3\n", 1, 3, Rule::Goodbye, &["node-3 said goodbye to node-1"]);
    let absent = "nodes 3\nabsent node-3\nlength 30s\n";
    decided(absent, 1, 3, Rule::NeverAnswered, &["has never answered node-1", "check that it runs"]);
    let restart = "nodes 3\nlength 20s\nat 10s crash node-3\nat 10.2s start node-3\n";
    decided(restart, 1, 3, Rule::NewBoot, &["It restarted "]);
    let late = "nodes 3\nlength 40s\nat 10s crash node-3\nat 15s start node-3\n";
    let why = decided(late, 1, 3, Rule::NewBoot, &["It was last called down (gone)"]);
    assert_eq!(why.outage.map(|outage| outage.rule), Some(Rule::Quorum));
    let thawed = "nodes 3\nlength 40s\nat 10s freeze node-3\nat 30s thaw node-3\n";
    decided(thawed, 1, 3, Rule::TwoAnswers, &["second answer after it was dead", "down (stalled)"]);
}

#[test]
fn an_observer_that_has_just_been_stopped_says_so() {
    let resumed = "nodes 3\nlength 22001ms\nat 10s freeze node-1\nat 22s thaw node-1\n";
    let why = why(resumed, 1, 3);
    assert!(why.observer.blind || why.observer.stalled, "{:?}", why.observer);
    let told = explanation(&why);
    assert!(told.contains("Note: node-1 itself was just paused"), "{told}");
}
