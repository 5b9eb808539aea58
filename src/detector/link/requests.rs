//! The pings that are on their way to a peer, and when the next ones start.

use std::time::Duration;

use crate::detector::event::Purpose;
use crate::detector::limits::CHECK_GAP;
use crate::detector::peer::{AttemptId, PeerId};
use crate::detector::time::ObserverTime;

/// A request that is on its way.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub id: AttemptId,
    pub purpose: Purpose,
    pub begun: ObserverTime,
    pub connected: Option<ObserverTime>,
    /// Was in flight during a stall: its answer proves life, its failure proves nothing.
    pub tainted: bool,
    /// Its end has been counted; whatever comes now is only proof of life.
    pub counted: bool,
    /// It was found late already.
    pub late: bool,
    /// Sent on a connection that had carried an answer before.
    pub warm: bool,
}

/// A scheduled ping that counted as failed and may still be answered.
#[derive(Clone, Debug)]
struct Overdue {
    attempt: Attempt,
    /// The next scheduled ping is the last that may start before the request is dropped.
    is_new: bool,
}

/// At most one scheduled ping and one overdue, two checks and one ping for witnesses.
#[derive(Clone, Debug)]
pub(crate) struct Requests {
    peer: PeerId,
    count: u32,
    scheduled: Option<Attempt>,
    overdue: Option<Overdue>,
    checks: Vec<Attempt>,
    for_witness: Option<Attempt>,
    next_ping: ObserverTime,
    /// The next ping may start from here on, where that saves a wake-up.
    ping_from: ObserverTime,
    next_check: Option<ObserverTime>,
    /// Start of the last check of this node, whatever came of it.
    last_check: Option<ObserverTime>,
    warm: bool,
}

impl Requests {
    pub(super) fn new(peer: PeerId, first_ping: ObserverTime) -> Requests {
        Requests {
            peer,
            count: 0,
            scheduled: None,
            overdue: None,
            checks: Vec::new(),
            for_witness: None,
            next_ping: first_ping,
            ping_from: first_ping,
            next_check: None,
            last_check: None,
            warm: false,
        }
    }

    /// A new attempt. The upper half of its number names the link, so that a
    /// result finds its way back without a map.
    fn begin(&mut self, purpose: Purpose, now: ObserverTime) -> Attempt {
        self.count = self.count.wrapping_add(1);
        let id = AttemptId(u64::from(self.peer.0) << 32 | u64::from(self.count));
        let warm = purpose == Purpose::Scheduled && self.warm;
        Attempt { id, purpose, begun: now, connected: None, tainted: false, counted: false, late: false, warm }
    }

    /// The link that an attempt belongs to.
    pub(crate) fn owner(attempt: AttemptId) -> PeerId {
        PeerId(u32::try_from(attempt.0 >> 32).unwrap_or(0))
    }

    /// An attempt that began before this peer was known, with its answer: it counts nowhere.
    pub(crate) fn probe(&mut self, begun: ObserverTime, tainted: bool) -> Attempt {
        let attempt = self.begin(Purpose::Check, begun);
        Attempt { connected: Some(begun), tainted, counted: true, ..attempt }
    }

    /// This interval's ping, on the kept connection. Returns the overdue one that is dropped for it, too.
    pub(crate) fn start_scheduled(&mut self, now: ObserverTime) -> (AttemptId, Option<AttemptId>) {
        let dropped = self.overdue.take_if(|overdue| !std::mem::take(&mut overdue.is_new));
        let attempt = self.begin(Purpose::Scheduled, now);
        let id = attempt.id;
        self.scheduled = Some(attempt);
        (id, dropped.map(|overdue| overdue.attempt.id))
    }

    /// A ping on a new connection. Two may be open; a third closes the older one, which is returned, too.
    pub(crate) fn start_check(&mut self, now: ObserverTime) -> (AttemptId, Option<Attempt>) {
        self.next_check = None;
        self.last_check = Some(now);
        let closed = (self.checks.len() >= 2).then(|| self.checks.remove(0));
        let attempt = self.begin(Purpose::Check, now);
        let id = attempt.id;
        self.checks.push(attempt);
        (id, closed)
    }

    pub(crate) fn start_for_witness(&mut self, now: ObserverTime) -> AttemptId {
        let attempt = self.begin(Purpose::Witness, now);
        let id = attempt.id;
        self.for_witness = Some(attempt);
        id
    }

    pub(crate) fn scheduled(&self) -> Option<&Attempt> {
        self.scheduled.as_ref()
    }

    pub(crate) fn for_witness(&self) -> Option<&Attempt> {
        self.for_witness.as_ref()
    }

    pub(crate) fn checks(&self) -> &[Attempt] {
        &self.checks
    }

    /// Those whose end has not been counted.
    pub(crate) fn uncounted(&self) -> impl Iterator<Item = &Attempt> {
        let checks = self.checks.iter().filter(|check| !check.counted);
        self.scheduled.iter().chain(&self.for_witness).chain(checks)
    }

