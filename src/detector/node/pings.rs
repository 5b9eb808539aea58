//! Sending: scheduled pings, checks, streams, and what time does to them.

use std::time::Duration;

use super::Node;
use crate::detector::event::{Doubt, EventKind, PingResult, Purpose};
use crate::detector::evidence::Evidence;
use crate::detector::gray::SLOW;
use crate::detector::limits::CHECK_GAP;
use crate::detector::link::{Attempt, Link, Overdue, Stream};
use crate::detector::peer::{AttemptId, PeerId, PeerState, Testimony};
use crate::detector::time::{Monotonic, ObserverTime};
use crate::detector::timers::Timer;
use crate::detector::transmit::Transmit;

/// After a stream ended it is opened again this much later, give or take a tenth.
const REOPEN: Duration = Duration::from_secs(1);

impl Link {
    /// Everything that is on its way.
    pub(super) fn open_attempts(&self) -> Vec<AttemptId> {
        let overdue = self.overdue.as_ref().map(|overdue| &overdue.attempt);
        let singles = [self.scheduled.as_ref(), overdue, self.witness_ping.as_ref()];
        singles.into_iter().flatten().chain(&self.checks).map(|attempt| attempt.id).collect()
    }
}

impl Node {
    /// The link's deadline has come: do everything that is due, then judge.
    pub(super) fn link_due(&mut self, id: PeerId, now: ObserverTime) {
        self.expire_scheduled(id, now);
        self.expire_checks(id, now);
        self.expire_witness_ping(id, now);
        let Some(link) = self.links.get_mut(&id) else { return };
        let is_due = |timer| link.is_due(timer, &self.config, now);
        let (check, ping) = (is_due(Timer::NextCheck), is_due(Timer::NextPing));
        let (ask, reopen, calm) = (is_due(Timer::NextQuestion), is_due(Timer::Reopen), is_due(Timer::FlapsClear));
        let overdue = is_due(Timer::ListOverdue);
        if reopen {
            link.reopen = None;
        }
        if calm {
            link.flaps.clear();
        }
        if overdue {
            link.watch_asked = None;
            self.rejudge = true;
        }
        let changes = link.flaps.count() as u32;
        if check {
            self.start_check(id, now);
        }
        if ping {
            self.start_ping(id, now);
        }
        if ask {
            self.ask_witnesses(id, now);
        }
        if reopen {
            self.open_stream(id);
        }
        if calm {
            self.emit(Some(id), EventKind::PeerFlapping { on: false, changes });
        }
        self.tell_never_seen(id, now);
        self.settle(id, now);
    }

    /// As if the deadline of every link had come. For the test that every time condition has its timer.
    #[doc(hidden)]
    pub fn handle_every_timer(&mut self, now: Monotonic) {
        let now = self.begin(now);
        if !self.leaving {
            let ids: Vec<PeerId> = self.links.ids().collect();
            for id in ids {
                self.link_due(id, now);
            }
        }
        self.finish();
    }

    /// Judge a suspect, unreachable or dead link and set its next deadline.
    pub(super) fn settle(&mut self, id: PeerId, now: ObserverTime) {
        self.judge(id, now);
        self.reschedule(id);
    }

    /// This interval's ping. Over the kept connection while the link works; once
    /// is broken each ping is a check, because only a check shows how.
    fn start_ping(&mut self, id: PeerId, now: ObserverTime) {
        let stretch = self.random_below(Duration::from_secs(1)).as_secs_f64() * 2.0 - 1.0;
        let interval = self.config.interval.mul_f64(1.0 + stretch * self.config.jitter);
        let Some(link) = self.links.get_mut(&id) else { return };
        link.next_ping = now + interval;
        if link.state.is_broken() {
            self.start_check(id, now);
            return;
        }
        if let Some(overdue) = &mut link.overdue {
            if overdue.grace > 0 {
                overdue.grace -= 1;
            } else {
                self.transmits.push_back(Transmit::Cancel { attempt: overdue.attempt.id });
                link.overdue = None;
            }
        }
        let attempt = new_attempt(link, Purpose::Scheduled, now);
        self.transmits.push_back(ping(link, &attempt));
        link.scheduled = Some(attempt);
    }

    /// A ping on a new connection. Two may be open; a third closes the older one.
    pub(super) fn start_check(&mut self, id: PeerId, now: ObserverTime) {
        let Some(link) = self.links.get_mut(&id) else { return };
        link.next_check = None;
        let closed = (link.checks.len() >= 2).then(|| link.checks.remove(0));
        let attempt = new_attempt(link, Purpose::Check, now);
        let transmit = ping(link, &attempt);
        link.checks.push(attempt);
        if let Some(closed) = closed {
            self.transmits.push_back(Transmit::Cancel { attempt: closed.id });
            if !closed.counted && !closed.tainted {
                self.count(id, Purpose::Check, closed.begun, failure(Evidence::Silent, true));
            }
        }
        self.transmits.push_back(transmit);
    }

