//! Every metric of this program, as data, in one place.
//!
//! Descriptions, types, buckets, the table of docs/reference/metrics.md and the tests are all made
//! from this list, so a metric that is not here does not exist and one that is
//! here cannot be forgotten: a test renders a node and compares both ways.
//!
//! Labels are `peer` (the key, the one open set, bounded by the peer list) and
//! closed sets whose members are listed here. Never an address, an error's text or a
//! boot id: each of them would be a new series with each restart, without limit.

pub use super::metric_kind::Kind;

use super::ends::{Closed, Refused};
use super::label_values::{classes, events, reasons, results, states, verdicts};
use crate::closed_set::ClosedSet as _;
use crate::mesh_key::guard::Unverified;

/// When a series is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// From the start, for every member of its label sets.
    Always,
    /// From the first time it happens: the label sets are too wide to be all there from the start.
    OnceSeen,
    /// Read from `/proc`, so on Linux only.
    LinuxOnly,
}

/// One label of a metric.
#[derive(Clone, Copy, Debug)]
pub struct Label {
    pub name: &'static str,
    /// All its values; empty for `peer`, for what is fixed at build time, and for codes and routes.
    pub values: fn() -> Vec<&'static str>,
}

/// One metric.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    pub name: &'static str,
    pub kind: Kind,
    /// `seconds`, `bytes` or empty.
    pub unit: &'static str,
    /// One series a watched peer: at zero as soon as the peer is known, gone with it. `peer` is then the first label.
    pub per_peer: bool,
    /// The labels other than `peer`.
    pub labels: &'static [Label],
    pub presence: Presence,
    pub help: &'static str,
    /// Upper bounds of a histogram's buckets, without infinity.
    pub buckets: &'static [f64],
}

impl Metric {
    /// All label names, `peer` first.
    pub fn label_names(&self) -> Vec<&'static str> {
        let peer = self.per_peer.then_some("peer");
        peer.into_iter().chain(self.labels.iter().map(|label| label.name)).collect()
    }
}

/// Looks a metric up by name.
pub fn find(name: &str) -> Option<&'static Metric> {
    CATALOGUE.iter().find(|metric| metric.name == name)
}

