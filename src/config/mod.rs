//! A node's configuration: flags over `HEARTBEAT_*` variables over defaults.
//!
//! Two steps, so that each can be read alone. What was *typed* is one flat
//! struct of optional strings that flags and environment share ([`raw`]); what
//! it *means* is the [`Config`] of this file, and [`resolve`] is the only way
//! from the one to the other. It reports every problem at once, because a
//! person who repairs a manifest should not have to start it once per mistake.
//!
//! Turned down: nested structs (envy does not flatten them), typed fields in
//! the raw struct (envy then forgets which variable was wrong and stops at the
//! first), a configuration file (three nodes in three terminals need none, and
//! containers are given variables).

pub(crate) mod environment;
pub(crate) mod group;
pub(crate) mod hosts;
pub(crate) mod layers;
pub(crate) mod mesh_key;
pub(crate) mod parse;
pub(crate) mod peers;
pub(crate) mod problem;
pub(crate) mod raw;
pub(crate) mod resolve;
pub mod settings;
pub(crate) mod tls;
pub(crate) mod token;
pub(crate) mod unfit;

use std::net::IpAddr;
use std::time::Duration;

use crate::detector::config::DetectorConfig;
use crate::detector::discovery::{DnsName, PEERS_MAX};
use crate::detector::peer::{NodeName, PeerSpec};
pub use settings::Source;

/// A checked configuration. Nothing in it can still be wrong by itself; a port can be taken.
#[derive(Clone, Debug)]
pub struct Config {
    pub node: NodeName,
    pub listen: Listen,
    pub metrics_port: MetricsPort,
    /// All peers to watch, in the order given; may be empty, for a node without peers.
    pub peers: Vec<PeerTarget>,
    /// Names behind which there are more of them.
    pub names: Vec<DnsName>,
    /// A list of peers was set, whatever is left of it without the node itself.
    pub expects_peers: bool,
    pub detector: DetectorConfig,
    pub log: LogConfig,
    /// Between the stop signal and the closing of listeners, for load balancers to notice.
    pub shutdown_delay: Duration,
    /// How long open requests may take to end once the listeners are closed.
    pub drain_timeout: Duration,
    pub limits: Limits,
    /// A caller with this token may make changes; `None`: no caller may.
    pub token: Option<token::Token>,
    /// A caller with this token may read; `None`: any caller may.
    pub read_token: Option<token::Token>,
    /// The names under which page and API may be asked for.
    pub hosts: hosts::Hosts,
    /// What is not wrong but should be known: for the log.
    pub warnings: Vec<String>,
    /// What the nodes of the mesh share; `None`: nothing.
    pub mesh_key: Option<mesh_key::MeshKeyConfig>,
    /// Certificates and keys; `None`: neither is this node asked with TLS, nor does it ask so.
    pub tls: Option<tls::TlsConfig>,
    /// Every setting with its value and where it came from, secrets removed.
    pub settings: Vec<Setting>,
}

impl Config {
    /// How many peers there can be, for the sizes of what they share: those listed, or as many as are ever watched.
    pub fn peers_at_most(&self) -> usize {
        peers_at_most(self.peers.len(), self.names.len())
    }

    /// The watched peers in a few words: "2 peers", "no peers".
    pub fn watches(&self) -> String {
        let listed = match self.peers.len() {
            0 => None,
            1 => Some("1 peer".to_owned()),
            count => Some(format!("{count} peers")),
        };
        let found = self.names.iter().map(|name| format!("every node behind {name}"));
        let parts: Vec<String> = listed.into_iter().chain(found).collect();
        if parts.is_empty() { "no peers".to_owned() } else { parts.join(" and ") }
    }
}

fn peers_at_most(listed: usize, names: usize) -> usize {
    if names == 0 { listed } else { PEERS_MAX }
}

/// Where the node listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listen {
    /// `None`: all interfaces, both address families where the host has them.
    pub address: Option<IpAddr>,
    /// 0: any free port, logged once it is known.
    pub port: u16,
}

/// Where the metrics are served a second time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricsPort {
    /// It was set: exactly this one or a clear error. 0: any free port.
    Exactly(u16),
    /// It was not set: this one or the next free one, up to [`MetricsPort::LAST`].
    FirstFreeFrom(u16),
}

impl MetricsPort {
    /// The first port tried when none was set.
    pub const FIRST: u16 = 9100;
    /// The last port tried when none was set: a hundred nodes on one host are a demo, more are a mistake.
    pub const LAST: u16 = 9199;
}

/// One peer and where it answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerTarget {
    pub spec: PeerSpec,
    /// `http://host:port` or `https://host:port`, no path, no credentials.
    pub url: url::Url,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogConfig {
    pub format: LogFormat,
    pub level: LogLevel,
    pub color: Color,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    Auto,
    Json,
    Text,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    Always,
    Never,
}

/// What a caller may use of this node. Each bound keeps one bad caller from crowding out the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Open connections of each of the two ports.
    pub connections: usize,
    /// Open event streams of callers that are not peers; peers have their own slots.
    pub streams: usize,
    /// Bytes of a request's body: no route needs more than a few hundred.
    pub body_bytes: usize,
    /// Bytes of a request's head.
    pub header_bytes: usize,
    /// Time for one request, streams excepted.
    pub request_time: Duration,
    /// Time for a request's head, and how long a kept connection may idle: above ten intervals.
    pub header_time: Duration,
    /// Time for writing an answer, or a frame of a stream, to a caller that reads slowly.
    pub write_time: Duration,
}

/// One setting as `config show` and `/api/v1/config` tell it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// As the flag is called, without dashes: `ping-timeout`.
    pub name: &'static str,
    /// `HEARTBEAT_PING_TIMEOUT`.
    pub variable: &'static str,
    /// As it would be typed; stars where it is a secret.
    pub value: String,
    pub source: Source,
}
