//! The node as a whole: from a configuration to running parts, and back to none.
//!
//! This is the only place that knows all parts. It binds the ports before it
//! starts anything, so that a port in use is a message and not half a node;
//! then the detector, then the two servers, each under the supervisor's eye;
//! and only then it says "ready".
//!
//! Stopping runs the other way, because peers and load balancers need to know
//! before connections close: not ready from the first moment, a goodbye to
//! every peer, a pause if one is configured, then the servers drain within
//! their limit, and the detector, which answers pings until the end, goes last.
//! A second request to stop ends all this at once. Whichever way it goes, the
//! log's last line says so.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::time;
use tokio_util::sync::CancellationToken;

use crate::client::{Client, ClientSettings, Target};
use crate::config::Config;
use crate::detector::event::Event;
use crate::detector::node::Me;
use crate::detector::peer::BootId;
use crate::http::{self, AppState};
use crate::mesh::event::NodeEvent;
use crate::runtime::clock::Clock;
use crate::runtime::driver::{Driver, Observer, Parts, Watch};
use crate::runtime::gather::{self, Gatherer};
use crate::runtime::handle::{self, Handle};
use crate::runtime::historian::Historian;
use crate::runtime::incident_store::IncidentStore;
use crate::runtime::listen::Listeners;
use crate::runtime::signals::{Signal, Signals};
use crate::runtime::supervisor::{Drained, How, Supervisor, TaskEnd};
use crate::runtime::watcher::Watcher;
use crate::telemetry::logs::TARGET;
use crate::telemetry::{EventLog, Metrics, Telemetry, logs};

/// How long goodbyes may take. A peer on the same network answers in a few
/// milliseconds; one that is gone must not hold us up.
const GOODBYE_LIMIT: Duration = Duration::from_millis(300);
/// How long the detector may take to end after it was told to. It only has to drop what it owns.
const DETECTOR_LIMIT: Duration = Duration::from_secs(1);

/// The longest that an ordered stop may take. Whoever kills a node that does not stop should wait longer than this.
pub fn stop_time_max(config: &Config) -> Duration {
    GOODBYE_LIMIT + config.shutdown_delay + config.drain_timeout + DETECTOR_LIMIT
}

/// How a node ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// In order; every open request was answered.
    Drained,
    /// In order, but some requests were still open when the limit was over.
    CutOff,
    /// At once, because somebody asked twice.
    Forced(Signal),
    /// In order, because a part of the node ended or panicked.
    TaskEnded(TaskEnd),
}

/// Runs a node until a signal, until `stop`, or until a part of it fails.
/// Needs a current-thread runtime with time and IO.
///
/// # Errors
/// When the node could not start: a port that cannot be had ([`BindError`](crate::runtime::listen::BindError)), or
/// a system that refuses threads, signals or random numbers. Nothing runs then.
pub async fn run(config: Config, stop: CancellationToken) -> anyhow::Result<Ending> {
    let clock = Clock::start();
    // Listening begins first: a signal that comes while we start is an ordered stop already.
    let mut signals = Signals::listen().context("cannot listen for signals")?;
    let listeners = Listeners::bind(config.listen, config.metrics_port)?;
    let _log = logs::init(&config.log, &config.node).context("cannot start the log")?;
    let mut app = App::start(Arc::new(config), clock, listeners)?;
    let cause = app.wait(&mut signals, &stop).await;
    let ending = tokio::select! {
        biased;
        ending = app.stop(&cause) => ending,
        again = signals.next() => Ending::Forced(again),
    };
    tracing::info!(
        target: TARGET,
        event = "node_stopped",
        how = how(&ending),
        sentence = stopped_sentence(&ending),
        "Node stopped"
    );
    Ok(ending)
}

/// Everything that runs.
struct App {
    config: Arc<Config>,
    clock: Clock,
    handle: Handle,
    /// The two servers and what works for them, and the token that ends them.
    servers: Supervisor,
    stop_servers: CancellationToken,
    /// The driver, and the token that ends it: last of all.
    detector: Supervisor,
    stop_detector: CancellationToken,
}

/// Why a node stops.
#[derive(Debug)]
enum Cause {
    Signal(Signal),
    /// Whoever started it said so.
    Asked,
    TaskEnded(TaskEnd),
}