pub const PINGS: &str = "heartbeat_pings_total";
pub const PINGS_SUCCESS: &str = "heartbeat_pings_success_total";
pub const PINGS_FAILED: &str = "heartbeat_pings_failed_total";
pub const PING_FAILURES: &str = "heartbeat_ping_failures_total";
pub const PING_DURATION: &str = "heartbeat_ping_duration_seconds";
pub const PEER_UP: &str = "heartbeat_peer_up";
pub const PEER_EXPECTED: &str = "heartbeat_peer_expected";
pub const PEER_STATE: &str = "heartbeat_peer_state";
pub const PEER_PHI: &str = "heartbeat_peer_phi";
pub const PEER_LAST_SUCCESS: &str = "heartbeat_peer_last_success_timestamp_seconds";
pub const PEER_STATE_CHANGED: &str = "heartbeat_peer_state_changed_timestamp_seconds";
pub const PEER_TRANSITIONS: &str = "heartbeat_peer_transitions_total";
pub const PEER_RESTARTS: &str = "heartbeat_peer_restarts_total";
pub const PEERS: &str = "heartbeat_peers";
pub const PEER_VERDICTS: &str = "heartbeat_peer_verdicts";
pub const CUT_OFF: &str = "heartbeat_cut_off";
pub const SLOW: &str = "heartbeat_slow";
pub const STALLED: &str = "heartbeat_stalled";
pub const MAINTENANCE: &str = "heartbeat_maintenance";
pub const MAINTENANCE_END: &str = "heartbeat_maintenance_end_timestamp_seconds";
pub const PEER_MAINTENANCE: &str = "heartbeat_peer_maintenance";
pub const PEER_MAINTENANCE_END: &str = "heartbeat_peer_maintenance_end_timestamp_seconds";
pub const INCOMING_PEERS: &str = "heartbeat_incoming_peers";
pub const MESH_COMPONENTS: &str = "heartbeat_mesh_components";
pub const PEER_LIST_MISMATCH: &str = "heartbeat_peer_list_mismatch";
pub const INCIDENTS_OPEN: &str = "heartbeat_incidents_open";
pub const PINGS_RECEIVED: &str = "heartbeat_pings_received_total";
pub const WITNESS_CHECKS: &str = "heartbeat_witness_checks_total";
pub const SILENCE_AT_VERDICT: &str = "heartbeat_silence_at_verdict_seconds";
pub const TIMER_LAG: &str = "heartbeat_timer_lag_seconds";
pub const OBSERVER_STALL: &str = "heartbeat_observer_stall_seconds_total";
pub const DISCOVERY_ERRORS: &str = "heartbeat_discovery_errors_total";
pub const DISCOVERY_LAST_SUCCESS: &str = "heartbeat_discovery_last_success_timestamp_seconds";
pub const DISCOVERY_CANDIDATES: &str = "heartbeat_discovery_candidates";
pub const EVENTS: &str = "heartbeat_events_total";
pub const HTTP_REQUESTS: &str = "heartbeat_http_requests_total";
pub const HTTP_DURATION: &str = "heartbeat_http_request_duration_seconds";
pub const CONNECTIONS_REFUSED: &str = "heartbeat_connections_refused_total";
pub const CONNECTIONS_CLOSED: &str = "heartbeat_connections_closed_total";
pub const ACCEPT_FAILURES: &str = "heartbeat_accept_failures_total";
pub const STREAM_FLOODS: &str = "heartbeat_stream_floods_total";
pub const TOKENS_REFUSED: &str = "heartbeat_tokens_refused_total";
pub const UNVERIFIED_REQUESTS: &str = "heartbeat_unverified_requests_total";
pub const UNVERIFIED_ANSWERS: &str = "heartbeat_unverified_answers_total";
pub const MESH_KEY_FILE_UNUSABLE: &str = "heartbeat_mesh_key_file_unusable";
pub const TLS_FILES_UNUSABLE: &str = "heartbeat_tls_files_unusable";
pub const CERTIFICATE_EXPIRY: &str = "heartbeat_certificate_expiry_timestamp_seconds";
pub const BUILD_INFO: &str = "heartbeat_build_info";
pub const PROCESS_CPU: &str = "process_cpu_seconds_total";
pub const PROCESS_RESIDENT: &str = "process_resident_memory_bytes";
pub const PROCESS_VIRTUAL: &str = "process_virtual_memory_bytes";
pub const PROCESS_OPEN_FDS: &str = "process_open_fds";
pub const PROCESS_MAX_FDS: &str = "process_max_fds";
pub const PROCESS_THREADS: &str = "process_threads";
pub const PROCESS_START: &str = "process_start_time_seconds";

pub use super::label_values::REASON_TIMEOUT;

const REASON: Label = Label { name: "reason", values: reasons };
const STATE: Label = Label { name: "state", values: states };
const TO: Label = Label { name: "to", values: states };
const VERDICT: Label = Label { name: "verdict", values: verdicts };
const CLASS: Label = Label { name: "class", values: classes };
const RESULT: Label = Label { name: "result", values: results };
const EVENT: Label = Label { name: "event", values: events };
const ROUTE: Label = Label { name: "route", values: Vec::new };
const CODE: Label = Label { name: "code", values: Vec::new };
const REFUSED: Label = Label { name: "reason", values: || Refused::WORDS.to_vec() };
const CLOSED: Label = Label { name: "reason", values: || Closed::WORDS.to_vec() };
const UNVERIFIED: Label = Label { name: "reason", values: || Unverified::WORDS.to_vec() };
const VERSION: Label = Label { name: "version", values: Vec::new };
const REVISION: Label = Label { name: "revision", values: Vec::new };

