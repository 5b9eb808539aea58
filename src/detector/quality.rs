//! How a link carries packets: what tells a sick observer and a lossy link from a peer that is down.
//!
//! A peer that crashed, froze or lost its network gives no sign of life, so its failures are one run without an end. Two
//! other things look different, and neither is the peer's fault. If *this node* reads late or loses its packets, most
//! links go wrong at once while their peers keep showing that they live. If *one link* loses packets, its failures come
//! in several runs with answers between them.

use std::collections::VecDeque;
use std::time::Duration;

use super::event::{PingResult, Purpose};
use super::evidence::Evidence;
use super::gray::SLOW;
use super::limits::CHECK_GAP;
use super::time::ObserverTime;

/// So many attempts of a link are remembered for its losses.
const WINDOW: usize = 20;
/// A link that loses most has this many separate runs of failures among them, and half of them failed. A crash, a
/// freeze and a restart are one run.
const RUNS: usize = 3;
/// Of a link that is broken already, half as many attempts with two runs tell the same: an answer between failures is
/// then no reason to call it whole.
const RUNS_OF_BROKEN: usize = 2;
/// Of a peer that says of itself that it is slow or loses its packets, a few lost ones tell the same, and
/// of a link that is broken already a single one.
const LOSSES_EXPLAINED: usize = 3;
/// Answers in a row after which the link is well. The window of a link that still loses half of its packets holds ten
/// answers in a row once in a thousand.
const WELL_AFTER: u32 = 10;

/// Answers in a row after which a link that was broken is whole; the next ping comes a check's gap after an answer. Where a
/// host loses 60 % of its packets and one answer was enough, some node changed its opinion three times within a minute in 68
/// of 600 runs of five nodes; with two answers in 7, with three in none. A link that loses every third ping exactly stays
/// broken.
const WHOLE_AFTER: u32 = 3;

/// Bad attempts in a row after which a link is bad. One is what a lost packet does, on a network with 5 % of loss every
/// tenth time; two in a row are a hundredth.
const BAD_AFTER: u32 = 2;
/// The smallest delay is forgotten after one to two of these spans: routes change for good.
const FASTEST_FOR: Duration = Duration::from_secs(600);

/// What the attempts of one link showed lately.
#[derive(Clone, Debug, Default)]
pub(crate) struct Quality {
    /// Bad attempts in a row, late or failed.
    bad: u32,
    /// When the first of them began.
    bad_since: ObserverTime,
    /// The smallest delay in the span before this one, and in this.
    fastest: [Option<Duration>; 2],
    span_began: ObserverTime,
    /// Lost or not, newest last.
    lost: VecDeque<bool>,
    /// Answers in a row.
    answers: u32,
    /// When the last of them came.
    answered: Option<ObserverTime>,
    loses_most: bool,
}

impl Quality {
    /// An attempt of mine ended.
    pub(crate) fn add(&mut self, begun: ObserverTime, now: ObserverTime, purpose: Purpose, result: PingResult) {
        let is_scheduled = purpose == Purpose::Scheduled;
        let (is_bad, is_lost) = match result {
            PingResult::Success { rtt, .. } => (self.is_late(rtt, now), Some(false)),
            // On a kept connection nobody can tell a lost packet from a slow process. A check has connected: packets pass.
            PingResult::Failure { evidence: Evidence::Stalled, .. } => (true, (!is_scheduled).then_some(false)),
            PingResult::Failure { evidence: Evidence::Silent, .. } => (true, Some(true)),
            // A kernel or a process answered, or no packet was sent.
            PingResult::Failure { .. } => (false, None),
        };
        if !is_bad {
            self.bad = 0;
        } else {
            if self.bad == 0 {
                self.bad_since = begun;
            }
            self.bad = self.bad.saturating_add(1);
        }
        if matches!(result, PingResult::Success { .. }) {
            self.answers = self.answers.saturating_add(1);
            self.answered = Some(now);
        } else if self.answered.is_some_and(|answered| begun < answered) {
            // It may have been lost before the link was mended, of which that answer was the first sign.
            return;
        } else {
            self.answers = 0;
        }
        if let Some(is_lost) = is_lost {
            if self.lost.len() == WINDOW {
                self.lost.pop_front();
            }
            self.lost.push_back(is_lost);
        }
        if self.answers >= WELL_AFTER {
            self.forget_losses();
        }
    }