impl App {
    fn start(config: Arc<Config>, clock: Clock, listeners: Listeners) -> anyhow::Result<App> {
        let metrics = Arc::new(Metrics::install(config.detector.ping_timeout).context("cannot start the metrics")?);
        let events = Arc::new(EventLog::new());
        let telemetry = Arc::new(Telemetry::new(Arc::clone(&metrics), Arc::clone(&events)));
        let me = Me { node: config.node.clone(), boot: BootId(random()?), version: env!("CARGO_PKG_VERSION").into() };
        let (handle, inbox) = handle::channel(clock);
        let client = Client::new(client_settings(&config)).context("cannot make the HTTP client")?;
        // An answer that comes late is cut off by the server and of no use to anybody.
        let deadline = gather::DEADLINE.min(config.limits.request_time.mul_f64(0.8));
        let (gatherer, mesh) = Gatherer::new(handle.clone(), client.clone(), clock, deadline);
        let incidents = Arc::new(IncidentStore::new(clock));
        let watcher =
            Watcher::new(mesh.clone(), handle.trouble(), clock, Arc::clone(&incidents), Arc::clone(&telemetry));
        let historian =
            Historian::new(handle.clone(), client.clone(), clock, Arc::clone(&incidents), Arc::clone(&telemetry));
        let driver = Driver::new(Parts {
            config: config.detector.clone(),
            me: me.clone(),
            seed: random()?,
            peers: watch_list(&config)?,
            names: config.names.clone(),
            clock,
            client,
            inbox,
            observer: Box::new(telemetry),
        });
        let mut app = App {
            config,
            clock,
            handle,
            servers: Supervisor::new(),
            stop_servers: CancellationToken::new(),
            detector: Supervisor::new(),
            stop_detector: CancellationToken::new(),
        };
        app.say_started(&me, &listeners);
        app.detector.spawn("detector", driver.run(app.stop_detector.clone()));
        app.servers.spawn("mesh view", gatherer.run(app.stop_servers.clone()));
        app.servers.spawn("incident watch", watcher.run(app.stop_servers.clone()));
        app.servers.spawn("history", historian.run(app.stop_servers.clone()));
        let config = Arc::clone(&app.config);
        let state = AppState::new(app.handle.clone(), mesh, incidents, events, metrics, config, clock);
        app.serve(listeners, state);
        Ok(app)
    }

    fn serve(&mut self, listeners: Listeners, state: AppState) {
        let metrics_port = listeners.metrics.local_addr().ok().map(|address| address.port());
        let state = AppState { metrics_port, ..state };
        let limits = self.config.limits;
        let server = http::serve(listeners.main, http::router(state.clone()), limits, self.stop_servers.clone());
        self.servers.spawn("server", server);
        let server = http::serve(listeners.metrics, http::metrics_router(state), limits, self.stop_servers.clone());
        self.servers.spawn("metrics server", server);
    }

    /// Says ready as soon as it is, and waits for a reason to stop.
    async fn wait(&mut self, signals: &mut Signals, stop: &CancellationToken) -> Cause {
        let mut ready = pin!(become_ready(self.handle.clone(), self.clock));
        let mut is_ready = false;
        loop {
            tokio::select! {
                biased;
                end = self.detector.next_end() => return Cause::TaskEnded(end),
                end = self.servers.next_end() => return Cause::TaskEnded(end),
                signal = signals.next() => return Cause::Signal(signal),
                () = stop.cancelled() => return Cause::Asked,
                () = ready.as_mut(), if !is_ready => is_ready = true,
            }
        }
    }

    /// Stops in order. Can be dropped at any point, which stops at once.
    async fn stop(self, cause: &Cause) -> Ending {
        say_leaving(cause);
        // Not ready from the first poll of this on. Peers that do not hear the goodbye see the port close.
        let _ = time::timeout(GOODBYE_LIMIT, self.handle.leave()).await;
        if !matches!(cause, Cause::TaskEnded(_)) {
            time::sleep(self.config.shutdown_delay).await;
        }
        self.stop_servers.cancel();
        let servers = self.servers.drain(self.config.drain_timeout).await;
        self.stop_detector.cancel();
        let detector = self.detector.drain(DETECTOR_LIMIT).await;
        ending(cause, servers, detector)
    }

