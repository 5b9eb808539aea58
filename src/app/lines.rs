//! The log lines of a start and a stop.

use std::net::SocketAddr;
use std::time::{Duration, UNIX_EPOCH};

use super::ending::{Cause, Ending};
use crate::api::timestamp::rfc3339;
use crate::config::Config;
use crate::config::mesh_key::{KeyMode, MeshKeyConfig};
use crate::config::tls::TlsConfig;
use crate::detector::node::Me;
use crate::mesh_key::key::KeyId;
use crate::mesh_key::store::Reading as KeyReading;
use crate::runtime::descriptors::Room;
use crate::runtime::listen::Listeners;
use crate::runtime::supervisor::{How, TaskEnd};
use crate::telemetry::logs::TARGET;
use crate::tls::files::{KEY, TlsFiles, Unusable};
use crate::tls::store::Reading;

pub(super) fn started(config: &Config, me: &Me, listeners: &Listeners) {
    let at = |scheme, listener: &tokio::net::TcpListener| {
        listener.local_addr().map_or_else(|_| String::new(), |address| url(scheme, address))
    };
    let scheme = if config.tls.as_ref().is_some_and(TlsConfig::serves) { "https" } else { "http" };
    let (listen, metrics) = (at(scheme, &listeners.main), at("http", &listeners.metrics));
    let listed = config.peers.iter().map(|peer| peer.spec.key.to_string());
    let peers: Vec<String> = listed.chain(config.names.iter().map(ToString::to_string)).collect();
    let watches = match (config.peers.len(), config.names.len()) {
        (0, 0) => "with no peers (--peers=http://host:port adds one)".to_owned(),
        (1, 0) => format!("watches {}", peers[0]),
        _ => format!("watches {}", config.watches()),
    };
    tracing::info!(
        target: TARGET,
        event = "node_started",
        boot = %me.boot,
        version = &*me.version,
        listen,
        metrics,
        peers = peers.join(","),
        process_id = std::process::id(),
        sentence = format!("listens on {listen}, metrics on {metrics}/metrics, {watches}"),
        "Node started"
    );
}

pub(super) fn warning(text: &str) {
    tracing::warn!(target: TARGET, event = "configuration_warning", sentence = text, "Configuration warning");
}

/// Which keys the node has, never the keys themselves.
pub(super) fn mesh_key(key: &MeshKeyConfig) {
    let ids = ids(&key.keys.ids().collect::<Vec<_>>());
    let does = match key.mode {
        KeyMode::Require => "believes only nodes that have one of them",
        KeyMode::Accept => {
            "signs with the first and believes nodes without a key as well (--mesh-key-mode=accept): this protects nothing"
        }
    };
    tracing::info!(
        target: TARGET,
        event = "mesh_key_in_use",
        ids,
        mode = key.mode.as_str(),
        sentence = format!("has the mesh keys {ids} and {does}"),
        "Mesh key in use"
    );
    if let (Some(path), true) = (&key.file, key.world_readable) {
        warning(&format!("every user of this host can read the mesh key file {path}: chmod 600 it"));
    }
}

/// What TLS the node has.
pub(super) fn tls(config: &TlsConfig, expires: Option<u64>) {
    let serves = match (config.serves(), config.is_mutual()) {
        (false, _) => "asks its https:// peers with TLS, and is itself asked without",
        (true, false) => "speaks TLS on its main port, and asks callers for no certificate",
        (true, true) => "speaks TLS on its main port, and takes as nodes only callers with a certificate",
    };
    let until = expires.map(|at| format!("; its certificate holds until {}", moment(at))).unwrap_or_default();
    tracing::info!(
        target: TARGET,
        event = "tls_in_use",
        mutual = config.is_mutual(),
        expires = expires.map(moment),
        sentence = format!("{serves}{until}"),
        "TLS in use"
    );
    if config.contents.key_is_world_readable {
        warning(&format!("every user of this host can read the TLS key {}: chmod 600 it", config.files.path(KEY)));
    }
}

/// A reading of the TLS files that changed something.
pub(super) fn tls_files(files: &TlsFiles, reading: &Reading, expires: Option<u64>) {
    match reading {
        Reading::Nothing => {}
        Reading::Changed => {
            let until = expires.map(|at| format!(": its certificate holds until {}", moment(at))).unwrap_or_default();
            tracing::info!(
                target: TARGET,
                event = "tls_files_changed",
                expires = expires.map(moment),
                sentence = format!("has read new TLS files{until}"),
                "TLS files changed"
            );
        }
        Reading::Unusable(Unusable { setting, wrong }) => tracing::warn!(
            target: TARGET,
            event = "tls_files_unusable",
            error = &**wrong,
            sentence = format!(
                "cannot use its TLS files: --{setting}={} {wrong}; what was read before stays in use",
                files.path(setting)
            ),
            "TLS files cannot be used"
        ),
        Reading::UsableAgain => tracing::info!(
            target: TARGET,
            event = "tls_files_usable",
            sentence = "can use its TLS files again; they hold what is in use",
            "TLS files can be used again"
        ),
    }
}

/// In the way of logs.
fn moment(seconds: u64) -> String {
    rfc3339(UNIX_EPOCH + Duration::from_secs(seconds))
}

