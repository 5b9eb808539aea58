//! How other code reaches the detector: one message, one answer.
//!
//! The driver owns the detector; a [`Handle`] is a cheap copy of the way to it.
//! `/ping` goes this way on purpose: its answer proves that the detector runs,
//! not merely that a socket does. The queue is bounded, and a full one makes
//! callers wait instead of growing; a caller that no longer waits costs nothing,
//! because its answer is dropped.
//!
//! Turned down: a lock around the detector (two callers would decide who waits
//! for whom, and an await under the lock would stop the mesh), and a published
//! snapshot for `/ping` (it would keep answering after the driver has ended).

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::{broadcast, mpsc, oneshot, watch};

use super::clock::Clock;
use crate::client::{Client, Target};
use crate::detector::maintenance::Maintenance;
use crate::detector::peer::{Answer, AttemptId, BootId, Caller, NodeName, PeerId, Testimony};
use crate::detector::view::Trouble;
use crate::detector::view::View;
use crate::detector::why::Why;

/// Messages that may wait for the driver. It drains the whole queue each time
/// it wakes, so this is one burst: more than a thousand peers asking at once.
pub(crate) const QUEUE: usize = 1024;
/// News that a slow stream may fall behind before it loses some. Answers repeat
/// what news says, so a small number loses nothing but time.
pub(crate) const NEWS_QUEUE: usize = 16;
/// "Nothing to wait for", as the time of the next turn.
const NEVER: u64 = u64::MAX;

/// One message to the driver.
#[derive(Debug)]
pub enum Input {
    /// A ping came in, from this address.
    Ping { caller: Option<Caller>, from: Option<IpAddr>, reply: oneshot::Sender<Answer> },
    /// Another node asks for a ping of one of my peers.
    Question { node: NodeName, boot: BootId, reply: oneshot::Sender<Testimony> },
    /// A caller whose request is verified asks whether it is new.
    Hello { caller: Caller, reply: oneshot::Sender<Option<Box<Answer>>> },
    /// A reader asks what this node believes.
    View { reply: oneshot::Sender<View> },
    /// A reader asks for the evidence about one peer, by its key or name.
    Why { peer: Arc<str>, reply: oneshot::Sender<Option<Box<Why>>> },
    /// The caller waits for the first lookup of every name to end, with or without a result.
    Discovery { tried: oneshot::Sender<()> },
    /// The caller wants to ask the peers itself.
    PeerTargets { reply: oneshot::Sender<PeerTargets> },
    /// An operator puts this node into maintenance, or (`None`) ends it.
    Maintain { wish: Option<Maintenance>, done: oneshot::Sender<()> },
    /// Listeners are bound and discovery was tried.
    Ready,
    /// Say goodbye. `done` is answered when every goodbye has ended, well or badly.
    Leave { done: oneshot::Sender<()> },
    /// The connection of a check stands.
    Connected { attempt: AttemptId },
    /// Something happened on the event stream that this node holds to `peer`.
    Stream { peer: PeerId, stream: u64, part: StreamPart },
}

/// What this node believes, and where its peers are.
#[derive(Debug)]
pub struct PeerTargets {
    pub view: View,
    pub targets: BTreeMap<PeerId, Target>,
}

/// What an event stream reports before its end.
#[derive(Debug)]
pub enum StreamPart {
    Opened,
    News(Box<Answer>),
}

/// The driver has ended; the process is on its way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the detector has stopped")]
pub struct Stopped;

/// The way to the detector. Clones are cheap and equal.
#[derive(Clone, Debug)]
pub struct Handle {
    inputs: mpsc::Sender<Input>,
    news: broadcast::Sender<Arc<str>>,
    trouble: watch::Receiver<Trouble>,
    shared: Arc<Shared>,
}

/// The driver's end of a [`Handle`].
#[derive(Debug)]
pub struct Inbox {
    pub inputs: mpsc::Receiver<Input>,
    pub(super) sender: mpsc::Sender<Input>,
    pub(super) news: broadcast::Sender<Arc<str>>,
    pub(crate) trouble: watch::Sender<Trouble>,
    pub(super) shared: Arc<Shared>,
}

/// What can be known of the driver without asking it.
#[derive(Debug)]
pub(super) struct Shared {
    clock: Clock,
    ready: AtomicBool,
    leaving: AtomicBool,
    /// When the driver wants to turn next, in the clock's milliseconds.
    next_turn: AtomicU64,
    /// Of peers that are known by an address and not by a name: as many as there are peers.
    addresses: Mutex<BTreeSet<IpAddr>>,
    /// Knows the addresses behind names.
    client: OnceLock<Client>,
    boot: OnceLock<BootId>,
}

