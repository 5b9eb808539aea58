//! What each rule is for: a scenario that goes wrong without it, and right with it.

use heartbeat::detector::event::EventKind;
use heartbeat::sim::{self, Omission, Run, Scenario};

use super::check::{assert_sound, story};

const SEEDS: u64 = 30;

fn played(name: &str, without: Option<Omission>, seed: u64) -> Run {
    let scenario = sim::builtin(name).unwrap_or_else(|| panic!("{name} is not built in"));
    sim::run(&Scenario { without, ..scenario }, seed)
}

/// With the rule `observer` says `right` of `peer` under every seed, without it `wrong` under the one of the examples.
fn check(rule: Omission, name: &str, (observer, peer): (usize, usize), right: &[&str], wrong: &str) -> Run {
    for seed in 1..=SEEDS {
        let run = played(name, None, seed);
        assert_sound(&run, &format!("heartbeat simulate {name} --seed {seed}"));
        let said = story(&run, observer - 1, peer - 1);
        assert!(right.contains(&said.as_str()), "{name}, seed {seed}: node-{observer} said {said:?} of node-{peer}");
    }
    let run = played(name, Some(rule), 1);
    assert_eq!(story(&run, observer - 1, peer - 1), wrong, "{name} without {rule}");
    run
}

#[test]
fn without_observer_time_a_node_accuses_its_peer_when_it_wakes() {
    let run = check(Omission::ObserverTime, "suspended", (1, 2), &[""], "unconfirmed recovered");
    let (at, _) =
        run.events(0, 1).find(|(_, event)| matches!(event.kind, EventKind::PeerDown { .. })).expect("a verdict");
    assert!(at.as_millis() < 25_300, "before node-2 could answer anything: {at:?}");
}

#[test]
fn without_the_veto_three_broken_links_are_a_death() {
    let broken = "link_broken recovered";
    let run = check(Omission::Veto, "three-links", (1, 5), &[broken], "down recovered");
    assert_eq!(run.false_verdicts, Some(6), "three about node-5, and node-5 about the three");
    assert_eq!(story(&run, 3, 4), "", "node-4 reaches it all the time");
}

#[test]
fn without_the_half_rule_the_smaller_side_calls_the_larger_one_dead() {
    let run = check(Omission::HalfRule, "partition-3-2", (4, 1), &["cut_off recovered"], "unconfirmed recovered");
    assert!(run.violations.iter().any(|broken| broken.to_string().contains("I9")), "{:?}", run.violations);
}

#[test]
fn without_boots_a_crash_is_taken_for_the_goodbye_before() {
    check(Omission::Boot, "redeploy", (1, 3), &["left returned down"], "left");
}

#[test]
fn without_the_quorum_one_sick_observer_is_enough() {
    for seed in 1..=SEEDS {
        assert_eq!(played("starved-observer", None, seed).false_verdicts, Some(0), "seed {seed}");
    }
    assert_eq!(played("starved-observer", Some(Omission::Quorum), 1).false_verdicts, Some(1));
}

#[test]
fn each_omission_can_be_written_down_in_a_scenario() {
    for rule in Omission::ALL {
        let text = format!("nodes 3\nwithout {rule}\n");
        let scenario: Scenario = text.parse().expect("a scenario");
        assert_eq!(scenario.without, Some(rule));
        assert_eq!(scenario.to_string().parse().as_ref(), Ok(&scenario));
    }
    let wrong = "without ears\n".parse::<Scenario>().expect_err("no such rule").to_string();
    assert!(wrong.contains("observer-time|veto|half-rule|boot|quorum"), "{wrong}");
    assert!(!sim::builtin("crash").expect("built in").to_string().contains("without"));
}
