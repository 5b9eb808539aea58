//! How long until the last survivor knows: many runs, each with the fault at another moment of the ping interval.
//!
//! `HEARTBEAT_RUNS=200 cargo test --test detection` for more runs than the 50 that are run by default.
#![cfg(feature = "node")]
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

mod support;

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use support::{Case, Cluster, Network, Plan, Report, SOON, case, hold, millis, seconds, suite};

/// One after the other: each case runs several clusters of its own at once, and more would measure the machine.
const AT_ONCE: usize = 1;

const CASES: &[Case] = &[case!(killed_at_three_nodes), case!(killed_at_five_nodes), case!(frozen_and_silent)];

/// Clusters at once. A run is one moment of work and seconds of waiting.
const LANES: usize = 5;

fn main() -> ExitCode {
    suite::main("detection", AT_ONCE, CASES)
}

fn runs() -> usize {
    std::env::var("HEARTBEAT_RUNS").ok().and_then(|count| count.parse().ok()).unwrap_or(50)
}

fn killed_at_three_nodes(report: &Report) {
    killed(report, 3);
}

fn killed_at_five_nodes(report: &Report) {
    killed(report, 5);
}

/// `kill -9` of each node of a cluster in turn, each started again before the next one dies.
fn killed(report: &Report, size: usize) {
    let times = Mutex::new(Vec::new());
    in_lanes(runs().div_ceil(size), LANES, |_| {
        let mut cluster = Plan::loopback(size).start();
        for victim in cluster.numbers() {
            wait_a_part_of_an_interval();
            let began = cluster.kill(victim);
            let time = confirmed(&cluster, victim, "gone", began);
            times.lock().expect("no lane panics with it").push(time);
            cluster.start(victim);
            cluster.settle();
        }
        cluster.assert_down_only(&names(&cluster));
    });
    let times = times.into_inner().expect("no lane panics with it");
    report.distribution(&format!("kill -9 at {size} nodes, down and confirmed"), &times, millis(350), millis(500));
}

/// Frozen processes on loopback, and beside them silent hosts where networks can be made.
fn frozen_and_silent(report: &Report) {
    let (frozen, silent) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    let missing = Network::missing();
    in_lanes(8, 8, |lane| {
        if lane % 2 == 0 {
            let cluster = Plan::loopback(3).start();
            for victim in [2, 3] {
                wait_a_part_of_an_interval();
                let began = cluster.signal(victim, "STOP");
                let time = confirmed(&cluster, victim, "stalled", began);
                frozen.lock().expect("no lane panics with it").push(time);
                cluster.signal(victim, "CONT");
                cluster.settle();
            }
            cluster.assert_down_only(&["node-2", "node-3"]);
        } else if missing.is_none() {
            let cluster = Plan::inside(Network::new(3)).start();
            for victim in [1, 2, 3] {
                wait_a_part_of_an_interval();
                let began = Instant::now();
                cluster.network().plug(victim, false);
                let time = confirmed(&cluster, victim, "silent", began);
                silent.lock().expect("no lane panics with it").push(time);
                cluster.network().heal();
                cluster.settle();
            }
            cluster.assert_down_only(&names(&cluster));
        }
    });
    let frozen = frozen.into_inner().expect("no lane panics with it");
    report.distribution("frozen process at 3 nodes, down and confirmed", &frozen, millis(10_300), millis(10_300));
    match missing {
        Some(missing) => report.say(format!("######## SKIPPED: silent hosts: they need {missing} ########")),
        None => {
            let silent = silent.into_inner().expect("no lane panics with it");
            report.distribution("silent host at 3 nodes, down and confirmed", &silent, millis(3300), millis(3300));
        }
    }
}

/// How long after `began` the last survivor had said that `victim` is down, by more than its own word.
fn confirmed(cluster: &Cluster, victim: usize, class: &str, began: Instant) -> Duration {
    let subject = format!("node-{victim}");
    let times = cluster.others(victim).into_iter().map(|observer| {
        let line = cluster.await_event(observer, "peer_down", &subject, began, SOON);
        assert!(!line.raw.contains("unconfirmed"), "node-{observer} had nobody to agree: {}", line.raw);
        assert_eq!(line.text("class"), class, "{}", line.raw);
        line.at.duration_since(began)
    });
    times.max().unwrap_or_default()
}

/// So that the faults are spread over the interval. Where exactly does not matter and need not replay.
fn wait_a_part_of_an_interval() {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    // Steps of the golden ratio fill the interval evenly however many there are.
    let part = (NEXT.fetch_add(1, Ordering::Relaxed) as f64 * 0.618_034).fract();
    hold(millis(500) + seconds(1).mul_f64(part));
}

fn names(cluster: &Cluster) -> Vec<&'static str> {
    ["node-1", "node-2", "node-3", "node-4", "node-5"][..cluster.numbers().len()].to_vec()
}

/// Runs `work` for 0 to `count` less one, `lanes` at a time, and panics as the first of them did.
fn in_lanes(count: usize, lanes: usize, work: impl Fn(usize) + Sync) {
    let next = AtomicUsize::new(0);
    let lane = || {
        while let item = next.fetch_add(1, Ordering::Relaxed)
            && item < count
        {
            work(item);
        }
    };
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..lanes.min(count)).map(|_| scope.spawn(lane)).collect();
        threads.into_iter().map(std::thread::ScopedJoinHandle::join).collect()
    });
    if let Some(panic) = outcomes.into_iter().find_map(Result::err) {
        std::panic::resume_unwind(panic);
    }
}
