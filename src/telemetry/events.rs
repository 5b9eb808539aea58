//! What happened lately: a ring of the last events, for the API and its streams.
//!
//! The ring is the only store. A stream does not get events pushed through a
//! channel of its own; it is told that there is something new and reads on from
//! the number it has. So a slow reader costs nothing, nobody's queue can fill,
//! and a reader that fell further behind than the ring is long sees it by a gap
//! in the numbers. Turned down: a broadcast channel, which keeps a second copy
//! of the same events with a second bound.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::sync::watch;

use super::timestamp::rfc3339;
use crate::detector::level::Level;
use crate::detector::time::Monotonic;
use crate::wire::{PastEvent, PastEventBody};

/// Events kept. A bad hour of a large mesh; some 700 bytes each.
pub const EVENTS_KEPT: usize = 1024;

/// One event, written once: it is read more often than it happens, and as text it takes a third of the memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Counts from 1 in each life of the node.
    pub seq: u64,
    /// The stable name.
    pub event: &'static str,
    /// The key of the peer it is about.
    pub peer: Option<Arc<str>>,
    /// When it happened, on the machine's steady clock.
    pub moment: Monotonic,
    /// The event as the API shows it: one JSON object on one line.
    pub json: Box<str>,
}

/// What [`Entry::json`] holds.
#[derive(Serialize)]
struct Body<'a> {
    seq: u64,
    /// RFC 3339.
    at: String,
    event: &'static str,
    level: &'static str,
    /// Who saw it: this node.
    node: &'a str,
    /// The key of the peer it is about; `null` for an event about this node.
    peer: Option<&'a str>,
    message: &'static str,
    sentence: &'a str,
    fields: &'a Map<String, Value>,
    /// The peer that told of it: none, this node saw it itself.
    from: Option<&'a str>,
}

/// An event on its way into the ring.
pub(super) struct Draft<'a> {
    pub moment: Monotonic,
    pub at: SystemTime,
    pub event: &'static str,
    pub level: Level,
    pub node: &'a str,
    pub peer: Option<Arc<str>>,
    pub message: &'static str,
    pub sentence: &'a str,
    pub fields: &'a Map<String, Value>,
}

impl Draft<'_> {
    fn numbered(self, seq: u64) -> Entry {
        let body = Body {
            seq,
            at: rfc3339(self.at),
            event: self.event,
            level: level_str(self.level),
            node: self.node,
            peer: self.peer.as_deref(),
            message: self.message,
            sentence: self.sentence,
            fields: self.fields,
            from: None,
        };
        // Strings, numbers and maps with string keys always serialise.
        let json = serde_json::to_string(&body).unwrap_or_else(|_| "{}".to_owned());
        Entry { seq, event: self.event, peer: self.peer, moment: self.moment, json: json.into() }
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

/// The last [`EVENTS_KEPT`] events.
pub struct EventLog {
    ring: Mutex<VecDeque<Arc<Entry>>>,
    last: watch::Sender<u64>,
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

    /// Adds an event and wakes the streams.
    pub(super) fn push(&self, draft: Draft<'_>) {
        let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        let seq = *self.last.borrow() + 1;
        if ring.len() == EVENTS_KEPT {
            ring.pop_front();
        }
        ring.push_back(Arc::new(draft.numbered(seq)));
        self.last.send_replace(seq);
    }

    /// Up to `limit` entries that pass the filter.
    pub fn list(&self, filter: &Filter, limit: usize) -> Page {
        let ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        let last = *self.last.borrow();
        let passes = |entry: &&Arc<Entry>| {
            filter.peer.as_deref().is_none_or(|peer| entry.peer.as_deref() == Some(peer))
                && filter.kind.as_deref().is_none_or(|kind| entry.event == kind)
        };
        let Some(since) = filter.since else {
            let mut entries: Vec<Arc<Entry>> = ring.iter().rev().filter(passes).take(limit).cloned().collect();
            entries.reverse();
            return Page { entries, next: last };
        };
        let since = if since > last { 0 } else { since };
        // Numbers have no gaps inside the ring, so the place of the first one is known.
        let first = ring.front().map_or(1, |entry| entry.seq);
        let skip = usize::try_from((since + 1).saturating_sub(first)).unwrap_or(usize::MAX);
        let entries: Vec<Arc<Entry>> = ring.iter().skip(skip).filter(passes).take(limit).cloned().collect();
        let next = if entries.len() < limit { last } else { entries.last().map_or(last, |entry| entry.seq) };
        Page { entries, next }
    }

    /// Holds the number of the last event; changes when there is a new one.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.last.subscribe()
    }
}

