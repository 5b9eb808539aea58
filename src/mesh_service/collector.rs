//! Asks the peers for their rows, so that this node can report the whole mesh.
//!
//! The detector is not asked to wait for a peer: it lends the list of peers
//! and continues. One task does the asking; a reader that comes while it
//! asks gets what it finds, as does every reader that comes within
//! [`SHARED_FOR`], unless something broke or healed since: a hundred open pages
//! cost a node what one does.
//!
//! An outage is when people look, so it must not make them wait. There is one
//! deadline for all peers together, those that are alive are asked first, and
//! one that this node itself suspects gets only `SUSPECT_LIMIT`. A peer that
//! has not answered by then is *silent*: its last row is shown with its age,
//! and nothing is concluded from it. A peer of an older version, without this
//! route, is silent too.
//!
//! Turned down: rows spread by the detectors with their answers. It would be
//! ready at once for a reader, and cost every ping of every day.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::evidence::PeerEvidence;
use super::strips::Strips;
use crate::api::RowBody;
use crate::client::{Client, Target, is_loopback};
use crate::detector::event::PeerRef;
use crate::detector::peer::{NodeName, PeerId, PeerState};
use crate::detector::time::Monotonic;
use crate::detector::view::{PeerView, View};
use crate::mesh::{self, Member, MeshView, Row, RowFreshness};
use crate::render::{self, mesh::Summary};
use crate::runtime::clock::Clock;
use crate::runtime::handle::{Handle, PeerTargets, Stopped};
use crate::telemetry::EventLog;

/// When the rows are compared, with or without the missing ones. Within
/// a second there is an answer, with room to write it: a person who opens a
/// page during an outage should not take the page for a part of it. Peers on
/// one network answer in a few milliseconds.
pub(crate) const DEADLINE: Duration = Duration::from_millis(900);
/// How long a peer is waited for that does not answer this node's pings either,
/// or not in time. One lost packet is sent again within it.
const SUSPECT_LIMIT: Duration = Duration::from_millis(250);
/// How long an answer is given to others as well. Shorter than anybody can
/// read, long enough that readers share the work.
pub(crate) const SHARED_FOR: Duration = Duration::from_millis(300);
/// Requests to peers at the same time: all of them in the largest mesh in which every node
/// watches every other by default.
const FAN_OUT: usize = 32;
/// Cells asked for in all, at one for each peer in each row: 128 rows of 128,
/// or 16 of a thousand. Comparing them takes the one thread, with
/// which the detector also judges, a few hundredths of a second and no more; a
/// larger matrix is too large for a reader.
const CELLS_MAX: usize = 128 * 128;
/// Readers that may wait for the task to turn to them; more wait to be let in.
const WAITING: usize = 64;

/// The mesh as this node could tell it at one moment.
#[derive(Debug)]
pub struct Gathered {
    /// Who was asked.
    pub node: NodeName,
    pub at: Monotonic,
    /// Peers that were asked for their rows, and how many gave one.
    pub asked: usize,
    pub answered: usize,
    pub view: MeshView,
    /// The view in words.
    pub summary: Summary,
}

/// The way to the collector. Clones are cheap and equal.
#[derive(Clone, Debug)]
pub struct Mesh {
    asks: mpsc::Sender<oneshot::Sender<Arc<Gathered>>>,
    clock: Clock,
    strips: Arc<Strips>,
    evidence: PeerEvidence,
}

impl Mesh {
    /// The mesh now, or as it was a moment ago; its age comes with it. Takes at most the deadline.
    ///
    /// # Errors
    /// [`Stopped`] when the detector or the collector has ended.
    pub async fn view(&self) -> Result<(Arc<Gathered>, Duration), Stopped> {
        let (reply, answer) = oneshot::channel();
        self.asks.send(reply).await.map_err(|_| Stopped)?;
        let gathered = answer.await.map_err(|_| Stopped)?;
        let age = self.clock.now() - gathered.at;
        Ok((gathered, age))
    }

    /// The last 15 minutes, up to the last view.
    pub fn strips(&self) -> &Strips {
        &self.strips
    }

    /// What peers know about their links.
    pub fn evidence(&self) -> &PeerEvidence {
        &self.evidence
    }
}

