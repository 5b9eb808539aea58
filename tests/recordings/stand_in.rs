//! A node of a simulated mesh behind the real router: what it believes comes from the simulator, its peers' rows come
//! over real connections, and its clock is stopped.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use heartbeat::api::RowBody;
use heartbeat::detector::config::Timing;
use heartbeat::detector::peer::{PeerId, PeerState};
use heartbeat::detector::time::Monotonic;
use heartbeat::detector::view::View;
use heartbeat::mesh::Member;
use heartbeat::mesh::event::NodeEvent;
use heartbeat::sim::{self, What};
use heartbeat::testing::client::{Client, ClientSettings, Target};
use heartbeat::testing::config::{
    Color, Config, Hosts, Limits, Listen, LogConfig, LogFormat, LogLevel, MetricsPort, Setting, Source,
};
use heartbeat::testing::detector::Why;
use heartbeat::testing::http::{AppState, router};
use heartbeat::testing::mesh_service::{Collector, IncidentStore};
use heartbeat::testing::runtime::{Clock, Inbox, Input, PeerTargets, channel};
use heartbeat::testing::telemetry::{EventLog, Metrics, Telemetry};
use http_body_util::BodyExt as _;
use hyper::Request;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::masked;
use super::scenarios::{Book, host_of};
use super::situations::SEED;

/// A moment of a built-in scenario, and the node that is asked, counted from 0.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    pub scenario: &'static str,
    pub second: u64,
    pub asked: usize,
}

/// What is wrong in each: a node, a link, half the mesh, this node itself.
pub const MOMENTS: [Moment; 4] = [
    Moment { scenario: "crash", second: 17, asked: 0 },
    Moment { scenario: "one-way", second: 22, asked: 0 },
    Moment { scenario: "partition-3-2", second: 25, asked: 0 },
    Moment { scenario: "isolated", second: 25, asked: 2 },
];

/// Nothing is waited for but answers that come at once; this only ends a test that hangs.
const LONG: Duration = Duration::from_secs(60);

/// An answer of the router.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub text: String,
}

/// The answers to all these paths at that moment, masked.
pub fn answers(moment: Moment, paths: &[String]) -> BTreeMap<String, Reply> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let state = start(moment).await;
        let mut answers = BTreeMap::new();
        for path in paths {
            let request = Request::get(path).body(Body::empty()).expect("a request");
            let service = hyper_util::service::TowerToHyperService::new(router(state.clone()));
            let call = tokio::time::timeout(LONG, hyper::service::Service::call(&service, request));
            let response = call.await.expect("in time").expect("infallible");
            let status = response.status().as_u16();
            let bytes = response.into_body().collect().await.expect("a body").to_bytes();
            let text = masked(str::from_utf8(&bytes).expect("UTF-8"));
            answers.insert(path.clone(), Reply { status, text });
        }
        answers
    })
}

async fn start(moment: Moment) -> AppState {
    let mut scenario = sim::builtin(moment.scenario).expect("built in");
    scenario.length = Duration::from_secs(moment.second);
    let mut seen = Vec::new();
    let run = sim::run_observed(&scenario, SEED, &mut |at, views| seen.push((at, views.to_vec())));
    let own = run.views[moment.asked].clone().expect("the node that is asked runs");

    let clock = Clock::stopped(Monotonic(Duration::from_millis(own.seq.0)));
    let incidents = IncidentStore::new(clock);
    let mut book = Book::new(moment.asked);
    for (at, views) in &seen {
        let (me, view) = book.gather(*at, views).expect("the node that is asked runs");
        let age = scenario.length - *at;
        incidents.observe(Monotonic(clock.now().0.saturating_sub(age)), &me, &view);
    }
    let metrics = Arc::new(Metrics::new(Duration::from_secs(2)).expect("valid buckets"));
    let events = Arc::new(EventLog::new());
    let telemetry = Telemetry::new(metrics.clone(), events.clone());
    for entry in &run.timeline {
        if let What::Event(node, event) = &entry.what
            && *node == own.node
        {
            telemetry.observe(NodeEvent::Detector(event.clone()));
        }
    }

    let (handle, inbox) = channel(clock);
    let targets = rows(&own, &run.views).await;
    tokio::spawn(answer(inbox, own.clone(), run.whys[moment.asked].clone(), targets));
    let settings = ClientSettings { connect_timeout: LONG, question_timeout: LONG };
    let client = Client::new(settings).expect("a client");
    let (gatherer, mesh) = Collector::new(handle.clone(), client, clock, LONG, Arc::clone(&events));
    tokio::spawn(gatherer.run(CancellationToken::new()));
    handle.ready().await.expect("the stand-in listens");
    AppState::new(handle, mesh, Arc::new(incidents), events, metrics, Arc::new(config(&own)), clock)
}

