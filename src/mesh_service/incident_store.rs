//! What happened in the mesh, as far as this node knows: its own incidents, and
//! what its peers say that they saw.
//!
//! Written by the incident watcher and the history sync, read by the routes. All run on the
//! one thread and hold the lock for as long as it takes to copy a list, never
//! across an await. The two halves are kept apart: what a peer reports is shown as
//! the peer's, and its only effect on this node's own incidents is to tell
//! the other side of a split ([`Incidents::learn`]).

mod peer_history;

pub(crate) use peer_history::EVENTS_MAX as EVENTS_OF_PEERS;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::api::{History, PastEvent};
use crate::detector::peer::BootId;
use crate::detector::time::Monotonic;
use crate::mesh::incident::{IncidentChange, IncidentSummary, Incidents};
use crate::mesh::{Member, MeshView};
use crate::runtime::clock::Clock;
use peer_history::PeerHistory;

/// An incident, and the peer that reported it; `None`: this node saw it itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub told: IncidentSummary,
    pub from: Option<Member>,
}

/// All that is known.
#[derive(Debug)]
pub struct IncidentStore {
    clock: Clock,
    book: Mutex<Book>,
}

#[derive(Debug, Default)]
struct Book {
    own: Incidents,
    theirs: PeerHistory,
}

impl IncidentStore {
    pub fn new(clock: Clock) -> IncidentStore {
        IncidentStore { clock, book: Mutex::default() }
    }

    /// Each incident once, whichever node saw it: open ones first, the newest of each first.
    pub fn list(&self) -> Vec<Entry> {
        let now = self.clock.now();
        let book = self.book();
        let own: Vec<IncidentSummary> = book.own.seen(now);
        let mut known: Vec<IncidentSummary> = Vec::new();
        let mut entries: Vec<Entry> = book.own.list(now).into_iter().map(|told| Entry { told, from: None }).collect();
        for (from, told) in book.theirs.incidents(now) {
            // As it was seen, so that mirror images are recognised.
            let is_known =
                own.iter().any(|other| other.is_same_as(&told)) || known.iter().any(|other| other.is_twin_of(&told));
            if !is_known {
                known.push(told.clone());
                entries.push(Entry { told: told.concluded(), from: Some(from) });
            }
        }
        entries.sort_by_key(|entry| (!entry.told.is_open(), entry.told.began));
        entries
    }

    /// How many of this node's own are open.
    pub fn open(&self) -> usize {
        self.book().own.open()
    }

    /// This node's own incidents as it saw them, newest last, for a peer.
    pub fn seen(&self) -> Vec<IncidentSummary> {
        self.book().own.seen(self.clock.now())
    }

    /// What peers saw: who, what, and how long ago.
    pub fn events_of_peers(&self) -> Vec<(Member, PastEvent, Duration)> {
        let now = self.clock.now();
        self.book().theirs.events(now).map(|(node, event, age)| (node.clone(), event.clone(), age)).collect()
    }

    /// Takes in what the mesh looked like at `at`.
    pub fn observe(&self, at: Monotonic, me: &Member, view: &MeshView) -> Vec<IncidentChange> {
        self.book().own.observe(at, me, view)
    }

    /// Takes in what a peer says that it saw.
    pub fn hear(&self, history: History) -> Vec<IncidentChange> {
        let now = self.clock.now();
        let teller = Member::from(&history.node);
        let mut book = self.book();
        let changes = history.incidents.iter().flat_map(|told| book.own.learn(now, &teller, told)).collect();
        book.theirs.hear(now, history);
        changes
    }

    pub(super) fn tick(&self) -> Vec<IncidentChange> {
        self.book().own.tick(self.clock.now())
    }

    pub(super) fn deadline(&self) -> Option<Monotonic> {
        self.book().own.deadline()
    }

    /// From where to read on in what a node saw.
    pub(super) fn since(&self, node: &Member, boot: Option<BootId>) -> u64 {
        self.book().theirs.since(node, boot)
    }

    /// Keeps where to read on for these nodes only.
    pub(super) fn forget(&self, known: impl Fn(&Member) -> bool) {
        self.book().theirs.forget(known);
    }

    /// The nodes of incidents that are over and not closed, each with the age of that end: what they saw is worth asking
    /// for now.
    pub(super) fn recovered(&self) -> Vec<(Member, Duration)> {
        let now = self.clock.now();
        let held = self.book().own.held(now);
        held.into_iter()
            .flat_map(|told| told.nodes.into_iter().map(move |node| (node, told.ended.unwrap_or_default())))
            .collect()
    }

    /// Nothing in it can be half-done when a holder panics: a poisoned lock holds sound data.
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
