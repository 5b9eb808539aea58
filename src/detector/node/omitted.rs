//! Where a rule is applied that the simulator can leave out: each is asked here.

use super::Node;
use super::cut_off::Hearing;
use crate::detector::omission::Omission;
use crate::detector::quorum::hears_half;

impl Node {
    /// For the simulator: the same detector without one of its rules.
    pub(crate) fn leave_out(&mut self, rule: Omission) {
        self.without = Some(rule);
    }

    /// Without a promise to wake up, all time counts.
    pub(super) fn count_all_time_if_without_observer_time(&mut self) {
        if self.without == Some(Omission::ObserverTime) {
            self.clock.promise(None);
        }
    }

    /// One that reaches a peer outweighs those that accuse it.
    pub(super) fn has_veto(&self) -> bool {
        self.without != Some(Omission::Veto)
    }

    /// Others have to agree to a verdict.
    pub(super) fn has_quorum(&self) -> bool {
        self.without != Some(Omission::Quorum)
    }

    pub(super) fn hears_half(&self, hearing: &Hearing) -> bool {
        self.without == Some(Omission::HalfRule) || hears_half(hearing.heard, hearing.expected())
    }
}
