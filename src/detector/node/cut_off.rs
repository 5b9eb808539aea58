//! When this node is cut off: the peer that it accuses is silent, and so are more than half of the others.

use super::Node;
use super::sick::BadLinks;
use crate::detector::event::{EventKind, PeerRef};
use crate::detector::evidence::{Class, Evidence};
use crate::detector::link::Link;
use crate::detector::natural_order::natural;
use crate::detector::peer::PeerState;
use crate::detector::quality::is_slow_if_not_cut_off;
use crate::detector::quorum::CutOff;
use crate::detector::time::ObserverTime;

/// A peer was heard after another fell silent only if it was heard more than
/// this many intervals after the last proof of life: jitter stretches one
/// interval to at most this.
const HEARD_AFTER: f64 = 1.1;

/// Of the peers that I expect to hear, how many were heard and which were not.
pub(super) struct Hearing<'a> {
    pub heard: usize,
    pub missed: Vec<&'a Link>,
    /// Addresses that were looked up and at which nobody has been met.
    candidates: usize,
}

impl Hearing<'_> {
    /// Heard or not.
    pub(super) fn expected(&self) -> usize {
        self.heard + self.missed.len() + self.candidates
    }
}

impl Node {
    /// Who was heard after this one fell silent.
    pub(super) fn heard_since_silence_of<'a>(&'a self, accused: &'a Link) -> Hearing<'a> {
        let since = self.silent_since(accused);
        self.hearing(Some(accused), since, |contact| contact > since)
    }

    /// A peer that was heard after this moment was heard after `accused` fell silent, and since this process was paused:
    /// what it heard before that says nothing about its network now.
    pub(super) fn silent_since(&self, accused: &Link) -> ObserverTime {
        let silent = accused.last_heard_of(&self.config) + self.config.interval.mul_f64(HEARD_AFTER);
        self.stall_over.map_or(silent, |over| silent.max(over))
    }

    /// Of all links, the one that is lent included. What was added after `since` is not missed yet.
    fn hearing<'a>(
        &'a self,
        lent: Option<&'a Link>,
        since: ObserverTime,
        is_heard: impl Fn(ObserverTime) -> bool,
    ) -> Hearing<'a> {
        let all = || self.links.iter().chain(lent);
        let was_heard = |link: &Link| link.proofs.last_contact().is_some_and(&is_heard);
        // A node that has met one peer since its start and now hears nothing from anywhere is no mesh of two if that one
        // told of others. Where nobody answered for the longest wait, while something else did, there is nobody.
        let told_of_others = |link: &Link| link.is_expected() && link.reported.hears_a_stranger();
        let is_missed = |added| added < since && self.last_response < added + self.config.longest_wait();
        // No contact is later than the last response: where that is not heard, no link is.
        let others_are_missed = !is_heard(self.last_response) && all().any(told_of_others);
        let is_unmet = |link: &Link| link.state() == PeerState::Joining && is_missed(link.proofs.added());
        let counts = |link: &Link| link.is_expected() || (others_are_missed && is_unmet(link));
        Hearing {
            heard: all().filter(|link| link.is_expected() && was_heard(link)).count(),
            missed: all().filter(|link| counts(link) && !was_heard(link)).collect(),
            candidates: if others_are_missed { self.directory.unmet(is_missed) } else { 0 },
        }
    }

    /// This node is cut off, unless life behind its bad links shows that it loses packets itself.
    pub(super) fn begin_cut_off(&mut self, link: &mut Link, now: ObserverTime) {
        let BadLinks { bad, despite, expected } = self.bad_links(link, now);
        if is_slow_if_not_cut_off(bad, despite, expected) {
            return self.begin_slow(link, bad, expected, now);
        }
        let hearing = self.heard_since_silence_of(link);
        let (heard, expected) = (hearing.heard as u32, hearing.expected() as u32);
        // Peers that were looked up have come in any order; people read them by name.
        let mut unheard: Vec<PeerRef> = Vec::with_capacity(hearing.missed.len());
        for peer in hearing.missed.into_iter().map(Link::peer_ref) {
            let before = |other: &PeerRef| natural(other.display_name(), peer.display_name()).is_lt();
            unheard.insert(unheard.partition_point(before), peer);
        }
        let no_network = link.is_unsent();
        self.cut_off = Some(CutOff { since: now, no_network, heard, expected });
        self.effects.publish();
        self.effects.rejudge();
        self.report_self(EventKind::SelfCutOff { heard, expected, unheard, no_network });
    }

    /// How an attempt failed at an address where no peer has been met, or one has left.
    pub(super) fn no_peer_answered(&mut self, evidence: Evidence, now: ObserverTime) {
        if matches!(evidence, Evidence::Refused | Evidence::Invalid | Evidence::Stalled) {
            self.network_works(now);
        }
    }

    /// Something responded, if only a kernel.
    pub(super) fn network_works(&mut self, now: ObserverTime) {
        let before = std::mem::replace(&mut self.last_response, now);
        let changes = self.is_news(Some(before), now);
        self.effects.rejudge_if(changes || self.cut_off.is_some());
    }

    /// Whether something is heard now after a peer that is in doubt fell silent, and was not `before`.
    pub(super) fn is_news(&self, before: Option<ObserverTime>, now: ObserverTime) -> bool {
        self.in_doubt.iter().filter_map(|id| self.links.get(id)).any(|accused| {
            let since = self.silent_since(accused);
            now > since && before.is_none_or(|before| before <= since)
        })
    }

    /// Half of my peers were heard since it began, and lately, or there is no half left to hear: it is over. The
    /// silent and stalled ones get their whole wait anew, or the first answer
    /// after a healed split would declare all the others dead.
    pub(super) fn reconsider_cut_off(&mut self, lent: Option<&mut Link>, now: ObserverTime) {
        let Some(CutOff { since, no_network, .. }) = self.cut_off else { return };
        let recent = self.config.wait_silent;
        let hearing = self.hearing(lent.as_deref(), since, |contact| contact > since && now.since(contact) <= recent);
        // Where nothing could be sent, a check that was sent and got nothing does not show that the network works.
        let is_unsent = |link: &&Link| link.in_doubt() && link.is_unsent();
        let no_network = hearing.heard == 0
            && !hearing.missed.is_empty()
            && (hearing.missed.iter().any(is_unsent) || (no_network && self.last_response <= since));
        if !self.hears_half(&hearing) || no_network {
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
        if let Some(lent) = lent {
            wait_anew(lent);
        }
        self.report_self(EventKind::SelfRejoined { cut_off_for: now.since(since) });
    }
}
