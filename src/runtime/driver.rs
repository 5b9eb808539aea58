//! The owner of the detector: feeds it inputs, performs what it asks for, gives it the time.
//!
//! The driver sleeps exactly until the detector's next deadline and never
//! ticks, because the detector measures its own stalls by how late it wakes.
//! A deadline that has passed comes before the inbox: callers that ask without
//! pause would otherwise postpone every ping of this node. But before a deadline
//! that could turn out badly for a peer, the runtime gets a few turns to read
//! what the kernel still holds, and messages and ended requests are read. An
//! answer that has arrived counts, even when this process was too slow to look.
//!
//! After every single input all outputs are drained, so the detector never has
//! to think about a half-done conversation. Everything runs on one thread in
//! one order; that is why the three counters of pings agree at every scrape.

mod deadline;
mod requests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::{AbortHandle, JoinError, JoinSet, coop};
use tokio_util::sync::CancellationToken;

use super::alarm::Alarm;
use super::attempts::Ended;
use super::clock::Clock;
use super::discovery;
use super::handle::{Inbox, Input, PeerTargets, StreamPart};
use crate::client::{Client, Failed, Target};
use crate::detector::config::DetectorConfig;
use crate::detector::discovery::{DnsName, ProbeId};
use crate::detector::event::Event;
use crate::detector::goodbyes::HeldGoodbyes;
use crate::detector::node::{Me, Node};
use crate::detector::peer::{Answer, AttemptId, BootId, NodeName, PeerId, PeerSpec, QuestionId, Testimony};
use crate::detector::time::Monotonic;
use crate::detector::transmit::Transmit;

/// A peer to watch and where it is.
#[derive(Clone, Debug)]
pub struct Watch {
    pub spec: PeerSpec,
    pub target: Target,
}

/// Who hears of what the detector does. There is one in the product, `telemetry`.
pub trait Observer: Send {
    /// Something happened.
    fn event(&mut self, event: Event);
    /// A deadline was met, `late` after its time.
    fn woke(&mut self, late: Duration);
    /// Too much came on the stream of the peer `key`, which is only pinged for a while; or (`began` is false) that
    /// while is over.
    fn flooded(&mut self, key: &str, began: bool);
}

/// What a driver is made of.
pub struct Parts {
    pub config: DetectorConfig,
    pub me: Me,
    /// Feeds jitter and the choice of witnesses.
    pub seed: u64,
    pub peers: Vec<Watch>,
    /// Names behind which there are more peers.
    pub names: Vec<DnsName>,
    /// A list was configured, even if nothing is left of it without this node itself.
    pub expects_peers: bool,
    pub clock: Clock,
    pub client: Client,
    pub inbox: Inbox,
    pub observer: Box<dyn Observer>,
}

/// Owns the detector. Made by [`Driver::new`], which starts nothing; [`Driver::run`] does.
pub struct Driver {
    node: Node,
    me: Me,
    /// When the detector was made: its `seq` counts from here.
    born: Monotonic,
    clock: Clock,
    client: Client,
    inbox: Inbox,
    observer: Box<dyn Observer>,
    peers: Vec<Watch>,
    targets: BTreeMap<PeerId, Target>,
    /// Every request of ours that is open: at most a handful a peer, by the detector's rules.
    tasks: JoinSet<Ended>,
    attempts: BTreeMap<AttemptId, AbortHandle>,
    questions: BTreeMap<QuestionId, AbortHandle>,
    probes: BTreeMap<ProbeId, AbortHandle>,
    /// The stream to each peer and its number: one that was closed may still have messages in the queue.
    streams: BTreeMap<PeerId, (u64, AbortHandle)>,
    streams_opened: u64,
    /// Peers that are only pinged, because too much came on their streams. Each has a task in place of a stream.
    muted: BTreeSet<PeerId>,
    /// Who waits for what I am asked as a witness: at most as many as the server has connections.
    asked: BTreeMap<QuestionId, oneshot::Sender<Testimony>>,
    questions_heard: u64,
    /// Goodbyes that are under way, and who waits for their end.
    goodbyes: usize,
    /// Goodbyes of peers that wait for a check.
    held: HeldGoodbyes<oneshot::Sender<Answer>>,
    left: Option<oneshot::Sender<()>>,
    /// Who waits for the first lookups: the one that makes this node ready.
    tried: Option<oneshot::Sender<()>>,
    /// The detector's count of opinions when it was asked last whether anything is wrong.
    opinions: u64,
    /// When the next deadline is, or since when it has been unmet.
    due: Option<Monotonic>,
}