    /// Whether it loses most of its packets. A link is `broken` when its peer is not up for me, `explained` when the peer
    /// says of itself that it is slow or loses its packets.
    pub(crate) fn judge_losses(&mut self, broken: bool, explained: bool) {
        let newest = || self.lost.iter().rev().copied();
        self.loses_most |= loses(newest(), WINDOW / 2, RUNS)
            || (broken && loses(newest().take(WINDOW / 2), WINDOW / 4, RUNS_OF_BROKEN))
            || (explained && loses(newest().take(WINDOW / 2), if broken { 1 } else { LOSSES_EXPLAINED }, 1));
    }

    /// Later than this link's smallest delay explains, by more than a retransmission takes.
    fn is_late(&mut self, rtt: Duration, now: ObserverTime) -> bool {
        if now.since(self.span_began) >= FASTEST_FOR {
            self.fastest = [self.fastest[1], None];
            self.span_began = now;
        }
        let [before, present] = self.fastest;
        self.fastest[1] = Some(present.map_or(rtt, |present| present.min(rtt)));
        let fastest = before.into_iter().chain(present).min().unwrap_or(rtt);
        rtt > fastest * 2 + SLOW
    }

    /// The last attempts of this link were all bad.
    pub(crate) fn is_bad(&self) -> bool {
        self.bad >= BAD_AFTER
    }

    /// The link is bad although its peer has shown since, and within `window`, that it lives: it is not the peer.
    pub(crate) fn is_bad_despite(&self, life: Option<ObserverTime>, window: Duration, now: ObserverTime) -> bool {
        // What was on its way already when the first of them began shows nothing.
        let since = self.bad_since + CHECK_GAP;
        self.is_bad() && life.is_some_and(|life| life > since && now.since(life) <= window)
    }

    /// Its last answers show that it is no longer broken.
    pub(crate) fn is_whole(&self) -> bool {
        self.answers >= WHOLE_AFTER
    }

    /// It loses most of its packets, until ten answers in a row.
    pub(crate) fn loses_most(&self) -> bool {
        self.loses_most
    }

    /// Another process answers, or it was this node that lost the packets.
    pub(crate) fn forget_losses(&mut self) {
        self.lost.clear();
        self.loses_most = false;
    }
}

/// At least so many lost, in at least so many separate runs.
fn loses(outcomes: impl Iterator<Item = bool>, losses: usize, runs: usize) -> bool {
    let (mut lost, mut begun, mut last) = (0, 0, false);
    for is_lost in outcomes {
        lost += usize::from(is_lost);
        begun += usize::from(is_lost && !last);
        last = is_lost;
    }
    lost >= losses && begun >= runs
}

/// This node finds that it is itself slow, or loses its packets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slow {
    pub since: ObserverTime,
    /// Since when most links are well again.
    pub well_since: Option<ObserverTime>,
}

/// For so many intervals a sign of life shows that a peer is not to blame, and most links must be well before this node
/// calls itself well.
pub(crate) const SLOW_WINDOW: u32 = 5;
/// Fewer bad links say nothing about this node.
const BAD_LINKS: usize = 3;

/// At least half of the links are bad, and of three of them and a quarter the peers live. Not of all: what a lossy host
/// is sent arrives now and then. In a split the other side shows no life at all.
pub(crate) fn is_slow(bad: usize, despite: usize, expected: usize) -> bool {
    is_slow_if_not_cut_off(bad, despite, expected) && despite * 4 >= bad
}

/// Of a node that hears too few peers to be in the larger part of a split: at least half of the links are bad, and the peers
/// behind three of them live. On its own side of a split no link is bad, and the other side shows no life.
pub(crate) fn is_slow_if_not_cut_off(bad: usize, despite: usize, expected: usize) -> bool {
    bad * 2 >= expected && despite >= BAD_LINKS
}

