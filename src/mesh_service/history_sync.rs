//! Asks peers what they saw, so that it survives them, and so that this node
//! knows what happened while it was away.
//!
//! Three occasions. *On start* the first peers that answer are asked for all
//! their events. *When an incident is closed*, the peers that it was about are asked at
//! once: their view of it may differ. And *in between* one peer after
//! the other, slowly, for what is new since the last time, so that the last
//! hours of a node that crashes can be read from any survivor.
//!
//! Turned down: events that travel with the answers to pings (every ping of
//! every day would pay for them), and passing on reports of others (they would
//! circulate without end, and many nodes would repeat a false report).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::incident_store::IncidentStore;
use super::incident_watcher::tell;
use crate::api::EVENTS;
use crate::client::{Client, Target};
use crate::detector::peer::{BootId, PeerId, PeerState};
use crate::detector::time::Monotonic;
use crate::detector::view::Trouble;
use crate::mesh::Member;
use crate::runtime::clock::Clock;
use crate::runtime::handle::{Handle, Stopped};
use crate::telemetry::Telemetry;
use crate::telemetry::events::EVENTS_KEPT;

/// Between two questions while nothing is wrong: in a mesh of three each peer's news are 20 s old at most.
const SLOWLY: Duration = Duration::from_secs(10);
/// Between two looks for a peer to ask, on start and while an incident is not closed.
const SOON: Duration = Duration::from_secs(1);
/// Peers asked on start: most of them saw what happened, and one of them may have been away as well.
const ON_START: usize = 3;
/// When starting is over, with or without all answers.
const STARTING: Duration = Duration::from_secs(30);
/// How long one answer may take. Nothing waits for it.
const LIMIT: Duration = Duration::from_secs(2);
/// Pages that one answer may have: all that a peer remembers, and the one that has nothing more. One that
/// always has more is asked on when it has its turn again.
const PAGES: usize = EVENTS_KEPT / EVENTS + 1;
/// Peers asked at the same time when an incident is closed.
const AT_ONCE: usize = 4;

/// Owns the asking. Made by [`HistorySync::new`], which starts nothing; [`HistorySync::run`] does.
pub(crate) struct HistorySync {
    handle: Handle,
    client: Client,
    clock: Clock,
    incidents: Arc<IncidentStore>,
    telemetry: Arc<Telemetry>,
    trouble: watch::Receiver<Trouble>,
    started: Monotonic,
    /// When each peer was asked last. At most one for each on the list.
    asked: BTreeMap<PeerId, Monotonic>,
    last: Option<Monotonic>,
}

/// A peer that can be asked.
struct Source {
    id: PeerId,
    node: Member,
    boot: Option<BootId>,
    target: Target,
}

impl HistorySync {
    pub(crate) fn new(
        handle: Handle,
        client: Client,
        clock: Clock,
        incidents: Arc<IncidentStore>,
        telemetry: Arc<Telemetry>,
    ) -> HistorySync {
        let trouble = handle.trouble();
        let (started, asked) = (clock.now(), BTreeMap::new());
        HistorySync { handle, client, clock, incidents, telemetry, trouble, started, asked, last: None }
    }

