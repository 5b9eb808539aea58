//! The links, in the order of their ids.
//!
//! Whatever happens begins by looking a link up, and a step that changes it
//! [borrows it](Links::lend), so that it can change the link and read the others. Ids are given in order and never again, so the list stays sorted by
//! itself, and a link stands at its id less the first one's unless one between
//! them was dropped; then it stands further to the front, and is searched for.
//!
//! Turned down: a `BTreeMap`, which was the first version. Looking up was nearly
//! half of what an answer cost in a mesh of a thousand, and its half-full nodes
//! held as much again as the links.

use crate::detector::link::Link;
use crate::detector::peer::PeerId;

/// At most [`PEERS_MAX`](crate::detector::discovery::PEERS_MAX) where peers are looked up, and else as many as were listed.
#[derive(Default)]
pub(super) struct Links(Vec<Slot>);

/// A link, or where it belongs while it is lent.
struct Slot {
    id: PeerId,
    link: Option<Box<Link>>,
}

impl Links {
    fn place(&self, id: PeerId) -> Option<usize> {
        let first = self.0.first()?.id;
        let furthest = id.0.checked_sub(first.0)? as usize;
        if self.0.get(furthest).is_some_and(|slot| slot.id == id) {
            return Some(furthest);
        }
        let before = &self.0[..furthest.min(self.0.len())];
        before.binary_search_by_key(&id, |slot| slot.id).ok()
    }

    pub(super) fn get(&self, id: &PeerId) -> Option<&Link> {
        self.place(*id).and_then(|place| self.0[place].link.as_deref())
    }

    pub(super) fn get_mut(&mut self, id: &PeerId) -> Option<&mut Link> {
        self.place(*id).and_then(|place| self.0[place].link.as_deref_mut())
    }

    /// Adds a link whose id is higher than that of any before.
    pub(super) fn add(&mut self, link: Link) {
        debug_assert!(self.0.last().is_none_or(|last| last.id < link.id()), "ids are given in order");
        self.0.push(Slot { id: link.id(), link: Some(Box::new(link)) });
    }

    /// Takes the link out for one step; until it is taken back it is not among the others.
    pub(super) fn lend(&mut self, id: PeerId) -> Option<Box<Link>> {
        self.place(id).and_then(|place| self.0[place].link.take())
    }

    pub(super) fn take_back(&mut self, link: Box<Link>) {
        if let Some(place) = self.place(link.id()) {
            self.0[place].link = Some(link);
        }
    }

    pub(super) fn remove(&mut self, id: &PeerId) -> Option<Box<Link>> {
        self.place(*id).and_then(|place| self.0.remove(place).link)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Link> {
        self.0.iter().filter_map(|slot| slot.link.as_deref())
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Link> {
        self.0.iter_mut().filter_map(|slot| slot.link.as_deref_mut())
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = PeerId> {
        self.0.iter().map(|slot| slot.id)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::detector::peer::{PeerKey, PeerSpec};
    use crate::detector::time::ObserverTime;

    fn link(id: u32) -> Link {
        let spec = PeerSpec { key: PeerKey(format!("node-{id}").into()), pinned: None };
        Link::new(PeerId(id), spec, ObserverTime::default(), ObserverTime::default())
    }

    proptest! {
        #[test]
        fn a_map_by_id_says_the_same(first in 0..3u32, count in 0..40u32, dropped in prop::collection::vec(0..45u32, 0..40)) {
            let (mut links, mut map) = (Links::default(), BTreeMap::new());
            for id in first..first + count {
                links.add(link(id));
                map.insert(PeerId(id), format!("node-{id}"));
            }
            for id in dropped.into_iter().map(PeerId) {
                let key = links.remove(&id).map(|link| link.key().0.to_string());
                prop_assert_eq!(key, map.remove(&id));
                prop_assert_eq!(links.len(), map.len());
                prop_assert!(links.ids().eq(map.keys().copied()));
                for id in (0..50).map(PeerId) {
                    prop_assert_eq!(links.get(&id).map(Link::id), map.contains_key(&id).then_some(id));
                    prop_assert_eq!(links.get_mut(&id).map(|link| link.id()), map.contains_key(&id).then_some(id));
                }
            }
        }
    }
}
