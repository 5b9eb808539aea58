//! What I know of the mesh without asking: from the watch lists that answers bring along.
//!
//! For metrics, which must not wait for others. It is less than the mesh view
//! (`mesh`) can say, and as old as the last answers: in a split each
//! side knows its own group and no other, so only a reader of the metrics
//! of both sides sees two.

use super::Node;
use crate::detector::link::Link;
use crate::detector::peer::{PeerId, PeerState};
use crate::detector::sets::Sets;
use crate::detector::view::{Hearsay, Trouble};

impl Node {
    /// Grows with every change of an opinion, mine or one that I heard. Cheap to ask.
    pub fn opinions(&self) -> u64 {
        self.opinions
    }

    /// I cannot reach a peer, or a peer that I hear cannot reach me or another. Looks at every link once.
    pub fn trouble(&self) -> Trouble {
        let reports = |link: &Link| link.state().is_up() && link.reported.has_broken_link();
        let any = self.links.iter().any(|link| link.state().is_broken() || reports(link));
        Trouble { any, opinions: self.opinions }
    }

    /// Counted anew only when a peer's list or my own opinion has changed.
    pub(super) fn hearsay(&mut self) -> Hearsay {
        if let Some(known) = self.hearsay {
            return known;
        }
        let known = Hearsay { components: self.components(), list_mismatches: self.list_mismatches() };
        self.hearsay = Some(known);
        known
    }

    /// Connected components over links that work both ways, among me and those that I hear.
    fn components(&self) -> usize {
        let heard: Vec<&Link> = self.links.iter().filter(|link| link.state().is_up()).collect();
        let place = |id: PeerId| heard.binary_search_by_key(&id, |link| link.id()).ok();
        // I come last, after those that I hear. One that does not watch me shows by its answers that both ways work.
        let me = heard.len();
        let mut sets = Sets::new(me + 1);
        for (at, link) in heard.iter().enumerate() {
            if link.reported.watches_me().is_none_or(PeerState::is_up) {
                sets.join(at, me);
            }
        }
        // Links between others matter only where one of them is not with me: in a whole mesh this looks at nothing.
        for (at, link) in heard.iter().enumerate() {
            if sets.root(at) == sets.root(me) {
                continue;
            }
            for (other, state) in link.reported.lines() {
                let Some(other) = place(other) else { continue };
                let back = heard[other].reported.line(link.id());
                if state.is_up() && back.is_none_or(|(_, state)| state.is_up()) {
                    sets.join(at, other);
                }
            }
        }
        let mut sizes = vec![0usize; me + 1];
        for at in 0..=me {
            sizes[sets.root(at)] += 1;
        }
        sizes.into_iter().filter(|size| *size > 1).count()
    }

