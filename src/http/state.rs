//! What every handler is given: the node, what it has gathered, and what callers may take of it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::{Notify, Semaphore, SemaphorePermit};
use tokio::task::yield_now;

use super::guesses::Guesses;
use super::page::written::Written;
use super::peer_streams::PeerStreams;
use super::readers::Readers;
use super::rides::Rides;
use super::scrapes::Scrapes;
use super::strangers::Strangers;
use super::trouble::Troubles;
use crate::config::Config;
use crate::config::tls::TlsConfig;
use crate::mesh_key::guard::Guard;
use crate::mesh_service::collector::Mesh;
use crate::mesh_service::incident_store::IncidentStore;
use crate::runtime::clock::Clock;
use crate::runtime::handle::Handle;
use crate::telemetry::{EventLog, Metrics};

/// What the routes work with. Clones are cheap and equal.
#[derive(Clone)]
pub struct AppState {
    pub handle: Handle,
    /// The mesh as a whole.
    pub mesh: Mesh,
    /// What happened in it.
    pub incidents: Arc<IncidentStore>,
    pub events: Arc<EventLog>,
    pub metrics: Arc<Metrics>,
    pub config: Arc<Config>,
    /// Where the metrics are served a second time, once that is known.
    pub metrics_port: Option<u16>,
    /// When the process started, by the wall clock of that time. `AppState::started` is what is shown.
    pub started_at: SystemTime,
    /// The clock that events are stamped with. Measures how long requests take, too.
    pub clock: Clock,
    /// What is handed out among callers.
    pub slots: Arc<Slots>,
    /// Shared by all readers of the page.
    pub page: Arc<Written>,
    /// Shared by all readers of the metrics.
    pub scrapes: Arc<Scrapes>,
    /// What goes wrong with callers.
    pub troubles: Arc<Troubles>,
    /// Notified when this node has no descriptor left for a connection of its own.
    pub wanted: Arc<Notify>,
    /// Tokens that were refused.
    pub guesses: Arc<Guesses>,
    /// `None`: anyone may read.
    pub readers: Option<Arc<Readers>>,
    /// `None`: this node has no mesh key.
    pub guard: Option<Guard>,
    /// Requests that claim to be from a node and lack the mesh key.
    pub strangers: Arc<Strangers>,
    /// Streams of peers that showed it.
    pub peer_streams: PeerStreams,
    /// Streams whose signs of life leave with answers to pings.
    pub rides: Rides,
}

/// How the routes hold it: axum clones it several times for each request.
pub(super) type Shared = Arc<AppState>;

/// Bounded things that callers hold while they are served.
pub struct Slots {
    /// Streams of browsers and curls.
    pub(super) streams: Arc<Semaphore>,
    /// Streams of peers, so that browsers cannot crowd them out.
    pub(super) peer_streams: Arc<Semaphore>,
    /// Streams of callers that say they are nodes, from an address that is not known.
    pub(super) strangers_streams: Arc<Semaphore>,
    /// Questions to this node as a witness that are not answered yet.
    pub(super) questions: Arc<Semaphore>,
    /// The part of them that callers may have that are not peers.
    pub(super) strangers_questions: Arc<Semaphore>,
    /// Large answers that are being made.
    large: Semaphore,
    /// The same for what nodes ask each other.
    pub(super) between_nodes: Semaphore,
}

impl Slots {
    /// A turn to make a large answer, once there is one.
    pub(super) async fn large_answer(&self) -> Option<SemaphorePermit<'_>> {
        take_turn(&self.large).await
    }
}

/// A turn of the runtime in which at most as many answers are made as there are `turns`. All others wait: what takes
/// milliseconds to make must not come forty times between two looks at the detector's deadlines.
pub(super) async fn take_turn(turns: &Semaphore) -> Option<SemaphorePermit<'_>> {
    // It is never closed.
    let turn = turns.acquire().await.ok();
    // The permit is kept over one turn at least; else each caller would have finished before the next one asks.
    yield_now().await;
    turn
}

/// Questions outstanding at once. Three witnesses are asked about a peer, by
/// each node that suspects it, and each question is open for one ping: 32 is
/// enough for the largest mesh in which every node watches every other.
const QUESTIONS: usize = 32;
/// Questions of callers that are not peers: a quarter, so that the others are answered whatever a stranger asks.
const STRANGERS_QUESTIONS: usize = QUESTIONS / 4;
/// Streams of nodes beyond two for each peer of the list (one that ends while
/// its successor begins): for nodes that watch this one and are not on its list.
const SPARE_PEER_STREAMS: usize = 64;
/// Large answers made in one turn of the runtime. One takes up to ten milliseconds in a mesh of a thousand.
const LARGE_ANSWERS: usize = 2;

