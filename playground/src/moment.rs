//! What every node believes at one moment, and why: the run, ended there.

use std::time::Duration;

use heartbeat::detector::peer::{NodeName, Testimony};
use heartbeat::detector::view::{PeerView, View, WitnessView};
use heartbeat::render;
use heartbeat::sim::{self, Run};
use serde_json::{Value, json};

use crate::experiment::{Experiment, place};

pub(crate) fn at(experiment: &Experiment, at: Duration) -> Value {
    let run = sim::run(&experiment.scenario.clone().until(at), experiment.seed);
    let nodes: Vec<Value> = (0..run.scenario.nodes).map(|host| node(&run, host)).collect();
    json!({ "at": run.scenario.length.as_secs_f64(), "trace": format!("{:016x}", run.hash), "nodes": nodes })
}

/// Null where no process runs.
fn node(run: &Run, host: usize) -> Value {
    let Some(view) = run.views.get(host).and_then(Option::as_ref) else { return Value::Null };
    let View { state, stalled, lost, peers, .. } = view;
    let peers: Vec<Value> = peers.iter().map(|peer| of_peer(run, host, peer)).collect();
    json!({ "state": state.as_str(), "stalled": stalled, "lost": span(*lost), "peers": peers })
}

fn of_peer(run: &Run, host: usize, peer: &PeerView) -> Value {
    let whys = run.whys.get(host);
    let why = whys.and_then(|whys| whys.iter().find(|why| why.peer.peer.key == peer.peer.key)).map(|why| {
        let decision = why.decision.as_ref().map(|decision| {
            json!({
                "rule": decision.rule.as_str(), "from": decision.from.as_str(), "to": decision.to.as_str(),
                "ago": span(decision.age), "silent_for": span(decision.silent_for),
            })
        });
        let quorum = why.quorum.as_ref().map(|quorum| {
            json!({ "observers": quorum.observers, "needed": quorum.needed, "accusations": quorum.accusations })
        });
        json!({
            "text": render::explanation(why), "wait": why.limit.map(span),
            "late_after": render::round_trip(why.late_after), "decision": decision, "quorum": quorum,
        })
    });
    json!({
        "peer": place(&peer.peer.key.0), "state": peer.peer.state.as_str(), "for": span(peer.state_age),
        "verdict": peer.verdict.map(|verdict| verdict.as_str()), "class": peer.class.map(|class| class.as_str()),
        "last_proof": peer.last_proof.map(span), "last_answer": peer.last_answer.map(span),
        "round_trip": peer.rtt_mean.map(render::round_trip), "phi": peer.phi, "loss": peer.loss,
        "degraded": peer.degraded, "flapping": peer.flapping, "streaming": peer.streaming,
        "pings_me": peer.pings_me, "accusers": peer.accusers.iter().map(NodeName::as_str).collect::<Vec<_>>(),
        "witnesses": peer.witnesses.iter().map(witness).collect::<Vec<_>>(), "why": why,
    })
}

fn witness(witness: &WitnessView) -> Value {
    let said = witness.said.map(|said| match said {
        Testimony::Answered { .. } => "it answered me",
        Testimony::Failed { .. } => "it did not answer me",
        Testimony::Left => "it said goodbye",
        Testimony::NoOpinion => "I cannot say",
    });
    json!({ "node": witness.witness.as_str(), "said": said, "ago": span(witness.age) })
}

fn span(time: Duration) -> String {
    render::span(time)
}
