//! `heartbeat run`, and `heartbeat` alone: a node.

use std::io::{IsTerminal, Read, Write};

use clap::Args;
use tokio_util::sync::CancellationToken;

use super::exit::{Exit, Failure, Outcome};
use crate::app::{self, Ending};
use crate::config::environment::Environment;
use crate::config::problem::Problems;
use crate::config::raw::Raw;
use crate::config::resolve::{Machine, resolve};
use crate::config::{Config, LogFormat, parse};
use crate::runtime::listen::BindError;
use crate::runtime::signals::Signal;

#[derive(Args, Debug, Default)]
pub(crate) struct Run {
    #[command(flatten)]
    pub raw: Raw,
    /// Stop cleanly when standard input ends; `demo` stops its nodes this way
    #[arg(long, hide = true)]
    pub stop_with_stdin: bool,
}

/// The configuration of the node.
///
/// # Errors
/// The problems of the configuration, before anything is started.
pub(crate) fn config(command: &Run, environment: &Environment) -> Result<Config, Failure> {
    resolve(&command.raw, environment, &Machine::this(environment)).map_err(|problems| {
        log_rejection(command, environment, &problems);
        problems.into()
    })
}

/// Where logs are JSON, a rejected configuration is one line of the log as
/// well: the collector that reads it is often all that is left of the process.
fn log_rejection(command: &Run, environment: &Environment, problems: &Problems) {
    let typed = command.raw.log_format.as_ref().or(environment.raw.log_format.as_ref());
    let format = typed.and_then(|text| parse::word(text, parse::LOG_FORMATS).ok()).unwrap_or(LogFormat::Auto);
    let is_json = format == LogFormat::Json || (format == LogFormat::Auto && !std::io::stdout().is_terminal());
    if is_json {
        let list: Vec<_> = problems
            .0
            .iter()
            .map(|problem| serde_json::json!({ "subject": problem.subject, "wrong": problem.wrong, "accepted": problem.accepted }))
            .collect();
        let line = serde_json::json!({
            "level": "error", "event": "config_rejected", "message": "The configuration is wrong, nothing was started", "problems": list,
        });
        // Standard error says the same; a closed standard output is no second problem.
        let _ = writeln!(std::io::stdout(), "{line}");
    }
}

/// A token that is cancelled when standard input ends.
pub(crate) fn stdin_ended(command: &Run) -> CancellationToken {
    let token = CancellationToken::new();
    if command.stop_with_stdin {
        let ended = token.clone();
        // A thread, because reading standard input cannot be cancelled on every system; it ends with the process.
        std::thread::spawn(move || {
            let mut sink = [0; 256];
            while std::io::stdin().read(&mut sink).is_ok_and(|count| count > 0) {}
            ended.cancel();
        });
    }
    token
}

/// Runs the node.
///
/// # Errors
/// When it could not start.
pub(crate) async fn run(config: Config, stop: CancellationToken) -> Outcome {
    match app::run(config, stop).await {
        Ok(Ending::Drained | Ending::CutOff) => Ok(Exit::Success),
        Ok(Ending::TaskEnded(_)) => Ok(Exit::Internal),
        Ok(Ending::Forced(Signal::Interrupt | Signal::Quit)) => Ok(Exit::Interrupted),
        Ok(Ending::Forced(Signal::Terminate | Signal::HangUp)) => Ok(Exit::Terminated),
        Err(error) if error.is::<BindError>() => Err(Failure::PortTaken(error.to_string())),
        Err(error) => Err(Failure::Internal(format!("{error:#}"))),
    }
}
