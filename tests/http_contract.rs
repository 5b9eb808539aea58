//! What the node answers is what `/openapi.json` says, both ways; health is about this process only; limits hold.

#![cfg(feature = "node")]

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use heartbeat::api::{HistoryBody, RowBody};
use heartbeat::detector::config::Timing;
use heartbeat::detector::discovery::DnsName;
use heartbeat::detector::event::{Doubt, Event, EventKind, PeerRef, Purpose};
use heartbeat::detector::evidence::{Class, Evidence};
use heartbeat::detector::flaw::{Flaw, FlawKind};
use heartbeat::detector::maintenance::{Maintenance, MaintenanceReason};
use heartbeat::detector::node::Me;
use heartbeat::detector::peer::{
    Accusation, Answer, BootId, NodeName, PeerId, PeerKey, PeerSpec, PeerState, SelfState, Seq, Testimony, Verdict,
    WatchDelta, Watched,
};
use heartbeat::detector::time::Monotonic;
use heartbeat::detector::view::{CandidateView, DiscoveryView, Hearsay, NameView, PeerView, View, WitnessView};
use heartbeat::mesh::event::NodeEvent;
use heartbeat::mesh::{self, Member};
use heartbeat::testing::client::{Client, ClientSettings, Target};
use heartbeat::testing::config::{
    Color, Config, Hosts, Limits, Listen, LogConfig, LogFormat, LogLevel, MetricsPort, Setting, Source, Token,
};
use heartbeat::testing::detector::{
    AccusationView, DecisionView, End, EvidenceView, ObserverView, PingView, Quorum, Rule, Why,
};
use heartbeat::testing::http::{AppState, Gate, Readers, Route, metrics_router, router, serve};
use heartbeat::testing::mesh_service::{Collector, IncidentStore};
use heartbeat::testing::runtime::{Clock, Driver, Handle, Inbox, Input, Observer, Parts, PeerTargets, Watch, channel};
use heartbeat::testing::telemetry::{EventLog, Metrics, Telemetry};
use http_body_util::BodyExt as _;
use hyper::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Nothing here takes a second; this only ends a test that hangs.
const LONG: Duration = Duration::from_secs(20);

fn name(text: &str) -> NodeName {
    NodeName::new(text).expect("a valid name")
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn peer_ref(id: u32, key: &str, state: PeerState) -> PeerRef {
    let known = state != PeerState::Joining;
    let node = known.then(|| name(&format!("node-{id}")));
    PeerRef {
        id: PeerId(id),
        key: PeerKey(key.into()),
        node,
        boot: known.then_some(BootId(u64::from(id))),
        state,
        flaw: None,
    }
}

fn maintenance(reason: &str) -> Maintenance {
    Maintenance { reason: MaintenanceReason::new(reason).expect("printable"), left: ms(90_000) }
}

fn peer_view(peer: PeerRef) -> PeerView {
    let heard = peer.node.is_some();
    let broken = matches!(peer.state, PeerState::Dead | PeerState::Unreachable);
    PeerView {
        peer,
        expected: true,
        maintenance: heard.then(|| maintenance("kernel update")),
        overrun: broken.then_some(ms(1500)),
        degraded: true,
        flapping: false,
        verdict: broken.then_some(Verdict::Unconfirmed),
        class: broken.then_some(Class::Gone),
        evidence: heard.then_some(Evidence::Refused),
        last_proof: heard.then_some(ms(1200)),
        last_answer: heard.then_some(ms(1200)),
        lost: ms(3),
        rival: None,
        state_age: ms(900),
        rtt_last: heard.then_some(Duration::from_micros(846)),
        rtt_mean: heard.then_some(ms(1)),
        rtt_p50: heard.then_some(ms(1)),
        rtt_p99: heard.then_some(ms(2)),
        phi: 3.25,
        loss: heard.then_some(0.4),
        restarts: 1,
        streaming: heard,
        pings_me: false,
        accusers: if broken { vec![name("node-1"), name("node-4")] } else { Vec::new() },
        witnesses: vec![
            WitnessView {
                witness: name("node-4"),
                said: Some(Testimony::NoOpinion),
                age: ms(5),
                said_age: Some(ms(3)),
            },
            WitnessView { witness: name("node-5"), said: None, age: ms(5), said_age: None },
        ],
    }
}

/// A peer in each state; every peer dead on demand.
fn discovery() -> DiscoveryView {
    let name = |host: &str, error: Option<&str>| NameView {
        name: DnsName { host: host.into(), port: 8001, tls: false },
        addresses: 3,
        last_success: error.is_none().then_some(ms(700)),
        failing_for: error.map(|_| ms(900)),
        error: error.map(Into::into),
    };
    let candidate = |last: u8, evidence| CandidateView {
        address: ([10, 0, 0, last], 8001).into(),
        age: ms(40),
        evidence,
        flaw: (last == 9).then(|| Flaw::new(FlawKind::TlsWrongName, "its certificate is for another host")),
        overdue: false,
    };
    DiscoveryView {
        names: vec![name("nodes", None), name("others", Some("Name or service not known"))],
        candidates: vec![
            candidate(7, None),
            candidate(8, Some(Evidence::Silent)),
            candidate(9, Some(Evidence::Invalid)),
        ],
        errors: 4,
    }
}

fn view(all_dead: bool) -> View {
    let keys = ["localhost:8002", "[::1]:8003", "node-4", "10.0.0.5:8001", "node-6", "node-7"];
    let peers = keys.into_iter().zip(PeerState::ALL).zip(2..);
    let peers =
        peers.map(|((key, state), id)| peer_view(peer_ref(id, key, if all_dead { PeerState::Dead } else { state })));
    View {
        discovery: discovery(),
        node: name("node-1"),
        boot: BootId(0xfedc_ba98_7654_3210),
        seq: Seq(99),
        state: if all_dead { SelfState::CutOff } else { SelfState::Ready },
        stalled: false,
        maintenance: Some(maintenance("new disk")),
        lost: ms(250),
        hearsay: Hearsay::default(),
        peers: peers.collect(),
        found_nobody: false,
        unlisted: vec![name("node-8")],
    }
}

/// The evidence about one of the peers above, by its key or name: every field filled, or every one empty.
fn why(peer: &str) -> Option<Why> {
    let view = view(false);
    let is_meant = |view: &PeerView| {
        &*view.peer.key.0 == peer || view.peer.node.as_ref().is_some_and(|node| node.as_str() == peer)
    };
    let peer = view.peers.into_iter().find(is_meant)?;
    let full = peer.peer.node.is_some();
    let ping = |purpose, end: Option<End>| PingView { age: ms(900), purpose, end: end.map(|end| (end, ms(2))) };
    let pings = vec![
        ping(Purpose::Scheduled, None),
        ping(Purpose::Check, Some(End::Failed(Evidence::Refused))),
        ping(Purpose::Witness, Some(End::OutOfTime(Evidence::Stalled))),
        ping(Purpose::Scheduled, Some(End::AnsweredLate)),
        ping(Purpose::Scheduled, Some(End::Answered)),
    ];
    let quorum = Quorum {
        observers: 3,
        needed: 2,
        accusations: 1,
        accusers: vec![name("node-1")],
        could_speak: vec![name("node-5")],
    };
    let decision = DecisionView {
        age: ms(900),
        rule: Rule::NobodyLeft,
        from: PeerState::Suspect,
        to: PeerState::Dead,
        class: full.then_some(Class::Gone),
        evidence: full.then_some(Evidence::Refused),
        silent_for: ms(251),
        limit: full.then_some(ms(250)),
        phi: full.then_some(3.5),
        heard: full.then_some((1, 3)),
        goodbye_to: full.then(|| name("node-5")),
        before: full.then_some((Rule::CheckFailed, ms(1400))),
        exhibits: full.then(|| EvidenceView {
            pings: pings.clone(),
            witnesses: peer.witnesses.clone(),
            vouchers: vec![name("node-5")],
            quorum: Some(quorum.clone()),
        }),
    };
    Some(Why {
        observer: ObserverView {
            node: name("node-1"),
            state: SelfState::Ready,
            stalled: false,
            lost: ms(250),
            cut_off: full.then_some(ms(700)),
            blind: full,
        },
        watched: ms(90_000),
        last_ping_elsewhere: None,
        last_ping_in: full.then_some(ms(300)),
        pings: if full { pings } else { Vec::new() },
        limit: full.then_some(ms(3000)),
        late_after: ms(250),
        accusations: vec![AccusationView { observer: name("node-5"), class: Class::Silent, left: ms(2000) }],
        accused: full.then_some(ms(600)),
        vouchers: vec![name("node-5")],
        discredited: full.then(|| name("node-6")),
        quorum: full.then_some(quorum),
        outage: full.then(|| decision.clone()),
        decision: full.then_some(decision),
        peer,
    })
}

fn answer() -> Answer {
    Answer {
        node: name("node-1"),
        boot: BootId(1),
        seq: Seq(5),
        state: SelfState::Ready,
        version: "0.1.0".into(),
        accusations: vec![Accusation {
            node: name("node-3"),
            boot: BootId(3),
            class: Class::Gone,
            silent_for: ms(251),
        }],
        watch: WatchDelta {
            since: 0,
            rev: 2,
            peers: vec![
                Watched { node: name("node-2"), boot: BootId(2), state: Some(PeerState::Alive) },
                Watched { node: name("node-9"), boot: BootId(9), state: None },
            ],
        },
        maintenance: None,
    }
}

/// What a node named in a question makes the stand-in do.
fn testimony(node: &NodeName) -> Option<Testimony> {
    match node.as_str() {
        "answered" => Some(Testimony::Answered { boot: BootId(7) }),
        "failed" => Some(Testimony::Failed { evidence: Evidence::Stalled }),
        "left" => Some(Testimony::Left),
        "silent" => None,
        _ => Some(Testimony::NoOpinion),
    }
}

/// The row of the peer `node-3`: it cannot reach this node, watches a caller of this node that is on no list here, and knows two
/// nodes that this one does not.
const ROW: &str = r#"{"node":"node-3","boot":"0000000000000003","seq":60000,"state":"ready","stalled":false,"new":1,"peers":[
    {"node":"node-1","key":null,"boot":"fedcba9876543210","state":"unreachable","verdict":"link_broken","class":"silent","state_age_ms":900},
    {"node":"node-8","key":null,"boot":"0000000000000008","state":"alive","state_age_ms":5000,"rtt_us":846,"loss":0.1,"expected":true},
    {"node":"node-12","key":null,"boot":"000000000000000c","state":"alive","state_age_ms":5000,"expected":true},
    {"node":null,"key":"nowhere:8001","boot":null,"state":"joining","verdict":"never_seen","state_age_ms":90000},
    {"node":"node-13","key":null,"boot":"000000000000000d","state":"enchanted","state_age_ms":5000}]}"#;

/// A peer that answers every request with its row.
async fn peer_with_a_row() -> (Target, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", ROW.len());
    let serve = async move {
        loop {
            let (mut stream, _) = listener.accept().await.expect("accepts");
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                request.push(stream.read_u8().await.expect("a whole head"));
            }
            stream.write_all(format!("{head}{ROW}").as_bytes()).await.expect("writes");
        }
    };
    (Target::new(&url.parse().expect("a URL")).expect("valid"), tokio::spawn(serve))
}

