//! What the node says to the outside: one function turns each event of the
//! detector into one log line, its metrics and an entry of the event ring.
//!
//! The detector only emits events. If every place that changes something also
//! logged it and counted it, the three would drift apart; here they cannot,
//! because they are made from the same event by the same call, in the words of
//! [`crate::render`]. Log lines report changes only: pings and suspicion
//! are debug, and a continuing failure is folded into one line a minute.

pub mod catalogue;
mod discovery;
pub(crate) mod ends;
pub(crate) mod events;
mod exposition;
mod fields;
mod http;
mod label_values;
pub(crate) mod logs;
mod maintenance;
mod metric_kind;
pub(crate) mod metrics;
mod peer;
mod process;
mod recorder;
mod round_trips;
mod server;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

pub use events::EventLog;
pub use metrics::Metrics;

use crate::detector::event::{EventKind, PingResult, Purpose};
use crate::detector::evidence::Evidence;
use crate::detector::level::Level;
use crate::detector::peer::PeerId;
use crate::detector::time::Monotonic;
use crate::mesh::event::NodeEvent;
use crate::render::{self, Description};

/// How often a continuing failure is logged again, with its count.
const FOLDED_FOR: Duration = Duration::from_secs(60);

/// Where events become log lines, metrics and entries of the ring.
pub struct Telemetry {
    metrics: Arc<Metrics>,
    events: Arc<EventLog>,
    /// One a watched peer whose pings fail.
    folds: Mutex<BTreeMap<PeerId, Fold>>,
}

/// A run of equal failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fold {
    failure: (Purpose, Evidence, bool),
    told: Monotonic,
    /// Failures since then that were not told.
    untold: u64,
}

impl Telemetry {
    pub fn new(metrics: Arc<Metrics>, events: Arc<EventLog>) -> Telemetry {
        Telemetry { metrics, events, folds: Mutex::default() }
    }

    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    pub fn events(&self) -> &Arc<EventLog> {
        &self.events
    }

    /// Logs, counts and keeps an event.
    pub fn observe(&self, event: NodeEvent) {
        let now = SystemTime::now();
        self.metrics.observe(&event, now);
        let folded = match self.fold(&event) {
            Telling::Say { folded } => folded,
            Telling::Quiet => return,
        };
        let fields = fields::of(&event, now, folded);
        let words = render::describe(&event);
        log(&words, event.peer().map(|key| &*key.0), &fields);
        if words.name != "ping" {
            self.events.push(event, now);
        }
    }

    /// Whether an event gets a line, and how many events the line counts besides it.
    fn fold(&self, event: &NodeEvent) -> Telling {
        let NodeEvent::Detector(event) = event else { return Telling::Say { folded: 0 } };
        let EventKind::PingEnded { purpose, result } = &event.kind else { return Telling::Say { folded: 0 } };
        // Pings are most of all events, and hardly anyone reads them.
        if !tracing::enabled!(target: logs::TARGET, tracing::Level::DEBUG) {
            return Telling::Quiet;
        }
        let Some(peer) = event.peer.as_ref().map(|peer| peer.id) else { return Telling::Say { folded: 0 } };
        let mut folds = self.folds.lock().unwrap_or_else(PoisonError::into_inner);
        let before = folds.get(&peer).copied();
        match result {
            PingResult::Success { .. } => {
                folds.remove(&peer);
                Telling::Say { folded: before.map_or(0, |fold| fold.untold) }
            }
            PingResult::Failure { evidence, timed_out } => {
                let (telling, fold) = tell(before, (*purpose, *evidence, *timed_out), event.at);
                folds.insert(peer, fold);
                telling
            }
        }
    }
}

