//! Packets as arrows.
//!
//! Each kind of arrow is one path and its heads are another: a fifth of the bytes of an element for each packet.

use std::fmt::Write;
use std::time::Duration;

use super::canvas::{Canvas, Point, px};
use super::window::Window;
use crate::sim::packets::{Arrival, Packet, PacketKind};
use crate::sim::scenario::HostId;

/// Length and half the width of an arrow's head.
const HEAD: (f64, f64) = (7.0, 3.0);
/// Where a lost packet ends, as a part of its way.
const LOST_AT: f64 = 0.62;

/// The classes of arrows, those drawn first lying below.
const CLASSES: [&str; 6] = ["connection", "ping", "witness", "answer", "late", "lost"];

/// Draws all packets between nodes that have a line.
pub(super) fn draw(canvas: &mut Canvas, packets: &[Packet], row: impl Fn(HostId) -> Option<f64>) {
    for class in CLASSES {
        let (mut lines, mut heads) = (String::new(), String::new());
        for packet in packets.iter().filter(|packet| class_of(packet) == Some(class)) {
            let (Some(from), Some(to)) = (row(packet.from), row(packet.to)) else { continue };
            let Some(start) = canvas.place(packet.sent) else { continue };
            let end = canvas.place_or_edge(end(packet, canvas.window()).unwrap_or(packet.sent));
            arrow(&mut lines, &mut heads, class, (start, from), (end, to));
        }
        canvas.path(class, &lines);
        canvas.path(&format!("{class} head"), &heads);
    }
}

fn class_of(packet: &Packet) -> Option<&'static str> {
    match (packet.arrival, packet.kind) {
        (Arrival::Lost | Arrival::Rejected, _) => Some("lost"),
        // It keeps a connection open, and says nothing.
        (_, PacketKind::Comment) => None,
        (Arrival::Late(..), _) => Some("late"),
        (_, PacketKind::Ping | PacketKind::Check | PacketKind::Goodbye) => Some("ping"),
        (_, PacketKind::Answer) => Some("answer"),
        (_, PacketKind::WitnessPing | PacketKind::Question | PacketKind::Testimony) => Some("witness"),
        (
            _,
            PacketKind::Open
            | PacketKind::Opened
            | PacketKind::Reset
            | PacketKind::End
            | PacketKind::Stream
            | PacketKind::StreamOpened
            | PacketKind::News,
        ) => Some("connection"),
    }
}

/// When it was read, or when it arrived where it was not read within the window.
fn end(packet: &Packet, window: Window) -> Option<Duration> {
    match packet.arrival {
        Arrival::Late(_, Some(read)) if window.has(read) => Some(read),
        Arrival::Delivered(at) | Arrival::Late(at, _) => Some(at),
        Arrival::OnItsWay | Arrival::Rejected | Arrival::Lost => None,
    }
}

/// Writing into a string does not fail.
fn arrow(lines: &mut String, heads: &mut String, class: &str, start: Point, end: Point) {
    let (dx, dy) = (end.0 - start.0, end.1 - start.1);
    let length = dx.hypot(dy).max(1.0);
    let (ux, uy) = (dx / length, dy / length);
    if class == "lost" {
        let (x, y) = (start.0 + dx * LOST_AT, start.1 + dy * LOST_AT);
        let _ = write!(lines, "M{} {}L{} {}", px(start.0), px(start.1), px(x), px(y));
        let _ = write!(lines, "m-3-3l6 6m0-6l-6 6");
        return;
    }
    let _ = write!(lines, "M{} {}L{} {}", px(start.0), px(start.1), px(end.0), px(end.1));
    let (back, side) = HEAD;
    let (x, y) = (end.0 - ux * back, end.1 - uy * back);
    let (wx, wy) = (-uy * side, ux * side);
    let _ = write!(heads, "M{} {}L{} {}L{} {}z", px(end.0), px(end.1), px(x + wx), px(y + wy), px(x - wx), px(y - wy));
}
