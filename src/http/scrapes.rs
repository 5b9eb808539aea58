//! The metrics as text, for all who ask within a second.

use axum::body::Bytes;
use tokio::sync::Mutex;

use crate::detector::time::Monotonic;

/// The metrics as they were written last. Who asks while they are being written waits for the same text.
#[derive(Default)]
pub struct Scrapes(pub(super) Mutex<Option<Written>>);

#[derive(Clone)]
pub(super) struct Written {
    pub at: Monotonic,
    /// The number of the last event then: what has happened since must be seen.
    pub events: u64,
    pub plain: Bytes,
    /// Made when first asked for.
    pub gzip: Option<Bytes>,
}

impl Scrapes {
    /// What was written at `at` is too old to be served, and for a thousand peers it is megabytes.
    pub(super) async fn forget_written(&self, at: Monotonic) {
        self.0.lock().await.take_if(|written| written.at == at);
    }

    /// What was written is out of date: a caller has changed something and must see it.
    pub(super) async fn forget(&self) {
        *self.0.lock().await = None;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn only_the_text_that_is_too_old_is_forgotten() {
        let (old, new) = (Monotonic(Duration::from_secs(1)), Monotonic(Duration::from_secs(2)));
        let scrapes = Scrapes(Mutex::new(Some(Written { at: new, events: 0, plain: Bytes::new(), gzip: None })));
        scrapes.forget_written(old).await;
        assert!(scrapes.0.lock().await.is_some());
        scrapes.forget_written(new).await;
        assert!(scrapes.0.lock().await.is_none());
    }
}
