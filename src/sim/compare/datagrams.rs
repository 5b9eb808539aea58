//! A scenario with a detector of the literature in each process: datagrams instead of connections.

use std::collections::VecDeque;
use std::time::Duration;

use super::contenders::Place;
use super::opinions::{Change, start_of};
use crate::baselines::{Baseline, Message, Opinion};
use crate::sim::network::{Fate, Network};
use crate::sim::process::{INBOX_MAX, Stall};
use crate::sim::queue::{Queue, Turn};
use crate::sim::rng::Rng;
use crate::sim::scenario::{Action, HostAct, HostId, Scenario};

/// As the processes of our own detector are started.
const START_SPREAD: Duration = Duration::from_millis(300);
/// The first heartbeats of processes that start together are spread over an interval.
const PHASE: Duration = Duration::from_secs(1);

enum Due {
    Step(usize),
    Boot(usize),
    Arrive { from: usize, to: usize, message: Message },
    Read { host: usize, life: u32 },
    Wake { host: usize, life: u32, at: Duration },
}

struct Process {
    life: u32,
    stall: Stall,
    detector: Box<dyn Baseline>,
    inbox: VecDeque<(Duration, usize, Message)>,
    /// The wake-up that is planned.
    wake: Option<Duration>,
    believed: Vec<Opinion>,
}

struct World<'a> {
    scenario: &'a Scenario,
    make: &'a dyn Fn(Place) -> Box<dyn Baseline>,
    now: Duration,
    dice: Rng,
    queue: Queue<Due>,
    network: Network,
    lives: Vec<u32>,
    processes: Vec<Option<Process>>,
    changes: Vec<Change>,
    sent: u64,
}

/// Plays it to the end; what was believed when, and how many datagrams were sent.
pub(super) fn play(scenario: &Scenario, seed: u64, make: &dyn Fn(Place) -> Box<dyn Baseline>) -> (Vec<Change>, u64) {
    let mut world = World {
        scenario,
        make,
        now: Duration::ZERO,
        dice: Rng::new(seed),
        queue: Queue::new(),
        network: Network::new(scenario),
        lives: vec![0; scenario.nodes],
        processes: (0..scenario.nodes).map(|_| None).collect(),
        changes: Vec::new(),
        sent: 0,
    };
    for host in (0..scenario.nodes).filter(|host| !scenario.absent.contains(&HostId(*host))) {
        let at = world.dice.between(Duration::ZERO, START_SPREAD);
        world.queue.push(at, Turn::First, Due::Boot(host));
    }
    for (index, step) in scenario.steps.iter().enumerate() {
        world.queue.push(step.at, Turn::First, Due::Step(index));
    }
    while let Some((at, due)) = world.queue.pop(scenario.length) {
        world.now = at;
        world.due(due);
    }
    (world.changes, world.sent)
}

