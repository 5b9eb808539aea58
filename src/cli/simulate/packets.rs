//! Packets of a run as lines: in words, and as JSON.

use serde_json::{Value, json};

use super::super::output::milliseconds;
use crate::render::{round_trip, span};
use crate::sim::{Arrival, Packet, PacketKind};

/// One line of the timeline.
pub(super) fn line(packet: &Packet) -> String {
    let Packet { sent, from, to, kind, repeat, arrival } = packet;
    let after = |at: std::time::Duration| round_trip(at.saturating_sub(*sent));
    let end = match arrival {
        Arrival::OnItsWay => "on its way at the end".to_owned(),
        Arrival::Delivered(at) => format!("delivered after {}", after(*at)),
        Arrival::Late(at, Some(read)) => format!("arrived after {}, read {} later", after(*at), span(*read - *at)),
        Arrival::Late(at, None) => format!("arrived after {}, not read", after(*at)),
        Arrival::Rejected => "rejected".to_owned(),
        Arrival::Lost => "lost".to_owned(),
    };
    let again = if *repeat > 0 { format!(", sent again ({repeat})") } else { String::new() };
    format!("{:>10.3}s  {from}  > {to}: {}{again}, {end}", sent.as_secs_f64(), word(*kind))
}

fn word(kind: PacketKind) -> String {
    kind.as_str().replace('_', " ")
}

/// One JSON object.
pub(super) fn object(packet: &Packet) -> Value {
    let Packet { sent, from, to, kind, repeat, arrival } = packet;
    let (word, arrived, read) = match arrival {
        Arrival::OnItsWay => ("on_its_way", None, None),
        Arrival::Delivered(at) => ("delivered", Some(*at), Some(*at)),
        Arrival::Late(at, read) => ("late", Some(*at), *read),
        Arrival::Rejected => ("rejected", None, None),
        Arrival::Lost => ("lost", None, None),
    };
    json!({
        "at_ms": milliseconds(*sent), "node": from.to_string(), "to": to.to_string(), "packet": kind.as_str(),
        "repeat": repeat, "arrival": word, "arrived_ms": arrived.map(milliseconds), "read_ms": read.map(milliseconds),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::sim::HostId;

    #[test]
    fn every_arrival_has_its_words() {
        let ms = Duration::from_millis;
        let told = |kind, repeat, arrival| {
            let packet = Packet { sent: ms(1000), from: HostId(0), to: HostId(1), kind, repeat, arrival };
            (line(&packet), object(&packet).to_string())
        };
        for (kind, repeat, arrival, words, json) in [
            (PacketKind::Ping, 0, Arrival::Delivered(ms(1004)), "ping, delivered after 4.00 ms", r#""read_ms":1004.0"#),
            (PacketKind::WitnessPing, 0, Arrival::Lost, "witness ping, lost", r#""arrival":"lost""#),
            (
                PacketKind::Answer,
                2,
                Arrival::OnItsWay,
                "answer, sent again (2), on its way at the end",
                r#""repeat":2"#,
            ),
            (PacketKind::Open, 0, Arrival::Rejected, "open, rejected", r#""arrived_ms":null"#),
            (
                PacketKind::Ping,
                0,
                Arrival::Late(ms(1001), Some(ms(3001))),
                "ping, arrived after 1.00 ms, read 2 s later",
                r#""arrived_ms":1001.0"#,
            ),
            (
                PacketKind::News,
                0,
                Arrival::Late(ms(1001), None),
                "news, arrived after 1.00 ms, not read",
                r#""read_ms":null"#,
            ),
        ] {
            let (line, object) = told(kind, repeat, arrival);
            assert_eq!(line, format!("     1.000s  node-1  > node-2: {words}"));
            assert!(object.contains(json), "{object}");
        }
    }
}
