//! Reads the TLS files again and again, on a thread where waiting for a disk does no harm.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time;
use tokio_util::sync::CancellationToken;

use super::lines;
use crate::config::tls::TlsConfig;
use crate::telemetry::Metrics;
use crate::tls::store::{Reading, Rereader, TlsStore};

/// Between two readings.
const EVERY: Duration = Duration::from_secs(10);
/// Before new content is read a second time.
const AGAIN: Duration = Duration::from_secs(1);

/// Puts what the files hold into the store, until `stop`.
pub(super) async fn watch(tls: TlsConfig, store: TlsStore, metrics: Arc<Metrics>, stop: CancellationToken) {
    let TlsConfig { files, contents } = tls;
    let mut rereader = Rereader::new(files.clone(), store.clone(), contents);
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
            // The supervisor must hear of it: certificates would never change again.
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => return stop.cancelled().await,
        };
        rereader = back;
        match &reading {
            Reading::Nothing => continue,
            Reading::Unusable(_) => metrics.server().tls_files_unusable(true),
            Reading::Changed | Reading::UsableAgain => metrics.server().tls_files_unusable(false),
        }
        let expires = store.material().expires();
        metrics.server().certificate_expires(expires);
        lines::tls_files(&files, &reading, expires);
    }
}
