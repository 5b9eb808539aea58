//! From what was typed to what it means, with every problem at once.
//!
//! Each setting that cannot be read leaves a problem behind and its default in
//! place, so that the rest is still looked at. Rules that join several settings
//! are only held against those that could be read.

use std::fmt::Display;
use std::time::Duration;

use super::environment::{Environment, host_name};
use super::hosts::{self, Hosts};
use super::layers::Layers;
use super::mesh_key::{KeyMode, MeshKeyConfig, mesh_key};
use super::parse;
use super::peers::{Listed, Reader, peers};
use super::problem::{Problem, Problems};
use super::raw::{Raw, Typed};
use super::settings::{PORT, PROFILES, SETTINGS, SettingSpec, find};
use super::tls::{TlsConfig, tls};
use super::token::{Token, read_token, token};
use super::{Color, LogFormat, LogLevel};
use super::{Config, Limits, Listen, LogConfig, MetricsPort, Setting, Source};
use crate::detector::config::{DetectorConfig, Timing};
use crate::detector::peer::NodeName;

/// Stopping slower than this is not stopping.
const STOP_MAX: Duration = Duration::from_secs(300);

/// What the resolve step knows about the machine.
#[derive(Clone, Debug, Default)]
pub struct Machine {
    pub host_name: Option<String>,
    pub process_id: u32,
}

impl Machine {
    /// This machine and this process.
    pub fn this(environment: &Environment) -> Machine {
        Machine { host_name: host_name(environment), process_id: std::process::id() }
    }
}

/// The configuration that flags and environment mean.
///
/// # Errors
/// `Problems`, all of them.
pub fn resolve(flags: &Raw, environment: &Environment, machine: &Machine) -> Result<Config, Problems> {
    let mut resolver = Resolver {
        layers: Layers { flags, environment },
        problems: Vec::new(),
        settings: Vec::with_capacity(SETTINGS.len()),
    };
    let listen = resolver.listen();
    let node = resolver.node(listen, machine);
    let metrics_port = resolver.metrics_port(listen);
    let Listed { targets, names, hosts: listed, .. } =
        resolver.peers(&Reader { node: node.as_ref(), host_name: machine.host_name.as_deref(), listen });
    let detector = resolver.detector();
    let log = resolver.log();
    let shutdown_delay = resolver.stop_duration("shutdown-delay", Duration::ZERO);
    let drain_timeout = resolver.stop_duration("drain-timeout", Duration::from_secs(5));
    let interval = detector.as_ref().map_or(Timing::BALANCED.interval, |detector| detector.interval);
    let limits = resolver.limits(super::peers_at_most(targets.len(), names.len()), interval);
    let token = resolver.token();
    let mut hosts = resolver.allowed_hosts();
    let own = node.as_ref().map(|node| node.as_str().split(':').next().unwrap_or_default());
    listed.iter().map(String::as_str).chain(own).chain(machine.host_name.as_deref()).for_each(|name| hosts.add(name));
    let mesh_key = resolver.mesh_key();
    let read_token = resolver.read_token(token.as_ref(), mesh_key.as_ref());
    let warnings = [&token, &read_token].into_iter().flatten().filter_map(|(_, warning)| warning.clone()).collect();
    let [token, read_token] = [token, read_token].map(|found| found.map(|(token, _)| token));
    let asks = targets.iter().any(|peer| peer.url.scheme() == "https") || names.iter().any(|name| name.tls);
    let tls = resolver.tls(asks);
    let mut problems = resolver.problems;
    problems.extend(environment.problems.iter().cloned());
    let mut settings = resolver.settings;
    settings.sort_by_key(|setting| SETTINGS.iter().position(|spec| spec.name == setting.name));
    match (node, detector) {
        (Some(node), Some(detector)) if problems.is_empty() => Ok(Config {
            node,
            listen,
            metrics_port,
            peers: targets,
            names,
            expects_peers: !listed.is_empty(),
            detector,
            log,
            shutdown_delay,
            drain_timeout,
            limits,
            token,
            read_token,
            hosts,
            warnings,
            mesh_key,
            tls,
            settings,
        }),
        _ => Err(Problems(problems)),
    }
}

