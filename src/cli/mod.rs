//! The command line: one enum of commands, one file for each.
//!
//! `heartbeat` alone is `heartbeat run`, because a node is what people start,
//! and `heartbeat --port=8001 --peers=...` should work as it stands. Every
//! command returns an [`exit::Outcome`]; this file turns it into words on
//! standard error and a number, and nothing else ends the process.

pub(crate) mod address;
pub(crate) mod answer;
pub(crate) mod ask;
pub(crate) mod demo;
pub(crate) mod drill;
pub(crate) mod evaluate;
pub(crate) mod events;
pub(crate) mod exit;
pub(crate) mod healthcheck;
pub(crate) mod incidents;
pub(crate) mod info;
pub(crate) mod keygen;
pub(crate) mod layout;
pub(crate) mod live;
pub(crate) mod maint;
pub(crate) mod matrix;
pub(crate) mod members;
pub(crate) mod monitor;
pub(crate) mod output;
pub(crate) mod paint;
pub(crate) mod platform;
pub(crate) mod run;
pub(crate) mod safe_text;
pub(crate) mod settings;
pub(crate) mod simulate;
pub(crate) mod verify;
pub(crate) mod wait;
pub(crate) mod watch;
pub(crate) mod whole_file;
pub(crate) mod why;

use std::ffi::OsString;
use std::future::Future;
use std::io::Write;
use std::pin::Pin;
use std::process::ExitCode;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use clap_complete::Shell;

use self::exit::{Exit, Failure, Outcome};
use self::output::Output;
use crate::config::environment::Environment;
use crate::config::raw::describe;

/// Which of my nodes can reach which, since when, and is it them or me?
#[derive(Debug, Parser)]
#[command(name = "heartbeat", version, args_conflicts_with_subcommands = true)]
#[command(after_help = "Examples:
  heartbeat demo                      three nodes on this machine, to kill by hand
  heartbeat --port=8001 --peers=http://localhost:8002,http://localhost:8003
  heartbeat members                   the state of each peer, as the node of this host sees it

Every setting is a flag and a variable (--ping-timeout, HEARTBEAT_PING_TIMEOUT);
flags win. Exit codes: 0 clean stop, 64 wrong configuration, 70 a part of the
node failed, 74 a port is taken.")]
pub struct Cli {
    #[command(flatten)]
    run: run::Run,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a node (the default)
    #[command(after_help = "Examples:
  heartbeat run --port=8001 --peers=http://localhost:8002,http://localhost:8003
  HEARTBEAT_PEERS=node-2=http://node-2:8001 heartbeat run --profile=fast

Exit codes: 0 clean stop, 64 wrong configuration, 70 a part of the node failed,
74 a port is taken.")]
    Run(Box<run::Run>),
    /// Start real nodes on this machine and show their logs
    Demo(demo::Demo),
    /// Check whether a node is ready
    Healthcheck(healthcheck::Healthcheck),
    /// Show the state of each peer, as one node sees it
    #[command(alias = "peers")]
    Members(members::Members),
    /// Explain the state of one peer: pings, witnesses, the rule that decided
    Why(why::Why),
    /// Show which node reaches which
    Matrix(matrix::Matrix),
    /// Show the events of a node
    #[command(aliases = ["log", "logs"])]
    Events(events::Events),
    /// Show open and past incidents
    Incidents(incidents::Incidents),
    /// Watch the state of the mesh and its events
    Monitor(monitor::Monitor),
    /// Check whether the mesh is whole, and what to do if it is not
    #[command(visible_alias = "status")]
    Verify(verify::Verify),
    /// Wait until the mesh is whole, or until certain nodes are up
    Wait(wait::Wait),
    /// Show the identity, addresses and settings of a node
    Info(info::Info),
    /// Show maintenance, start it, or end it
    Maint(maint::Maint),
    /// Simulate a scenario in virtual time and print its timeline
    Simulate(simulate::Simulate),
    /// Compare failure detectors on the same simulated schedules
    Evaluate(evaluate::Evaluate),
    /// Find a simulated fault from what an operator sees
    Drill(drill::Drill),
    /// Check or show the configuration without starting a node
    Config(Box<settings::Settings>),
    /// Print a new mesh key
    Keygen(keygen::Keygen),
    /// Print a completion script for a shell
    #[command(after_help = "Examples:
  heartbeat completions bash > /etc/bash_completion.d/heartbeat
  heartbeat completions fish > ~/.config/fish/completions/heartbeat.fish")]
    Completions(Completions),
}

#[derive(Args, Debug)]
struct Completions {
    shell: Shell,
}

/// The whole command line with all its help texts.
pub fn command() -> clap::Command {
    let described = describe(Cli::command());
    let described = described.mut_subcommand("run", describe);
    described
        .mut_subcommand("config", |config| config.mut_subcommand("check", describe).mut_subcommand("show", describe))
}

/// Parses what was typed, carries it out, and says how the process ends.
#[must_use]
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    match Cli::parse_from(arguments) {
        Ok(cli) => cli.execute(&Environment::of_this_process()).into(),
        Err(exit) => exit.into(),
    }
}