/// Stands in for the driver: answers its messages from fixed values.
async fn stand_in(mut inbox: Inbox, all_dead: bool, targets: BTreeMap<PeerId, Target>) {
    let mut unanswered = Vec::new();
    while let Some(input) = inbox.inputs.recv().await {
        match input {
            Input::Ping { reply, .. } => drop(reply.send(answer())),
            Input::View { reply } => drop(reply.send(view(all_dead))),
            Input::Why { peer, reply } => drop(reply.send(why(&peer).map(Box::new))),
            Input::PeerTargets { reply } => {
                drop(reply.send(PeerTargets { view: view(all_dead), targets: targets.clone() }))
            }
            Input::Question { node, reply, .. } => match testimony(&node) {
                Some(testimony) => drop(reply.send(testimony)),
                None => unanswered.push(reply),
            },
            Input::Leave { done } | Input::Maintain { done, .. } => drop(done.send(())),
            Input::Discovery { tried } => drop(tried.send(())),
            Input::Hello { reply, .. } => drop(reply.send(None)),
            Input::Ready | Input::Connected { .. } | Input::Stream { .. } => {}
        }
    }
}

/// One incident that is closed and one that is open.
fn incident_store(clock: Clock) -> Arc<IncidentStore> {
    let incidents = IncidentStore::new(clock);
    let dead = r#""boot":"000000000000000c","state":"dead","verdict":"down","class":"gone""#;
    let later = ROW
        .replace(r#""state":"unreachable","verdict":"link_broken","class":"silent""#, r#""state":"alive""#)
        .replace(r#""boot":"000000000000000c","state":"alive""#, dead);
    for row in [ROW, &later] {
        let row = RowBody::parse(row.as_bytes()).and_then(|row| row.into_row(|key| Member::from(key))).expect("a row");
        incidents.observe(clock.now(), &Member::from("node-3"), &mesh::view(vec![row]));
    }
    Arc::new(incidents)
}

fn limits() -> Limits {
    Limits {
        connections: 8,
        streams: 2,
        body_bytes: 64 * 1024,
        header_bytes: 16 * 1024,
        request_time: ms(300),
        header_time: ms(400),
        write_time: ms(500),
    }
}

/// The path that changes something.
const MAINTENANCE: &str = "/api/v1/maintenance";

const TOKEN: &str = "correct-horse-battery";

fn config() -> Config {
    Config {
        node: name("node-1"),
        listen: Listen { address: None, port: 0 },
        metrics_port: MetricsPort::Exactly(0),
        peers: Vec::new(),
        names: Vec::new(),
        expects_peers: false,
        detector: Timing::BALANCED.check().expect("sensible"),
        log: LogConfig { format: LogFormat::Auto, level: LogLevel::Info, color: Color::Auto },
        shutdown_delay: Duration::ZERO,
        drain_timeout: ms(1000),
        limits: limits(),
        token: Token::new(TOKEN).ok(),
        read_token: None,
        hosts: Hosts::default(),
        warnings: Vec::new(),
        mesh_key: None,
        tls: None,
        settings: vec![Setting {
            name: "port",
            variable: "HEARTBEAT_PORT",
            value: "8001".to_owned(),
            source: Source::Default,
        }],
    }
}

struct Node {
    state: AppState,
    handle: Handle,
    telemetry: Telemetry,
    driver: JoinHandle<()>,
    others: Vec<JoinHandle<()>>,
}

impl Drop for Node {
    fn drop(&mut self) {
        self.driver.abort();
        self.others.iter().for_each(JoinHandle::abort);
    }
}

impl Node {
    async fn start(all_dead: bool) -> Node {
        let clock = Clock::start();
        let (handle, inbox) = channel(clock);
        let (target, peer) = peer_with_a_row().await;
        let driver = tokio::spawn(stand_in(inbox, all_dead, BTreeMap::from([(PeerId(3), target)])));
        let settings = ClientSettings { connect_timeout: ms(200), question_timeout: ms(200) };
        let client = Client::new(settings).expect("a client");
        let events = Arc::new(EventLog::new());
        let (gatherer, mesh) = Collector::new(handle.clone(), client, clock, ms(200), Arc::clone(&events));
        let gatherer = tokio::spawn(gatherer.run(CancellationToken::new()));
        let metrics = Arc::new(Metrics::new(Duration::from_secs(2)).expect("valid buckets"));
        let telemetry = Telemetry::new(metrics.clone(), events.clone());
        let state =
            AppState::new(handle.clone(), mesh, incident_store(clock), events, metrics, Arc::new(config()), clock);
        handle.ready().await.expect("the stand-in listens");
        Node { state, handle, telemetry, driver, others: vec![peer, gatherer] }
    }

    fn router(&self) -> Router {
        router(self.state.clone())
    }

    fn happens(&self, kind: EventKind) {
        let about_self = kind.name().starts_with("self_");
        let peer = (!about_self).then(|| peer_ref(2, "localhost:8002", PeerState::Dead));
        self.telemetry.observe(NodeEvent::Detector(Event { at: Monotonic::default(), peer, kind }));
    }

    fn three_events(&self) {
        self.happens(EventKind::PeerJoined { rtt: Some(ms(1)) });
        self.happens(EventKind::SelfStalled { lost: ms(700) });
        self.happens(EventKind::PeerDown {
            prev: PeerState::Suspect,
            verdict: Verdict::Down,
            class: Class::Gone,
            evidence: Evidence::Refused,
            silent_for: ms(251),
            accusers: vec![name("node-1"), name("node-2")],
        });
    }

    /// The next scrape is written anew: its time is over.
    async fn forget_scrape(&self) {
        let begin = Request::delete(MAINTENANCE).header("authorization", format!("Bearer {TOKEN}"));
        self.ask(begin.body(Body::empty()).expect("a request")).await;
    }

    async fn get(&self, path: &str) -> Reply {
        self.ask(Request::get(path).body(Body::empty()).expect("a request")).await
    }

    async fn ask(&self, request: Request<Body>) -> Reply {
        let response = call(self.router(), request).await;
        let (head, body) = response.into_parts();
        let bytes = timeout(LONG, body.collect()).await.expect("in time").expect("a body").to_bytes();
        let media = head.headers.get("content-type").map(|value| value.to_str().expect("text").to_owned());
        Reply {
            status: head.status,
            media: media.unwrap_or_default(),
            text: String::from_utf8(bytes.to_vec()).expect("UTF-8"),
            head,
        }
    }
}

struct Reply {
    status: StatusCode,
    media: String,
    text: String,
    head: hyper::http::response::Parts,
}

impl Reply {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }
}

/// Calls a router as a server would, without one.
async fn call(router: Router, request: Request<Body>) -> Response<Body> {
    let service = hyper_util::service::TowerToHyperService::new(router);
    timeout(LONG, hyper::service::Service::call(&service, request)).await.expect("in time").expect("infallible")
}

async fn contract() -> (Node, Value) {
    let node = Node::start(false).await;
    node.three_events();
    let contract = node.get("/openapi.json").await.json();
    (node, contract)
}

/// Asserts that `instance` is what the contract says at `pointer`.
fn check(contract: &Value, pointer: &str, instance: &Value) {
    let mut schema = contract.pointer(pointer).unwrap_or_else(|| panic!("{pointer} is not in the contract")).clone();
    schema["components"] = contract["components"].clone();
    let validator = jsonschema::validator_for(&schema).unwrap_or_else(|error| panic!("{pointer}: {error}"));
    let faults: Vec<String> = validator.iter_errors(instance).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(faults.is_empty(), "{pointer}: {faults:#?}\n{instance:#}");
}

fn escape(text: &str) -> String {
    text.replace('~', "~0").replace('/', "~1")
}

/// Asserts that the contract of `path` knows this status and media type, and that the body obeys it.
fn check_reply(contract: &Value, path: &str, reply: &Reply) {
    check_method(contract, path, "get", reply);
}

fn check_method(contract: &Value, path: &str, method: &str, reply: &Reply) {
    let status = reply.status.as_str();
    let content = &contract["paths"][path][method]["responses"][status]["content"];
    let media = reply.media.split(';').next().unwrap_or_default();
    assert!(content.get(media).is_some(), "{path} {status}: {media} is not in the contract\n{}", reply.text);
    let pointer = format!("/paths/{}/{method}/responses/{status}/content/{}/schema", escape(path), escape(media));
    let instance = if media.ends_with("json") { reply.json() } else { Value::from(reply.text.as_str()) };
    check(contract, &pointer, &instance);
}

/// A request for each path of the contract and each of its answers that can be had.
const EXAMPLES: &[(&str, &str, u16)] = &[
    ("/", "/", 200),
    ("/", "/?only=bad", 200),
    ("/", "/?only=all", 200),
    ("/", "/?only=good", 400),
    ("/", "/?only=bad&only=bad", 400),
    ("/node/{name}", "/node/node-1", 200),
    ("/node/{name}", "/node/node-4", 200),
    ("/node/{name}", "/node/nobody", 404),
    ("/node/{name}", "/node/%ff", 400),
    ("/why/{observer}/{peer}", "/why/node-1/node-4", 200),
    ("/why/{observer}/{peer}", "/why/node-4/node-1", 200),
    ("/why/{observer}/{peer}", "/why/node-1/nobody", 404),
    ("/why/{observer}/{peer}", "/why/%ff/node-1", 400),
    ("/mesh.svg", "/mesh.svg", 200),
    ("/page.css", "/page.css", 200),
    ("/page.js", "/page.js", 200),
    ("/login", "/login", 200),
    ("/ping", "/ping", 200),
    ("/healthz", "/healthz", 200),
    ("/livez", "/livez", 200),
    ("/readyz", "/readyz", 200),
    ("/metrics", "/metrics", 200),
    ("/api/v1/peers", "/api/v1/peers", 200),
    ("/api/v1/peers/{key}", "/api/v1/peers/localhost:8002", 200),
    ("/api/v1/peers/{key}", "/api/v1/peers/[::1]:8003", 200),
    ("/api/v1/peers/{key}", "/api/v1/peers/%5B%3A%3A1%5D%3A8003", 200),
    ("/api/v1/peers/{key}", "/api/v1/peers/node-4", 200),
    ("/api/v1/peers/{key}", "/api/v1/peers/nobody", 404),
    ("/api/v1/peers/{key}", "/api/v1/peers/%ff", 400),
    ("/api/v1/why/{peer}", "/api/v1/why/localhost:8002", 200),
    ("/api/v1/why/{peer}", "/api/v1/why/node-4", 200),
    ("/api/v1/why/{peer}", "/api/v1/why/node-6", 200),
    ("/api/v1/why/{peer}", "/api/v1/why/nobody", 404),
    ("/api/v1/why/{peer}", "/api/v1/why/node-1", 404),
    ("/api/v1/why/{peer}", "/api/v1/why/%ff", 400),
    ("/api/v1/events", "/api/v1/events", 200),
    ("/api/v1/events", "/api/v1/events?since=1&kind=peer_down&peer=localhost:8002&limit=3", 200),
    ("/api/v1/events", "/api/v1/events?since=yesterday", 400),
    ("/api/v1/events", "/api/v1/events?limit=1&limit=2", 400),
    ("/api/v1/events", "/api/v1/events?kind=peer_vanished", 400),
    ("/api/v1/incidents", "/api/v1/incidents", 200),
    ("/api/v1/incidents", "/api/v1/incidents?limit=1", 200),
    ("/api/v1/incidents", "/api/v1/incidents?limit=0", 400),
    ("/api/v1/incidents", "/api/v1/incidents?limit=1&limit=2", 400),
    ("/api/v1/matrix", "/api/v1/matrix", 200),
    ("/api/v1/cluster", "/api/v1/cluster", 200),
    ("/api/v1/cluster", "/api/v1/cluster?strict=0", 200),
    ("/api/v1/cluster", "/api/v1/cluster?strict=1", 503),
    ("/api/v1/cluster", "/api/v1/cluster?strict=perhaps", 400),
    ("/api/v1/cluster", "/api/v1/cluster?strict=1&strict=1", 400),
    ("/matrix.txt", "/matrix.txt", 200),
    ("/api/v1/row", "/api/v1/row", 200),
    ("/api/v1/history", "/api/v1/history", 200),
    ("/api/v1/history", "/api/v1/history?since=2", 200),
    ("/api/v1/history", "/api/v1/history?since=2&since=3", 400),
    ("/api/v1/history", "/api/v1/history?since=then", 400),
    ("/api/v1/witness/{node}/{boot}", "/api/v1/witness/answered/00000000000000ff", 200),
    ("/api/v1/witness/{node}/{boot}", "/api/v1/witness/failed/00000000000000ff", 200),
    ("/api/v1/witness/{node}/{boot}", "/api/v1/witness/left/00000000000000ff", 200),
    ("/api/v1/witness/{node}/{boot}", "/api/v1/witness/nobody/00000000000000ff", 404),
    ("/api/v1/witness/{node}/{boot}", "/api/v1/witness/answered/ff", 400),
    ("/api/v1/witness/{node}/{boot}", "/api/v1/witness/a%20b/00000000000000ff", 400),
    ("/api/v1/witness/{node}/{boot}", "/api/v1/witness/silent/00000000000000ff", 503),
    ("/api/v1/node", "/api/v1/node", 200),
    ("/api/v1/config", "/api/v1/config", 200),
    ("/api/v1/maintenance", "/api/v1/maintenance", 200),
    ("/openapi.json", "/openapi.json", 200),
];

#[tokio::test]
async fn every_answer_obeys_the_contract() {
    let (node, contract) = contract().await;
    for (path, target, status) in EXAMPLES {
        let reply = node.get(target).await;
        assert_eq!(reply.status.as_u16(), *status, "{target}: {}", reply.text);
        check_reply(&contract, path, &reply);
    }
}

#[tokio::test]
async fn router_and_contract_list_the_same_paths() {
    let (_node, contract) = contract().await;
    let listed: BTreeSet<&str> = contract["paths"].as_object().expect("paths").keys().map(String::as_str).collect();
    let routed: BTreeSet<&str> = Route::served().map(Route::path).collect();
    let tried: BTreeSet<&str> = EXAMPLES.iter().filter(|example| example.2 == 200).map(|example| example.0).collect();
    assert_eq!(listed, routed);
    assert_eq!(listed, tried, "a path of the contract is not tried above");
    assert_eq!(contract["info"]["version"], env!("CARGO_PKG_VERSION"));
}

#[tokio::test]
async fn the_mesh_is_told_with_the_rows_of_those_who_give_one() {
    let (node, _) = contract().await;
    let matrix = node.get("/api/v1/matrix").await.json();
    let heard = |observer: &str| {
        let rows = matrix["rows"].as_array().expect("rows");
        rows.iter().find(|row| row["observer"] == observer).unwrap_or_else(|| panic!("{observer}: {matrix:#}")).clone()
    };
    assert_eq!(heard("node-1")["heard"], "now");
    assert_eq!(heard("node-3")["heard"], "now");
    // No target, and a caller that another's row lists.
    assert_eq!(heard("node-4")["heard"], "never");
    assert_eq!(heard("node-8")["heard"], "never");
    let cells = heard("node-3")["cells"].as_array().expect("cells").clone();
    let cell = |peer: &str| cells.iter().find(|cell| cell["peer"] == peer).cloned();
    assert_eq!(cell("node-8").expect("a cell")["rtt_ms"], 0.846);
    assert_eq!((cell("node-12"), cell("nowhere:8001")), (None, None), "one row alone names them");
    assert_eq!(cell("node-13"), None, "a state that is not known");
    let cluster = node.get("/api/v1/cluster").await.json();
    assert_eq!((&cluster["asked"], &cluster["answered"]), (&json!(5), &json!(1)));
    assert!(cluster.to_string().contains("node-12, nowhere:8001"), "a blind spot of node-3: {cluster:#}");
    assert_eq!(cluster["sentence"], matrix["sentence"]);
    let text = node.get("/matrix.txt").await.text;
    assert!(text.starts_with(cluster["sentence"].as_str().expect("a sentence")), "{text}");
}

#[tokio::test]
async fn incidents_that_go_on_come_first() {
    let (node, _) = contract().await;
    let told = |body: Value| -> Vec<(String, bool, Value)> {
        let list = body["incidents"].as_array().expect("a list").clone();
        let one = |incident: Value| {
            (
                incident["verdict"].as_str().expect("a word").to_owned(),
                incident["open"] == true,
                incident["nodes"].clone(),
            )
        };
        list.into_iter().map(one).collect()
    };
    let body = node.get("/api/v1/incidents").await.json();
    assert_eq!(body["open"], 1);
    let expected = vec![
        ("down".to_owned(), true, json!(["node-12"])),
        ("link_broken".to_owned(), false, json!(["node-1", "node-3"])),
    ];
    assert_eq!(told(body), expected);
    assert_eq!(told(node.get("/api/v1/incidents?limit=1").await.json()), expected[..1]);
}

/// Only the reader's clock is needed: a node whose clock is an hour off answers the same.
#[tokio::test]
async fn what_peers_are_told_holds_no_timestamp() {
    let (node, contract) = contract().await;
    node.happens(EventKind::PeerSuspect { doubt: Doubt::Late });
    let reply = node.get("/api/v1/history").await;
    check_reply(&contract, "/api/v1/history", &reply);
    let body = reply.json();
    let events: Vec<&str> =
        body["events"].as_array().expect("a list").iter().filter_map(|event| event["event"].as_str()).collect();
    // What is debug stays here, and yet it is not asked for again.
    assert_eq!(events, ["peer_joined", "self_stalled", "peer_down"]);
    assert_eq!(body["next"], 4);
    assert_eq!(body["events"][2]["peer"], "node-2", "keys are private: a peer goes by its name");
    let year = node.get("/api/v1/node").await.json()["started"].as_str().expect("a time")[..5].to_owned();
    assert!(!reply.text.contains(&year), "{}", reply.text);
    let row = node.get("/api/v1/row").await;
    assert!(!row.text.contains(&year), "{}", row.text);
    assert_eq!(node.get("/api/v1/history?since=2").await.json()["events"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn what_peers_told_is_listed_as_theirs_by_time() {
    let (node, contract) = contract().await;
    let told = r#"{"node":"node-2","boot":"00000000000000ff","next":9,"events":[
        {"seq":8,"age_ms":3600000,"event":"peer_down","level":"warn","peer":"node-9","message":"Peer unreachable","sentence":"node-9 is down"}],
        "incidents":[{"id":4,"verdict":"down","nodes":["node-9"],"observers":["node-2"],"began_ms":3600000,"ended_ms":3000000}]}"#;
    node.state.incidents.hear(HistoryBody::read(told.as_bytes()).expect("a history"));
    let reply = node.get("/api/v1/events").await;
    check_reply(&contract, "/api/v1/events", &reply);
    let from = |body: &Value| -> Vec<Value> {
        body["events"].as_array().expect("a list").iter().map(|event| event["from"].clone()).collect()
    };
    assert_eq!(from(&reply.json()), [json!("node-2"), Value::Null, Value::Null, Value::Null]);
    // Numbers are of one node.
    assert_eq!(from(&node.get("/api/v1/events?since=0").await.json()), [Value::Null, Value::Null, Value::Null]);
    assert_eq!(from(&node.get("/api/v1/events?peer=node-9").await.json()), [json!("node-2")]);
    assert_eq!(from(&node.get("/api/v1/events?kind=self_stalled").await.json()), [Value::Null]);
    let reply = node.get("/api/v1/incidents").await;
    check_reply(&contract, "/api/v1/incidents", &reply);
    let body = reply.json();
    let last = body["incidents"].as_array().expect("a list").last().expect("theirs is the oldest").clone();
    assert_eq!((&last["from"], &last["id"], &last["lasted_ms"]), (&json!("node-2"), &json!(4), &json!(600_000)));
    assert_eq!(body["open"], 1);
    // It is not passed on.
    assert!(!node.get("/api/v1/history").await.text.contains("node-9"));
}

/// What a node saw is filed under the peer's key and what others tell under its name; either word finds both.
#[tokio::test]
async fn events_about_a_peer_are_found_by_its_key_and_by_its_name() {
    let node = Node::start(true).await;
    node.three_events();
    let told = r#"{"node":"node-4","boot":"00000000000000ff","next":9,"events":[
        {"seq":8,"age_ms":3600000,"event":"peer_down","level":"warn","peer":"node-2","message":"Peer unreachable","sentence":"node-2 is down"}],
        "incidents":[]}"#;
    node.state.incidents.hear(HistoryBody::read(told.as_bytes()).expect("a history"));
    for wanted in ["localhost:8002", "node-2"] {
        let reply = node.get(&format!("/api/v1/events?peer={wanted}")).await.json();
        let events = reply["events"].as_array().expect("a list");
        let found: Vec<(&Value, &Value)> = events.iter().map(|event| (&event["from"], &event["event"])).collect();
        let own = Value::Null;
        let (joined, down) = (json!("peer_joined"), json!("peer_down"));
        assert_eq!(found, [(&json!("node-4"), &down), (&own, &joined), (&own, &down)], "{wanted}: {reply}");
    }
    let unknown = node.get("/api/v1/events?peer=nobody").await;
    assert_eq!((unknown.status, unknown.json()["code"].as_str()), (StatusCode::NOT_FOUND, Some("no_such_peer")));
}