struct Resolver<'a> {
    layers: Layers<'a>,
    problems: Vec<Problem>,
    settings: Vec<Setting>,
}

/// The specification of a setting that the code names.
fn spec(name: &str) -> &'static SettingSpec {
    // The fallback is unreachable: a test compares the names used here with the table.
    find(name).unwrap_or(&SETTINGS[0])
}

impl<'a> Resolver<'a> {
    /// Reads one setting, or notes what is wrong and continues with the default.
    fn take<T>(
        &mut self,
        name: &'static str,
        default: T,
        read: impl FnOnce(&str) -> Result<T, String>,
        show: impl FnOnce(&T) -> String,
    ) -> (T, Option<Typed<'a>>) {
        let typed = self.layers.typed(name);
        let mut value = default;
        let mut readable = true;
        if let Some(typed) = typed {
            match read(typed.text) {
                Ok(read) => value = read,
                Err(wrong) => {
                    self.problems.push(Problem::typed(spec(name), typed, wrong));
                    readable = false;
                }
            }
        }
        self.note(name, show(&value), typed.map_or(Source::Default, |typed| typed.source));
        (value, typed.filter(|_| readable))
    }

    fn note(&mut self, name: &'static str, value: String, source: Source) {
        let spec = spec(name);
        let value = if spec.secret && !value.is_empty() { "***".to_owned() } else { value };
        self.settings.push(Setting { name: spec.name, variable: spec.variable, value, source });
    }

    fn listen(&mut self) -> Listen {
        let (port, _) = self.take("port", PORT, parse::port, ToString::to_string);
        let read = |text: &str| parse::address(text).map(Some);
        let show = |address: &Option<std::net::IpAddr>| address.map_or("all".to_owned(), |address| address.to_string());
        let (address, _) = self.take("address", None, read, show);
        Listen { address, port }
    }

    fn node(&mut self, listen: Listen, machine: &Machine) -> Option<NodeName> {
        if let Some(typed) = self.layers.typed("node") {
            self.note("node", typed.text.trim().to_owned(), typed.source);
            let node = NodeName::new(typed.text.trim());
            return node.map_err(|error| self.problem("node", typed, &error)).ok();
        }
        let host = machine.host_name.as_deref().unwrap_or("node");
        let text = match listen.port {
            PORT => host.to_owned(),
            // The port is not known before it is bound; the process id distinguishes such nodes as well.
            0 => format!("{host}:pid-{}", machine.process_id),
            port => format!("{host}:{port}"),
        };
        self.note("node", text.clone(), Source::Default);
        let wrong = "comes from the host name, which is no node name; give the node a name of its own";
        NodeName::new(&text).map_err(|_| self.problems.push(Problem::untyped(spec("node"), &text, wrong))).ok()
    }

    fn problem(&mut self, name: &'static str, typed: Typed<'_>, wrong: &dyn Display) {
        self.problems.push(Problem::typed(spec(name), typed, wrong.to_string()));
    }

    fn metrics_port(&mut self, listen: Listen) -> MetricsPort {
        let show = |port: &MetricsPort| match port {
            MetricsPort::Exactly(port) => port.to_string(),
            MetricsPort::FirstFreeFrom(port) => format!("{port}-{}", MetricsPort::LAST),
        };
        let read = |text: &str| parse::port(text).map(MetricsPort::Exactly);
        let default = MetricsPort::FirstFreeFrom(MetricsPort::FIRST);
        let (port, typed) = self.take("metrics-port", default, read, show);
        if let (Some(typed), MetricsPort::Exactly(number)) = (typed, port)
            && number == listen.port
            && number != 0
        {
            self.problem("metrics-port", typed, &"is the node's own port; /metrics is served there anyway");
        }
        port
    }

