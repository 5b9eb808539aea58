//! No descriptor is left for a connection of this node: then a caller has to give one back.
//!
//! Callers leave some free (`runtime/descriptors.rs`), but the table of the whole system can be full, and another part of
//! the process can take the last ones. A node that could not ping would call its peers silent.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::sleep;

/// How often a connection is tried again. Each time both ports close an idle caller.
const TRIES: u32 = 5;
/// In this time the caller's task ends. All tries together are far below the limit for connecting.
const PAUSE: Duration = Duration::from_millis(20);

/// Asks those who can give descriptors back.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shortage(Arc<Notify>);

impl Shortage {
    /// Notified whenever a descriptor is wanted.
    pub(crate) fn wanted(&self) -> Arc<Notify> {
        Arc::clone(&self.0)
    }

    /// The result of `attempt`, repeated while it fails for want of a descriptor.
    pub(super) async fn retry<T, E, F: Future<Output = Result<T, E>>>(
        &self,
        attempt: impl Fn() -> F,
        is_short: impl Fn(&E) -> bool,
    ) -> Result<T, E> {
        for _ in 0..TRIES {
            match attempt().await {
                Err(error) if is_short(&error) => {
                    self.0.notify_waiters();
                    sleep(PAUSE).await;
                }
                ended => return ended,
            }
        }
        attempt().await
    }
}

/// What systems say when the process or the whole system has no descriptor left: `ENFILE` and `EMFILE` of every Unix, and
/// `WSAEMFILE` of Windows. The standard library has no name for it.
const CODES: [i32; 3] = [23, 24, 10_024];

/// Neither this process nor the system had a descriptor left.
pub(super) fn is_of(error: &io::Error) -> bool {
    error.raw_os_error().is_some_and(|code| CODES.contains(&code))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// Callers that hold all descriptors, and give one back each time they are asked.
    #[tokio::test]
    async fn a_connection_is_tried_again_once_a_caller_gave_its_descriptor_back() {
        let (shortage, given) = (Shortage::default(), Arc::new(AtomicU32::new(0)));
        let (wanted, gives) = (shortage.wanted(), Arc::clone(&given));
        let server = tokio::spawn(async move {
            loop {
                wanted.notified().await;
                gives.fetch_add(1, Ordering::Relaxed);
            }
        });
        tokio::task::yield_now().await;
        let attempt =
            || async { if given.load(Ordering::Relaxed) < 2 { Err(io::Error::from_raw_os_error(24)) } else { Ok(()) } };
        shortage.retry(attempt, is_of).await.expect("the third time");
        assert_eq!(given.load(Ordering::Relaxed), 2, "no more than it needs");
        server.abort();
    }

    #[tokio::test]
    async fn other_failures_are_not_repeated_and_a_lasting_shortage_ends() {
        for (code, tries) in [(1, 1), (23, TRIES + 1), (24, TRIES + 1)] {
            let made = AtomicU32::new(0);
            let attempt = || async {
                made.fetch_add(1, Ordering::Relaxed);
                Err::<(), _>(io::Error::from_raw_os_error(code))
            };
            Shortage::default().retry(attempt, is_of).await.expect_err("nobody gives one back");
            assert_eq!(made.into_inner(), tries);
        }
    }
}
