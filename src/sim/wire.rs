//! Packets on their way: sent, lost, sent again, rejected, in order.

use std::time::Duration;

use super::network::{
    ConnId, Fate, HELD_MAX, NoteId, Packet, RETRANSMIT_CONNECT, RETRANSMIT_FIRST, SENDS_MAX, Segment,
};
use super::packets::Stage;
use super::process::Input;
use super::queue::Turn;
use super::world::{Due, World};

/// No retransmission waits longer than this.
const RETRANSMIT_MOST: Duration = Duration::from_secs(8);

impl World<'_> {
    /// From the server to the client of a connection, in order.
    pub(super) fn reply(&mut self, id: ConnId, packet: Packet) {
        let Some(conn) = self.conns.get(id) else { return };
        if conn.resending {
            if conn.held.len() < HELD_MAX {
                conn.held.push(packet);
            }
            return;
        }
        let (from, to) = (conn.server, conn.client);
        self.send(Segment::new(id, (from, to), false, packet, RETRANSMIT_FIRST));
    }

    pub(super) fn send(&mut self, mut segment: Segment) {
        let ordered = segment.packet.is_ordered_reply();
        segment.sends += 1;
        self.sent += 1;
        self.trace.sent(self.now, &segment);
        let fate = self.network.fate(&mut self.dice, segment.from, segment.to, segment.by_client);
        if let Some(packets) = &mut self.packets {
            let purpose = self.conns.get(segment.conn).map(|conn| conn.purpose);
            segment.note = packets.sent(self.now, &segment, purpose, fate);
        }
        match fate {
            Fate::Arrives(after) => {
                let mut at = self.now + after;
                let (id, again) = (segment.conn, segment.sends > 1);
                if ordered && let Some(conn) = self.conns.get(id) {
                    at = at.max(conn.in_order_after);
                    conn.in_order_after = at;
                }
                self.queue.push(at, Turn::First, Due::Arrive(segment));
                if ordered && again {
                    self.release_held(id);
                }
            }
            Fate::Lost if matches!(segment.packet, Packet::Reset) || segment.sends >= SENDS_MAX => {}
            Fate::Lost => {
                if ordered && let Some(conn) = self.conns.get(segment.conn) {
                    conn.resending = true;
                }
                let at = self.now + segment.again;
                segment.again = (segment.again * 2).min(RETRANSMIT_MOST);
                self.queue.push(at, Turn::First, Due::Resend(segment));
            }
            Fate::Rejected if segment.by_client => {
                let at = self.now + self.network.latency(&mut self.dice);
                let Segment { conn, from, to, .. } = segment;
                let mut reset = Segment::new(conn, (to, from), false, Packet::Reset, Duration::ZERO);
                reset.sends = 1;
                reset.note = self
                    .packets
                    .as_mut()
                    .and_then(|packets| packets.sent(self.now, &reset, None, Fate::Arrives(Duration::ZERO)));
                self.queue.push(at, Turn::First, Due::Arrive(reset));
            }
            Fate::Rejected => {}
        }
    }

    fn release_held(&mut self, id: ConnId) {
        let Some(conn) = self.conns.get(id) else { return };
        conn.resending = false;
        for packet in std::mem::take(&mut conn.held) {
            self.reply(id, packet);
        }
    }

    /// The kernel continues to send a request whose process gave up or ended; replies need a reader.
    pub(super) fn resend(&mut self, segment: Segment) {
        let kernel_runs = matches!(segment.packet, Packet::Request { .. }) && !self.network.is_dark(segment.from);
        let wanted = kernel_runs || self.conns.get(segment.conn).is_some();
        if wanted {
            self.send(segment);
        }
    }

    pub(super) fn note(&mut self, note: Option<NoteId>, stage: Stage) {
        if let (Some(packets), Some(note)) = (&mut self.packets, note) {
            packets.reached(note, self.now, stage);
        }
    }

    /// A packet reaches the kernel of its destination.
    pub(super) fn arrive(&mut self, segment: Segment) {
        self.trace.arrived(self.now, &segment);
        let Segment { conn, from, to, packet, note, .. } = segment;
        self.note(note, Stage::Arrived);
        let life = self.hosts[to].process.as_ref().map(|process| process.life);
        match packet {
            Packet::Open => {
                let packet = life.map_or(Packet::Reset, |life| Packet::Opened { life });
                self.note(note, Stage::Read);
                self.send(Segment::new(conn, (to, from), false, packet, RETRANSMIT_CONNECT));
            }
            Packet::Request { life: wanted, request } if life == Some(wanted) => {
                self.deliver(to, note, Input::Request { conn, request });
            }
            Packet::Request { .. } => {
                self.note(note, Stage::Read);
                self.send(Segment::new(conn, (to, from), false, Packet::Reset, RETRANSMIT_FIRST));
            }
            reply => {
                if self.conns.get(conn).is_some() {
                    self.deliver(to, note, Input::Reply { conn, packet: reply });
                }
            }
        }
    }
}
