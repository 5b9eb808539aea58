//! Reads the mesh key file again and again, on a thread where waiting for a disk does no harm.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time;
use tokio_util::sync::CancellationToken;

use super::lines;
use crate::mesh_key::store::{KeyStore, Reading, Rereader};
use crate::telemetry::Metrics;

/// Between two readings.
const EVERY: Duration = Duration::from_secs(10);
/// Before new content is read a second time.
const AGAIN: Duration = Duration::from_secs(1);

/// Puts what the file at `path` holds into the store, until `stop`.
pub(super) async fn watch(path: String, store: KeyStore, metrics: Arc<Metrics>, stop: CancellationToken) {
    let mut rereader = Rereader::new(path.clone(), store);
    loop {
        let pause = if rereader.is_pending() { AGAIN } else { EVERY };
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = time::sleep(pause) => {}
        }
        let read = spawn_blocking(move || {
            let reading = rereader.read();
            (rereader, reading)
        });
        let (back, reading) = match read.await {
            Ok(read) => read,
            // The supervisor must hear of it: keys would never change again.
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => return stop.cancelled().await,
        };
        rereader = back;
        match &reading {
            Reading::Nothing => continue,
            Reading::Unusable(_) => metrics.server().key_file_unusable(true),
            Reading::Changed { .. } | Reading::UsableAgain => metrics.server().key_file_unusable(false),
        }
        lines::key_file(&path, &reading);
    }
}
