//! What a node has noted of its own and its peers' maintenance.

use std::collections::BTreeMap;

use crate::detector::maintenance::MaintenanceReason;
use crate::detector::peer::{BootId, NodeName, Seq};
use crate::detector::time::Monotonic;

/// What this node knows about maintenance.
#[derive(Default)]
pub(super) struct Book {
    pub own: Own,
    pub peers: BTreeMap<NodeName, Announced>,
    /// Nothing ends before this. May be too early, never too late.
    pub next_end: Option<Monotonic>,
}

#[derive(Default)]
pub(super) enum Own {
    /// Nothing was announced, or the time of it is over.
    #[default]
    Unsaid,
    On(MaintenanceReason, Monotonic),
    /// An operator ended it. Sent for the rest of this boot, because the peers may know of one from the boot before.
    Off,
}

/// What a node announced.
pub(super) struct Announced {
    pub reason: MaintenanceReason,
    pub until: Monotonic,
    pub boot: BootId,
    pub seq: Seq,
    /// Its time is over and the node has not been up since.
    pub overrun: bool,
}

impl Book {
    pub(super) fn next_end(&self) -> Option<Monotonic> {
        self.next_end
    }

    /// The node is no longer watched: its return would not be noticed. What still holds continues to hold, for the
    /// name may come back under another key.
    pub(super) fn no_longer_watched(&mut self, node: &NodeName) {
        if self.peers.get(node).is_some_and(|announced| announced.overrun) {
            self.peers.remove(node);
        }
    }

    pub(super) fn ends_at(&mut self, until: Monotonic) {
        self.next_end = Some(self.next_end.map_or(until, |next| next.min(until)));
    }

    pub(super) fn find_next_end(&mut self) {
        let own = match &self.own {
            Own::On(_, until) => Some(*until),
            Own::Unsaid | Own::Off => None,
        };
        let peers = self.peers.values().filter(|announced| !announced.overrun).map(|announced| announced.until);
        self.next_end = peers.chain(own).min();
    }
}
