//! Why a node stops, and how it ended.

use crate::runtime::signals::Signal;
use crate::runtime::supervisor::{Drained, TaskEnd};

/// How a node ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Cleanly; every open request was answered.
    Drained,
    /// Cleanly, but some requests were still open at the time limit.
    CutOff,
    /// At once, on a second signal.
    Forced(Signal),
    /// Cleanly, because a part of the node ended or panicked.
    TaskEnded(TaskEnd),
}

/// Why a node stops.
#[derive(Debug)]
pub(super) enum Cause {
    Signal(Signal),
    /// The program that started it asked.
    Asked,
    TaskEnded(TaskEnd),
}

/// How a node ended that was asked to stop by `cause`.
pub(super) fn ending(cause: &Cause, servers: Drained, detector: Drained) -> Ending {
    if let Cause::TaskEnded(end) = cause {
        return Ending::TaskEnded(end.clone());
    }
    if let Some(end) = servers.failed.into_iter().chain(detector.failed).next() {
        return Ending::TaskEnded(end);
    }
    if servers.cut_off.is_empty() && detector.cut_off.is_empty() { Ending::Drained } else { Ending::CutOff }
}
