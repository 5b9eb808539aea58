//! What a scrape shows is what the catalogue says, both ways.

#![cfg(feature = "node")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use heartbeat::detector::discovery::{DnsName, Removal};
use heartbeat::detector::event::{Event, EventKind, PeerRef, PingResult, Purpose};
use heartbeat::detector::evidence::{Class, Evidence};
use heartbeat::detector::maintenance::{Maintenance, MaintenanceReason};
use heartbeat::detector::peer::{BootId, NodeName, PeerId, PeerKey, PeerState, Verdict};
use heartbeat::detector::time::Monotonic;
use heartbeat::detector::view::{CandidateView, DiscoveryView, Hearsay, NameView, PeerView, View};
use heartbeat::mesh::event::NodeEvent;
use heartbeat::testing::telemetry::catalogue::{self, CATALOGUE, Kind, Presence};
use heartbeat::testing::telemetry::{EventLog, Metrics, Telemetry};

struct Bench {
    telemetry: Telemetry,
    peers: Vec<PeerRef>,
    discovery: DiscoveryView,
}

impl Bench {
    fn new() -> Bench {
        let metrics = Metrics::new(Duration::from_secs(2)).expect("the catalogue's buckets are valid");
        let telemetry = Telemetry::new(Arc::new(metrics), Arc::new(EventLog::new()));
        Bench { telemetry, peers: Vec::new(), discovery: DiscoveryView::default() }
    }

    fn add(&mut self, id: u32, key: &str) {
        let peer = PeerRef {
            id: PeerId(id),
            key: PeerKey(key.into()),
            node: None,
            boot: None,
            state: PeerState::Joining,
            flaw: None,
        };
        self.peers.push(peer);
        self.happens(key, EventKind::PeerAdded);
    }

    fn remove(&mut self, key: &str) {
        self.happens(key, EventKind::PeerRemoved { why: Removal::Unlisted });
        self.peers.retain(|peer| &*peer.key.0 != key);
    }

    fn enters(&mut self, key: &str, state: PeerState, kind: EventKind) {
        self.peers.iter_mut().find(|peer| &*peer.key.0 == key).expect("a watched peer").state = state;
        self.happens(key, kind);
    }

    fn happens(&self, key: &str, kind: EventKind) {
        let peer = self.peers.iter().find(|peer| &*peer.key.0 == key).expect("a watched peer");
        self.telemetry.observe(NodeEvent::Detector(Event {
            at: Monotonic(Duration::ZERO),
            peer: Some(peer.clone()),
            kind,
        }));
    }

    fn view(&self) -> View {
        let node = NodeName::new("node-1").expect("valid");
        View {
            lost: Duration::from_millis(1500),
            hearsay: Hearsay { components: 1, list_mismatches: 2 },
            discovery: self.discovery.clone(),
            ..View::new(node, BootId(1), self.peers.iter().map(peer_view).collect())
        }
    }

    fn scrape(&self) -> Scrape {
        Scrape::parse(&self.telemetry.metrics().render(&self.view()))
    }
}

fn peer_view(peer: &PeerRef) -> PeerView {
    let verdict = (peer.state == PeerState::Dead).then_some(Verdict::Down);
    PeerView { verdict, phi: 1.5, pings_me: true, ..PeerView::new(peer.clone()) }
}

fn ping(purpose: Purpose, result: PingResult) -> EventKind {
    EventKind::PingEnded { purpose, result }
}

fn answered(purpose: Purpose) -> EventKind {
    ping(purpose, PingResult::Success { rtt: Duration::from_millis(3), sampled: true })
}

fn failed(purpose: Purpose, evidence: Evidence, timed_out: bool) -> EventKind {
    ping(purpose, PingResult::Failure { evidence, timed_out })
}

/// One rendering, taken apart.
struct Scrape {
    text: String,
    /// Type and help by family.
    families: BTreeMap<String, (String, String)>,
    /// Value by series, as it is written.
    series: BTreeMap<String, f64>,
}

