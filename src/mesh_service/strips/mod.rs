//! The last 15 minutes of every node and every link, as far as this node knows them: a mark for each 10 s.
//!
//! Two sources, and neither costs an idle node a wake-up:
//! * this node's own links, from its events. They are read when someone looks ([`own_links`]), so what happened in
//!   between is exact, even if no one was watching;
//! * the links of other nodes, from each view that the collector gathers: while a page is open, when the API is asked,
//!   and by the incident watcher while anything is wrong. Where neither happened there is no mark.
//!
//! It is memory of this process: a restart begins with nothing.
//!
//! Bounded by [`NODES_MAX`] and [`LINKS_MAX`] strips of 90 bytes; what is beyond has no strip, and one that has been
//! blank for 15 minutes is dropped. A whole mesh of 32 nodes takes 0.14 MB, the most that there can be is 2.3 MB
//! (`docs/sizing.md`, which a test compares).
//!
//! Turned down: a task that samples every 10 s, which would wake every node of every mesh all day for a page that is
//! closed.

mod own_links;
mod strip;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(crate) use strip::{MARKS, SLOT};
pub use strip::{Mark, Run};

use crate::detector::time::Monotonic;
use crate::mesh::event::NodeEvent;
use crate::mesh::{Cell, LinkStatus, MEMBERS_MAX, Member, MeshVerdict, MeshView, NodeStatus, Row};
use crate::runtime::clock::Clock;
use crate::telemetry::EventLog;
use crate::telemetry::events::Missed;
use own_links::{Filled, OwnLinks};
use strip::{Strip, runs, slot};

/// As many as a view has members.
const NODES_MAX: usize = MEMBERS_MAX;
/// As many as the collector asks for: rows of 128 nodes about 128.
const LINKS_MAX: usize = 128 * 128;

/// Owns the strips. Written after each gathering, read by the pages, all on the one thread; the lock is never held across
/// an await.
#[derive(Debug)]
pub struct Strips {
    clock: Clock,
    events: Arc<EventLog>,
    book: Mutex<Book>,
}

#[derive(Debug, Default)]
struct Book {
    me: Option<Member>,
    /// Sorted by member, as the rows of a view are.
    nodes: Vec<(Member, Node)>,
    /// In all nodes together.
    links: usize,
    own_links: OwnLinks,
    /// The number of the last event that was read.
    read: u64,
    /// The slot of the last look for blank strips.
    pruned: u32,
}

/// One node, and its links to others.
#[derive(Debug, Default)]
struct Node {
    strip: Strip,
    /// Sorted by peer.
    links: Vec<(Member, Strip)>,
}

impl Strips {
    pub(super) fn new(clock: Clock, events: Arc<EventLog>) -> Strips {
        Strips { clock, events, book: Mutex::default() }
    }

    /// The strip of a node, oldest first, [`MARKS`] marks in all.
    pub fn node(&self, member: &Member) -> Vec<Run> {
        let book = self.book();
        let own = book.me.as_ref().and_then(|me| book.link(me, member));
        runs(slot(self.clock.now()), book.node(member).map(|node| &node.strip), own)
    }

    /// The strip of what one node says of its link to another.
    pub fn link(&self, observer: &Member, peer: &Member) -> Vec<Run> {
        runs(slot(self.clock.now()), self.book().link(observer, peer), None)
    }

    /// Takes in what the mesh looked like at `at`, to the node `me`.
    pub(super) fn observe(&self, at: Monotonic, me: &Member, view: &MeshView) {
        let mut book = self.book();
        book.me = Some(me.clone());
        book.learn(me, &self.events);
        let now = slot(at);
        book.prune(now);
        let mut hint = 0;
        for (status, row) in view.node_statuses.iter().zip(&view.rows) {
            let Some(place) = book.place(hint, &status.member) else { continue };
            hint = place + 1;
            book.nodes[place].1.strip.add(now, mark_of_node(status));
            if row.speaks() {
                book.observe_row(place, now, row);
            }
        }
        if let Some((_, own)) = view.member(me) {
            book.own_links.keep(|member| own.cell(member).is_some());
            own.cells.iter().for_each(|cell| book.own_links.note(&cell.peer, cell.state, at));
        }
        let mut filled = Vec::new();
        book.own_links.settle(at, &mut filled);
        book.fill(me, filled);
    }

