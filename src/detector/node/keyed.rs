//! What a mesh key changes: who calls is known, so what matters is whether the call is new.
//!
//! A request with a tag comes from a member, but perhaps from an hour ago: somebody on the way can record it, hold it
//! back and play it again. So each request names what the caller has heard of this node last ([`Ack`]). That is a
//! challenge without a round trip: only a member that hears this node now can name something new. A request that names
//! the present boot and a recent moment of it is *fresh*. Fresh pings are proof of life, from any address, and each
//! counts once. All others get an answer and are a hint.
//!
//! The runtime passes no caller on that it could not verify, so with a required key there are no other callers here.

use std::time::Duration;

use super::Node;
use crate::detector::evidence::Class;
use crate::detector::link::Link;
use crate::detector::peer::{Ack, Answer, BootId, Caller, NodeName, PeerId, Seq};
use crate::detector::quorum::QuorumDecision;
use crate::detector::rule::Rule;
use crate::detector::time::{Monotonic, ObserverTime};
use crate::detector::transmit::Transmit;

/// An acknowledgement may be this old at least: one lost answer and a slow one, at any interval.
const WINDOW_MIN: Duration = Duration::from_secs(3);
/// In intervals.
const WINDOW: u32 = 3;

impl Node {
    /// Whether all callers are members: the runtime verifies them with the mesh key, and passes no others on.
    pub fn require_key(&mut self, is_required: bool) {
        self.keyed = is_required;
    }

    /// What a request to this peer acknowledges; `None` before its first answer.
    pub fn heard(&self, peer: PeerId) -> Option<Ack> {
        self.links.get(&peer)?.identity.heard()
    }

    /// The name and boot of the peer, as it declared them.
    pub fn identity_of(&self, peer: PeerId) -> Option<(NodeName, BootId)> {
        self.links.get(&peer)?.identity.known().cloned()
    }

    /// My answer for a caller whose request is fresh: the beginning of its event stream, and leave to ask me as a
    /// witness. `None` for one that may be a copy of an old request.
    pub fn hello(&mut self, now: Monotonic, caller: &Caller) -> Option<Answer> {
        self.begin(now);
        self.finish();
        self.is_fresh(caller).then(|| self.answer(self.rev))
    }

    /// It was made by somebody who has heard me lately.
    pub(super) fn is_fresh(&self, caller: &Caller) -> bool {
        let Some(Ack { boot, seq }) = caller.ack else { return false };
        let (mine, window) = (self.seq(), self.window());
        boot == self.me.boot && seq <= mine && Duration::from_millis(mine.0 - seq.0) <= window
    }

    fn window(&self) -> Duration {
        WINDOW_MIN.max(self.config.interval * WINDOW)
    }

    /// Whether a ping may count: always without a key, else once and while it is fresh.
    pub(super) fn is_new_ping(&self, link: &mut Link, caller: &Caller) -> bool {
        !self.keyed || (self.is_fresh(caller) && link.identity.counts(caller.boot, caller.seq))
    }

    /// News that is this far behind the last answer was held back.
    pub(super) fn is_held_back(&self, link: &Link, seq: Seq) -> bool {
        self.keyed && link.identity.behind(seq, self.last_raw) > self.window()
    }

    /// Enough observers accuse it without me.
    pub(super) fn is_accused_by_enough_others(&self, link: &Link, class: Class, now: ObserverTime) -> bool {
        self.count_observers(link, class, now).0.ruling() == QuorumDecision::Confirmed
    }

    /// What answers for it has no key. It is down only where enough others say so without me: somebody on this one link
    /// may answer for a peer that is gone.
    pub(super) fn judge_unverified(&mut self, link: &mut Link, class: Class, met: bool, now: ObserverTime) {
        if met && !link.hearsay.is_vouched(now) && self.is_accused_by_enough_others(link, class, now) {
            self.declare_dead(link, Rule::Quorum, class, now);
        } else {
            self.unreachable(link, Rule::Unverified, class, now);
        }
    }

    /// This node ends the stream, and acts as if the peer had.
    pub(super) fn end_stream(&mut self, link: &mut Link, now: ObserverTime) {
        self.effects.send(Transmit::CloseStream { peer: link.id() });
        self.stream_ended(link, now);
    }
}
