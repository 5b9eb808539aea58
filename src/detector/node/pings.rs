//! Sending: scheduled pings, checks, streams, and what time does to them.

use std::time::Duration;

use super::{Node, departures};
use crate::detector::event::{Doubt, EventKind, PingResult, Purpose};
use crate::detector::evidence::Evidence;
use crate::detector::gray::SLOW;
use crate::detector::limits::CHECK_GAP;
use crate::detector::link::Link;
use crate::detector::link::requests::Attempt;
use crate::detector::peer::{AttemptId, PeerId, PeerState, Testimony};
use crate::detector::time::{Monotonic, ObserverTime};
use crate::detector::timers::Timer;
use crate::detector::transmit::Transmit;

/// After a stream ended it is opened again this much later, give or take a tenth.
const REOPEN: Duration = Duration::from_secs(1);

impl Node {
    /// The link's deadline has come: do everything that is due, then judge.
    pub(super) fn link_due(&mut self, link: &mut Link, now: ObserverTime) {
        self.expire_scheduled(link, now);
        self.expire_checks(link, now);
        self.expire_witness_ping(link, now);
        let [check, ping, ask, reopen, calm, overdue] = [
            Timer::NextCheck,
            Timer::NextPing,
            Timer::NextQuestion,
            Timer::Reopen,
            Timer::FlapsClear,
            Timer::ListOverdue,
        ]
        .map(|timer| link.is_due(timer, &self.config, now));
        if check {
            self.start_check(link, now);
        }
        if ping {
            self.start_ping(link, now);
        }
        if ask {
            self.ask_witnesses(link, now);
        }
        if reopen {
            link.stream.set_reopen(None);
            self.open_stream(link);
        }
        if calm {
            link.flaps.clear();
            self.report(link, EventKind::PeerFlapping { on: false, changes: 0 });
        }
        if overdue {
            link.reported.list_is_overdue();
            self.effects.rejudge();
        }
        self.report_never_seen(link, now);
        self.settle(link, now);
    }

    /// As if the deadline of every link had come. For the test that every time condition has its timer.
    #[doc(hidden)]
    pub fn handle_every_timer(&mut self, now: Monotonic) {
        let now = self.begin(now);
        if !self.leaving {
            let ids: Vec<PeerId> = self.links.ids().collect();
            for id in ids {
                self.with_link(id, |node, link| node.link_due(link, now));
            }
        }
        self.finish();
    }

    /// Judge a suspect, unreachable or dead link and set its next deadline.
    pub(super) fn settle(&mut self, link: &mut Link, now: ObserverTime) {
        link.i_am_slow = self.slow.is_some();
        self.judge(link, now);
        self.schedule.set(link, &self.config, now);
    }

    /// This interval's ping. Over the kept connection while the link works; once
    /// it is broken each ping is a check, because only a check shows how.
    fn start_ping(&mut self, link: &mut Link, now: ObserverTime) {
        let part = self.random_below(Duration::from_secs(1)).as_secs_f64();
        let due = self.departures.next(&self.config, now, part);
        link.requests.plan_ping(departures::earliest(&self.config, now), due);
        if link.state().is_broken() {
            self.start_check(link, now);
            return;
        }
        let (attempt, dropped) = link.requests.start_scheduled(now);
        self.effects.cancel(dropped);
        self.send_ping(link, attempt, Purpose::Scheduled);
    }

    /// An answer was read: the ping that is due next leaves now, if its time allows, instead of waking this process again.
    pub(super) fn ride_along(&mut self, now: ObserverTime) {
        let soon = now + self.config.interval.mul_f64(self.config.jitter);
        let Some((id, at)) = self.schedule.first_to_send(&mut self.links, &self.config, now) else { return };
        if self.leaving || at > soon {
            return;
        }
        self.with_link(id, |node, link| {
            if link.requests.scheduled().is_none()
                && link.requests.ping_from() <= now
                && link.requests.next_ping() == at
            {
                node.start_ping(link, now);
                node.settle(link, now);
            }
        });
    }

