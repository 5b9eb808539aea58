//! What happened lately: a ring of the last events, for the API and its streams.
//!
//! The ring is the only store. A stream does not get events pushed through a
//! channel of its own; it is notified that there is something new and continues from
//! the number it has. So a slow reader costs nothing, no queue can fill,
//! and a reader that fell further behind than the ring is long sees it by a gap
//! in the numbers. Turned down: a broadcast channel, which keeps a second copy
//! of the same events with a second bound.
//!
//! One bad peer must not push out what happened to all others. So in a full
//! ring a peer with more than its share makes room with its own oldest event,
//! and a reader that has to know is told whose events it missed.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use serde_json::Map;
use tokio::sync::watch;

use super::fields;
use crate::api::text::Text;
use crate::api::timestamp::rfc3339;
use crate::api::words::{EventName, When};
use crate::api::{EventBody, PastEvent, PastEventBody};
use crate::detector::level::Level;
use crate::detector::peer::NodeName;
use crate::mesh::Member;
use crate::mesh::event::NodeEvent;
use crate::render;

/// Events kept. A bad hour of a large mesh; some 400 bytes each, and the names in them are shared with the detector.
pub(crate) const EVENTS_KEPT: usize = 1024;

/// Of these, the most that are logged at debug: suspicions that came to nothing. One peer that loses every other ping
/// makes two each second, and would push everything else out within minutes.
const PASSING_KEPT: usize = EVENTS_KEPT / 4;

/// The most that one peer keeps once the ring is full. A quarter is an hour of a link that goes down and comes back every
/// 30 s.
const SHARE: usize = EVENTS_KEPT / 4;
/// Peers that are remembered to have lost events out of turn. Each had its share of the ring then, so there are a few at a
/// time; they add up while no event of another peer is forgotten.
const MISSED_MAX: usize = 64;

/// One event. It becomes JSON where it leaves: it is read more rarely than it happens, and takes less than its text.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Counts from 1 in each run of the node.
    pub seq: u64,
    /// Wall time, for people.
    pub at: SystemTime,
    pub event: NodeEvent,
}

impl Entry {
    /// The event as the API shows it; `node` is this node, which saw it.
    pub fn body(&self, node: &NodeName) -> EventBody {
        let words = render::describe(&self.event);
        EventBody {
            seq: self.seq,
            at: When(rfc3339(self.at)),
            event: EventName(words.name).into(),
            level: words.level.into(),
            node: node.into(),
            peer: self.event.peer().map(|key| Member::from(key).into()),
            message: words.message.to_owned(),
            sentence: words.sentence,
            fields: fields::of(&self.event, self.at, 0),
            from: None,
        }
    }

    /// The event as a peer gets it, `age` after it happened: without its fields, some of which are timestamps, and about
    /// the name of a peer, because keys are private.
    pub fn for_peers(&self, age: Duration) -> PastEventBody {
        let words = render::describe(&self.event);
        PastEventBody {
            seq: self.seq,
            age_ms: u64::try_from(age.as_millis()).unwrap_or(u64::MAX),
            event: EventName(words.name).into(),
            level: words.level.into(),
            peer: self.event.peer_member().map(Text::from),
            message: words.message.to_owned(),
            sentence: words.sentence,
        }
    }
}

/// The event of a peer as the API shows it, with this node's own wall time.
pub(crate) fn of_peer(node: &Member, event: &PastEvent, at: SystemTime) -> EventBody {
    EventBody {
        seq: event.seq,
        at: When(rfc3339(at)),
        event: event.event.into(),
        level: event.level.into(),
        node: Text::new(node.as_str()),
        peer: event.peer.as_ref().map(Text::from),
        message: event.message.to_string(),
        sentence: event.sentence.to_string(),
        fields: Map::new(),
        from: Some(Text::new(node.as_str())),
    }
}

/// What a reader wants of the ring.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only entries after this number, the oldest first to be given. `None`: the newest.
    /// A number from before a restart, higher than any here, counts as 0.
    pub since: Option<u64>,
    /// Only events about the peer of this key.
    pub peer: Option<String>,
    /// Only events of this name.
    pub kind: Option<String>,
}

