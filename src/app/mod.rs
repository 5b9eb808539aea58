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
//! their limit, and the detector, which answers pings until the end, stops last.
//! A second signal after the goodbye ends all this at once. The last line of the log says how it
//! ended.

mod ending;
mod key_file;
mod lines;
mod reread;
mod tls_files;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::time;
use tokio_util::sync::CancellationToken;

pub(crate) use self::ending::Ending;
use self::ending::{Cause, ending};
use crate::client::{Client, ClientSettings, Target};
use crate::config::Config;
use crate::detector::event::Event;
use crate::detector::limits;
use crate::detector::node::Me;
use crate::detector::peer::BootId;
use crate::http::{self, AppState, Gate};
use crate::mesh::event::NodeEvent;
use crate::mesh_key::guard::Guard;
use crate::mesh_key::store::KeyStore;
use crate::mesh_service::collector::{self, Collector};
use crate::mesh_service::history_sync::HistorySync;
use crate::mesh_service::incident_store::IncidentStore;
use crate::mesh_service::incident_watcher::IncidentWatcher;
use crate::runtime::clock::Clock;
use crate::runtime::descriptors;
use crate::runtime::driver::{Driver, Observer, Parts, Watch};
use crate::runtime::handle::{self, Handle};
use crate::runtime::listen::Listeners;
use crate::runtime::signals::Signals;
use crate::runtime::start_pages;
use crate::runtime::supervisor::Supervisor;
use crate::telemetry::{EventLog, Metrics, Telemetry, logs};
use crate::tls::store::TlsStore;
use crate::tls::{Acceptor, Material};

/// After this a node that is ready has, at the default interval, its streams to all peers that answer, and little left that it
/// does once.
const SETTLED: Duration = Duration::from_secs(10);
/// How long the detector may take to end after it was told to. It only has to drop what it owns.
const DETECTOR_LIMIT: Duration = Duration::from_secs(1);

/// The longest that a clean stop may take. A supervisor should wait longer than this before it kills a node.
pub fn stop_time_max(config: &Config) -> Duration {
    limits::GOODBYE_LIMIT + config.shutdown_delay + config.drain_timeout + DETECTOR_LIMIT
}

