//! When this node is cut off: the peer that it accuses is silent, and so are more than half of the others.

use super::Node;
use super::sick::BadLinks;
use crate::detector::event::{EventKind, PeerRef};
use crate::detector::evidence::Class;
use crate::detector::link::Link;
use crate::detector::natural_order::natural;
use crate::detector::peer::{PeerState, Verdict};
use crate::detector::quality::is_slow_if_not_cut_off;
use crate::detector::quorum::CutOff;
use crate::detector::time::ObserverTime;

/// A peer was heard after another fell silent only if it was heard more than
/// this many intervals after the last proof of life: jitter stretches one
/// interval to at most this.
const HEARD_AFTER: f64 = 1.1;

impl Node {
    /// Whether at least half of the peers I expect were heard after this one
    /// fell silent, how many were, how many I expect, and those that were not.
    pub(super) fn half_heard(&self, accused: &Link) -> (bool, u32, u32, Vec<PeerRef>) {
        let since = self.silent_since(accused);
        self.count_heard(accused, |contact| contact > since)
    }

    /// A peer that was heard after this moment was heard after `accused` fell silent.
    pub(super) fn silent_since(&self, accused: &Link) -> ObserverTime {
        accused.last_heard_of(&self.config) + self.config.interval.mul_f64(HEARD_AFTER)
    }

    /// Of all links, the lent one included.
    fn count_heard(&self, lent: &Link, is_heard: impl Fn(ObserverTime) -> bool) -> (bool, u32, u32, Vec<PeerRef>) {
        let (mut heard, mut expected, mut unheard) = (0u32, 0u32, Vec::new());
        for link in self.links.iter().chain([lent]).filter(|link| is_expected_to_be_heard(link)) {
            expected += 1;
            if link.proofs.last_contact().is_some_and(&is_heard) {
                heard += 1;
            } else {
                unheard.push(link.peer_ref());
            }
        }
        (self.hears_half(heard, expected), heard, expected, unheard)
    }

    /// This node is cut off, unless life behind its bad links shows that it loses packets itself.
    pub(super) fn begin_cut_off(&mut self, link: &mut Link, now: ObserverTime) {
        let BadLinks { bad, despite, expected } = self.bad_links(link, now);
        if is_slow_if_not_cut_off(bad, despite, expected) {
            return self.begin_slow(link, bad, expected, now);
        }
        let (_, heard, expected, missed) = self.half_heard(link);
        // Peers that were looked up have come in any order; people read them by name.
        let mut unheard: Vec<PeerRef> = Vec::with_capacity(missed.len());
        for peer in missed {
            let before = |other: &PeerRef| natural(other.display_name(), peer.display_name()).is_lt();
            unheard.insert(unheard.partition_point(before), peer);
        }
        self.cut_off = Some(CutOff { since: now, heard, expected });
        self.effects.publish();
        self.effects.rejudge();
        self.report_self(EventKind::SelfCutOff { heard, expected, unheard, no_network: link.is_unsent() });
    }

    /// Half of my peers were heard since it began, and lately: it is over. The
    /// silent and stalled ones get their whole wait anew, or the first answer
    /// after a healed split would declare all the others dead.
    pub(super) fn reconsider_cut_off(&mut self, lent: &mut Link, now: ObserverTime) {
        let Some(CutOff { since, .. }) = self.cut_off else { return };
        let recent = self.config.wait_silent;
        let (half, ..) = self.count_heard(lent, |contact| contact > since && now.since(contact) <= recent);
        if !half {
            return;
        }
        self.cut_off = None;
        self.effects.publish();
        self.effects.rejudge();
        let wait_anew = |link: &mut Link| {
            if link.in_doubt() && link.trail.class() != Some(Class::Gone) {
                link.proofs.wait_from(now);
                link.set_accused(false, now);
            }
        };
        for id in &self.in_doubt {
            if let Some(link) = self.links.get_mut(id) {
                wait_anew(link);
            }
        }
        wait_anew(lent);
        self.report_self(EventKind::SelfRejoined { cut_off_for: now.since(since) });
    }
}

/// Dead peers that others found dead, those that left and those that never answered do not count.
fn is_expected_to_be_heard(link: &Link) -> bool {
    match link.state() {
        PeerState::Joining | PeerState::Left => false,
        PeerState::Dead => link.verdict() != Some(Verdict::Down),
        PeerState::Alive | PeerState::Suspect | PeerState::Unreachable => true,
    }
}