impl Scrape {
    fn parse(text: &str) -> Scrape {
        let mut scrape = Scrape { text: text.to_owned(), families: BTreeMap::new(), series: BTreeMap::new() };
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').expect("a help text");
                assert!(scrape.families.insert(name.into(), (String::new(), help.into())).is_none(), "{name} twice");
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').expect("a type");
                scrape.families.get_mut(name).expect("help comes first").0 = kind.into();
            } else {
                let (series, value) = line.rsplit_once(' ').expect("a value");
                let value: f64 = value.parse().expect("a number");
                assert!(value.is_finite(), "{line}");
                assert!(scrape.series.insert(series.into(), value).is_none(), "{series} twice");
            }
        }
        scrape
    }

    fn value(&self, series: &str) -> f64 {
        *self.series.get(series).unwrap_or_else(|| panic!("{series} is missing in\n{}", self.text))
    }
}

/// The family of a series: its name without what a histogram adds.
fn family(series: &str) -> String {
    let name = series.split(['{', ' ']).next().unwrap_or_default();
    let histogram = CATALOGUE.iter().filter(|metric| metric.kind == Kind::Histogram);
    let names = histogram.flat_map(|metric| ["_bucket", "_sum", "_count"].map(|end| (metric.name, end)));
    names
        .into_iter()
        .find(|(base, end)| name == format!("{base}{end}"))
        .map_or_else(|| name.to_owned(), |(base, _)| base.to_owned())
}

#[test]
fn every_family_is_in_the_catalogue_and_every_entry_is_rendered() {
    let mut bench = Bench::new();
    bench.add(1, "node-2");
    bench.telemetry.metrics().http_request("/ping", 200, Some(Duration::from_millis(1)));
    let scrape = bench.scrape();
    for (name, (kind, help)) in &scrape.families {
        let metric = catalogue::find(name).unwrap_or_else(|| panic!("{name} is not in the catalogue"));
        assert_eq!((kind.as_str(), help.as_str()), (metric.kind.as_str(), metric.help), "{name}");
    }
    for metric in CATALOGUE.iter().filter(|metric| metric.presence != Presence::LinuxOnly || cfg!(target_os = "linux"))
    {
        assert!(scrape.families.contains_key(metric.name), "{} is not rendered", metric.name);
    }
    for series in scrape.series.keys() {
        let name = family(series);
        let metric = catalogue::find(&name).unwrap_or_else(|| panic!("{series} is not in the catalogue"));
        let labels: BTreeSet<&str> = series
            .split_once('{')
            .map(|(_, labels)| labels.split("\",").filter_map(|label| Some(label.split_once('=')?.0)).collect())
            .unwrap_or_default();
        let mut known: BTreeSet<&str> = metric.label_names().into_iter().collect();
        known.extend(series.contains("_bucket{").then_some("le"));
        assert_eq!(labels, known, "{series}");
    }
}

/// All series of the catalogue for one peer, as they are written.
fn series_of(peer: &str) -> Vec<String> {
    let mut all = Vec::new();
    for metric in CATALOGUE.iter().filter(|metric| metric.per_peer) {
        assert!(metric.labels.len() <= 1, "{}: at most one closed label", metric.name);
        let suffix = if metric.kind == Kind::Histogram { "_count" } else { "" };
        match metric.labels {
            [] => all.push(format!("{}{suffix}{{peer=\"{peer}\"}}", metric.name)),
            labels => {
                let values = (labels[0].values)();
                assert!(!values.is_empty(), "{}: an open label beside the peer", metric.name);
                all.extend(
                    values
                        .iter()
                        .map(|v| format!("{}{suffix}{{peer=\"{peer}\",{}=\"{v}\"}}", metric.name, labels[0].name)),
                );
            }
        }
    }
    all
}

