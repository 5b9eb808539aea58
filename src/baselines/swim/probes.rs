//! Pings of a SWIM process that have no answer yet: its own, and those for others.

use std::time::Duration;

use crate::baselines::member::Member;

/// Pings for others at a time. In a mesh of a thousand with one failure it is a handful.
pub(super) const RELAYS_MAX: usize = 64;

/// The ping of this period.
#[derive(Debug)]
pub(super) struct Probe {
    pub target: Member,
    pub number: u64,
    pub answered: bool,
    timeout_at: Duration,
    /// Those asked to ping it that have said nothing yet; `None` before they are asked.
    silent: Option<Vec<Member>>,
}

impl Probe {
    pub(super) fn new(target: Member, number: u64, timeout_at: Duration) -> Probe {
        Probe { target, number, answered: false, timeout_at, silent: None }
    }

    pub(super) fn needs_helpers(&self, now: Duration) -> bool {
        self.deadline().is_some_and(|at| at <= now)
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        (!self.answered && self.silent.is_none()).then_some(self.timeout_at)
    }

    pub(super) fn helpers_asked(&mut self, helpers: Vec<Member>) {
        self.silent = Some(helpers);
    }

    pub(super) fn helper_spoke(&mut self, helper: Member) {
        if let Some(silent) = &mut self.silent {
            silent.retain(|member| *member != helper);
        }
    }

    /// Where the target did answer, a helper that said nothing is no sign that this process is slow.
    pub(super) fn has_silent_helper(&self) -> bool {
        !self.answered && self.silent.as_ref().is_some_and(|silent| !silent.is_empty())
    }
}

/// A ping for another process.
#[derive(Debug)]
pub(super) struct Relay {
    pub asker: Member,
    pub their_number: u64,
    pub number: u64,
    pub nacked: bool,
    nack_at: Duration,
    pub until: Duration,
}

impl Relay {
    pub(super) fn new(asker: Member, their_number: u64, number: u64, nack_at: Duration, until: Duration) -> Relay {
        Relay { asker, their_number, number, nacked: false, nack_at, until }
    }

    pub(super) fn nack_is_due(&self, now: Duration) -> bool {
        !self.nacked && self.nack_at <= now
    }

    pub(super) fn deadline(&self) -> Duration {
        if self.nacked { self.until } else { self.nack_at }
    }
}
