//! What is shown of one detector.

use crate::sim::Quality;

/// Its figures over all runs, counted from the suspicion or from the verdict.
pub(super) struct Row {
    pub name: String,
    pub from: &'static str,
    pub quality: Quality,
}
