//! The run itself: one virtual clock, many processes, and what the scenario does to them.
//!
//! Each process is driven as the real driver drives it: one input, then all
//! outputs, then a wake-up exactly at the core's next deadline. What the
//! processes say to each other is in `exchange`.

use std::time::Duration;

use super::invariants::Checks;
use super::network::{Conns, Network, NoteId, Packet, Segment};
use super::packets::{PacketTrace, Stage};
use super::process::{INBOX_MAX, Input, Process, Stall, Timer, Unread};
use super::queue::{Queue, Turn};
use super::rng::Rng;
use super::scenario::{Action, HostId, Scenario, Watch};
use super::timeline::{Entry, What};
use super::trace::Trace;
use super::truth::{LINKS_KEPT_UP_TO, Truth};
use crate::detector::config::DetectorConfig;
use crate::detector::event::{Event, EventKind};
use crate::detector::node::Reason;
use crate::detector::peer::NodeName;
use crate::detector::view::View;

/// The runtime wakes a detector this often at one moment before the run calls it spinning.
const WAKES_AT_ONE_INSTANT_MAX: u32 = 64;
/// Beliefs are compared with events this often.
const INSPECTION: Duration = Duration::from_secs(1);
/// Nodes of one mesh are started within this span.
const START_SPREAD: Duration = Duration::from_millis(300);

/// What the clock waits for.
#[derive(Debug)]
pub(super) enum Due {
    Step(usize),
    Boot(usize),
    Arrive(Segment),
    Resend(Segment),
    Read {
        host: usize,
        life: u32,
    },
    Timer {
        host: usize,
        life: u32,
        timer: Timer,
    },
    Wake {
        host: usize,
        life: u32,
        number: u64,
    },
    /// A killed container's network goes.
    Darken {
        host: usize,
        lives: u32,
    },
    Inspect,
}

pub(super) struct Host {
    pub lives: u32,
    pub process: Option<Process>,
}

pub(super) struct World<'a> {
    pub scenario: &'a Scenario,
    pub seed: u64,
    pub config: DetectorConfig,
    pub now: Duration,
    pub dice: Rng,
    pub queue: Queue<Due>,
    pub network: Network,
    pub conns: Conns,
    pub hosts: Vec<Host>,
    pub truth: Truth,
    /// `None` in meshes where not every node watches every other: the invariants are about full ones.
    pub checks: Option<Checks>,
    pub trace: Trace,
    pub timeline: Vec<Entry>,
    pub handled: u64,
    /// Packets that were sent.
    pub sent: u64,
    /// Looks at what the nodes believe at each inspection.
    pub observer: Option<Observer<'a>>,
    /// Where the packets are noted, on request.
    pub packets: Option<PacketTrace>,
}

/// Takes the virtual time and what each host's node believes then; `None` where no process runs, or a frozen one.
pub(super) type Observer<'a> = &'a mut dyn FnMut(Duration, &[Option<View>]);

