//! `heartbeat config check` and `config show`: the configuration of a node, without starting it.

use clap::{Args, Subcommand};
use serde_json::json;

use super::exit::{Exit, Outcome};
use super::output::{Cell, Output, Paint, milliseconds};
use crate::config::environment::Environment;
use crate::config::raw::Raw;
use crate::config::resolve::{Machine, resolve};
use crate::config::{Config, Source};
use crate::detector::config::Timing;
use crate::render::span;

#[derive(Args, Debug)]
pub(crate) struct Settings {
    #[command(subcommand)]
    pub command: SettingsCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SettingsCommand {
    /// Check these flags and variables, and list every problem
    #[command(after_help = "Examples:
  heartbeat config check
  heartbeat config check --peers=http://node-2:8001,http://node-3:8001
  docker compose run node-1 config check

Ports are not tried. Exit codes: 0 OK, 64 the configuration has problems.")]
    Check(Typed),
    /// Show every setting with its value and source, and the pauses that are tolerated
    #[command(after_help = "Examples:
  heartbeat config show
  heartbeat config show --profile=fast --json

Exit codes: 0 shown, 64 the configuration has problems.")]
    Show(Typed),
}

/// The flags of a node, for inspection only.
#[derive(Args, Debug)]
pub(crate) struct Typed {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub raw: Raw,
}

/// Checks or shows a configuration.
///
/// # Errors
/// The problems of the configuration.
pub(crate) fn settings(command: &Settings, environment: &Environment) -> Outcome {
    let mut output = Output::stdout(environment);
    let (typed, show) = match &command.command {
        SettingsCommand::Check(typed) => (typed, false),
        SettingsCommand::Show(typed) => (typed, true),
    };
    let config = match resolve(&typed.raw, environment, &Machine::this(environment)) {
        Ok(config) => config,
        Err(problems) if typed.json => {
            let list: Vec<_> = problems
                .0
                .iter()
                .map(|problem| json!({ "subject": problem.subject, "wrong": problem.wrong, "accepted": problem.accepted }))
                .collect();
            output.line(&json!({ "good": false, "problems": list }).to_string())?;
            return Ok(Exit::Usage);
        }
        Err(problems) => return Err(problems.into()),
    };
    match (show, typed.json) {
        (false, true) => output.line(&json!({ "good": true, "problems": [] }).to_string())?,
        (false, false) => check(&mut output, &config, environment)?,
        (true, true) => output.line(&shown(&config).to_string())?,
        (true, false) => table(&mut output, &config)?,
    }
    Ok(Exit::Success)
}

fn check(output: &mut Output, config: &Config, environment: &Environment) -> std::io::Result<()> {
    let watches = config.watches();
    output.say(0, &format!("OK: {} would listen on port {}, with {watches}", config.node, config.listen.port))?;
    if !environment.injected.is_empty() {
        output.line(&format!(
            "ignored, injected by Kubernetes (enableServiceLinks: false turns it off): {}",
            environment.injected.join(", ")
        ))?;
    }
    Ok(())
}

/// A wait, and the pause of a peer that it always tolerates.
fn waits(timing: &Timing) -> [(&'static str, std::time::Duration, std::time::Duration); 3] {
    let tolerated = |wait: std::time::Duration| wait.saturating_sub(timing.interval.mul_f64(1.1));
    [
        ("gone", timing.wait_gone, tolerated(timing.wait_gone)),
        ("silent", timing.wait_silent, tolerated(timing.wait_silent)),
        ("stalled", timing.wait_stalled, tolerated(timing.wait_stalled)),
    ]
}

fn table(output: &mut Output, config: &Config) -> std::io::Result<()> {
    let rows: Vec<Vec<Cell>> = config
        .settings
        .iter()
        .map(|setting| {
            let paint = if setting.source == Source::Default { Paint::Faint } else { Paint::Strong };
            let value = if setting.value.is_empty() { "none" } else { &setting.value };
            vec![
                Cell::plain(format!("--{}", setting.name)),
                Cell::plain(setting.variable),
                Cell::new(paint, setting.source.as_str()),
                Cell::new(paint, value),
            ]
        })
        .collect();
    output.table(&["FLAG", "VARIABLE", "FROM", "VALUE"], &rows)?;
    output.line("")?;
    for (class, wait, tolerated) in waits(&config.detector) {
        let sentence = match class {
            "gone" => {
                format!("a peer whose host refuses connections is accused {} after its last sign of life", span(wait))
            }
            "silent" => format!(
                "an unresponsive host is accused after {}; a pause of {} is always tolerated",
                span(wait),
                span(tolerated)
            ),
            _ => format!(
                "a peer that accepts connections but does not answer is accused after {}; a pause of {} is always tolerated",
                span(wait),
                span(tolerated)
            ),
        };
        output.line(&sentence)?;
    }
    Ok(())
}

fn shown(config: &Config) -> serde_json::Value {
    let settings: Vec<_> = config
        .settings
        .iter()
        .map(|setting| {
            json!({ "name": setting.name, "variable": setting.variable, "value": setting.value, "source": setting.source.as_str() })
        })
        .collect();
    let waits: serde_json::Map<_, _> = waits(&config.detector)
        .into_iter()
        .map(|(class, wait, tolerated)| {
            let figures = json!({ "wait_ms": milliseconds(wait), "tolerated_pause_ms": milliseconds(tolerated) });
            (class.to_owned(), figures)
        })
        .collect();
    json!({ "node": config.node.as_str(), "settings": settings, "waits": waits })
}
