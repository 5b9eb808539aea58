//! Invariants about verdicts: which nodes may not be called dead (I1, I3, I7, I8, I9).

use super::Checks;
use crate::detector::evidence::Evidence;
use crate::detector::peer::{BootId, PeerState};
use crate::sim::scenario::HostId;
use crate::sim::truth::Truth;

impl Checks {
    /// Whether it is false that this boot is dead: it runs and most of the other running nodes have an open way to it,
    /// for as long as I1 gives a node to learn so. Unlike I1 this has no exemptions.
    pub(super) fn is_false(&self, truth: &Truth, subject: usize, boot: Option<BootId>) -> bool {
        if boot != truth.hosts[subject].boot || !truth.is_fit(subject, self.intervals(1.5)) {
            return false;
        }
        let others = || truth.others(subject).filter(|other| truth.hosts[*other].boot.is_some());
        let open = |other: usize| truth.open(other, subject);
        let reaching =
            others().filter(|other| open(*other).holds() && open(*other).held_for(truth.now) >= self.intervals(4.0));
        reaching.count() * 2 > others().count()
    }

    /// All the others have left, or are dead and others agreed: this observer cannot tell whether the last one is silent or
    /// its own network is gone, and says of that one that it may be down.
    pub(super) fn is_mesh_of_two(&self, truth: &Truth, observer: usize, subject: usize) -> bool {
        let is_away = |other: usize| self.beliefs[observer][other].is_away();
        self.hosts > 2 && truth.others(observer).filter(|other| *other != subject).all(is_away)
    }

    /// **I1 a live, unstalled subject that q observers can reach is never Dead at an unstalled observer.**
    ///
    /// Claimed at each verdict about the boot that really runs, if the subject has been fit for 1.5 i, the observer
    /// for 4 i, and q observers have been fit, with a clean link to the subject, for 4 i. The spans are what a node
    /// may need to hear of the truth: after a stall the next answer, after a mended link the next check and the next question.
    /// Exempt: starved observers (their reads may be later than any wait), observers behind a link that rejects
    /// (it looks like a crash, an honest limit), and unconfirmed verdicts of one to whom this is a mesh of two.
    pub(super) fn i1_live_is_never_dead(
        &mut self,
        truth: &Truth,
        observer: usize,
        subject: usize,
        boot: Option<BootId>,
    ) {
        let (short, long) = (self.intervals(1.5), self.intervals(4.0));
        if boot != truth.hosts[subject].boot || !truth.is_fit(subject, short) || !truth.is_fit(observer, long) {
            return;
        }
        let patience = self.config.wait_stalled;
        if truth.others(observer).any(|other| truth.rejecting(observer, other).held_within(truth.now, patience)) {
            return;
        }
        let reaches = |other: &usize| truth.is_fit(*other, long) && truth.is_clean_for(*other, subject, long);
        let reaching = truth.others(subject).filter(reaches).count();
        if reaching >= self.quorum() {
            let (observer, subject) = (HostId(observer), HostId(subject));
            let what = format!("{observer} says {subject} is dead; it runs and {reaching} observers reach it");
            self.broken(truth, "I1 live is never dead", what);
        }
    }

    /// **I3 an observer's stall of any length adds no Dead verdict.**
    ///
    /// Claimed at each verdict: whatever the observer's own past, it does not call a boot dead that runs, has been fit for
    /// 1.5 i, and to which its own link has been clean for 4 i. Exempt: observers starved now or within 5 i.
    pub(super) fn i3_stall_accuses_nobody(
        &mut self,
        truth: &Truth,
        observer: usize,
        subject: usize,
        boot: Option<BootId>,
    ) {
        let starved = truth.hosts[observer].starved.held_within(truth.now, self.intervals(5.0));
        let live = boot == truth.hosts[subject].boot && truth.is_fit(subject, self.intervals(1.5));
        if live && !starved && truth.is_clean_for(observer, subject, self.intervals(4.0)) {
            let (observer, subject) = (HostId(observer), HostId(subject));
            let what = format!("{observer} says {subject} is dead over a clean link; it runs");
            self.broken(truth, "I3 a stall accuses nobody", what);
        }
    }