/// Runs a node until a signal, until `stop`, or until a part of it fails.
/// Needs a current-thread runtime with time and IO.
///
/// # Errors
/// When the node could not start: a port that cannot be had ([`BindError`](crate::runtime::listen::BindError)), or
/// a system that refuses threads, signals or random numbers. Nothing runs then.
pub(crate) async fn run(config: Config, stop: CancellationToken) -> anyhow::Result<Ending> {
    let clock = Clock::start();
    // Listening begins first: a signal during the start is a clean stop already.
    let mut signals = Signals::listen().context("cannot listen for signals")?;
    let listeners = Listeners::bind(config.listen, config.metrics_port)?;
    let _log = logs::init(&config.log, &config.node).context("cannot start the log")?;
    let config = with_room(config);
    let mut app = App::start(Arc::new(config), clock, listeners)?;
    let cause = app.wait(&mut signals, &stop).await;
    // A signal is often sent twice, by a terminal to the whole group and by what started the node. No second one may cut off
    // the goodbye, without which peers raise an alarm; what came meanwhile asks for what is under way.
    app.say_goodbye(&cause).await;
    while time::timeout(Duration::ZERO, signals.next()).await.is_ok() {}
    let ending = tokio::select! {
        biased;
        ending = app.stop(&cause) => ending,
        again = signals.next() => Ending::Forced(again),
    };
    lines::stopped(&ending);
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

impl App {
    fn start(config: Arc<Config>, clock: Clock, listeners: Listeners) -> anyhow::Result<App> {
        let metrics = Arc::new(Metrics::install(config.detector.ping_timeout).context("cannot start the metrics")?);
        let events = Arc::new(EventLog::new());
        let telemetry = Arc::new(Telemetry::new(Arc::clone(&metrics), Arc::clone(&events)));
        let me = Me { node: config.node.clone(), boot: BootId(random()?), version: env!("CARGO_PKG_VERSION").into() };
        let (handle, inbox) = handle::channel(clock);
        let store = config.mesh_key.as_ref().map(|key| KeyStore::new(key.keys.clone()));
        let guard = config.mesh_key.as_ref().zip(store.clone()).map(|(key, store)| Guard::new(store, key.mode));
        let client = Client::new(client_settings(&config)).context("cannot make the HTTP client")?;
        let tls = tls_store(&config)?;
        let client = client.guarded(guard.clone()).with_tls(tls.clone());
        let wanted = client.shortage().wanted();
        // An answer that comes late is cut off by the server, so it is of no use.
        let deadline = collector::DEADLINE.min(config.limits.request_time.mul_f64(0.8));
        let (collector, mesh) = Collector::new(handle.clone(), client.clone(), clock, deadline, Arc::clone(&events));
        let incidents = Arc::new(IncidentStore::new(clock));
        let watcher =
            IncidentWatcher::new(mesh.clone(), handle.trouble(), clock, Arc::clone(&incidents), Arc::clone(&telemetry));
        let historian =
            HistorySync::new(handle.clone(), client.clone(), clock, Arc::clone(&incidents), Arc::clone(&telemetry));
        let driver = Driver::new(Parts {
            config: config.detector.clone(),
            me: me.clone(),
            seed: random()?,
            peers: watch_list(&config)?,
            names: config.names.clone(),
            expects_peers: config.expects_peers,
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
        lines::started(&app.config, &me, &listeners);
        app.watch_files(store, tls.clone(), &metrics);
        app.config.warnings.iter().for_each(|warning| lines::warning(warning));
        app.detector.spawn("detector", driver.run(app.stop_detector.clone()));
        app.servers.spawn("mesh view", collector.run(app.stop_servers.clone()));
        app.servers.spawn("incident watch", watcher.run(app.stop_servers.clone()));
        app.servers.spawn("history", historian.run(app.stop_servers.clone()));
        let config = Arc::clone(&app.config);
        let state = AppState::new(app.handle.clone(), mesh, incidents, events, metrics, config, clock).guarded(guard);
        app.serve(listeners, AppState { wanted, ..state }, tls.as_ref().and_then(Acceptor::new));
        Ok(app)
    }

    /// Says which keys and certificates there are, and has their files read again and again.
    fn watch_files(&mut self, keys: Option<KeyStore>, tls: Option<TlsStore>, metrics: &Arc<Metrics>) {
        if let Some(key) = &self.config.mesh_key {
            lines::mesh_key(key);
            if let (Some(path), Some(store)) = (key.file.clone(), keys) {
                let stop = self.stop_servers.clone();
                self.servers.spawn("key file", key_file::watch(path, store, Arc::clone(metrics), stop));
            }
        }
        if let Some((config, store)) = self.config.tls.clone().zip(tls) {
            let expires = store.material().expires();
            metrics.server().certificate_expires(expires);
            lines::tls(&config, expires);
            let stop = self.stop_servers.clone();
            self.servers.spawn("TLS files", tls_files::watch(config, store, Arc::clone(metrics), stop));
        }
    }

    /// The metrics port is always plain: probes and scrapers have no certificates.
    fn serve(&mut self, listeners: Listeners, state: AppState, tls: Option<Acceptor>) {
        let metrics_port = listeners.metrics.local_addr().ok().map(|address| address.port());
        let state = AppState { metrics_port, ..state };
        let gate = Gate::of_pings(&state, "main").with_tls(tls);
        let server = http::serve(listeners.main, http::router(state.clone()), gate, self.stop_servers.clone());
        self.servers.spawn("server", server);
        let gate = Gate::new(&state, "metrics");
        let server = http::serve(listeners.metrics, http::metrics_router(state), gate, self.stop_servers.clone());
        self.servers.spawn("metrics server", server);
    }

    /// Says ready as soon as it is, and waits for a reason to stop.
    async fn wait(&mut self, signals: &mut Signals, stop: &CancellationToken) -> Cause {
        let mut start = pin!(end_start(self.handle.clone(), self.clock));
        let mut has_started = false;
        loop {
            tokio::select! {
                biased;
                end = self.detector.next_end() => return Cause::TaskEnded(end),
                end = self.servers.next_end() => return Cause::TaskEnded(end),
                signal = signals.next() => return Cause::Signal(signal),
                () = stop.cancelled() => return Cause::Asked,
                () = start.as_mut(), if !has_started => has_started = true,
            }
        }
    }

    /// Not ready from the first poll of this on. Peers that do not hear the goodbye see the port close.
    async fn say_goodbye(&self, cause: &Cause) {
        lines::leaving(cause);
        let _ = time::timeout(limits::GOODBYE_LIMIT, self.handle.leave()).await;
    }

    /// Stops cleanly, after the goodbye. Can be dropped at any point, which stops at once.
    async fn stop(self, cause: &Cause) -> Ending {
        if !matches!(cause, Cause::TaskEnded(_)) {
            time::sleep(self.config.shutdown_delay).await;
        }
        self.stop_servers.cancel();
        let servers = self.servers.drain(self.config.drain_timeout).await;
        self.stop_detector.cancel();
        let detector = self.detector.drain(DETECTOR_LIMIT).await;
        ending(cause, servers, detector)
    }
}

/// Listeners are bound; once the first lookup of every name has ended, this node becomes ready and logs it. A little later it
/// gives back what only the start needed.
async fn end_start(handle: Handle, clock: Clock) {
    // A driver that has ended is found by its supervisor.
    if handle.discovery_tried().await.is_ok() && handle.ready().await.is_ok() {
        lines::ready(clock.millis());
        time::sleep(SETTLED).await;
        start_pages::release();
    }
}

impl Observer for Arc<Telemetry> {
    fn event(&mut self, event: Event) {
        self.observe(NodeEvent::Detector(event));
    }

    fn woke(&mut self, late: Duration) {
        self.metrics().timer_lag(late);
    }

    fn flooded(&mut self, key: &str, began: bool) {
        if began {
            self.metrics().server().flood();
        }
        lines::flooded(key, began);
    }
}

/// The configuration with as many connections as there are descriptors for.
fn with_room(mut config: Config) -> Config {
    if let Some(room) = descriptors::make_room(config.peers_at_most(), config.limits.connections)
        && room.connections < config.limits.connections
    {
        lines::few_descriptors(&room, config.limits.connections);
        config.limits.connections = room.connections;
    }
    config
}

fn tls_store(config: &Config) -> anyhow::Result<Option<TlsStore>> {
    let Some(tls) = &config.tls else { return Ok(None) };
    let material =
        Material::new(&tls.contents).map_err(|wrong| anyhow::anyhow!("--{}: {}", wrong.setting, wrong.wrong))?;
    Ok(Some(TlsStore::new(material)))
}

fn client_settings(config: &Config) -> ClientSettings {
    ClientSettings {
        connect_timeout: config.detector.connect_timeout,
        question_timeout: config.detector.question_limit(),
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::environment::Environment;
    use crate::config::raw::Raw;
    use crate::config::resolve::{Machine, resolve};
    use crate::runtime::supervisor::{Drained, How, TaskEnd};

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
        app.say_goodbye(&cause).await;
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
}