impl Entry {
    /// The event as a peer is told of it, `age` after it happened: without its fields, some of which are timestamps.
    pub fn for_peers(&self, age: Duration) -> Option<PastEventBody> {
        #[derive(Deserialize)]
        struct Kept {
            level: String,
            message: String,
            sentence: String,
            #[serde(default)]
            fields: Named,
        }
        #[derive(Default, Deserialize)]
        struct Named {
            #[serde(default)]
            peer_node: Option<String>,
        }
        // Written by ourselves, so it can be read; it happens too rarely to be kept twice.
        let kept: Kept = serde_json::from_str(&self.json).ok()?;
        Some(PastEventBody {
            seq: self.seq,
            age_ms: u64::try_from(age.as_millis()).unwrap_or(u64::MAX),
            event: self.event.to_owned(),
            level: kept.level,
            peer: kept.fields.peer_node.or_else(|| self.peer.as_deref().map(str::to_owned)),
            message: kept.message,
            sentence: kept.sentence,
        })
    }
}

/// The event of a peer as the API shows it, with this node's own wall time.
pub fn of_peer(node: &str, event: &PastEvent, at: SystemTime) -> String {
    #[derive(Serialize)]
    struct PeerEvent<'a> {
        seq: u64,
        at: String,
        event: &'a str,
        level: &'a str,
        node: &'a str,
        peer: Option<&'a str>,
        message: &'a str,
        sentence: &'a str,
        fields: Map<String, Value>,
        from: &'a str,
    }
    let body = PeerEvent {
        seq: event.seq,
        at: rfc3339(at),
        event: event.event,
        level: event.level,
        node,
        peer: event.peer.as_deref(),
        message: &event.message,
        sentence: &event.sentence,
        fields: Map::new(),
        from: node,
    };
    serde_json::to_string(&body).unwrap_or_else(|_| "{}".to_owned())
}

fn level_str(level: Level) -> &'static str {
    match level {
        Level::Debug => "debug",
        Level::Info => "info",
        Level::Warn => "warn",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(log: &EventLog, event: &'static str, peer: Option<&str>) {
        log.push(Draft {
            moment: Monotonic::default(),
            at: SystemTime::UNIX_EPOCH,
            event,
            level: Level::Info,
            node: "me",
            peer: peer.map(Into::into),
            message: "",
            sentence: "",
            fields: &Map::new(),
        });
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
            push(&log, "a", None);
        }
        let page = log.list(&since(0), EVENTS_KEPT * 2);
        assert_eq!(page.entries.len(), EVENTS_KEPT);
        assert_eq!(seqs(&page)[0], 6);
        assert_eq!(seqs(&log.list(&since(1000), 2)), vec![1001, 1002]);
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
        assert_eq!(seqs(&log.list(&only(None, Some("b")), 10)), vec![2, 4, 6]);
        assert_eq!(seqs(&log.list(&only(Some("y"), Some("a")), 10)), vec![5]);
        let page = log.list(&only(None, Some("a")), 1);
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

    #[tokio::test]
    async fn a_subscriber_is_woken() {
        let log = EventLog::new();
        let mut news = log.subscribe();
        push(&log, "a", None);
        news.changed().await.unwrap();
        assert_eq!(*news.borrow_and_update(), 1);
    }
}
