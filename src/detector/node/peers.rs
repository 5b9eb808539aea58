//! The peers that I watch: the list from outside, and what goes when a peer goes.

use std::collections::BTreeSet;

use super::Node;
use crate::detector::discovery::Removal;
use crate::detector::event::EventKind;
use crate::detector::link::{Link, Stream};
use crate::detector::peer::{PeerId, PeerKey, PeerSpec};
use crate::detector::time::Monotonic;
use crate::detector::transmit::Transmit;

/// Names of dropped peers that are still told as "no longer watched"; older ones are forgotten.
const TOMBSTONES: usize = 256;

impl Node {
    /// The watched peers, all of them. Peers that are new are pinged from now
    /// on, their starts spread over one interval; those that are missing are
    /// dropped; ids of the kept ones stay. Returns the id of each, in the order
    /// given; a key that turned out to be this node, or a peer already watched
    /// under another key, keeps an id and is not pinged.
    pub fn set_peers(&mut self, now: Monotonic, peers: Vec<PeerSpec>) -> Vec<PeerId> {
        let now = self.begin(now);
        let listed: BTreeSet<PeerKey> = peers.iter().map(|spec| spec.key.clone()).collect();
        let unlisted = |link: &&Link| !listed.contains(&link.key) && !self.directory.is_discovered(link.id);
        let missing: Vec<PeerId> = self.links.iter().filter(unlisted).map(|link| link.id).collect();
        for id in missing {
            self.emit(Some(id), EventKind::PeerRemoved { why: Removal::Unlisted });
            self.remove_link(id);
        }
        self.dropped.retain(|key| listed.contains(key));
        let count = u32::try_from(peers.len().max(1)).unwrap_or(u32::MAX);
        let gap = self.config.interval / count;
        let mut ids = Vec::with_capacity(peers.len());
        for (place, spec) in peers.into_iter().enumerate() {
            if let Some(link) = self.links.iter().find(|link| link.key == spec.key) {
                ids.push(link.id);
                continue;
            }
            let id = PeerId(self.next_peer);
            self.next_peer += 1;
            ids.push(id);
            if self.dropped.contains(&spec.key) {
                continue;
            }
            let first_ping = now + gap * u32::try_from(place).unwrap_or(0);
            self.links.add(Link::new(id, spec, now, first_ping));
            self.emit(Some(id), EventKind::PeerAdded);
            self.reschedule(id);
        }
        self.finish();
        ids
    }

    pub(super) fn remove_link(&mut self, id: PeerId) {
        self.turn_away(id);
        let Some(link) = self.links.remove(&id) else { return };
        for attempt in link.open_attempts() {
            self.transmits.push_back(Transmit::Cancel { attempt });
        }
        if link.stream != Stream::Closed {
            self.transmits.push_back(Transmit::CloseStream { peer: id });
        }
        for asked in link.asked.iter().filter(|asked| asked.said.is_none()) {
            if self.questions.remove(&asked.question).is_some() {
                self.transmits.push_back(Transmit::CancelQuestion { question: asked.question });
            }
        }
        if let Some(identity) = link.identity
            && self.names.get(&identity.node) == Some(&id)
        {
            self.names.remove(&identity.node);
            self.maintenance.no_longer_watched(&identity.node);
            self.rev += 1;
            if self.tombstones.len() == TOMBSTONES {
                self.tombstones.pop_front();
            }
            self.tombstones.push_back((identity.node, identity.boot, self.rev));
        }
        for other in self.links.iter_mut() {
            other.accusers.retain(|accuser| accuser.observer != id);
            other.vetoes.remove(&id);
            other.watches(id, None);
        }
        self.doubted.remove(&id);
        self.hearsay = None;
        self.opinions += 1;
        self.rejudge = true;
        self.directory.forget(id, self.clock.now());
        self.mood_changed = true;
        self.transmits.push_back(Transmit::Forget { peer: id });
    }
}
