//! Which part of a run is drawn.

use std::time::Duration;

use crate::detector::event::EventKind;
use crate::sim::run::Run;
use crate::sim::timeline::{Entry, What};

/// A run this short is drawn whole.
const WHOLE: Duration = Duration::from_secs(3);
/// What is drawn before the first fault: one healthy ping of each link at the usual interval.
const BEFORE: Duration = Duration::from_millis(1200);
/// Drawn after the last thing that followed from it.
const AFTER: Duration = Duration::from_millis(400);
/// Shorter windows show too little of what is healthy.
const LEAST: Duration = Duration::from_secs(2);
/// In longer ones the arrows run together. The wait of a frozen peer, ten seconds, fits.
const MOST: Duration = Duration::from_secs(13);
/// A window is not cut below this.
const SHORTEST: Duration = Duration::from_millis(20);

/// From when to when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub from: Duration,
    pub until: Duration,
}

impl Window {
    pub(super) fn of(run: &Run, from: Option<Duration>) -> Window {
        let length = run.scenario.length;
        if length <= WHOLE && from.is_none() {
            return Window { from: Duration::ZERO, until: length };
        }
        let is_step = |entry: &&Entry| matches!(entry.what, What::Step(_));
        let fault = run.timeline.iter().find(is_step).map_or(Duration::ZERO, |entry| entry.at);
        let from = from.unwrap_or_else(|| fault.saturating_sub(BEFORE)).min(length);
        let last = run.timeline.iter().filter(|entry| entry.at <= from + MOST && changes(entry)).map(|entry| entry.at);
        let until = (last.max().unwrap_or(fault) + AFTER).clamp(from + LEAST, from + MOST);
        Window { from, until: until.min(length.max(from + Duration::from_millis(1))) }
    }

    pub(super) fn has(self, at: Duration) -> bool {
        at >= self.from && at <= self.until
    }

    /// Three quarters of it; false where that would leave nothing.
    pub(super) fn shorten(&mut self) -> bool {
        let length = self.until.saturating_sub(self.from) * 3 / 4;
        self.until = self.from + length;
        length >= SHORTEST
    }
}

/// What a node believes of a peer has changed.
fn changes(entry: &Entry) -> bool {
    match &entry.what {
        What::Step(_) => true,
        What::Event(_, event) => matches!(
            event.kind,
            EventKind::PeerSuspect { .. }
                | EventKind::PeerCleared { .. }
                | EventKind::PeerDown { .. }
                | EventKind::PeerUnreachable { .. }
                | EventKind::PeerRecovered { .. }
                | EventKind::PeerRestarted { .. }
                | EventKind::PeerLeft { .. }
        ),
    }
}
