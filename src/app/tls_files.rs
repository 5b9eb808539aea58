//! Takes over what the TLS files hold when they change.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::lines;
use super::reread::reread;
use crate::config::tls::TlsConfig;
use crate::telemetry::Metrics;
use crate::tls::store::{Reading, Rereader, TlsStore};

/// Puts what the files hold into the store, until `stop`.
pub(super) async fn watch(tls: TlsConfig, store: TlsStore, metrics: Arc<Metrics>, stop: CancellationToken) {
    let TlsConfig { files, contents } = tls;
    let rereader = Rereader::new(files.clone(), store.clone(), contents);
    let take = |reading| {
        match &reading {
            Reading::Nothing => return,
            Reading::Unusable(_) => metrics.server().tls_files_unusable(true),
            Reading::Changed | Reading::UsableAgain => metrics.server().tls_files_unusable(false),
        }
        let expires = store.material().expires();
        metrics.server().certificate_expires(expires);
        lines::tls_files(&files, &reading, expires);
    };
    reread(rereader, Rereader::is_pending, Rereader::read, stop, take).await;
}
