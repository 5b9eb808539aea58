//! Rows and verdicts as short texts, for tests. What holds in the situations of the labs and for any rows is below.

mod any_rows;
mod situations;

use std::time::Duration;

pub(crate) use any_rows::any_rows;

use super::*;
use crate::detector::evidence::Class;
use crate::detector::peer::{BootId, PeerState, SelfState, Verdict};
use crate::render::mesh::{Severity, summary};

const AGE: Duration = Duration::from_secs(130);

fn text_of(view: &MeshView, asked: &Member) -> String {
    crate::render::matrix::text(view, &summary(view), asked)
}

/// A row as `OBSERVER[marks]: PEER[sign] ...`. Marks: `~` did not answer and this is its last row, `c` cut off,
/// `s` stalled, `w` slow, `l` leaving, `y` young, `m` in maintenance. Signs: see [`cell`].
fn row(text: &str) -> Row {
    let (head, cells) = text.split_once(':').expect("observer: cells");
    let name: String = head.chars().take_while(char::is_ascii_digit).collect();
    let marks = &head[name.len()..];
    let state = match marks {
        _ if marks.contains('c') => SelfState::CutOff,
        _ if marks.contains('l') => SelfState::Leaving,
        _ if marks.contains('w') => SelfState::Slow,
        _ => SelfState::Ready,
    };
    Row {
        observer: member(&name),
        freshness: if marks.contains('~') { RowFreshness::Before } else { RowFreshness::Now },
        as_of: Some(if marks.contains('~') { Duration::from_secs(131) } else { Duration::ZERO }),
        boot: Some(BootId(if marks.contains('y') { 2 } else { 1 })),
        state: Some(state),
        stalled: marks.contains('s'),
        maintenance: marks.contains('m'),
        up_for: Some(if marks.contains('y') { Duration::from_secs(3) } else { Duration::from_secs(86_400) }),
        cells: cells.split_whitespace().map(cell).collect(),
        blind_spots: Vec::new(),
        mesh_keys: Vec::new(),
    }
}

/// `+` alive, `r` alive and restarted, `g` degraded, `f` flapping, `?` suspect, `!` down, `u` unconfirmed, `b` link
/// broken, `o` one way, `c` cut off, `x` lossy, `k` without the mesh key, `n` never seen, `j` joining, `l` left, `m` in maintenance and down.
fn cell(text: &str) -> Cell {
    let (name, sign) = text.split_at(text.len() - 1);
    let (state, verdict) = match sign {
        "?" => (PeerState::Suspect, None),
        "!" | "m" => (PeerState::Dead, Some(Verdict::Down)),
        "u" => (PeerState::Dead, Some(Verdict::Unconfirmed)),
        "b" => (PeerState::Unreachable, Some(Verdict::LinkBroken)),
        "o" => (PeerState::Unreachable, Some(Verdict::OneWay)),
        "c" => (PeerState::Unreachable, Some(Verdict::CutOff)),
        "x" => (PeerState::Unreachable, Some(Verdict::Lossy)),
        "k" => (PeerState::Unreachable, Some(Verdict::Unverified)),
        "n" => (PeerState::Joining, Some(Verdict::NeverSeen)),
        "j" => (PeerState::Joining, None),
        "l" => (PeerState::Left, None),
        "+" | "r" | "g" | "f" => (PeerState::Alive, None),
        _ => panic!("{text}"),
    };
    let up = matches!(state, PeerState::Alive | PeerState::Suspect);
    let heard = state != PeerState::Joining;
    let age = if up { Duration::from_millis(300) } else { AGE };
    Cell {
        boot: heard.then_some(BootId(if sign == "r" { 2 } else { 1 })),
        verdict,
        class: matches!(state, PeerState::Dead | PeerState::Unreachable).then_some(Class::Silent),
        state_age: age,
        last_proof: heard.then_some(age),
        last_answer: heard.then_some(age),
        rtt: up.then_some(Duration::from_micros(840)),
        rtt_p99: up.then_some(Duration::from_millis(2)),
        loss: up.then_some(0),
        restarts: u64::from(sign == "r"),
        degraded: sign == "g",
        flapping: sign == "f",
        maintenance: sign == "m",
        pings_me: up || matches!(sign, "o" | "x" | "k"),
        ..Cell::new(member(name), state)
    }
}

pub(crate) fn member(name: &str) -> Member {
    Member::from(&*format!("node-{name}"))
}

pub(crate) fn rows(text: &str) -> Vec<Row> {
    text.split(" / ").filter(|row| !row.trim().is_empty()).map(|text| row(text.trim())).collect()
}

/// Verdicts as `1+ 2+ 3!`, in the signs of [`cell`]; `.` unknown.
fn verdicts(view: &MeshView) -> String {
    let sign = |node_status: &NodeStatus| match node_status.verdict {
        MeshVerdict::Up => '+',
        MeshVerdict::Restarted => 'r',
        MeshVerdict::Left => 'l',
        MeshVerdict::Maintenance => 'm',
        MeshVerdict::Unknown => '.',
        MeshVerdict::NeverSeen => 'n',
        MeshVerdict::Unverified => 'k',
        MeshVerdict::Lossy => 'x',
        MeshVerdict::OneWay => 'o',
        MeshVerdict::LinkBroken => 'b',
        MeshVerdict::CutOff => 'c',
        MeshVerdict::Unconfirmed => 'u',
        MeshVerdict::Down => '!',
    };
    let one = |node_status: &NodeStatus| {
        format!("{}{}", node_status.member.as_str().trim_start_matches("node-"), sign(node_status))
    };
    view.node_statuses.iter().map(one).collect::<Vec<_>>().join(" ")
}
