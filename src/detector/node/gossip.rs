//! What nodes tell each other about third parties, in answers and on streams.
//!
//! An answer carries all standing accusations of its sender, so a missing one
//! is withdrawn, and what changed in the sender's watch list since the revision
//! that the asker holds: in the steady state nothing. Both are hearsay. They
//! may accuse, and they show which node observes which; they never touch a
//! link's statistics.

use super::Node;
use crate::detector::evidence::Class;
use crate::detector::link::Link;
use crate::detector::link::hearsay::Accuser;
use crate::detector::peer::{Accusation, Answer, SelfState, Seq, WatchDelta, Watched};
use crate::detector::time::{Monotonic, ObserverTime};

impl Node {
    pub(super) fn seq(&self) -> Seq {
        Seq(u64::try_from((self.last_raw - self.born).as_millis()).unwrap_or(u64::MAX))
    }

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
        let accused = self.in_doubt.iter().filter_map(|id| self.links.get(id)).filter(|link| link.is_accused());
        let accusation = |link: &Link| {
            let (node, boot) = link.identity.known()?.clone();
            let class = link.trail.class().unwrap_or(Class::Silent);
            Some(Accusation { node, boot, class, silent_for: now.since(link.proofs.proof_base()) })
        };
        accused.filter_map(accusation).collect()
    }

    fn watched_since(&self, since: u64) -> Vec<Watched> {
        if since == self.rev {
            return Vec::new();
        }
        let dropped = self.tombstones.iter().filter(|(name, _, rev)| *rev > since && !self.names.contains_key(name));
        let dropped = dropped.map(|(node, boot, _)| Watched { node: node.clone(), boot: *boot, state: None });
        let changed = self.links.iter().filter(|link| link.revision() > since);
        let changed = changed.filter_map(|link| {
            let (node, boot) = link.identity.known()?.clone();
            Some(Watched { node, boot, state: Some(link.state()) })
        });
        dropped.chain(changed).collect()
    }

    /// This link's line in my watch list changed.
    pub(super) fn line_changed(&mut self, link: &mut Link) {
        self.rev += 1;
        link.changed_in(self.rev);
        self.effects.opinions_changed();
    }

    /// News on a stream from a peer whose boot I know. Of an unknown boot nothing is believed.
    pub(super) fn news_heard(&mut self, link: &mut Link, news: Answer, now: ObserverTime) {
        let is_known = link.identity.known().is_some_and(|(node, boot)| *boot == news.boot && *node == news.node);
        if !is_known || self.leaving {
            return;
        }
        link.stream.opened();
        if self.is_held_back(link, news.seq) {
            // Somebody on the way holds it back. A new stream shows how things are.
            self.end_stream(link, now);
            return;
        }
        let news = Answer { seq: link.identity.plausible(news.seq, self.last_raw), ..news };
        if news.state == SelfState::Leaving {
            self.goodbye(link, news.seq, None, now);
        }
        self.hear(link, news, now);
    }

    /// Takes in what the peer says about others. Older than what I heard last: ignored.
    pub(super) fn hear(&mut self, link: &mut Link, answer: Answer, now: ObserverTime) {
        if link.identity.hears(answer.boot, answer.seq, self.last_raw) {
            let changes = link.reported.says(answer.state, answer.seq);
            self.effects.rejudge_if(changes);
            self.hear_watch_list(link, &answer.watch);
            self.hear_accusations(link, &answer.accusations, now);
            self.hear_maintenance(link, answer.boot, answer.seq, answer.maintenance);
        }
    }

    fn hear_watch_list(&mut self, link: &mut Link, delta: &WatchDelta) {
        if !link.reported.list_came(delta) {
            return;
        }
        self.effects.opinions_changed();
        for watched in &delta.peers {
            let line = watched.state.map(|state| (watched.boot, state));
            match self.names.get(&watched.node) {
                Some(subject) => link.reported.watches(*subject, line),
                None => link.reported.watches_another(watched, &self.me.node, watched.boot == self.me.boot),
            }
        }
        self.effects.rejudge_if(!self.in_doubt.is_empty());
    }

    fn hear_accusations(&mut self, observer: &mut Link, accusations: &[Accusation], now: ObserverTime) {
        if accusations.is_empty() && observer.reported.accuses_none() {
            return;
        }
        let until = now + self.config.interval * 3;
        let mut accuses = Vec::new();
        for accusation in accusations {
            // The observer itself is not among the links: it is lent.
            let subject = self.names.get(&accusation.node).and_then(|id| self.links.get_mut(id));
            let Some(subject) = subject.filter(|subject| subject.boot() == Some(accusation.boot)) else { continue };
            accuses.push(subject.id());
            let accuser = Accuser { observer: observer.id(), class: accusation.class, until };
            self.effects.rejudge_if(subject.hearsay.accuse(accuser, now));
        }
        let before = observer.reported.set_accuses(accuses.clone());
        for subject in before.into_iter().filter(|subject| !accuses.contains(subject)) {
            if let Some(subject) = self.links.get_mut(&subject) {
                subject.hearsay.withdraw(observer.id());
                self.effects.rejudge();
            }
        }
    }
}
