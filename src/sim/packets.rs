//! The packets of a run, on request: who sent what to whom when, and what became of it.
//!
//! The trace of a run is one number; this is what it was made of, for pictures and for reading. It is kept for a window
//! and for some nodes, because a mesh of a thousand sends millions. It changes nothing: a run with it has the hash of the
//! run without it.

use std::collections::BTreeSet;
use std::time::Duration;

use super::network::{Fate, NoteId, Packet as Sent, Request, Segment, Use};
use super::scenario::HostId;
use crate::closed_set::closed_set;
use crate::detector::event::Purpose;
use crate::detector::peer::SelfState;

/// No trace has more packets: some 20 MB, and more than anyone reads.
const PACKETS_MAX: usize = 200_000;

closed_set! {
    /// What a packet is.
    pub enum PacketKind {
        /// The first packet of a connection.
        Open = "open",
        /// The kernel of the other host has accepted it.
        Opened = "opened",
        /// No process listens, or something on the way rejects the packet.
        Reset = "reset",
        /// The process at the other end has ended.
        End = "end",
        /// A scheduled ping.
        Ping = "ping",
        /// A ping on a connection of its own, after one that failed or was late.
        Check = "check",
        /// A ping on behalf of another node.
        WitnessPing = "witness_ping",
        /// The last ping of a node that leaves.
        Goodbye = "goodbye",
        /// A witness is asked about a peer.
        Question = "question",
        /// An event stream is asked for.
        Stream = "stream",
        /// The answer to a ping.
        Answer = "answer",
        /// The answer of a witness.
        Testimony = "testimony",
        /// An event stream begins.
        StreamOpened = "stream_opened",
        /// News on an event stream.
        News = "news",
        /// It keeps an event stream alive.
        Comment = "comment",
    }
}

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// The run ended before.
    OnItsWay,
    /// Its receiver read it when it arrived.
    Delivered(Duration),
    /// It reached its host at the first time, and was read at the second; `None`: not until the end, or by no one,
    /// because its receiver no longer waited for it.
    Late(Duration, Option<Duration>),
    /// Something on the way rejected it.
    Rejected,
    /// It was lost. On a connection that stands it is sent again, as a packet of its own.
    Lost,
}

/// One packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Virtual time since the beginning of the run.
    pub sent: Duration,
    /// The host that sent it.
    pub from: HostId,
    /// The host that it was sent to.
    pub to: HostId,
    /// What it is.
    pub kind: PacketKind,
    /// How often it had been sent before.
    pub repeat: u32,
    /// What became of it.
    pub arrival: Arrival,
}

/// Which packets are kept, and those that were.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PacketTrace {
    /// Packets that were sent before are left out.
    pub from: Duration,
    /// Packets that were sent after this are left out.
    pub until: Duration,
    /// Both ends of each packet are among these; `None`: all hosts.
    pub hosts: Option<BTreeSet<HostId>>,
    /// In the order in which they were sent, at most 200,000.
    pub packets: Vec<Packet>,
    /// How many more there were.
    pub left_out: u64,
}

/// How far a packet has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Its host has it.
    Arrived,
    /// Its receiver has read it, or its kernel has dealt with it.
    Read,
}

impl PacketTrace {
    /// To keep the packets of all hosts that are sent in this window.
    pub fn new(from: Duration, until: Duration) -> PacketTrace {
        PacketTrace { from, until, ..PacketTrace::default() }
    }

    /// To keep only those between these hosts.
    #[must_use]
    pub fn between(mut self, hosts: BTreeSet<HostId>) -> PacketTrace {
        self.hosts = Some(hosts);
        self
    }

    pub(super) fn sent(
        &mut self,
        now: Duration,
        segment: &Segment,
        purpose: Option<Use>,
        fate: Fate,
    ) -> Option<NoteId> {
        let (from, to) = (HostId(segment.from), HostId(segment.to));
        let wanted = self.hosts.as_ref().is_none_or(|hosts| hosts.contains(&from) && hosts.contains(&to));
        if !wanted || now < self.from || now > self.until {
            return None;
        }
        if self.packets.len() >= PACKETS_MAX {
            self.left_out += 1;
            return None;
        }
        let arrival = match fate {
            Fate::Arrives(_) => Arrival::OnItsWay,
            Fate::Lost => Arrival::Lost,
            Fate::Rejected => Arrival::Rejected,
        };
        let kind = kind(&segment.packet, purpose);
        self.packets.push(Packet { sent: now, from, to, kind, repeat: segment.sends.saturating_sub(1), arrival });
        u32::try_from(self.packets.len() - 1).ok().map(NoteId)
    }

    pub(super) fn reached(&mut self, NoteId(note): NoteId, now: Duration, stage: Stage) {
        let Some(packet) = self.packets.get_mut(note as usize) else { return };
        packet.arrival = match (stage, packet.arrival) {
            (Stage::Arrived, _) => Arrival::Late(now, None),
            (Stage::Read, Arrival::Late(arrived, _)) if arrived < now => Arrival::Late(arrived, Some(now)),
            (Stage::Read, _) => Arrival::Delivered(now),
        };
    }
}

