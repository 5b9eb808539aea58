//! Every time condition of the judgement has its timer.
//!
//! Two nodes with one seed live through one random schedule. The first is woken by its own deadlines alone, as the
//! runtime does it; its twin is woken every few milliseconds as well, and then looks at every link as if its deadline
//! had come. A condition that time alone meets and that no timer announces is noticed by the twin and not by the first,
//! so what they report, and when, differs.
//!
//! Run: `cargo test --test timers`; a failure prints the schedule, shrunk, from which it replays.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use heartbeat::detector::config::Timing;
use heartbeat::detector::event::{Event, Purpose};
use heartbeat::detector::evidence::{Class, Evidence};
use heartbeat::detector::node::{Me, Node};
use heartbeat::detector::peer::{
    Accusation, Answer, AttemptId, BootId, Caller, NodeName, PeerId, PeerKey, PeerSpec, PeerState, PingSource,
    QuestionId, SelfState, Seq, Testimony, WatchDelta, Watched,
};
use heartbeat::detector::time::Monotonic;
use heartbeat::detector::transmit::Transmit;
use proptest::prelude::*;

const PEERS: usize = 5;
const LENGTH: Duration = Duration::from_secs(45);
/// How often the twin is woken. Far below every wait, and no part of any, so that it is not at the moments of timers.
const TICK: Duration = Duration::from_micros(23_017);

/// How a peer is reached.
#[derive(Clone, Copy, Debug)]
enum Way {
    Answers,
    /// Answers, and says nothing of whom it watches.
    AnswersWithoutList,
    AnswersSlowly,
    Refuses,
    /// Nothing comes back.
    Silent,
    /// Accepts connections and does not answer.
    Stalls,
    /// Nothing comes back, and its own pings arrive.
    Deaf,
}

/// What a peer does for a while.
#[derive(Clone, Copy, Debug)]
struct Phase {
    ms: u64,
    way: Way,
    /// Bit by bit, which other peers it accuses.
    accuses: u8,
    /// What it says as a witness: 0 an answer, 1 a failure, 2 no opinion, 3 nothing at all.
    testimony: u8,
}

#[derive(Clone, Debug)]
struct Schedule {
    seed: u64,
    phases: Vec<Vec<Phase>>,
}

fn schedule() -> impl Strategy<Value = Schedule> {
    let way = prop_oneof![
        4 => Just(Way::Answers),
        1 => Just(Way::AnswersWithoutList),
        1 => Just(Way::AnswersSlowly),
        2 => Just(Way::Refuses),
        3 => Just(Way::Silent),
        2 => Just(Way::Stalls),
        1 => Just(Way::Deaf),
    ];
    let accuses = prop_oneof![2 => Just(0u8), 1 => 0u8..32];
    let phase = (1u64..16_000, way, accuses, 0u8..4).prop_map(|(ms, way, accuses, testimony)| Phase {
        ms,
        way,
        accuses,
        testimony,
    });
    let phases = prop::collection::vec(prop::collection::vec(phase, 1..7), PEERS);
    (any::<u64>(), phases).prop_map(|(seed, phases)| Schedule { seed, phases })
}

#[derive(Clone, Copy, Debug)]
enum Input {
    Connected(AttemptId),
    Answered(AttemptId, usize, u64),
    Failed(AttemptId, Evidence),
    Testimony(QuestionId, Testimony),
    Pinged(usize),
}

/// One node and what comes to it.
struct Play<'a> {
    schedule: &'a Schedule,
    node: Node,
    now: Duration,
    ids: Vec<PeerId>,
    /// What is on its way, by when it comes.
    coming: BTreeMap<(Duration, u64), Input>,
    count: u64,
    events: Vec<Event>,
}

fn name(who: usize) -> NodeName {
    NodeName::new(&format!("node-{who}")).expect("valid")
}

