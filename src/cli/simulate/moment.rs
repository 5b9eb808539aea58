//! What one node believes at the end of a run, and why: the bodies that a real node would answer with.

use std::time::{Duration, SystemTime};

use super::super::exit::{Exit, Failure, Outcome};
use super::super::output::Output;
use super::super::{members, why};
use crate::api::{PeersBody, WhyBody};
use crate::sim::{HostId, Run};

/// A time of day for the bodies: the virtual clock counts from 1970.
fn wall(at: Duration) -> SystemTime {
    SystemTime::UNIX_EPOCH + at
}

/// The peers of a node.
pub(super) fn view(run: &Run, name: &str, json: bool, output: &mut Output) -> Outcome {
    let host = host(run, name)?;
    let Some(view) = run.views.get(host.0).and_then(Option::as_ref) else { return Err(ended(run, host)) };
    let body = PeersBody::new(view, wall(run.scenario.length));
    if json {
        output.line(&as_json(&body)?)?
    } else {
        members::show(output, &body)?
    }
    Ok(Exit::Success)
}

/// The evidence of one node about another.
pub(super) fn evidence(run: &Run, observer: &str, peer: &str, json: bool, output: &mut Output) -> Outcome {
    let (observer, peer) = (host(run, observer)?, host(run, peer)?);
    if run.views.get(observer.0).is_none_or(Option::is_none) {
        return Err(ended(run, observer));
    }
    let Some(evidence) = run.why(observer, peer) else {
        return Err(Failure::Failed(format!("{observer} does not watch {peer}; `--view {observer}` lists its peers.")));
    };
    let body = WhyBody::new(evidence, wall(run.scenario.length));
    if json {
        output.line(&as_json(&body)?)?
    } else {
        why::show(output, &body)?
    }
    Ok(Exit::Success)
}

fn as_json(body: &impl serde::Serialize) -> Result<String, Failure> {
    serde_json::to_string(body).map_err(|error| Failure::Failed(format!("cannot print it: {error}")))
}

fn host(run: &Run, name: &str) -> Result<HostId, Failure> {
    let host = crate::sim::host(name).map_err(Failure::Usage)?;
    if host.0 < run.scenario.nodes {
        return Ok(host);
    }
    let last = HostId(run.scenario.nodes - 1);
    Err(Failure::Usage(format!("there is no {host} in this scenario; its nodes are {} to {last}", HostId(0))))
}

fn ended(run: &Run, host: HostId) -> Failure {
    let at = run.scenario.length.as_secs_f64();
    Failure::Failed(format!("{host} has no process at {at:.3} s; `--at` names another time"))
}
