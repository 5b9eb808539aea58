//! Sick observers: what nodes that read late, or lose most of their packets, say about others, and others about them.
//!
//!     cargo run --release --no-default-features --example sick -- 50
//!     cargo run --release --no-default-features --example sick -- sweep 2000
//!
//! The first form runs both scenarios of `tests/scenarios` over so many seeds and prints each figure beside what is
//! wanted; it fails where one is missed. The second runs random schedules with sick observers and prints which
//! invariants break, with how many seeds.

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;

use heartbeat::detector::event::EventKind;
use heartbeat::detector::peer::PeerState;
use heartbeat::sim::{self, Action, HostAct, LinkAct, Run, Scenario, What};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = |text: &str| text.parse::<u64>().ok().filter(|seeds| (1..=1_000_000).contains(seeds));
    let parsed = match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => Some((false, 50)),
        ["sweep"] => Some((true, 2000)),
        ["sweep", seeds] => number(seeds).map(|seeds| (true, seeds)),
        [seeds] => number(seeds).map(|seeds| (false, seeds)),
        _ => None,
    };
    let reached = match parsed {
        Some((false, seeds)) => scenarios(seeds),
        Some((true, seeds)) => sweep(seeds),
        None => {
            eprintln!("usage: sick [SEEDS] or sick sweep [SEEDS], with 1 to 1000000 seeds; got {words:?}");
            return ExitCode::from(64);
        }
    };
    if reached { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// One scenario and what is wanted of it.
struct Trial {
    name: &'static str,
    text: &'static str,
    wanted: &'static [(&'static str, Limit)],
}

/// A figure of every single run, in the words of `figures`.
enum Limit {
    AtMost(u64),
    Exactly(u64),
}

const TRIALS: [Trial; 2] = [
    Trial {
        name: "starved-grid-50",
        text: include_str!("../tests/scenarios/starved-grid-50.txt"),
        wanted: &[
            ("false dead", Limit::AtMost(0)),
            ("unreachable", Limit::AtMost(50)),
            ("suspicions", Limit::AtMost(5000)),
            ("reports of itself, fewest of a sick node", Limit::Exactly(1)),
            ("reports of itself, most of a sick node", Limit::Exactly(1)),
            ("reports of itself, most of a healthy node", Limit::AtMost(0)),
        ],
    },
    Trial {
        name: "lossy-host-32",
        text: include_str!("../tests/scenarios/lossy-host-32.txt"),
        wanted: &[
            ("false dead", Limit::AtMost(0)),
            ("false dead at the sick", Limit::AtMost(0)),
            ("reports of itself, fewest of a sick node", Limit::Exactly(1)),
            ("reports of itself, most of a sick node", Limit::Exactly(1)),
            ("reports of itself, most of a healthy node", Limit::AtMost(0)),
            ("changes of state of the sick, most of an observer", Limit::AtMost(2)),
            ("broken invariants", Limit::AtMost(0)),
        ],
    },
];

fn scenarios(seeds: u64) -> bool {
    let mut reached = true;
    for trial in TRIALS {
        let scenario: Scenario = trial.text.parse().unwrap_or_else(|problems| panic!("{}: {problems}", trial.name));
        let sick = sick(&scenario);
        let runs = on_two_threads(seeds, |seed| figures(&sim::run(&scenario, seed), &sick));
        let mut all: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
        for (name, figure) in runs.iter().flatten() {
            all.entry(name).or_default().push(*figure);
        }
        println!("{}: {seeds} seeds; {} sick of {} nodes", trial.name, sick.len(), scenario.nodes);
        println!("{:52} {:>8} {:>8} {:>8}  wanted", "a run", "least", "median", "most");
        for (name, figures) in &mut all {
            figures.sort_unstable();
            let (least, median, most) = (figures[0], figures[figures.len() / 2], figures[figures.len() - 1]);
            let limit = trial.wanted.iter().find(|(wanted, _)| wanted == name).map(|(_, limit)| limit);
            let (wanted, well) = match limit {
                None => (String::new(), true),
                Some(Limit::AtMost(limit)) => (format!("<= {limit}"), most <= *limit),
                Some(Limit::Exactly(limit)) => (limit.to_string(), least == *limit && most == *limit),
            };
            let mark = if well { "" } else { "  MISSED" };
            println!("{name:52} {least:>8} {median:>8} {most:>8}  {wanted}{mark}");
            reached &= well;
        }
        for (name, _) in trial.wanted {
            assert!(all.contains_key(name), "{name:?} is not a figure");
        }
        println!();
    }
    reached
}

/// The hosts that the scenario makes sick: starved, or with a loss on more than a half of their links.
fn sick(scenario: &Scenario) -> BTreeSet<usize> {
    let mut sick = BTreeSet::new();
    let mut lossy_links: BTreeMap<usize, usize> = BTreeMap::new();
    for step in &scenario.steps {
        match step.action {
            Action::Host(HostAct::Starve, host) => _ = sick.insert(host.0),
            Action::HostLoss(_, host, 1..) => _ = sick.insert(host.0),
            Action::Link(LinkAct::Loss(20..), a, b) => {
                for host in [a, b] {
                    *lossy_links.entry(host.0).or_default() += 1;
                }
            }
            _ => {}
        }
    }
    sick.extend(lossy_links.into_iter().filter(|(_, links)| links * 2 > scenario.nodes).map(|(host, _)| host));
    sick
}