/// A handle and the inbox it leads to. Nothing runs yet.
pub fn channel(clock: Clock) -> (Handle, Inbox) {
    let (sender, inputs) = mpsc::channel(QUEUE);
    let (news, _) = broadcast::channel(NEWS_QUEUE);
    let (worried, trouble) = watch::channel(Trouble::default());
    let shared = Arc::new(Shared {
        clock,
        ready: AtomicBool::new(false),
        leaving: AtomicBool::new(false),
        next_turn: AtomicU64::new(NEVER),
        addresses: Mutex::default(),
        client: OnceLock::new(),
        boot: OnceLock::new(),
    });
    let handle = Handle { inputs: sender.clone(), news: news.clone(), trouble, shared: Arc::clone(&shared) };
    (handle, Inbox { inputs, sender, news, trouble: worried, shared })
}

impl Handle {
    /// The answer to a ping.
    ///
    /// # Errors
    /// [`Stopped`] when the driver has ended; so do all the others.
    pub async fn ping(&self, caller: Option<Caller>, from: Option<IpAddr>) -> Result<Answer, Stopped> {
        self.ask(|reply| Input::Ping { caller, from, reply }).await
    }

    /// What this node can say about `node`, after a ping that begins now. Takes
    /// as long as that ping: the caller sets the limit.
    ///
    /// # Errors
    /// [`Stopped`] when the driver has ended.
    pub async fn question(&self, node: NodeName, boot: BootId) -> Result<Testimony, Stopped> {
        self.ask(|reply| Input::Question { node, boot, reply }).await
    }

    /// This node's answer, for a verified caller whose request is not a copy of an old one; else `None`.
    ///
    /// # Errors
    /// [`Stopped`] when the driver has ended.
    pub async fn hello(&self, caller: Caller) -> Result<Option<Answer>, Stopped> {
        let answer = self.ask(|reply| Input::Hello { caller, reply }).await?;
        Ok(answer.map(|answer| *answer))
    }

    /// This life of the node; `None` before its detector is made.
    pub fn boot(&self) -> Option<BootId> {
        self.shared.boot.get().copied()
    }

    /// What this node believes now.
    ///
    /// # Errors
    /// [`Stopped`] when the driver has ended.
    pub async fn view(&self) -> Result<View, Stopped> {
        self.ask(|reply| Input::View { reply }).await
    }

    /// Why this node believes what it believes of the peer with this key or name; `None` when there is none.
    ///
    /// # Errors
    /// [`Stopped`] when the driver has ended.
    pub async fn why(&self, peer: Arc<str>) -> Result<Option<Box<Why>>, Stopped> {
        self.ask(|reply| Input::Why { peer, reply }).await
    }

    /// What this node believes now, and where its peers are.
    ///
    /// # Errors
    /// [`Stopped`] when the driver has ended.
    pub async fn roster(&self) -> Result<PeerTargets, Stopped> {
        self.ask(|reply| Input::PeerTargets { reply }).await
    }

    /// Puts this node into maintenance, changes it, or (`None`) ends it. Done when the peers are being told.
    ///
    /// # Errors
    /// [`Stopped`] when the driver has ended.
    pub async fn maintain(&self, wish: Option<Maintenance>) -> Result<(), Stopped> {
        self.ask(|done| Input::Maintain { wish, done }).await
    }

    /// News for a peer's event stream: each message is the JSON of an
    /// [`AnswerBody`](crate::api::AnswerBody) on one line. A receiver that lags skips some,
    /// and answers repeat what they said.
    pub fn subscribe_news(&self) -> broadcast::Receiver<Arc<str>> {
        self.news.subscribe()
    }

    /// Whether anything is wrong as far as this node knows. Changes with each opinion that arrives while something
    /// is, and not at all while nothing is.
    pub fn trouble(&self) -> watch::Receiver<Trouble> {
        self.trouble.clone()
    }

    /// Whether listeners are bound, discovery was tried, and this node was not asked to stop.
    pub fn is_ready(&self) -> bool {
        self.shared.ready.load(Ordering::Relaxed) && !self.is_leaving()
    }

    /// Whether this node is on its way out.
    pub fn is_leaving(&self) -> bool {
        self.shared.leaving.load(Ordering::Relaxed)
    }

    /// Whether a peer of this node is at this address, as far as its names have been looked up.
    pub fn is_address_of_peer(&self, address: IpAddr) -> bool {
        self.shared.addresses().contains(&address)
            || self.shared.client.get().is_some_and(|client| client.knows(address))
    }