    /// Nothing in it can be half-done when a holder panics: a poisoned lock holds sound data.
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    /// Reads the events since the last time.
    fn learn(&mut self, me: &Member, log: &EventLog) {
        let (page, missed) = log.read_on(self.read);
        match missed {
            Missed::All => self.own_links.forget(),
            Missed::Of(peers) => peers.iter().for_each(|peer| self.own_links.forget_one(peer)),
        }
        let mut filled = Vec::new();
        for entry in &page.entries {
            if let NodeEvent::Detector(event) = &entry.event {
                self.own_links.learn(event, &mut filled);
            }
        }
        self.read = page.next;
        self.fill(me, filled);
    }

    fn fill(&mut self, me: &Member, filled: Vec<Filled>) {
        let Some(own) = self.place(0, me) else { return };
        for Filled { peer, from, to, mark } in filled {
            match peer {
                None => self.nodes[own].1.strip.fill(from, to, mark),
                Some(peer) => {
                    let node = &mut self.nodes[own].1;
                    if let Some(place) = place(&mut node.links, 0, &peer, &mut self.links, LINKS_MAX) {
                        node.links[place].1.fill(from, to, mark);
                    }
                }
            }
        }
    }

    fn observe_row(&mut self, node: usize, now: u32, row: &Row) {
        let node = &mut self.nodes[node].1;
        let mut hint = 0;
        for cell in &row.cells {
            if let Some(place) = place(&mut node.links, hint, &cell.peer, &mut self.links, LINKS_MAX) {
                hint = place + 1;
                node.links[place].1.add(now, mark_of_link(row, cell));
            }
        }
    }

    fn place(&mut self, hint: usize, member: &Member) -> Option<usize> {
        let mut held = self.nodes.len();
        place(&mut self.nodes, hint, member, &mut held, NODES_MAX)
    }

    fn node(&self, member: &Member) -> Option<&Node> {
        find(&self.nodes, member)
    }

    fn link(&self, observer: &Member, peer: &Member) -> Option<&Strip> {
        find(&self.node(observer)?.links, peer)
    }

    /// Drops what has been blank for 15 minutes; once a slot is enough.
    fn prune(&mut self, now: u32) {
        if now == self.pruned {
            return;
        }
        self.pruned = now;
        for (_, node) in &mut self.nodes {
            node.links.retain(|(_, strip)| !strip.is_blank(now));
        }
        self.nodes.retain(|(_, node)| !node.links.is_empty() || !node.strip.is_blank(now));
        self.links = self.nodes.iter().map(|(_, node)| node.links.len()).sum();
    }
}

/// The place of a member in a sorted list, made where there is none yet; `None` when there is no room. Both the list and
/// those who ask are in the same order, so the hint is nearly always right.
fn place<T: Default>(
    list: &mut Vec<(Member, T)>,
    hint: usize,
    member: &Member,
    held: &mut usize,
    most: usize,
) -> Option<usize> {
    if list.get(hint).is_some_and(|(at, _)| at == member) {
        return Some(hint);
    }
    match list.binary_search_by(|(at, _)| at.cmp(member)) {
        Ok(place) => Some(place),
        Err(_) if *held >= most => None,
        Err(place) => {
            list.insert(place, (member.clone(), T::default()));
            *held += 1;
            Some(place)
        }
    }
}

fn find<'a, T>(list: &'a [(Member, T)], member: &Member) -> Option<&'a T> {
    let place = list.binary_search_by(|(at, _)| at.cmp(member)).ok()?;
    list.get(place).map(|(_, found)| found)
}

fn mark_of_node(status: &NodeStatus) -> Mark {
    match status.verdict {
        MeshVerdict::Up | MeshVerdict::Restarted if status.is_doubtful() => Mark::Partly,
        MeshVerdict::Up | MeshVerdict::Restarted => Mark::Up,
        MeshVerdict::Left | MeshVerdict::Maintenance => Mark::Away,
        MeshVerdict::Unknown => Mark::Unknown,
        MeshVerdict::Lossy | MeshVerdict::OneWay | MeshVerdict::LinkBroken => Mark::Partly,
        MeshVerdict::NeverSeen | MeshVerdict::Unverified => Mark::Down,
        MeshVerdict::CutOff | MeshVerdict::Unconfirmed | MeshVerdict::Down => Mark::Down,
    }
}

fn mark_of_link(row: &Row, cell: &Cell) -> Mark {
    match row.link_status(cell) {
        LinkStatus::Good | LinkStatus::Doubt | LinkStatus::Bad if cell.maintenance => Mark::Away,
        LinkStatus::Good if cell.degraded => Mark::Partly,
        LinkStatus::Good => Mark::Up,
        LinkStatus::Doubt => Mark::Partly,
        LinkStatus::Bad => Mark::Down,
        LinkStatus::Left => Mark::Away,
        LinkStatus::Waiting | LinkStatus::Unknown => Mark::Unknown,
    }
}

#[cfg(test)]
mod tests;