impl Driver {
    /// A detector that waits for [`Driver::run`]. Its time begins now.
    pub fn new(parts: Parts) -> Driver {
        let Parts { config, me, seed, peers, names, expects_peers, clock, client, inbox, observer } = parts;
        let born = clock.now();
        let mut node = Node::new(config, me.clone(), seed, born);
        node.set_names(names);
        if expects_peers {
            node.expect_peers();
        }
        node.require_key(client.requires_key());
        inbox.shared.is_boot(me.boot);
        Driver {
            node,
            me,
            born,
            clock,
            client,
            inbox,
            observer,
            peers,
            targets: BTreeMap::new(),
            tasks: JoinSet::new(),
            attempts: BTreeMap::new(),
            questions: BTreeMap::new(),
            probes: BTreeMap::new(),
            streams: BTreeMap::new(),
            streams_opened: 0,
            muted: BTreeSet::new(),
            asked: BTreeMap::new(),
            questions_heard: 0,
            goodbyes: 0,
            held: HeldGoodbyes::default(),
            left: None,
            tried: None,
            opinions: 0,
            due: None,
        }
    }

    /// Runs the detector until `stop`. Dropping the driver closes every connection it made.
    ///
    /// # Panics
    /// When the task of a request panicked: the supervisor of this task must hear of it.
    pub async fn run(mut self, stop: CancellationToken) {
        let peers = std::mem::take(&mut self.peers);
        self.set_peers(peers);
        let mut alarm = Alarm::new(self.clock);
        let mut armed = None;
        loop {
            let deadline = self.node.poll_timeout();
            self.arm(&mut alarm, &mut armed, deadline);
            if let Some(passed) = deadline.filter(|deadline| deadline.at <= self.clock.now()) {
                if stop.is_cancelled() {
                    return;
                }
                armed = None;
                self.time_is_up(passed).await;
                self.drain();
                // A detector that is always late must leave the thread to the others now and then.
                coop::consume_budget().await;
                continue;
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                Some(input) = self.inbox.inputs.recv() => self.accept(input),
                Some(ended) = self.tasks.join_next(), if !self.tasks.is_empty() => self.end(ended),
                () = alarm.rings(), if deadline.is_some() => {
                    armed = None;
                    if let Some(deadline) = deadline {
                        self.time_is_up(deadline).await;
                    }
                }
            }
            self.drain();
        }
    }

    /// Replaces the list of peers.
    fn set_peers(&mut self, peers: Vec<Watch>) {
        let specs = peers.iter().map(|peer| peer.spec.clone()).collect();
        let ids = self.node.set_peers(self.clock.now(), specs);
        self.targets = ids.into_iter().zip(peers.into_iter().map(|peer| peer.target)).collect();
        self.inbox.shared.locate(&self.client, &self.targets);
        self.perform();
    }

    /// Takes everything that waits, and says whether there was anything. No other task runs
    /// meanwhile, so this ends: the queue's bound is the bound.
    fn drain(&mut self) -> bool {
        let mut any = false;
        // Messages before ends: a check is connected before it is over.
        while let Ok(input) = self.inbox.inputs.try_recv() {
            self.accept(input);
            any = true;
        }
        while let Some(ended) = self.tasks.try_join_next() {
            self.end(ended);
            any = true;
        }
        any
    }

