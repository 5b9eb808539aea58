//! Whether it is this node that is sick: it was paused, reads late, or loses its own packets; or a link that loses them.
//!
//! Lifeguard (Dadgar, Phillips, Currey 2018, arXiv 1707.00788) counts a node's own failed probes and stretches its
//! waits by that "local health". Here a count of failures would not do, because a real split fails many pings as well.
//! What tells the two apart is that the peers behind the failed pings still show that they live. And a sick node does
//! not only wait longer: it accuses nobody for silence, so that no quorum rests on it.

use std::time::Duration;

use super::Node;
use crate::detector::event::EventKind;
use crate::detector::evidence::{Class, Evidence};
use crate::detector::limits::CHECK_GAP;
use crate::detector::link::Link;
use crate::detector::peer::{PeerId, PeerState};
use crate::detector::quality::{SLOW_WINDOW, Slow, is_slow, is_well};
use crate::detector::quorum::QuorumCount;
use crate::detector::rule::Rule;
use crate::detector::time::ObserverTime;
use crate::detector::timers::Timer;

/// The links of those that should answer.
#[derive(Default)]
pub(super) struct BadLinks {
    pub bad: usize,
    /// Bad ones whose peers have shown since that they live.
    pub despite: usize,
    pub expected: usize,
}

impl Node {
    /// This process did not run for a while. No peer is to blame for what it missed.
    pub(super) fn stalled(&mut self, lost: Duration, now: ObserverTime) {
        self.report_self(EventKind::SelfStalled { lost });
        self.stall_over = Some(now);
        if self.links.iter().any(|link| link.accused().is_some()) {
            self.effects.publish();
        }
        let ids: Vec<PeerId> = self.links.ids().collect();
        for id in ids {
            let soon = self.random_below(Duration::from_millis(100));
            self.with_link(id, |node, link| node.lose_opinion(link, now + soon, now));
        }
    }

    /// For an interval after a stall, pings that are read count for nothing: they may have been sent before it was over.
    pub(super) fn in_quarantine(&self) -> bool {
        self.stall_over.is_some_and(|over| self.clock.now() < over + self.config.interval)
    }

    /// An attempt on this link has ended: is this node slow, or no longer?
    pub(super) fn reconsider_slow(&mut self, lent: &mut Link, now: ObserverTime) {
        let settled = self.slow.is_none() && !lent.quality.is_bad();
        if settled || self.cut_off.is_some() || now.since(self.slow_asked) < CHECK_GAP {
            return;
        }
        self.slow_asked = now;
        let window = self.config.interval * SLOW_WINDOW;
        let BadLinks { bad, despite, expected } = self.bad_links(lent, now);
        match &mut self.slow {
            None if is_slow(bad, despite, expected) => self.begin_slow(lent, bad, expected, now),
            None => {}
            Some(slow) if !is_well(bad, expected) => slow.well_since = None,
            Some(slow) => {
                let well_for = now.since(*slow.well_since.get_or_insert(now));
                if well_for >= window {
                    self.end_slow(lent, now);
                }
            }
        }
    }

    pub(super) fn bad_links(&self, lent: &Link, now: ObserverTime) -> BadLinks {
        let window = self.config.interval * SLOW_WINDOW;
        let mut found = BadLinks::default();
        for link in self.links.iter().chain([lent]).filter(|link| link.is_expected()) {
            found.expected += 1;
            found.bad += usize::from(link.quality.is_bad());
            found.despite += usize::from(link.quality.is_bad_despite(link.proofs.last(), window, now));
        }
        found
    }

    /// While I am slow or cut off myself, what is lost says nothing about a link.
    pub(super) fn consider_losses(&self, link: &mut Link) {
        if self.slow.is_some() || self.cut_off.is_some() {
            link.quality.forget_losses();
        } else {
            link.quality.judge_losses(link.state().is_broken(), link.reported.is_slow());
        }
    }

    /// A link that loses most of its packets is broken, and its peer lives as long as answers come between. True while it
    /// does.
    pub(super) fn judge_losses(&mut self, link: &mut Link, now: ObserverTime) -> bool {
        self.consider_losses(link);
        if !link.quality.loses_most() {
            return false;
        }
        if !link.is_silent_since_death() {
            self.unreachable(link, Rule::LosesMost, Class::Silent, now);
        }
        true
    }

    /// Observers that can speak do not accuse it. If it lived while my pings failed, those that I doubt count, too. One
    /// against all others holds the verdict up for a while only.
    pub(super) fn could_be_loss(
        &self,
        link: &Link,
        count: QuorumCount,
        objectors: &[PeerId],
        now: ObserverTime,
    ) -> bool {
        let lived_meanwhile = link.quality.loses_most() || link.state() == PeerState::Unreachable;
        let is_well = |observer: &&Link| observer.state() == PeerState::Alive && !observer.reported.is_sick();
        let well = objectors.iter().filter_map(|id| self.links.get(id)).filter(is_well).count();
        let against = if lived_meanwhile { count.can_speak } else { well };
        against > usize::from(link.is_due(Timer::LoneObjection, &self.config, now))
    }

    pub(super) fn begin_slow(&mut self, lent: &mut Link, bad: usize, expected: usize, now: ObserverTime) {
        self.slow = Some(Slow { since: now, well_since: None });
        self.each_link(lent, |link| link.quality.forget_losses());
        self.effects.publish();
        self.effects.rejudge();
        self.report_self(EventKind::SelfSlow { bad: bad as u32, expected: expected as u32 });
    }

    /// The silent and stalled ones get their whole wait anew, as after a node was cut off.
    fn end_slow(&mut self, lent: &mut Link, now: ObserverTime) {
        let Some(Slow { since, .. }) = self.slow.take() else { return };
        self.each_link(lent, |link| {
            link.quality.forget_losses();
            if link.in_doubt() && link.trail.class() != Some(Class::Gone) {
                link.proofs.wait_from(now);
            }
        });
        self.effects.publish();
        self.effects.rejudge();
        self.report_self(EventKind::SelfWell { slow_for: now.since(since) });
    }

    fn each_link(&mut self, lent: &mut Link, change: impl Fn(&mut Link)) {
        let ids: Vec<_> = self.links.ids().collect();
        for id in ids {
            if let Some(link) = self.links.get_mut(&id) {
                change(link);
            }
        }
        change(lent);
    }

    /// Lateness of a peer that was heard lately is no reason for doubt while this node or that peer is known to be slow.
    /// A refused connection is the kernel's word and counts as ever.
    pub(super) fn explains(&self, link: &Link, evidence: Evidence, now: ObserverTime) -> bool {
        let is_late = matches!(evidence, Evidence::Silent | Evidence::Stalled);
        let known = self.slow.is_some() || link.reported.is_slow();
        is_late && known && link.proofs.silent_for(now) < self.config.wait_silent
    }
}
