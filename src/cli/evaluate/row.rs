//! What is shown of one detector.

use crate::sim::Quality;

/// Its figures over all runs, counted from the suspicion or from the verdict.
pub(super) struct Row {
    /// The part of an experiment; empty where there is only one.
    pub case: String,
    pub name: String,
    pub from: &'static str,
    pub quality: Quality,
    /// What each node sent in a second.
    pub load: f64,
}

impl Row {
    /// Detector and case.
    pub(super) fn title(&self) -> String {
        if self.case.is_empty() { self.name.clone() } else { format!("{}, {}", self.name, self.case) }
    }
}