    fn accept(&mut self, input: Input) {
        let now = self.clock.now();
        match input {
            Input::Ping { caller, from, reply } => {
                let source = self.source(caller.as_ref(), from);
                let answer = self.node.handle_ping(now, caller.clone(), source);
                if let Some((answer, reply)) = self.held.hold(&self.node, caller, answer, reply) {
                    // A caller that no longer waits needs no answer; its ping counted all the same.
                    let _ = reply.send(answer);
                }
            }
            Input::Question { node, boot, reply } => self.hear_question(now, node, boot, reply),
            Input::Hello { caller, reply } => drop(reply.send(self.node.hello(now, &caller).map(Box::new))),
            Input::View { reply } => drop(reply.send(self.node.view(now))),
            Input::Why { peer, reply } => drop(reply.send(self.node.why(now, &peer).map(Box::new))),
            Input::Discovery { tried } => self.tried = Some(tried),
            Input::PeerTargets { reply } => {
                let _ = reply.send(PeerTargets { view: self.node.view(now), targets: self.targets.clone() });
            }
            Input::Maintain { wish, done } => {
                self.node.handle_maintenance(now, wish);
                let _ = done.send(());
            }
            Input::Ready => self.node.handle_ready(now),
            Input::Leave { done } => {
                self.left = Some(done);
                self.node.handle_leave(now);
            }
            Input::Connected { attempt } => {
                if self.attempts.contains_key(&attempt) {
                    self.node.handle_connected(now, attempt);
                }
            }
            Input::Stream { peer, stream, part } => {
                if self.streams.get(&peer).is_some_and(|(open, _)| *open == stream) {
                    match part {
                        StreamPart::Opened => self.node.handle_stream_opened(now, peer),
                        StreamPart::News(news) => self.node.handle_stream_news(now, peer, *news),
                    }
                }
            }
        }
        self.perform();
    }

    fn hear_question(&mut self, now: Monotonic, node: NodeName, boot: BootId, reply: oneshot::Sender<Testimony>) {
        // A caller that has given up waiting is not a failure.
        self.asked.retain(|_, waiting| !waiting.is_closed());
        self.questions_heard += 1;
        let question = QuestionId(self.questions_heard);
        self.asked.insert(question, reply);
        self.node.handle_question(now, question, node, boot);
    }

    /// One request of ours is over. One that was cancelled is no longer in its map and is not reported.
    fn end(&mut self, ended: Result<Ended, JoinError>) {
        let now = self.clock.now();
        match ended {
            Ok(Ended::Ping { attempt, result, renew }) => {
                if let Some(order) = renew {
                    self.tasks.spawn(order.renew());
                }
                if self.attempts.remove(&attempt).is_some() {
                    match result {
                        Ok(answer) => self.node.handle_answer(now, attempt, answer),
                        Err(Failed { flaw: Some(flaw), .. }) => self.node.handle_flaw(now, attempt, flaw),
                        Err(Failed { evidence, .. }) => self.node.handle_failure(now, attempt, evidence),
                    }
                }
            }
            Ok(Ended::Question { question, testimony }) => {
                if self.questions.remove(&question).is_some() {
                    self.node.handle_testimony(now, question, testimony);
                }
            }
            Ok(Ended::Stream { peer, stream, flooded }) => {
                if self.streams.get(&peer).is_some_and(|(open, _)| *open == stream) {
                    self.streams.remove(&peer);
                    self.mute(peer, flooded);
                    self.node.handle_stream_ended(now, peer);
                }
            }
            Ok(Ended::Renewed) => {}
            Ok(Ended::LookUp { id, found }) => self.node.handle_lookup(now, id, found),
            Ok(Ended::Probe { probe, result }) => {
                if self.probes.remove(&probe).is_some() {
                    self.node.handle_probe(now, probe, result.map_err(|failed| (failed.evidence, failed.flaw)));
                }
            }
            Ok(Ended::Goodbye) => self.goodbyes = self.goodbyes.saturating_sub(1),
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            // Cancelled, as the detector wished.
            Err(_) => {}
        }
        self.perform();
    }