/// Owns the last row of each peer. Made by [`Collector::new`], which starts nothing; [`Collector::run`] does.
#[derive(Debug)]
pub struct Collector {
    handle: Handle,
    client: Client,
    clock: Clock,
    deadline: Duration,
    asks: mpsc::Receiver<oneshot::Sender<Arc<Gathered>>>,
    /// The last row of each peer and when it came: at most one for each on the list.
    last: BTreeMap<PeerId, (Row, Monotonic)>,
    /// What was found last, and whether anything was wrong when it was asked for.
    latest: Option<(bool, Arc<Gathered>)>,
    strips: Arc<Strips>,
}

impl Collector {
    /// A collector and the way to it. `deadline` is [`DEADLINE`], or less where answers are cut off earlier; from `events`
    /// it learns what this node's links were like while it was not asked.
    pub fn new(
        handle: Handle,
        client: Client,
        clock: Clock,
        deadline: Duration,
        events: Arc<EventLog>,
    ) -> (Collector, Mesh) {
        let (sender, asks) = mpsc::channel(WAITING);
        let strips = Arc::new(Strips::new(clock, events));
        let evidence = PeerEvidence::new(handle.clone(), client.clone());
        let mesh = Mesh { asks: sender, clock, strips: Arc::clone(&strips), evidence };
        let collector =
            Collector { handle, client, clock, deadline, asks, last: BTreeMap::new(), latest: None, strips };
        (collector, mesh)
    }

    /// Answers until `stop`, until the last asker is gone, or until the detector has ended.
    pub async fn run(mut self, stop: CancellationToken) {
        loop {
            // Readers first: a reader that is still served while the node stops gets an answer.
            let ask = tokio::select! {
                biased;
                ask = self.asks.recv() => ask,
                () = stop.cancelled() => return,
            };
            let Some(reply) = ask else { return };
            // A detector that has stopped: dropping the reply reports it.
            let Ok(gathered) = self.gathered().await else { continue };
            // A reader that gave up waiting needs no answer.
            let _ = reply.send(gathered);
        }
    }

    async fn gathered(&mut self) -> Result<Arc<Gathered>, Stopped> {
        let now = self.clock.now();
        // A picture from before something broke, or healed, contradicts what this node says elsewhere.
        let wrong = self.handle.trouble().borrow().any;
        if let Some((then, latest)) = &self.latest
            && *then == wrong
            && now - latest.at < SHARED_FOR
        {
            return Ok(Arc::clone(latest));
        }
        let roster = self.handle.roster().await?;
        let gathered = Arc::new(self.gather(roster).await);
        self.strips.observe(gathered.at, &Member::from(&gathered.node), &gathered.view);
        self.latest = Some((wrong, Arc::clone(&gathered)));
        Ok(gathered)
    }

    async fn gather(&mut self, roster: PeerTargets) -> Gathered {
        let PeerTargets { view, targets } = roster;
        let began = self.clock.now();
        let names = Names::new(&view);
        self.last.retain(|id, _| view.peers.iter().any(|peer| peer.peer.id == *id));
        let asked = chosen(&view);
        let fresh = self.ask(&asked, &targets).await;
        let answered = fresh.len();
        for (id, at, body) in fresh {
            let Some((peer, target)) = asked.iter().find(|peer| peer.peer.id == id).zip(targets.get(&id)) else {
                continue;
            };
            // Another node at that address has its own name, and its own row elsewhere.
            let of_the_peer = peer.peer.node.is_some() && peer.peer.node.as_ref() == body.node.known();
            if let Ok(row) = body.into_row(|key| names.member(key, target))
                && of_the_peer
            {
                self.last.insert(id, (renamed(row, &view, peer), at));
            }
        }
        let now = self.clock.now();
        let mut rows: Vec<Row> = asked.iter().map(|peer| self.row(view.member(peer), peer, began, now)).collect();
        // Our own row is as old as the roster.
        rows.push(Row { mesh_keys: self.client.mesh_keys(), ..Row::from(&view).aged(now - began) });
        let mesh = mesh::view(mesh::without_ghosts(rows, &Member::from(&view.node)));
        let summary = render::mesh::summary(&mesh);
        Gathered { node: view.node.clone(), at: now, asked: asked.len(), answered, view: mesh, summary }
    }