/// `tracing` wants the set of fields at compile time, and each kind of event has its own; so they travel as
/// one JSON object in the field [`logs::FIELDS`], which the formatters of this program unfold.
fn log(words: &Description, peer: Option<&str>, fields: &fields::Fields) {
    let Description { name, level, message, sentence } = words;
    macro_rules! line {
        ($level:expr) => {
            tracing::event!(
                target: logs::TARGET,
                $level,
                event = name,
                peer,
                sentence,
                fields = %logs::Json(fields),
                "{message}"
            )
        };
    }
    match level {
        Level::Debug => line!(tracing::Level::DEBUG),
        Level::Info => line!(tracing::Level::INFO),
        Level::Warn => line!(tracing::Level::WARN),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Telling {
    Say { folded: u64 },
    Quiet,
}

/// A failure is logged when it is the first of its kind, or once [`FOLDED_FOR`] has passed.
fn tell(before: Option<Fold>, failure: (Purpose, Evidence, bool), at: Monotonic) -> (Telling, Fold) {
    match before {
        Some(fold) if fold.failure == failure && at - fold.told < FOLDED_FOR => {
            (Telling::Quiet, Fold { untold: fold.untold + 1, ..fold })
        }
        other => {
            let folded = other.map_or(0, |fold| fold.untold);
            (Telling::Say { folded }, Fold { failure, told: at, untold: 0 })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::LogLevel;
    use crate::detector::event::{Doubt, Event, PeerRef};
    use crate::detector::evidence::Class;
    use crate::detector::peer::{NodeName, PeerKey, PeerState, Verdict};

    fn telemetry() -> Telemetry {
        let metrics = Metrics::new(Duration::from_secs(2)).unwrap();
        Telemetry::new(Arc::new(metrics), Arc::new(EventLog::new()))
    }

    fn event(state: PeerState, kind: EventKind) -> Event {
        let peer = PeerRef {
            id: PeerId(1),
            key: PeerKey("b:1".into()),
            node: NodeName::new("b").ok(),
            boot: None,
            state,
            flaw: None,
        };
        Event { at: Monotonic(Duration::ZERO), peer: Some(peer), kind }
    }

    fn lines(level: LogLevel, events: &[Event]) -> Vec<serde_json::Value> {
        let telemetry = telemetry();
        logs::tests::logged_lines(level, || {
            events.iter().cloned().for_each(|event| telemetry.observe(NodeEvent::Detector(event)))
        })
    }

    #[test]
    fn a_peer_s_coming_and_going_is_logged_in_the_words_people_look_for() {
        let joined = event(PeerState::Alive, EventKind::PeerJoined { rtt: Some(Duration::from_millis(2)) });
        let down = EventKind::PeerDown {
            prev: PeerState::Suspect,
            verdict: Verdict::Down,
            class: Class::Gone,
            evidence: Evidence::Refused,
            silent_for: Duration::from_millis(251),
            accusers: vec![NodeName::new("node-1").unwrap()],
        };
        let lines = lines(LogLevel::Info, &[joined, event(PeerState::Dead, down)]);
        let field = |line: usize, name: &str| lines[line][name].clone();
        assert_eq!((field(0, "message"), field(0, "level")), ("Peer is online".into(), "info".into()));
        assert_eq!((field(0, "event"), field(0, "peer")), ("peer_joined".into(), "b:1".into()));
        assert_eq!((field(0, "rtt_s"), field(0, "status")), (0.002.into(), "online".into()));
        assert_eq!((field(1, "message"), field(1, "level")), ("Peer unreachable".into(), "warn".into()));
        assert_eq!((field(1, "event"), field(1, "node")), ("peer_down".into(), "node-1".into()));
        assert_eq!((field(1, "error"), field(1, "status")), ("connection refused".into(), "down".into()));
        assert_eq!((field(1, "last_ping_seconds_ago"), field(1, "state")), (0.251.into(), "dead".into()));
    }

    /// A reader of the log and a reader of the API see the same fields in the same units, and none of them hides what the
    /// line says of itself.
    #[test]
    fn a_log_line_has_the_fields_that_the_api_shows() {
        let name = |text| NodeName::new(text).unwrap();
        let accused = EventKind::PeerUnreachable {
            prev: PeerState::Suspect,
            verdict: Verdict::LinkBroken,
            class: Class::Silent,
            evidence: Evidence::Silent,
            silent_for: Duration::from_micros(3_512_345),
            witnesses: vec![name("node-3")],
        };
        let address = |port| std::net::SocketAddr::from(([10, 0, 0, 1], port));
        let other = event(PeerState::Alive, EventKind::PeerAdded).peer.unwrap();
        let kinds = [
            accused,
            EventKind::PeerJoined { rtt: Some(Duration::from_micros(846)) },
            EventKind::PeerMoved { from: address(1), to: address(2) },
            EventKind::PeerFlapping { on: true, changes: 4 },
            EventKind::SelfCutOff { heard: 0, expected: 1, unheard: vec![other], no_network: false },
            EventKind::SelfStalled { lost: Duration::from_millis(700) },
        ];
        let events: Vec<Event> = kinds.into_iter().map(|kind| event(PeerState::Unreachable, kind)).collect();
        let telemetry = telemetry();
        let text = logs::tests::logged(true, LogLevel::Debug, || {
            events.iter().cloned().for_each(|event| telemetry.observe(NodeEvent::Detector(event)))
        });
        let page = telemetry.events().list(&events::Filter::default(), 10);
        assert_eq!((text.lines().count(), page.entries.len()), (events.len(), events.len()));
        for (line, entry) in text.lines().zip(&page.entries) {
            let mut logged: BTreeMap<String, serde_json::Value> = serde_json::from_str(line).unwrap();
            let shown = entry.body(&name("node-1"));
            assert_eq!(logged.remove("event").unwrap(), entry.event.name());
            for (text, what) in [(shown.message, "message"), (shown.sentence, "sentence")] {
                assert_eq!(logged.remove(what).unwrap(), text);
            }
            for header in ["ts", "level", "node", "peer"] {
                assert!(logged.remove(header).is_some(), "{header}: {line}");
            }
            assert_eq!(logged, shown.fields.into_iter().collect(), "{line}");
        }
    }

    #[test]
    fn info_tells_changes_only_and_the_ring_has_no_pings() {
        let failed = PingResult::Failure { evidence: Evidence::Refused, timed_out: false };
        let ping = || event(PeerState::Alive, EventKind::PingEnded { purpose: Purpose::Check, result: failed });
        let suspect = event(PeerState::Suspect, EventKind::PeerSuspect { doubt: Doubt::Failed });
        assert!(lines(LogLevel::Info, &[ping(), suspect.clone()]).is_empty());
        let debug = lines(LogLevel::Debug, &[ping(), ping(), ping(), suspect.clone()]);
        let names: Vec<_> = debug.iter().map(|line| line["event"].as_str().unwrap()).collect();
        assert_eq!(names, ["ping", "peer_suspect"], "the second and third failure are folded");
        let telemetry = telemetry();
        telemetry.observe(NodeEvent::Detector(ping()));
        telemetry.observe(NodeEvent::Detector(suspect));
        let page = telemetry.events().list(&events::Filter::default(), 10);
        assert_eq!(page.entries.iter().map(|entry| entry.event.name()).collect::<Vec<_>>(), ["peer_suspect"]);
    }

    #[test]
    fn a_failure_that_goes_on_is_told_once_a_minute() {
        let refused = (Purpose::Check, Evidence::Refused, false);
        let silent = (Purpose::Check, Evidence::Silent, false);
        let steps = [
            (0, refused, Telling::Say { folded: 0 }),
            (1, refused, Telling::Quiet),
            (2, refused, Telling::Quiet),
            (3, silent, Telling::Say { folded: 2 }),
            (4, silent, Telling::Quiet),
            (62, silent, Telling::Quiet),
            (63, silent, Telling::Say { folded: 2 }),
            (64, silent, Telling::Quiet),
        ];
        let mut fold = None;
        for (second, failure, expected) in steps {
            let (telling, next) = tell(fold, failure, Monotonic(Duration::from_secs(second)));
            assert_eq!(telling, expected, "at {second} s");
            fold = Some(next);
        }
    }
}
