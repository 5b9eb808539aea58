//! Signs of life on the streams of peers leave with the answers to their pings.
//!
//! A stream on which nothing is said says so every few seconds. Sent on its own that wakes two processes; sent beside the
//! answer to a ping of the same peer it wakes none, for both are awake.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::detector::limits::STREAM_COMMENT;
use crate::detector::peer::BootId;
use crate::detector::time::Monotonic;

/// A stream that has been quiet for this long takes the next answer. Two pings at the default interval come before a comment
/// is due by itself.
const QUIET: Duration = STREAM_COMMENT.saturating_sub(Duration::from_millis(1500));

/// The streams of peers, by the boot that reads each; as many as there are places for streams. Of several of one boot the
/// latest rides.
#[derive(Clone, Debug, Default)]
pub struct Rides(Arc<Mutex<BTreeMap<BootId, Ride>>>);

#[derive(Debug)]
struct Ride {
    leaves: Arc<Notify>,
    /// When it left last.
    left: Monotonic,
}

/// One stream. It gives up its place when it is dropped.
#[derive(Debug)]
pub(super) struct Passenger {
    rides: Rides,
    boot: BootId,
    leaves: Arc<Notify>,
}

impl Rides {
    pub(super) fn board(&self, boot: BootId, now: Monotonic) -> Passenger {
        let leaves = Arc::new(Notify::new());
        self.lock().insert(boot, Ride { leaves: Arc::clone(&leaves), left: now });
        Passenger { rides: self.clone(), boot, leaves }
    }

    /// A ping of this boot is answered.
    pub(super) fn answered(&self, boot: BootId, now: Monotonic) {
        if let Some(ride) = self.lock().get_mut(&boot).filter(|ride| now - ride.left >= QUIET) {
            ride.left = now;
            ride.leaves.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<BootId, Ride>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Passenger {
    /// Returns when a quiet stream should say that it is there.
    pub(super) async fn leaves(&self) {
        self.leaves.notified().await;
    }
}

impl Drop for Passenger {
    fn drop(&mut self) {
        let mut rides = self.rides.lock();
        if rides.get(&self.boot).is_some_and(|ride| Arc::ptr_eq(&ride.leaves, &self.leaves)) {
            rides.remove(&self.boot);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    const BOOT: BootId = BootId(7);

    fn at(seconds: f64) -> Monotonic {
        Monotonic(Duration::from_secs_f64(seconds))
    }

    async fn has_left(passenger: &Passenger) -> bool {
        timeout(Duration::from_millis(10), passenger.leaves()).await.is_ok()
    }

    #[tokio::test]
    async fn a_quiet_stream_rides_with_an_answer_to_its_reader() {
        let rides = Rides::default();
        let passenger = rides.board(BOOT, at(10.0));
        rides.answered(BOOT, at(12.0));
        assert!(!has_left(&passenger).await, "not quiet for long enough");
        rides.answered(BootId(8), at(14.0));
        assert!(!has_left(&passenger).await, "another's");
        rides.answered(BOOT, at(14.0));
        assert!(has_left(&passenger).await);
        rides.answered(BOOT, at(15.0));
        assert!(!has_left(&passenger).await, "it has just spoken");
    }

    #[test]
    fn only_the_last_stream_of_a_boot_has_the_place() {
        let rides = Rides::default();
        let (first, second) = (rides.board(BOOT, at(1.0)), rides.board(BOOT, at(2.0)));
        drop(first);
        assert!(rides.lock().contains_key(&BOOT), "that of the second");
        drop(second);
        assert!(rides.lock().is_empty());
    }
}
