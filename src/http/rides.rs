//! Signs of life on the streams of peers leave with the answers to their pings.
//!
//! A stream on which nothing is said says so every few seconds. Sent on its own that wakes two processes; sent beside the
//! answer to a ping of the same peer it wakes none, for both are awake.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
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
pub struct Rides(Arc<Mutex<BTreeMap<BootId, Arc<Ride>>>>);

#[derive(Debug)]
struct Ride {
    leaves: Notify,
    /// When something was said last, in milliseconds.
    said: AtomicU64,
}

/// One stream. It gives up its place when it is dropped.
#[derive(Debug)]
pub(super) struct Passenger {
    rides: Rides,
    boot: BootId,
    ride: Arc<Ride>,
}

impl Rides {
    pub(super) fn board(&self, boot: BootId, now: Monotonic) -> Passenger {
        let ride = Arc::new(Ride { leaves: Notify::new(), said: AtomicU64::new(millis(now)) });
        self.lock().insert(boot, Arc::clone(&ride));
        Passenger { rides: self.clone(), boot, ride }
    }

    /// A ping of this boot is answered.
    pub(super) fn answered(&self, boot: BootId, now: Monotonic) {
        let Some(ride) = self.lock().get(&boot).cloned() else { return };
        let now = millis(now);
        if now.saturating_sub(ride.said.load(Ordering::Relaxed)) >= QUIET.as_millis() as u64 {
            ride.said.store(now, Ordering::Relaxed);
            ride.leaves.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<BootId, Arc<Ride>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Passenger {
    /// Returns when a quiet stream should say that it is there.
    pub(super) async fn leaves(&self) {
        self.ride.leaves.notified().await;
    }
}

impl Drop for Passenger {
    fn drop(&mut self) {
        let mut rides = self.rides.lock();
        if rides.get(&self.boot).is_some_and(|ride| Arc::ptr_eq(ride, &self.ride)) {
            rides.remove(&self.boot);
        }
    }
}

fn millis(at: Monotonic) -> u64 {
    u64::try_from(at.0.as_millis()).unwrap_or(u64::MAX)
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
