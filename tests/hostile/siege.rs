//! A mesh that is attacked, and what must hold meanwhile.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::attack::Attack;
use super::level::{Guard, Level, Target};
use super::support::metrics::Scrape;
use super::support::{Cluster, Line, Plan, Report, SOON, check, hold, http, millis, seconds};

/// Asks for the long forms.
const LONG: &str = "HEARTBEAT_TEST_HOSTILE";

/// The most memory of a node, in any case.
const MEMORY_MAX: f64 = 64.0 * 1024.0 * 1024.0;

/// How long and how strict.
pub struct Form {
    pub is_long: bool,
    /// Of the attack before a node is frozen; pings are counted until it is reported.
    span: Duration,
    wait_stalled: Duration,
    /// After its wait a frozen node is reported within this.
    late: Duration,
    /// Part of the pings that are due.
    pings: f64,
}

pub fn form() -> Form {
    if std::env::var_os(LONG).is_some_and(|value| value == "long") {
        Form { is_long: true, span: seconds(48), wait_stalled: seconds(10), late: seconds(1), pings: 0.95 }
    } else {
        Form { is_long: false, span: seconds(4), wait_stalled: seconds(5), late: seconds(3), pings: 0.8 }
    }
}

/// A mesh of three nodes, with what the case adds.
pub struct Siege {
    pub cluster: Cluster,
    pub guard: Guard,
    form: Form,
    began: Instant,
}

impl Siege {
    /// `more`: what all nodes are started with besides.
    #[track_caller]
    pub fn begin(level: Level, plan: Plan, more: &[&str]) -> Siege {
        Siege::guarded(Guard::new(level), plan, more)
    }

    /// The same with keys and certificates that are there already.
    #[track_caller]
    pub fn guarded(guard: Guard, plan: Plan, more: &[&str]) -> Siege {
        let (form, began) = (form(), Instant::now());
        let wait = format!("--wait-stalled={}s", form.wait_stalled.as_secs());
        // At this level each ping is a line, so that pings are counted when they end and not when they are scraped.
        let mut cluster = plan.with(&[&wait, "--log-level=debug"]).with(more).build();
        guard.start(&mut cluster);
        cluster.settle();
        Siege { cluster, guard, form, began }
    }

    pub fn began(&self) -> Instant {
        self.began
    }

    pub fn address(&self, number: usize) -> SocketAddr {
        self.cluster.node(number).host.address
    }

    /// A node as strangers reach it.
    pub fn target(&self, number: usize) -> Target {
        let address = self.address(number);
        self.guard.target(address, address.ip())
    }

    /// Runs while `attack` does: node-1 must send its pings, and report node-3 once that is frozen.
    #[track_caller]
    pub fn withstand(&mut self, report: &Report, attack: Attack) {
        self.withstand_until(report, attack, None);
    }

    /// The same, and the attack continues until node-1 has logged `event`.
    #[track_caller]
    pub fn withstand_until(&mut self, report: &Report, attack: Attack, event: Option<&str>) {
        let since = Instant::now();
        hold(self.form.span);
        let frozen = self.cluster.signal(3, "STOP");
        let limit = self.form.wait_stalled + self.form.late;
        let line = self.cluster.await_event(1, "peer_down", "node-3", frozen, SOON);
        let took = line.at.duration_since(frozen);
        // One ping of node-2 in an interval of a second, which jitter changes by a tenth at most, both ways.
        let part = self.pings(since) / since.elapsed().as_secs_f64().floor();
        let failed = self.own_pings(since, "Ping failed").count();
        if let Some(event) = event {
            let told = self.cluster.node(1).log.wait(self.began, SOON, |line| line.event() == event);
            assert!(told.is_some(), "node-1 never logged {event}");
        }
        let count = attack.end();
        self.cluster.signal(3, "CONT");
        report.say(format!("{count}; own pings answered {:.0} % of those due, {failed} failed", part * 100.0));
        report.measured("frozen node reported", took, limit);
        let memory = self.cluster.node(1).memory_at_most();
        report.say(format!("memory of node-1 at most {:.1} MiB", memory / 1024.0 / 1024.0));
        assert!(part >= self.form.pings, "own pings: {part:.2} of those due");
        assert!(took <= limit, "the frozen node was reported after {took:?}");
        assert!(memory <= MEMORY_MAX, "{memory} bytes");
        self.cluster.settle();
        self.assert_no_other_verdict();
    }

    /// No node but the frozen one was judged, by anyone; the frozen one itself may have lost its peers for a moment.
    #[track_caller]
    fn assert_no_other_verdict(&self) {
        self.cluster.assert_down_only(&["node-3", "bad"]);
        for observer in [1, 2] {
            let alarms = self.cluster.logged(observer, &["peer_down", "peer_unreachable"], self.began);
            let others = alarms.iter().filter(|line| !["node-3", "bad"].contains(&&*line.text("peer")));
            let wrong: Vec<&str> = others.map(|line| line.raw.as_str()).collect();
            assert!(wrong.is_empty(), "node-{observer} judges a node that runs: {wrong:#?}");
        }
    }

    /// Waits for the one line that tells the end; the one that tells the beginning must be there, once.
    #[track_caller]
    pub fn await_lines(&self, number: usize, begin: &str, end: &str) {
        check(&format!("node-{number} logs {begin} and {end}"), SOON, || {
            let ended = self.cluster.logged(number, &[end], self.began).len();
            if ended == 1 { Ok(()) } else { Err(format!("{ended} lines of {end}")) }
        });
        let begun = self.cluster.logged(number, &[begin], self.began).len();
        assert_eq!(begun, 1, "lines of {begin} at node-{number}");
    }

    /// What a counter of a node shows, on its metrics port.
    #[track_caller]
    pub fn count(&self, number: usize, name: &str, labels: &[&str]) -> f64 {
        let scrape = self.scrape(number).unwrap_or_else(|problem| panic!("{problem}"));
        scrape.value(name, labels).unwrap_or_else(|problem| panic!("{problem}"))
    }

    /// Pings of node-2 by node-1 that were answered: those of the schedule, and checks after one of them that failed. Two
    /// within half an interval are one.
    fn pings(&self, since: Instant) -> f64 {
        let mut last = None;
        let apart = |at: &Instant| last.is_none_or(|last| *at - last > millis(500)).then(|| last = Some(*at)).is_some();
        self.own_pings(since, "Ping answered").map(|line| line.at).filter(apart).count() as f64
    }

    fn own_pings(&self, since: Instant, message: &str) -> impl Iterator<Item = Line> {
        let lines = self.cluster.logged(1, &["ping"], since).into_iter();
        lines.filter(move |line| {
            line.text("peer") == "node-2" && line.text("purpose") != "witness" && line.text("message") == message
        })
    }

    fn scrape(&self, number: usize) -> Result<Scrape, String> {
        let host = &self.cluster.node(number).host;
        let address = SocketAddr::new(host.address.ip(), host.metrics_port);
        Ok(Scrape::parse(&http::get(address, "/metrics")?.body))
    }
}