    fn peers(&mut self, reader: &Reader<'_>) -> Listed {
        let Some(typed) = self.layers.typed("peers") else {
            self.note("peers", String::new(), Source::Default);
            return Listed::default();
        };
        let listed = peers(typed.text, reader);
        for wrong in &listed.wrong {
            self.problem("peers", typed, wrong);
        }
        let shown: Vec<String> = listed
            .targets
            .iter()
            .map(|target| {
                let place = target.url.as_str().trim_end_matches('/');
                target.spec.pinned.as_ref().map_or(place.to_owned(), |pinned| format!("{pinned}={place}"))
            })
            .chain(listed.names.iter().map(ToString::to_string))
            .collect();
        // A list of which nothing is left was written by somebody who expects peers; it is shown as it was typed.
        let value = if shown.is_empty() { typed.text.trim().to_owned() } else { shown.join(",") };
        self.note("peers", value, typed.source);
        listed
    }

    fn detector(&mut self) -> Option<DetectorConfig> {
        let name_of = |timing: &Timing| {
            let name = PROFILES.iter().find(|(_, profile)| profile == timing).map(|(name, _)| *name);
            name.unwrap_or("balanced").to_owned()
        };
        let (profile, _) =
            self.take("profile", Timing::BALANCED, |text| parse::word(text, PROFILES), |timing| name_of(timing));
        let mut span = |name, default| self.take(name, default, parse::duration, |span| parse::duration_text(*span)).0;
        let timing = Timing {
            interval: span("interval", profile.interval),
            ping_timeout: span("ping-timeout", profile.ping_timeout),
            connect_timeout: span("connect-timeout", profile.connect_timeout),
            wait_gone: span("wait-gone", profile.wait_gone),
            wait_silent: span("wait-silent", profile.wait_silent),
            wait_stalled: span("wait-stalled", profile.wait_stalled),
            jitter: self.take("jitter", profile.jitter, parse::part, ToString::to_string).0,
            witnesses: self
                .take("witnesses", profile.witnesses, |text| parse::count(text, 1, 8), ToString::to_string)
                .0,
            streams: self
                .take(
                    "streams",
                    profile.streams,
                    |text| parse::word(text, parse::SWITCHES),
                    |on| if *on { "on".into() } else { "off".into() },
                )
                .0,
            pings_from: self
                .take(
                    "pings-from",
                    profile.pings_from,
                    |text| parse::word(text, parse::PINGS_FROM),
                    ToString::to_string,
                )
                .0,
        };
        timing.check().map_err(|problems| self.timing_problems(problems)).ok()
    }

    /// Gives the detector's objections the flag or variable they are about.
    fn timing_problems(&mut self, problems: Vec<crate::detector::config::TimingProblem>) {
        for problem in problems {
            let name = problem.field.replace('_', "-");
            let spec = spec(&name);
            let told = match self.layers.typed(&name) {
                Some(typed) => Problem::typed(spec, typed, problem.problem),
                None => {
                    let value = self.settings.iter().find(|setting| setting.name == spec.name);
                    let value = value.map_or(spec.default, |setting| setting.value.as_str());
                    Problem::untyped(spec, value, problem.problem)
                }
            };
            // What could not be read is reported already, and was checked with its default.
            if !self.problems.iter().any(|known| known.subject == told.subject) {
                self.problems.push(told);
            }
        }
    }

