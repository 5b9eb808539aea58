//! `heartbeat healthcheck`: for container engines, which have no curl to call.

use std::time::Duration;

use clap::Args;

use super::address::Address;
use super::exit::{Exit, Failure, Outcome};
use super::output::Output;
use crate::client::node::Order;
use crate::config::environment::Environment;

/// Engines wait a few seconds for a check; this one always ends first.
const LIMIT: Duration = Duration::from_secs(2);

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  heartbeat healthcheck                      the node of this container
  heartbeat healthcheck --addr=node-2:8001   another one
  HEALTHCHECK CMD [\"/heartbeat\", \"healthcheck\"]

It asks /readyz, which is about the node itself and never about its peers,
and gives up after 2 s.
Exit codes: 0 ready, 1 not ready or not reachable.")]
pub(crate) struct Healthcheck {
    #[command(flatten)]
    pub address: Address,
    /// Print {"ready":true} or {"ready":false,"why":"..."}
    #[arg(long)]
    pub json: bool,
}

/// Asks whether the node is ready.
///
/// # Errors
/// Only for a wrong `--addr` or a closed pipe: without an answer the node is "not ready".
pub(crate) async fn healthcheck(command: &Healthcheck, environment: &Environment) -> Outcome {
    let mut output = Output::stdout(environment);
    let place = command.address.place(environment)?;
    let why = match place.send(&Order::get("/readyz"), LIMIT).await {
        Ok(reply) if reply.status == 200 => None,
        Ok(reply) => Some(format!("/readyz answered {}", reply.status)),
        Err(Failure::Unreachable { place, why }) => Some(format!("cannot reach {place}: {why}")),
        Err(failure) => return Err(failure),
    };
    let line = match (&why, command.json) {
        (None, false) => "ready".to_owned(),
        (Some(why), false) => format!("not ready: {why}"),
        (None, true) => r#"{"ready":true}"#.to_owned(),
        (Some(why), true) => serde_json::json!({ "ready": false, "why": why }).to_string(),
    };
    output.line(&line)?;
    Ok(if why.is_none() { Exit::Success } else { Exit::Failed })
}