    /// **I7 cutting one link never makes either end Dead while a third node sees both.**
    ///
    /// Claimed at each verdict about a boot that runs, if no link but this one had any fault for one stalled wait and
    /// 5 i (cut, one way, lossy or rejecting alike), the subject has been fit for 1.5 i and the observer for 4 i, and a third node
    /// has been fit, with clean links to both, for 4 i.
    pub(super) fn i7_one_link_kills_nobody(
        &mut self,
        truth: &Truth,
        observer: usize,
        subject: usize,
        boot: Option<BootId>,
    ) {
        let (short, long) = (self.intervals(1.5), self.intervals(4.0));
        if boot != truth.hosts[subject].boot || !truth.is_fit(subject, short) || !truth.is_fit(observer, long) {
            return;
        }
        let past = (self.config.wait_stalled + self.intervals(5.0)).min(truth.now);
        let ends = [observer, subject];
        let running = |host: usize| truth.hosts[host].boot.is_some();
        let pairs = (0..self.hosts).flat_map(|a| (0..a).map(move |b| (a, b)));
        let others_clean = pairs
            .filter(|(a, b)| !(ends.contains(a) && ends.contains(b)) && running(*a) && running(*b))
            .all(|(a, b)| truth.is_clean_for(a, b, past));
        let sees_both =
            |third: &usize| truth.is_fit(*third, long) && ends.iter().all(|end| truth.is_clean_for(*third, *end, long));
        let third = truth.others(observer).filter(|other| *other != subject).find(sees_both);
        if let (true, Some(third)) = (others_clean, third) {
            let (observer, subject, third) = (HostId(observer), HostId(subject), HostId(third));
            let what = format!("{observer} says {subject} is dead; only their link was at fault and {third} sees both");
            self.broken(truth, "I7 one link kills nobody", what);
        }
    }

    /// **I8 Left never becomes Dead for the same boot**, nor Unreachable, unless it said `ready` again. No exemptions.
    pub(super) fn i8_left_is_not_dead(&mut self, truth: &Truth, observer: usize, subject: usize, boot: Option<BootId>) {
        if boot.is_some() && self.beliefs[observer][subject].left == boot {
            let what = format!("{} accuses {}, which said goodbye", HostId(observer), HostId(subject));
            self.broken(truth, "I8 left is not dead", what);
        }
    }

    /// **I9 in a split only a side that hears at least half of its peers says Dead** of a peer whose last check was silent.
    ///
    /// Claimed at each such verdict of a node that expects two or more peers: at least half of them could be heard at
    /// some moment after the subject no longer could, or within the last 4 i. Expected: all but those that it
    /// believes Left or Dead, confirmed, or that never answered (a name that never came says nothing about the network).
    /// Heard: some connection between the two can stand, so a crashed or frozen process on a reachable host counts, or
    /// packets of one that stood before arrive.
    /// Exempt: starved observers, which hear the past.
    pub(super) fn i9_only_the_larger_side_says_dead(
        &mut self,
        truth: &Truth,
        observer: usize,
        subject: usize,
        evidence: Evidence,
    ) {
        let starved = truth.hosts[observer].starved.held_within(truth.now, self.intervals(5.0));
        if evidence != Evidence::Silent || starved {
            return;
        }
        let window = self.intervals(4.0);
        let silent_for = truth.open(observer, subject).gone_for(truth.now);
        let counts = |other: &usize| {
            let belief = &self.beliefs[observer][*other];
            belief.state != PeerState::Joining && !belief.is_away()
        };
        let expected: Vec<usize> = truth.others(observer).filter(counts).collect();
        let could_hear = |other: &&usize| {
            [truth.open(observer, **other), truth.arriving(**other, observer)]
                .into_iter()
                .any(|way| way.held_within(truth.now, window) || way.gone_for(truth.now) < silent_for)
        };
        let heard = expected.iter().filter(could_hear).filter(|other| **other != subject).count();
        if expected.len() >= 2 && heard * 2 < expected.len() {
            let (observer, subject, expected) = (HostId(observer), HostId(subject), expected.len());
            let what = format!("{observer} says {subject} is dead; it can hear {heard} of {expected}");
            self.broken(truth, "I9 only the larger side says dead", what);
        }
    }
}
