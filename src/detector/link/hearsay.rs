//! What others say about a peer, and its own pings: they accuse or vouch, each for a while.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::detector::evidence::Class;
use crate::detector::peer::PeerId;
use crate::detector::time::ObserverTime;

/// An accusation by another observer, standing until it lapses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Accuser {
    pub observer: PeerId,
    pub class: Class,
    pub until: ObserverTime,
}

/// It may accuse or vouch, and touches nothing else.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hearsay {
    accusers: Vec<Accuser>,
    /// Witnesses that reached it, and until when that holds.
    vouchers: BTreeMap<PeerId, ObserverTime>,
    /// Its own ping vouches until then.
    own_ping_until: Option<ObserverTime>,
    /// When the present vouching began.
    vouched_since: Option<ObserverTime>,
    /// The witness that vouches while all other observers contradict it, and since when.
    alone: Option<(PeerId, ObserverTime)>,
    /// A witness that did so for too long: its word counts for nothing.
    discredited: Option<PeerId>,
}

impl Hearsay {
    /// An accusation, which ends the observer's vouching. True when it did not stand before.
    pub(crate) fn accuse(&mut self, accusation: Accuser, now: ObserverTime) -> bool {
        self.vouchers.remove(&accusation.observer);
        match self.accusers.iter_mut().find(|accuser| accuser.observer == accusation.observer) {
            Some(accuser) => {
                let had_lapsed = accuser.until <= now;
                *accuser = accusation;
                had_lapsed
            }
            None => {
                self.accusers.push(accusation);
                true
            }
        }
    }

    /// The observer no longer accuses it.
    pub(crate) fn withdraw(&mut self, observer: PeerId) {
        self.accusers.retain(|accuser| accuser.observer != observer);
    }

    /// All that this observer said.
    pub(crate) fn forget_observer(&mut self, observer: PeerId) {
        self.withdraw(observer);
        self.vouchers.remove(&observer);
    }

    /// All accusations heard of this boot, lapsed ones included.
    pub(crate) fn accusers(&self) -> &[Accuser] {
        &self.accusers
    }

    /// Those that stand.
    pub(crate) fn standing(&self, now: ObserverTime) -> impl Iterator<Item = &Accuser> {
        self.accusers.iter().filter(move |accuser| now < accuser.until)
    }

    /// A witness reached it.
    pub(crate) fn vouch(&mut self, witness: PeerId, span: Duration, now: ObserverTime) {
        self.vouching_begins(now);
        self.vouchers.insert(witness, now + span);
    }

    /// It pinged this node although a check failed.
    pub(crate) fn own_ping_vouches(&mut self, span: Duration, now: ObserverTime) {
        self.vouching_begins(now);
        self.own_ping_until = Some(now + span);
    }

    /// A witness vouches; `alone`: while all other observers contradict it. Returns since when it has done that.
    pub(crate) fn vouches_alone(&mut self, witness: PeerId, alone: bool, now: ObserverTime) -> Option<ObserverTime> {
        let since = self.alone.filter(|(before, _)| *before == witness).map_or(now, |(_, since)| since);
        self.alone = alone.then_some((witness, since));
        self.alone.map(|(_, since)| since)
    }

    /// The word of this witness counts for nothing from now on. True when it did before.
    pub(crate) fn discredit(&mut self, witness: PeerId) -> bool {
        self.vouchers.remove(&witness);
        self.discredited.replace(witness) != Some(witness)
    }

    /// The witness whose word counts for nothing.
    pub(crate) fn discredited(&self) -> Option<PeerId> {
        self.discredited
    }

    fn vouching_begins(&mut self, now: ObserverTime) {
        if !self.is_vouched(now) {
            self.vouched_since = Some(now);
        }
    }

    /// Another observer vouches for it, or it pinged me since a check failed.
    pub(crate) fn is_vouched(&self, now: ObserverTime) -> bool {
        self.own_ping_vouches_at(now) || self.vouchers.values().any(|until| now < *until)
    }

    /// It pinged me since a check failed.
    pub(crate) fn own_ping_vouches_at(&self, now: ObserverTime) -> bool {
        self.own_ping_until.is_some_and(|until| now < until)
    }

    pub(crate) fn own_ping_until(&self) -> Option<ObserverTime> {
        self.own_ping_until
    }

    pub(crate) fn vouched_since(&self) -> Option<ObserverTime> {
        self.vouched_since
    }

    /// Witnesses whose word for it holds.
    pub(crate) fn vouchers(&self, now: ObserverTime) -> impl Iterator<Item = PeerId> {
        self.vouchers.iter().filter(move |(_, until)| now < **until).map(|(witness, _)| *witness)
    }

    /// When each witness's word ends or has ended.
    pub(crate) fn vouched_until(&self) -> impl Iterator<Item = ObserverTime> {
        self.vouchers.values().copied()
    }

    /// What was reported while I suspected it is settled by its answer.
    pub(crate) fn forget_vouchers(&mut self) {
        self.vouchers.clear();
        self.own_ping_until = None;
        self.alone = None;
        self.discredited = None;
    }

    /// Forgets all that others said about the boot that was.
    pub(crate) fn forget(&mut self) {
        self.accusers.clear();
        self.forget_vouchers();
    }
}