/// Round trips on one machine begin near 0.2 ms; beyond two seconds a ping has
/// failed. The configured ping timeout is added as a bound of its own.
const ROUND_TRIPS: &[f64] = &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5];
/// Around the three waits of each preset, gone, silent and stalled.
const SILENCES: &[f64] =
    &[0.25, 0.3, 0.35, 0.4, 0.5, 0.75, 1.0, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 7.5, 10.0, 10.5, 15.0, 30.0];
/// A timer wheel of one millisecond below, the 200 ms that count as a stall above.
const LAGS: &[f64] = &[0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0];
const REQUESTS: &[f64] = &[0.0005, 0.001, 0.005, 0.025, 0.1, 0.25, 1.0, 2.5, 10.0];

const BASE: Metric = Metric {
    name: "",
    kind: Kind::Gauge,
    unit: "",
    per_peer: false,
    labels: &[],
    presence: Presence::Always,
    help: "",
    buckets: &[],
};
const PEER_COUNTER: Metric = Metric { kind: Kind::Counter, per_peer: true, ..BASE };
const PEER_GAUGE: Metric = Metric { per_peer: true, ..BASE };
const COUNTER: Metric = Metric { kind: Kind::Counter, ..BASE };
const HISTOGRAM: Metric = Metric { kind: Kind::Histogram, unit: "seconds", ..BASE };
const PROCESS: Metric = Metric { presence: Presence::LinuxOnly, ..BASE };