impl World<'_> {
    fn due(&mut self, due: Due) {
        match due {
            Due::Step(index) => self.step(&self.scenario.steps[index].action),
            Due::Boot(host) => self.start(host),
            Due::Arrive { from, to, message } => self.arrive(from, to, message),
            Due::Read { host, life } => {
                if self.is_life(host, life) {
                    self.read(host, false);
                }
            }
            Due::Wake { host, life, at } => {
                let planned = self.process(host).is_some_and(|process| process.wake == Some(at));
                if self.is_life(host, life) && planned {
                    self.wake(host);
                }
            }
        }
    }

    fn process(&mut self, host: usize) -> Option<&mut Process> {
        self.processes[host].as_mut()
    }

    fn is_life(&self, host: usize, life: u32) -> bool {
        self.processes[host].as_ref().is_some_and(|process| process.life == life)
    }

    fn step(&mut self, action: &Action) {
        self.network.apply(action);
        if let Action::Host(act, HostId(host)) = action {
            self.host_act(*act, *host);
        }
    }

    fn host_act(&mut self, act: HostAct, host: usize) {
        match act {
            // Without connections there is no difference between them, and no goodbye.
            HostAct::Crash | HostAct::CrashContainer | HostAct::PowerOff | HostAct::Leave => {
                self.processes[host] = None;
            }
            HostAct::Start => self.start(host),
            HostAct::Restart => {
                self.processes[host] = None;
                self.start(host);
            }
            HostAct::Freeze => self.stall(host, Stall::Frozen),
            HostAct::Starve => self.stall(host, Stall::Starved),
            HostAct::Thaw => self.unstall(host, Stall::Frozen),
            HostAct::Feed => self.unstall(host, Stall::Starved),
            // The network is the host's, not the process's.
            HostAct::Unplug | HostAct::Plug => {}
        }
    }

    fn start(&mut self, host: usize) {
        if self.processes[host].is_some() {
            return;
        }
        self.lives[host] += 1;
        let nodes = self.scenario.nodes;
        let life = self.lives[host];
        let start = self.now + self.dice.between(Duration::ZERO, PHASE);
        let peers = (0..nodes).filter(|peer| *peer != host).collect();
        let detector = (self.make)(Place { me: host, peers, life, now: self.now, start, seed: self.dice.number() });
        let believed = vec![Opinion::Trusted; nodes];
        let process = Process { life, stall: Stall::Running, detector, inbox: VecDeque::new(), wake: None, believed };
        self.processes[host] = Some(process);
        self.changes.extend(start_of(self.now, HostId(host), nodes));
        self.after(host);
    }

    fn stall(&mut self, host: usize, stall: Stall) {
        if let Some(process) = self.process(host) {
            process.stall = stall;
        }
    }

    /// What the kernel holds is read first, then the deadline that has passed.
    fn unstall(&mut self, host: usize, from: Stall) {
        let Some(process) = self.process(host).filter(|process| process.stall == from) else { return };
        process.stall = Stall::Running;
        process.wake = None;
        self.read(host, true);
        self.wake(host);
    }

    fn arrive(&mut self, from: usize, to: usize, message: Message) {
        let now = self.now;
        let Some(process) = self.process(to) else { return };
        match process.stall {
            Stall::Running => {
                process.detector.receive(now, from, message);
                self.after(to);
            }
            _ if process.inbox.len() >= INBOX_MAX => {}
            Stall::Frozen => process.inbox.push_back((now, from, message)),
            Stall::Starved => {
                let last = process.inbox.back().map_or(Duration::ZERO, |(at, ..)| *at);
                let life = process.life;
                let at = last.max(now + self.scenario.late.draw(&mut self.dice));
                if let Some(process) = self.process(to) {
                    process.inbox.push_back((at, from, message));
                }
                self.queue.push(at, Turn::First, Due::Read { host: to, life });
            }
        }
    }

    /// What is to be read by now, or all of it.
    fn read(&mut self, host: usize, all: bool) {
        let now = self.now;
        while let Some(process) = self.process(host).filter(|process| process.stall != Stall::Frozen) {
            if !process.inbox.front().is_some_and(|(at, ..)| all || *at <= now) {
                return;
            }
            let Some((_, from, message)) = process.inbox.pop_front() else { return };
            process.detector.receive(now, from, message);
            self.after(host);
        }
    }

    fn wake(&mut self, host: usize) {
        let now = self.now;
        let Some(process) = self.process(host).filter(|process| process.stall != Stall::Frozen) else { return };
        process.wake = None;
        process.detector.wake(now);
        self.after(host);
    }

    /// All outputs of a process, then its next wake-up.
    fn after(&mut self, host: usize) {
        let now = self.now;
        let Some(process) = self.processes[host].as_mut() else { return };
        let sends = process.detector.take_sends();
        for (subject, believed) in process.believed.iter_mut().enumerate().filter(|(peer, _)| *peer != host) {
            let opinion = process.detector.opinion(subject);
            if opinion != *believed {
                *believed = opinion;
                self.changes.push(Change { at: now, observer: HostId(host), subject: HostId(subject), opinion });
            }
        }
        let at = process.detector.deadline().max(now);
        if process.wake != Some(at) {
            process.wake = Some(at);
            self.queue.push(at, Turn::Judge, Due::Wake { host, life: process.life, at });
        }
        for (to, message) in sends {
            self.send(host, to, message);
        }
    }

    fn send(&mut self, from: usize, to: usize, message: Message) {
        self.sent += 1;
        // Answers come back through what lets the question out, as on a connection.
        if let Fate::Arrives(after) = self.network.fate(&mut self.dice, from, to, !message.is_answer()) {
            self.queue.push(self.now + after, Turn::First, Due::Arrive { from, to, message });
        }
    }
}
