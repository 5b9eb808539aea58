//! `heartbeat maint`: planned work on a node, announced so that it raises no alert.

use clap::{Args, Subcommand};
use hyper::Method;
use serde_json::json;

use super::address::Reader;
use super::answer::{Answer, span_of};
use super::ask::good;
use super::exit::{Exit, Failure, Outcome};
use super::output::{Output, Paint};
use crate::api::words::When;
use crate::api::{MaintenanceBody, MaintenanceStatusBody, MaintenanceWish, PeerMaintenanceBody};
use crate::client::node::{Order, REQUEST_TIME_MAX};
use crate::config::environment::Environment;
use crate::config::layers::Layers;
use crate::config::parse;
use crate::config::raw::Raw;
use crate::config::token::{Token, token};
use crate::detector::maintenance::MaintenanceReason;

const PATH: &str = "/api/v1/maintenance";

#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = "Examples:
  heartbeat maint                                    nodes in maintenance, as the node of this host knows
  heartbeat maint on --for=30m --reason=\"new disk\"   the node of this host
  heartbeat maint off --addr=node-2:8001             another one

Ask the node that goes into maintenance. Its peers show it, and do not expect the node until
the time is over or `maint off`, even if it stops and starts again meanwhile.
Exit codes: 0 shown, 69 the node cannot be reached.")]
pub(crate) struct Maint {
    #[command(subcommand)]
    change: Option<Change>,
    #[command(flatten)]
    ask: Ask,
}