    /// Does what the detector wants, and passes on what it has to say.
    fn perform(&mut self) {
        while let Some(event) = self.node.poll_event() {
            self.observer.event(event);
        }
        while let Some(transmit) = self.node.poll_transmit() {
            self.transmit(transmit);
        }
        while let Some((answer, reply)) = self.held.next(&self.node) {
            let _ = reply.send(answer);
        }
        if self.goodbyes == 0
            && let Some(left) = self.left.take()
        {
            let _ = left.send(());
        }
        if self.tried.is_some()
            && self.node.discovery_was_tried()
            && let Some(tried) = self.tried.take()
        {
            let _ = tried.send(());
        }
        self.worry();
    }

    fn transmit(&mut self, transmit: Transmit) {
        match transmit {
            Transmit::Ping { attempt, peer, purpose, known_rev } => self.ping(attempt, peer, purpose, known_rev),
            Transmit::Cancel { attempt } => abort(self.attempts.remove(&attempt)),
            Transmit::Ask { question, witness, node, boot } => {
                let task = match self.order(witness, 0) {
                    Some(order) => {
                        let witness = self.node.identity_of(witness);
                        self.tasks.spawn(order.ask(question, node, boot, witness))
                    }
                    None => {
                        self.tasks.spawn(async move { Ended::Question { question, testimony: Testimony::NoOpinion } })
                    }
                };
                self.questions.insert(question, task);
            }
            Transmit::CancelQuestion { question } => abort(self.questions.remove(&question)),
            Transmit::Testify { question, testimony } => {
                if let Some(reply) = self.asked.remove(&question) {
                    // The caller may have given up.
                    let _ = reply.send(testimony);
                }
            }
            Transmit::OpenStream { peer } => self.open_stream(peer),
            Transmit::CloseStream { peer } => {
                self.mute(peer, false);
                abort(self.streams.remove(&peer).map(|(_, task)| task));
            }
            Transmit::Goodbye { peer } => {
                if let Some(order) = self.order(peer, 0) {
                    self.goodbyes += 1;
                    self.tasks.spawn(order.goodbye());
                }
            }
            Transmit::PublishNews => self.publish(),
            Transmit::LookUp { id, name } => {
                self.tasks.spawn(discovery::look_up(self.client.clone(), id, name));
            }
            Transmit::Probe { probe, address } => {
                let task = discovery::probe(self.client.clone(), self.caller(None, 0), probe, address);
                self.probes.insert(probe, self.tasks.spawn(task));
            }
            Transmit::CancelProbe { probe } => abort(self.probes.remove(&probe)),
            Transmit::Locate { peer, address } => self.locate(peer, address),
            Transmit::Forget { peer } => {
                self.targets.remove(&peer);
                self.inbox.shared.locate(&self.client, &self.targets);
            }
        }
    }
}