/// The two clocks of a machine drift apart by less than this in weeks; one that was set has jumped further.
const CLOCK_SET: Duration = Duration::from_secs(2);

impl AppState {
    pub fn new(
        handle: Handle,
        mesh: Mesh,
        incidents: Arc<IncidentStore>,
        events: Arc<EventLog>,
        metrics: Arc<Metrics>,
        config: Arc<Config>,
        clock: Clock,
    ) -> AppState {
        let slots = Slots {
            streams: Arc::new(Semaphore::new(config.limits.streams)),
            peer_streams: Arc::new(Semaphore::new(2 * config.peers_at_most())),
            strangers_streams: Arc::new(Semaphore::new(SPARE_PEER_STREAMS)),
            questions: Arc::new(Semaphore::new(QUESTIONS - STRANGERS_QUESTIONS)),
            strangers_questions: Arc::new(Semaphore::new(STRANGERS_QUESTIONS)),
            large: Semaphore::new(LARGE_ANSWERS),
            between_nodes: Semaphore::new(LARGE_ANSWERS),
        };
        AppState {
            handle,
            mesh,
            incidents,
            events,
            metrics,
            readers: Readers::new(&config).map(Arc::new),
            config,
            metrics_port: None,
            started_at: wall_time(),
            clock,
            slots: Arc::new(slots),
            page: Arc::default(),
            scrapes: Arc::default(),
            troubles: Arc::default(),
            wanted: Arc::default(),
            guesses: Arc::default(),
            guard: None,
            strangers: Arc::default(),
            peer_streams: PeerStreams::default(),
            rides: Rides::default(),
        }
    }

    /// The same with a mesh key.
    pub(crate) fn guarded(self, guard: Option<Guard>) -> AppState {
        AppState { guard, ..self }
    }

    /// Whether only nodes with the mesh key are believed.
    pub(super) fn requires_key(&self) -> bool {
        self.guard.as_ref().is_some_and(Guard::requires)
    }

    /// Whether calls between nodes must come with a certificate.
    pub(super) fn is_mutual(&self) -> bool {
        self.config.tls.as_ref().is_some_and(TlsConfig::is_mutual)
    }

    /// How long the process has run, by the steady clock: setting the date does not change it.
    pub(super) fn up_for(&self) -> Duration {
        self.clock.now().0
    }

    /// When the process started, as the wall clock of now has it.
    pub(super) fn started(&self) -> SystemTime {
        started(self.started_at, wall_time(), self.up_for())
    }
}

/// The moment of the start. A board without a battery starts in 1970 and gets the date later, so the moment that was
/// noted then counts only while the wall clock has not been set since.
fn started(noted: SystemTime, now: SystemTime, up_for: Duration) -> SystemTime {
    let counted = now.checked_sub(up_for).unwrap_or(SystemTime::UNIX_EPOCH).max(SystemTime::UNIX_EPOCH);
    let apart = counted.duration_since(noted).unwrap_or_else(|error| error.duration());
    if apart < CLOCK_SET { noted } else { counted }
}

/// Wall time, for what is shown to people. Nothing is decided by it.
pub(super) fn wall_time() -> SystemTime {
    SystemTime::now()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::task::JoinSet;

    use super::*;

    #[tokio::test]
    async fn in_one_turn_no_more_answers_are_made_than_there_are_turns() {
        let (turns, making) = (Arc::new(Semaphore::new(2)), Arc::new(AtomicUsize::new(0)));
        let mut answers = JoinSet::new();
        for _ in 0..20 {
            let (turns, making) = (Arc::clone(&turns), Arc::clone(&making));
            answers.spawn(async move {
                let turn = take_turn(&turns).await;
                let at_once = making.fetch_add(1, Ordering::Relaxed) + 1;
                yield_now().await;
                making.fetch_sub(1, Ordering::Relaxed);
                drop(turn);
                at_once
            });
        }
        let most = answers.join_all().await.into_iter().max();
        assert_eq!(most, Some(2), "of 20 that came at once");
    }

    #[test]
    fn a_clock_that_is_set_moves_the_moment_of_the_start_and_not_the_age() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let up_for = Duration::from_secs(60);
        for (noted, now, expected) in [
            (at(1000), at(1060), at(1000)),
            (at(1000), at(1061), at(1000)),
            (at(0), at(1_700_000_060), at(1_700_000_000)),
            (at(1_700_000_000), at(160), at(100)),
            (at(1_700_000_000), at(30), at(0)),
        ] {
            assert_eq!(started(noted, now, up_for), expected, "noted {noted:?}, now {now:?}");
        }
    }
}
