//! Parse, dispatch, exit code. Everything else is in the library.

use std::process::ExitCode;

use heartbeat::cli::Cli;
use heartbeat::config::environment::Environment;

fn main() -> ExitCode {
    match Cli::parse_from(std::env::args_os()) {
        Ok(cli) => cli.execute(&Environment::of_this_process()).into(),
        Err(exit) => exit.into(),
    }
}
