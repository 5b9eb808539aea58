//! What each process believed of each other over time, of any detector.

use std::time::Duration;

use crate::baselines::Opinion;
use crate::detector::peer::PeerState;
use crate::sim::host_state::HostState;
use crate::sim::run::Run;
use crate::sim::scenario::{Action, HostId};
use crate::sim::timeline::What;

/// One change. Before the first one of a pair, and in a process that has just started, all are trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// Virtual time since the beginning of the run.
    pub at: Duration,
    /// Who believes it.
    pub observer: HostId,
    /// Of whom.
    pub subject: HostId,
    /// From now on.
    pub opinion: Opinion,
}

/// What a new process believes: every peer of it is trusted again.
pub(super) fn start_of(at: Duration, observer: HostId, nodes: usize) -> impl Iterator<Item = Change> {
    let peers = (0..nodes).map(HostId).filter(move |peer| *peer != observer);
    peers.map(move |subject| Change { at, observer, subject, opinion: Opinion::Trusted })
}

/// Of our own detector, from the events of a run.
pub(super) fn of_run(run: &Run) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut hosts = HostState::all(&run.scenario);
    for entry in &run.timeline {
        match &entry.what {
            What::Event(node, event) => {
                let pair =
                    event.peer.as_ref().map(|peer| (HostId::of(node.as_str()), HostId::of(&peer.key.0), peer.state));
                if let Some((Some(observer), Some(subject), state)) = pair {
                    changes.push(Change { at: entry.at, observer, subject, opinion: opinion(state) });
                }
            }
            What::Step(Action::Host(act, host)) => {
                if hosts[host.0].gets_process(*act) {
                    changes.extend(start_of(entry.at, *host, run.scenario.nodes));
                }
                hosts[host.0] = hosts[host.0].after(*act);
            }
            What::Step(_) => {}
        }
    }
    changes
}

fn opinion(state: PeerState) -> Opinion {
    match state {
        PeerState::Joining | PeerState::Alive => Opinion::Trusted,
        PeerState::Suspect | PeerState::Unreachable => Opinion::Suspected,
        // One that said goodbye is known to be gone.
        PeerState::Dead | PeerState::Left => Opinion::Down,
    }
}
