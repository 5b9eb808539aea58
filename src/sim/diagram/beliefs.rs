//! What the nodes believe of each other over time, from the events of a run.

use std::collections::BTreeMap;
use std::time::Duration;

use super::window::Window;
use crate::detector::peer::PeerState;
use crate::sim::run::Run;
use crate::sim::scenario::{Action, HostId};
use crate::sim::timeline::What;

/// One state for a while.
pub(super) struct Part {
    pub state: PeerState,
    pub from: Duration,
    pub until: Duration,
}

/// One node about one other.
pub(super) struct Strip {
    pub observer: HostId,
    pub peer: HostId,
    pub parts: Vec<Part>,
}

/// Of the pairs among `hosts` that were not alive for the whole window.
pub(super) fn strips(run: &Run, hosts: &[HostId], window: Window) -> Vec<Strip> {
    let mut pairs: BTreeMap<(HostId, HostId), Vec<Part>> = BTreeMap::new();
    for entry in &run.timeline {
        match &entry.what {
            What::Event(node, event) => {
                let Some(about) = &event.peer else { continue };
                let pair = (HostId::of(node.as_str()), HostId::of(&about.key.0));
                let (Some(observer), Some(peer)) = pair else { continue };
                if hosts.contains(&observer) && hosts.contains(&peer) {
                    turn(pairs.entry((observer, peer)).or_default(), entry.at, about.state);
                }
            }
            // What an ended process believed is gone with it.
            What::Step(Action::Host(act, host)) if act.ends() => {
                for (_, parts) in pairs.iter_mut().filter(|((observer, _), _)| observer == host) {
                    close(parts, entry.at);
                }
            }
            What::Step(_) => {}
        }
    }
    let strips = pairs.into_iter().map(|((observer, peer), mut parts)| {
        close(&mut parts, run.scenario.length);
        parts.retain(|part| part.until > window.from && part.from < window.until);
        Strip { observer, peer, parts }
    });
    strips.filter(|strip| strip.parts.iter().any(|part| part.state != PeerState::Alive)).collect()
}

/// `until` of the last part is open while it is at its end.
fn turn(parts: &mut Vec<Part>, at: Duration, state: PeerState) {
    if let Some(last) = parts.last_mut().filter(|last| last.until == Duration::MAX) {
        if last.state == state {
            return;
        }
        last.until = at;
    }
    parts.push(Part { state, from: at, until: Duration::MAX });
}

fn close(parts: &mut [Part], at: Duration) {
    if let Some(last) = parts.last_mut() {
        last.until = last.until.min(at);
    }
}