/// A reading of the key file that changed something.
pub(super) fn key_file(path: &str, reading: &KeyReading) {
    match reading {
        KeyReading::Nothing => {}
        KeyReading::Changed { before, now } => {
            let (before, now) = (ids(before), ids(now));
            tracing::info!(
                target: TARGET,
                event = "mesh_keys_changed",
                before,
                now,
                sentence = format!("has read new mesh keys: {now}, before {before}; the first one signs"),
                "Mesh keys changed"
            );
        }
        KeyReading::Unusable(wrong) => tracing::warn!(
            target: TARGET,
            event = "mesh_key_file_unusable",
            error = &**wrong,
            sentence = format!("cannot use the mesh key file: {path} {wrong}; the keys that were read before stay in use"),
            "Mesh key file cannot be used"
        ),
        KeyReading::UsableAgain => tracing::info!(
            target: TARGET,
            event = "mesh_key_file_usable",
            sentence = "can use the mesh key file again; its keys are those in use",
            "Mesh key file can be used again"
        ),
    }
}

fn ids(ids: &[KeyId]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

pub(super) fn few_descriptors(room: &Room, wished: usize) {
    let Room { limit, needed, connections } = *room;
    tracing::warn!(
        target: TARGET,
        event = "descriptors_few",
        limit,
        needed,
        max_connections = connections,
        sentence = format!(
            "may open {limit} files and sockets, but its peers and {wished} connections need {needed}: accepts at most \
             {connections} connections. Raise the hard limit (ulimit -Hn, LimitNOFILE, --ulimit nofile), or lower \
             --max-connections"
        ),
        "Too few file descriptors"
    );
}

pub(super) fn flooded(peer: &str, began: bool) {
    if began {
        tracing::warn!(
            target: TARGET,
            event = "stream_flooded",
            peer,
            sentence = format!("closed the event stream of {peer}: too much came on it; only pings it for 10 min"),
            "Too much came on an event stream"
        );
    } else {
        tracing::info!(
            target: TARGET,
            event = "stream_resumed",
            peer,
            sentence = format!("opens an event stream to {peer} again"),
            "An event stream is opened again"
        );
    }
}

pub(super) fn ready(took: u64) {
    tracing::info!(
        target: TARGET,
        event = "node_ready",
        ready_after_ms = took,
        sentence = format!("is ready after {took} ms"),
        "Node is ready"
    );
}

pub(super) fn leaving(cause: &Cause) {
    let reason = match cause {
        Cause::Signal(signal) => signal.as_str(),
        Cause::Asked => "asked",
        Cause::TaskEnded(end) => return task_ended(end),
    };
    tracing::info!(
        target: TARGET,
        event = "node_leaving",
        reason,
        sentence = format!("is stopping cleanly ({reason})"),
        "Node is leaving"
    );
}

fn task_ended(end: &TaskEnd) {
    let error = error_text(&end.how);
    tracing::error!(
        target: TARGET,
        event = "node_leaving",
        reason = "task_ended",
        task = end.name,
        error,
        sentence = format!("is stopping cleanly because its {} {error}", end.name),
        "A part of the node ended"
    );
}

fn error_text(how: &How) -> String {
    match how {
        How::Finished => "ended".to_owned(),
        How::Aborted => "was aborted".to_owned(),
        How::Panicked(message) => format!("panicked: {message}"),
    }
}

pub(super) fn stopped(ending: &Ending) {
    tracing::info!(
        target: TARGET,
        event = "node_stopped",
        how = how(ending),
        sentence = stopped_sentence(ending),
        "Node stopped"
    );
}

fn how(ending: &Ending) -> &'static str {
    match ending {
        Ending::Drained => "drained",
        Ending::CutOff => "cut_off",
        Ending::Forced(_) => "second_signal",
        Ending::TaskEnded(_) => "task_ended",
    }
}

fn stopped_sentence(ending: &Ending) -> &'static str {
    match ending {
        Ending::Drained => "stopped; every request was answered",
        Ending::CutOff => "stopped; some requests were cut off at the time limit",
        Ending::Forced(_) => "stopped at once after a second signal",
        Ending::TaskEnded(_) => "stopped because a part of it ended",
    }
}

/// What a person types into a browser to get to an address that was bound.
fn url(scheme: &str, address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        format!("{scheme}://localhost:{}", address.port())
    } else {
        format!("{scheme}://{address}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::LogLevel;
    use crate::telemetry::logs;

    #[test]
    fn a_flood_has_a_line_when_it_begins_and_one_when_it_ends() {
        let lines = logs::tests::logged_lines(LogLevel::Info, || {
            [true, false].into_iter().for_each(|began| flooded("b:1", began));
        });
        let told: Vec<_> =
            lines.iter().map(|line| ["event", "level", "peer"].map(|field| line[field].as_str())).collect();
        let expected = [["stream_flooded", "warn", "b:1"], ["stream_resumed", "info", "b:1"]];
        assert_eq!(told, expected.map(|line| line.map(Some)), "{lines:?}");
    }

    #[test]
    fn a_bound_address_is_shown_as_one_types_it() {
        assert_eq!(url("http", SocketAddr::from(([0, 0, 0, 0], 8001))), "http://localhost:8001");
        assert_eq!(url("http", "[::]:8001".parse().expect("an address")), "http://localhost:8001");
        assert_eq!(url("http", "[::1]:8001".parse().expect("an address")), "http://[::1]:8001");
    }
}
