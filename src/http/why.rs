//! `GET /api/v1/why/{peer}`: the evidence behind what this node believes of one peer.
//!
//! The peer itself is shown as `/api/v1/peers/{key}` shows it; beside it stands
//! what that leaves out: single pings, the rule that decided and the figures it
//! was made with. The paragraph is the detector's own (`render`), so
//! that no reader of the JSON has to make one up.

use std::time::{Duration, SystemTime};

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use serde::Serialize;

use super::describe::{json, ms};
use super::peers::{PeerBody, WitnessBody, fine_ms, known_keys};
use super::problem::Problem;
use super::{AppState, Shared, wall_time};
use crate::detector::estimator::RttEstimator;
use crate::detector::event::Purpose;
use crate::detector::peer::NodeName;
use crate::detector::record::{End, Quorum};
use crate::detector::why::{AccusationView, DecisionView, ObserverView, PingView, Why};
use crate::render::explanation;
use crate::telemetry::timestamp::rfc3339_before;

#[derive(Serialize)]
struct WhyBody {
    explanation: String,
    observer: ObserverBody,
    peer: PeerBody,
    decision: Option<DecisionBody>,
    outage: Option<DecisionBody>,
    figures: FiguresBody,
    quorum: Option<QuorumBody>,
    pings: Vec<PingBody>,
    accusations: Vec<AccusationBody>,
    vouchers: Vec<String>,
}

#[derive(Serialize)]
struct ObserverBody {
    node: String,
    state: &'static str,
    stalled: bool,
    lost_ms: u64,
    cut_off_ms: Option<u64>,
    blind: bool,
}

/// What the next decision depends on.
#[derive(Serialize)]
struct FiguresBody {
    watched_ms: u64,
    limit_ms: Option<u64>,
    late_after_ms: f64,
    phi_limit: f64,
    accused_ms: Option<u64>,
    last_ping_in_ms: Option<u64>,
}

#[derive(Serialize)]
struct PingBody {
    age_ms: u64,
    purpose: &'static str,
    result: &'static str,
    took_ms: Option<f64>,
    rtt_ms: Option<f64>,
    reason: Option<&'static str>,
}

#[derive(Serialize)]
struct AccusationBody {
    observer: String,
    class: &'static str,
    left_ms: u64,
}

#[derive(Serialize)]
struct QuorumBody {
    observers: usize,
    needed: usize,
    accusations: usize,
    accusers: Vec<String>,
    could_speak: Vec<String>,
}

#[derive(Serialize)]
struct DecisionBody {
    rule: &'static str,
    sentence: &'static str,
    at: String,
    age_ms: u64,
    from: &'static str,
    to: &'static str,
    verdict: Option<&'static str>,
    class: Option<&'static str>,
    evidence: Option<&'static str>,
    silent_ms: u64,
    limit_ms: Option<u64>,
    phi: Option<f64>,
    heard: Option<u32>,
    expected: Option<u32>,
    told: Option<String>,
    before: Option<BeforeBody>,
    quorum: Option<QuorumBody>,
    pings: Vec<PingBody>,
    witnesses: Vec<WitnessBody>,
    vouchers: Vec<String>,
}

#[derive(Serialize)]
struct BeforeBody {
    rule: &'static str,
    age_ms: u64,
}

/// The evidence about one peer, by its key or the name it declares.
pub(super) async fn why(
    State(state): State<Shared>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    let Path(peer) = path.map_err(|_| Problem::bad_path("a key is UTF-8"))?;
    let Some(why) = state.handle.why(peer.as_str().into()).await? else {
        return Err(unknown(&state, &peer).await?);
    };
    Ok(json(&WhyBody::new(&why, wall_time())))
}

/// Why there is nothing to say.
async fn unknown(state: &AppState, peer: &str) -> Result<Problem, Problem> {
    let view = state.handle.view().await?;
    let known = known_keys(&view.peers);
    Ok(Problem::no_such_peer(if peer == view.node.as_str() {
        format!("{peer} is this node itself, which only others can judge; {known}")
    } else {
        known
    }))
}