#[derive(Args, Debug)]
struct Ask {
    #[command(flatten)]
    reader: Reader,
    /// Print the node's own JSON (`/api/v1/maintenance`)
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Change {
    /// Start maintenance of a node, or change its length and reason
    #[command(after_help = "Examples:
  heartbeat maint on --for=30m --reason=\"new disk\"
  heartbeat maint on --addr=node-2:8001 --reason=\"new kernel\" --token-file=/run/secrets/heartbeat

The token is read from --token-file, HEARTBEAT_TOKEN or HEARTBEAT_TOKEN_FILE, as the node reads
its own.
Exit codes: 0 done, 64 no token or a wrong argument, 69 the node cannot be reached,
77 it refuses the token or has none.")]
    On(On),
    /// End a node's maintenance before its time
    #[command(after_help = "Examples:
  heartbeat maint off
  heartbeat maint off --addr=node-2:8001

After a restart the node has forgotten its maintenance, but its peers have not: end it all the same.
Exit codes: 0 done, 64 no token, 69 the node cannot be reached,
77 it refuses the token or has none.")]
    Off(Off),
}

#[derive(Args, Debug)]
struct On {
    /// Reason, shown to everyone: 1 to 200 characters on one line
    #[arg(long, value_parser = reason)]
    reason: MaintenanceReason,
    /// Maximum length: 1s to 24h
    #[arg(long = "for", value_name = "DURATION", default_value = "30m", value_parser = length)]
    length: String,
    #[command(flatten)]
    with: With,
}

#[derive(Args, Debug)]
struct Off {
    #[command(flatten)]
    with: With,
}

#[derive(Args, Debug)]
struct With {
    /// A file that holds the node's token [default: HEARTBEAT_TOKEN or HEARTBEAT_TOKEN_FILE]
    #[arg(long, value_name = "PATH")]
    token_file: Option<String>,
    #[command(flatten)]
    ask: Ask,
}

fn reason(text: &str) -> Result<MaintenanceReason, String> {
    MaintenanceReason::new(text).map_err(|error| error.to_string())
}

/// Sent as it was typed, once it is known to be right.
fn length(text: &str) -> Result<String, String> {
    parse::maintenance_span(text)
        .map(|_| text.to_owned())
        .map_err(|wrong| format!("{wrong}; accepted: {}", parse::A_SPAN))
}

/// Shows maintenance, starts it, or ends it.
///
/// # Errors
/// When there is no token, the node cannot be reached, or it refuses.
pub(crate) async fn maint(command: &Maint, environment: &Environment) -> Outcome {
    let mut output = Output::stdout(environment);
    let (ask, token, method, body) = match &command.change {
        None => (&command.ask, None, Method::GET, None),
        Some(Change::On(on)) => {
            let wish =
                MaintenanceWish { reason: on.reason.as_str().to_owned(), r#for: Some(on.length.trim().to_owned()) };
            (&on.with.ask, Some(on.with.token(environment)?), Method::POST, Some(json!(wish).to_string()))
        }
        Some(Change::Off(off)) => (&off.with.ask, Some(off.with.token(environment)?), Method::DELETE, None),
    };
    let order = Order { method, path: PATH, body, bearer_token: token.as_ref().map(Token::reveal) };
    // A change shows its own token, so it needs no other one.
    let place = if token.is_some() { ask.reader.address.place(environment) } else { ask.reader.place(environment) };
    let reply = place?.send(&order, REQUEST_TIME_MAX).await?;
    let answer = Answer::new(good(reply)?, "about maintenance")?;
    if ask.json {
        output.line(&answer.body)?;
        return Ok(Exit::Success);
    }
    show(&mut output, &answer.into_shape()?)?;
    Ok(Exit::Success)
}

impl With {
    /// The file that was named, else what the variables of a node say. A flag wins over both.
    fn token(&self, environment: &Environment) -> Result<Token, Failure> {
        let flags = Raw { token_file: self.token_file.clone(), ..Raw::default() };
        let unset = Environment::default();
        let environment = if self.token_file.is_some() { &unset } else { environment };
        let found = token(&Layers { flags: &flags, environment })?.map(|(token, _)| token);
        found.ok_or_else(|| {
            Failure::Usage(
                "no token: only a caller with the token of the node can change it\n\
                 Set HEARTBEAT_TOKEN or HEARTBEAT_TOKEN_FILE as for the node, or name a file with --token-file."
                    .into(),
            )
        })
    }
}

fn show(output: &mut Output, body: &MaintenanceStatusBody) -> std::io::Result<()> {
    let name = output.paint(Paint::Strong, &body.node.as_str());
    match &body.maintenance {
        Some(maintenance) => output.say(2, &format!("{name} {}", sentence(maintenance)))?,
        None => output.line(&format!("{name} is not in maintenance"))?,
    }
    body.peers.iter().try_for_each(|peer| output.say(2, &line(peer)))
}

fn sentence(maintenance: &MaintenanceBody) -> String {
    let MaintenanceBody { reason, left_ms, until: When(until) } = maintenance;
    format!("is in maintenance for another {}, until {until}: {reason}", span_of(*left_ms))
}

fn line(peer: &PeerMaintenanceBody) -> String {
    let what = match (&peer.maintenance, peer.maintenance_overrun_ms) {
        (Some(maintenance), _) => sentence(maintenance),
        (None, Some(overrun)) => format!("should have been back from maintenance {} ago", span_of(overrun)),
        (None, None) => "is not in maintenance".to_owned(),
    };
    format!("{} ({}) {what}", peer.key, peer.state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_who_why_and_how_long() {
        let body: MaintenanceStatusBody = serde_json::from_str(
            r#"{"node":"a","new":1,"maintenance":{"reason":"disk","left_ms":1798000,"until":"then"},"peers":[
                {"key":"b","state":"dead","maintenance":null,"maintenance_overrun_ms":182000},
                {"key":"c","state":"left","maintenance":{"reason":"fans","left_ms":60000,"until":"soon"}}]}"#,
        )
        .unwrap();
        let own = body.maintenance.as_ref().map(sentence);
        assert_eq!(own.as_deref(), Some("is in maintenance for another 29 min 58 s, until then: disk"));
        let lines: Vec<String> = body.peers.iter().map(line).collect();
        assert_eq!(
            lines,
            [
                "b (dead) should have been back from maintenance 3 min 2 s ago",
                "c (left) is in maintenance for another 1 min, until soon: fans"
            ]
        );
    }
}
