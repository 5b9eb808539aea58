//! Figures of real processes: start, rest, pings, a thousand peers.

use std::time::{Duration, Instant};

use super::echo;
use super::figure::{Measurement, in_ms, longest, median};
use super::machine::{self, Used};
use super::stub::Stub;
use super::support::{Cluster, Plan, check, hold, seconds};

/// Start times vary.
const STARTS: usize = 20;

/// From the start of the process to the first success of `/readyz`.
pub fn start() -> Vec<Measurement> {
    let calibrated = Instant::now();
    drop(metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder());
    let calibration = calibrated.elapsed();
    let times: Vec<Duration> = (0..STARTS).map(|_| time_of_one_start()).collect();
    vec![
        Measurement::new("start to ready, median of 20", "ms", in_ms(median(&times)), Some(50.0))
            .note(format!("longest {:.0} ms", in_ms(longest(&times)))),
        Measurement::new("included: the metrics exporter calibrates its clock", "ms", in_ms(calibration), None)
            .note("measured alone, in this process"),
    ]
}

fn time_of_one_start() -> Duration {
    let mut cluster = Plan::loopback(1).build();
    let began = cluster.start(1);
    while !cluster.node(1).get("/readyz").is_ok_and(|answer| answer.status == 200) {
        assert!(began.elapsed() < seconds(20), "{}", cluster.node(1).log_text());
        std::thread::yield_now();
    }
    began.elapsed()
}

/// One of three idle nodes: only pings.
pub fn idle() -> Vec<Measurement> {
    let cluster = Plan::loopback(3).start();
    hold(seconds(5));
    let process = cluster.node(1).process_id();
    let used = machine::watch(process, seconds(30));
    assert!(cluster.node(1).get("/livez").is_ok(), "it is gone: {}", cluster.node(1).log_text());
    vec![
        Measurement::new("idle node of three at 1 s: CPU time per second", "ms", used.cpu_ms_per_second(), Some(0.75))
            .note("aim 0.5"),
        // It sends two pings a second and answers two.
        Measurement::new(
            "for comparison: two bare exchanges per second",
            "ms",
            2.0 * echo::exchange_us(1) / 1000.0,
            None,
        )
        .note("no HTTP, no JSON, no runtime: the minimum for any program on this machine"),
        Measurement::new("idle node of three at 1 s: wake-ups per second", "", used.wake_ups_per_second(), None),
        Measurement::new("idle node of three: resident memory", "MiB", machine::resident_mib(process), Some(8.0))
            .note("aim 5"),
    ]
}

/// 200 peers at 1 s, that ping back at 1 s: 200 pings out and 200 in each second, so both ends of 200 pings.
pub fn ping() -> Vec<Measurement> {
    at_rate(Duration::from_secs(1), &[], "200", 1.6)
}

/// The same ten times as often.
pub fn bulk() -> Vec<Measurement> {
    at_rate(Duration::from_millis(100), &["--interval=100ms"], "2,000", 1.4)
}

/// The budget is a multiple of what any program pays for these bytes on this machine, because machines differ.
fn at_rate(interval: Duration, arguments: &[&str], shown: &str, multiple: f64) -> Vec<Measurement> {
    let rate = 200.0 / interval.as_secs_f64();
    let used = both_ends(200, interval, arguments);
    let ping_us = used.cpu_ms_per_second() * 1000.0 / rate;
    let bare_us = echo::exchange_us(rate as u32);
    let row = |what: &str| format!("{what}, {shown} per second");
    vec![
        Measurement::new(row("CPU time of one ping, both ends"), "us", ping_us, None),
        Measurement::new(row("for comparison: a bare exchange of as many bytes"), "us", bare_us, None),
        Measurement::new(row("one ping against the bare exchange"), "x", ping_us / bare_us, Some(multiple)),
        Measurement::new(row("wake-ups for one ping, both ends"), "", used.wake_ups_per_second() / rate, None),
    ]
}

/// Usage of a node that monitors `count` stub peers and is monitored by them, with streams.
fn both_ends(count: usize, interval: Duration, arguments: &[&str]) -> Used {
    let mut stub = Stub::start();
    let cluster = node_with_stubs(&stub, count, arguments);
    stub.ping_back(cluster.node(1).host.address, count, interval);
    hold(seconds(5));
    let before = pings(&cluster);
    let used = machine::watch(cluster.node(1).process_id(), seconds(15));
    let (sent, received) = pings(&cluster);
    let expected = count as f64 / interval.as_secs_f64();
    for (what, rate) in [
        ("sent", (sent - before.0) / used.span.as_secs_f64()),
        ("received", (received - before.1) / used.span.as_secs_f64()),
    ] {
        if (rate / expected - 1.0).abs() > 0.05 {
            println!("  note: {rate:.0} pings a second {what}, not {expected:.0}");
        }
    }
    used
}

/// Pings that a node has sent and received so far.
fn pings(cluster: &Cluster) -> (f64, f64) {
    let scrape = cluster.node(1).metrics().expect("metrics");
    (scrape.sum("heartbeat_pings_total"), scrape.sum("heartbeat_pings_received_total"))
}

/// A node that watches `count` stub peers, once it sees them all alive on open streams.
fn node_with_stubs(stub: &Stub, count: usize, arguments: &[&str]) -> Cluster {
    let plan = (0..count).map(|index| stub.peer(index));
    let plan = plan.fold(Plan::loopback(1), |plan, (name, address)| plan.watching(&name, address));
    let cluster = plan.with(arguments).start();
    check("all stub peers are alive", seconds(60), || {
        let view = cluster.node(1).json("/api/v1/peers")?;
        let peers = view["peers"].as_array().ok_or("no peers")?;
        let well = peers.iter().filter(|peer| peer["state"] == "alive" && peer["streaming"] == true).count();
        if well == count { Ok(()) } else { Err(format!("{well} of {count}")) }
    });
    cluster
}

/// A thousand watched peers with a stream each.
pub fn thousand() -> Vec<Measurement> {
    let stub = Stub::start();
    let cluster = node_with_stubs(&stub, 1000, &[]);
    hold(seconds(5));
    let before = cluster.node(1).metrics().expect("metrics");
    stub.gaps();
    let process = cluster.node(1).process_id();
    let used = machine::watch(process, seconds(30));
    let (longest, late) = stub.gaps();
    let after = cluster.node(1).metrics().expect("metrics");
    let grown = |name: &str| after.sum(name) - before.sum(name);
    let what = "1,000 monitored peers at 1 s with streams";
    vec![
        Measurement::new(format!("{what}: share of one core"), "%", used.cpu_ms_per_second() / 10.0, Some(4.0))
            .note(format!("{:.0} pings per second", grown("heartbeat_pings_total") / used.span.as_secs_f64())),
        Measurement::new(format!("{what}: resident memory"), "MiB", machine::resident_mib(process), Some(40.0))
            .note("after two scrapes"),
        Measurement::new(format!("{what}: late pings in 30 s"), "", late as f64, Some(0.0)).note(format!(
            "longest gap {} ms; {} failed",
            longest.as_millis(),
            grown("heartbeat_pings_failed_total")
        )),
    ]
}