    /// A check, unless one began a moment ago.
    pub(super) fn check_soon(&mut self, id: PeerId, now: ObserverTime) {
        let Some(link) = self.links.get(&id) else { return };
        let recent = link.checks.iter().any(|check| now.since(check.begun) < CHECK_GAP);
        if !recent && link.next_check.is_none() {
            self.start_check(id, now);
        }
    }

    /// Pings now instead of later, for a peer that has shown itself before it ever answered.
    pub(super) fn ping_soon(&mut self, id: PeerId, now: ObserverTime) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let interval = self.config.interval;
        let begun = (link.counter > 0)
            .then(|| link.next_ping.since(now))
            .map_or(interval, |left| interval.saturating_sub(left));
        if link.scheduled.is_none() && begun >= CHECK_GAP {
            link.next_ping = now;
            self.reschedule(id);
        }
    }

    fn expire_scheduled(&mut self, id: PeerId, now: ObserverTime) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let late = link.is_due(Timer::PingLate, &self.config, now);
        let timed_out = link.is_due(Timer::PingTimeout, &self.config, now);
        let Some(attempt) = &mut link.scheduled else { return };
        let (begun, judged) = (attempt.begun, !attempt.tainted);
        if timed_out {
            attempt.counted = true;
            link.warm = false;
            let replaced =
                link.scheduled.take().and_then(|attempt| link.overdue.replace(Overdue { attempt, grace: 1 }));
            if let Some(replaced) = replaced {
                self.transmits.push_back(Transmit::Cancel { attempt: replaced.attempt.id });
            }
            if judged {
                self.opinion_regained(id);
                self.count(id, Purpose::Scheduled, begun, failure(Evidence::Stalled, true));
                self.doubt(id, Doubt::Failed, now);
            }
        } else if late {
            attempt.late = true;
            self.doubt(id, Doubt::Late, now);
        }
    }

    /// Checks that connected and say nothing count as stalled and stay open;
    /// those that do not even connect are given up a little after the runtime
    /// should have done so.
    fn expire_checks(&mut self, id: PeerId, now: ObserverTime) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let mut ended = Vec::new();
        for place in 0..link.checks.len() {
            let is_due = |timer| link.is_check_due(&link.checks[place], timer, &self.config, now);
            let evidence = if is_due(Timer::CheckStalled) {
                Some(Evidence::Stalled)
            } else if is_due(Timer::CheckUnconnected) {
                Some(Evidence::Silent)
            } else {
                None
            };
            if is_due(Timer::CheckGone) {
                link.trail.vanished();
            }
            if let Some(evidence) = evidence {
                let check = &mut link.checks[place];
                check.counted = true;
                ended.push((check.id, evidence, check.begun, check.tainted));
            }
        }
        for (attempt, evidence, begun, tainted) in ended {
            if evidence == Evidence::Silent {
                self.forget_check(id, attempt);
                self.transmits.push_back(Transmit::Cancel { attempt });
            }
            self.check_ended(id, begun, evidence, tainted, now);
        }
    }

    pub(super) fn forget_check(&mut self, id: PeerId, attempt: AttemptId) {
        if let Some(link) = self.links.get_mut(&id) {
            link.checks.retain(|check| check.id != attempt);
        }
    }

    /// A check failed: evidence, a count, doubt, and the next one a little later.
    pub(super) fn check_ended(
        &mut self,
        id: PeerId,
        begun: ObserverTime,
        evidence: Evidence,
        tainted: bool,
        now: ObserverTime,
    ) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let pace = link.state.is_up() && link.next_check.is_none();
        if tainted {
            if pace && link.state == PeerState::Suspect {
                link.next_check = Some(now);
            }
            return;
        }
        self.rejudge |= link.failed(begun, evidence);
        self.opinion_regained(id);
        self.count(id, Purpose::Check, begun, failure(evidence, evidence == Evidence::Stalled));
        self.doubt(id, Doubt::CheckFailed, now);
        if let Some(link) = self.links.get_mut(&id)
            && link.state == PeerState::Suspect
            && pace
        {
            link.next_check = Some(now + CHECK_GAP);
        }
    }

    fn expire_witness_ping(&mut self, id: PeerId, now: ObserverTime) {
        let Some(link) = self.links.get_mut(&id) else { return };
        if !link.is_due(Timer::WitnessPing, &self.config, now) {
            return;
        }
        let Some(attempt) = link.witness_ping.take() else { return };
        let evidence = if attempt.connected.is_some() { Evidence::Stalled } else { Evidence::Silent };
        self.transmits.push_back(Transmit::Cancel { attempt: attempt.id });
        self.witness_ping_ended(id, attempt.begun, Testimony::Failed { evidence }, now);
    }

    /// An untainted attempt ended, so it was begun after the last stall and
    /// the node may have an opinion of this peer again.
    pub(super) fn opinion_regained(&mut self, id: PeerId) {
        if let Some(link) = self.links.get_mut(&id) {
            link.blind = None;
        }
    }

    /// One attempt ends, one count. Pings to a peer that left count nowhere; they are remembered like all others.
    pub(super) fn count(&mut self, id: PeerId, purpose: Purpose, begun: ObserverTime, result: PingResult) {
        let now = self.clock.now();
        let Some(link) = self.links.get_mut(&id) else { return };
        link.record.attempts.add(begun, now, purpose, result);
        if link.state == PeerState::Left && purpose != Purpose::Witness {
            return;
        }
        let mut degraded = None;
        if purpose == Purpose::Scheduled && link.state != PeerState::Joining {
            let (failed, slow) = match result {
                PingResult::Success { rtt, .. } => (false, rtt > SLOW),
                PingResult::Failure { .. } => (true, false),
            };
            degraded = link.outcomes.add(failed, slow);
        }
        let (bad, of) = (link.outcomes.bad() as u32, link.outcomes.remembered() as u32);
        self.emit(Some(id), EventKind::PingEnded { purpose, result });
        if let Some(on) = degraded {
            self.emit(Some(id), EventKind::PeerDegraded { on, bad, of });
        }
    }

    /// After a stall: what was in flight proves nothing by failing, and there is
    /// no opinion until an attempt begun after it has finished.
    pub(super) fn blind_link(&mut self, id: PeerId, soon: ObserverTime, now: ObserverTime) {
        let Some(link) = self.links.get_mut(&id) else { return };
        link.blind = Some(now);
        for attempt in link.checks.iter_mut().chain(link.witness_ping.as_mut()) {
            attempt.tainted = true;
        }
        if let Some(mut attempt) = link.scheduled.take() {
            attempt.tainted = true;
            link.warm = false;
            if let Some(replaced) = link.overdue.replace(Overdue { attempt, grace: 1 }) {
                self.transmits.push_back(Transmit::Cancel { attempt: replaced.attempt.id });
            }
        }
        link.next_ping = soon;
        if link.state == PeerState::Suspect {
            link.next_check = Some(soon);
        }
        self.reschedule(id);
    }

    pub(super) fn open_stream(&mut self, id: PeerId) {
        let streams = self.config.streams;
        let Some(link) = self.links.get_mut(&id) else { return };
        if streams && link.state == PeerState::Alive && link.stream == Stream::Closed {
            link.stream = Stream::Opening;
            link.reopen = None;
            self.transmits.push_back(Transmit::OpenStream { peer: id });
        }
    }

    pub(super) fn close_stream(&mut self, id: PeerId) {
        let Some(link) = self.links.get_mut(&id) else { return };
        link.reopen = None;
        if link.stream != Stream::Closed {
            link.stream = Stream::Closed;
            self.transmits.push_back(Transmit::CloseStream { peer: id });
        }
    }

    /// The end of a stream starts a check and does nothing else.
    pub(super) fn stream_ended(&mut self, id: PeerId, now: ObserverTime) {
        let jitter = self.random_below(REOPEN / 5);
        let Some(link) = self.links.get_mut(&id) else { return };
        let stood = link.stream == Stream::Open;
        link.stream = Stream::Closed;
        if link.state == PeerState::Alive {
            link.reopen = Some(now + REOPEN.mul_f64(0.9) + jitter);
        }
        if stood && link.state.is_up() && !self.leaving {
            self.check_soon(id, now);
        }
        self.settle(id, now);
    }
}

fn new_attempt(link: &mut Link, purpose: Purpose, now: ObserverTime) -> Attempt {
    let id = link.next_attempt();
    let warm = purpose == Purpose::Scheduled && link.warm;
    Attempt { id, purpose, begun: now, connected: None, tainted: false, counted: false, late: false, warm }
}

fn ping(link: &Link, attempt: &Attempt) -> Transmit {
    Transmit::Ping { attempt: attempt.id, peer: link.id, purpose: attempt.purpose, known_rev: link.watch_rev }
}

pub(super) fn failure(evidence: Evidence, timed_out: bool) -> PingResult {
    PingResult::Failure { evidence, timed_out }
}

/// A witness ping like any other, for the testimony.
pub(super) fn witness_ping(link: &mut Link, now: ObserverTime) -> Transmit {
    let attempt = new_attempt(link, Purpose::Witness, now);
    let transmit = ping(link, &attempt);
    link.witness_ping = Some(attempt);
    transmit
}