/// Every metric, in the order in which the documentation lists them.
pub static CATALOGUE: &[Metric] = &[
    Metric {
        name: PINGS,
        help: "Pings of this peer that ended, scheduled ones and checks: successful plus failed.",
        ..PEER_COUNTER
    },
    Metric { name: PINGS_SUCCESS, help: "Pings of this peer that were answered in time.", ..PEER_COUNTER },
    Metric { name: PINGS_FAILED, help: "Pings of this peer that failed.", ..PEER_COUNTER },
    Metric {
        name: PING_FAILURES,
        labels: &[REASON],
        help: "Failed pings of this peer, by what they showed.",
        ..PEER_COUNTER
    },
    Metric {
        name: PING_DURATION,
        per_peer: true,
        help: "Round trips of the successful scheduled pings of this peer.",
        buckets: ROUND_TRIPS,
        ..HISTOGRAM
    },
    Metric { name: PEER_UP, help: "1 while the peer is up for this node (alive or suspect), else 0.", ..PEER_GAUGE },
    Metric {
        name: PEER_EXPECTED,
        help: "1 while the peer should be up; 0 after its goodbye, in maintenance, before it was due for the first time, and while this node cannot judge.",
        ..PEER_GAUGE
    },
    Metric {
        name: PEER_STATE,
        labels: &[STATE],
        help: "1 for the state the peer is in, 0 for every other.",
        ..PEER_GAUGE
    },
    Metric {
        name: PEER_PHI,
        help: "Suspicion level of the outstanding ping: it is late with probability at most 10^-phi.",
        ..PEER_GAUGE
    },
    Metric {
        name: PEER_LAST_SUCCESS,
        unit: "seconds",
        help: "When the last answer came, in seconds since 1970; 0 before the first.",
        ..PEER_GAUGE
    },
    Metric {
        name: PEER_STATE_CHANGED,
        unit: "seconds",
        help: "When the peer entered its present state, in seconds since 1970.",
        ..PEER_GAUGE
    },
    Metric { name: PEER_TRANSITIONS, labels: &[TO], help: "How often the peer entered this state.", ..PEER_COUNTER },
    Metric {
        name: PEER_RESTARTS,
        help: "How often the peer was restarted: a new process under the same name.",
        ..PEER_COUNTER
    },
    Metric { name: PEER_MAINTENANCE, help: "1 while the peer is in maintenance, whatever its state.", ..PEER_GAUGE },
    Metric {
        name: PEER_MAINTENANCE_END,
        unit: "seconds",
        help: "When the peer's maintenance ends, in seconds since 1970; in the past while it is overdue and not up, 0 for none.",
        ..PEER_GAUGE
    },
    Metric { name: PEERS, labels: &[STATE], help: "Watched peers in this state.", ..BASE },
    Metric { name: PEER_VERDICTS, labels: &[VERDICT], help: "Watched peers under this verdict.", ..BASE },
    Metric { name: CUT_OFF, help: "1 while this node hears less than half of its peers.", ..BASE },
    Metric { name: SLOW, help: "1 while this node reads late or loses its packets.", ..BASE },
    Metric { name: STALLED, help: "1 while this node was just paused and judges no peer yet.", ..BASE },
    Metric { name: MAINTENANCE, help: "1 while this node is in maintenance.", ..BASE },
    Metric {
        name: MAINTENANCE_END,
        unit: "seconds",
        help: "When this node's maintenance ends, in seconds since 1970; 0 for none.",
        ..BASE
    },
    Metric { name: INCOMING_PEERS, help: "Watched peers whose pings arrive here.", ..BASE },
    Metric {
        name: MESH_COMPONENTS,
        help: "Groups of two or more nodes that reach each other, as far as this node knows; 1 while the mesh is whole.",
        ..BASE
    },
    Metric {
        name: PEER_LIST_MISMATCH,
        help: "Peers that are up and whose list of peers that have answered them differs from this node's.",
        ..BASE
    },
    Metric {
        name: INCIDENTS_OPEN,
        help: "Open incidents known to this node: a crash, a split and a broken link are one each.",
        ..BASE
    },
    Metric { name: PINGS_RECEIVED, help: "Pings received from nodes.", ..COUNTER },
    Metric {
        name: WITNESS_CHECKS,
        labels: &[RESULT],
        help: "Pings sent at the request of another node, by what they showed.",
        ..COUNTER
    },
    Metric {
        name: SILENCE_AT_VERDICT,
        labels: &[CLASS],
        help: "How long a peer had been silent when it was found down or unreachable.",
        buckets: SILENCES,
        ..HISTOGRAM
    },
    Metric { name: TIMER_LAG, help: "How late the detector's timer fired.", buckets: LAGS, ..HISTOGRAM },
    Metric {
        name: OBSERVER_STALL,
        kind: Kind::SecondsCounter,
        unit: "seconds",
        help: "Time in which this process did not run although it was due.",
        ..BASE
    },
    Metric { name: DISCOVERY_ERRORS, help: "Lookups of peers' names that failed or found nothing.", ..COUNTER },
    Metric {
        name: DISCOVERY_LAST_SUCCESS,
        unit: "seconds",
        help: "When every name was last looked up successfully, in seconds since 1970; 0 before, and where no name is looked up.",
        ..BASE
    },
    Metric {
        name: DISCOVERY_CANDIDATES,
        help: "Addresses behind the names where no node has identified itself yet.",
        ..BASE
    },
    Metric { name: EVENTS, labels: &[EVENT], help: "Events, by their key in the log.", ..COUNTER },
    Metric {
        name: HTTP_REQUESTS,
        labels: &[ROUTE, CODE],
        presence: Presence::OnceSeen,
        help: "Requests answered, by route and status code.",
        ..COUNTER
    },
    Metric {
        name: HTTP_DURATION,
        labels: &[ROUTE],
        presence: Presence::OnceSeen,
        help: "Time to answer a request, streams left out.",
        buckets: REQUESTS,
        ..HISTOGRAM
    },
    Metric {
        name: CONNECTIONS_REFUSED,
        labels: &[REFUSED],
        help: "Connections refused because all were taken: those of this port (full) or of one address (source).",
        ..COUNTER
    },
    Metric {
        name: CONNECTIONS_CLOSED,
        labels: &[CLOSED],
        help: "Connections closed to make room (idle), because an answer was not read in time (unread), or because the TLS \
               handshake failed (handshake).",
        ..COUNTER
    },
    Metric {
        name: ACCEPT_FAILURES,
        help: "Connections that could not be accepted, mostly for want of file descriptors.",
        ..COUNTER
    },
    Metric {
        name: STREAM_FLOODS,
        help: "Event streams of peers that were closed because too much came on them.",
        ..COUNTER
    },
    Metric { name: TOKENS_REFUSED, help: "Requests with a token that is not that of this node.", ..COUNTER },
    Metric {
        name: UNVERIFIED_REQUESTS,
        labels: &[UNVERIFIED],
        help: "Requests that claim to be from a node and are without a mesh key (missing), of another one (different), with a \
               tag that does not fit (failed) or, with mutual TLS, without a certificate (certificate).",
        ..COUNTER
    },
    Metric {
        name: UNVERIFIED_ANSWERS,
        labels: &[UNVERIFIED],
        help: "Answers with status 200 to requests of this node, by what was wrong with their tags. Where a key is only \
               accepted, they count as answers all the same.",
        ..COUNTER
    },
    Metric {
        name: MESH_KEY_FILE_UNUSABLE,
        help: "1 while the mesh key file cannot be used; the keys that were read before stay in use.",
        ..BASE
    },
    Metric {
        name: TLS_FILES_UNUSABLE,
        help: "1 while the TLS files cannot be used; the certificates that were read before stay in use.",
        ..BASE
    },
    Metric {
        name: CERTIFICATE_EXPIRY,
        unit: "seconds",
        help: "When the certificate of this node expires, or the first of those that it shows with it. 0 without a certificate.",
        ..BASE
    },
    Metric {
        name: BUILD_INFO,
        labels: &[VERSION, REVISION],
        help: "Always 1; the labels give the version and the revision of the source.",
        ..BASE
    },
    Metric {
        name: PROCESS_CPU,
        kind: Kind::SecondsCounter,
        unit: "seconds",
        help: "Processor time used, user and system.",
        ..PROCESS
    },
    Metric { name: PROCESS_RESIDENT, unit: "bytes", help: "Resident memory.", ..PROCESS },
    Metric { name: PROCESS_VIRTUAL, unit: "bytes", help: "Virtual memory.", ..PROCESS },
    Metric { name: PROCESS_OPEN_FDS, help: "Open file descriptors.", ..PROCESS },
    Metric { name: PROCESS_MAX_FDS, help: "Limit of open file descriptors.", ..PROCESS },
    Metric { name: PROCESS_THREADS, help: "Threads.", ..PROCESS },
    Metric {
        name: PROCESS_START,
        unit: "seconds",
        help: "When the process started, in seconds since 1970.",
        ..PROCESS
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    /// The rules of <https://prometheus.io/docs/practices/naming/> that a machine can hold.
    #[test]
    fn names_follow_the_rules() {
        for metric in CATALOGUE {
            let name = metric.name;
            assert!(name.starts_with("heartbeat_") || name.starts_with("process_"), "{name}");
            assert_eq!(name.ends_with("_total"), metric.kind.as_str() == "counter", "{name}");
            assert!(!metric.help.is_empty() && metric.help.ends_with('.'), "{name}");
            assert!(metric.unit.is_empty() || name.contains(metric.unit), "{name} does not name its unit");
            assert_eq!(metric.kind == Kind::Histogram, !metric.buckets.is_empty(), "{name}");
            assert!(metric.buckets.is_sorted(), "{name}");
            assert!(!metric.labels.iter().any(|label| label.name == "peer"), "{name}: peer comes from per_peer");
        }
    }

    #[test]
    fn every_name_is_listed_once() {
        let names: std::collections::BTreeSet<&str> = CATALOGUE.iter().map(|metric| metric.name).collect();
        assert_eq!(names.len(), CATALOGUE.len());
        assert_eq!(find(PINGS).map(|metric| metric.name), Some(PINGS));
        assert!(find("nothing").is_none());
    }
}