/// A part of the ring.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// In the order in which they happened.
    pub entries: Vec<Arc<Entry>>,
    /// What to give as `since` to read on.
    pub next: u64,
}

/// Whose events a reader missed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Missed {
    /// Some of these, and what there still is of each came after it.
    Of(Vec<Member>),
    /// Of anybody.
    All,
}

/// The last `EVENTS_KEPT` events.
#[derive(Debug)]
pub struct EventLog {
    ring: Mutex<Ring>,
    last: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Ring {
    entries: VecDeque<Arc<Entry>>,
    /// The last number up to which any event may be forgotten.
    forgotten: u64,
    /// The last number up to which events of one peer are, under each of its names.
    of_peers: BTreeMap<Member, u64>,
}

impl Ring {
    /// Makes room for `event` in a full ring.
    fn make_room(&mut self, event: &NodeEvent) {
        let own = self.first_of_a_large_share(event);
        let Some(gone) = self.entries.remove(own.unwrap_or(0)) else { return };
        if own.is_some() && self.of_peers.len() < MISSED_MAX {
            let names = [gone.event.peer().map(Member::from), gone.event.peer_member()];
            self.of_peers.extend(names.into_iter().flatten().map(|name| (name, gone.seq)));
        } else {
            let forgotten = self.forgotten.max(gone.seq);
            self.forgotten = forgotten;
            self.of_peers.retain(|_, last| *last > forgotten);
        }
    }

    /// The place of the oldest event of the same peer, if that has more than its share.
    fn first_of_a_large_share(&self, event: &NodeEvent) -> Option<usize> {
        let peer = event.peer()?;
        let mut places = (0..self.entries.len()).filter(|place| self.entries[*place].event.peer() == Some(peer));
        let first = places.next()?;
        // This one and those after it.
        (places.count() + 1 >= SHARE).then_some(first)
    }

    fn missed(&self, since: u64) -> Missed {
        if self.forgotten > since {
            return Missed::All;
        }
        Missed::Of(self.of_peers.iter().filter(|(_, last)| **last > since).map(|(name, _)| name.clone()).collect())
    }
}

impl Default for EventLog {
    fn default() -> EventLog {
        EventLog { ring: Mutex::default(), last: watch::Sender::new(0) }
    }
}

impl EventLog {
    pub fn new() -> EventLog {
        EventLog::default()
    }

    /// Adds an event, seen at wall time `at`, and wakes the streams.
    pub(super) fn push(&self, event: NodeEvent, at: SystemTime) {
        let mut ring = self.ring();
        let seq = *self.last.borrow() + 1;
        let is_passing = |entry: &Arc<Entry>| entry.event.level() == Level::Debug;
        let entries = &mut ring.entries;
        if event.level() == Level::Debug && entries.iter().filter(|entry| is_passing(entry)).count() >= PASSING_KEPT {
            let oldest = entries.iter().position(is_passing);
            oldest.and_then(|at| entries.remove(at));
        }
        if entries.len() == EVENTS_KEPT {
            ring.make_room(&event);
        }
        ring.entries.push_back(Arc::new(Entry { seq, at, event }));
        self.last.send_replace(seq);
    }