    /// The rows that came before the deadline, and when.
    async fn ask(&self, peers: &[&PeerView], targets: &BTreeMap<PeerId, Target>) -> Vec<(PeerId, Monotonic, RowBody)> {
        let mut rows = Vec::new();
        let mut open: JoinSet<Option<(PeerId, Monotonic, RowBody)>> = JoinSet::new();
        let mut rest = peers.iter().filter_map(|peer| Some((*peer, targets.get(&peer.peer.id)?.clone())));
        let deadline = sleep_until(self.clock.timer(Monotonic(self.clock.now().0 + self.deadline)));
        let mut deadline = std::pin::pin!(deadline);
        loop {
            while open.len() < FAN_OUT
                && let Some((peer, target)) = rest.next()
            {
                open.spawn(ask_for_row(self.client.clone(), self.clock, target, &peer.peer, self.limit(peer)));
            }
            tokio::select! {
                biased;
                ended = open.join_next() => match ended {
                    // A request that panicked is a silent peer; nothing else depends on it.
                    Some(ended) => rows.extend(ended.ok().flatten()),
                    None => return rows,
                },
                // Dropping the set ends what is still open.
                () = &mut deadline => return rows,
            }
        }
    }

    fn limit(&self, peer: &PeerView) -> Duration {
        if peer.peer.state == PeerState::Alive { self.deadline } else { self.deadline.min(SUSPECT_LIMIT) }
    }

    /// The row of a peer: what it said just now, what it said last, or that it never did.
    fn row(&self, member: Member, peer: &PeerView, began: Monotonic, now: Monotonic) -> Row {
        let Some((row, at)) = self.last.get(&peer.peer.id).filter(|(row, _)| row.observer == member) else {
            return Row::never(member);
        };
        let freshness = if *at >= began { RowFreshness::Now } else { RowFreshness::Before };
        Row { freshness, ..row.aged(now - *at) }
    }
}

/// The row of `peer` under the name that the mesh has for it here. Where it shares this node's name, it knows this node
/// by a key, and the boot says that this node is meant.
fn renamed(row: Row, view: &View, peer: &PeerView) -> Row {
    let mut row = Row { observer: view.member(peer), ..row };
    for cell in row.cells.iter_mut().filter(|cell| cell.boot == Some(view.boot)) {
        cell.peer = Member::from(&view.node);
    }
    row
}

fn ask_for_row(
    client: Client,
    clock: Clock,
    target: Target,
    peer: &PeerRef,
    limit: Duration,
) -> impl Future<Output = Option<(PeerId, Monotonic, RowBody)>> + use<> {
    let (id, node) = (peer.id, peer.node.clone());
    async move {
        let body = timeout(limit, client.row(&target, node.as_ref())).await.ok().flatten()?;
        Some((id, clock.now(), body))
    }
}

/// The peers to ask, in this order: those that are alive first, because they will answer. One that has never
/// answered a ping has no name, so its row could not be assigned.
fn chosen(view: &View) -> Vec<&PeerView> {
    let mut peers: Vec<&PeerView> = view.peers.iter().filter(|peer| peer.peer.node.is_some()).collect();
    peers.sort_by_key(|peer| peer.peer.state);
    peers.truncate(CELLS_MAX / view.peers.len().max(128));
    peers
}

/// What other nodes' keys mean to this one.
struct Names<'a> {
    members: BTreeMap<&'a str, Member>,
}