#[test]
fn a_known_peer_has_all_its_series_from_the_start_and_none_after_its_end() {
    let mut bench = Bench::new();
    bench.add(1, "node-2:8001");
    bench.add(2, "[::1]:8003");
    let scrape = bench.scrape();
    for series in ["node-2:8001", "[::1]:8003"].into_iter().flat_map(series_of) {
        let value = scrape.value(&series);
        let counts = family(&series);
        if catalogue::find(&counts).expect("known").kind != Kind::Gauge {
            assert_eq!(value, 0.0, "{series}");
        }
    }
    bench.happens("[::1]:8003", answered(Purpose::Scheduled));
    bench.remove("[::1]:8003");
    let scrape = bench.scrape();
    assert!(!scrape.text.contains("[::1]"), "{}", scrape.text);
    for series in series_of("node-2:8001") {
        scrape.value(&series);
    }
    bench.remove("node-2:8001");
    let scrape = bench.scrape();
    assert!(!scrape.text.contains("peer=\""), "{}", scrape.text);
}

/// Even when the event of a removal is missed, the view decides.
#[test]
fn a_peer_that_is_not_in_the_view_has_no_series() {
    let mut bench = Bench::new();
    bench.add(1, "node-2");
    bench.peers.clear();
    assert!(!bench.scrape().text.contains("node-2"));
}

#[test]
fn a_peer_that_comes_back_goes_on_counting() {
    let mut bench = Bench::new();
    bench.add(1, "node-2");
    bench.happens("node-2", answered(Purpose::Scheduled));
    bench.remove("node-2");
    bench.add(2, "node-2");
    let scrape = bench.scrape();
    assert_eq!(scrape.value("heartbeat_pings_total{peer=\"node-2\"}"), 1.0);
    assert_eq!(scrape.value("heartbeat_peer_last_success_timestamp_seconds{peer=\"node-2\"}"), 0.0);
}

#[test]
fn total_is_success_plus_failed_at_every_scrape() {
    let mut bench = Bench::new();
    bench.add(1, "a");
    let kinds = [
        answered(Purpose::Scheduled),
        failed(Purpose::Scheduled, Evidence::Stalled, true),
        answered(Purpose::Check),
        failed(Purpose::Check, Evidence::Refused, false),
        answered(Purpose::Witness),
        failed(Purpose::Witness, Evidence::Silent, false),
    ];
    let one = |name: &str| format!("{name}{{peer=\"a\"}}");
    for (ended, kind) in kinds.into_iter().enumerate() {
        bench.happens("a", kind);
        let scrape = bench.scrape();
        let (total, success, failed) = (
            scrape.value(&one("heartbeat_pings_total")),
            scrape.value(&one("heartbeat_pings_success_total")),
            scrape.value(&one("heartbeat_pings_failed_total")),
        );
        assert_eq!(total, success + failed);
        assert_eq!(total, (ended + 1).min(4) as f64, "pings for witnesses count elsewhere");
    }
    let scrape = bench.scrape();
    let reason =
        |reason: &str| scrape.value(&format!("heartbeat_ping_failures_total{{peer=\"a\",reason=\"{reason}\"}}"));
    assert_eq!((reason("timeout"), reason("refused"), reason("stalled")), (1.0, 1.0, 0.0));
    assert_eq!(scrape.value("heartbeat_witness_checks_total{result=\"answered\"}"), 1.0);
    assert_eq!(scrape.value("heartbeat_witness_checks_total{result=\"silent\"}"), 1.0);
    assert_eq!(scrape.value(&one("heartbeat_ping_duration_seconds_count")), 1.0, "scheduled pings only");
}

