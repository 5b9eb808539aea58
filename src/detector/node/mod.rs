//! The detector of one node: inputs are `handle_*`, outputs `poll_*`.
//!
//! The caller feeds whatever happens, then drains [`Node::poll_transmit`] and
//! [`Node::poll_event`], asks [`Node::poll_timeout`] when to come back, and
//! comes back then. Nothing here reads a clock or sends a byte, so the same
//! code runs in the binary and, by the thousand, in the simulator.
//!
//! The parts, in the order in which a ping meets them: `pings` sends and times out at the times that `departures` finds, `answers` and `identity` learn who
//! answered, `gossip` what they say of others, `witness` asks and testifies, `judge` decides, `sick` asks whether it is
//! me, `keyed` tells new requests from copies where there is a mesh key, `report` shows, `why` explains; `discover` finds
//! peers behind a name; `maintenance` notes what operators announced and is asked by `report` alone. A step on a link
//! borrows it with `with_link`, and says in `effects` what else it wants done.

mod answers;
mod cut_off;
mod departures;
mod discover;
mod effects;
mod gossip;
mod hearsay;
mod identity;
mod judge;
mod keyed;
mod links;
mod maintenance;
mod maintenance_book;
mod omitted;
mod peers;
mod pings;
mod report;
mod schedule;
mod sick;
mod unlisted;
mod why;
mod witness;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::config::DetectorConfig;
use super::discovery::Directory;
use super::event::{Event, EventKind};
use super::evidence::Evidence;
use super::limits::STALL;
use super::link::Link;
use super::omission::Omission;
use super::peer::{Answer, AttemptId, BootId, Caller, NodeName, PeerId, PeerKey, PingSource, QuestionId, Testimony};
use super::quality::Slow;
use super::quorum::CutOff;
use super::time::{Monotonic, ObserverClock, ObserverTime};
use super::transmit::Transmit;
use super::view::Hearsay;
use departures::Departures;
use effects::Effects;
use links::Links;
use maintenance_book::Book;
use schedule::Schedule;
use unlisted::Unlisted;

/// Who I am.
#[derive(Clone, Debug)]
pub struct Me {
    /// The name that every answer declares.
    pub node: NodeName,
    /// This life of it.
    pub boot: BootId,
    /// Of the program, for people who compare nodes.
    pub version: Arc<str>,
}

/// When to call [`Node::handle_timeout`] next, and what for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    /// On the machine's steady clock.
    pub at: Monotonic,
    /// What is due then.
    pub reason: Reason,
}

/// What a deadline is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// Something is to be sent. No peer is judged.
    Send,
    /// A peer may be late, failed or dead: let pending IO run first.
    Judge,
}

/// The detector of one node.
pub struct Node {
    config: DetectorConfig,
    me: Me,
    rng: Pcg64Mcg,
    born: Monotonic,
    last_raw: Monotonic,
    clock: ObserverClock,

    ready: bool,
    leaving: bool,
    /// Callers are verified with the mesh key before they come here.
    keyed: bool,
    /// A rule that the simulator has left out.
    without: Option<Omission>,
    /// I hear less than half of my peers.
    cut_off: Option<CutOff>,
    /// Anything at all responded then, to whatever this node sent.
    last_response: ObserverTime,
    /// Most of my links are bad although their peers live: it is me.
    slow: Option<Slow>,
    /// When that was counted last.
    slow_asked: ObserverTime,
    /// When the last stall was over.
    stall_over: Option<ObserverTime>,
    maintenance: Book,

    links: Links,
    names: BTreeMap<NodeName, PeerId>,
    /// Links that are Suspect, Unreachable or Dead: the only ones to judge.
    in_doubt: BTreeSet<PeerId>,
    /// Callers that are on no list of mine.
    unlisted: Unlisted,
    /// Keys that turned out to be myself or a peer under another key; not watched again.
    dropped: BTreeSet<PeerKey>,
    next_peer: u32,
    questions: BTreeMap<QuestionId, (PeerId, PeerId)>,
    next_question: u64,

    /// Revision of my watch list; grows with every change that others may want to know.
    rev: u64,
    published_rev: u64,
    tombstones: VecDeque<(NodeName, BootId, u64)>,
    /// What others' lists show, until one of them or an opinion of mine changes.
    hearsay: Option<Hearsay>,
    /// Grows when that was so.
    opinions: u64,

