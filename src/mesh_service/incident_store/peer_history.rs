//! What peers say that they saw. Kept apart from what this node saw, under the
//! name of the one who said it, and within bounds that no peer can move: when
//! there is too much, the one who told most loses its oldest. A peer that
//! chatters pushes out itself.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::api::{History, PastEvent};
use crate::detector::peer::BootId;
use crate::detector::time::Monotonic;
use crate::mesh::Member;
use crate::mesh::incident::IncidentSummary;

/// Events of others kept in all: as many as of this node's own. Some 300 bytes each.
pub(crate) const EVENTS_MAX: usize = 1024;
/// Incidents of others kept in all.
pub(super) const INCIDENTS_MAX: usize = 64;
/// An incident whose reporter has not been heard for this long counts as closed when it was last heard: two minutes, or
/// three rounds of questions in a large mesh.
const STALE: Duration = Duration::from_secs(120);
const STALE_PER_PEER: Duration = Duration::from_secs(30);

/// One run of a node, and the number that it gave to its last read event.
type Key = (Member, BootId, u64);

/// Something that was told, and when.
#[derive(Clone, Debug)]
struct Received<T> {
    at: Monotonic,
    what: T,
}

#[derive(Debug, Default)]
pub(super) struct PeerHistory {
    events: BTreeMap<Key, Received<PastEvent>>,
    incidents: BTreeMap<Key, Received<IncidentSummary>>,
    /// How far each was read, in which of its runs. As many as there are peers; see [`PeerHistory::forget`].
    read: BTreeMap<Member, (BootId, u64)>,
}

impl PeerHistory {
    /// From where to continue reading in this run of a node.
    pub(super) fn since(&self, node: &Member, boot: Option<BootId>) -> u64 {
        self.read.get(node).filter(|(known, _)| boot.is_none_or(|boot| boot == *known)).map_or(0, |(_, next)| *next)
    }

    /// Keeps where to read on for these nodes only.
    pub(super) fn forget(&mut self, known: impl Fn(&Member) -> bool) {
        self.read.retain(|node, _| known(node));
    }

    /// Takes in what a peer has told just now.
    pub(super) fn hear(&mut self, now: Monotonic, history: History) {
        let node = Member::from(&history.node);
        let key = |number: u64| (node.clone(), history.boot, number);
        for event in history.events {
            // What happened does not change. Told again, it must not look younger.
            self.events.entry(key(event.seq)).or_insert(Received { at: now, what: event });
        }
        for told in history.incidents {
            self.incidents.insert(key(told.id), Received { at: now, what: told });
        }
        bound(&mut self.events, EVENTS_MAX, |event| event.age);
        bound(&mut self.incidents, INCIDENTS_MAX, |told| told.began);
        self.read.insert(node, (history.boot, history.next));
    }

    /// Who saw it, the event, and its age at `now`.
    pub(super) fn events(&self, now: Monotonic) -> impl Iterator<Item = (&Member, &PastEvent, Duration)> {
        self.events
            .iter()
            .map(move |((node, ..), heard)| (node, &heard.what, heard.what.age.saturating_add(now - heard.at)))
    }

    /// Who told it, and the incident as of `now`; the last heard first.
    pub(super) fn incidents(&self, now: Monotonic) -> Vec<(Member, IncidentSummary)> {
        let tellers = u32::try_from(self.read.len()).unwrap_or(u32::MAX);
        let stale = STALE.max(STALE_PER_PEER.saturating_mul(tellers));
        let mut all: Vec<(Monotonic, Member, IncidentSummary)> = self
            .incidents
            .iter()
            .map(|((node, ..), heard)| {
                let age = now - heard.at;
                let told = heard.what.aged(age);
                let told =
                    if age > stale && told.is_open() { IncidentSummary { ended: Some(age), ..told } } else { told };
                (heard.at, node.clone(), told)
            })
            .collect();
        // Who knows both sides knows most.
        all.sort_by_key(|(at, _, told)| (told.sides.is_empty(), std::cmp::Reverse(*at)));
        all.into_iter().map(|(_, node, told)| (node, told)).collect()
    }
}

