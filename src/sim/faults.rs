//! What the scenario does to hosts and their processes.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::network::Packet;
use super::packets::Stage;
use super::process::{Process, Stall, Timer, Unread};
use super::queue::Turn;
use super::scenario::{HostAct, HostId, Names, Scenario, Watch};
use super::world::{Due, World, node_name};
use crate::detector::goodbyes::HeldGoodbyes;
use crate::detector::limits::GOODBYE_LIMIT;
use crate::detector::node::{Me, Node};
use crate::detector::omission::Omission;
use crate::detector::peer::{BootId, PeerKey, PeerSpec};
use crate::detector::time::Monotonic;

impl World<'_> {
    pub(super) fn host_act(&mut self, act: HostAct, host: usize) {
        let crash = matches!(act, HostAct::Crash | HostAct::CrashContainer | HostAct::PowerOff);
        if crash
            && self.hosts[host].process.is_some()
            && let Some(checks) = &mut self.checks
        {
            checks.expect_crash(&self.truth, act, host);
        }
        match act {
            HostAct::Crash => self.end_process(host, true),
            HostAct::CrashContainer => {
                self.end_process(host, true);
                let after = self.dice.between(Duration::from_millis(20), Duration::from_millis(200));
                let lives = self.hosts[host].lives;
                self.queue.push(self.now + after, Turn::First, Due::Darken { host, lives });
            }
            HostAct::PowerOff => {
                self.network.darken(host, true);
                self.end_process(host, false);
            }
            HostAct::Start => self.start(host),
            HostAct::Restart => {
                self.end_process(host, true);
                self.start(host);
            }
            HostAct::Freeze => self.stall(host, Stall::Frozen),
            HostAct::Starve => self.stall(host, Stall::Starved),
            HostAct::Thaw if self.stalled(host) == Some(Stall::Frozen) => self.unstall(host),
            HostAct::Feed if self.stalled(host) == Some(Stall::Starved) => self.unstall(host),
            // The network is the host's, not the process's.
            HostAct::Thaw | HostAct::Feed | HostAct::Unplug | HostAct::Plug => {}
            HostAct::Leave => self.leave(host),
        }
    }

    pub(super) fn start(&mut self, host: usize) {
        if self.hosts[host].process.is_some() {
            return;
        }
        self.network.darken(host, false);
        self.hosts[host].lives += 1;
        let drawn = BootId(self.dice.number());
        let boot = match self.scenario.without {
            Some(Omission::Boot) => BootId(host as u64 + 1),
            _ => drawn,
        };
        let name = node_name(host);
        let me = Me { node: name.clone(), boot, version: Arc::from("0.0.0") };
        let mut node = Node::new(self.config.clone(), me, self.dice.number(), Monotonic::default());
        if let Some(rule) = self.scenario.without {
            node.leave_out(rule);
        }
        let neighbours = neighbours(self.scenario, host);
        let specs = neighbours.iter().map(|peer| peer_spec(self.scenario, *peer)).collect();
        let ids = node.set_peers(Monotonic::default(), specs);
        node.handle_ready(Monotonic::default());
        self.hosts[host].process = Some(Process {
            node,
            name,
            boot,
            life: self.hosts[host].lives,
            started: self.now,
            leaving: false,
            stall: Stall::Running,
            leave_asked: false,
            inbox: VecDeque::new(),
            late_timers: Vec::new(),
            wake: None,
            wake_number: 0,
            wakes_at: (Duration::ZERO, 0),
            peers: ids.into_iter().zip(neighbours).collect(),
            kept: BTreeMap::new(),
            attempts: BTreeMap::new(),
            questions: BTreeMap::new(),
            streams: BTreeMap::new(),
            asked: BTreeMap::new(),
            asked_so_far: 0,
            subscribers: Vec::new(),
            goodbyes_open: 0,
            held: HeldGoodbyes::default(),
        });
        self.truth_of(host);
        self.truth.set_links(&self.network);
        if let Some(checks) = &mut self.checks {
            checks.started(host);
        }
        self.drain(host);
    }

    /// The process ends now. Its kernel resets every connection, unless it is gone too.
    pub(super) fn end_process(&mut self, host: usize, say: bool) {
        let Some(process) = self.hosts[host].process.take() else { return };
        for id in self.conns.matching(|conn| conn.client == host) {
            self.conns.close(id);
        }
        let life = process.life;
        for id in self.conns.matching(|conn| conn.server == host && conn.server_life == Some(life)) {
            if say {
                self.reply(id, Packet::End);
            }
        }
        self.truth_of(host);
    }

    fn leave(&mut self, host: usize) {
        let now = self.now;
        let Some(process) = &mut self.hosts[host].process else { return };
        if process.stall == Stall::Frozen {
            process.leave_asked = true;
            return;
        }
        if process.leaving {
            return;
        }
        process.leaving = true;
        process.node.handle_leave(process.clock(now));
        let life = process.life;
        self.queue.push(now + GOODBYE_LIMIT, Turn::First, Due::Timer { host, life, timer: Timer::LeaveEnd });
        self.drain(host);
    }

    fn stalled(&self, host: usize) -> Option<Stall> {
        self.hosts[host].process.as_ref().map(|process| process.stall)
    }

    fn stall(&mut self, host: usize, stall: Stall) {
        if let Some(process) = &mut self.hosts[host].process {
            process.stall = stall;
            self.truth_of(host);
        }
    }

    /// What the kernel holds is read first, then timers fire, then the detector's own deadline.
    fn unstall(&mut self, host: usize) {
        let Some(process) = &mut self.hosts[host].process else { return };
        let life = process.life;
        process.stall = Stall::Running;
        let (held, timers) = (std::mem::take(&mut process.inbox), std::mem::take(&mut process.late_timers));
        let leave = std::mem::take(&mut process.leave_asked);
        self.truth_of(host);
        for Unread { note, input, .. } in held {
            self.note(note, Stage::Read);
            self.hand_in(host, input);
        }
        for timer in timers {
            self.timer_due(host, life, timer);
        }
        if let Some(process) = &mut self.hosts[host].process {
            process.wake = None;
        }
        self.plan_wake(host);
        if leave {
            self.leave(host);
        }
    }
}

fn peer_spec(scenario: &Scenario, peer: usize) -> PeerSpec {
    match scenario.names {
        Names::Pinned => PeerSpec { key: PeerKey(HostId(peer).to_string().into()), pinned: Some(node_name(peer)) },
        Names::Declared => PeerSpec { key: PeerKey(format!("{}:8001", HostId(peer)).into()), pinned: None },
    }
}

fn neighbours(scenario: &Scenario, host: usize) -> Vec<usize> {
    let count = scenario.nodes;
    match scenario.watch {
        Watch::All => (0..count).filter(|peer| *peer != host).collect(),
        Watch::Ring(next) => (1..=next.min(count - 1)).map(|step| (host + step) % count).collect(),
    }
}