    /// Names and the addresses behind them.
    directory: Directory,
    schedule: Schedule,
    departures: Departures,
    effects: Effects,
}

impl Node {
    /// `now` starts the node's clocks; `seed` feeds jitter and the choice of witnesses.
    pub fn new(config: DetectorConfig, me: Me, seed: u64, now: Monotonic) -> Node {
        Node {
            config,
            me,
            rng: Pcg64Mcg::seed_from_u64(seed),
            born: now,
            last_raw: now,
            clock: ObserverClock::new(now),
            ready: false,
            leaving: false,
            keyed: false,
            without: None,
            cut_off: None,
            last_response: ObserverTime::default(),
            slow: None,
            slow_asked: ObserverTime::default(),
            stall_over: None,
            maintenance: Book::default(),
            links: Links::default(),
            names: BTreeMap::new(),
            in_doubt: BTreeSet::new(),
            unlisted: Unlisted::default(),
            dropped: BTreeSet::new(),
            next_peer: 1,
            questions: BTreeMap::new(),
            next_question: 1,
            rev: 0,
            published_rev: 0,
            tombstones: VecDeque::new(),
            directory: Directory::default(),
            hearsay: None,
            opinions: 0,
            schedule: Schedule::default(),
            departures: Departures::default(),
            effects: Effects::default(),
        }
    }

    /// From `Starting` to `Ready`: listeners are bound and discovery was tried.
    pub fn handle_ready(&mut self, now: Monotonic) {
        self.begin(now);
        self.ready = true;
        self.effects.publish();
        self.finish();
    }

    /// Begin to leave: says goodbye to every peer, stops pinging and judging.
    pub fn handle_leave(&mut self, now: Monotonic) {
        self.begin(now);
        if self.leaving {
            return;
        }
        self.leaving = true;
        self.effects.publish();
        self.report_self(EventKind::SelfLeaving);
        let ids: Vec<PeerId> = self.links.ids().collect();
        for id in ids {
            self.effects.send(Transmit::Goodbye { peer: id });
            // An observer that asked me as a witness has to ask another one.
            self.with_link(id, |node, link| node.turn_away(link));
        }
        self.finish();
    }

    /// The next deadline; `None` when there is nothing to wait for.
    pub fn poll_timeout(&mut self) -> Option<Deadline> {
        let next = if self.leaving { None } else { self.next_deadline() };
        let next = if self.leaving { None } else { self.or_end_of_maintenance(next) };
        self.clock.promise(next.map(|(at, _)| at));
        next.map(|(at, judge)| Deadline {
            at: self.clock.to_raw(at),
            reason: if judge { Reason::Judge } else { Reason::Send },
        })
    }

    fn next_deadline(&mut self) -> Option<(ObserverTime, bool)> {
        let link = self.schedule.next(&mut self.links, &self.config, self.clock.now());
        match (link, self.directory.next_due()) {
            (Some((at, _)), Some(due)) if due < at => Some((due, false)),
            (None, Some(due)) => Some((due, false)),
            (link, _) => link,
        }
    }