    pub(super) fn send_ping(&mut self, link: &Link, attempt: AttemptId, purpose: Purpose) {
        let known_rev = link.reported.revision();
        self.effects.send(Transmit::Ping { attempt, peer: link.id(), purpose, known_rev });
    }

    /// A ping on a new connection.
    pub(super) fn start_check(&mut self, link: &mut Link, now: ObserverTime) {
        let (attempt, closed) = link.requests.start_check(now);
        if let Some(closed) = closed {
            self.effects.cancel([closed.id]);
            if !closed.counted && !closed.tainted {
                self.count(link, Purpose::Check, closed.begun, failure(Evidence::Silent, true));
            }
        }
        self.send_ping(link, attempt, Purpose::Check);
    }

    /// A check, for a reason that another node gave: a hint in its ping, the end of its stream, its word as a witness.
    /// At once if the last check is old enough, else as soon as it is: the hint may be newer than that check.
    pub(super) fn check_soon(&mut self, link: &mut Link, now: ObserverTime) {
        let from = link.requests.check_may_begin();
        // A third check would close the older of two that are open, and one that is closed early never shows that its peer
        // is silent: hints without end would hide that.
        if link.requests.next_check().is_some()
            || link.requests.checks().iter().filter(|check| !check.counted).count() >= 2
        {
            return;
        }
        if from <= now {
            self.start_check(link, now);
        } else {
            link.requests.set_next_check(Some(from));
        }
    }

    /// Pings now instead of later, for a peer that has shown itself before it ever answered.
    pub(super) fn ping_soon(&mut self, link: &mut Link, now: ObserverTime) {
        if link.requests.may_ping(self.config.interval, now) {
            link.requests.set_next_ping(now);
            self.schedule.set(link, &self.config, now);
        }
    }

    fn expire_scheduled(&mut self, link: &mut Link, now: ObserverTime) {
        let Some(ping) = link.requests.scheduled() else { return };
        let (begun, judged) = (ping.begun, !ping.tainted);
        if link.is_due(Timer::PingTimeout, &self.config, now) {
            let displaced = link.requests.scheduled_timed_out();
            self.effects.cancel(displaced);
            if judged {
                link.proofs.regain_opinion();
                self.count(link, Purpose::Scheduled, begun, failure(Evidence::Stalled, true));
                self.doubt_for(link, Doubt::Failed, Evidence::Stalled, now);
            }
        } else if link.is_due(Timer::PingLate, &self.config, now) {
            link.requests.mark_late();
            self.doubt_for(link, Doubt::Late, Evidence::Stalled, now);
        }
    }

    /// Checks that connected and say nothing count as stalled and stay open;
    /// those that do not even connect are given up a little after the runtime
    /// should have done so.
    fn expire_checks(&mut self, link: &mut Link, now: ObserverTime) {
        let (mut ended, mut place) = (Vec::new(), 0);
        while let Some(check) = link.requests.checks().get(place) {
            let is_due = |timer| link.is_check_due(check, timer, &self.config, now);
            let (stalled, unconnected) = (is_due(Timer::CheckStalled), is_due(Timer::CheckUnconnected));
            if is_due(Timer::CheckGone) {
                link.trail.vanished();
            }
            if stalled || unconnected {
                ended.push(link.requests.check_counts(place, stalled));
            }
            place += usize::from(!unconnected);
        }
        for check in ended {
            let evidence = if check.connected.is_some() { Evidence::Stalled } else { Evidence::Silent };
            if evidence == Evidence::Silent {
                self.effects.cancel([check.id]);
            }
            self.check_ended(link, &check, evidence, now);
        }
    }