    fn log(&mut self) -> LogConfig {
        fn shown<T: PartialEq>(words: &'static [(&'static str, T)]) -> impl Fn(&T) -> String {
            move |value| words.iter().find(|(_, known)| known == value).map_or("", |(word, _)| word).to_owned()
        }
        let format = |text: &str| parse::word(text, parse::LOG_FORMATS);
        let level = |text: &str| parse::word(text, parse::LOG_LEVELS);
        let color = |text: &str| parse::word(text, parse::COLORS);
        let no_color = self.layers.environment.no_color;
        let wish = self.take("log-color", Color::Auto, color, shown(parse::COLORS)).0;
        LogConfig {
            format: self.take("log-format", LogFormat::Auto, format, shown(parse::LOG_FORMATS)).0,
            level: self.take("log-level", LogLevel::Info, level, shown(parse::LOG_LEVELS)).0,
            color: if wish == Color::Auto && no_color { Color::Never } else { wish },
        }
    }

    fn stop_duration(&mut self, name: &'static str, default: Duration) -> Duration {
        let read = |text: &str| match parse::duration(text)? {
            long if long > STOP_MAX => Err("is longer than 5m".into()),
            span => Ok(span),
        };
        self.take(name, default, read, |span| parse::duration_text(*span)).0
    }

    fn allowed_hosts(&mut self) -> Hosts {
        let (names, _) = self.take("allowed-hosts", Vec::new(), hosts::names, |names| names.join(","));
        let mut hosts = Hosts::default();
        names.iter().for_each(|name| hosts.add(name));
        hosts
    }

    /// Shows settings that are read elsewhere.
    fn note_typed(&mut self, names: &[&'static str]) {
        for name in names {
            let typed = self.layers.typed(name);
            let source = typed.map_or(Source::Default, |typed| typed.source);
            self.note(name, typed.map_or("", |typed| typed.text.trim()).to_owned(), source);
        }
    }

    fn mesh_key(&mut self) -> Option<MeshKeyConfig> {
        self.note_typed(&["mesh-key-file", "mesh-key"]);
        let read = |text: &str| KeyMode::parse(text);
        let (mode, _) = self.take("mesh-key-mode", KeyMode::Require, read, |mode| mode.as_str().to_owned());
        mesh_key(&self.layers, mode).map_err(|problems| self.problems.extend(problems.0)).ok().flatten()
    }

    /// Nodes read each other by their tags or by their certificates, so without either, or beside nodes that lack the key, a
    /// read token would blind them.
    fn read_token(
        &mut self,
        changes: Option<&(Token, Option<String>)>,
        key: Option<&MeshKeyConfig>,
    ) -> Option<(Token, Option<String>)> {
        self.note_typed(&["read-token-file"]);
        let typed = self.layers.typed("read-token-file")?;
        let found = read_token(&self.layers).map_err(|problems| self.problems.extend(problems.0)).ok().flatten();
        let names_key = ["mesh-key-file", "mesh-key"].into_iter().any(|name| self.layers.typed(name).is_some());
        let is_mutual = self.layers.typed("tls-client-ca-file").is_some();
        if !names_key && !is_mutual {
            let wrong = "is set without a mesh key, by which nodes read each other: set --mesh-key-file too (or have them \
                         show certificates: --tls-client-ca-file)";
            self.problem("read-token-file", typed, &wrong);
        }
        if key.is_some_and(|key| key.mode == KeyMode::Accept) && !is_mutual {
            let wrong = "is set while nodes without the mesh key are accepted, which could read nothing: first remove \
                         --mesh-key-mode from every node";
            self.problem("read-token-file", typed, &wrong);
        }
        if found.as_ref().zip(changes).is_some_and(|((read, _), (change, _))| read == change) {
            let wrong = "holds the token that allows changes, so readers could change something: make another one";
            self.problem("read-token-file", typed, &wrong);
        }
        found
    }

    fn tls(&mut self, asks: bool) -> Option<TlsConfig> {
        self.note_typed(&["tls-cert-file", "tls-key-file", "tls-ca-file", "tls-client-ca-file"]);
        tls(&self.layers, asks).map_err(|problems| self.problems.extend(problems.0)).ok().flatten()
    }

    fn token(&mut self) -> Option<(Token, Option<String>)> {
        self.note_typed(&["token", "token-file"]);
        token(&self.layers).map_err(|problems| self.problems.extend(problems.0)).ok().flatten()
    }

    fn limits(&mut self, peers: usize, interval: Duration) -> Limits {
        let connections = |text: &str| parse::count(text, 16, 65_536);
        let streams = |text: &str| parse::count(text, 0, 4096);
        Limits {
            // A peer holds a kept connection and a stream, and opens one more for a check or two.
            connections: self.take("max-connections", 1024 + 4 * peers, connections, ToString::to_string).0,
            streams: self.take("max-streams", 64, streams, ToString::to_string).0,
            body_bytes: 64 * 1024,
            header_bytes: 16 * 1024,
            request_time: Duration::from_secs(10),
            // A kept connection carries one ping an interval; closing it between two would make each a new one.
            header_time: Duration::from_secs(15).max(interval * 12),
            // The largest answer, the metrics of a thousand peers, takes less at 3 Mbit/s.
            write_time: Duration::from_secs(10),
        }
    }
}

#[cfg(test)]
#[path = "resolve_tests.rs"]
mod tests;