#[tokio::test]
async fn health_stays_good_with_every_peer_dead() {
    let node = Node::start(true).await;
    for path in ["/livez", "/readyz", "/healthz"] {
        assert_eq!(node.get(path).await.status, StatusCode::OK, "{path}");
    }
    let peers = node.get("/api/v1/peers").await.json();
    assert!(peers["peers"].as_array().expect("a list").iter().all(|peer| peer["state"] == "dead"));
}

#[tokio::test]
async fn a_leaving_node_is_live_and_not_ready() {
    let (node, contract) = contract().await;
    node.handle.leave().await.expect("the stand-in listens");
    assert_eq!(node.get("/livez").await.status, StatusCode::OK);
    assert_eq!(node.get("/healthz").await.json()["ready"], false);
    let reply = node.get("/readyz").await;
    assert_eq!((reply.status.as_u16(), &reply.json()["code"]), (503, &json!("leaving")));
    check_reply(&contract, "/readyz", &reply);
}

#[tokio::test]
async fn a_starting_node_is_not_ready() {
    let (handle, _inbox) = channel(Clock::start());
    let (node, contract) = contract().await;
    let starting = AppState { handle, ..node.state.clone() };
    let request = Request::get("/readyz").body(Body::empty()).expect("a request");
    let response = call(router(starting), request).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    let body = response.into_body().collect().await.expect("a body").to_bytes();
    let problem: Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!(problem["code"], "starting");
    check(&contract, "/components/schemas/Problem", &problem);
}