    /// The connection of a check stands. Returns whether that proves anything; `None` when the attempt is not known.
    pub(crate) fn connected(&mut self, attempt: AttemptId, now: ObserverTime) -> Option<bool> {
        let open = self.checks.iter_mut().chain(self.for_witness.as_mut()).find(|open| open.id == attempt)?;
        open.connected = Some(now);
        Some(!open.tainted)
    }

    /// Takes the attempt out, wherever it is.
    pub(crate) fn take(&mut self, attempt: AttemptId) -> Option<Attempt> {
        if let Some(found) = self.scheduled.take_if(|open| open.id == attempt) {
            return Some(found);
        }
        if let Some(found) = self.overdue.take_if(|overdue| overdue.attempt.id == attempt) {
            return Some(found.attempt);
        }
        if let Some(found) = self.for_witness.take_if(|open| open.id == attempt) {
            return Some(found);
        }
        let place = self.checks.iter().position(|check| check.id == attempt)?;
        Some(self.checks.remove(place))
    }

    pub(crate) fn take_for_witness(&mut self) -> Option<Attempt> {
        self.for_witness.take()
    }

    pub(crate) fn take_checks(&mut self) -> impl Iterator<Item = AttemptId> + use<> {
        std::mem::take(&mut self.checks).into_iter().map(|check| check.id)
    }

    /// Everything but the ping for witnesses.
    pub(crate) fn take_own(&mut self) -> impl Iterator<Item = AttemptId> + use<> {
        let overdue = self.overdue.take().map(|overdue| overdue.attempt);
        self.scheduled.take().into_iter().chain(overdue).map(|attempt| attempt.id).chain(self.take_checks())
    }

    /// The scheduled ping was found late.
    pub(crate) fn mark_late(&mut self) {
        if let Some(ping) = &mut self.scheduled {
            ping.late = true;
        }
    }

    /// The scheduled ping is over; its answer may still come. Returns the one that it displaces.
    pub(crate) fn scheduled_is_overdue(&mut self) -> Option<AttemptId> {
        self.warm = false;
        let attempt = self.scheduled.take()?;
        let displaced = self.overdue.replace(Overdue { attempt, is_new: true })?;
        Some(displaced.attempt.id)
    }

    /// The scheduled ping counts as failed.
    pub(crate) fn scheduled_timed_out(&mut self) -> Option<AttemptId> {
        if let Some(ping) = &mut self.scheduled {
            ping.counted = true;
        }
        self.scheduled_is_overdue()
    }

    /// The check at this place counts as ended, and stays open only where its result can still tell more.
    pub(crate) fn check_counts(&mut self, place: usize, stays: bool) -> Attempt {
        self.checks[place].counted = true;
        if stays { self.checks[place].clone() } else { self.checks.remove(place) }
    }

    /// This process did not run: what was in flight proves nothing by failing. Returns what is dropped.
    pub(crate) fn taint(&mut self) -> Option<AttemptId> {
        let open = self.checks.iter_mut().chain(self.for_witness.as_mut()).chain(self.scheduled.as_mut());
        open.for_each(|attempt| attempt.tainted = true);
        if self.scheduled.is_some() { self.scheduled_is_overdue() } else { None }
    }

    /// A scheduled ping was answered in time: its connection can carry another.
    pub(crate) fn connection_works(&mut self) {
        self.warm = true;
    }

    /// The kept connection carries nothing any more.
    pub(crate) fn connection_is_gone(&mut self) {
        self.warm = false;
    }

    pub(crate) fn next_ping(&self) -> ObserverTime {
        self.next_ping
    }

    pub(crate) fn set_next_ping(&mut self, at: ObserverTime) {
        self.plan_ping(at, at);
    }

    /// The next ping starts at `at`, and may start at `from`.
    pub(crate) fn plan_ping(&mut self, from: ObserverTime, at: ObserverTime) {
        self.ping_from = from;
        self.next_ping = at;
    }

    pub(crate) fn ping_from(&self) -> ObserverTime {
        self.ping_from
    }

    /// The next ping starts at `at` or before.
    pub(crate) fn ping_by(&mut self, at: ObserverTime) {
        self.next_ping = self.next_ping.min(at);
    }

    /// Whether the last scheduled ping began long enough ago for another one out of turn.
    pub(crate) fn may_ping(&self, interval: Duration, now: ObserverTime) -> bool {
        let left = (self.count > 0).then(|| self.next_ping.since(now));
        let begun = left.map_or(interval, |left| interval.saturating_sub(left));
        self.scheduled.is_none() && begun >= CHECK_GAP
    }

    pub(crate) fn next_check(&self) -> Option<ObserverTime> {
        self.next_check
    }

    pub(crate) fn set_next_check(&mut self, at: Option<ObserverTime>) {
        self.next_check = at;
    }

    /// The first moment for a check that another node causes: `CHECK_GAP` after the last one *began*, however soon that
    /// one ended. Counted from its end, a peer that answers at once could be checked as often as a stranger likes.
    pub(crate) fn check_may_begin(&self) -> ObserverTime {
        self.last_check.map_or_else(ObserverTime::default, |begun| begun + CHECK_GAP)
    }

    /// A check is about to begin, or one is open whose end has not been counted.
    pub(crate) fn has_check(&self) -> bool {
        self.next_check.is_some() || self.checks.iter().any(|check| !check.counted)
    }
}