    /// For how long the driver has been overdue: zero while it sleeps as it
    /// meant to. It sleeps exactly to its next deadline and may have none, so
    /// the time since its last turn would say nothing.
    pub fn watchdog_age(&self) -> Duration {
        self.shared.overdue()
    }

    /// Returns when the first lookup of every name has ended, well or badly; at once where there are none.
    ///
    /// # Errors
    /// [`Stopped`] when the driver has ended.
    pub async fn discovery_tried(&self) -> Result<(), Stopped> {
        self.ask(|tried| Input::Discovery { tried }).await
    }

    /// Reports to the detector that this node can be reached.
    ///
    /// # Errors
    /// [`Stopped`] when the driver has ended.
    pub async fn ready(&self) -> Result<(), Stopped> {
        self.inputs.send(Input::Ready).await.map_err(|_| Stopped)?;
        self.shared.ready.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Not ready from this moment on; says goodbye to every peer, and returns when
    /// every goodbye has ended, well or badly. The caller sets the limit.
    ///
    /// # Errors
    /// [`Stopped`] when the driver has ended.
    pub async fn leave(&self) -> Result<(), Stopped> {
        self.shared.leaving.store(true, Ordering::Relaxed);
        self.ask(|done| Input::Leave { done }).await
    }

    async fn ask<T>(&self, message: impl FnOnce(oneshot::Sender<T>) -> Input) -> Result<T, Stopped> {
        let (reply, answer) = oneshot::channel();
        self.inputs.send(message(reply)).await.map_err(|_| Stopped)?;
        answer.await.map_err(|_| Stopped)
    }
}

impl Shared {
    /// The driver goes to sleep until `at` (the clock's milliseconds), or until a message arrives.
    pub(super) fn sleep_until(&self, at: Option<u64>) {
        self.next_turn.store(at.unwrap_or(NEVER), Ordering::Relaxed);
    }

    /// The detector is made.
    pub(super) fn is_boot(&self, boot: BootId) {
        let _ = self.boot.set(boot);
    }

    /// The driver knows where its peers are.
    pub(super) fn locate(&self, client: &Client, targets: &BTreeMap<PeerId, Target>) {
        self.client.get_or_init(|| client.clone());
        *self.addresses() = targets.values().filter_map(Target::address).collect();
    }

    fn addresses(&self) -> MutexGuard<'_, BTreeSet<IpAddr>> {
        // A set that is replaced as a whole is sound after any panic.
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn overdue(&self) -> Duration {
        let next = self.next_turn.load(Ordering::Relaxed);
        Duration::from_millis(self.clock.millis().saturating_sub(next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_handle_whose_driver_has_ended_says_so() {
        let (handle, inbox) = channel(Clock::start());
        drop(inbox);
        assert_eq!(handle.ping(None, None).await, Err(Stopped));
        assert_eq!(handle.ready().await, Err(Stopped));
        assert_eq!(handle.leave().await, Err(Stopped));
    }

    #[tokio::test]
    async fn a_question_that_is_dropped_unanswered_says_stopped() {
        let (handle, mut inbox) = channel(Clock::start());
        let asked = handle.view();
        let driver = async {
            drop(inbox.inputs.recv().await);
        };
        let (answer, ()) = tokio::join!(asked, driver);
        assert_eq!(answer, Err(Stopped));
    }

    #[tokio::test]
    async fn readiness_ends_when_leaving_begins() {
        let (handle, mut inbox) = channel(Clock::start());
        assert!(!handle.is_ready());
        handle.ready().await.expect("inbox is open");
        assert!(handle.is_ready() && !handle.is_leaving());
        let driver = async {
            while let Some(input) = inbox.inputs.recv().await {
                if let Input::Leave { done } = input {
                    return done.send(());
                }
            }
            Err(())
        };
        let (left, answered) = tokio::join!(handle.leave(), driver);
        assert_eq!((left, answered), (Ok(()), Ok(())));
        assert!(!handle.is_ready() && handle.is_leaving());
    }

    #[test]
    fn a_sleeping_driver_is_not_overdue_and_a_late_one_is() {
        let (handle, inbox) = channel(Clock::start());
        assert_eq!(handle.watchdog_age(), Duration::ZERO);
        inbox.shared.sleep_until(Some(60_000));
        assert_eq!(handle.watchdog_age(), Duration::ZERO);
        inbox.shared.sleep_until(None);
        assert_eq!(handle.watchdog_age(), Duration::ZERO);
    }
}
