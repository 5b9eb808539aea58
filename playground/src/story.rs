//! A whole run: what happened, what was believed when, and every packet.

use heartbeat::detector::event::{Event, EventKind};
use heartbeat::render;
use heartbeat::sim::{self, Action, Entry, HostAct, PacketTrace, Run, What};
use serde_json::{Value, json};

use crate::experiment::{Experiment, place};
use crate::{packets, truth};

pub(crate) fn tell(experiment: &Experiment, noted: &mut Vec<u8>) -> Value {
    let Experiment { scenario, seed } = experiment;
    let window = PacketTrace::new(Default::default(), scenario.length);
    let (run, trace) = sim::run_traced(scenario, *seed, window);
    *noted = packets::numbers(&trace.packets);
    let violations: Vec<String> = run.violations.iter().map(ToString::to_string).collect();
    json!({
        "name": scenario.name, "about": scenario.about, "nodes": scenario.nodes, "seed": seed,
        "length": scenario.length.as_secs_f64(), "trace": format!("{:016x}", run.hash),
        "started": sim::startup(&run), "entries": run.timeline.iter().map(entry).collect::<Vec<_>>(),
        "beliefs": beliefs(&run), "selves": selves(&run), "truth": truth::course(scenario),
        "kinds": packets::kinds(), "packets_left_out": trace.left_out,
        "shown": sim::shown(&run), "violations": violations,
    })
}

/// A step, or what a node had to say.
fn entry(entry: &Entry) -> Value {
    let at = entry.at.as_secs_f64();
    match &entry.what {
        What::Step(action) => json!({ "at": at, "step": action.to_string(), "nodes": named(action) }),
        What::Event(node, event) => {
            let peer = event.peer.as_ref();
            json!({
                "at": at, "node": place(node.as_str()), "peer": peer.and_then(|peer| place(&peer.key.0)),
                "event": event.kind.name(), "state": peer.map(|peer| peer.state.as_str()),
                "verdict": verdict(event), "on": lasts(&event.kind), "level": event.kind.level().as_str(),
                "sentence": render::sentence(event),
            })
        }
    }
}

fn named(action: &Action) -> Vec<usize> {
    match action {
        Action::Host(_, host) | Action::HostLoss(_, host, _) => vec![host.0],
        Action::Link(_, a, b) => vec![a.0, b.0],
        Action::Split(groups) => groups.iter().flatten().map(|host| host.0).collect(),
        Action::AllLoss(_) | Action::Heal => Vec::new(),
    }
}

fn verdict(event: &Event) -> Option<&'static str> {
    match &event.kind {
        EventKind::PeerDown { verdict, .. } | EventKind::PeerUnreachable { verdict, .. } => Some(verdict.as_str()),
        EventKind::PeerNeverSeen { .. } => Some("never_seen"),
        EventKind::PeerRestarted { .. } => Some("restarted"),
        _ => None,
    }
}

/// Of what begins and ends.
fn lasts(kind: &EventKind) -> Option<bool> {
    match kind {
        EventKind::PeerFlapping { on, .. } | EventKind::PeerDegraded { on, .. } => Some(*on),
        _ => None,
    }
}

/// Time, observer, subject, state, and the verdict with it; no state where the process that believed has ended.
fn beliefs(run: &Run) -> Vec<Value> {
    let mut changes = Vec::new();
    for entry in &run.timeline {
        let at = entry.at.as_secs_f64();
        match &entry.what {
            What::Event(node, event) => {
                let Some(about) = &event.peer else { continue };
                let (Some(observer), Some(peer)) = (place(node.as_str()), place(&about.key.0)) else { continue };
                changes.push(json!([at, observer, peer, about.state.as_str(), verdict(event)]));
            }
            What::Step(Action::Host(act, host)) if ends(*act) => {
                let peers = (0..run.scenario.nodes).filter(|peer| *peer != host.0);
                changes.extend(peers.map(|peer| json!([at, host.0, peer, null, null])));
            }
            What::Step(_) => {}
        }
    }
    changes
}

/// Time, node, and what it says about itself.
fn selves(run: &Run) -> Vec<Value> {
    let of = |entry: &Entry| {
        let at = entry.at.as_secs_f64();
        match &entry.what {
            What::Event(node, event) => {
                let state = match &event.kind {
                    EventKind::SelfCutOff { .. } => "cut_off",
                    EventKind::SelfSlow { .. } => "slow",
                    EventKind::SelfLeaving => "leaving",
                    EventKind::SelfRejoined { .. } | EventKind::SelfWell { .. } => "ready",
                    _ => return None,
                };
                Some(json!([at, place(node.as_str()), state]))
            }
            What::Step(Action::Host(act, host)) if ends(*act) => Some(json!([at, host.0, null])),
            What::Step(_) => None,
        }
    };
    run.timeline.iter().filter_map(of).collect()
}

/// A goodbye takes its time, and a leaving node still believes something; that ends with its last packets.
fn ends(act: HostAct) -> bool {
    matches!(act, HostAct::Crash | HostAct::CrashContainer | HostAct::PowerOff | HostAct::Restart | HostAct::Leave)
}