impl<'a> World<'a> {
    pub(super) fn new(scenario: &'a Scenario, seed: u64) -> World<'a> {
        let config = scenario.detector();
        let full = scenario.watch == Watch::All && scenario.nodes <= LINKS_KEPT_UP_TO;
        let mut world = World {
            scenario,
            seed,
            now: Duration::ZERO,
            dice: Rng::new(seed),
            queue: Queue::new(),
            network: Network::new(scenario),
            conns: Conns::new(),
            hosts: (0..scenario.nodes).map(|_| Host { lives: 0, process: None }).collect(),
            truth: Truth::new(scenario.nodes),
            checks: full.then(|| Checks::new(scenario, config.clone())),
            config,
            trace: Trace::START,
            timeline: Vec::new(),
            handled: 0,
            sent: 0,
            observer: None,
            packets: None,
        };
        for host in (0..scenario.nodes).filter(|host| !scenario.absent.contains(&HostId(*host))) {
            let at = world.dice.between(Duration::ZERO, START_SPREAD);
            world.queue.push(at, Turn::First, Due::Boot(host));
        }
        for (index, step) in scenario.steps.iter().enumerate() {
            world.queue.push(step.at, Turn::First, Due::Step(index));
        }
        if world.checks.is_some() {
            world.queue.push(INSPECTION, Turn::First, Due::Inspect);
        }
        world
    }

    /// Until the scenario's end.
    pub(super) fn run(&mut self) {
        while let Some((at, due)) = self.queue.pop(self.scenario.length) {
            self.now = at;
            self.truth.now = at;
            self.handled += 1;
            self.due(due);
            if let Some(checks) = &mut self.checks {
                checks.overdue(&self.truth);
            }
        }
        self.now = self.scenario.length;
        self.truth.now = self.now;
    }

    fn due(&mut self, due: Due) {
        match due {
            Due::Step(index) => self.step(index),
            Due::Boot(host) => self.start(host),
            Due::Arrive(segment) => self.arrive(segment),
            Due::Resend(segment) => self.resend(segment),
            Due::Read { host, life } => self.read(host, life),
            Due::Timer { host, life, timer } => self.timer_due(host, life, timer),
            Due::Wake { host, life, number } => self.wake(host, life, number),
            Due::Darken { host, lives } => {
                if self.hosts[host].lives == lives {
                    self.network.darken(host, true);
                    self.truth.set_links(&self.network);
                }
            }
            Due::Inspect => self.inspect(),
        }
    }

    fn step(&mut self, index: usize) {
        self.truth.steps += 1;
        let action = self.scenario.steps[index].action.clone();
        self.trace.step(self.now, &action.to_string());
        self.timeline.push(Entry { at: self.now, what: What::Step(action.clone()) });
        self.network.apply(&action);
        if let Action::Host(act, HostId(host)) = action {
            self.host_act(act, host);
        }
        self.truth.set_links(&self.network);
    }

    /// To the process, now or when it reads again.
    pub(super) fn deliver(&mut self, host: usize, note: Option<NoteId>, input: Input) {
        let now = self.now;
        let Some(process) = &mut self.hosts[host].process else { return };
        if process.stall == Stall::Running {
            self.note(note, Stage::Read);
            self.hand_in(host, input);
            return;
        }
        if process.inbox.len() >= INBOX_MAX {
            return;
        }
        if process.stall == Stall::Frozen {
            process.inbox.push_back(Unread { at: now, note, input });
            return;
        }
        let late = self.scenario.late.draw(&mut self.dice);
        let last = process.inbox.back().map_or(Duration::ZERO, |unread| unread.at);
        let at = last.max(now + late);
        process.inbox.push_back(Unread { at, note, input });
        let life = process.life;
        self.queue.push(at, Turn::First, Due::Read { host, life });
    }

    fn read(&mut self, host: usize, life: u32) {
        loop {
            let now = self.now;
            let Some(process) = self.hosts[host].process.as_mut().filter(|process| process.life == life) else {
                return;
            };
            if process.stall == Stall::Frozen || process.inbox.front().is_none_or(|unread| unread.at > now) {
                return;
            }
            let Some(Unread { note, input, .. }) = process.inbox.pop_front() else { return };
            self.note(note, Stage::Read);
            self.hand_in(host, input);
        }
    }

    pub(super) fn timer_due(&mut self, host: usize, life: u32, timer: Timer) {
        let Some(process) = self.hosts[host].process.as_mut().filter(|process| process.life == life) else { return };
        if process.stall == Stall::Frozen {
            process.late_timers.push(timer);
            return;
        }
        self.timer(host, timer);
        self.drain(host);
    }

    fn wake(&mut self, host: usize, life: u32, number: u64) {
        let now = self.now;
        let Some(process) = self.hosts[host].process.as_mut().filter(|process| process.life == life) else { return };
        if process.wake_number != number || process.stall == Stall::Frozen {
            return;
        }
        process.wake = None;
        let (instant, wakes) = process.wakes_at;
        process.wakes_at = if instant == now { (now, wakes + 1) } else { (now, 1) };
        if process.wakes_at.1 > WAKES_AT_ONE_INSTANT_MAX {
            let deadline = process.node.poll_timeout();
            if let Some(checks) = &mut self.checks {
                checks.spinning(&self.truth, host, &format!("{deadline:?}"));
            }
            self.end_process(host, true);
            return;
        }
        process.node.handle_timeout(process.clock(now));
        self.drain(host);
    }

    /// All outputs of a process, then its next wake-up.
    pub(super) fn drain(&mut self, host: usize) {
        loop {
            let Some(process) = &mut self.hosts[host].process else { return };
            if let Some(event) = process.node.poll_event() {
                self.event(host, event);
            } else if let Some(transmit) = process.node.poll_transmit() {
                self.transmit(host, transmit);
            } else if let Some((answer, conn)) = process.held.next(&process.node) {
                self.reply(conn, Packet::Answer(Box::new(answer)));
            } else {
                break;
            }
        }
        let done = |process: &Process| process.leaving && process.goodbyes_open == 0;
        if self.hosts[host].process.as_ref().is_some_and(done) {
            self.end_process(host, true);
        }
        self.plan_wake(host);
    }

    pub(super) fn plan_wake(&mut self, host: usize) {
        let now = self.now;
        let Some(process) = &mut self.hosts[host].process else { return };
        let Some(deadline) = process.node.poll_timeout() else {
            process.wake = None;
            process.wake_number += 1;
            return;
        };
        let at = (process.started + deadline.at.0).max(now);
        if process.wake == Some(at) {
            return;
        }
        process.wake = Some(at);
        process.wake_number += 1;
        let (life, number) = (process.life, process.wake_number);
        let turn = match deadline.reason {
            Reason::Send => Turn::First,
            Reason::Judge => Turn::Judge,
        };
        self.queue.push(at, turn, Due::Wake { host, life, number });
    }

    fn event(&mut self, host: usize, event: Event) {
        self.trace.event(self.now, host, &event);
        if let EventKind::PingEnded { .. } = event.kind {
            return;
        }
        let Some(process) = &self.hosts[host].process else { return };
        let subject = event.peer.as_ref().and_then(|peer| process.host_of(peer.id));
        if let Some(checks) = &mut self.checks {
            checks.event(&self.truth, host, subject, &event);
        }
        self.timeline.push(Entry { at: self.now, what: What::Event(node_name(host), event) });
    }

    fn inspect(&mut self) {
        self.queue.push(self.now + INSPECTION, Turn::First, Due::Inspect);
        let mut seen = vec![None; self.hosts.len()];
        for (host, seen) in seen.iter_mut().enumerate() {
            let now = self.now;
            let Some(process) = &mut self.hosts[host].process else { continue };
            if process.stall == Stall::Frozen {
                continue;
            }
            let view = process.node.view(process.clock(now));
            let subjects: Vec<_> = view.peers.iter().map(|peer| process.host_of(peer.peer.id)).collect();
            if let Some(checks) = &mut self.checks {
                checks.inspect(&self.truth, host, &view, &subjects);
            }
            self.drain(host);
            *seen = self.observer.is_some().then_some(view);
        }
        if let Some(observer) = &mut self.observer {
            observer(self.now, &seen);
        }
    }

    pub(super) fn truth_of(&mut self, host: usize) {
        let process = self.hosts[host].process.as_ref();
        let stall = process.map(|process| process.stall);
        let boot = process.map(|process| process.boot);
        self.truth.set_host(host, boot, stall == Some(Stall::Frozen), stall == Some(Stall::Starved));
    }
}

pub(super) fn node_name(host: usize) -> NodeName {
    NodeName::new(&HostId(host).to_string()).unwrap_or_else(|_| unreachable!("node-N is a name"))
}
