//! One simulated process: the detector, its driver's bookkeeping and its stalls.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::network::{ConnId, NoteId, Packet, Request};
use crate::detector::goodbyes::HeldGoodbyes;
use crate::detector::node::Node;
use crate::detector::peer::{AttemptId, BootId, NodeName, PeerId, QuestionId, Seq};
use crate::detector::time::Monotonic;

/// Whether the process runs, and how well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stall {
    Running,
    /// Stopped: nothing is read, no timer fires; the kernel continues.
    Frozen,
    /// Timers fire; what is read comes late.
    Starved,
}

/// Something that a process reads from its kernel.
#[derive(Clone, Debug)]
pub(super) enum Input {
    /// A packet for the end that opened the connection.
    Reply { conn: ConnId, packet: Packet },
    /// A request for the end that listens.
    Request { conn: ConnId, request: Request },
}

/// What has arrived and has not been read.
#[derive(Clone, Debug)]
pub(super) struct Unread {
    /// When it will be read; of a frozen process, when it arrived.
    pub at: Duration,
    pub note: Option<NoteId>,
    pub input: Input,
}

/// A timer of the runtime, not of the detector.
#[derive(Clone, Copy, Debug)]
pub(super) enum Timer {
    Connect(ConnId),
    Question(ConnId),
    StreamRead(ConnId),
    Comment(ConnId),
    LeaveEnd,
}

/// What a kernel holds for a process that does not read: the usual listen
/// backlog is 1,024 connections, and replies add a few for each link.
pub(super) const INBOX_MAX: usize = 4096;

pub(super) struct Process {
    pub node: Node,
    pub name: NodeName,
    pub boot: BootId,
    /// Which process of its host this is, counted from 1.
    pub life: u32,
    pub started: Duration,
    pub leaving: bool,
    pub stall: Stall,
    pub leave_asked: bool,
    /// What the kernel holds, with the time at which it will be read.
    pub inbox: VecDeque<Unread>,
    /// Timers that were due while the process was frozen.
    pub late_timers: Vec<Timer>,
    /// The planned wake-up; the number distinguishes it from those that were replaced.
    pub wake: Option<Duration>,
    pub wake_number: u64,
    /// Wake-ups at one and the same instant: more than a few mean that the core spins.
    pub wakes_at: (Duration, u32),
    /// Peer ids in the order of `hosts`.
    pub peers: Vec<(PeerId, usize)>,
    pub kept: BTreeMap<usize, ConnId>,
    pub attempts: BTreeMap<AttemptId, ConnId>,
    pub questions: BTreeMap<QuestionId, ConnId>,
    pub streams: BTreeMap<PeerId, ConnId>,
    /// Questions of others that wait for our testimony. The core answers each once.
    pub asked: BTreeMap<QuestionId, ConnId>,
    pub asked_so_far: u64,
    /// Streams that others hold to us. Each peer holds one.
    pub subscribers: Vec<ConnId>,
    pub goodbyes_open: usize,
    /// Goodbyes of peers that wait for a check.
    pub held: HeldGoodbyes<ConnId>,
}

impl Process {
    /// The process's own clock.
    pub(super) fn clock(&self, now: Duration) -> Monotonic {
        Monotonic(now.saturating_sub(self.started))
    }

    pub(super) fn seq(&self, now: Duration) -> Seq {
        Seq(self.clock(now).0.as_millis() as u64)
    }

    pub(super) fn host_of(&self, peer: PeerId) -> Option<usize> {
        self.peers.iter().find(|(id, _)| *id == peer).map(|(_, host)| *host)
    }
}
