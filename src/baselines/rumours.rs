//! What SWIM processes tell each other about the members, piggybacked on their pings and answers.

use super::member::Member;

/// What is claimed of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Claim {
    /// It is up.
    Alive,
    /// It may be down; it may refute that.
    Suspect,
    /// It is down.
    Down,
}

/// A claim about one incarnation of a member. Only the member itself starts a new incarnation, to refute a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rumour {
    /// What is claimed.
    pub claim: Claim,
    /// Of whom.
    pub about: Member,
    /// Of which incarnation.
    pub incarnation: u64,
    /// The one that claims it, for Lifeguard's count of independent suspicions.
    pub by: Member,
}

impl Rumour {
    /// Whether it replaces what is believed of the member, nearly by section 4.2 of the paper: a claim of a later incarnation
    /// replaces an earlier one, and of the same incarnation `Suspect` replaces `Alive` and `Down` replaces both.
    ///
    /// In the paper `Down` is for good. Here a later incarnation ends it, as implementations have it, because hosts of a
    /// scenario start again.
    pub fn replaces(&self, claim: Claim, incarnation: u64) -> bool {
        (self.incarnation, self.claim) > (incarnation, claim)
    }
}

/// Rumours on their way through the mesh, each passed on a number of times.
#[derive(Debug, Default)]
pub(super) struct Rumours {
    /// With how often it was sent; at most one for each member.
    held: Vec<(Rumour, u32)>,
}

impl Rumours {
    /// A datagram has room for this number.
    const PER_MESSAGE: usize = 6;

    /// Replaces what was said of the same member.
    pub(super) fn spread(&mut self, rumour: Rumour) {
        self.held.retain(|(held, _)| held.about != rumour.about);
        self.held.push((rumour, 0));
    }

    /// For one message: those that were sent least often, the newest of them first (section 4.1).
    pub(super) fn take(&mut self, sends_max: u32) -> Vec<Rumour> {
        self.held.retain(|(_, sends)| *sends < sends_max);
        let mut order: Vec<usize> = (0..self.held.len()).rev().collect();
        order.sort_by_key(|index| self.held[*index].1);
        order.truncate(Rumours::PER_MESSAGE);
        for index in &order {
            self.held[*index].1 += 1;
        }
        order.into_iter().map(|index| self.held[index].0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rumour(claim: Claim, about: Member, incarnation: u64) -> Rumour {
        Rumour { claim, about, incarnation, by: 0 }
    }

    #[test]
    fn a_claim_replaces_those_before_it_and_a_weaker_one_of_its_incarnation() {
        use Claim::{Alive, Down, Suspect};
        for (new, at, old, old_at, replaces) in [
            (Alive, 1, Alive, 0, true),
            (Alive, 1, Suspect, 0, true),
            (Alive, 1, Suspect, 1, false),
            (Alive, 1, Alive, 1, false),
            (Suspect, 1, Alive, 1, true),
            (Suspect, 1, Alive, 2, false),
            (Suspect, 1, Suspect, 0, true),
            (Suspect, 1, Suspect, 1, false),
            (Down, 1, Alive, 1, true),
            (Down, 1, Suspect, 1, true),
            (Down, 0, Alive, 1, false),
            (Suspect, 1, Down, 1, false),
            // Not in the paper: a host that starts again.
            (Alive, 2, Down, 1, true),
        ] {
            assert_eq!(rumour(new, 5, at).replaces(old, old_at), replaces, "{new:?} {at} after {old:?} {old_at}");
        }
    }

    #[test]
    fn a_rumour_is_passed_on_a_number_of_times_the_newest_first() {
        let mut rumours = Rumours::default();
        rumours.spread(rumour(Claim::Suspect, 1, 0));
        assert_eq!(rumours.take(2).len(), 1);
        rumours.spread(rumour(Claim::Suspect, 2, 0));
        let about: Vec<Member> = rumours.take(2).iter().map(|rumour| rumour.about).collect();
        assert_eq!(about, [2, 1]);
        assert_eq!(rumours.take(2).len(), 1, "the first one was sent twice");
        assert!(rumours.take(2).is_empty());
        rumours.spread(rumour(Claim::Suspect, 3, 0));
        rumours.spread(rumour(Claim::Down, 3, 0));
        assert_eq!(rumours.take(2), [rumour(Claim::Down, 3, 0)], "one for each member");
        (0..20).for_each(|about| rumours.spread(rumour(Claim::Alive, about, 1)));
        assert_eq!(rumours.take(2).len(), Rumours::PER_MESSAGE);
    }
}
