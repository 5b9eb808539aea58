//! The peers that I watch: the list from outside, and what goes when a peer goes.

use std::collections::BTreeSet;

use super::Node;
use crate::detector::discovery::Removal;
use crate::detector::event::EventKind;
use crate::detector::link::Link;
use crate::detector::peer::{BootId, NodeName, PeerId, PeerKey, PeerSpec};
use crate::detector::time::Monotonic;
use crate::detector::transmit::Transmit;

/// Names of dropped peers that are still reported as "no longer watched"; older ones are forgotten.
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
        let unlisted = |link: &&Link| !listed.contains(link.key()) && !self.directory.is_discovered(link.id());
        let missing: Vec<PeerId> = self.links.iter().filter(unlisted).map(Link::id).collect();
        for id in missing {
            self.remove_link(id, Removal::Unlisted);
        }
        self.dropped.retain(|key| listed.contains(key));
        let count = u32::try_from(peers.len().max(1)).unwrap_or(u32::MAX);
        let gap = self.config.interval / count;
        let mut ids = Vec::with_capacity(peers.len());
        for (place, spec) in peers.into_iter().enumerate() {
            if let Some(link) = self.links.iter().find(|link| *link.key() == spec.key) {
                ids.push(link.id());
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
            self.with_link(id, |node, link| {
                node.report(link, EventKind::PeerAdded);
                node.schedule.set(link, &node.config, now);
            });
        }
        self.finish();
        ids
    }

    /// A list of peers was configured. If nothing is left of it but this node itself, that is worth a word.
    pub fn expect_peers(&mut self) {
        self.directory.expect_peers();
    }

    /// It was told where peers are, and watches none.
    pub(super) fn found_nobody(&self) -> bool {
        self.links.len() == 0 && (self.directory.expects_peers() || !self.dropped.is_empty())
    }

    /// A peer that is no longer listed.
    pub(super) fn remove_link(&mut self, id: PeerId, why: Removal) {
        if let Some(link) = self.links.get(&id) {
            self.effects.report(self.last_raw, Some(link.peer_ref()), EventKind::PeerRemoved { why });
        }
        self.forget_link(id);
    }

    /// A key that is not a peer of its own: myself, or a peer under another key.
    pub(super) fn drop_link(&mut self, id: PeerId) {
        if let Some(link) = self.links.get(&id) {
            self.dropped.insert(link.key().clone());
        }
        self.forget_link(id);
    }

    fn forget_link(&mut self, id: PeerId) {
        let Some(mut link) = self.links.remove(&id) else { return };
        self.turn_away(&mut link);
        self.cancel_all(&mut link, false);
        self.close_stream(&mut link);
        for asked in link.questions.iter().filter(|asked| asked.said.is_none()) {
            if self.questions.remove(&asked.question).is_some() {
                self.effects.send(Transmit::CancelQuestion { question: asked.question });
            }
        }
        if let Some((node, boot)) = link.identity.known()
            && self.names.get(node) == Some(&id)
        {
            self.maintenance.no_longer_watched(node);
            self.bury(node.clone(), *boot);
        }
        for other in self.links.iter_mut() {
            other.hearsay.forget_observer(id);
            other.reported.watches(id, None);
        }
        self.in_doubt.remove(&id);
        self.effects.opinions_changed();
        self.effects.rejudge();
        self.effects.states_changed();
        self.directory.forget(id, self.clock.now());
        self.effects.send(Transmit::Forget { peer: id });
    }

    /// Takes this name off my watch list, and tells those that hold it.
    pub(super) fn bury(&mut self, node: NodeName, boot: BootId) {
        self.names.remove(&node);
        self.rev += 1;
        if self.tombstones.len() == TOMBSTONES {
            self.tombstones.pop_front();
        }
        self.tombstones.push_back((node, boot, self.rev));
    }
}
