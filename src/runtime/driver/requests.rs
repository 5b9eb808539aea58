//! What each request needs: a target, a caller, and a task that reports its end.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::time::sleep;

use super::{Driver, abort};
use crate::api::AnswerBody;
use crate::detector::event::Purpose;
use crate::detector::evidence::Evidence;
use crate::detector::peer::{AttemptId, Caller, PeerId, PingSource, Seq};
use crate::runtime::attempts::{Ended, PingOrder};
use crate::runtime::clock::millis;

/// How long a peer is only pinged after too much came on its stream. Answers say what its news would.
const MUTED: Duration = Duration::from_secs(600);

impl Driver {
    pub(super) fn ping(&mut self, attempt: AttemptId, peer: PeerId, purpose: Purpose, known_rev: u64) {
        let task = match self.order(peer, known_rev) {
            Some(order) => self.tasks.spawn(order.ping(attempt, purpose, self.inbox.sender.clone())),
            // A peer without an address cannot be blamed for anything.
            None => self
                .tasks
                .spawn(async move { Ended::Ping { attempt, result: Err(Evidence::Name.into()), renew: None } }),
        };
        self.attempts.insert(attempt, task);
    }

    pub(super) fn open_stream(&mut self, peer: PeerId) {
        self.streams_opened += 1;
        let stream = self.streams_opened;
        let task = match self.order(peer, 0) {
            // The detector believes that a stream is being opened, and pings.
            Some(_) if self.muted.contains(&peer) => self.tasks.spawn(async move {
                sleep(MUTED).await;
                Ended::Stream { peer, stream, flooded: false }
            }),
            Some(order) => self.tasks.spawn(order.stream(peer, stream, self.inbox.sender.clone())),
            None => self.tasks.spawn(async move { Ended::Stream { peer, stream, flooded: false } }),
        };
        abort(self.streams.insert(peer, (stream, task)).map(|(_, replaced)| replaced));
    }

    /// The stream to `peer` has ended: too much came on it, or (not `flooded`) it is read again if it was not.
    pub(super) fn mute(&mut self, peer: PeerId, flooded: bool) {
        let changed = if flooded { self.muted.insert(peer) } else { self.muted.remove(&peer) };
        if changed {
            let place = self.targets.get(&peer).map(ToString::to_string).unwrap_or_default();
            self.observer.flooded(&place, flooded);
        }
    }

    pub(super) fn publish(&mut self) {
        // Asked for even without a listener: the detector counts what it has sent.
        let news = self.node.news(self.clock.now());
        if self.inbox.news.receiver_count() > 0 {
            // Written once for all streams. It is fine if no one listens any more.
            let _ = self.inbox.news.send(AnswerBody::from(&news).to_json().into());
        }
    }

    /// Wakes who watches over incidents, when something is wrong or no longer is.
    pub(super) fn worry(&mut self) {
        let opinions = self.node.opinions();
        if std::mem::replace(&mut self.opinions, opinions) == opinions {
            return;
        }
        let trouble = self.node.trouble();
        self.inbox.trouble.send_if_modified(|known| {
            let matters = known.any || trouble.any;
            *known = trouble;
            matters
        });
    }

    /// A new target has a new kept connection: nothing goes to the old address any more.
    pub(super) fn locate(&mut self, peer: PeerId, address: SocketAddr) {
        // An address is a target always; a peer without one cannot be blamed for anything.
        if let Ok(target) = self.client.target_at(address) {
            self.targets.insert(peer, target);
            self.inbox.shared.locate(&self.client, &self.targets);
        }
    }

    /// Whether this caller is where the peer is that it calls itself, by the last lookup of the peer's name.
    pub(super) fn source(&self, caller: Option<&Caller>, from: Option<IpAddr>) -> PingSource {
        let target = caller.and_then(|caller| self.targets.get(&self.node.peer_named(&caller.node)?));
        match target.zip(from) {
            Some((target, from)) if self.client.leads_to(target, from) => PingSource::PeerAddress,
            _ => PingSource::Elsewhere,
        }
    }

    pub(super) fn order(&self, peer: PeerId, known_rev: u64) -> Option<PingOrder> {
        let target = self.targets.get(&peer)?.clone();
        Some(PingOrder { client: self.client.clone(), target, caller: self.caller(Some(peer), known_rev) })
    }

    pub(super) fn caller(&self, peer: Option<PeerId>, known_rev: u64) -> Caller {
        Caller {
            node: self.me.node.clone(),
            boot: self.me.boot,
            // Counted as the detector counts it, because a goodbye and an answer are compared.
            seq: Seq(millis(self.clock.now() - self.born)),
            state: self.node.state(),
            known_rev,
            ack: peer.filter(|_| self.client.has_key()).and_then(|peer| self.node.heard(peer)),
        }
    }
}