/// Fewer than a quarter of the links are bad. Where none is expected to work, none shows that this node is slow.
pub(crate) fn is_well(bad: usize, expected: usize) -> bool {
    expected == 0 || bad * 4 < expected
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOST: PingResult = PingResult::Failure { evidence: Evidence::Silent, timed_out: false };
    const STALLED: PingResult = PingResult::Failure { evidence: Evidence::Stalled, timed_out: true };
    const REFUSED: PingResult = PingResult::Failure { evidence: Evidence::Refused, timed_out: false };

    fn answered(ms: u64) -> PingResult {
        PingResult::Success { rtt: Duration::from_millis(ms), sampled: false }
    }

    fn at(ms: u64) -> ObserverTime {
        ObserverTime(Duration::from_millis(ms))
    }

    /// One check each second.
    fn after(results: &[PingResult]) -> Quality {
        let mut quality = Quality::default();
        for (second, result) in (1..).zip(results) {
            quality.add(at(second * 1000), at(second * 1000 + 900), Purpose::Check, *result);
            quality.judge_losses(false, false);
        }
        quality
    }

    #[test]
    fn one_run_of_failures_is_no_loss_and_three_are() {
        let well = answered(1);
        assert!(!after(&[LOST; 40]).loses_most(), "a crash, a cut, a host without power");
        let run = |count: usize| std::iter::repeat_n(LOST, count).chain([well]);
        assert!(!after(&run(10).chain(run(9)).collect::<Vec<_>>()).loses_most(), "two");
        assert!(after(&run(5).chain(run(4)).chain(run(3)).collect::<Vec<_>>()).loses_most(), "three");
        assert!(!after(&run(1).chain(run(1)).chain(run(1)).collect::<Vec<_>>()).loses_most(), "three packets");
        let stalls = [STALLED, well, STALLED, well].repeat(10);
        assert!(!after(&stalls).loses_most(), "a process that answers late accepts connections");
    }

    #[test]
    fn ten_answers_in_a_row_end_it() {
        let mut results = [LOST, LOST, answered(1)].repeat(8);
        assert!(after(&results).loses_most());
        results.extend([answered(1); 8]);
        assert!(after(&results).loses_most(), "nine");
        results.push(answered(1));
        assert!(!after(&results).loses_most());
    }

    #[test]
    fn what_was_lost_before_the_first_answer_of_a_mended_link_is_part_of_the_same_run() {
        let mut quality = after(&[LOST; 10]);
        quality.add(at(11_500), at(11_510), Purpose::Check, answered(10));
        // Begun before that answer, given up after it.
        quality.add(at(11_000), at(12_000), Purpose::Check, LOST);
        quality.judge_losses(true, false);
        assert!(!quality.loses_most(), "one run");
        quality.add(at(12_100), at(13_100), Purpose::Check, LOST);
        quality.judge_losses(true, false);
        assert!(quality.loses_most(), "two");
    }

    #[test]
    fn a_link_is_bad_after_two_late_or_failed_attempts() {
        for (results, bad) in [
            (&[answered(1), LOST][..], false),
            (&[answered(1), LOST, STALLED], true),
            (&[answered(1), answered(600), answered(700)], true),
            (&[answered(1), answered(600), answered(2), answered(700)], false),
            (&[answered(600), answered(700), answered(800)], false),
            (&[answered(1), REFUSED, REFUSED, REFUSED], false),
        ] {
            assert_eq!(after(results).is_bad(), bad, "{results:?}");
        }
    }

    #[test]
    fn it_is_not_the_peer_if_it_lived_since() {
        let quality = after(&[answered(1), LOST, LOST]);
        let window = Duration::from_secs(5);
        let life = |ms| quality.is_bad_despite(Some(at(ms)), window, at(8000));
        assert!(!life(2100), "on its way when the first failure began");
        assert!(!life(2900), "too long ago");
        assert!(life(3100));
    }

    #[test]
    fn half_of_the_links_and_life_behind_some_make_a_node_slow() {
        for (bad, despite, expected, slow) in [
            (4, 4, 4, true),
            (3, 3, 4, true),
            (2, 2, 2, false),
            (2, 2, 3, false),
            (20, 1, 31, false),
            (20, 5, 31, true),
            (15, 15, 31, false),
        ] {
            assert_eq!(is_slow(bad, despite, expected), slow, "{bad} {despite} {expected}");
        }
        assert!(is_well(0, 0) && is_well(0, 1) && is_well(7, 31) && !is_well(8, 31) && !is_well(1, 4));
    }
}
