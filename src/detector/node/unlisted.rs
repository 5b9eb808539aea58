//! Nodes that ping this one and are on no list of it.
//!
//! They are not watched, so when one dies nobody here notices; a person who asks whether the mesh is whole has to know
//! of them. Headers of an incoming ping are hints: a name counts only while it keeps pinging, and a stranger that sends
//! other names can neither fill a log nor make this node watch anything.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::detector::peer::NodeName;
use crate::detector::time::ObserverTime;

/// Callers remembered at once. More than a handful is one mistake in one list.
const CALLERS_MAX: usize = 16;
/// Between two warnings that another process has this node's name.
const TOLD_EVERY: Duration = Duration::from_secs(600);

#[derive(Debug, Default)]
pub(super) struct Unlisted {
    callers: BTreeMap<NodeName, Caller>,
    name_taken: Option<ObserverTime>,
}

#[derive(Debug)]
struct Caller {
    first: ObserverTime,
    last: ObserverTime,
}

impl Unlisted {
    /// A node that is not watched pinged this one. `fresh`: how long a ping counts.
    pub(super) fn pinged(&mut self, node: &NodeName, now: ObserverTime, fresh: Duration) {
        self.callers.retain(|_, caller| now.since(caller.last) <= fresh);
        if let Some(caller) = self.callers.get_mut(node) {
            caller.last = now;
        } else if self.callers.len() < CALLERS_MAX {
            self.callers.insert(node.clone(), Caller { first: now, last: now });
        }
    }

    /// It is watched from now on.
    pub(super) fn is_listed(&mut self, node: &NodeName) {
        self.callers.remove(node);
    }

    /// Those that have pinged for two intervals and still do: lists that are changed one after the other differ for a
    /// moment, and a peer behind a name is found soon after its first ping.
    pub(super) fn names(&self, now: ObserverTime, interval: Duration) -> Vec<NodeName> {
        let lasting = |caller: &Caller| {
            caller.last.since(caller.first) >= interval * 2 && now.since(caller.last) <= fresh(interval)
        };
        self.callers.iter().filter(|(_, caller)| lasting(caller)).map(|(node, _)| node.clone()).collect()
    }

    /// Another process with this node's name pinged it. Whether that is to be told.
    pub(super) fn shares_my_name(&mut self, now: ObserverTime) -> bool {
        let known = self.name_taken.is_some_and(|told| now.since(told) < TOLD_EVERY);
        if !known {
            self.name_taken = Some(now);
        }
        !known
    }
}

/// How long a ping of an unlisted node counts.
pub(super) fn fresh(interval: Duration) -> Duration {
    (interval * 3).max(Duration::from_secs(3))
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(1);

    fn at(ms: u64) -> ObserverTime {
        ObserverTime(Duration::from_millis(ms))
    }

    #[test]
    fn a_caller_counts_while_it_keeps_pinging() {
        let mut unlisted = Unlisted::default();
        let node = NodeName::new("node-9").unwrap();
        for (ms, counts) in [(0, false), (1000, false), (2000, true), (3000, true)] {
            unlisted.pinged(&node, at(ms), fresh(INTERVAL));
            assert_eq!(!unlisted.names(at(ms), INTERVAL).is_empty(), counts, "at {ms}");
        }
        assert_eq!(unlisted.names(at(6000), INTERVAL), std::slice::from_ref(&node));
        assert_eq!(unlisted.names(at(6001), INTERVAL), []);
        unlisted.pinged(&node, at(9000), fresh(INTERVAL));
        assert_eq!(unlisted.names(at(9000), INTERVAL), [], "it begins anew");
    }

    #[test]
    fn strangers_do_not_fill_the_memory() {
        let mut unlisted = Unlisted::default();
        for number in 0..1000u64 {
            unlisted.pinged(&NodeName::new(&format!("n{number}")).unwrap(), at(number), fresh(INTERVAL));
        }
        assert_eq!(unlisted.callers.len(), CALLERS_MAX);
        assert!(unlisted.shares_my_name(at(0)) && !unlisted.shares_my_name(at(599_000)));
    }
}