    fn say_started(&self, me: &Me, listeners: &Listeners) {
        let at = |listener: &tokio::net::TcpListener| listener.local_addr().map_or_else(|_| String::new(), url);
        let (listen, metrics) = (at(&listeners.main), at(&listeners.metrics));
        let listed = self.config.peers.iter().map(|peer| peer.spec.key.to_string());
        let peers: Vec<String> = listed.chain(self.config.names.iter().map(ToString::to_string)).collect();
        let watches = match (self.config.peers.len(), self.config.names.len()) {
            (0, 0) => "watches nobody: a node alone is legal, --peers=http://host:port gives it company".to_owned(),
            (1, 0) => format!("watches {}", peers[0]),
            _ => format!("watches {}", self.config.watches()),
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
}

/// Listeners are bound; once every name has been looked up, well or badly, this node is ready and says so.
async fn become_ready(handle: Handle, clock: Clock) {
    // A driver that has ended is found by its supervisor.
    if handle.discovery_tried().await.is_ok() && handle.ready().await.is_ok() {
        let took = clock.millis();
        tracing::info!(
            target: TARGET,
            event = "node_ready",
            ready_after_ms = took,
            sentence = format!("is ready after {took} ms"),
            "Node is ready"
        );
    }
}

impl Observer for Arc<Telemetry> {
    fn event(&mut self, event: Event) {
        self.observe(NodeEvent::Detector(event));
    }

    fn woke(&mut self, late: Duration) {
        self.metrics().timer_lag(late);
    }
}

fn client_settings(config: &Config) -> ClientSettings {
    let connect_timeout = config.detector.connect_timeout;
    ClientSettings { connect_timeout, question_timeout: config.detector.interval + connect_timeout }
}

fn watch_list(config: &Config) -> anyhow::Result<Vec<Watch>> {
    let watch = |peer: &crate::config::PeerTarget| {
        let target = Target::new(&peer.url).with_context(|| format!("the peer {}", peer.spec.key))?;
        Ok(Watch { spec: peer.spec.clone(), target })
    };
    config.peers.iter().map(watch).collect()
}

fn random() -> anyhow::Result<u64> {
    getrandom::u64().context("the system gives no random numbers")
}

/// What a person types into a browser to get to an address that was bound.
fn url(address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        format!("http://localhost:{}", address.port())
    } else {
        format!("http://{address}")
    }
}

fn say_leaving(cause: &Cause) {
    let reason = match cause {
        Cause::Signal(signal) => signal.as_str(),
        Cause::Asked => "asked",
        Cause::TaskEnded(end) => return say_task_ended(end),
    };
    tracing::info!(
        target: TARGET,
        event = "node_leaving",
        reason,
        sentence = format!("stops in order ({reason})"),
        "Node is leaving"
    );
}

fn say_task_ended(end: &TaskEnd) {
    let error = error_text(&end.how);
    tracing::error!(
        target: TARGET,
        event = "node_leaving",
        reason = "task_ended",
        task = end.name,
        error,
        sentence = format!("stops in order, because its {} {error}", end.name),
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

fn ending(cause: &Cause, servers: Drained, detector: Drained) -> Ending {
    if let Cause::TaskEnded(end) = cause {
        return Ending::TaskEnded(end.clone());
    }
    if let Some(end) = servers.failed.into_iter().chain(detector.failed).next() {
        return Ending::TaskEnded(end);
    }
    if servers.cut_off.is_empty() && detector.cut_off.is_empty() { Ending::Drained } else { Ending::CutOff }
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
        Ending::Drained => "stopped, every request was answered",
        Ending::CutOff => "stopped, some requests were cut off at the limit",
        Ending::Forced(_) => "stopped at once, it was asked twice",
        Ending::TaskEnded(_) => "stopped, because a part of it ended",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::environment::Environment;
    use crate::config::raw::Raw;
    use crate::config::resolve::{Machine, resolve};

    fn panicked(name: &'static str) -> TaskEnd {
        TaskEnd { name, how: How::Panicked("oops".to_owned()) }
    }

    /// A node without its driver, as it is when the driver has panicked.
    #[tokio::test]
    async fn a_part_that_panics_stops_the_node_in_order_and_is_named() {
        let machine = Machine { host_name: Some("me".to_owned()), process_id: 1 };
        let config = resolve(&Raw::default(), &Environment::default(), &machine).expect("defaults are sound");
        let clock = Clock::start();
        let (handle, inbox) = handle::channel(clock);
        let mut app = App {
            config: Arc::new(config),
            clock,
            handle: handle.clone(),
            servers: Supervisor::new(),
            stop_servers: CancellationToken::new(),
            detector: Supervisor::new(),
            stop_detector: CancellationToken::new(),
        };
        app.detector.spawn("detector", async move {
            let _inbox = inbox;
            panic!("oops")
        });
        let told = app.stop_servers.clone();
        app.servers.spawn("server", async move { told.cancelled().await });
        let mut signals = Signals::listen().expect("signals");
        let cause = app.wait(&mut signals, &CancellationToken::new()).await;
        assert_eq!(app.stop(&cause).await, Ending::TaskEnded(panicked("detector")));
        assert!(handle.is_leaving() && !handle.is_ready());
    }

    #[test]
    fn a_panic_on_the_way_out_is_not_an_ordered_stop() {
        let fine = Drained::default;
        let late = Drained { cut_off: vec!["server"], failed: Vec::new() };
        let broken = Drained { cut_off: Vec::new(), failed: vec![panicked("server")] };
        assert_eq!(ending(&Cause::Asked, fine(), fine()), Ending::Drained);
        assert_eq!(ending(&Cause::Asked, late, fine()), Ending::CutOff);
        assert_eq!(ending(&Cause::Asked, broken, fine()), Ending::TaskEnded(panicked("server")));
        let end = panicked("detector");
        assert_eq!(ending(&Cause::TaskEnded(end.clone()), fine(), fine()), Ending::TaskEnded(end));
    }

    #[test]
    fn a_bound_address_is_shown_as_one_types_it() {
        assert_eq!(url(SocketAddr::from(([0, 0, 0, 0], 8001))), "http://localhost:8001");
        assert_eq!(url("[::]:8001".parse().expect("an address")), "http://localhost:8001");
        assert_eq!(url("[::1]:8001".parse().expect("an address")), "http://[::1]:8001");
    }
}