    /// Peers that I hear and that lack me or a peer that I hear in their list, or that watch a node that is not on my
    /// list. A peer lists only those that have answered it, so one whose link has never worked counts as well.
    fn list_mismatches(&self) -> usize {
        let is_up = |link: &&Link| link.state().is_up();
        let up = self.links.iter().filter(is_up).count();
        let differs = |link: &&Link| {
            // Both are sorted, so this is one walk; most lists end the same.
            let is_shared = |other: PeerId| other != link.id() && self.links.get(&other).as_ref().is_some_and(is_up);
            let shared = link.reported.lines().filter(|(other, _)| is_shared(*other));
            link.reported.list_differs() || shared.count() + 1 < up
        };
        // One whose whole list has just been asked for has reported nothing yet.
        self.links.iter().filter(is_up).filter(|link| link.reported.revision() > 0).filter(differs).count()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::detector::config::Timing;
    use crate::detector::node::Me;
    use crate::detector::peer::{Answer, BootId, NodeName, PeerKey, PeerSpec, SelfState, Seq, WatchDelta, Watched};
    use crate::detector::time::Monotonic;
    use crate::detector::transmit::Transmit;

    fn name(id: u64) -> NodeName {
        NodeName::new(&format!("node-{id}")).unwrap()
    }

    /// A mesh as `node-1` hears it: peers `node-2`, `node-3`, ... answer its first ping with these lists.
    /// In a list `2+` is a peer that is alive, `2!` one that is dead.
    fn hearsay(lists: &[&str]) -> Hearsay {
        node(lists).view(Monotonic(Duration::from_millis(2300))).hearsay
    }

    fn node(lists: &[&str]) -> Node {
        let me = Me { node: name(1), boot: BootId(1), version: "0".into() };
        let mut node = Node::new(Timing::BALANCED.check().unwrap(), me, 7, Monotonic::default());
        let spec = |id: u64| PeerSpec { key: PeerKey(format!("host-{id}").into()), pinned: None };
        let ids = node.set_peers(Monotonic::default(), (2..).take(lists.len()).map(spec).collect());
        // Twice: the node that was added last makes me ask all peers for the whole list again.
        for round in 1..=2u64 {
            let now = Monotonic(Duration::from_millis(1100 * round));
            node.handle_timeout(now);
            let mut pings = Vec::new();
            while let Some(transmit) = node.poll_transmit() {
                if let Transmit::Ping { attempt, peer, .. } = transmit {
                    pings.push((attempt, peer));
                }
            }
            assert_eq!(pings.len(), lists.len(), "one ping each");
            for (attempt, peer) in pings {
                let at = ids.iter().position(|id| *id == peer).unwrap();
                node.handle_answer(now, attempt, answer(at as u64 + 2, lists[at], round));
            }
        }
        node
    }

    fn answer(id: u64, list: &str, rev: u64) -> Answer {
        let watched = list.split_whitespace().map(|entry| {
            let (id, sign) = entry.split_at(entry.len() - 1);
            let id: u64 = id.parse().unwrap();
            let state = if sign == "+" { PeerState::Alive } else { PeerState::Dead };
            Watched { node: name(id), boot: BootId(id), state: Some(state) }
        });
        Answer {
            node: name(id),
            boot: BootId(id),
            seq: Seq(rev * 1000),
            state: SelfState::Ready,
            version: "0".into(),
            accusations: Vec::new(),
            watch: WatchDelta { since: 0, rev, peers: watched.collect() },
            maintenance: None,
        }
    }

    #[test]
    fn groups_and_lists_as_the_answers_tell() {
        for (lists, components, list_mismatches) in [
            (&[][..], 0, 0),
            (&["1+"], 1, 0),
            (&["1+ 3+", "1+ 2+"], 1, 0),
            // Two that I hear and that do not hear me, but each other.
            (&["1! 3+", "1! 2+"], 1, 0),
            (&["1! 3+ 4!", "1! 2+ 4!", "1+ 2! 3!"], 2, 0),
            (&["1! 3!", "1! 2!"], 0, 0),
            // node-2 lacks me, lacks node-3, has a node that I do not have.
            (&["3+", "1+ 2+"], 1, 1),
            (&["1+", "1+ 2+"], 1, 1),
            (&["1+ 3+ 9+", "1+ 2+"], 1, 1),
            (&["1+ 3+ 9+", "1+ 2+ 9+"], 1, 2),
        ] {
            assert_eq!(hearsay(lists), Hearsay { components, list_mismatches }, "{lists:?}");
        }
    }

    #[test]
    fn trouble_is_what_anybody_misses_whom_i_hear() {
        for (lists, any) in [
            (&["1+ 3+", "1+ 2+"][..], false),
            (&["1! 3+", "1+ 2+"], true),
            (&["1+ 3!", "1+ 2+"], true),
            // A fault of a node that I do not know does not count.
            (&["1+ 3+ 9!", "1+ 2+"], false),
        ] {
            assert_eq!(node(lists).trouble().any, any, "{lists:?}");
        }
        let mut node = node(&["1+ 3!", "1+ 2+"]);
        let before = node.opinions();
        let id = *node.names.get(&name(2)).unwrap();
        let healed = WatchDelta {
            since: 2,
            rev: 3,
            peers: vec![Watched { node: name(3), boot: BootId(3), state: Some(PeerState::Alive) }],
        };
        node.handle_stream_news(
            Monotonic(Duration::from_millis(2300)),
            id,
            Answer { seq: Seq(5000), watch: healed, ..answer(2, "", 3) },
        );
        assert!(!node.trouble().any && node.opinions() > before);
    }
}