/// While there are too many, the peer with most entries loses its oldest.
fn bound<T>(all: &mut BTreeMap<Key, Received<T>>, most: usize, age: impl Fn(&T) -> Duration) {
    while all.len() > most {
        let mut counts: BTreeMap<&Member, usize> = BTreeMap::new();
        for (node, ..) in all.keys() {
            *counts.entry(node).or_default() += 1;
        }
        let Some(loudest) = counts.into_iter().max_by_key(|(_, count)| *count).map(|(node, _)| node.clone()) else {
            return;
        };
        // Older is what was old when it was told, less the time since then, which is later for what came later.
        let latest = all.values().map(|heard| heard.at).max().unwrap_or_default();
        let oldest = all
            .iter()
            .filter(|((node, ..), _)| *node == loudest)
            .max_by_key(|(_, heard)| age(&heard.what).saturating_add(latest - heard.at))
            .map(|(key, _)| key.clone());
        match oldest {
            Some(key) => all.remove(&key),
            None => return,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::words::EventName;
    use crate::detector::level::Level;
    use crate::detector::peer::NodeName;
    use crate::mesh::incident::IncidentVerdict;

    fn at(second: u64) -> Monotonic {
        Monotonic(Duration::from_secs(second))
    }

    fn event(seq: u64, age: u64) -> PastEvent {
        PastEvent {
            seq,
            age: Duration::from_secs(age),
            event: EventName("peer_down"),
            level: Level::Warn,
            peer: None,
            message: "".into(),
            sentence: "".into(),
        }
    }

    fn incident(id: u64, ended: Option<u64>) -> IncidentSummary {
        IncidentSummary {
            id,
            verdict: IncidentVerdict::Down,
            nodes: vec!["node-9".into()],
            sides: Vec::new(),
            observers: vec!["node-2".into()],
            began: Duration::from_secs(100),
            ended: ended.map(Duration::from_secs),
            failures: 1,
            reason: None,
        }
    }

    fn history(node: &str, boot: u64, next: u64, events: Vec<PastEvent>, incidents: Vec<IncidentSummary>) -> History {
        History { node: NodeName::new(node).expect("valid"), boot: BootId(boot), next, events, incidents }
    }

    #[test]
    fn what_is_told_twice_is_kept_once_and_grows_old() {
        let mut theirs = PeerHistory::default();
        theirs.hear(at(10), history("a", 1, 7, vec![event(5, 3), event(6, 2)], vec![incident(1, None)]));
        theirs.hear(at(20), history("a", 1, 8, vec![event(6, 12)], vec![incident(1, Some(1))]));
        let mut ages: Vec<u64> = theirs.events(at(30)).map(|(_, _, age)| age.as_secs()).collect();
        ages.sort_unstable();
        assert_eq!(ages, [22, 23]);
        let told = theirs.incidents(at(30));
        assert_eq!(told.len(), 1);
        assert_eq!((told[0].1.began, told[0].1.ended), (Duration::from_secs(110), Some(Duration::from_secs(11))));
        assert_eq!((theirs.since(&"a".into(), Some(BootId(1))), theirs.since(&"a".into(), Some(BootId(2)))), (8, 0));
        // Another life has its own numbers.
        theirs.hear(at(40), history("a", 2, 6, vec![event(5, 1)], Vec::new()));
        assert_eq!((theirs.events(at(40)).count(), theirs.since(&"a".into(), Some(BootId(2)))), (3, 6));
        theirs.forget(|node| node.as_str() != "a");
        assert_eq!((theirs.events(at(40)).count(), theirs.since(&"a".into(), None)), (3, 0));
    }

    #[test]
    fn an_incident_whose_teller_fell_silent_does_not_go_on_for_ever() {
        let mut theirs = PeerHistory::default();
        theirs.hear(at(0), history("a", 1, 1, Vec::new(), vec![incident(1, None)]));
        assert!(theirs.incidents(at(60))[0].1.is_open());
        assert_eq!(theirs.incidents(at(300))[0].1.ended, Some(Duration::from_secs(300)));
    }

    #[test]
    fn a_peer_that_chatters_pushes_out_itself() {
        let mut theirs = PeerHistory::default();
        theirs.hear(at(0), history("quiet", 1, 3, vec![event(1, 9000), event(2, 8000)], vec![incident(1, None)]));
        for round in 0..20 {
            let events = (0..100).map(|at| event(round * 100 + at, 5000 - round * 100 - at)).collect();
            let incidents = (0..10).map(|at| incident(round * 10 + at, None)).collect();
            theirs.hear(at(round), history("loud", 1, 1, events, incidents));
        }
        assert_eq!((theirs.events.len(), theirs.incidents.len()), (EVENTS_MAX, INCIDENTS_MAX));
        let of = |name: &str| theirs.events(at(20)).filter(|(node, ..)| node.as_str() == name).count();
        assert_eq!((of("quiet"), of("loud")), (2, EVENTS_MAX - 2));
        let newest =
            theirs.events(at(20)).filter(|(node, ..)| node.as_str() == "loud").map(|(_, event, _)| event.seq).max();
        assert_eq!(newest, Some(1999), "its newest are kept");
    }
}