impl Cli {
    /// The command that was typed; where there is none, help, version or mistakes have been printed.
    ///
    /// # Errors
    /// The exit code when there is nothing to execute.
    pub fn parse_from(arguments: impl IntoIterator<Item = OsString>) -> Result<Cli, Exit> {
        let parsed = command().try_get_matches_from(arguments).and_then(|matches| Cli::from_arg_matches(&matches));
        parsed.map_err(|error| {
            // Help goes to standard output and may be piped into a pager that was closed.
            let _ = error.print();
            if error.use_stderr() { Exit::Usage } else { Exit::Success }
        })
    }

    /// Carries the command out and says on standard error what went wrong.
    pub fn execute(self, environment: &Environment) -> Exit {
        match self.dispatch(environment) {
            Ok(exit) => exit,
            Err(failure) => {
                if failure.exit() != Exit::Success {
                    let text = format!("heartbeat: {}", failure.to_string().trim_end());
                    for line in layout::wrapped("", 2, &text, output::width_of_errors()) {
                        let _ = writeln!(std::io::stderr(), "{line}");
                    }
                }
                failure.exit()
            }
        }
    }

    fn dispatch(self, environment: &Environment) -> Outcome {
        match self.command {
            None => start(&self.run, environment),
            Some(Command::Run(run)) => start(&run, environment),
            Some(Command::Demo(demo)) => block_on(demo::demo(&demo, environment)),
            Some(Command::Healthcheck(command)) => block_on(healthcheck::healthcheck(&command, environment)),
            Some(Command::Members(command)) => block_on(members::members(&command, environment)),
            Some(Command::Why(command)) => block_on(why::why(&command, environment)),
            Some(Command::Matrix(command)) => block_on(matrix::matrix(&command, environment)),
            Some(Command::Events(command)) => block_on(events::events(&command, environment)),
            Some(Command::Incidents(command)) => block_on(incidents::incidents(&command, environment)),
            Some(Command::Monitor(command)) => block_on(monitor::monitor(&command, environment)),
            Some(Command::Verify(command)) => block_on(verify::verify(&command, environment)),
            Some(Command::Wait(command)) => block_on(wait::wait(&command, environment)),
            Some(Command::Info(command)) => block_on(info::info(&command, environment)),
            Some(Command::Maint(command)) => block_on(maint::maint(&command, environment)),
            Some(Command::Simulate(command)) => block_on(simulate::simulate(command, environment)),
            Some(Command::Evaluate(command)) => block_on(evaluate::evaluate(command, environment)),
            Some(Command::Drill(command)) => block_on(drill::drill(&command, environment)),
            Some(Command::Config(command)) => settings::settings(&command, environment),
            Some(Command::Keygen(command)) => keygen::keygen(&command, environment),
            Some(Command::Completions(completions)) => complete(&completions, environment),
        }
    }
}

fn start(run: &run::Run, environment: &Environment) -> Outcome {
    let config = run::config(run, environment)?;
    block_on(run::run(config, run::stdin_ended(run)))
}

/// The one place where a runtime is built. One thread is enough for everything
/// a node does, and keeps its counters consistent at every scrape.
fn block_on<'a>(work: impl Future<Output = Outcome> + 'a) -> Outcome {
    // Boxed: without, each command has a runtime's loop of its own in the program, 3 kB each.
    run_boxed(Box::pin(work))
}

fn run_boxed(work: Pin<Box<dyn Future<Output = Outcome> + '_>>) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::Internal(format!("cannot start the runtime: {error}")))?;
    let outcome = runtime.block_on(work);
    // A name lookup may hang in a thread of its own for as long as its name server likes.
    runtime.shutdown_background();
    outcome
}

fn complete(completions: &Completions, environment: &Environment) -> Outcome {
    let mut script = Vec::new(); // the generator panics on a closed pipe; a vector takes everything
    clap_complete::generate(completions.shell, &mut command(), "heartbeat", &mut script);
    Output::stdout(environment).line(String::from_utf8_lossy(&script).trim_end())?;
    Ok(Exit::Success)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn flags_of_a_node_work_with_and_without_run() {
        for arguments in [&["heartbeat", "--port=1"][..], &["heartbeat", "run", "--port=1"][..]] {
            let cli = Cli::parse_from(arguments.iter().map(OsString::from)).unwrap();
            let run = match cli.command {
                Some(Command::Run(run)) => *run,
                _ => cli.run,
            };
            assert_eq!(run.raw.port.as_deref(), Some("1"));
        }
    }

    #[test]
    fn words_that_people_try_first_are_commands() {
        let parsed = |word: &str| Cli::parse_from(["heartbeat", word].map(OsString::from)).unwrap().command.unwrap();
        assert!(matches!(parsed("status"), Command::Verify(_)));
        assert!(matches!(parsed("peers"), Command::Members(_)));
        assert!(matches!(parsed("logs"), Command::Events(_)));
        assert!(matches!(parsed("simulate"), Command::Simulate(_)), "it lists the scenarios");
    }

    #[test]
    fn every_setting_has_a_help_text() {
        let command = command();
        for spec in crate::config::settings::SETTINGS {
            let flag = command.get_arguments().find(|arg| arg.get_long() == Some(spec.name));
            assert!(flag.and_then(clap::Arg::get_help).is_some(), "--{}", spec.name);
        }
    }
}
