//! Virtual time: what happens next, and in which order at the same time.
//!
//! The order at the same time is part of the model. Things that arrive come
//! before a deadline that judges a peer, because the real driver lets
//! pending IO run first; everything else keeps the order in which it was
//! planned. Payloads lie in a slab and the heap sorts small keys, which
//! is worth a third of the time in large meshes.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

/// Which goes first at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Turn {
    /// Packets, reads, timers of the runtime, steps of the scenario.
    First,
    /// Deadlines that judge.
    Judge,
}

/// Entries ordered by time, turn and the order in which they were planned.
/// Not bounded itself: the world plans a bounded number of entries for each
/// connection and process, and bounds those.
pub(super) struct Queue<T> {
    heap: BinaryHeap<Reverse<(Duration, Turn, u64, u32)>>,
    slots: Vec<Option<T>>,
    free: Vec<u32>,
    planned: u64,
}

impl<T> Queue<T> {
    pub(super) fn new() -> Queue<T> {
        Queue { heap: BinaryHeap::new(), slots: Vec::new(), free: Vec::new(), planned: 0 }
    }

    pub(super) fn push(&mut self, at: Duration, turn: Turn, item: T) {
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slots[slot as usize] = Some(item);
                slot
            }
            None => {
                self.slots.push(Some(item));
                (self.slots.len() - 1) as u32
            }
        };
        self.planned += 1;
        self.heap.push(Reverse((at, turn, self.planned, slot)));
    }

    /// The next entry that is due by `until`, with its time.
    pub(super) fn pop(&mut self, until: Duration) -> Option<(Duration, T)> {
        let Reverse((at, _, _, slot)) = *self.heap.peek()?;
        if at > until {
            return None;
        }
        self.heap.pop();
        self.free.push(slot);
        let item = self.slots[slot as usize].take()?;
        Some((at, item))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrivals_come_before_judgement_and_ties_keep_their_order() {
        let at = Duration::from_secs(1);
        let mut queue = Queue::new();
        queue.push(at, Turn::Judge, "judge");
        queue.push(at * 2, Turn::First, "later");
        queue.push(at, Turn::First, "packet 1");
        queue.push(at, Turn::First, "packet 2");
        let mut seen = Vec::new();
        while let Some((_, what)) = queue.pop(at) {
            seen.push(what);
        }
        assert_eq!(seen, ["packet 1", "packet 2", "judge"]);
        assert_eq!(queue.pop(at * 2).map(|(_, what)| what), Some("later"));
    }
}
