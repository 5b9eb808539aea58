//! A node's own row: what its detector believes, without a way over JSON.
//!
//! Times are cut to what a row that travels has (milliseconds, round trips microseconds), so that a node shows of itself
//! exactly what it sends to others.

use std::time::Duration;

use super::{Cell, Member, Row, RowFreshness, blind_spots};
use crate::detector::view::{PeerView, View};

impl From<&View> for Row {
    fn from(view: &View) -> Row {
        Row {
            observer: Member::from(&view.node),
            freshness: RowFreshness::Now,
            as_of: Some(Duration::ZERO),
            boot: Some(view.boot),
            state: Some(view.state),
            stalled: view.stalled,
            maintenance: view.maintenance.is_some(),
            up_for: Some(Duration::from_millis(view.seq.0)),
            cells: view.peers.iter().map(|peer| Cell { peer: view.member(peer), ..Cell::from(peer) }).collect(),
            blind_spots: blind_spots(view),
            // The detector knows nothing of them.
            mesh_keys: Vec::new(),
        }
    }
}

impl View {
    /// What the mesh calls a peer of this node: the name that it declares. One that has never answered, or that has
    /// this node's own name, goes by its key: there is nothing else to tell it by.
    pub fn member(&self, peer: &PeerView) -> Member {
        let name = peer.peer.node.as_ref().filter(|name| **name != self.node);
        name.map_or_else(|| Member::from(&peer.peer.key), Member::from)
    }
}

impl From<&PeerView> for Cell {
    fn from(view: &PeerView) -> Cell {
        let peer = &view.peer;
        Cell {
            // One that has never answered goes by the key: there is nothing else to call it by.
            peer: peer.node.as_ref().map_or_else(|| Member::from(&peer.key), Member::from),
            boot: peer.boot,
            state: peer.state,
            verdict: view.verdict,
            class: view.class,
            state_age: whole_ms(view.state_age),
            last_proof: view.last_proof.map(whole_ms),
            last_answer: view.last_answer.map(whole_ms),
            lost: whole_ms(view.lost),
            rtt: view.rtt_last.map(whole_us),
            rtt_p99: view.rtt_p99.map(whole_us),
            // A share is within its bounds, so nothing is lost.
            loss: view.loss.map(|loss| (loss.clamp(0.0, 1.0) * 1000.0).round() as u16),
            restarts: view.restarts,
            expected: view.expected,
            degraded: view.degraded,
            flapping: view.flapping,
            maintenance: view.maintenance.is_some(),
            pings_me: view.pings_me,
            of_ended_boot: false,
        }
    }
}

fn whole_ms(time: Duration) -> Duration {
    Duration::from_millis(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

fn whole_us(time: Duration) -> Duration {
    Duration::from_micros(u64::try_from(time.as_micros()).unwrap_or(u64::MAX))
}
