//! The built-in scenarios do what their one line promises.

use heartbeat::detector::event::EventKind;
use heartbeat::detector::peer::Verdict;
use heartbeat::sim::{self, Run, Scenario, What};

use super::check::{assert_sound, story};

const SEEDS: u64 = 30;

fn runs(name: &str) -> impl Iterator<Item = Run> + '_ {
    let scenario = sim::builtin(name).unwrap_or_else(|| panic!("{name} is not built in"));
    (0..SEEDS).map(move |seed| {
        let run = sim::run(&scenario, seed);
        assert_sound(&run, &format!("heartbeat simulate {name} --seed {seed}"));
        run
    })
}

fn check(name: &str, observer: usize, peer: usize, stories: &[&str]) {
    for run in runs(name) {
        let said = story(&run, observer - 1, peer - 1);
        let seed = run.seed;
        assert!(stories.contains(&said.as_str()), "{name}, seed {seed}: node-{observer} said {said:?} of node-{peer}");
    }
}

#[test]
fn every_builtin_keeps_the_invariants_and_its_trace() {
    for (name, _) in sim::builtin_names() {
        for run in runs(name).take(5) {
            assert_eq!(sim::run(&run.scenario, run.seed).hash, run.hash, "I6: {name} twice under seed {}", run.seed);
        }
    }
}

#[test]
fn a_crash_is_confirmed_by_both() {
    for name in ["crash", "crash-container", "silent-host"] {
        check(name, 1, 3, &["down"]);
        check(name, 2, 3, &["down"]);
        check(name, 1, 2, &[""]);
    }
}

#[test]
fn a_stop_of_20_s_is_an_outage_and_one_of_8_s_is_not() {
    check("freeze", 1, 3, &["down recovered"]);
    check("freeze-short", 1, 3, &[""]);
}

#[test]
fn a_stopped_observer_accuses_nobody_when_it_wakes() {
    check("observer-freeze", 1, 2, &[""]);
    check("observer-freeze", 1, 3, &[""]);
    check("observer-freeze", 2, 1, &["down recovered"]);
}

#[test]
fn restarts() {
    check("restart", 1, 3, &["restarted"]);
    check("late-restart", 1, 3, &["down restarted recovered"]);
}

#[test]
fn a_goodbye_is_no_alarm() {
    check("leave", 1, 3, &["left"]);
    check("leave", 2, 3, &["left"]);
}

#[test]
fn one_broken_link_is_never_a_death() {
    for name in ["cut-link", "one-direction", "reject-link"] {
        check(name, 1, 2, &["link_broken recovered"]);
        check(name, 2, 1, &["link_broken recovered"]);
        check(name, 3, 1, &[""]);
    }
}

/// At first a witness may be quicker than the peer's own ping; in the end the reason is that its pings arrive.
#[test]
fn requests_dropped_one_way_are_called_one_way() {
    check("one-way", 1, 2, &["one_way recovered", "link_broken recovered"]);
    check("one-way", 2, 1, &[""]);
    let mut unmended = sim::builtin("one-way").expect("built in");
    unmended.steps.truncate(1);
    for seed in 0..SEEDS {
        let run = sim::run(&unmended, seed);
        let view = run.views[0].as_ref().expect("node-1 runs");
        let verdict =
            view.peers.iter().find(|peer| peer.peer.key.0.starts_with("node-2")).and_then(|peer| peer.verdict);
        assert_eq!(verdict, Some(Verdict::OneWay), "seed {seed}");
    }
}

#[test]
fn only_the_larger_side_says_dead() {
    check("partition-2-2", 1, 3, &["cut_off recovered"]);
    check("split-heals", 1, 3, &["cut_off recovered"]);
    check("partition-3-2", 1, 4, &["down recovered"]);
    check("partition-3-2", 4, 1, &["cut_off recovered"]);
    check("isolated", 1, 3, &["down recovered"]);
    check("isolated", 3, 1, &["cut_off recovered"]);
    check("dark-but-one", 1, 3, &["cut_off"]);
}

#[test]
fn nobody_left_to_ask_is_said() {
    check("two-of-three", 1, 3, &["unconfirmed"]);
    check("three-of-five", 1, 3, &["down", "unconfirmed"]);
    check("never-up", 1, 3, &["never_seen"]);
}

#[test]
fn coming_and_going_is_called_flapping_and_masks_nothing() {
    check("flap", 1, 3, &["down restarted recovered down restarted recovered down restarted recovered"]);
    for run in runs("flap") {
        let told = |entry: &sim::Entry| matches!(&entry.what, What::Event(_, event) if matches!(event.kind, EventKind::PeerFlapping { on: true, .. }));
        assert_eq!(run.timeline.iter().filter(|entry| told(entry)).count(), 2, "both observers report it once");
    }
}

#[test]
fn a_printed_scenario_replays_the_same_trace() {
    for seed in 0..20 {
        let scenario = sim::random(seed);
        let again: Scenario = scenario.to_string().parse().expect("what it prints it reads");
        assert_eq!(sim::run(&scenario, seed).hash, sim::run(&again, seed).hash, "seed {seed}");
    }
}