#[test]
fn states_verdicts_and_transitions_follow_the_peer() {
    let mut bench = Bench::new();
    bench.add(1, "a");
    bench.enters("a", PeerState::Alive, EventKind::PeerJoined { rtt: None });
    let scrape = bench.scrape();
    assert_eq!(scrape.value("heartbeat_peer_up{peer=\"a\"}"), 1.0);
    assert_eq!(scrape.value("heartbeat_peers{state=\"alive\"}"), 1.0);
    assert_eq!(scrape.value("heartbeat_incoming_peers"), 1.0);
    assert_eq!(scrape.value("heartbeat_mesh_components"), 1.0);
    assert_eq!(scrape.value("heartbeat_peer_list_mismatch"), 2.0);
    let down = EventKind::PeerDown {
        prev: PeerState::Alive,
        verdict: Verdict::Down,
        class: Class::Gone,
        evidence: Evidence::Refused,
        silent_for: Duration::from_millis(320),
        accusers: Vec::new(),
    };
    bench.enters("a", PeerState::Dead, down);
    let scrape = bench.scrape();
    assert_eq!(scrape.value("heartbeat_peer_up{peer=\"a\"}"), 0.0);
    assert_eq!(scrape.value("heartbeat_peer_expected{peer=\"a\"}"), 1.0);
    assert_eq!(scrape.value("heartbeat_peer_state{peer=\"a\",state=\"dead\"}"), 1.0);
    assert_eq!(scrape.value("heartbeat_peer_state{peer=\"a\",state=\"alive\"}"), 0.0);
    assert_eq!(scrape.value("heartbeat_peer_transitions_total{peer=\"a\",to=\"dead\"}"), 1.0);
    assert_eq!(scrape.value("heartbeat_peer_transitions_total{peer=\"a\",to=\"joining\"}"), 0.0);
    assert_eq!(scrape.value("heartbeat_peer_verdicts{verdict=\"down\"}"), 1.0);
    assert_eq!(scrape.value("heartbeat_silence_at_verdict_seconds_bucket{class=\"gone\",le=\"0.35\"}"), 1.0);
    assert_eq!(scrape.value("heartbeat_silence_at_verdict_seconds_bucket{class=\"gone\",le=\"0.3\"}"), 0.0);
    assert_eq!(scrape.value("heartbeat_events_total{event=\"peer_down\"}"), 1.0);
    assert_eq!(scrape.value("heartbeat_observer_stall_seconds_total"), 1.5);
    assert!(scrape.text.contains("# TYPE heartbeat_observer_stall_seconds_total counter"));
}

#[test]
fn maintenance_is_shown_with_its_end() {
    let mut bench = Bench::new();
    bench.add(1, "a");
    bench.add(2, "b");
    let series = |scrape: &Scrape, name: &str| scrape.value(&format!("heartbeat_peer_maintenance{name}"));
    let scrape = bench.scrape();
    assert_eq!((series(&scrape, "{peer=\"a\"}"), series(&scrape, "_end_timestamp_seconds{peer=\"a\"}")), (0.0, 0.0));
    assert_eq!(scrape.value("heartbeat_maintenance_end_timestamp_seconds"), 0.0);
    let hour = Duration::from_secs(3600);
    let maintenance = Maintenance { reason: MaintenanceReason::new("disk").expect("printable"), left: hour };
    let mut view = bench.view();
    view.maintenance = Some(maintenance.clone());
    view.peers[0].maintenance = Some(maintenance);
    view.peers[1].overrun = Some(hour);
    let scrape = Scrape::parse(&bench.telemetry.metrics().render(&view));
    assert_eq!((scrape.value("heartbeat_maintenance"), series(&scrape, "{peer=\"a\"}")), (1.0, 1.0));
    assert_eq!(series(&scrape, "{peer=\"b\"}"), 0.0, "its time is over");
    let end = series(&scrape, "_end_timestamp_seconds{peer=\"a\"}");
    assert_eq!(end, scrape.value("heartbeat_maintenance_end_timestamp_seconds"));
    assert_eq!(end - series(&scrape, "_end_timestamp_seconds{peer=\"b\"}"), 7200.0);
    assert_eq!(end.fract(), 0.0);
    let scrape = bench.scrape();
    assert_eq!((series(&scrape, "{peer=\"a\"}"), series(&scrape, "_end_timestamp_seconds{peer=\"b\"}")), (0.0, 0.0));
}