/// Figures of one run. No process of these scenarios ever ends, so every `dead` is false.
fn figures(run: &Run, sick: &BTreeSet<usize>) -> BTreeMap<&'static str, u64> {
    let nodes = run.scenario.nodes;
    let mut figures = BTreeMap::new();
    let mut of_itself = vec![0; nodes];
    let mut changes = BTreeMap::new();
    for entry in &run.timeline {
        let What::Event(node, event) = &entry.what else { continue };
        let observer = host(node.as_str());
        let subject = event.peer.as_ref().and_then(|peer| peer.key.0.split(':').next()).map(host);
        let name = match &event.kind {
            EventKind::PeerDown { .. } => "false dead",
            EventKind::PeerUnreachable { .. } => "unreachable",
            EventKind::PeerSuspect { .. } => "suspicions",
            kind if kind.name().starts_with("self_") && begins_trouble(kind.name()) => {
                of_itself[observer] += 1;
                continue;
            }
            _ => "other events",
        };
        *figures.entry(name).or_default() += 1;
        let Some(subject) = subject else { continue };
        if name == "false dead" {
            let place = if sick.contains(&observer) { "false dead at the sick" } else { "false dead at the healthy" };
            *figures.entry(place).or_default() += 1;
        }
        if let (true, Some(peer)) = (sick.contains(&subject) && !sick.contains(&observer), &event.peer) {
            let (last, count) = changes.entry((observer, subject)).or_insert((PeerState::Alive, 0_u64));
            // A suspicion is no opinion yet: logged for debugging alone.
            if peer.state != *last && !matches!(peer.state, PeerState::Suspect | PeerState::Joining) {
                (*last, *count) = (peer.state, *count + 1);
            }
        }
    }
    for name in [
        "false dead",
        "false dead at the sick",
        "false dead at the healthy",
        "unreachable",
        "suspicions",
        "other events",
    ] {
        figures.entry(name).or_default();
    }
    let of = |wanted: bool| of_itself.iter().enumerate().filter(move |(host, _)| sick.contains(host) == wanted);
    let most = |wanted| of(wanted).map(|(_, count)| *count).max().unwrap_or(0);
    figures.insert("reports of itself, fewest of a sick node", of(true).map(|(_, count)| *count).min().unwrap_or(0));
    figures.insert("reports of itself, most of a sick node", most(true));
    figures.insert("reports of itself, most of a healthy node", most(false));
    let most_changes = changes.values().map(|(_, count)| *count).max().unwrap_or(0);
    figures.insert("changes of state of the sick, most of an observer", most_changes);
    // In a mesh of more than 32 nodes they are not checked.
    if nodes <= 32 {
        figures.insert("broken invariants", run.violations.len() as u64);
    }
    figures
}

/// Not the event that ends it, nor what every node says of itself.
fn begins_trouble(event: &str) -> bool {
    matches!(event, "self_cut_off" | "self_stalled" | "self_slow")
}

fn host(name: &str) -> usize {
    let number = name.strip_prefix("node-").and_then(|number| number.parse::<usize>().ok());
    number.unwrap_or_else(|| panic!("{name} is not a node of a scenario")) - 1
}

fn sweep(seeds: u64) -> bool {
    let runs = on_two_threads(seeds, |seed| {
        let run = sim::run(&sim::random_sick(seed), seed);
        (seed, run.violations.iter().map(|violation| violation.invariant).collect::<BTreeSet<_>>())
    });
    let mut broken: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for (seed, invariant) in runs.iter().flat_map(|(seed, all)| all.iter().map(move |invariant| (*seed, *invariant))) {
        broken.entry(invariant).or_default().push(seed);
    }
    let sound = runs.iter().filter(|(_, all)| all.is_empty()).count();
    println!("{seeds} random schedules with sick observers; {sound} keep every invariant");
    for (invariant, seeds) in &broken {
        let first: Vec<String> = seeds.iter().take(8).map(u64::to_string).collect();
        println!("{invariant}: {} seeds, the first: {}", seeds.len(), first.join(" "));
    }
    if let Some(first) = broken.values().filter_map(|seeds| seeds.first()).min() {
        println!("replay: heartbeat simulate sick --seed={first}");
    }
    broken.is_empty()
}

/// In the order of the seeds, from 1: on two threads because the smallest build machines have two cores.
fn on_two_threads<T: Send>(seeds: u64, run: impl Fn(u64) -> T + Sync) -> Vec<T> {
    let run = &run;
    let half = |half: u64| (1..=seeds).filter(move |seed| seed % 2 == half).map(|seed| (seed, run(seed)));
    let mut all = std::thread::scope(|scope| {
        let odd = scope.spawn(move || half(1).collect::<Vec<_>>());
        let mut all: Vec<_> = half(0).collect();
        all.extend(odd.join().unwrap_or_else(|_| panic!("a run panicked")));
        all
    });
    all.sort_by_key(|(seed, _)| *seed);
    all.into_iter().map(|(_, figures)| figures).collect()
}
