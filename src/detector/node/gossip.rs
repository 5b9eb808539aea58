//! What nodes tell each other about third parties, in answers and on streams.
//!
//! An answer carries all node_status accusations of its sender, so a missing one
//! is withdrawn, and what changed in the sender's watch list since the revision
//! that the asker holds: in the steady state nothing. Both are hearsay. They
//! may accuse, and they show which node observes which; they never touch a
//! link's statistics.

use super::Node;
use crate::detector::evidence::Class;
use crate::detector::link::{Accuser, Stream};
use crate::detector::peer::{Accusation, Answer, PeerId, PeerState, SelfState, Seq, WatchDelta, Watched};
use crate::detector::time::{Monotonic, ObserverTime};

impl Node {
    /// The answer to a caller that holds revision `known` of my watch list.
    pub(super) fn answer(&self, known: u64) -> Answer {
        // A revision from the future is one of an earlier boot of mine.
        let since = if known > self.rev { 0 } else { known };
        Answer {
            node: self.me.node.clone(),
            boot: self.me.boot,
            seq: self.seq(),
            state: self.state(),
            version: self.me.version.clone(),
            accusations: self.accusations(),
            watch: WatchDelta { since, rev: self.rev, peers: self.watched_since(since) },
            maintenance: self.announcement(),
        }
    }

    /// What `Transmit::PublishNews` asks to send: what changed since it was asked last.
    pub fn news(&mut self, now: Monotonic) -> Answer {
        self.last_raw = self.last_raw.max(now);
        let news = self.answer(self.published_rev);
        self.published_rev = self.rev;
        news
    }

    fn accusations(&self) -> Vec<Accusation> {
        let now = self.clock.now();
        let node_status = self.doubted.iter().filter_map(|id| self.links.get(id));
        node_status
            .filter(|link| link.accused.is_some() && link.blind.is_none())
            .filter_map(|link| {
                let identity = link.identity.as_ref()?;
                Some(Accusation {
                    node: identity.node.clone(),
                    boot: identity.boot,
                    class: link.trail.class().unwrap_or(Class::Silent),
                    silent_for: now.since(link.proof_base()),
                })
            })
            .collect()
    }

    fn watched_since(&self, since: u64) -> Vec<Watched> {
        if since == self.rev {
            return Vec::new();
        }
        let dropped = self.tombstones.iter().filter(|(name, _, rev)| *rev > since && !self.names.contains_key(name));
        let dropped = dropped.map(|(node, boot, _)| Watched { node: node.clone(), boot: *boot, state: None });
        let changed = self.links.iter().filter(|link| link.rev > since);
        let changed = changed.filter_map(|link| {
            let identity = link.identity.as_ref()?;
            Some(Watched { node: identity.node.clone(), boot: identity.boot, state: Some(link.state) })
        });
        dropped.chain(changed).collect()
    }

    /// This link's entry in my watch list changed.
    pub(super) fn bump(&mut self, id: PeerId) {
        self.hearsay = None;
        self.opinions += 1;
        if let Some(link) = self.links.get_mut(&id) {
            self.rev += 1;
            link.rev = self.rev;
        }
    }

    /// News on a stream from a peer whose boot I know. Of an unknown boot nothing is believed.
    pub(super) fn news_heard(&mut self, id: PeerId, news: Answer, now: ObserverTime) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let known = link.identity.as_ref().is_some_and(|known| known.boot == news.boot && known.node == news.node);
        if !known || self.leaving {
            return;
        }
        link.stream = Stream::Open;
        if news.state == SelfState::Leaving {
            self.goodbye(id, news.seq, None, now);
        }
        self.hear(id, news, now);
    }

    /// Takes in what peer `id` says about others. Older than what I heard last: ignored.
    pub(super) fn hear(&mut self, id: PeerId, answer: Answer, now: ObserverTime) {
        let Some(link) = self.links.get_mut(&id) else { return };
        if answer.seq < link.last_seq || link.boot() != Some(answer.boot) {
            return;
        }
        link.last_seq = answer.seq.max(Seq(0));
        self.hear_watch_list(id, &answer.watch);
        self.hear_accusations(id, &answer.accusations, now);
        self.hear_maintenance(id, answer.boot, answer.seq, answer.maintenance);
    }

    fn hear_watch_list(&mut self, id: PeerId, delta: &WatchDelta) {
        let Some(link) = self.links.get_mut(&id) else { return };
        // A gap: the next ping names the revision I hold and gets the rest.
        if delta.since > link.watch_rev || delta.rev <= link.watch_rev {
            return;
        }
        link.watch_rev = delta.rev;
        link.watch_asked = None;
        self.hearsay = None;
        self.opinions += 1;
        if delta.since == 0 {
            link.forget_watch_list();
        }
        for watched in &delta.peers {
            let Some(subject) = self.names.get(&watched.node).copied() else {
                link.watches_another(watched, &self.me.node, watched.boot == self.me.boot);
                continue;
            };
            link.watches(subject, watched.state.map(|state| (watched.boot, state)));
        }
        self.rejudge |= !self.doubted.is_empty();
    }

    fn hear_accusations(&mut self, observer: PeerId, accusations: &[Accusation], now: ObserverTime) {
        let Some(link) = self.links.get_mut(&observer) else { return };
        let before = std::mem::take(&mut link.accuses);
        if before.is_empty() && accusations.is_empty() {
            return;
        }
        let until = now + self.config.interval * 3;
        let mut accuses = Vec::new();
        for accusation in accusations {
            let Some(&subject) = self.names.get(&accusation.node) else { continue };
            let Some(link) = self.links.get_mut(&subject) else { continue };
            if link.boot() != Some(accusation.boot) || subject == observer {
                continue;
            }
            accuses.push(subject);
            link.vetoes.remove(&observer);
            let entry = Accuser { observer, class: accusation.class, until };
            match link.accusers.iter_mut().find(|accuser| accuser.observer == observer) {
                Some(accuser) => {
                    self.rejudge |= accuser.until <= now;
                    *accuser = entry;
                }
                None => {
                    link.accusers.push(entry);
                    self.rejudge = true;
                }
            }
        }
        for subject in before.into_iter().filter(|subject| !accuses.contains(subject)) {
            if let Some(link) = self.links.get_mut(&subject) {
                link.accusers.retain(|accuser| accuser.observer != observer);
                self.rejudge = true;
            }
        }
        if let Some(link) = self.links.get_mut(&observer) {
            link.accuses = accuses;
        }
    }

    /// Observers that can be asked: they answer me, and they know the peer.
    pub(super) fn alive_observers(&self, subject: PeerId) -> Vec<PeerId> {
        let alive = |id: &PeerId| self.links.get(id).is_some_and(|link| link.state == PeerState::Alive);
        self.links.ids().filter(|id| *id != subject).filter(alive).collect()
    }
}