#[tokio::test]
async fn without_a_detector_there_is_no_heartbeat() {
    let (node, contract) = contract().await;
    node.driver.abort();
    while !node.driver.is_finished() {
        tokio::task::yield_now().await;
    }
    for path in [
        "/ping",
        "/api/v1/peers",
        "/api/v1/why/node-4",
        "/metrics",
        "/api/v1/node",
        "/api/v1/row",
        "/api/v1/matrix",
        "/api/v1/cluster",
    ] {
        let reply = node.get(path).await;
        assert_eq!((reply.status.as_u16(), &reply.json()["code"]), (503, &json!("stopping")), "{path}");
        check_reply(&contract, &path.replace("node-4", "{peer}"), &reply);
    }
}

#[tokio::test]
async fn errors_are_problem_objects_with_a_stable_code() {
    let (node, contract) = contract().await;
    let request = |method: Method, path: &str, body: Body| {
        Request::builder().method(method).uri(path).body(body).expect("a request")
    };
    let table = [
        (request(Method::GET, "/nowhere", Body::empty()), 404, "no_such_path"),
        (request(Method::GET, "/api/v1/peers/", Body::empty()), 404, "no_such_path"),
        (request(Method::POST, "/ping", Body::empty()), 405, "method_not_allowed"),
        (request(Method::DELETE, "/api/v1/peers", Body::empty()), 405, "method_not_allowed"),
        (request(Method::GET, "/ping", Body::from("x")), 413, "body_not_accepted"),
        (request(Method::POST, "/nowhere", Body::from("x")), 413, "body_not_accepted"),
        (request(Method::DELETE, MAINTENANCE, Body::from("x")), 413, "body_not_accepted"),
        (request(Method::PUT, MAINTENANCE, Body::empty()), 405, "method_not_allowed"),
    ];
    for (request, status, code) in table {
        let what = format!("{} {}", request.method(), request.uri());
        let reply = node.ask(request).await;
        assert_eq!((reply.status.as_u16(), reply.media.as_str()), (status, "application/problem+json"), "{what}");
        let problem = reply.json();
        assert_eq!((&problem["code"], &problem["status"]), (&json!(code), &json!(status)), "{what}");
        check(&contract, "/components/schemas/Problem", &problem);
        if status == 405 {
            let allowed = if what.ends_with(MAINTENANCE) { "GET, HEAD, POST, DELETE" } else { "GET, HEAD" };
            assert_eq!(reply.head.headers["allow"], allowed, "{what}");
        }
    }
    let unknown = node.get("/api/v1/peers/nobody").await.json();
    assert!(unknown["detail"].as_str().expect("text").contains("localhost:8002"), "{unknown}");
    let unknown = node.get("/api/v1/why/nobody").await.json();
    assert!(unknown["detail"].as_str().expect("text").contains("localhost:8002"), "{unknown}");
    let myself = node.get("/api/v1/why/node-1").await.json();
    let detail = myself["detail"].as_str().expect("text");
    assert!(detail.contains("node-1 is this node itself") && detail.contains("localhost:8002"), "{myself}");
}

fn order(method: Method, token: Option<&str>, body: &str) -> Request<Body> {
    let builder = Request::builder().method(method).uri(MAINTENANCE);
    let builder = token.into_iter().fold(builder, |builder, token| builder.header("authorization", token));
    let body = if body.is_empty() { Body::empty() } else { Body::from(body.to_owned()) };
    builder.body(body).expect("a request")
}

#[tokio::test]
async fn who_does_not_know_the_token_changes_nothing() {
    let (node, contract) = contract().await;
    let good = r#"{"reason":"disk"}"#;
    let cases = [
        None,
        Some(""),
        Some("Bearer"),
        Some("Bearer "),
        Some(TOKEN),
        Some("Basic correct-horse-battery"),
        Some("Bearer correct-horse-batterz"),
        Some("Bearer correct-horse-battery-"),
    ];
    for token in cases {
        for (method, body) in [(Method::POST, good), (Method::POST, "nonsense"), (Method::DELETE, "")] {
            let name = method.as_str().to_lowercase();
            let reply = node.ask(order(method, token, body)).await;
            assert_eq!((reply.status.as_u16(), &reply.json()["code"]), (401, &json!("token_needed")), "{token:?}");
            assert_eq!(reply.head.headers["www-authenticate"], "Bearer");
            assert!(!reply.text.contains("horse"), "{}", reply.text);
            check_method(&contract, MAINTENANCE, &name, &reply);
        }
    }
    let open = AppState { config: Arc::new(Config { token: None, ..config() }), ..node.state.clone() };
    for method in [Method::POST, Method::DELETE] {
        // No token opens a node that has none.
        let response = call(router(open.clone()), order(method, Some("Bearer "), "")).await;
        assert_eq!(response.status(), StatusCode::FORBIDDEN);
        let body = response.into_body().collect().await.expect("a body").to_bytes();
        let problem: Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(problem["code"], "changes_closed");
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("HEARTBEAT_TOKEN")), "{problem}");
        check(&contract, "/components/schemas/Problem", &problem);
    }
}

