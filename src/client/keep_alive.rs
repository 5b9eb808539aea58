//! The connection that a peer's scheduled pings share.
//!
//! One a peer, so that a round trip is a round trip and not a handshake. It is
//! taken out while a ping uses it and put back after a whole answer; a ping that
//! fails or is cancelled takes it along. One that the peer closed meanwhile is
//! found out before it is used, and a new one is made.
//!
//! It is not kept without limit. Firewalls and network policies often judge a
//! connection when it is opened and never again, so a node that kept its own
//! would not notice a rule that shuts out every new connection. After
//! [`PINGS_ON_ONE`] pings a new one is opened beside it and takes its place,
//! between two pings, so that no round trip is measured with a handshake in it.
//! Where none can be opened the old one is dropped as well, and the next ping
//! shows what is wrong. All others are then renewed after their next ping, for
//! who is shut out by one is often shut out by all, and should not find that out
//! over half a minute, peer by peer.
//!
//! reqwest's pool did this first. It costs a task and a second wake-up for each
//! ping, parses each URL anew and keeps some 40 KiB a connection; with a
//! thousand peers that was most of the node (`docs/benchmarks.md`).

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::line::Line;

/// Half a minute of pings at the default interval: a rule that shuts a node out
/// is noticed within that and a wait, for a thirtieth of a handshake a ping.
pub(super) const PINGS_ON_ONE: u32 = 30;

/// How many renewals have failed, to any peer.
#[derive(Clone, Debug, Default)]
pub(super) struct FailedRenewals(Arc<AtomicU32>);

impl FailedRenewals {
    pub(super) fn count(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A connection, how many pings it has carried, and how many renewals had failed when it was opened.
pub(super) struct Carrier {
    pub line: Line,
    pings: u32,
    failed_before: u32,
}

impl Carrier {
    pub(super) fn new(line: Line, failed: &FailedRenewals) -> Carrier {
        Carrier { line, pings: 0, failed_before: failed.0.load(Ordering::Relaxed) }
    }

    /// Counts a ping, and returns whether a new connection should be opened after it.
    pub(super) fn carried(&mut self, failed: &FailedRenewals) -> bool {
        self.pings += 1;
        self.pings >= PINGS_ON_ONE || self.failed_before != failed.0.load(Ordering::Relaxed)
    }
}

/// At most one idle connection.
#[derive(Clone, Default)]
pub(super) struct Kept(Arc<Mutex<Option<Carrier>>>);

impl Kept {
    /// Never held across an await: taken, looked at, put back.
    fn idle(&self) -> std::sync::MutexGuard<'_, Option<Carrier>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The idle connection, if there is one and it still stands.
    pub(super) async fn take(&self) -> Option<Carrier> {
        let mut idle = self.idle().take()?;
        idle.line.is_open().await.then_some(idle)
    }

    /// Keeps the younger one, where another was opened meanwhile.
    pub(super) fn keep(&self, carrier: Carrier) {
        let mut idle = self.idle();
        if idle.as_ref().is_none_or(|other| other.pings >= carrier.pings) {
            *idle = Some(carrier);
        }
    }

    /// The idle connection is closed.
    pub(super) fn forget(&self) {
        *self.idle() = None;
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Kept").field(&self.idle().is_some()).finish()
    }
}