    /// All that came after `since`, and whose events are no longer there. Passing ones are not reported.
    pub(crate) fn read_on(&self, since: u64) -> (Page, Missed) {
        // In this order: an event that is forgotten in between is reported as missed, which does no harm.
        let page = self.list(&Filter { since: Some(since), ..Filter::default() }, EVENTS_KEPT);
        (page, self.ring().missed(since))
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Up to `limit` entries that pass the filter.
    pub fn list(&self, filter: &Filter, limit: usize) -> Page {
        let ring = &self.ring().entries;
        let last = *self.last.borrow();
        let passes = |entry: &&Arc<Entry>| {
            filter.peer.as_deref().is_none_or(|peer| entry.event.peer().is_some_and(|key| *key.0 == *peer))
                && filter.kind.as_deref().is_none_or(|kind| entry.event.name() == kind)
        };
        let Some(since) = filter.since else {
            let mut entries: Vec<Arc<Entry>> = ring.iter().rev().filter(passes).take(limit).cloned().collect();
            entries.reverse();
            return Page { entries, next: last };
        };
        let since = if since > last { 0 } else { since };
        let skip = ring.partition_point(|entry| entry.seq <= since);
        let entries: Vec<Arc<Entry>> = ring.iter().skip(skip).filter(passes).take(limit).cloned().collect();
        let next = if entries.len() < limit { last } else { entries.last().map_or(last, |entry| entry.seq) };
        Page { entries, next }
    }

    /// Holds the number of the last event; changes when there is a new one.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.last.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detector::event::{Event, EventKind, PeerRef};
    use crate::detector::peer::{PeerId, PeerKey, PeerState};
    use crate::detector::time::Monotonic;

    /// `a`: a peer was added; `b`: it turned out to be this node.
    fn push(log: &EventLog, kind: &str, peer: Option<&str>) {
        let key = PeerKey(peer.unwrap_or("p").into());
        let peer = PeerRef { id: PeerId(1), key, node: None, boot: None, state: PeerState::Joining, flaw: None };
        let kind = if kind == "a" { EventKind::PeerAdded } else { EventKind::PeerIsSelf };
        let event = Event { at: Monotonic::default(), peer: Some(peer), kind };
        log.push(NodeEvent::Detector(event), SystemTime::UNIX_EPOCH);
    }

    fn seqs(page: &Page) -> Vec<u64> {
        page.entries.iter().map(|entry| entry.seq).collect()
    }

    fn since(since: u64) -> Filter {
        Filter { since: Some(since), ..Filter::default() }
    }

    #[test]
    fn reading_on_from_next_gives_every_event_once() {
        let log = EventLog::new();
        for _ in 0..10 {
            push(&log, "a", None);
        }
        let mut next = 0;
        let mut read = Vec::new();
        loop {
            let page = log.list(&since(next), 3);
            if page.entries.is_empty() {
                break;
            }
            read.extend(seqs(&page));
            next = page.next;
        }
        assert_eq!(read, (1..=10).collect::<Vec<u64>>());
        assert_eq!(next, 10);
    }

    #[test]
    fn without_since_the_newest_come() {
        let log = EventLog::new();
        for _ in 0..10 {
            push(&log, "a", None);
        }
        let page = log.list(&Filter::default(), 2);
        assert_eq!((seqs(&page), page.next), (vec![9, 10], 10));
    }

    #[test]
    fn the_ring_forgets_the_oldest() {
        let log = EventLog::new();
        for _ in 0..EVENTS_KEPT + 5 {
            push(&log, "b", None);
        }
        let page = log.list(&since(0), EVENTS_KEPT * 2);
        assert_eq!(page.entries.len(), EVENTS_KEPT);
        assert_eq!(seqs(&page)[0], 6);
        assert_eq!(seqs(&log.list(&since(1000), 2)), vec![1001, 1002]);
    }

    /// 500 events of each of two peers, then 5,000 of a third: `kind` as in [`push`].
    fn flooded(kind: &str) -> EventLog {
        let log = EventLog::new();
        for _ in 0..500 {
            push(&log, "b", Some("x"));
            push(&log, "b", Some("y"));
        }
        for _ in 0..5000 {
            push(&log, kind, Some("flood"));
        }
        log
    }

    #[test]
    fn one_peer_does_not_push_out_the_others() {
        for kind in ["a", "b"] {
            let log = flooded(kind);
            let of = |peer: &str| {
                let filter = Filter { since: Some(0), peer: Some(peer.into()), ..Filter::default() };
                seqs(&log.list(&filter, EVENTS_KEPT))
            };
            let flood = of("flood");
            assert_eq!((flood.len(), flood.last()), (SHARE, Some(&6000)), "the newest of it: {kind}");
            assert_eq!(of("x").len() + of("y").len(), EVENTS_KEPT - SHARE);
            push(&log, "b", Some("x"));
            assert_eq!(of("x").last(), Some(&6001));
        }
    }

    #[test]
    fn reading_on_in_a_ring_with_gaps_gives_every_event_that_is_left_once() {
        let log = flooded("b");
        let (mut next, mut read) = (0, Vec::new());
        loop {
            let page = log.list(&since(next), 7);
            if page.entries.is_empty() {
                break;
            }
            read.extend(seqs(&page));
            next = page.next;
        }
        assert_eq!(read, seqs(&log.list(&since(0), EVENTS_KEPT)));
    }

    #[test]
    fn a_reader_is_told_whose_events_it_missed() {
        let log = flooded("b");
        let of = |names: &[&str]| Missed::Of(names.iter().map(|name| Member::from(*name)).collect());
        // Up to the flood's share the oldest were forgotten, whosever they were.
        assert_eq!(log.read_on(0).1, Missed::All);
        assert_eq!(log.read_on(500).1, of(&["flood"]));
        assert_eq!(log.read_on(6000).1, of(&[]));
        // When the others have been forgotten, too, there is nothing to be said of one.
        for number in 0..EVENTS_KEPT {
            push(&log, "b", Some(&format!("p{}", number % 8)));
        }
        assert_eq!(log.read_on(500).1, Missed::All);
        assert!(log.ring().of_peers.is_empty());
    }

    #[test]
    fn who_missed_events_is_bounded() {
        let log = EventLog::new();
        push(&log, "b", Some("first"));
        for peer in 0..2 * MISSED_MAX {
            for _ in 0..SHARE + EVENTS_KEPT {
                push(&log, "b", Some(&format!("flood-{peer}")));
            }
        }
        assert!(log.ring().of_peers.len() <= MISSED_MAX + 1);
    }

    #[test]
    fn what_passes_does_not_push_out_what_happened() {
        let log = EventLog::new();
        push(&log, "b", None);
        for _ in 0..EVENTS_KEPT * 2 {
            push(&log, "a", None);
        }
        push(&log, "b", None);
        let last = EVENTS_KEPT as u64 * 2 + 2;
        let page = log.list(&since(0), EVENTS_KEPT * 2);
        assert_eq!((page.entries.len(), page.next), (PASSING_KEPT + 2, last));
        assert_eq!(seqs(&page)[..2], [1, last - PASSING_KEPT as u64]);
        assert_eq!(seqs(&log.list(&since(last - 2), 10)), [last - 1, last]);
    }

    #[test]
    fn filters_skip_without_losing_the_place() {
        let log = EventLog::new();
        for number in 0..6 {
            push(&log, if number % 2 == 0 { "a" } else { "b" }, Some(if number < 3 { "x" } else { "y" }));
        }
        let only = |peer: Option<&str>, kind: Option<&str>| Filter {
            since: Some(0),
            peer: peer.map(Into::into),
            kind: kind.map(Into::into),
        };
        assert_eq!(seqs(&log.list(&only(Some("x"), None), 10)), vec![1, 2, 3]);
        assert_eq!(seqs(&log.list(&only(None, Some("peer_is_self")), 10)), vec![2, 4, 6]);
        assert_eq!(seqs(&log.list(&only(Some("y"), Some("peer_added")), 10)), vec![5]);
        let page = log.list(&only(None, Some("peer_added")), 1);
        assert_eq!((seqs(&page), page.next), (vec![1], 1));
        assert_eq!(log.list(&only(Some("z"), None), 10).next, 6);
    }

    #[test]
    fn a_number_from_another_life_starts_anew() {
        let log = EventLog::new();
        push(&log, "a", None);
        assert_eq!(seqs(&log.list(&since(500), 10)), vec![1]);
        assert!(log.list(&since(1), 10).entries.is_empty());
    }

    /// The bound of the ring is one of memory, too: 1,024 times this, and what an event lists.
    #[test]
    fn an_entry_is_smaller_than_its_text() {
        assert!(size_of::<Entry>() <= 320, "{}", size_of::<Entry>());
    }

    #[tokio::test]
    async fn a_subscriber_is_woken() {
        let log = EventLog::new();
        let mut news = log.subscribe();
        push(&log, "a", None);
        news.changed().await.unwrap();
        assert_eq!(*news.borrow_and_update(), 1);
    }
}