fn abort(task: Option<AbortHandle>) {
    if let Some(task) = task {
        task.abort();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::sync::{Arc, Mutex};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::sync::mpsc;
    use tokio::task::yield_now;
    use tokio::time::timeout;

    use super::*;
    use crate::api::AnswerBody;
    use crate::client::{ClientSettings, NameService};
    use crate::detector::config::Timing;
    use crate::detector::evidence::Evidence;
    use crate::detector::node::{Deadline, Reason};
    use crate::detector::peer::{PeerKey, PeerState, SelfState, Seq, WatchDelta};
    use crate::runtime::handle::{Handle, channel};

    const LONG: Duration = Duration::from_secs(10);

    /// Hands on the name of each event that is not a ping, and keeps the longest delay of a deadline, in microseconds.
    struct Names(mpsc::Sender<&'static str>, Arc<AtomicU64>);

    impl Observer for Names {
        fn event(&mut self, event: Event) {
            if event.kind.name() != "ping" {
                // A test that has seen enough no longer listens.
                let _ = self.0.try_send(event.kind.name());
            }
        }
        fn flooded(&mut self, _key: &str, began: bool) {
            let _ = self.0.try_send(if began { "flood began" } else { "flood ended" });
        }
        fn woke(&mut self, late: Duration) {
            self.1.fetch_max(late.as_micros() as u64, Ordering::Relaxed);
        }
    }

    /// A peer made of a socket: answers every ping, remembers every head, ends when dropped.
    struct Peer {
        port: u16,
        heads: Arc<Mutex<Vec<String>>>,
        life: JoinSet<()>,
    }

    impl Peer {
        async fn start() -> Peer {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            let port = listener.local_addr().expect("bound").port();
            let heads = Arc::new(Mutex::new(Vec::new()));
            let mut life = JoinSet::new();
            let remembered = Arc::clone(&heads);
            life.spawn(async move {
                let mut connections = JoinSet::new();
                loop {
                    let (stream, _) = listener.accept().await.expect("accepts");
                    connections.spawn(Peer::serve(stream, Arc::clone(&remembered)));
                }
            });
            Peer { port, heads, life }
        }

        async fn serve(mut stream: TcpStream, heads: Arc<Mutex<Vec<String>>>) {
            let node = NodeName::new("peer").expect("valid");
            let answer = Answer {
                node,
                boot: BootId(7),
                seq: Seq(1),
                state: SelfState::Ready,
                version: "0.1.0".into(),
                accusations: Vec::new(),
                watch: WatchDelta::default(),
                maintenance: None,
            };
            let body = AnswerBody::from(&answer).to_json();
            let mut head = Vec::new();
            while let Ok(byte) = stream.read_u8().await {
                head.push(byte);
                if head.ends_with(b"\r\n\r\n") {
                    let text = String::from_utf8(std::mem::take(&mut head)).expect("ASCII");
                    let found = text.starts_with("GET /ping ");
                    heads.lock().expect("no panic").push(text);
                    let status = if found { "200 OK" } else { "404 Not Found" };
                    let reply = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
                    stream.write_all(reply.as_bytes()).await.expect("writes");
                }
            }
        }
    }

    struct Running {
        handle: Handle,
        told: mpsc::Receiver<&'static str>,
        latest: Arc<AtomicU64>,
        driver: JoinSet<()>,
        stop: CancellationToken,
    }

    fn start(ports: &[u16]) -> Running {
        start_with(ports, Vec::new(), NameService::System)
    }

    fn start_with(ports: &[u16], names: Vec<DnsName>, service: NameService) -> Running {
        let clock = Clock::start();
        let (handle, inbox) = channel(clock);
        let (sender, told) = mpsc::channel(1024);
        let latest = Arc::default();
        let driver = driver(ports, names, service, (clock, inbox), Names(sender, Arc::clone(&latest)));
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        tasks.spawn(driver.run(stop.clone()));
        Running { handle, told, latest, driver: tasks, stop }
    }

    fn driver(
        ports: &[u16],
        names: Vec<DnsName>,
        service: NameService,
        (clock, inbox): (Clock, Inbox),
        observer: Names,
    ) -> Driver {
        let timing = Timing { interval: Duration::from_millis(100), ..Timing::BALANCED };
        let settings = ClientSettings { connect_timeout: timing.connect_timeout, question_timeout: LONG };
        let peer = |port: &u16| Watch {
            spec: PeerSpec { key: PeerKey(format!("127.0.0.1:{port}").into()), pinned: None },
            target: Target::new(&format!("http://127.0.0.1:{port}").parse().expect("a URL")).expect("valid"),
        };
        Driver::new(Parts {
            config: timing.check().expect("sensible"),
            me: Me { node: NodeName::new("me").expect("valid"), boot: BootId(1), version: "0.1.0".into() },
            seed: 1,
            peers: ports.iter().map(peer).collect(),
            names,
            expects_peers: false,
            clock,
            client: Client::with_names(settings, service).expect("a client"),
            inbox,
            observer: Box::new(observer),
        })
    }

    impl Running {
        async fn wait_for(&mut self, name: &str) {
            let seen = async {
                while let Some(told) = self.told.recv().await {
                    if told == name {
                        return;
                    }
                }
                panic!("the driver ended before {name}");
            };
            timeout(LONG, seen).await.unwrap_or_else(|_| panic!("{name} was never told"));
        }

        async fn wait_for_pings(&self, peer: &Peer, count: usize) {
            let pinged = async {
                while peer.heads.lock().expect("no panic").len() < count {
                    yield_now().await;
                }
            };
            timeout(LONG, pinged).await.expect("pings come");
        }
    }

    #[tokio::test]
    async fn a_peer_is_joined_and_its_end_is_seen() {
        let peer = Peer::start().await;
        let mut node = start(&[peer.port]);
        node.handle.ready().await.expect("runs");
        node.wait_for("peer_joined").await;
        let view = node.handle.view().await.expect("runs");
        assert_eq!((view.state, view.peers[0].peer.state), (SelfState::Ready, PeerState::Alive));
        drop(peer);
        node.wait_for("peer_down").await;
        let view = node.handle.view().await.expect("runs");
        assert_eq!(view.peers[0].evidence, Some(Evidence::Refused));
    }

    /// The name server answers at the third time.
    #[tokio::test]
    async fn a_peer_behind_a_name_is_found_and_pinged() {
        let peer = Peer::start().await;
        let asked = Arc::new(Mutex::new(0));
        let service = NameService::Table(Arc::new(move |host| {
            let mut asked = asked.lock().expect("no panic");
            *asked += 1;
            assert_eq!(host, "nodes");
            let found = vec!["127.0.0.1".parse().expect("an address")];
            if *asked < 3 { Err(std::io::Error::other("not yet")) } else { Ok(found) }
        }));
        let mut node = start_with(&[], vec![DnsName { host: "nodes".into(), port: peer.port, tls: false }], service);
        timeout(LONG, node.handle.discovery_tried()).await.expect("a failed attempt is one").expect("runs");
        let view = node.handle.view().await.expect("runs");
        assert_eq!(view.discovery.names[0].error.as_deref(), Some("not yet"));
        node.wait_for("peer_joined").await;
        let view = node.handle.view().await.expect("runs");
        assert_eq!((&*view.peers[0].peer.key.0, view.discovery.errors), ("peer", 2));
        // The task that gathers the mesh finds it, too.
        let roster = node.handle.roster().await.expect("runs");
        assert!(roster.targets.contains_key(&roster.view.peers[0].peer.id));
        node.wait_for_pings(&peer, 3).await;
        drop(peer);
        node.wait_for("peer_down").await;
    }

    /// However often too much comes on a peer's streams, and however often it is opened again without.
    #[tokio::test]
    async fn a_flood_is_told_when_it_begins_and_when_it_ends() {
        let clock = Clock::start();
        let (_handle, inbox) = channel(clock);
        let (sender, mut told) = mpsc::channel(1024);
        let observer = Names(sender, Arc::default());
        let mut driver = driver(&[], Vec::new(), NameService::System, (clock, inbox), observer);
        let peer = PeerId(1);
        for flooded in [true, true, true, false, false, true, false] {
            driver.open_stream(peer);
            let stream = driver.streams_opened;
            driver.end(Ok(Ended::Stream { peer, stream, flooded }));
            assert_eq!(driver.muted.contains(&peer), flooded, "nothing is opened to a peer whose stream flooded");
        }
        // One that was replaced says nothing any more.
        driver.open_stream(peer);
        driver.end(Ok(Ended::Stream { peer, stream: driver.streams_opened - 1, flooded: true }));
        drop(driver);
        let mut lines = Vec::new();
        while let Some(line) = told.recv().await {
            lines.push(line);
        }
        lines.retain(|line| line.starts_with("flood"));
        assert_eq!(lines, ["flood began", "flood ended", "flood began", "flood ended"]);
    }

    #[tokio::test]
    async fn leaving_is_said_aloud_and_waited_for() {
        let peer = Peer::start().await;
        let mut node = start(&[peer.port]);
        node.handle.ready().await.expect("runs");
        node.wait_for("peer_joined").await;
        timeout(LONG, node.handle.leave()).await.expect("goodbyes end").expect("runs");
        let said = peer.heads.lock().expect("no panic").clone();
        assert!(said.iter().any(|head| head.contains("heartbeat-state: leaving")), "{said:?}");
        // Still running, so it can answer that it stops.
        let answer = node.handle.ping(None, None).await.expect("runs");
        assert_eq!(answer.state, SelfState::Leaving);
        node.stop.cancel();
        assert!(node.driver.join_next().await.expect("one task").is_ok());
        assert!(node.handle.ping(None, None).await.is_err());
        assert!(!peer.life.is_empty());
    }

    #[tokio::test]
    async fn a_node_alone_answers_and_leaves_at_once() {
        let node = start(&[]);
        node.handle.ready().await.expect("runs");
        assert_eq!(node.handle.ping(None, None).await.expect("runs").node.as_str(), "me");
        let stranger = NodeName::new("stranger").expect("valid");
        let testimony = timeout(LONG, node.handle.question(stranger, BootId(9))).await.expect("answered");
        assert_eq!(testimony, Ok(Testimony::NoOpinion));
        assert_eq!(node.handle.watchdog_age(), Duration::ZERO);
        timeout(LONG, node.handle.leave()).await.expect("no peer to wait for").expect("runs");
    }

    /// Callers that never pause, more of them than the runtime polls in one turn.
    fn callers_without_pause(handle: &Handle) -> JoinSet<()> {
        let mut callers = JoinSet::new();
        for _ in 0..200 {
            let handle = handle.clone();
            callers.spawn(async move { while handle.ping(None, None).await.is_ok() {} });
        }
        callers
    }

    #[tokio::test]
    async fn a_deadline_that_has_passed_comes_before_callers_that_never_pause() {
        let peer = Peer::start().await;
        let mut node = start(&[peer.port]);
        node.handle.ready().await.expect("runs");
        node.wait_for("peer_joined").await;
        let _callers = callers_without_pause(&node.handle);
        let before = peer.heads.lock().expect("no panic").len();
        node.wait_for_pings(&peer, before + 10).await;
        drop(peer);
        node.wait_for("peer_down").await;
        // What was late was seen, and not by the length of a whole burst.
        let latest = node.latest.load(Ordering::Relaxed);
        assert!((1..5_000_000).contains(&latest), "{latest} us");
    }

    /// What `/livez` looks at. A detector that is asked late says that its deadline is now.
    #[tokio::test]
    async fn the_age_of_an_unmet_deadline_can_be_seen() {
        let clock = Clock::start();
        let (handle, inbox) = channel(clock);
        let (sender, _told) = mpsc::channel(1024);
        let observer = Names(sender, Arc::default());
        let mut driver = driver(&[], Vec::new(), NameService::System, (clock, inbox), observer);
        let mut alarm = Alarm::new(clock);
        let mut asked = || {
            let deadline = Deadline { at: clock.now(), reason: Reason::Send };
            driver.arm(&mut alarm, &mut None, Some(deadline));
        };
        asked();
        let age = Duration::from_millis(20);
        tokio::time::sleep(age).await;
        asked();
        assert!(handle.watchdog_age() >= age, "{:?}", handle.watchdog_age());
    }
}