fn kind(packet: &Sent, purpose: Option<Use>) -> PacketKind {
    match packet {
        Sent::Open => PacketKind::Open,
        Sent::Opened { .. } => PacketKind::Opened,
        Sent::Reset => PacketKind::Reset,
        Sent::End => PacketKind::End,
        Sent::Request { request: Request::Ping(caller), .. } => match purpose {
            _ if caller.state == SelfState::Leaving => PacketKind::Goodbye,
            Some(Use::Ping { purpose: Purpose::Check, .. }) => PacketKind::Check,
            Some(Use::Ping { purpose: Purpose::Witness, .. }) => PacketKind::WitnessPing,
            _ => PacketKind::Ping,
        },
        Sent::Request { request: Request::Stream, .. } => PacketKind::Stream,
        Sent::Request { request: Request::Question { .. }, .. } => PacketKind::Question,
        Sent::Answer(_) => PacketKind::Answer,
        Sent::Testimony(_) => PacketKind::Testimony,
        Sent::StreamOpened => PacketKind::StreamOpened,
        Sent::News(Some(_)) => PacketKind::News,
        Sent::News(None) => PacketKind::Comment,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::{self, Scenario};

    fn all(name: &str) -> (Scenario, Vec<Packet>) {
        let scenario = sim::builtin(name).unwrap();
        let (run, trace) = sim::run_traced(&scenario, 1, PacketTrace::new(Duration::ZERO, scenario.length));
        assert_eq!(run.hash, sim::run(&scenario, 1).hash, "{name}: a run is the same with its packets noted");
        assert_eq!(trace.left_out, 0);
        (scenario, trace.packets)
    }

    fn count(packets: &[Packet], of: impl Fn(&Packet) -> bool) -> usize {
        packets.iter().filter(|packet| of(packet)).count()
    }

    #[test]
    fn healthy_nodes_ping_and_answer_and_lose_nothing() {
        let scenario = Scenario::new("well", 3);
        let (_, trace) =
            sim::run_traced(&scenario, 1, PacketTrace::new(Duration::from_secs(5), Duration::from_secs(9)));
        let pings = count(&trace.packets, |packet| packet.kind == PacketKind::Ping);
        // Each interval is a little longer or shorter than a second.
        assert!(pings.abs_diff(6 * 4) <= 3, "six links, one ping a second for four seconds: {pings}");
        let answers = count(&trace.packets, |packet| packet.kind == PacketKind::Answer);
        assert!(answers.abs_diff(pings) <= 2, "{pings} pings, {answers} answers: at most those at an edge have none");
        for packet in &trace.packets {
            let Arrival::Delivered(at) = packet.arrival else { panic!("{packet:?}") };
            let took = at - packet.sent;
            assert!(took >= scenario.latency.least() && took <= scenario.latency.most(), "{packet:?}");
        }
    }

    #[test]
    fn what_a_fault_does_to_packets_is_noted() {
        let (_, crash) = all("crash");
        let after = |packet: &Packet| packet.sent >= Duration::from_secs(10);
        assert!(count(&crash, |p| after(p) && p.kind == PacketKind::End && p.from == HostId(2)) > 0);
        assert!(count(&crash, |p| after(p) && p.kind == PacketKind::Reset && p.from == HostId(2)) > 0);
        assert_eq!(count(&crash, |p| p.arrival == Arrival::Lost), 0, "a crash loses no packet");
        let (_, power) = all("silent-host");
        assert!(count(&power, |p| after(p) && p.to == HostId(2) && p.arrival == Arrival::Lost) > 0);
        assert!(count(&power, |p| p.repeat > 0) > 0, "what is lost is sent again");
        let (_, reject) = all("reject-link");
        assert!(count(&reject, |p| p.arrival == Arrival::Rejected) > 0);
        assert!(count(&reject, |p| p.kind == PacketKind::Reset) > 0);
        let (_, frozen) = all("freeze");
        let late = |p: &Packet| matches!(p.arrival, Arrival::Late(arrived, Some(read)) if read > arrived);
        assert!(count(&frozen, |p| late(p) && p.to == HostId(2)) > 0, "what a frozen process reads is late");
        assert_eq!(count(&frozen, |p| late(p) && p.to != HostId(2)), 0);
        let (_, leave) = all("leave");
        assert_eq!(count(&leave, |p| p.kind == PacketKind::Goodbye), 2);
    }

    #[test]
    fn a_shorter_run_is_the_beginning_of_a_longer_one() {
        for name in ["crash", "freeze", "lossy", "partition-3-2"] {
            let (scenario, packets) = all(name);
            let whole = sim::run(&scenario, 1);
            for at in [9_900, 10_100, 10_437, 13_000].map(Duration::from_millis) {
                let shorter = scenario.clone().until(at);
                let (run, trace) = sim::run_traced(&shorter, 1, PacketTrace::new(Duration::ZERO, at));
                let entries: Vec<_> = whole.timeline.iter().filter(|entry| entry.at <= at).cloned().collect();
                assert_eq!(run.timeline, entries, "{name} until {at:?}");
                // What becomes of a packet may lie after the end.
                let sent = |packet: &Packet| (packet.sent, packet.from, packet.to, packet.kind, packet.repeat);
                let until: Vec<_> = packets.iter().filter(|packet| packet.sent <= at).map(sent).collect();
                assert_eq!(trace.packets.iter().map(sent).collect::<Vec<_>>(), until, "{name} until {at:?}");
            }
        }
    }

    #[test]
    fn the_trace_keeps_what_it_is_asked_for() {
        let scenario = sim::builtin("crash").unwrap();
        let window = (Duration::from_secs(9), Duration::from_secs(11));
        let hosts: BTreeSet<HostId> = [HostId(0), HostId(1)].into();
        let (_, trace) = sim::run_traced(&scenario, 1, PacketTrace::new(window.0, window.1).between(hosts.clone()));
        assert!(!trace.packets.is_empty());
        for packet in &trace.packets {
            assert!(packet.sent >= window.0 && packet.sent <= window.1, "{packet:?}");
            assert!(hosts.contains(&packet.from) && hosts.contains(&packet.to), "{packet:?}");
        }
    }
}
