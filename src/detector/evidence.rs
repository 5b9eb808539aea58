//! How a ping failed, and what that says about the peer.
//!
//! Only a *check*, a ping on a connection of its own, shows how a peer fails:
//! a kept connection reports the past. [`Evidence`] is what one check showed;
//! [`Class`] is what all checks since the last proof of life show together,
//! and each class has its own wait.

use std::time::Duration;

use super::limits::CHECK_GAP;
use super::time::ObserverTime;
use crate::closed_set::closed_set;

closed_set! {
    /// What a ping showed.
    pub enum Evidence {
        /// A valid answer.
        Answered = "answered",
        /// Connection refused, or reset without an answer: a kernel is there, the process is not.
        Refused = "refused",
        /// No connection within the connect timeout, or host or network unreachable.
        Silent = "silent",
        /// Connected, no whole answer in time: the kernel accepts, the process does not run.
        Stalled = "stalled",
        /// Wrong identity, status or body.
        Invalid = "invalid",
        /// The name did not resolve.
        Name = "name",
        /// Nothing was sent: this machine has no way to the address. It shows nothing about the peer.
        NoNetwork = "no_network",
    }
}

closed_set! {
    /// How a peer fails, and so how long to wait before saying so.
    pub enum Class {
        /// The process is gone: connection refused.
        Gone = "gone",
        /// No response at all: host, network or link.
        Silent = "silent",
        /// The host accepts, the process does not answer.
        Stalled = "stalled",
    }
}

/// A second check that has not connected after this is as good as refused: a
/// killed container takes its network along.
pub const GONE_CONNECT_LIMIT: Duration = Duration::from_millis(200);

/// What the checks since the last answer showed, all together.
#[derive(Clone, Debug, Default)]
pub struct Trail {
    /// Start of the first refused check after which none has connected.
    first_refused: Option<ObserverTime>,
    gone: bool,
    connected: bool,
    /// A check ended with something other than an unresolved name.
    telling: bool,
    last: Option<Evidence>,
    last_failed_begun: Option<ObserverTime>,
}

impl Trail {
    /// A check connected: whatever was refused before, a process listens now.
    pub fn connected(&mut self) {
        self.connected = true;
        self.telling = true;
        self.first_refused = None;
        self.gone = false;
    }

    /// A check that began at `begun` ended with `evidence`.
    pub fn ended(&mut self, begun: ObserverTime, evidence: Evidence) {
        self.last = Some(evidence);
        self.last_failed_begun = self.last_failed_begun.max(Some(begun));
        self.telling |= evidence != Evidence::Name;
        match evidence {
            Evidence::Refused => match self.first_refused {
                None => self.first_refused = Some(begun),
                Some(first) => self.gone |= begun.since(first) >= CHECK_GAP,
            },
            Evidence::Stalled | Evidence::Invalid => self.connected(),
            Evidence::Answered | Evidence::Silent | Evidence::Name | Evidence::NoNetwork => {}
        }
    }

    /// When a check that began at `begun` and has neither connected nor ended
    /// will count as a second refusal, if it would.
    pub fn gone_at(&self, begun: ObserverTime) -> Option<ObserverTime> {
        let second = !self.gone && self.first_refused.is_some_and(|first| begun.since(first) >= CHECK_GAP);
        second.then(|| begun + GONE_CONNECT_LIMIT)
    }

    /// The moment of [`Trail::gone_at`] has come.
    pub fn vanished(&mut self) {
        self.gone = true;
    }

    /// How the peer fails; `None` while no check has told anything.
    pub fn class(&self) -> Option<Class> {
        if self.gone {
            Some(Class::Gone)
        } else if self.connected {
            Some(Class::Stalled)
        } else if self.telling {
            Some(Class::Silent)
        } else {
            None
        }
    }

    /// What the check that ended last showed.
    pub fn last(&self) -> Option<Evidence> {
        self.last
    }

    /// Start of the newest check that failed.
    pub fn last_failed_begun(&self) -> Option<ObserverTime> {
        self.last_failed_begun
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    enum Step {
        Connected,
        Ended(u64, Evidence),
        Vanished,
    }

    fn class_after(steps: &[Step]) -> Option<Class> {
        let mut trail = Trail::default();
        for step in steps {
            match step {
                Step::Connected => trail.connected(),
                Step::Ended(begun, evidence) => trail.ended(ObserverTime(Duration::from_millis(*begun)), *evidence),
                Step::Vanished => trail.vanished(),
            }
        }
        trail.class()
    }

    #[test]
    fn classes() {
        use Evidence::{Invalid, Name, Refused, Silent, Stalled};
        use Step::{Connected, Ended, Vanished};
        for (steps, class) in [
            (&[] as &[Step], None),
            (&[Ended(0, Name), Ended(300, Name)], None),
            (&[Ended(0, Name), Ended(300, Silent)], Some(Class::Silent)),
            (&[Ended(0, Silent)], Some(Class::Silent)),
            (&[Ended(0, Refused)], Some(Class::Silent)),
            (&[Ended(0, Refused), Ended(249, Refused)], Some(Class::Silent)),
            (&[Ended(0, Refused), Ended(250, Refused)], Some(Class::Gone)),
            (&[Ended(0, Refused), Ended(250, Silent)], Some(Class::Silent)),
            (&[Ended(0, Refused), Vanished], Some(Class::Gone)),
            (&[Ended(0, Refused), Vanished, Ended(250, Silent)], Some(Class::Gone)),
            (&[Ended(0, Refused), Ended(250, Refused), Connected], Some(Class::Stalled)),
            (&[Ended(0, Refused), Connected, Ended(250, Refused)], Some(Class::Stalled)),
            (&[Connected, Ended(0, Refused), Ended(250, Refused)], Some(Class::Gone)),
            (&[Connected, Ended(0, Silent)], Some(Class::Stalled)),
            (&[Ended(0, Stalled)], Some(Class::Stalled)),
            (&[Ended(0, Invalid), Ended(300, Silent)], Some(Class::Stalled)),
        ] {
            assert_eq!(class_after(steps), class);
        }
    }

    #[test]
    fn a_second_check_that_does_not_connect_counts_after_200_ms() {
        let at = |n| ObserverTime(Duration::from_millis(n));
        let mut trail = Trail::default();
        assert_eq!(trail.gone_at(at(300)), None, "nothing was refused");
        trail.ended(at(0), Evidence::Refused);
        assert_eq!(trail.gone_at(at(249)), None, "too soon after the first");
        assert_eq!(trail.gone_at(at(250)), Some(at(450)));
        trail.connected();
        assert_eq!(trail.gone_at(at(300)), None);
    }
}