#[tokio::test]
async fn a_wish_that_cannot_be_understood_says_what_would_be_right() {
    let (node, contract) = contract().await;
    let long = format!(r#"{{"reason":"{}"}}"#, "x".repeat(201));
    let huge = format!(r#"{{"reason":"{}"}}"#, "x".repeat(70_000));
    for (body, words) in [
        ("", "the body is JSON"),
        ("{}", "the body is JSON"),
        (r#"{"reason":"disk","fro":"30m"}"#, "the body is JSON"),
        (r#"{"reason":""}"#, "1 to 200 printable"),
        (r#"{"reason":"a\u001b[2J"}"#, "1 to 200 printable"),
        (long.as_str(), "1 to 200 printable"),
        (huge.as_str(), "longer than 4096 bytes"),
        (r#"{"reason":"disk","for":"25h"}"#, "24h"),
        (r#"{"reason":"disk","for":"0"}"#, "shorter than a second"),
        (r#"{"reason":"disk","for":"30"}"#, "has no unit"),
    ] {
        let reply = node.ask(order(Method::POST, Some("Bearer correct-horse-battery"), body)).await;
        assert_eq!((reply.status.as_u16(), &reply.json()["code"]), (400, &json!("bad_body")), "{body:.80}");
        assert!(reply.json()["detail"].as_str().is_some_and(|detail| detail.contains(words)), "{}", reply.text);
        check_method(&contract, MAINTENANCE, "post", &reply);
    }
}

/// A small body that unpacks to a large one is read as it is.
#[tokio::test]
async fn packed_bodies_are_not_unpacked() {
    let (node, contract) = contract().await;
    let gzip = |bytes: &[u8]| {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        std::io::Write::write_all(&mut packed, bytes).expect("into memory");
        packed.finish().expect("into memory")
    };
    let (wish, bomb, larger) =
        (gzip(br#"{"reason":"disk"}"#), gzip(&vec![b' '; 3_000_000]), gzip(&vec![b' '; 30_000_000]));
    assert!(bomb.len() < 4096 && larger.len() > 4096, "{} {}", bomb.len(), larger.len());
    for (body, words) in [(&wish, "the body is JSON"), (&bomb, "the body is JSON"), (&larger, "longer than 4096 bytes")]
    {
        let send = |method: Method, path: &str, kind: &str| {
            let request = Request::builder().method(method).uri(path).header("content-encoding", "gzip");
            let request = request.header("content-type", kind).header("authorization", format!("Bearer {TOKEN}"));
            node.ask(request.body(Body::from(body.clone())).expect("a request"))
        };
        let reply = send(Method::POST, MAINTENANCE, "application/json").await;
        assert_eq!((reply.status.as_u16(), &reply.json()["code"]), (400, &json!("bad_body")), "{}", reply.text);
        assert!(reply.json()["detail"].as_str().is_some_and(|detail| detail.contains(words)), "{}", reply.text);
        check_method(&contract, MAINTENANCE, "post", &reply);
        let reply = send(Method::POST, "/login", "application/x-www-form-urlencoded").await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{}", reply.text);
        for path in ["/ping", "/", "/api/v1/peers", "/metrics"] {
            let reply = send(Method::GET, path, "application/json").await;
            assert_eq!(reply.json()["code"], "body_not_accepted", "{path}: {}", reply.text);
        }
    }
}

/// Over the real detector: what is announced is sent to peers, shown, and ended.
#[tokio::test]
async fn a_node_is_put_into_maintenance_and_out_of_it() {
    let (node, contract) = contract().await;
    let free = TcpListener::bind("127.0.0.1:0").await.expect("a free port").local_addr().expect("bound").port();
    let (handle, driver) = real_driver(free).await;
    let mut node = node;
    node.state.handle = handle;
    assert_eq!(node.get(MAINTENANCE).await.json()["maintenance"], Value::Null);
    let mut news = call(node.router(), stream_request(PEER)).await.into_body();
    let wish = r#"{"reason":"new disk","for":"2h"}"#;
    let reply = node.ask(order(Method::POST, Some("bearer correct-horse-battery"), wish)).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text);
    check_method(&contract, MAINTENANCE, "post", &reply);
    assert_eq!(reply.json()["maintenance"]["reason"], "new disk");
    let left = reply.json()["maintenance"]["left_ms"].as_u64().expect("a number");
    assert!((7_100_000..=7_200_000).contains(&left), "{left}");
    let answer = node.get("/ping").await;
    check_reply(&contract, "/ping", &answer);
    assert_eq!(answer.json()["maintenance"]["reason"], "new disk");
    let told = |text: &str, words: &str| text.starts_with("event: news\n") && text.contains(words);
    while !told(&frame(&mut news).await, r#""maintenance":{"reason":"new disk""#) {}
    assert_eq!(node.get("/api/v1/node").await.json()["maintenance"]["reason"], "new disk");
    assert!(node.get("/metrics").await.text.lines().any(|line| line == "heartbeat_maintenance 1"));
    let reply = node.ask(order(Method::DELETE, Some("Bearer correct-horse-battery"), "")).await;
    assert_eq!((reply.status, &reply.json()["maintenance"]), (StatusCode::OK, &Value::Null));
    check_method(&contract, MAINTENANCE, "delete", &reply);
    while !told(&frame(&mut news).await, r#""maintenance":{"reason":"","left_ms":0}"#) {}
    assert!(node.get("/metrics").await.text.lines().any(|line| line == "heartbeat_maintenance 0"));
    for path in ["/api/v1/config", "/api/v1/node", "/metrics", "/openapi.json", "/"] {
        assert!(!node.get(path).await.text.contains("horse"), "{path} shows the token");
    }
    driver.abort();
}

#[tokio::test]
async fn too_many_questions_are_refused() {
    let (node, contract) = contract().await;
    let ask = |subject: &str, headers: &[(&str, &str)]| {
        let request = Request::get(format!("/api/v1/witness/{subject}/00000000000000ff"));
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        tokio::spawn(call(node.router(), request.body(Body::empty()).expect("a request")))
    };
    let mut waiting: Vec<_> = (0..8).map(|_| ask("silent", &[])).collect();
    // The questions are all taken up before the next one is asked: spawned tasks run in order.
    tokio::task::yield_now().await;
    let reply = node.get("/api/v1/witness/answered/00000000000000ff").await;
    assert_eq!((reply.status.as_u16(), &reply.json()["code"]), (429, &json!("too_many_questions")));
    assert_eq!(reply.head.headers["retry-after"], "1");
    check_reply(&contract, "/api/v1/witness/{node}/{boot}", &reply);
    // Strangers leave the most part to peers, who are refused when that is taken as well.
    waiting.extend((0..24).map(|_| ask("silent", PEER)));
    tokio::task::yield_now().await;
    let refused = ask("answered", PEER).await.expect("no panic");
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    for answer in waiting {
        assert_eq!(answer.await.expect("no panic").status(), StatusCode::SERVICE_UNAVAILABLE, "out of time");
    }
    assert_eq!(node.get("/api/v1/witness/answered/00000000000000ff").await.status, StatusCode::OK);
}

#[tokio::test]
async fn requests_are_counted_by_route_and_code() {
    let (node, _) = contract().await;
    node.get("/ping").await;
    node.get("/api/v1/peers/nobody").await;
    node.get("/some/scanner").await;
    node.get("/another/scanner").await;
    let ping = Request::get("/ping").header("heartbeat-node", "node-2").header("heartbeat-boot", "00000000000000ff");
    node.ask(ping.header("heartbeat-seq", "1").body(Body::empty()).expect("a request")).await;
    node.ask(Request::post("/ping").body(Body::empty()).expect("a request")).await;
    let text = node.get("/metrics").await.text;
    for line in [
        "heartbeat_http_requests_total{route=\"/ping\",code=\"200\"} 2",
        "heartbeat_http_requests_total{route=\"/ping\",code=\"405\"} 1",
        "heartbeat_http_requests_total{route=\"/api/v1/peers/{key}\",code=\"404\"} 1",
        "heartbeat_http_requests_total{route=\"other\",code=\"404\"} 2",
        "heartbeat_http_request_duration_seconds_count{route=\"/ping\"} 3",
        "heartbeat_pings_received_total 1",
        "heartbeat_peers{state=\"dead\"} 1",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
    }
}

#[tokio::test]
async fn the_metrics_port_has_metrics_and_health_and_nothing_else() {
    let (node, _) = contract().await;
    let get = |path: &str| {
        call(metrics_router(node.state.clone()), Request::get(path).body(Body::empty()).expect("a request"))
    };
    let response = get("/metrics").await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    for path in ["/livez", "/readyz", "/healthz"] {
        assert_eq!(get(path).await.status(), StatusCode::OK, "{path}");
    }
    for path in ["/ping", "/", "/api/v1/peers"] {
        assert_eq!(get(path).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn a_slash_at_the_end_of_what_probes_ask_changes_nothing() {
    let (node, _) = contract().await;
    for path in ["/healthz", "/metrics", "/livez", "/readyz", "/ping"] {
        let (without, with) = (node.get(path).await, node.get(&format!("{path}/")).await);
        assert_eq!((with.status, &with.media), (without.status, &without.media), "{path}/");
        assert_eq!(with.status, StatusCode::OK, "{path}/");
    }
    assert_eq!(node.get("/nothing/").await.status, StatusCode::NOT_FOUND);
    assert_eq!(node.get("//").await.status, StatusCode::NOT_FOUND);
    let line = "heartbeat_http_requests_total{route=\"/healthz\",code=\"200\"} 2";
    node.forget_scrape().await;
    let text = node.get("/metrics").await.text;
    assert!(text.lines().any(|found| found == line), "counted under one name: {text}");
}

#[tokio::test]
async fn metrics_are_packed_for_those_who_ask() {
    let (node, _) = contract().await;
    let plain = node.get("/metrics").await;
    let request = Request::get("/metrics").header("accept-encoding", "gzip, deflate").body(Body::empty());
    let (head, body) = call(node.router(), request.expect("a request")).await.into_parts();
    assert_eq!(
        (&head.headers["content-encoding"], &head.headers["vary"]),
        (&"gzip".parse().unwrap(), &"accept-encoding".parse().unwrap())
    );
    let packed = body.collect().await.expect("a body").to_bytes();
    assert!(packed.len() * 4 < plain.text.len(), "{} of {} bytes", packed.len(), plain.text.len());
    let mut text = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&packed[..]), &mut text).expect("gzip");
    assert_eq!(text, plain.text, "within a second all get the same");
    assert!(plain.head.headers.get("content-encoding").is_none());
}

/// However often it is asked for, it is written once a second at most.
#[tokio::test]
async fn metrics_are_written_once_for_all_who_ask() {
    let (node, _) = contract().await;
    let first = node.get("/metrics").await.text;
    node.get("/ping").await;
    assert_eq!(node.get("/metrics").await.text, first);
    let line = "heartbeat_http_requests_total{route=\"/ping\",code=\"200\"} 1";
    let newer = async {
        while !node.get("/metrics").await.text.lines().any(|found| found == line) {
            tokio::task::yield_now().await;
        }
    };
    timeout(LONG, newer).await.expect("a second later it is written again");
    // What happens is seen at once.
    node.happens(EventKind::SelfLeaving);
    let line = "heartbeat_events_total{event=\"self_leaving\"} 1";
    assert!(node.get("/metrics").await.text.lines().any(|found| found == line));
}

/// Writing and packing are work for other threads. With all of those taken, a scrape waits; on the thread that answers pings
/// it would be done by then.
#[test]
fn metrics_are_neither_written_nor_packed_where_pings_are_answered() {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().max_blocking_threads(1).build().expect("a runtime");
    runtime.block_on(async {
        let (node, _) = contract().await;
        // Before the second one, a plain text is kept: only the packing is left to do.
        for accepted in ["identity", "gzip"] {
            let (release, held) = std::sync::mpsc::channel::<()>();
            let holding = tokio::task::spawn_blocking(move || _ = held.recv());
            let request = Request::get("/metrics").header("accept-encoding", accepted).body(Body::empty());
            let scrape = tokio::spawn(call(node.router(), request.expect("a request")));
            for _ in 0..100 {
                assert_eq!(node.get("/ping").await.status, StatusCode::OK);
            }
            assert!(!scrape.is_finished(), "{accepted}: done by the thread that answers pings");
            drop(release);
            holding.await.expect("no panic");
            let answer = timeout(LONG, scrape).await.expect("in time").expect("no panic");
            let bytes = answer.into_body().collect().await.expect("a body").to_bytes();
            assert!(bytes.len() > 1000, "{accepted}: {} bytes", bytes.len());
        }
    });
}

/// Once nobody can be served with it any more, nothing keeps it: for a thousand peers it has megabytes.
#[tokio::test]
async fn written_metrics_are_kept_for_a_second_only() {
    let (node, _) = contract().await;
    for accepted in ["identity", "gzip"] {
        let request = Request::get("/metrics").header("accept-encoding", accepted).body(Body::empty());
        let begun = tokio::time::Instant::now();
        let mut body = call(node.router(), request.expect("a request")).await.into_body();
        let frame = timeout(LONG, body.frame()).await.expect("in time").expect("one").expect("no error");
        let bytes = frame.into_data().expect("data");
        drop(body);
        let dropped = async {
            while !bytes.is_unique() {
                tokio::time::sleep(ms(5)).await;
            }
        };
        timeout(LONG, dropped).await.expect("no request comes, and the text is dropped");
        let kept = begun.elapsed();
        println!("{accepted}: kept for {kept:?}");
        assert!(kept >= ms(500), "{accepted}: others were to be served with it, and it was kept for {kept:?}");
    }
}

#[tokio::test]
async fn page_and_api_are_for_known_hosts_only() {
    let (node, contract) = contract().await;
    let ask = |path: &str, host: &str, headers: &[(&str, &str)]| {
        let request = Request::get(path).header("host", host);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        node.ask(request.body(Body::empty()).expect("a request"))
    };
    for path in ["/", "/api/v1/peers", "/api/v1/cluster", "/api/v1/events", "/matrix.txt", "/openapi.json", "/page.js"]
    {
        let refused = ask(path, "rebound.example:8001", &[]).await;
        assert_eq!((refused.status.as_u16(), &refused.json()["code"]), (421, &json!("wrong_host")), "{path}");
        check(&contract, "/components/schemas/Problem", &refused.json());
        for host in ["127.0.0.1:8001", "[::1]:8001", "localhost:8001"] {
            if path != "/api/v1/events" {
                assert_eq!(ask(path, host, &[]).await.status, StatusCode::OK, "{path} of {host}");
            }
        }
    }
    // What nodes, probes and scrapers ask is answered under any name.
    for path in ["/ping", "/livez", "/readyz", "/healthz", "/metrics", "/api/v1/row", "/api/v1/history"] {
        assert_eq!(ask(path, "alias-of-node-1.example", PEER).await.status, StatusCode::OK, "{path}");
        assert_eq!(ask(path, "alias-of-node-1.example", &[]).await.status, StatusCode::OK, "{path}");
    }
    assert_ne!(ask("/api/v1/witness/answered/00000000000000ff", "alias", &[]).await.status.as_u16(), 421);
    let mut stream = stream_request(PEER);
    stream.headers_mut().insert("host", "alias".parse().expect("a host"));
    assert_eq!(call(node.router(), stream).await.status(), StatusCode::OK);
}

/// The addresses in a page, as its markup has them.
fn addresses(page: &str) -> BTreeSet<String> {
    let attributes = ["href=\"", "src=\"", "action=\""];
    let of = |attribute: &&str| -> Vec<String> {
        page.split(*attribute)
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .map(|text| text.replace("&amp;", "&"))
            .collect()
    };
    attributes.iter().flat_map(of).filter(|address| !address.starts_with("data:")).collect()
}

/// As behind a proxy that serves the node below a path: it takes the prefix off, and a browser puts nothing back.
#[tokio::test]
async fn every_address_of_a_page_stays_below_the_path_of_a_proxy() {
    const PREFIX: &str = "http://proxy.example/tools/heartbeat/";
    let (node, _) = contract().await;
    let below = |page: &url::Url, address: &str| {
        let there = page.join(address).expect("an address");
        let path = there.as_str().strip_prefix(PREFIX).map(|rest| format!("/{rest}"));
        path.unwrap_or_else(|| panic!("{page} leads to {there} by {address:?}"))
    };
    let (mut found, mut left) = (BTreeSet::new(), vec!["/".to_owned(), "/login".to_owned()]);
    let mut streams = 0;
    while let Some(path) = left.pop() {
        if !found.insert(path.clone()) {
            continue;
        }
        let reply = node.get(&path).await;
        assert!(matches!(reply.status.as_u16(), 200 | 404), "{path}: {} {}", reply.status, reply.text);
        if !reply.media.starts_with("text/html") {
            continue;
        }
        let page: url::Url = format!("{PREFIX}{}", &path[1..]).parse().expect("an address");
        left.extend(addresses(&reply.text).iter().map(|address| below(&page, address)));
        // What the script makes of it: the way back to the first page, with the stream below it.
        if let Some(root) = reply.text.split("data-root=\"").nth(1).and_then(|rest| rest.split('"').next()) {
            assert_eq!(below(&page, root), "/");
            let events = below(&page, &format!("{root}api/v1/events"));
            assert_eq!(
                call(
                    node.router(),
                    Request::get(&events).header("accept", "text/event-stream").body(Body::empty()).expect("a request")
                )
                .await
                .status(),
                StatusCode::OK
            );
            streams += 1;
        }
    }
    println!("{} addresses, {streams} pages with a stream: {found:?}", found.len());
    for kind in ["/page.css", "/page.js", "/node/", "/why/", "/api/v1/", "/matrix.txt", "/openapi.json"] {
        assert!(found.iter().any(|path| path.starts_with(kind)), "{kind} is linked from nowhere: {found:?}");
    }
    let script = node.get("/page.js").await.text;
    for call in ["fetch(", "EventSource(", "location.assign(", "location ="] {
        for rest in script.split(call).skip(1) {
            let is_relative = !rest.starts_with(['"', '`', '\'']) || rest.starts_with("`${root}");
            assert!(is_relative, "{call}{:.40}", rest);
        }
    }
    // The form asks in the place of any page, and leads back to it.
    let node = node.reads_with_token();
    for path in ["/", "/?only=bad", "/node/node-4", "/why/node-1/node-4"] {
        let page: url::Url = format!("{PREFIX}{}", &path[1..]).parse().expect("an address");
        let asked = node.get(path).await;
        let forms: Vec<String> = addresses(&asked.text).iter().map(|address| below(&page, address)).collect();
        assert!(forms.contains(&"/login".to_owned()) && forms.contains(&"/page.css".to_owned()), "{path}: {forms:?}");
        let next = path[1..].to_owned();
        let sent = node.log_in(&form_urlencoded(&[("token", READ_TOKEN), ("next", &next)])).await;
        let form = page.join(&addresses(&asked.text).into_iter().find(|at| at.ends_with("login")).expect("a form"));
        let location = sent.head.headers["location"].to_str().expect("text");
        assert_eq!(below(&form.expect("an address"), location), path);
    }
}

#[tokio::test]
async fn no_answer_is_taken_for_something_else() {
    let (node, _) = contract().await;
    for path in ["/", "/ping", "/metrics", "/api/v1/peers", "/nothing", "/api/v1/peers/nobody"] {
        assert_eq!(node.get(path).await.head.headers["x-content-type-options"], "nosniff", "{path}");
    }
}

/// A person mistypes; a program that tries tokens waits for its answers. The right token never does.
#[tokio::test]
async fn wrong_tokens_are_slowed_down() {
    let (node, _) = contract().await;
    let end = |token: &str| {
        let request = Request::delete(MAINTENANCE).header("authorization", format!("Bearer {token}"));
        node.ask(request.body(Body::empty()).expect("a request"))
    };
    for _ in 0..10 {
        assert_eq!(end("wrong-horse-battery").await.status, StatusCode::UNAUTHORIZED);
    }
    // The time of a request in this test is shorter than the pause.
    assert_eq!(end("wrong-horse-battery").await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(end(TOKEN).await.status, StatusCode::OK);
    let text = node.get("/metrics").await.text;
    assert!(text.lines().any(|line| line == "heartbeat_tokens_refused_total 11"), "{text}");
}

const READ_TOKEN: &str = "staple-correct-horse";

/// Paths that tell nothing about the mesh.
const OPEN: [&str; 5] = ["/page.css", "/login", "/healthz", "/livez", "/readyz"];

impl Node {
    /// The same node with a read token.
    fn reads_with_token(mut self) -> Node {
        let config = Config { read_token: Token::new(READ_TOKEN).ok(), ..config() };
        self.state.readers = Readers::new(&config).map(Arc::new);
        self.state.config = Arc::new(config);
        self
    }

    async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Reply {
        let request = headers.iter().fold(Request::get(path), |request, (name, value)| request.header(*name, *value));
        self.ask(request.body(Body::empty()).expect("a request")).await
    }

    /// Sends the form of `/login`.
    async fn log_in(&self, form: &str) -> Reply {
        let request = Request::post("/login").header("content-type", "application/x-www-form-urlencoded");
        self.ask(request.body(Body::from(form.to_owned())).expect("a request")).await
    }
}

/// Every route of the contract, with what a stranger, a caller with a tag that nobody checks, and readers show.
#[tokio::test]
async fn with_a_read_token_a_reader_shows_it() {
    let (node, contract) = contract().await;
    for (form, status) in
        [("", StatusCode::BAD_REQUEST), ("next=a", StatusCode::BAD_REQUEST), ("token=x", StatusCode::SEE_OTHER)]
    {
        let reply = node.log_in(form).await;
        assert_eq!(reply.status, status, "where none is needed: {form}");
        if status != StatusCode::SEE_OTHER {
            check_method(&contract, "/login", "post", &reply);
        }
    }
    let node = node.reads_with_token();
    let reply = node.log_in(&format!("token={READ_TOKEN}")).await;
    let cookie =
        reply.head.headers["set-cookie"].to_str().expect("text").split(';').next().expect("a value").to_owned();
    let (read, change) = (format!("Bearer {READ_TOKEN}"), format!("bearer {TOKEN}"));
    let mac = format!("1 {} {} {}", "0".repeat(8), "0".repeat(32), "0".repeat(64));
    let node_headers = [
        ("heartbeat-node", "node-2"),
        ("heartbeat-boot", "00000000000000b2"),
        ("heartbeat-seq", "5"),
        ("heartbeat-mac", &mac),
    ];
    for (path, target, _) in EXAMPLES.iter().filter(|example| example.2 == 200) {
        let is_open = OPEN.contains(path) || *path == "/ping";
        let strangers: [&[(&str, &str)]; 6] = [
            &[],
            &[("authorization", READ_TOKEN)],
            &[("authorization", "Basic c3RhcGxlOmNvcnJlY3Q=")],
            &[("cookie", "heartbeat-read=; heartbeat-read"), ("cookie", "heartbeat-rea=1")],
            &node_headers,
            &[("accept", "text/event-stream"), ("heartbeat-node", "node-2"), ("heartbeat-mac", &mac)],
        ];
        for headers in strangers {
            let reply = node.get_with(target, headers).await;
            assert_eq!(reply.status.as_u16(), if is_open { 200 } else { 401 }, "{target} {headers:?}: {}", reply.text);
            assert!(!reply.text.contains("horse") && !reply.text.contains("node-2"), "{target}: {}", reply.text);
            check_reply(&contract, path, &reply);
        }
        let both = format!("theme=dark; {cookie}");
        for header in
            [("authorization", read.as_str()), ("authorization", &change), ("cookie", &cookie), ("cookie", &both)]
        {
            let reply = node.get_with(target, &[header]).await;
            assert_eq!(reply.status, StatusCode::OK, "{target} {header:?}: {}", reply.text);
        }
    }
    let path = "/api/v1/cluster";
    let reply = node.get(path).await;
    assert_eq!(
        (&reply.json()["code"], &reply.head.headers["www-authenticate"]),
        (&json!("token_needed"), &"Bearer".parse().expect("text"))
    );
    assert!(reply.text.contains("--read-token-file"), "the remedy: {}", reply.text);
    let metrics =
        call(metrics_router(node.state.clone()), Request::get("/metrics").body(Body::empty()).expect("a request"));
    assert_eq!(metrics.await.status(), StatusCode::OK, "the metrics port is for scrapers");
}

#[tokio::test]
async fn a_stranger_learns_from_a_ping_that_the_node_lives() {
    let (node, _) = contract().await;
    let whole = node.get("/ping").await.json();
    assert_ne!((&whole["accusations"], &whole["watch"]["peers"]), (&json!([]), &json!([])), "something to hide");
    let node = node.reads_with_token();
    let least = node.get("/ping").await.json();
    assert_eq!((&least["accusations"], &least["watch"]), (&json!([]), &json!({ "since": 0, "rev": 0, "peers": [] })));
    assert_eq!((&least["maintenance"], &least["node"]), (&Value::Null, &json!("node-1")));
    let token = format!("Bearer {READ_TOKEN}");
    assert_eq!(node.get_with("/ping", &[("authorization", &token)]).await.json(), whole);
}

#[tokio::test]
async fn a_browser_shows_the_read_token_once() {
    let (node, contract) = contract().await;
    let node = node.reads_with_token();
    for (path, target, action, next) in [
        ("/", "/", "./login", None),
        ("/", "/?only=bad", "./login", Some("?only=bad")),
        ("/node/{name}", "/node/node-4", "../login", Some("node/node-4")),
        ("/why/{observer}/{peer}", "/why/node-1/node-4", "../../login", Some("why/node-1/node-4")),
    ] {
        let reply = node.get(target).await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
        check_reply(&contract, path, &reply);
        assert!(reply.text.contains(&format!("action=\"{action}\"")), "{}", reply.text);
        let kept = next.map(|next| format!("name=\"next\" value=\"{next}\""));
        assert_eq!(kept.is_some_and(|kept| reply.text.contains(&kept)), next.is_some(), "{}", reply.text);
        assert!(!reply.text.contains("<script"), "it works without");
        let policy = reply.head.headers["content-security-policy"].to_str().expect("text");
        assert!(policy.contains("form-action 'self'") && policy.contains("default-src 'none'"), "{policy}");
        let next = next.unwrap_or_default();
        let form: String = form_urlencoded(&[("token", READ_TOKEN), ("next", next)]);
        let reply = node.log_in(&form).await;
        assert_eq!(reply.status, StatusCode::SEE_OTHER, "{}", reply.text);
        assert_eq!(reply.head.headers["location"], format!("./{next}").as_str());
        let cookie = reply.head.headers["set-cookie"].to_str().expect("text");
        assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict") && !cookie.contains("horse"), "{cookie}");
    }
    let elsewhere = node.log_in(&form_urlencoded(&[("token", READ_TOKEN), ("next", "//evil.example")])).await;
    assert_eq!(elsewhere.head.headers["location"], "./");
    for form in ["token=wrong-horse-battery", "token=", "", "nonsense", "next=node/a"] {
        let reply = node.log_in(form).await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{form}");
        assert!(
            !reply.head.headers.contains_key("set-cookie") && reply.text.contains("role=\"alert\""),
            "{}",
            reply.text
        );
        assert!(!reply.text.contains("horse"), "{}", reply.text);
        check_method(&contract, "/login", "post", &reply);
    }
    check_method(&contract, "/login", "post", &node.log_in(&"x".repeat(5000)).await);
    // A cookie reads and changes nothing.
    let cookie = node.log_in(&format!("token={TOKEN}")).await.head.headers["set-cookie"].clone();
    let request = Request::delete(MAINTENANCE)
        .header("cookie", cookie.to_str().expect("text").split(';').next().expect("a value"));
    assert_eq!(node.ask(request.body(Body::empty()).expect("a request")).await.status, StatusCode::UNAUTHORIZED);
    let read_only = node.ask(order(Method::DELETE, Some(&format!("Bearer {READ_TOKEN}")), "")).await;
    assert_eq!(read_only.status, StatusCode::UNAUTHORIZED);
    assert!(read_only.text.contains("the read token changes nothing"), "{}", read_only.text);
    assert_eq!(node.ask(order(Method::DELETE, Some(&format!("Bearer {TOKEN}")), "")).await.status, StatusCode::OK);
}

fn form_urlencoded(fields: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// Whichever way they are tried: as a header of anything, of a ping, or in the form.
#[tokio::test]
async fn wrong_read_tokens_are_slowed_down() {
    let (node, _) = contract().await;
    let node = node.reads_with_token();
    let wrong = [("authorization", "Bearer wrong-horse-battery")];
    for _ in 0..4 {
        assert_eq!(node.get_with("/api/v1/node", &wrong).await.status, StatusCode::UNAUTHORIZED);
        assert_eq!(node.get_with("/ping", &wrong).await.status, StatusCode::UNAUTHORIZED);
    }
    for _ in 0..2 {
        assert_eq!(node.log_in("token=wrong-horse-battery").await.status, StatusCode::UNAUTHORIZED);
    }
    // The time of a request in this test is shorter than the pause.
    for path in ["/api/v1/node", "/ping", "/"] {
        assert_eq!(node.get_with(path, &wrong).await.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
    }
    assert_eq!(node.log_in("token=wrong-horse-battery").await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(node.get("/").await.status, StatusCode::UNAUTHORIZED, "who shows none does not wait");
    let right = format!("Bearer {READ_TOKEN}");
    let text = node.get_with("/metrics", &[("authorization", &right)]).await.text;
    assert!(text.lines().any(|line| line == "heartbeat_tokens_refused_total 14"), "{text}");
}

fn stream_request(headers: &[(&str, &str)]) -> Request<Body> {
    let builder = Request::get("/api/v1/events").header("accept", "text/event-stream");
    let builder = headers.iter().fold(builder, |builder, (name, value)| builder.header(*name, *value));
    builder.body(Body::empty()).expect("a request")
}

const PEER: &[(&str, &str)] =
    &[("heartbeat-node", "node-2"), ("heartbeat-boot", "00000000000000ff"), ("heartbeat-seq", "5")];

/// The next frame of a stream that is not a comment.
async fn frame(body: &mut Body) -> String {
    loop {
        let frame = timeout(LONG, body.frame()).await.expect("in time").expect("another frame").expect("no error");
        let text = String::from_utf8(frame.into_data().expect("data").to_vec()).expect("UTF-8");
        if !text.starts_with(':') {
            return text;
        }
    }
}

#[tokio::test]
async fn a_browser_follows_the_ring() {
    let (node, contract) = contract().await;
    let response = call(node.router(), stream_request(&[("last-event-id", "1")])).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut body = response.into_body();
    for (event, id) in [("self_stalled", 2), ("peer_down", 3)] {
        let text = frame(&mut body).await;
        let data = text.strip_prefix(&format!("event: {event}\nid: {id}\ndata: ")).unwrap_or_else(|| panic!("{text}"));
        check(&contract, "/components/schemas/Event", &serde_json::from_str(data).expect("JSON"));
    }
    node.happens(EventKind::SelfLeaving);
    assert!(frame(&mut body).await.starts_with("event: self_leaving\nid: 4\n"));
}

#[tokio::test]
async fn a_new_stream_begins_with_what_comes_next() {
    let (node, _) = contract().await;
    let mut body = call(node.router(), stream_request(&[])).await.into_body();
    node.happens(EventKind::SelfLeaving);
    assert!(frame(&mut body).await.starts_with("event: self_leaving\nid: 4\n"));
}

#[tokio::test]
async fn browsers_cannot_crowd_out_peers() {
    let (node, _) = contract().await;
    let first = call(node.router(), stream_request(&[])).await;
    let _second = call(node.router(), stream_request(&[])).await;
    let third = call(node.router(), stream_request(&[])).await;
    assert_eq!(third.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(call(node.router(), stream_request(PEER)).await.status(), StatusCode::OK);
    drop(first);
    assert_eq!(
        call(node.router(), stream_request(&[])).await.status(),
        StatusCode::OK,
        "a slot returns with its reader"
    );
}

/// Says nothing; the events of this driver go nowhere.
struct Unheard;

impl Observer for Unheard {
    fn event(&mut self, _: Event) {}
    fn woke(&mut self, _: Duration) {}
    fn flooded(&mut self, _: &str, _: bool) {}
}

/// The real detector, with one peer on whose port no process listens.
async fn real_driver(port: u16) -> (Handle, JoinHandle<()>) {
    let clock = Clock::start();
    let (handle, inbox) = channel(clock);
    let url = format!("http://127.0.0.1:{port}").parse().expect("a URL");
    let driver = Driver::new(Parts {
        config: Timing::BALANCED.check().expect("sensible"),
        me: Me { node: name("node-1"), boot: BootId(1), version: "0.1.0".into() },
        seed: 1,
        peers: vec![Watch {
            spec: PeerSpec { key: PeerKey("a".into()), pinned: None },
            target: Target::new(&url).expect("valid"),
        }],
        names: Vec::new(),
        expects_peers: false,
        clock,
        client: Client::new(ClientSettings { connect_timeout: ms(500), question_timeout: ms(500) }).expect("a client"),
        inbox,
        observer: Box::new(Unheard),
    });
    let task = tokio::spawn(driver.run(CancellationToken::new()));
    handle.ready().await.expect("it runs");
    (handle, task)
}

#[tokio::test]
async fn a_peer_gets_news_and_no_events() {
    let (node, contract) = contract().await;
    let free = TcpListener::bind("127.0.0.1:0").await.expect("a free port").local_addr().expect("bound").port();
    let (handle, driver) = real_driver(free).await;
    let state = AppState { handle: handle.clone(), ..node.state.clone() };
    let mut body = call(router(state), stream_request(PEER)).await.into_body();
    node.happens(EventKind::SelfLeaving);
    // Leaving is news for every peer.
    handle.leave().await.expect("it runs");
    loop {
        let text = frame(&mut body).await;
        let data = text.strip_prefix("event: news\ndata: ").unwrap_or_else(|| panic!("{text}"));
        let news: Value = serde_json::from_str(data).expect("JSON");
        check(&contract, "/components/schemas/Answer", &news);
        if news["state"] == "leaving" {
            break;
        }
    }
    driver.abort();
}

/// A server on a real socket.
struct Server {
    address: SocketAddr,
    cancel: CancellationToken,
    task: Pin<Box<JoinHandle<()>>>,
    node: Node,
}

impl Server {
    async fn start() -> Server {
        Server::of(Node::start(false).await).await
    }

    async fn of(node: Node) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let cancel = CancellationToken::new();
        let gate = Gate { limits: limits(), ..Gate::of_pings(&node.state, "main") };
        let task = Box::pin(tokio::spawn(serve(listener, node.router(), gate, cancel.clone())));
        Server { address, cancel, task, node }
    }

    /// A second port of the same node, on which the router answers every request. It serves as long as the test.
    async fn without_shortcut(&self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let gate = Gate { limits: limits(), ..Gate::new(&self.node.state, "main") };
        tokio::spawn(serve(listener, self.node.router(), gate, self.cancel.clone()));
        address
    }

    /// Waits until the metrics have this line.
    async fn counts(&self, line: &str) {
        let view = View::new(name("node-1"), BootId(1), Vec::new());
        let counted = async {
            while !self.node.state.metrics.render(&view).lines().any(|found| found == line) {
                tokio::time::sleep(ms(5)).await;
            }
        };
        timeout(LONG, counted).await.unwrap_or_else(|_| panic!("{line} never came"));
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("connects")
    }
}

async fn say(stream: &mut TcpStream, text: &str) {
    stream.write_all(text.as_bytes()).await.expect("writes");
}

/// Everything until the server closes. A torn connection counts as closed.
async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let _ = timeout(LONG, stream.read_to_end(&mut bytes)).await.expect("the server closes in time");
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Reads until `end` has come.
async fn until(stream: &mut TcpStream, end: &str) -> String {
    let mut text = String::new();
    let reads = async {
        while !text.contains(end) {
            text.push(char::from(stream.read_u8().await.expect("more bytes")));
        }
    };
    timeout(LONG, reads).await.expect("in time");
    text
}

const PING: &str = "GET /ping HTTP/1.1\r\nhost: x\r\n\r\n";

#[tokio::test]
async fn a_kept_connection_is_served_until_it_idles_too_long() {
    let server = Server::start().await;
    let mut stream = server.connect().await;
    for _ in 0..3 {
        say(&mut stream, PING).await;
        let text = until(&mut stream, "}]}}").await;
        assert!(text.starts_with("HTTP/1.1 200 OK\r\n"), "{text}");
    }
    assert_eq!(rest(&mut stream).await, "", "an idle connection is closed without a word");
}

/// Requests that a ping may look like. Each asks for the end of its connection.
const LIKE_PINGS: [&str; 11] = [
    "GET /ping HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    "GET /ping HTTP/1.1\r\nhost: x\r\nconnection: close\r\nheartbeat-node: n\r\nheartbeat-boot: 00000000000000ff\r\n\
     heartbeat-seq: 1\r\n\r\n",
    "GET /ping HTTP/1.1\r\nhost: a.stranger.example\r\nconnection: close\r\n\r\n",
    "GET /ping?now=1 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    "GET http://x/ping HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    "GET /ping HTTP/1.0\r\n\r\n",
    "GET /ping/ HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    "HEAD /ping HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    "POST /ping HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
    "GET /ping HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 1\r\n\r\nx",
    "GET /ping HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
];

/// An answer without what is not the same in each.
async fn bare(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("connects");
    say(&mut stream, request).await;
    let text = rest(&mut stream).await;
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    // axum counts the bytes where else hyper does.
    format!("{}\n\n{body}", without_date(head).join("\n"))
}

#[tokio::test]
async fn a_ping_is_answered_ahead_of_the_router_as_the_router_would() {
    let server = Server::start().await;
    let router = server.without_shortcut().await;
    for request in LIKE_PINGS {
        let (ahead, routed) = (bare(server.address, request).await, bare(router, request).await);
        assert!(ahead.starts_with("HTTP/1."), "{request}: {ahead}");
        assert_eq!(ahead, routed, "{request}");
    }
    // Seven of them get an answer with status 200 at each port, of which one names a node.
    server.counts("heartbeat_http_requests_total{route=\"/ping\",code=\"200\"} 16").await;
    server.counts("heartbeat_pings_received_total 2").await;
}

/// As a reader follows the events.
const READERS_STREAM: &str = "GET /api/v1/events HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\n\r\n";
/// As a node asks for the news of this one.
const STREAM: &str = "GET /api/v1/events HTTP/1.1\r\nhost: x\r\naccept: text/event-stream\r\nheartbeat-node: n\r\n\
                      heartbeat-boot: 00000000000000ff\r\nheartbeat-seq: 1\r\n\r\n";

/// Asks for a stream. Returns it after its first comment, and its head without what is not the same in each.
async fn opened(address: SocketAddr, request: &str) -> (TcpStream, Vec<String>) {
    let mut stream = TcpStream::connect(address).await.expect("connects");
    say(&mut stream, request).await;
    // To the end of the comment's chunk.
    let text = until(&mut stream, "3\r\n:\n\n\r\n").await;
    (stream, without_date(&text))
}

/// The lines of a head, in an order that means nothing after the first.
fn without_date(head: &str) -> Vec<String> {
    let lines = head.lines().filter(|line| !line.starts_with("date: ")).map(str::to_owned);
    let mut lines: Vec<String> = lines.collect();
    lines[1..].sort_unstable();
    lines
}

#[tokio::test]
async fn a_stream_for_a_node_is_sent_without_hyper_as_hyper_would() {
    let server = Server::start().await;
    let (mut ahead, head) = opened(server.address, STREAM).await;
    let (mut routed, wanted) = opened(server.without_shortcut().await, STREAM).await;
    assert_eq!(head[0], "HTTP/1.1 200 OK");
    assert_eq!(head, wanted);
    // What is asked meanwhile has to wait for the end of the stream.
    for stream in [&mut ahead, &mut routed] {
        say(stream, PING).await;
    }
    server.cancel.cancel();
    for mut stream in [ahead, routed] {
        let rest = rest(&mut stream).await;
        assert_eq!(rest, "0\r\n\r\n", "a stream ends as a whole answer, and nothing else is answered");
    }
}

#[tokio::test]
async fn a_node_that_leaves_its_stream_gives_up_its_place() {
    let server = Server::start().await;
    // More than there are places for nodes that this one does not watch.
    for _ in 0..100 {
        let (mut stream, head) = opened(server.address, STREAM).await;
        assert_eq!(head[0], "HTTP/1.1 200 OK");
        stream.shutdown().await.expect("half of it closes");
        assert_eq!(rest(&mut stream).await, "");
    }
}

#[tokio::test]
async fn a_node_that_is_refused_its_stream_may_go_on() {
    let server = Server::start().await;
    let wrong = STREAM.replace("\r\n\r\n", "\r\nlast-event-id: x\r\n\r\n");
    let mut heads = Vec::new();
    for address in [server.address, server.without_shortcut().await] {
        let mut stream = TcpStream::connect(address).await.expect("connects");
        say(&mut stream, &wrong).await;
        let head = until(&mut stream, "\r\n\r\n").await;
        until(&mut stream, "must be the number of an event").await;
        heads.push(without_date(&head));
        say(&mut stream, PING).await;
        until(&mut stream, "HTTP/1.1 200 OK\r\n").await;
        until(&mut stream, "}]}}").await;
    }
    assert_eq!(heads[0][0], "HTTP/1.1 400 Bad Request");
    assert_eq!(heads[0], heads[1]);
}

/// The layers before the router ask for the token, so what goes past them has to ask, too.
#[tokio::test]
async fn a_ping_ahead_of_the_router_asks_for_the_read_token_as_well() {
    let server = Server::of(Node::start(false).await.reads_with_token()).await;
    let router = server.without_shortcut().await;
    let ping = |lines: &str| format!("GET /ping HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{lines}\r\n");
    for (lines, status, tells_all) in [
        (String::new(), 200, false),
        ("heartbeat-node: n\r\nheartbeat-boot: 00000000000000ff\r\nheartbeat-seq: 1\r\n".to_owned(), 200, false),
        (format!("authorization: Bearer {READ_TOKEN}\r\n"), 200, true),
        ("authorization: Bearer wrong-horse-battery\r\n".to_owned(), 401, false),
    ] {
        let ahead = bare(server.address, &ping(&lines)).await;
        assert_eq!(ahead, bare(router, &ping(&lines)).await, "{lines}");
        assert!(ahead.starts_with(&format!("HTTP/1.1 {status} ")), "{lines}: {ahead}");
        assert_eq!(ahead.contains("\"accusations\":[{"), tells_all, "{lines}: {ahead}");
    }
    server.counts("heartbeat_tokens_refused_total 2").await;
}

#[tokio::test]
async fn a_head_that_dribbles_in_is_cut_off() {
    let server = Server::start().await;
    let mut stream = server.connect().await;
    say(&mut stream, "GET /ping HTTP/1.1\r\nhost: ").await;
    let begun = tokio::time::Instant::now();
    let text = rest(&mut stream).await;
    assert!(!text.contains("200 OK"), "{text}");
    assert!(begun.elapsed() >= ms(300), "not before its time");
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let server = Server::start().await;
    let mut stream = server.connect().await;
    say(&mut stream, &format!("GET /ping HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "y".repeat(15 * 1024))).await;
    assert!(until(&mut stream, "\r\n").await.starts_with("HTTP/1.1 200"), "15 kB are no harm");
    let mut stream = server.connect().await;
    say(&mut stream, &format!("GET /ping HTTP/1.1\r\nhost: x\r\nx: {}\r\n", "y".repeat(17 * 1024))).await;
    assert!(until(&mut stream, "\r\n").await.starts_with("HTTP/1.1 431"));
}

/// A question that is answered when the time of a request is over.
const SILENT: &str = "GET /api/v1/witness/silent/00000000000000ff HTTP/1.1\r\nhost: x\r\nheartbeat-node: n\r\n\
                      heartbeat-boot: 00000000000000ff\r\nheartbeat-seq: 1\r\n\r\n";

#[tokio::test]
async fn a_connection_too_many_is_told_so() {
    let server = Server::start().await;
    let mut held = Vec::new();
    for _ in 0..limits().connections {
        let mut stream = server.connect().await;
        // The first answer says that the next request has been taken up, which keeps the connection busy.
        say(&mut stream, &format!("{PING}{SILENT}")).await;
        until(&mut stream, "}]}}").await;
        held.push(stream);
    }
    let mut stream = server.connect().await;
    say(&mut stream, PING).await;
    let text = rest(&mut stream).await;
    assert!(text.starts_with("HTTP/1.1 503 ") && text.contains("\"code\":\"too_many_connections\""), "{text}");
    assert!(text.contains("x-content-type-options: nosniff"), "{text}");
    server.counts("heartbeat_connections_refused_total{reason=\"full\"} 1").await;
    drop(held);
    // A slot comes back as soon as the server has seen an end; until then the answer is 503.
    let served = async {
        loop {
            let mut stream = server.connect().await;
            say(&mut stream, PING).await;
            if until(&mut stream, "\r\n").await.starts_with("HTTP/1.1 200") {
                break;
            }
        }
    };
    timeout(LONG, served).await.expect("room again");
}

/// Quiet connections, as many as there may be and more, keep nobody out.
#[tokio::test]
async fn at_the_limit_an_idle_caller_makes_room() {
    let server = Server::start().await;
    let (mut quiet, mut streams) = (Vec::new(), Vec::new());
    for request in [READERS_STREAM, STREAM] {
        streams.push(opened(server.address, request).await.0);
    }
    let served = async {
        for _ in 0..3 * limits().connections {
            quiet.push(server.connect().await);
            // Those that came a moment ago have the time to ask; then the next caller finds a place.
            loop {
                let mut stream = server.connect().await;
                say(&mut stream, PING).await;
                if until(&mut stream, "\r\n").await.starts_with("HTTP/1.1 200") {
                    break;
                }
            }
        }
    };
    timeout(LONG, served).await.expect("a place each time");
    assert_eq!(rest(&mut quiet[0]).await, "", "the one that was quiet for longest was closed");
    for stream in &mut streams {
        assert!(timeout(ms(20), stream.read_u8()).await.is_err(), "a stream is never idle");
    }
    let text = server.node.state.metrics.render(&View::new(name("node-1"), BootId(1), Vec::new()));
    let closed = text.lines().find(|line| line.starts_with("heartbeat_connections_closed_total{reason=\"idle\"}"));
    assert!(closed.is_some_and(|line| !line.ends_with(" 0")), "{closed:?}");
}

#[tokio::test]
async fn a_caller_that_does_not_read_is_closed() {
    let server = Server::start().await;
    let mut stream = server.connect().await;
    let request = "GET /openapi.json HTTP/1.1\r\nhost: localhost\r\n\r\n";
    // Far more answers than both kernels hold. The server stops to read as well; so this ends when it closes.
    let write = async { while stream.write_all(request.repeat(100).as_bytes()).await.is_ok() {} };
    timeout(LONG, write).await.expect("the server closes in time");
    server.counts("heartbeat_connections_closed_total{reason=\"unread\"} 1").await;
}

/// A caller that sends all its requests at once must not have the one thread for as long as they take.
#[tokio::test]
async fn requests_that_come_at_once_are_served_a_few_in_a_turn() {
    const REQUESTS: usize = 200;
    let node = Node::start(false).await;
    let (turn, served) = (Arc::new(AtomicU32::new(0)), Arc::new(Mutex::new(BTreeMap::<u32, u32>::new())));
    let (now, counts) = (Arc::clone(&turn), Arc::clone(&served));
    let serve_one = move || {
        *counts.lock().expect("no panic").entry(now.load(Ordering::Relaxed)).or_default() += 1;
        std::future::ready("served")
    };
    let routes = Router::new().route("/", axum::routing::get(serve_one));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let mut stream = TcpStream::connect(listener.local_addr().expect("bound")).await.expect("connects");
    let server = tokio::spawn(serve(listener, routes, Gate::new(&node.state, "main"), CancellationToken::new()));
    // Woken in each turn of the runtime, as the server's connection is.
    let turns = tokio::spawn(async move {
        loop {
            turn.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
        }
    });
    say(&mut stream, &"GET / HTTP/1.1\r\nhost: x\r\n\r\n".repeat(REQUESTS)).await;
    for _ in 0..REQUESTS {
        until(&mut stream, "served").await;
    }
    turns.abort();
    server.abort();
    let served = served.lock().expect("no panic").clone();
    assert_eq!(served.values().sum::<u32>() as usize, REQUESTS);
    // How often the runtime wakes the one while it wakes the other once is its own affair: twice, when this was written.
    assert!(served.values().all(|count| *count <= 20), "{served:?}");
}

#[tokio::test]
async fn a_stopping_server_ends_its_streams_and_returns() {
    let mut server = Server::start().await;
    let (mut stream, _) = opened(server.address, READERS_STREAM).await;
    let mut idle = server.connect().await;
    say(&mut idle, PING).await;
    until(&mut idle, "}]}}").await;
    server.cancel.cancel();
    timeout(LONG, server.task.as_mut()).await.expect("in time").expect("no panic");
    assert!(rest(&mut stream).await.ends_with("0\r\n\r\n"), "a stream ends as a whole answer");
    assert_eq!(rest(&mut idle).await, "");
    assert!(TcpStream::connect(server.address).await.is_err(), "no process listens any more");
}

#[tokio::test]
async fn a_stream_outlives_the_time_limit_of_a_request() {
    let server = Server::start().await;
    for request in [READERS_STREAM, STREAM] {
        let (mut stream, _) = opened(server.address, request).await;
        let mut byte = [0];
        let quiet = timeout(limits().request_time * 3, stream.read(&mut byte)).await;
        assert!(quiet.is_err(), "the stream neither ended nor spoke");
    }
}