#[test]
fn a_state_that_lasts_keeps_its_timestamp() {
    let mut bench = Bench::new();
    bench.add(1, "a");
    bench.enters("a", PeerState::Alive, EventKind::PeerJoined { rtt: None });
    let changed = |scrape: &Scrape| scrape.value("heartbeat_peer_state_changed_timestamp_seconds{peer=\"a\"}");
    let first = changed(&bench.scrape());
    assert!(first > 1.6e9);
    assert_eq!(first, changed(&bench.scrape()));
}

#[test]
fn discovery_is_shown_as_the_view_has_it() {
    let mut bench = Bench::new();
    let value = |bench: &Bench, name: &str| bench.scrape().value(&format!("heartbeat_discovery_{name}"));
    for name in ["errors_total", "candidates", "last_success_timestamp_seconds"] {
        assert_eq!(value(&bench, name), 0.0, "{name} where every peer was listed");
    }
    let found = |age: Option<u64>| NameView {
        name: DnsName { host: "nodes".into(), port: 8001, tls: false },
        addresses: 3,
        last_success: age.map(Duration::from_secs),
        failing_for: None,
        error: None,
    };
    bench.discovery.errors = 4;
    bench.discovery.candidates = vec![CandidateView {
        address: ([10, 0, 0, 7], 8001).into(),
        age: Duration::ZERO,
        evidence: None,
        flaw: None,
        overdue: false,
    }];
    bench.discovery.names = vec![found(Some(1)), found(Some(100_000))];
    assert_eq!((value(&bench, "errors_total"), value(&bench, "candidates")), (4.0, 1.0));
    let oldest = value(&bench, "last_success_timestamp_seconds");
    bench.discovery.names.truncate(1);
    let newest = value(&bench, "last_success_timestamp_seconds");
    assert!((99_990.0..100_010.0).contains(&(newest - oldest)), "{newest} - {oldest}");
    bench.discovery.names = vec![found(Some(1)), found(None)];
    assert_eq!(value(&bench, "last_success_timestamp_seconds"), 0.0, "one was never found");
}

#[test]
fn an_address_that_is_this_node_gets_no_series() {
    let mut bench = Bench::new();
    let peer = PeerRef {
        id: PeerId(9),
        key: PeerKey("me:1".into()),
        node: None,
        boot: None,
        state: PeerState::Joining,
        flaw: None,
    };
    bench.telemetry.observe(NodeEvent::Detector(Event {
        at: Monotonic::default(),
        peer: Some(peer),
        kind: EventKind::PeerIsSelf,
    }));
    assert!(!bench.scrape().text.contains("me:1"));
    bench.add(1, "a");
    assert_eq!(bench.scrape().value("heartbeat_events_total{event=\"peer_is_self\"}"), 1.0);
}

/// Prometheus' own linter, where it is installed.
#[test]
#[expect(clippy::disallowed_methods, reason = "a test's own switch, not a setting of the program")]
fn promtool_finds_nothing() {
    use std::io::Write as _;
    use std::process::{Command, Stdio};
    let mut bench = Bench::new();
    bench.add(1, "node-2");
    bench.telemetry.metrics().http_request("/ping", 200, Some(Duration::from_millis(1)));
    let text = bench.scrape().text;
    let promtool = std::env::var_os("PROMTOOL").unwrap_or_else(|| "promtool".into());
    let started = Command::new(promtool)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut linter) = started else {
        eprintln!("SKIPPED: promtool is not installed (set PROMTOOL to its path)");
        return;
    };
    linter.stdin.take().expect("piped").write_all(text.as_bytes()).expect("promtool reads");
    let output = linter.wait_with_output().expect("promtool ends");
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.trim().is_empty(), "{said}");
}