    /// A check failed: evidence, a count, doubt, and the next one a little later.
    pub(super) fn check_ended(&mut self, link: &mut Link, check: &Attempt, evidence: Evidence, now: ObserverTime) {
        let next_is_open = link.state().is_up() && link.requests.next_check().is_none();
        if check.tainted {
            if next_is_open && link.state() == PeerState::Suspect {
                link.requests.set_next_check(Some(now));
            }
            return;
        }
        self.effects.rejudge_if(link.failed(check.begun, evidence));
        link.proofs.regain_opinion();
        self.count(link, Purpose::Check, check.begun, failure(evidence, evidence == Evidence::Stalled));
        self.doubt_for(link, Doubt::CheckFailed, evidence, now);
        if link.state() == PeerState::Suspect && next_is_open {
            link.requests.set_next_check(Some(now + CHECK_GAP));
        }
    }

    fn expire_witness_ping(&mut self, link: &mut Link, now: ObserverTime) {
        if !link.is_due(Timer::WitnessPing, &self.config, now) {
            return;
        }
        let Some(attempt) = link.requests.take_for_witness() else { return };
        let evidence = if attempt.connected.is_some() { Evidence::Stalled } else { Evidence::Silent };
        self.effects.cancel([attempt.id]);
        self.witness_ping_ended(link, attempt.begun, Testimony::Failed { evidence }, now);
    }

    /// One attempt ends, one count. Pings to a peer that left count nowhere; they are remembered like all others.
    pub(super) fn count(&mut self, link: &mut Link, purpose: Purpose, begun: ObserverTime, result: PingResult) {
        let now = self.clock.now();
        link.record.attempts.add(begun, now, purpose, result);
        // Before the first answer it may not have been started.
        if link.state() != PeerState::Joining {
            link.quality.add(begun, now, purpose, result);
        }
        self.consider_losses(link);
        self.reconsider_slow(link, now);
        if link.state() == PeerState::Left && purpose != Purpose::Witness {
            return;
        }
        let mut degraded = None;
        if purpose == Purpose::Scheduled && link.state() != PeerState::Joining {
            let (failed, slow) = match result {
                PingResult::Success { rtt, .. } => (false, rtt > SLOW),
                PingResult::Failure { .. } => (true, false),
            };
            degraded = link.outcomes.add(failed, slow);
        }
        self.report(link, EventKind::PingEnded { purpose, result });
        if let Some(on) = degraded {
            let (bad, of) = (link.outcomes.bad() as u32, link.outcomes.remembered() as u32);
            self.report(link, EventKind::PeerDegraded { on, bad, of });
        }
    }

    /// After a stall: what was in flight proves nothing by failing, and there is
    /// no opinion until an attempt begun after it has finished.
    pub(super) fn lose_opinion(&mut self, link: &mut Link, soon: ObserverTime, now: ObserverTime) {
        link.proofs.lose_opinion(now);
        let dropped = link.requests.taint();
        self.effects.cancel(dropped);
        link.requests.set_next_ping(soon);
        if link.state() == PeerState::Suspect {
            link.requests.set_next_check(Some(soon));
        }
        self.schedule.set(link, &self.config, now);
    }

    fn open_stream(&mut self, link: &mut Link) {
        if self.config.streams && link.state() == PeerState::Alive && link.stream.is_closed() {
            link.stream.opens();
            self.effects.send(Transmit::OpenStream { peer: link.id() });
        }
    }

    pub(super) fn close_stream(&mut self, link: &mut Link) {
        if link.stream.close() {
            self.effects.send(Transmit::CloseStream { peer: link.id() });
        }
    }

    /// The end of a stream starts a check and does nothing else.
    pub(super) fn stream_ended(&mut self, link: &mut Link, now: ObserverTime) {
        let jitter = self.random_below(REOPEN / 5);
        let stood = link.stream.ended();
        if link.state() == PeerState::Alive {
            link.stream.set_reopen(Some(now + REOPEN.mul_f64(0.9) + jitter));
        }
        if stood && link.state().is_up() && !self.leaving {
            self.check_soon(link, now);
        }
        self.settle(link, now);
    }
}

pub(super) fn failure(evidence: Evidence, timed_out: bool) -> PingResult {
    PingResult::Failure { evidence, timed_out }
}
