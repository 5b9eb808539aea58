//! One verified stream for each life of a peer.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::detector::peer::{BootId, Seq};

/// The boots whose streams are kept track of: more than the nodes of the largest mesh.
const BOOTS: usize = 2048;

/// The verified stream of each boot. One that is opened again replaces it, and a copy of an old request for one does not.
#[derive(Clone, Debug, Default)]
pub struct PeerStreams(Arc<Mutex<Vec<Held>>>);

#[derive(Debug)]
struct Held {
    boot: BootId,
    seq: Seq,
    end: CancellationToken,
}

impl PeerStreams {
    /// The token that ends this stream when the next one of its boot begins; `None` for a copy.
    pub(super) fn open(&self, boot: BootId, seq: Seq) -> Option<CancellationToken> {
        let mut held = self.lock();
        let end = CancellationToken::new();
        let new = Held { boot, seq, end: end.clone() };
        if let Some(at) = held.iter().position(|held| held.boot == boot) {
            if held[at].seq >= seq {
                return None;
            }
            // The one that was used last is the last to be forgotten.
            held.remove(at).end.cancel();
        } else if held.len() >= BOOTS {
            held.remove(0).end.cancel();
        }
        held.push(new);
        Some(end)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Held>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boot_has_one_stream_and_the_later_request_wins() {
        let streams = PeerStreams::default();
        let first = streams.open(BootId(1), Seq(5)).unwrap();
        let other = streams.open(BootId(2), Seq(1)).unwrap();
        assert!(streams.open(BootId(1), Seq(5)).is_none(), "a copy");
        assert!(streams.open(BootId(1), Seq(4)).is_none(), "an older one");
        assert!(!first.is_cancelled());
        let second = streams.open(BootId(1), Seq(6)).unwrap();
        assert!(first.is_cancelled() && !second.is_cancelled() && !other.is_cancelled());
    }

    #[test]
    fn no_more_boots_are_kept_than_there_can_be() {
        let streams = PeerStreams::default();
        for boot in 0..BOOTS as u64 + 10 {
            streams.open(BootId(boot), Seq(1)).unwrap();
        }
        assert_eq!(streams.lock().len(), BOOTS);
    }
}
