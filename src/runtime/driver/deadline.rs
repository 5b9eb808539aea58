//! What is done when a deadline has passed.
//!
//! How long the runtime may read before a judgement is bounded by time. A bound by turns was turned down: under load a
//! turn takes a hundred times as long as on an idle node, and traffic that never pauses then postponed every ping.

use std::time::Duration;

use tokio::task::yield_now;

use super::Driver;
use crate::detector::limits::STALL;
use crate::detector::node::{Deadline, Reason};
use crate::detector::time::Monotonic;
use crate::runtime::alarm::Alarm;
use crate::runtime::clock::millis;

/// Turns without anything new after which the kernel holds nothing for us. An
/// answer needs one turn to be read, one to reach its request and one to end
/// it; a ping of a peer needs one more to be accepted.
const QUIET_TURNS: u32 = 4;
/// Turns after a stall before quiet counts: one turn of the runtime polls some
/// sixty tasks, so this reaches all peers in a mesh of hundreds.
const STALL_TURNS: u32 = 16;
/// However long a turn takes, an answer that had arrived gets as many as it needs to be read.
const TURNS_MIN: u32 = 3;
/// Reading in all: traffic that never pauses must not postpone a judgement without limit. A twentieth of an interval.
const READ_TIME: Duration = Duration::from_millis(50);

impl Driver {
    pub(super) fn arm(&mut self, alarm: &mut Alarm, armed: &mut Option<Monotonic>, deadline: Option<Deadline>) {
        self.due = oldest_unmet(self.due, deadline.map(|deadline| deadline.at), self.clock.now());
        self.inbox.shared.sleep_until(self.due.map(|due| millis(due.0)));
        if let Some(deadline) = deadline
            && *armed != Some(deadline.at)
        {
            alarm.set(deadline.at);
            *armed = Some(deadline.at);
        }
    }

    /// Handles a deadline that has passed, after letting in whatever was on its way.
    pub(super) async fn time_is_up(&mut self, deadline: Deadline) {
        let late = self.clock.now() - self.due.unwrap_or(deadline.at);
        self.observer.woke(late);
        let stalled = late > STALL;
        if stalled || deadline.reason == Reason::Judge {
            self.read(if stalled { STALL_TURNS } else { 0 }).await;
        }
        // What came in may have moved the deadline: then there is nothing to judge.
        let now = self.clock.now();
        if self.node.poll_timeout().is_some_and(|deadline| deadline.at <= now) {
            self.node.handle_timeout(now);
            self.perform();
        }
        self.due = None;
    }

    /// Lets the runtime read until nothing new comes, which counts after `least` turns.
    async fn read(&mut self, least: u32) {
        let begun = self.clock.now();
        let (mut turns, mut quiet) = (0, 0);
        loop {
            // Comes back only after the runtime has asked the kernel for news.
            yield_now().await;
            turns += 1;
            quiet = if self.drain() { 0 } else { quiet + 1 };
            let is_quiet = turns > least && quiet >= QUIET_TURNS;
            if is_quiet || (turns >= TURNS_MIN && self.clock.now() - begun >= READ_TIME) {
                return;
            }
        }
    }
}

/// Since when a deadline has been unmet, or when the next one is. A detector that is asked late says "now", whatever the
/// time was that it meant; so a deadline that has passed stays the oldest one until it was met or moved into the future.
fn oldest_unmet(known: Option<Monotonic>, next: Option<Monotonic>, now: Monotonic) -> Option<Monotonic> {
    match (known, next?) {
        (Some(known), next) if known <= now && next <= now => Some(known.min(next)),
        (_, next) => Some(next),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unmet_deadline_ages_until_it_is_met_or_moved() {
        let at = |ms| Monotonic(Duration::from_millis(ms));
        for (known, next, now, expected) in [
            (None, None, 5, None),
            (None, Some(10), 5, Some(10)),
            // The detector was asked late: it means the one that was known.
            (Some(10), Some(900), 900, Some(10)),
            (Some(10), Some(9), 900, Some(9)),
            // An answer moved it.
            (Some(10), Some(1100), 900, Some(1100)),
            (Some(1500), Some(1200), 900, Some(1200)),
            (Some(10), None, 900, None),
        ] {
            let found = oldest_unmet(known.map(at), next.map(at), at(now));
            assert_eq!(found, expected.map(at), "{known:?} {next:?} at {now}");
        }
    }
}
