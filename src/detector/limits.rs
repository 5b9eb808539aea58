//! Limits that more than one part keeps to: the detector, the runtime, and the simulator in place of the runtime.
//!
//! A limit that the simulator and the node each had for themselves would one day differ, and then the simulator
//! would exercise another program than the one that runs. A limit that only one module knows stays in that module.

use std::time::Duration;

/// Checks of one peer keep this distance. Two refusals this far apart mean that the process is gone; closer together,
/// it may be restarting its listener. So the next check of a suspect starts this long after one ended, a check
/// that connected and has no answer after this time counts as stalled, and a ping from a peer that this node thought
/// gone, or does not know yet, starts a new check at most this often.
pub(crate) const CHECK_GAP: Duration = Duration::from_millis(250);

/// A wake-up this late is a stall: the process did not run, opinions are on hold until fresh evidence is in, and
/// what other nodes sent meanwhile still waits to be read. More than twice what a busy machine shows
/// ([`ObserverClock::SLACK`](super::time::ObserverClock::SLACK)).
pub(crate) const STALL: Duration = Duration::from_millis(500);

/// How long a leaving node waits for its goodbyes. A peer on the same network answers in a few milliseconds; one that
/// is gone must not delay the stop.
pub(crate) const GOODBYE_LIMIT: Duration = Duration::from_millis(300);

/// A stream says at least this often that it is alive, with a comment where it has no news.
pub(crate) const STREAM_COMMENT: Duration = Duration::from_secs(5);

/// A stream that was silent for three such comments has ended.
pub(crate) const STREAM_SILENCE: Duration = STREAM_COMMENT.saturating_mul(3);

/// For so long one observer alone is believed against all others: that it reaches a peer, or does not miss it. Its link may
/// be the only one that works.
pub(crate) const LONE_WORD: Duration = Duration::from_secs(60);