    /// Work for the runtime; drain it after every input.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.effects.next_transmit()
    }

    /// Things to report; drain them after every input.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.effects.next_event()
    }

    /// The deadline has come. Calling it early or late does no harm.
    pub fn handle_timeout(&mut self, now: Monotonic) {
        let now = self.begin(now);
        if !self.leaving {
            // Each link can be due only a few times at the same moment: a ping, a
            // check, a judgement. The bound keeps a mistake here from hanging the node.
            for _ in 0..=self.links.len() * 8 {
                match self.schedule.take_due(&mut self.links, now) {
                    Some(id) => drop(self.with_link(id, |node, link| node.link_due(link, now))),
                    None => break,
                }
            }
            self.discover(now);
        }
        self.finish();
    }

    /// The connection of a check or witness check stands; its answer is still to come.
    pub fn handle_connected(&mut self, now: Monotonic, attempt: AttemptId) {
        let now = self.begin(now);
        self.attempt_connected(attempt, now);
        self.finish();
    }

    /// A valid answer to an attempt. Answers to attempts that are no longer known are ignored.
    pub fn handle_answer(&mut self, now: Monotonic, attempt: AttemptId, answer: Answer) {
        let now = self.begin(now);
        self.attempt_answered(attempt, answer, now);
        self.ride_along(now);
        self.finish();
    }

    /// An attempt failed, as `evidence` says.
    pub fn handle_failure(&mut self, now: Monotonic, attempt: AttemptId, evidence: Evidence) {
        let now = self.begin(now);
        self.attempt_failed(attempt, evidence, now);
        self.finish();
    }

    /// A ping came in, from `source`. A caller without our headers (curl) is `None` and only gets the answer.
    pub fn handle_ping(&mut self, now: Monotonic, caller: Option<Caller>, source: PingSource) -> Answer {
        let at = self.begin(now);
        if let Some(caller) = &caller {
            self.pinged(caller, source, at);
        }
        self.finish();
        self.answer(caller.map_or(self.rev, |caller| caller.known_rev))
    }

    /// Another node asks for a ping of `node`. Ends in `Transmit::Testify`, once.
    pub fn handle_question(&mut self, now: Monotonic, question: QuestionId, node: NodeName, boot: BootId) {
        let now = self.begin(now);
        self.questioned(question, &node, boot, now);
        self.finish();
    }

    /// What a witness said.
    pub fn handle_testimony(&mut self, now: Monotonic, question: QuestionId, testimony: Testimony) {
        let now = self.begin(now);
        self.testified(question, testimony, now);
        self.finish();
    }

    /// The event stream that [`Transmit::OpenStream`] asked for stands.
    pub fn handle_stream_opened(&mut self, now: Monotonic, peer: PeerId) {
        self.begin(now);
        if let Some(link) = self.links.get_mut(&peer) {
            link.stream.opened();
        }
        self.finish();
    }

    /// News on a stream. It is hearsay about others and a goodbye at most, never proof of life.
    pub fn handle_stream_news(&mut self, now: Monotonic, peer: PeerId, news: Answer) {
        let now = self.begin(now);
        self.with_link(peer, |node, link| node.news_heard(link, news, now));
        self.finish();
    }

    /// A stream ended or could not be opened. If it stood, a check follows.
    pub fn handle_stream_ended(&mut self, now: Monotonic, peer: PeerId) {
        let now = self.begin(now);
        self.with_link(peer, |node, link| node.stream_ended(link, now));
        self.finish();
    }

    /// Every input passes here first: clocks advance, and a stall is noticed.
    fn begin(&mut self, raw: Monotonic) -> ObserverTime {
        self.last_raw = self.last_raw.max(raw);
        self.count_all_time_if_without_observer_time();
        let advance = self.clock.advance(raw);
        let now = self.clock.now();
        if advance.late > STALL && !self.leaving {
            self.stalled(advance.lost, now);
        }
        self.end_maintenance();
        now
    }

    /// Every input passes here last: what one change means for others.
    fn finish(&mut self) {
        let now = self.clock.now();
        // A verdict can change who may speak about another peer, and so on,
        // but each round settles at least one peer.
        for _ in 0..=self.in_doubt.len() {
            if !self.effects.take_rejudge() || self.leaving {
                break;
            }
            self.reconsider_cut_off(None, now);
            let in_doubt: Vec<PeerId> = self.in_doubt.iter().copied().collect();
            for id in in_doubt {
                self.with_link(id, |node, link| node.settle(link, now));
            }
        }
        if self.effects.take_opinions_changed() {
            self.hearsay = None;
            self.opinions += 1;
        }
        if self.effects.take_states_changed() {
            self.update_directory();
        }
        self.cancel_probes();
        if self.effects.take_publish() {
            self.effects.send(Transmit::PublishNews);
        }
    }

    /// A uniformly distributed duration below `limit`.
    fn random_below(&mut self, limit: Duration) -> Duration {
        let part = (self.rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
        limit.mul_f64(part)
    }

    fn report(&mut self, link: &Link, kind: EventKind) {
        self.effects.report(self.last_raw, Some(link.peer_ref()), kind);
    }

    fn report_self(&mut self, kind: EventKind) {
        self.effects.report(self.last_raw, None, kind);
    }

    /// One step on one link, which is lent to it: the step has the link and the rest of the node, and no helper has to
    /// look the link up again.
    fn with_link<R>(&mut self, id: PeerId, step: impl FnOnce(&mut Node, &mut Link) -> R) -> Option<R> {
        let mut link = self.links.lend(id)?;
        let result = step(self, &mut link);
        self.links.take_back(link);
        Some(result)
    }
}

#[cfg(test)]
mod trust_tests;
