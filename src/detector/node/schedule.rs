//! Who is due next.
//!
//! A heap with one live entry a link. An entry is pushed only when a deadline
//! moves forward; one that moved back is found out when it reaches the top, and
//! is pushed again. So an answer costs no heap work at all, and a ping that is
//! answered never causes the wake-up at which it would have been late: wake-ups
//! are what an idle node pays for.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::links::Links;
use crate::detector::config::DetectorConfig;
use crate::detector::link::Link;
use crate::detector::peer::PeerId;
use crate::detector::time::ObserverTime;

#[derive(Default)]
pub(super) struct Schedule {
    heap: BinaryHeap<Reverse<(ObserverTime, PeerId)>>,
}

impl Schedule {
    /// The link changed; its next deadline may be earlier than its entry.
    pub(super) fn set(&mut self, link: &mut Link, config: &DetectorConfig, now: ObserverTime) {
        let (at, _) = link.next_deadline(config, now);
        if link.wake.is_none_or(|wake| at < wake) {
            link.wake = Some(at);
            self.heap.push(Reverse((at, link.id())));
        }
    }

    /// The earliest deadline of all links, and whether it judges a peer.
    pub(super) fn next(
        &mut self,
        links: &mut Links,
        config: &DetectorConfig,
        now: ObserverTime,
    ) -> Option<(ObserverTime, bool)> {
        self.first(links, config, now).map(|(_, at, judge)| (at, judge))
    }

    /// The link with the earliest deadline of all, if it lies ahead and judges no peer.
    pub(super) fn first_to_send(
        &mut self,
        links: &mut Links,
        config: &DetectorConfig,
        now: ObserverTime,
    ) -> Option<(PeerId, ObserverTime)> {
        self.first(links, config, now).filter(|(_, _, judge)| !judge).map(|(id, at, _)| (id, at))
    }

    fn first(
        &mut self,
        links: &mut Links,
        config: &DetectorConfig,
        now: ObserverTime,
    ) -> Option<(PeerId, ObserverTime, bool)> {
        while let Some(Reverse((at, id))) = self.heap.peek().copied() {
            let Some(link) = links.get_mut(&id).filter(|link| link.wake == Some(at)) else {
                self.heap.pop();
                continue;
            };
            // What is due must be handled, not computed again: a moment that
            // has come is no longer among those that lie ahead.
            if at <= now {
                return Some((id, at, true));
            }
            let (actual, judge) = link.next_deadline(config, now);
            if actual <= at {
                return Some((id, at, judge));
            }
            self.heap.pop();
            link.wake = Some(actual);
            self.heap.push(Reverse((actual, id)));
        }
        None
    }

    /// A link whose entry has come; the entry is gone, so it must be `set` again.
    pub(super) fn take_due(&mut self, links: &mut Links, now: ObserverTime) -> Option<PeerId> {
        while let Some(Reverse((at, id))) = self.heap.peek().copied().filter(|Reverse((at, _))| *at <= now) {
            self.heap.pop();
            if let Some(link) = links.get_mut(&id).filter(|link| link.wake == Some(at)) {
                link.wake = None;
                return Some(id);
            }
        }
        None
    }
}