impl WhyBody {
    fn new(why: &Why, now: SystemTime) -> WhyBody {
        WhyBody {
            explanation: explanation(why),
            observer: ObserverBody::new(&why.observer),
            peer: PeerBody::new(&why.peer, now),
            decision: why.decision.as_ref().map(|decision| DecisionBody::new(decision, now)),
            outage: why.outage.as_ref().map(|outage| DecisionBody::new(outage, now)),
            figures: FiguresBody {
                watched_ms: ms(why.watched),
                limit_ms: why.limit.map(ms),
                late_after_ms: fine_ms(why.late_after),
                phi_limit: RttEstimator::THRESHOLD,
                accused_ms: why.accused.map(ms),
                last_ping_in_ms: why.last_ping_in.map(ms),
            },
            quorum: why.quorum.as_ref().map(QuorumBody::new),
            pings: why.pings.iter().map(PingBody::new).collect(),
            accusations: why.accusations.iter().map(AccusationBody::new).collect(),
            vouchers: names(&why.vouchers),
        }
    }
}

impl ObserverBody {
    fn new(view: &ObserverView) -> ObserverBody {
        ObserverBody {
            node: view.node.to_string(),
            state: view.state.as_str(),
            stalled: view.stalled,
            lost_ms: ms(view.lost),
            cut_off_ms: view.cut_off.map(ms),
            blind: view.blind,
        }
    }
}

impl DecisionBody {
    fn new(view: &DecisionView, now: SystemTime) -> DecisionBody {
        let exhibits = view.exhibits.as_ref();
        DecisionBody {
            rule: view.rule.as_str(),
            sentence: view.rule.sentence(),
            at: rfc3339_before(now, view.age),
            age_ms: ms(view.age),
            from: view.from.as_str(),
            to: view.to.as_str(),
            verdict: view.rule.verdict().map(|verdict| verdict.as_str()),
            class: view.class.map(|class| class.as_str()),
            evidence: view.evidence.map(|evidence| evidence.as_str()),
            silent_ms: ms(view.silent_for),
            limit_ms: view.limit.map(ms),
            phi: view.phi,
            heard: view.heard.map(|(heard, _)| heard),
            expected: view.heard.map(|(_, expected)| expected),
            told: view.told.as_ref().map(ToString::to_string),
            before: view.before.map(|(rule, age)| BeforeBody { rule: rule.as_str(), age_ms: ms(age) }),
            quorum: exhibits.and_then(|exhibits| exhibits.quorum.as_ref()).map(QuorumBody::new),
            pings: exhibits.map_or_else(Vec::new, |exhibits| exhibits.pings.iter().map(PingBody::new).collect()),
            witnesses: exhibits
                .map_or_else(Vec::new, |exhibits| exhibits.witnesses.iter().map(WitnessBody::new).collect()),
            vouchers: exhibits.map_or_else(Vec::new, |exhibits| names(&exhibits.vouchers)),
        }
    }
}

impl QuorumBody {
    fn new(quorum: &Quorum) -> QuorumBody {
        QuorumBody {
            observers: quorum.observers,
            needed: quorum.needed,
            accusations: quorum.accusations,
            accusers: names(&quorum.accusers),
            could_speak: names(&quorum.could_speak),
        }
    }
}

impl AccusationBody {
    fn new(view: &AccusationView) -> AccusationBody {
        AccusationBody { observer: view.observer.to_string(), class: view.class.as_str(), left_ms: ms(view.left) }
    }
}

impl PingBody {
    fn new(view: &PingView) -> PingBody {
        let (result, reason) = match view.end.map(|(end, _)| end) {
            None => ("open", None),
            Some(End::Answered) => ("answered", None),
            Some(End::AnsweredLate) => ("answered_late", None),
            Some(End::Failed(evidence)) => ("failed", Some(evidence.as_str())),
            Some(End::OutOfTime(evidence)) => ("out_of_time", Some(evidence.as_str())),
        };
        let took: Option<Duration> = view.end.map(|(_, took)| took);
        PingBody {
            age_ms: ms(view.age),
            purpose: match view.purpose {
                Purpose::Scheduled => "scheduled",
                Purpose::Check => "check",
                Purpose::Witness => "witness",
            },
            result,
            took_ms: took.map(fine_ms),
            rtt_ms: took.filter(|_| result == "answered").map(fine_ms),
            reason,
        }
    }
}

fn names(names: &[NodeName]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}
