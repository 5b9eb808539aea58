//! How long until the last survivor knows, and has it confirmed: many runs, each with the fault at another moment of the
//! ping interval. `HEARTBEAT_RUNS=200` for more runs than the 50 that are made by default.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::figure::Measurement;
use super::support::{Cluster, Network, Plan, SOON, hold, millis, seconds};

/// Clusters at once. A run is one moment of work and seconds of waiting; more would measure the machine.
const LANES: usize = 5;

pub fn figures() -> Vec<Measurement> {
    let mut figures = Vec::new();
    for size in [3, 5] {
        let what = format!("kill -9 at {size} nodes to down, confirmed, at the last survivor");
        figures.extend(distribution(&what, killed(size), millis(350), millis(500)));
    }
    let (frozen, silent) = frozen_and_silent();
    let what = "frozen process at 3 nodes to down, confirmed, at the last survivor";
    figures.extend(distribution(what, frozen, millis(10_300), millis(10_300)));
    match Network::missing() {
        Some(missing) => println!("  silent hosts are not measured here: they need {missing}"),
        None => {
            let what = "silent host at 3 nodes to down, confirmed, at the last survivor";
            figures.extend(distribution(what, silent, millis(3300), millis(3300)));
        }
    }
    figures
}

/// The middle and the tail of many times, beside their budgets.
fn distribution(what: &str, mut times: Vec<Duration>, median: Duration, tail: Duration) -> [Measurement; 2] {
    times.sort();
    let at = |part: f64| times[((times.len() as f64 * part).ceil() as usize).clamp(1, times.len()) - 1].as_secs_f64();
    let note = format!("{} runs, {:.2} to {:.2} s", times.len(), at(0.0), at(1.0));
    [
        Measurement::new(format!("{what}, p50"), "s", at(0.5), Some(median.as_secs_f64())),
        Measurement::new(format!("{what}, p99"), "s", at(0.99), Some(tail.as_secs_f64())).note(note),
    ]
}

fn runs() -> usize {
    std::env::var("HEARTBEAT_RUNS").ok().and_then(|count| count.parse().ok()).unwrap_or(50)
}

/// `kill -9` of each node of a cluster in turn; each is started again before the next one is killed.
fn killed(size: usize) -> Vec<Duration> {
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
    });
    times.into_inner().expect("no lane panics with it")
}

/// Frozen processes on loopback, and beside them silent hosts where networks can be made.
fn frozen_and_silent() -> (Vec<Duration>, Vec<Duration>) {
    let (frozen, silent) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    let networks = Network::missing().is_none();
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
        } else if networks {
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
        }
    });
    (frozen.into_inner().expect("no lane panics with it"), silent.into_inner().expect("no lane panics with it"))
}

/// How long after `began` the last survivor reported `victim` down, confirmed by another observer.
fn confirmed(cluster: &Cluster, victim: usize, class: &str, began: Instant) -> Duration {
    let subject = format!("node-{victim}");
    let times = cluster.others(victim).into_iter().map(|observer| {
        let line = cluster.await_event(observer, "peer_down", &subject, began, SOON);
        assert!(!line.raw.contains("unconfirmed"), "node-{observer} had no node left to agree: {}", line.raw);
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
