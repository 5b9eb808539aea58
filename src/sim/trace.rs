//! The trace of a run: everything that happens, folded into one number.
//!
//! Two runs with one seed must end with the same number; that is how invariant
//! I6 is checked without keeping two traces. A committed number also shows
//! whether a change of the code changed what the nodes do. So the encoding
//! follows what is reported and sent, never how the code names it:
//!
//! * A record begins with its name. Names are the stable words of events and
//!   states (`peer_down`, `link_broken`) and the words in this file, so a Rust
//!   type, field or module can be renamed without a new number.
//! * A number has eight bytes, the least significant first. A time is its whole
//!   nanoseconds. A text is its length and its bytes, a list its length and its
//!   items. What may be missing is 0, or 1 and the value. So no two sequences
//!   of records have the same encoding.
//! * Every field of every event and packet is in it: the patterns below name
//!   all of them, and a new field does not compile until it is encoded.
//!
//! Recorded are the steps of the scenario, every packet when it is sent and
//! when it arrives, every effect that a detector asks for and every event, each
//! with the virtual time and in the order in which they happen. How often a
//! process woke up, and in which order the queue planned things, is left out:
//! it counts only where it changes one of those.
//!
//! The fold is FNV-1a because it is five lines and the same everywhere; it need
//! not withstand an attacker. Turned down: the `Debug` text of the types, which
//! changes with every rename.

mod events;
mod packets;

use std::time::Duration;

use super::network::Segment;
use crate::detector::event::Event;
use crate::detector::maintenance::Maintenance;
use crate::detector::peer::{BootId, NodeName};
use crate::detector::transmit::Transmit;

/// The fold of everything that has happened so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Trace(u64);

/// The hashes of many runs, in their order, as one.
pub fn fold(hashes: impl IntoIterator<Item = u64>) -> u64 {
    let mut trace = Trace::START;
    for hash in hashes {
        trace.number(hash);
    }
    trace.hash()
}

impl Trace {
    pub(super) const START: Trace = Trace(0xcbf2_9ce4_8422_2325);

    pub(super) fn hash(self) -> u64 {
        self.0
    }

    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn number(&mut self, number: impl Into<u64>) {
        self.bytes(&number.into().to_le_bytes());
    }

    fn time(&mut self, time: Duration) {
        // 584 years of nanoseconds fit; no scenario is longer.
        self.number(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.bytes(text.as_bytes());
    }

    fn numbers(&mut self, numbers: &[u32]) {
        numbers.iter().for_each(|number| self.number(*number));
    }

    fn texts(&mut self, texts: &[&str]) {
        texts.iter().for_each(|text| self.text(text));
    }

    fn maybe<T>(&mut self, value: Option<T>, encode: impl FnOnce(&mut Trace, T)) {
        self.number(value.is_some());
        if let Some(value) = value {
            encode(self, value);
        }
    }

    fn list<T>(&mut self, items: &[T], mut encode: impl FnMut(&mut Trace, &T)) {
        self.number(items.len() as u64);
        for item in items {
            encode(self, item);
        }
    }

    fn boot(&mut self, boot: BootId) {
        self.number(boot.0);
    }

    fn node(&mut self, node: &NodeName) {
        self.text(node.as_str());
    }

    /// A step of the scenario, as scenarios are written.
    pub(super) fn step(&mut self, at: Duration, action: &str) {
        self.text("step");
        self.time(at);
        self.text(action);
    }

    pub(super) fn sent(&mut self, at: Duration, segment: &Segment) {
        self.text("sent");
        self.time(at);
        self.segment(segment);
    }

    pub(super) fn arrived(&mut self, at: Duration, segment: &Segment) {
        self.text("arrived");
        self.time(at);
        self.segment(segment);
    }

    /// What the detector of a host wants done.
    pub(super) fn effect(&mut self, at: Duration, host: usize, effect: &Transmit) {
        self.text("effect");
        self.time(at);
        self.number(host as u64);
        self.transmit(effect);
    }

    /// What the detector of a host reports.
    pub(super) fn event(&mut self, at: Duration, host: usize, event: &Event) {
        let Event { at: own, peer, kind } = event;
        self.text(kind.name());
        self.time(at);
        self.number(host as u64);
        self.time(own.0);
        self.maybe(peer.as_ref(), Trace::peer);
        self.kind(kind);
    }

    fn maintenance(&mut self, Maintenance { reason, left }: &Maintenance) {
        self.text(reason.as_str());
        self.time(*left);
    }

    fn numbered(&mut self, word: &str, number: impl Into<u64>) {
        self.text(word);
        self.number(number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fold_is_the_published_function() {
        let mut trace = Trace::START;
        trace.bytes(b"a");
        assert_eq!(trace.hash(), 0xaf63_dc4c_8601_ec8c, "FNV-1a of \"a\", from the reference vectors");
    }

    #[test]
    fn neighbouring_texts_lists_and_missing_values_do_not_run_into_each_other() {
        let of = |encode: &dyn Fn(&mut Trace)| {
            let mut trace = Trace::START;
            encode(&mut trace);
            trace.hash()
        };
        let texts = |items: &[&str]| of(&|trace| trace.texts(items));
        assert_ne!(texts(&["ab", "c"]), texts(&["a", "bc"]));
        let lists = |first: &[u32], second: &[u32]| {
            of(&|trace| [first, second].iter().for_each(|list| trace.list(list, |trace, item| trace.number(*item))))
        };
        assert_ne!(lists(&[1], &[2, 3]), lists(&[1, 2], &[3]));
        assert_ne!(
            of(&|trace| trace.maybe(Some(Duration::ZERO), Trace::time)),
            of(&|trace| trace.maybe(None, Trace::time))
        );
        assert_ne!(fold([1, 2]), fold([2, 1]), "order counts");
    }
}
