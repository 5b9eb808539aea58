//! The pure core alone: what one answer costs a node with a thousand peers, and that it allocates nothing.

// Counting allocations takes an allocator, and an allocator takes `unsafe`. Nothing of it is in the product.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use heartbeat::detector::config::Timing;
use heartbeat::detector::node::{Me, Node};
use heartbeat::detector::peer::{
    Answer, AttemptId, BootId, NodeName, PeerId, PeerKey, PeerSpec, SelfState, Seq, WatchDelta,
};
use heartbeat::detector::time::Monotonic;
use heartbeat::detector::transmit::Transmit;

use super::figure::Measurement;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

/// The system's allocator, and a count of what this thread asks of it.
pub struct Counting;

// SAFETY: every call goes to the system's allocator unchanged; the counter is a plain cell of the calling thread
// that allocates nothing itself.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

const PEERS: u32 = 1000;
/// Every estimator, window and queue has found its size by then.
const WARM_UP: Duration = Duration::from_secs(100);
const MEASURED: Duration = Duration::from_secs(200);
const ROUND_TRIP: Duration = Duration::from_micros(300);

/// Time and allocations of one kind of step.
#[derive(Default)]
struct Cost {
    count: u64,
    time: Duration,
    allocations: u64,
}

impl Cost {
    fn of<T>(&mut self, step: impl FnOnce() -> T) -> T {
        let (allocated, began) = (ALLOCATIONS.get(), Instant::now());
        let result = step();
        self.time += began.elapsed();
        self.allocations += ALLOCATIONS.get() - allocated;
        self.count += 1;
        result
    }

    fn nanos(&self) -> f64 {
        self.time.as_nanos() as f64 / self.count as f64
    }

    /// What measuring a step that does nothing takes: the clock is read twice.
    fn of_measuring() -> f64 {
        let mut nothing = Cost::default();
        for _ in 0..100_000 {
            nothing.of(|| std::hint::black_box(()));
        }
        nothing.nanos()
    }
}

/// A node, its peers who answer every ping at once, and the clock they share.
struct Bench {
    node: Node,
    names: Vec<NodeName>,
    /// Ids are given in the order of the list.
    first: PeerId,
    version: Arc<str>,
    now: Monotonic,
    pings: Vec<(AttemptId, PeerId)>,
    opened: Vec<PeerId>,
}

pub fn figures() -> Vec<Measurement> {
    let mut bench = Bench::new();
    bench.run_until(WARM_UP);
    let (answers, timeouts) = bench.run_until(WARM_UP + MEASURED);
    let measuring = Cost::of_measuring();
    vec![
        Measurement::new(
            "core, 1,000 peers: one answer handled, outputs drained",
            "ns",
            answers.nanos() - measuring,
            Some(1000.0),
        )
        .note(format!("{} answers, minus {measuring:.0} ns for reading the clock", answers.count)),
        Measurement::new(
            "core, 1,000 peers: allocations for one answer",
            "",
            answers.allocations as f64 / answers.count as f64,
            Some(0.0),
        ),
        Measurement::new(
            "core, 1,000 peers: one deadline handled, outputs drained",
            "ns",
            timeouts.nanos() - measuring,
            None,
        )
        .note(format!("{:.3} allocations each", timeouts.allocations as f64 / timeouts.count as f64)),
    ]
}

impl Bench {
    fn new() -> Bench {
        let names: Vec<NodeName> = (0..PEERS).map(|index| name(&format!("node-{index}"))).collect();
        let config = Timing::BALANCED.check().expect("the default is sound");
        let version: Arc<str> = "0.1.0".into();
        let me = Me { node: name("me"), boot: BootId(1), version: version.clone() };
        let mut node = Node::new(config, me, 7, Monotonic::default());
        let key = |index: u32| PeerKey(format!("node-{index}").into());
        let specs = (0..PEERS).map(|index| PeerSpec { key: key(index), pinned: None }).collect();
        let first = node.set_peers(Monotonic::default(), specs)[0];
        node.handle_ready(Monotonic::default());
        // A deadline seldom sends more than a handful; room for all keeps the bench itself from allocating.
        let pings = Vec::with_capacity(PEERS as usize);
        let mut bench = Bench { node, names, first, version, now: Monotonic::default(), pings, opened: Vec::new() };
        bench.drain();
        bench
    }

    /// Runs until `end`: what one answer and what one deadline cost on the way.
    fn run_until(&mut self, end: Duration) -> (Cost, Cost) {
        let (mut answers, mut timeouts) = (Cost::default(), Cost::default());
        while self.now.0 < end {
            let deadline = self.node.poll_timeout().expect("a node with peers has plans");
            self.now = self.now.max(deadline.at);
            timeouts.of(|| {
                self.node.handle_timeout(self.now);
                self.drain();
            });
            while let Some((attempt, peer)) = self.pings.pop() {
                self.now = self.now + ROUND_TRIP;
                let answer = self.answer_of(peer);
                answers.of(|| {
                    self.node.handle_answer(self.now, attempt, answer);
                    self.drain();
                    self.node.poll_timeout()
                });
            }
            while let Some(peer) = self.opened.pop() {
                self.node.handle_stream_opened(self.now, peer);
                self.drain();
            }
        }
        (answers, timeouts)
    }

    fn drain(&mut self) {
        while let Some(transmit) = self.node.poll_transmit() {
            match transmit {
                Transmit::Ping { attempt, peer, .. } => self.pings.push((attempt, peer)),
                Transmit::OpenStream { peer } => self.opened.push(peer),
                Transmit::PublishNews => drop(self.node.news(self.now)),
                Transmit::Cancel { .. }
                | Transmit::Ask { .. }
                | Transmit::CancelQuestion { .. }
                | Transmit::Testify { .. }
                | Transmit::CloseStream { .. }
                | Transmit::Goodbye { .. }
                | Transmit::LookUp { .. }
                | Transmit::Probe { .. }
                | Transmit::CancelProbe { .. }
                | Transmit::Locate { .. }
                | Transmit::Forget { .. } => {}
            }
        }
        while self.node.poll_event().is_some() {}
    }

    fn answer_of(&self, peer: PeerId) -> Answer {
        let seq = u64::try_from(self.now.0.as_millis()).expect("minutes");
        Answer {
            node: self.names[(peer.0 - self.first.0) as usize].clone(),
            boot: BootId(100 + u64::from(peer.0)),
            seq: Seq(seq),
            state: SelfState::Ready,
            version: self.version.clone(),
            accusations: Vec::new(),
            watch: WatchDelta::default(),
            maintenance: None,
        }
    }
}

fn name(text: &str) -> NodeName {
    NodeName::new(text).expect("a plain name")
}
