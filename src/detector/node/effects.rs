//! What a step wants done: it says so here, and [`Node::finish`](super::Node) and the caller of the node do it.

use std::collections::VecDeque;

use crate::detector::event::{Event, EventKind, PeerRef};
use crate::detector::peer::AttemptId;
use crate::detector::time::Monotonic;
use crate::detector::transmit::Transmit;

/// Collected while one input is handled.
#[derive(Default)]
pub(super) struct Effects {
    events: VecDeque<Event>,
    transmits: VecDeque<Transmit>,
    /// Something changed that the verdicts on other links depend on: all suspect, unreachable and dead ones must be
    /// judged again.
    rejudge: bool,
    /// What I tell others has changed.
    publish: bool,
    /// An opinion changed, mine or one that I heard.
    opinions_changed: bool,
    /// The state of some peer changed: the directory may have to look sooner.
    states_changed: bool,
}

impl Effects {
    pub(super) fn report(&mut self, at: Monotonic, peer: Option<PeerRef>, kind: EventKind) {
        self.events.push_back(Event { at, peer, kind });
    }

    pub(super) fn send(&mut self, transmit: Transmit) {
        self.transmits.push_back(transmit);
    }

    pub(super) fn cancel(&mut self, attempts: impl IntoIterator<Item = AttemptId>) {
        self.transmits.extend(attempts.into_iter().map(|attempt| Transmit::Cancel { attempt }));
    }

    pub(super) fn rejudge(&mut self) {
        self.rejudge = true;
    }

    pub(super) fn rejudge_if(&mut self, changed: bool) {
        self.rejudge |= changed;
    }

    pub(super) fn publish(&mut self) {
        self.publish = true;
    }

    pub(super) fn opinions_changed(&mut self) {
        self.opinions_changed = true;
    }

    pub(super) fn states_changed(&mut self) {
        self.states_changed = true;
    }

    pub(super) fn take_rejudge(&mut self) -> bool {
        std::mem::take(&mut self.rejudge)
    }

    pub(super) fn take_publish(&mut self) -> bool {
        std::mem::take(&mut self.publish)
    }

    pub(super) fn take_opinions_changed(&mut self) -> bool {
        std::mem::take(&mut self.opinions_changed)
    }

    pub(super) fn take_states_changed(&mut self) -> bool {
        std::mem::take(&mut self.states_changed)
    }

    pub(super) fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    pub(super) fn next_transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
    }
}