fn boot(who: usize) -> BootId {
    BootId(100 + who as u64)
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

impl Play<'_> {
    fn new(schedule: &Schedule) -> Play<'_> {
        let config = Timing::BALANCED.check().expect("valid");
        let me = Me { node: name(PEERS), boot: boot(PEERS), version: Arc::from("0") };
        let mut node = Node::new(config, me, schedule.seed, Monotonic::default());
        let spec = |who: usize| PeerSpec { key: PeerKey(format!("peer-{who}").into()), pinned: None };
        let ids = node.set_peers(Monotonic::default(), (0..PEERS).map(spec).collect());
        node.handle_ready(Monotonic::default());
        let mut play =
            Play { schedule, node, now: Duration::ZERO, ids, coming: BTreeMap::new(), count: 0, events: Vec::new() };
        for who in 0..PEERS {
            for second in 1..LENGTH.as_secs() {
                play.later(ms(second * 1000 + 100 * who as u64 + 37), Input::Pinged(who));
            }
        }
        play
    }

    /// A number that depends on the schedule and on this request alone, and so is the same for both nodes.
    fn chance(&self, request: u64, below: u64) -> u64 {
        let mixed = (self.schedule.seed ^ request).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) % below
    }

    fn later(&mut self, at: Duration, input: Input) {
        self.count += 1;
        self.coming.insert((at, self.count), input);
    }

    /// What the peer does now; the last phase stays.
    fn phase(&self, who: usize) -> Phase {
        let phases = &self.schedule.phases[who];
        let mut end = Duration::ZERO;
        let current = phases.iter().find(|phase| {
            end += ms(phase.ms);
            self.now < end
        });
        *current.unwrap_or(&phases[phases.len() - 1])
    }

    fn who(&self, peer: PeerId) -> usize {
        self.ids.iter().position(|id| *id == peer).expect("a peer of the list")
    }

    fn answer(&self, who: usize, known: u64) -> Answer {
        let phase = self.phase(who);
        let others = || (0..PEERS).filter(|other| *other != who);
        let accused = others().filter(|other| phase.accuses & (1 << other) != 0);
        let accusation =
            |other| Accusation { node: name(other), boot: boot(other), class: Class::Silent, silent_for: ms(3000) };
        let line = |other| Watched { node: name(other), boot: boot(other), state: Some(PeerState::Alive) };
        let watch = match (phase.way, known) {
            (Way::AnswersWithoutList, _) => WatchDelta::default(),
            (_, 0) => WatchDelta { since: 0, rev: 1, peers: others().chain([PEERS]).map(line).collect() },
            (_, known) => WatchDelta { since: known, rev: known, peers: Vec::new() },
        };
        Answer {
            node: name(who),
            boot: boot(who),
            seq: Seq(self.now.as_millis() as u64),
            state: SelfState::Ready,
            version: Arc::from("0"),
            accusations: accused.map(accusation).collect(),
            watch,
            maintenance: None,
        }
    }

    fn transmit(&mut self, transmit: Transmit) {
        match transmit {
            Transmit::Ping { attempt, peer, purpose, known_rev } => {
                let who = self.who(peer);
                // Never at the very moment of a timer, which all are whole microseconds after something that came in.
                let trip = Duration::from_nanos(1_000_001 + self.chance(attempt.0, 8_000_000));
                let checks = purpose != Purpose::Scheduled;
                match self.phase(who).way {
                    Way::Answers | Way::AnswersWithoutList => {
                        self.later(self.now + trip, Input::Answered(attempt, who, known_rev));
                    }
                    Way::AnswersSlowly => {
                        let slow = ms(self.chance(attempt.0 + 1, 2600));
                        if checks {
                            self.later(self.now + trip, Input::Connected(attempt));
                        }
                        self.later(self.now + trip + slow, Input::Answered(attempt, who, known_rev));
                    }
                    Way::Refuses => self.later(self.now + trip, Input::Failed(attempt, Evidence::Refused)),
                    Way::Stalls if checks => self.later(self.now + trip, Input::Connected(attempt)),
                    Way::Silent | Way::Deaf if checks && attempt.0.is_multiple_of(3) => {
                        self.later(self.now + ms(1000) + trip, Input::Failed(attempt, Evidence::Silent));
                    }
                    Way::Stalls | Way::Silent | Way::Deaf => {}
                }
            }
            Transmit::Cancel { attempt } => self.coming.retain(|_, input| {
                !matches!(input, Input::Connected(id) | Input::Answered(id, ..) | Input::Failed(id, _) if *id == attempt)
            }),
            Transmit::Ask { question, witness, boot, .. } => {
                let phase = self.phase(self.who(witness));
                let testimony = match phase.testimony {
                    0 => Testimony::Answered { boot },
                    1 => Testimony::Failed { evidence: Evidence::Silent },
                    _ => Testimony::NoOpinion,
                };
                // The runtime gives up after 2 s; a witness that says nothing at all would be a fault of its own.
                let after = if phase.testimony == 3 { ms(2000) } else { ms(1 + self.chance(question.0, 1500)) };
                self.later(self.now + after, Input::Testimony(question, testimony));
            }
            Transmit::CancelQuestion { question } => {
                self.coming.retain(|_, input| !matches!(input, Input::Testimony(id, _) if *id == question));
            }
            _ => {}
        }
    }

    fn take(&mut self, input: Input) {
        let now = Monotonic(self.now);
        match input {
            Input::Connected(attempt) => self.node.handle_connected(now, attempt),
            Input::Answered(attempt, who, known) => {
                let answer = self.answer(who, known);
                self.node.handle_answer(now, attempt, answer);
            }
            Input::Failed(attempt, evidence) => self.node.handle_failure(now, attempt, evidence),
            Input::Testimony(question, testimony) => self.node.handle_testimony(now, question, testimony),
            Input::Pinged(who) => {
                if matches!(self.phase(who).way, Way::Answers | Way::AnswersWithoutList | Way::Deaf) {
                    let seq = Seq(self.now.as_millis() as u64);
                    let state = SelfState::Ready;
                    let caller = Caller { node: name(who), boot: boot(who), seq, state, known_rev: 0, ack: None };
                    self.node.handle_ping(now, Some(caller), PingSource::PeerAddress);
                }
            }
        }
    }

    /// Everything until the end. With `ticks` the node is woken every [`TICK`] and looks at every link.
    fn run(mut self, ticks: bool) -> Vec<Event> {
        let mut tick = TICK;
        loop {
            while let Some(transmit) = self.node.poll_transmit() {
                self.transmit(transmit);
            }
            while let Some(event) = self.node.poll_event() {
                self.events.push(event);
            }
            let timer = self.node.poll_timeout().map(|deadline| deadline.at.0.max(self.now));
            let input = self.coming.first_key_value().map(|((at, _), _)| *at);
            let next = timer.into_iter().chain(input).chain(ticks.then_some(tick)).min().expect("pings never end");
            if next > LENGTH {
                return self.events;
            }
            self.now = next;
            if input == Some(next) {
                let (_, input) = self.coming.pop_first().expect("it was there");
                self.take(input);
            } else if timer == Some(next) {
                self.node.handle_timeout(Monotonic(next));
            } else {
                self.node.handle_every_timer(Monotonic(next));
                tick += TICK;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_node_that_only_its_timers_wake_decides_when_one_that_never_sleeps_does(schedule in schedule()) {
        let (woken, sleepless) = (Play::new(&schedule).run(false), Play::new(&schedule).run(true));
        let same = woken.iter().zip(&sleepless).take_while(|(one, other)| one == other).count();
        let (one, other) = (woken.get(same), sleepless.get(same));
        prop_assert!(one.is_none() && other.is_none(), "after {same} events: {one:?}, and the twin {other:?}");
    }
}