    /// Asks until `stop`, or until the detector has ended.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        tokio::select! {
            biased;
            () = stop.cancelled() => {}
            _ = self.ask_on() => stop.cancelled().await,
        }
    }

    async fn ask_on(&mut self) -> Result<(), Stopped> {
        loop {
            let starting = self.asked.len() < ON_START && self.clock.now() - self.started < STARTING;
            let busy = self.incidents.deadline().is_some() || self.incidents.open() > 0;
            let pause = if starting || busy { SOON } else { SLOWLY };
            tokio::select! {
                () = sleep(pause) => {}
                // Nothing arrives here while nothing is wrong.
                changed = self.trouble.changed() => {
                    changed.map_err(|_| Stopped)?;
                    sleep(SOON).await;
                }
            }
            for source in self.chosen(starting).await? {
                self.ask(&source).await;
            }
        }
    }

    /// The peers to ask now: on start those who have not been asked, then those who have just come out of an incident, and
    /// now and then the one who has not been asked for longest.
    async fn chosen(&mut self, starting: bool) -> Result<Vec<Source>, Stopped> {
        let roster = self.handle.roster().await?;
        self.asked.retain(|id, _| roster.view.peers.iter().any(|peer| peer.peer.id == *id));
        let names = || roster.view.peers.iter().filter_map(|peer| peer.peer.node.as_ref()).map(Member::from);
        self.incidents.forget(|node| names().any(|name| name == *node));
        let now = self.clock.now();
        let mut recovered: BTreeMap<Member, Duration> = BTreeMap::new();
        for (node, age) in self.incidents.recovered() {
            recovered.entry(node).and_modify(|last| *last = age.min(*last)).or_insert(age);
        }
        let alive = roster.view.peers.iter().filter(|peer| peer.peer.state == PeerState::Alive);
        let mut sources: Vec<(bool, Option<Monotonic>, Source)> = alive
            .filter_map(|peer| {
                let (id, node) = (peer.peer.id, Member::from(peer.peer.node.as_ref()?));
                let target = roster.targets.get(&id)?.clone();
                let last = self.asked.get(&id).copied();
                let since_end = recovered.get(&node).copied();
                let wanted = match (since_end, last) {
                    (Some(ended), Some(last)) => now - last > ended,
                    (Some(_), None) => true,
                    (None, last) => starting && last.is_none(),
                };
                Some((!wanted, last, Source { id, node, boot: peer.peer.boot, target }))
            })
            .collect();
        let own = Member::from(&roster.view.node);
        sources.sort_by_cached_key(|(unwanted, last, source)| (*unwanted, *last, after(&own, &source.node)));
        let wanted = sources.iter().filter(|(unwanted, ..)| !unwanted).count().min(AT_ONCE);
        let due = self.last.is_none_or(|last| now - last >= SLOWLY);
        let count = if wanted == 0 { usize::from(due) } else { wanted };
        Ok(sources.into_iter().take(count).map(|(_, _, source)| source).collect())
    }

    async fn ask(&mut self, source: &Source) {
        self.last = Some(self.clock.now());
        for _ in 0..PAGES {
            let since = self.incidents.since(&source.node, source.boot);
            let asked = timeout(LIMIT, self.client.history(&source.target, since)).await;
            // A peer that does not answer, or of a version that has no history, takes its turn all the same.
            self.asked.insert(source.id, self.clock.now());
            // Another node at that address reports for itself under its own name.
            let Ok(Some(history)) = asked else { return };
            if Member::from(&history.node) != source.node || source.boot.is_some_and(|boot| boot != history.boot) {
                return;
            }
            let has_more = history.next > since;
            let changes = self.incidents.hear(history);
            tell(&self.telemetry, &self.incidents, self.clock.now(), changes);
            if !has_more {
                return;
            }
        }
    }
}

/// Orders names as a circle that begins behind our own: nodes that start together each begin with another peer. Otherwise all
/// of them would ask the same one at the same moment, and it would hold a connection of each.
fn after(own: &Member, node: &Member) -> (bool, Member) {
    (node <= own, node.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_that_start_together_begin_with_different_peers() {
        let mesh = ["a", "b", "c", "d"].map(Member::from);
        let turns = mesh.each_ref().map(|own| {
            let mut peers: Vec<&Member> = mesh.iter().filter(|node| *node != own).collect();
            peers.sort_by_cached_key(|node| after(own, node));
            peers
        });
        assert_eq!(turns[1].iter().map(|node| node.as_str()).collect::<Vec<_>>(), ["c", "d", "a"]);
        for turn in 0..mesh.len() - 1 {
            let mut asked = turns.each_ref().map(|peers| peers[turn]);
            asked.sort();
            assert_eq!(asked, mesh.each_ref(), "each is asked by one, in turn {turn}");
        }
    }
}