impl<'a> Names<'a> {
    fn new(view: &'a View) -> Names<'a> {
        let known =
            view.peers.iter().filter_map(|peer| Some((&*peer.peer.key.0, Member::from(peer.peer.node.as_ref()?))));
        Names { members: known.collect() }
    }

    /// An observer lists a peer under this key and has never heard it. The same address is the same node, unless
    /// it is "localhost" and the observer's is another machine than mine.
    fn member(&self, key: &NodeName, observer: &Target) -> Member {
        let key = key.as_str();
        let host = key.rsplit_once(':').map_or(key, |(host, _)| host);
        let known = self.members.get(key).filter(|_| !is_loopback(host) || observer.is_loopback());
        known.cloned().unwrap_or_else(|| Member::from(key))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::sync::watch;

    use super::*;
    use crate::client::ClientSettings;
    use crate::detector::event::PeerRef;
    use crate::detector::maintenance::{Maintenance, MaintenanceReason};
    use crate::detector::peer::{BootId, PeerKey, Verdict};
    use crate::detector::view::Trouble;
    use crate::mesh::{LinkStatus, MeshVerdict};
    use crate::runtime::handle::{Inbox, Input, channel};

    const LONG: Duration = Duration::from_secs(20);

    /// How a peer answers when it is asked for its row.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum Manner {
        Row,
        /// The first time only; then it takes connections and says nothing.
        RowOnce,
        Mute,
        /// A node of a version without the route.
        NoRoute,
        Garbage,
        /// The row of another node.
        Stranger,
        Flood,
    }

    struct Peer {
        target: Target,
        asked: Arc<AtomicUsize>,
    }

    impl Peer {
        /// Runs as long as the test's runtime.
        async fn start(id: u32, manner: Manner) -> Peer {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            let url = format!("http://{}", listener.local_addr().expect("bound"));
            let asked = Arc::new(AtomicUsize::new(0));
            let count = Arc::clone(&asked);
            tokio::spawn(async move {
                loop {
                    let (stream, _) = listener.accept().await.expect("accepts");
                    tokio::spawn(answer(stream, id, manner, Arc::clone(&count)));
                }
            });
            Peer { target: Target::new(&url.parse().expect("a URL")).expect("valid"), asked }
        }
    }

    async fn answer(mut stream: TcpStream, id: u32, manner: Manner, count: Arc<AtomicUsize>) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            // The collector may have given up.
            let Ok(byte) = stream.read_u8().await else { return };
            head.push(byte);
        }
        assert!(head.starts_with(b"GET /api/v1/row HTTP/1.1\r\n"), "{}", String::from_utf8_lossy(&head));
        let before = count.fetch_add(1, Ordering::Relaxed);
        let (status, body) = match manner {
            Manner::Row => (200, row(id)),
            Manner::RowOnce if before == 0 => (200, row(id)),
            Manner::Mute | Manner::RowOnce => std::future::pending().await,
            Manner::NoRoute => (404, "{}".to_owned()),
            Manner::Garbage => (200, "{\"node\":".to_owned()),
            Manner::Stranger => (200, row(99)),
            Manner::Flood => (200, " ".repeat(crate::api::ROW_BYTES + 1)),
        };
        let length = body.len();
        let reply = format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
        // A body that is too long is not read to its end.
        let _ = stream.write_all(reply.as_bytes()).await;
    }

    /// `node-ID` reaches `node-1`.
    fn row(id: u32) -> String {
        format!(
            r#"{{"node":"node-{id}","boot":"{id:016x}","seq":9000,"state":"ready","later":[],"peers":[
                {{"node":"node-1","key":null,"boot":"0000000000000001","state":"alive","state_age_ms":5000}}]}}"#
        )
    }

    fn peer_view(id: u32, state: PeerState) -> PeerView {
        let known = state != PeerState::Joining;
        let peer = PeerRef {
            id: PeerId(id),
            key: PeerKey(format!("host-{id}:8001").into()),
            node: known.then(|| name(&format!("node-{id}"))),
            boot: known.then_some(BootId(u64::from(id))),
            state,
            flaw: None,
        };
        PeerView::new(peer)
    }

    fn name(text: &str) -> NodeName {
        NodeName::new(text).expect("valid")
    }

    fn view(peers: Vec<PeerView>) -> View {
        View::new(name("node-1"), BootId(1), peers)
    }

    /// A collector at work among peers `node-2`, `node-3`, ... of these manners.
    async fn among(manners: &[Manner], deadline: Duration) -> (Mesh, Vec<Peer>) {
        let mut peers = Vec::new();
        for (manner, id) in manners.iter().zip(2..) {
            peers.push(Peer::start(id, *manner).await);
        }
        let targets: BTreeMap<PeerId, Target> =
            (2..).map(PeerId).zip(peers.iter().map(|peer| peer.target.clone())).collect();
        let views: Vec<PeerView> = targets.keys().map(|id| peer_view(id.0, PeerState::Alive)).collect();
        let mesh = over(deadline, move || PeerTargets { view: view(views.clone()), targets: targets.clone() });
        (mesh, peers)
    }

    /// A collector at work, beside a detector that knows this whenever it is asked.
    fn over(deadline: Duration, roster: impl FnMut() -> PeerTargets + Send + 'static) -> Mesh {
        beside(deadline, roster).0
    }

    /// The same, and how the detector says that something is wrong.
    fn beside(
        deadline: Duration,
        mut roster: impl FnMut() -> PeerTargets + Send + 'static,
    ) -> (Mesh, watch::Sender<Trouble>) {
        let clock = Clock::start();
        let (handle, inbox) = channel(clock);
        let Inbox { mut inputs, trouble, .. } = inbox;
        tokio::spawn(async move {
            while let Some(input) = inputs.recv().await {
                if let Input::PeerTargets { reply } = input {
                    let _ = reply.send(roster());
                }
            }
        });
        let settings = ClientSettings { connect_timeout: LONG, question_timeout: LONG };
        let client = Client::new(settings).expect("a client");
        let (collector, mesh) = Collector::new(handle, client, clock, deadline, Arc::default());
        tokio::spawn(collector.run(CancellationToken::new()));
        (mesh, trouble)
    }

    async fn look(mesh: &Mesh) -> Arc<Gathered> {
        tokio::time::timeout(LONG, mesh.view()).await.expect("in time").expect("runs").0
    }

    fn heard(gathered: &Gathered) -> Vec<RowFreshness> {
        gathered.view.rows.iter().map(|row| row.freshness).collect()
    }

    /// The mute ones never answer, so that there is an answer at all shows the deadline.
    #[tokio::test]
    async fn who_does_not_give_a_row_is_silent_and_holds_nobody_up() {
        use Manner::{Flood, Garbage, Mute, NoRoute, Row, Stranger};
        let manners = [Row, Mute, Mute, NoRoute, Garbage, Stranger, Flood, Row];
        let (mesh, _peers) = among(&manners, Duration::from_secs(2)).await;
        let gathered = look(&mesh).await;
        let expected = [Row]
            .iter()
            .chain(&manners)
            .map(|manner| if *manner == Row { RowFreshness::Now } else { RowFreshness::Never });
        assert_eq!(heard(&gathered), expected.collect::<Vec<_>>());
        assert!(!gathered.view.whole);
        assert_eq!(gathered.asked, manners.len());
    }

    #[tokio::test]
    async fn the_last_row_of_one_that_falls_silent_is_kept_and_marked() {
        let (mesh, _peers) = among(&[Manner::RowOnce, Manner::Row], Duration::from_secs(2)).await;
        assert_eq!(heard(&*look(&mesh).await), [RowFreshness::Now; 3]);
        let later = loop {
            let gathered = look(&mesh).await;
            if heard(&gathered)[1] != RowFreshness::Now {
                break gathered;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        assert_eq!(heard(&later), [RowFreshness::Now, RowFreshness::Before, RowFreshness::Now]);
        let row = &later.view.rows[1];
        assert!(row.as_of > Some(Duration::from_millis(200)), "{:?}", row.as_of);
        assert!(row.cells[0].state_age > Duration::from_millis(5200));
        assert_eq!((row.cells[0].state, row.link_status(&row.cells[0])), (PeerState::Alive, LinkStatus::Unknown));
        assert_eq!(later.view.node_statuses[1].verdict, MeshVerdict::Up, "this node itself reaches it");
    }

    /// Its name was looked up again, and another address stands behind it: the next question goes there.
    #[tokio::test]
    async fn a_peer_that_moved_is_asked_where_it_is_now() {
        let (before, after) = (Peer::start(2, Manner::Row).await, Peer::start(2, Manner::Row).await);
        let mut places = vec![after.target.clone(), before.target.clone()];
        let mesh = over(LONG, move || {
            let place = if places.len() > 1 { places.pop() } else { places.last().cloned() };
            let targets = BTreeMap::from([(PeerId(2), place.expect("never empty"))]);
            PeerTargets { view: view(vec![peer_view(2, PeerState::Alive)]), targets }
        });
        while after.asked.load(Ordering::Relaxed) == 0 {
            assert_eq!(heard(&*look(&mesh).await), [RowFreshness::Now; 2]);
            tokio::task::yield_now().await;
        }
        assert_eq!(before.asked.load(Ordering::Relaxed), 1, "no peer is asked any more");
    }

    #[test]
    fn what_an_operator_announced_is_part_of_the_row() {
        let planned = Maintenance { reason: MaintenanceReason::new("new disk").expect("valid"), left: LONG };
        let mut down = peer_view(2, PeerState::Dead);
        down.verdict = Some(Verdict::Down);
        let mut view = view(vec![down, peer_view(3, PeerState::Alive)]);
        let verdicts = [
            (false, false, MeshVerdict::Up, MeshVerdict::Down),
            (true, false, MeshVerdict::Maintenance, MeshVerdict::Down),
            (false, true, MeshVerdict::Up, MeshVerdict::Maintenance),
        ];
        for (own, of_the_peer, of_mine, of_its) in verdicts {
            view.maintenance = own.then(|| planned.clone());
            view.peers[0].maintenance = of_the_peer.then(|| planned.clone());
            let row = RowBody::from(&view).into_row(|key| Member::from(key)).expect("a row");
            let flags: Vec<bool> = row.cells.iter().map(|cell| cell.maintenance).collect();
            assert_eq!((row.maintenance, flags), (own, vec![of_the_peer, false]));
            let told: Vec<_> =
                mesh::view(vec![row]).node_statuses.iter().map(|node_status| node_status.verdict).collect();
            assert_eq!(told, [of_mine, of_its, MeshVerdict::Up]);
        }
    }

    #[tokio::test]
    async fn many_readers_share_one_asking() {
        let (mesh, peers) = among(&[Manner::Row, Manner::Row], LONG).await;
        let readers: Vec<_> = (0..200)
            .map(|_| {
                let mesh = mesh.clone();
                tokio::spawn(async move { look(&mesh).await.at })
            })
            .collect();
        let mut moments = std::collections::BTreeSet::new();
        for reader in readers {
            moments.insert(reader.await.expect("no panic"));
        }
        // On a machine that is slow beyond measure they may need two.
        for peer in &peers {
            assert_eq!(peer.asked.load(Ordering::Relaxed), moments.len());
        }
        assert!(moments.len() < 200);
    }

    /// A node that calls a peer dead must not show it alive in the same breath.
    #[tokio::test]
    async fn a_picture_from_before_something_broke_is_not_given_out_after() {
        let (mesh, trouble) = beside(LONG, || PeerTargets { view: view(Vec::new()), targets: BTreeMap::new() });
        let mut last = look(&mesh).await.at;
        for any in [true, false] {
            trouble.send_replace(Trouble { any, opinions: 1 });
            let next = look(&mesh).await.at;
            assert!(next > last, "the old one was given out again");
            last = next;
        }
    }

    #[tokio::test]
    async fn without_a_detector_there_is_no_mesh() {
        let clock = Clock::start();
        let (handle, inbox) = channel(clock);
        drop(inbox);
        let client = Client::new(ClientSettings { connect_timeout: LONG, question_timeout: LONG }).expect("a client");
        let (collector, mesh) = Collector::new(handle, client, clock, LONG, Arc::default());
        let stop = CancellationToken::new();
        let task = tokio::spawn(collector.run(stop.clone()));
        assert_eq!(mesh.view().await.expect_err("no detector"), Stopped);
        stop.cancel();
        task.await.expect("ends");
        assert_eq!(mesh.view().await.expect_err("no collector"), Stopped);
    }

    #[test]
    fn those_who_will_answer_are_asked_first_and_the_unmet_not_at_all() {
        let states = [PeerState::Dead, PeerState::Joining, PeerState::Alive, PeerState::Left, PeerState::Suspect];
        let view = view(states.iter().zip(2..).map(|(state, id)| peer_view(id, *state)).collect());
        let ids: Vec<u32> = chosen(&view).iter().map(|peer| peer.peer.id.0).collect();
        assert_eq!(ids, [4, 6, 2, 5]);
        // In a large mesh only as many as one can look through.
        for (size, asked) in [(1, 1), (128, 128), (129, 127), (1000, 16)] {
            let view = self::view((2..).take(size).map(|id| peer_view(id, PeerState::Alive)).collect());
            assert_eq!(chosen(&view).len(), asked, "{size} peers");
        }
    }

    #[test]
    fn a_key_means_the_same_node_only_where_it_means_the_same_place() {
        let target = |url: &str| Target::new(&url.parse().expect("a URL")).expect("valid");
        let mut local = peer_view(3, PeerState::Alive);
        local.peer.key = PeerKey("localhost:8003".into());
        let view = view(vec![peer_view(2, PeerState::Alive), local]);
        let names = Names::new(&view);
        let (near, far) = (target("http://[::1]:8002"), target("http://10.0.0.2:8001"));
        for (key, observer, member) in [
            ("host-2:8001", &near, "node-2"),
            ("host-2:8001", &far, "node-2"),
            ("localhost:8003", &near, "node-3"),
            ("localhost:8003", &far, "localhost:8003"),
            ("elsewhere:1", &near, "elsewhere:1"),
        ] {
            assert_eq!(names.member(&name(key), observer).as_str(), member, "{key}");
        }
    }
}