/// Where the peers that answer give their rows.
async fn rows(own: &View, views: &[Option<View>]) -> BTreeMap<PeerId, Target> {
    let mut targets = BTreeMap::new();
    for peer in own.peers.iter().filter(|peer| matches!(peer.peer.state, PeerState::Alive | PeerState::Suspect)) {
        let host = host_of(peer.peer.node.as_ref().expect("it has answered").as_str());
        let Some(view) = &views[host] else { continue };
        let row = serde_json::to_string(&RowBody::from(view)).expect("a row");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        tokio::spawn(give(listener, row));
        targets.insert(peer.peer.id, Target::new(&url.parse().expect("a URL")).expect("valid"));
    }
    targets
}

async fn give(listener: TcpListener, row: String) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(stream.read_u8().await.expect("a whole head"));
        }
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", row.len());
        stream.write_all(format!("{head}{row}").as_bytes()).await.expect("writes");
    }
}

/// The detector's part: the same answers each time.
async fn answer(mut inbox: Inbox, view: View, whys: Vec<Why>, targets: BTreeMap<PeerId, Target>) {
    while let Some(input) = inbox.inputs.recv().await {
        match input {
            Input::View { reply } => drop(reply.send(view.clone())),
            Input::Why { peer, reply } => {
                let is_meant = |why: &&Why| {
                    let about = &why.peer.peer;
                    *about.key.0 == *peer || about.node.as_ref().is_some_and(|node| node.as_str() == &*peer)
                };
                drop(reply.send(whys.iter().find(is_meant).cloned().map(Box::new)));
            }
            Input::PeerTargets { reply } => {
                drop(reply.send(PeerTargets { view: view.clone(), targets: targets.clone() }))
            }
            // Nothing else is asked here.
            _ => {}
        }
    }
}

fn config(own: &View) -> Config {
    Config {
        node: own.node.clone(),
        listen: Listen { address: None, port: 8001 },
        metrics_port: MetricsPort::Exactly(0),
        peers: Vec::new(),
        names: Vec::new(),
        expects_peers: false,
        detector: Timing::BALANCED.check().expect("sensible"),
        log: LogConfig { format: LogFormat::Auto, level: LogLevel::Info, color: Color::Auto },
        shutdown_delay: Duration::ZERO,
        drain_timeout: LONG,
        limits: Limits {
            connections: 8,
            streams: 2,
            body_bytes: 64 * 1024,
            header_bytes: 16 * 1024,
            request_time: LONG,
            header_time: LONG,
            write_time: LONG,
        },
        token: None,
        read_token: None,
        hosts: Hosts::default(),
        warnings: Vec::new(),
        mesh_key: None,
        tls: None,
        settings: vec![
            Setting { name: "port", variable: "HEARTBEAT_PORT", value: "8001".to_owned(), source: Source::Default },
            Setting {
                name: "peers",
                variable: "HEARTBEAT_PEERS",
                value: "http://node-2:8001,http://node-3:8001".to_owned(),
                source: Source::Default,
            },
        ],
    }
}

/// The name of the node that is asked.
pub fn asked(moment: Moment) -> Member {
    Member::from(format!("node-{}", moment.asked + 1).as_str())
}
