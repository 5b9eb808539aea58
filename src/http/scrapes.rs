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
    /// What was written is out of date: a caller has changed something and must see it.
    pub(super) async fn forget(&self) {
        *self.0.lock().await = None;
    }
}
