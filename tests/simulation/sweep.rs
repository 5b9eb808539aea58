//! Thousands of schedules made of chance, each checked against every invariant.

use std::collections::BTreeMap;
use std::time::Duration;

use heartbeat::sim::{self, Action, HostAct, HostId, LinkAct, Run, Scenario, Step};
use proptest::prelude::*;

use super::check::assert_sound;

/// In CI, and as many as the committed hash covers. More with `HEARTBEAT_SIM_SEEDS`.
const SEEDS: u64 = 2000;
/// The committed hash over all seeds.
const RECORDED: &str = "tests/recordings/sweep.txt";
/// Every so manieth seed runs twice (I6); the trace hash of a run covers every packet.
const TWICE: u64 = 16;

#[allow(clippy::disallowed_methods, reason = "a test's own setting, not the program's")]
fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name}={text} is not a number")))
}

fn replay(seed: u64) -> String {
    format!(
        "HEARTBEAT_SIM_SEED={seed} cargo test --test simulation one_seed -- --nocapture # or: heartbeat simulate random --seed {seed}"
    )
}

fn random_run(seed: u64) -> Run {
    let scenario = sim::random(seed);
    let run = sim::run(&scenario, seed);
    if seed.is_multiple_of(TWICE) {
        assert_eq!(sim::run(&scenario, seed).hash, run.hash, "I6 same seed, same trace; replay: {}", replay(seed));
    }
    run
}

/// Prints one random schedule and its timeline; without `HEARTBEAT_SIM_SEED` it runs seed 1 quietly.
#[test]
fn one_seed() {
    let asked = setting("HEARTBEAT_SIM_SEED");
    let run = random_run(asked.unwrap_or(1));
    if asked.is_some() {
        let mut text = String::new();
        let _ = sim::print_failure(&run, &replay(run.seed), &mut text);
        println!("{text}");
    }
    assert_sound(&run, &replay(run.seed));
}

/// All seeds, on two threads because the smallest build machines have two cores.
#[test]
fn sweep() {
    let seeds = setting("HEARTBEAT_SIM_SEEDS").unwrap_or(SEEDS);
    let halves: Vec<_> = (0..2)
        .map(|half| {
            std::thread::spawn(move || {
                let odd_or_even = (0..seeds).filter(move |seed| seed % 2 == half);
                let run = |seed| {
                    let run = random_run(seed);
                    (seed, run.hash, (!run.violations.is_empty()).then_some(run))
                };
                odd_or_even.map(run).collect::<Vec<(u64, u64, Option<Run>)>>()
            })
        })
        .collect();
    let mut runs: Vec<_> = halves.into_iter().flat_map(|half| half.join().expect("a run panicked")).collect();
    runs.sort_by_key(|(seed, ..)| *seed);
    let hash = sim::fold(runs.iter().map(|(_, hash, _)| *hash));
    let broken: Vec<Run> = runs.into_iter().filter_map(|(.., broken)| broken).collect();
    let mut kinds: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for run in &broken {
        kinds.entry(run.violations[0].invariant).or_default().push(run.seed);
    }
    for (invariant, seeds) in &kinds {
        println!("{invariant}: seeds {seeds:?}");
    }
    if let Some(first) = broken.first() {
        assert_sound(first, &replay(first.seed));
    }
    compare(seeds, hash);
}

/// A few of the schedules with sick observers, on two threads. `just sick sweep` runs more of them, in a release build.
#[test]
fn sick_observers_break_no_invariant() {
    let half = |half: u64| {
        for seed in (0..60).filter(|seed| seed % 2 == half) {
            let run = sim::run(&sim::random_sick(seed), seed);
            assert_sound(&run, &format!("heartbeat simulate sick --seed={seed}"));
        }
    };
    std::thread::scope(|scope| {
        let odd = scope.spawn(|| half(1));
        half(0);
        odd.join().expect("a run failed");
    });
}

/// The hash of all runs with the committed one, if that covers as many seeds.
#[allow(clippy::disallowed_methods, reason = "a test's own setting, not the program's")]
fn compare(seeds: u64, hash: u64) {
    let found = format!("{seeds} seeds, trace {hash:016x}\n");
    print!("{found}");
    if seeds != SEEDS {
        println!("not compared: {RECORDED} covers {SEEDS} seeds");
        return;
    }
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(RECORDED);
    if std::env::var_os("HEARTBEAT_WRITE").is_some() {
        std::fs::write(&path, &found).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    }
    let recorded = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    assert_eq!(
        recorded, found,
        "the nodes do not do what they did when {RECORDED} was recorded. If that is wanted, \
         `HEARTBEAT_WRITE=1 cargo test --test simulation sweep` records it anew; say in the commit why it changed"
    );
}

/// One fault: its kind, the node, the other end of the link, when and for how long, in milliseconds.
type Trouble = (u8, usize, usize, u64, u64);

/// A schedule out of troubles, so that proptest can leave some out and shorten others until only the cause is left.
fn schedule(nodes: usize, streams: bool, troubles: &[Trouble]) -> Scenario {
    let mut scenario = Scenario::new("proptest", nodes);
    scenario.streams = streams;
    let mut end = 8000;
    for &(kind, host, other, at, lasting) in troubles {
        let (host, other) = (HostId(host % nodes), HostId((host + 1 + other % (nodes - 1)) % nodes));
        let both = |a, b| (Action::Host(a, host), Action::Host(b, host));
        let link = |act| (Action::Link(act, host, other), Action::Link(LinkAct::Mend, host, other));
        let (begin, over) = match kind {
            0 => both(HostAct::Crash, HostAct::Start),
            1 => both(HostAct::CrashContainer, HostAct::Start),
            2 => both(HostAct::PowerOff, HostAct::Start),
            3 => both(HostAct::Restart, HostAct::Start),
            4 => both(HostAct::Freeze, HostAct::Thaw),
            5 => both(HostAct::Starve, HostAct::Feed),
            6 => both(HostAct::Leave, HostAct::Start),
            7 => both(HostAct::Unplug, HostAct::Plug),
            8 => link(LinkAct::Cut),
            9 => link(LinkAct::Block),
            10 => link(LinkAct::Drop),
            _ => link(LinkAct::Loss(40)),
        };
        scenario.steps.push(Step { at: Duration::from_millis(8000 + at), action: begin });
        scenario.steps.push(Step { at: Duration::from_millis(8000 + at + lasting), action: over });
        end = end.max(8000 + at + lasting);
    }
    let whole = Duration::from_millis(end + 100);
    scenario.steps.push(Step { at: whole, action: Action::Heal });
    for host in (0..nodes).map(HostId) {
        for act in [HostAct::Thaw, HostAct::Feed, HostAct::Start] {
            scenario.steps.push(Step { at: whole, action: Action::Host(act, host) });
        }
    }
    scenario.steps.sort_by_key(|step| step.at);
    scenario.length = whole + Duration::from_secs(18);
    scenario
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn made_schedules_keep_the_invariants(
        nodes in 2usize..=6,
        streams: bool,
        seed: u64,
        troubles in prop::collection::vec((0u8..12, 0usize..6, 0usize..5, 0u64..12_000, 50u64..13_000), 1..5),
    ) {
        let scenario = schedule(nodes, streams, &troubles);
        let read_back: Scenario = scenario.to_string().parse().map_err(|e| TestCaseError::fail(format!("{e}")))?;
        prop_assert_eq!(&read_back, &scenario);
        let run = sim::run(&scenario, seed);
        assert_sound(&run, &format!("save the scenario below as FILE, then: heartbeat simulate FILE --seed {seed}"));
    }
}
