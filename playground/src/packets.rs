//! The packets of a run as numbers.

use std::time::Duration;

use heartbeat::sim::{Arrival, Packet, PacketKind};
use serde_json::Value;

/// Of one packet: four little-endian numbers of 32 bits. Sent and arrived in microseconds since the beginning of the run
/// (arrived is 0 where it never did); when it was read, or 0; and `from + 16 to + 256 kind + 65536 fate + 1048576 repeat`.
pub(crate) const BYTES: usize = 16;

/// What became of it: the third number of the last word.
#[derive(Clone, Copy)]
enum Fate {
    Delivered,
    OnItsWay,
    Late,
    Rejected,
    Lost,
}

pub(crate) fn numbers(packets: &[Packet]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(packets.len() * BYTES);
    for packet in packets {
        let (fate, arrived, read) = match packet.arrival {
            Arrival::OnItsWay => (Fate::OnItsWay, None, None),
            Arrival::Delivered(at) => (Fate::Delivered, Some(at), Some(at)),
            Arrival::Late(at, read) => (Fate::Late, Some(at), read),
            Arrival::Rejected => (Fate::Rejected, None, None),
            Arrival::Lost => (Fate::Lost, None, None),
        };
        let kind = PacketKind::ALL.iter().position(|kind| *kind == packet.kind).unwrap_or_default();
        // At most nine nodes, and a packet is sent a dozen times at most.
        let word = packet.from.0 + 16 * packet.to.0 + 256 * kind + 65_536 * fate as usize;
        let word = word as u32 + 1_048_576 * packet.repeat;
        for number in [microseconds(Some(packet.sent)), microseconds(arrived), microseconds(read), word] {
            bytes.extend(number.to_le_bytes());
        }
    }
    bytes
}

/// The words of the kinds, in the order of their numbers.
pub(crate) fn kinds() -> Value {
    PacketKind::ALL.iter().map(|kind| kind.as_str()).collect()
}

fn microseconds(at: Option<Duration>) -> u32 {
    at.and_then(|at| u32::try_from(at.as_micros()).ok()).unwrap_or_default()
}
