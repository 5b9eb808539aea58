//! Takes over what the mesh key file holds when it changes.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::lines;
use super::reread::reread;
use crate::mesh_key::store::{KeyStore, Reading, Rereader};
use crate::telemetry::Metrics;

/// Puts what the file at `path` holds into the store, until `stop`.
pub(super) async fn watch(path: String, store: KeyStore, metrics: Arc<Metrics>, stop: CancellationToken) {
    let rereader = Rereader::new(path.clone(), store);
    let take = |reading| {
        match &reading {
            Reading::Nothing => return,
            Reading::Unusable(_) => metrics.server().key_file_unusable(true),
            Reading::Changed { .. } | Reading::UsableAgain => metrics.server().key_file_unusable(false),
        }
        lines::key_file(&path, &reading);
    };
    reread(rereader, Rereader::is_pending, Rereader::read, stop, take).await;
}
