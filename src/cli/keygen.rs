//! `heartbeat keygen`: a new mesh key.

use clap::Args;

use super::exit::{Exit, Failure, Outcome};
use super::output::Output;
use crate::config::environment::Environment;
use crate::mesh_key::key;

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  (umask 077; heartbeat keygen > mesh.key)         a new key file
  heartbeat --mesh-key-file=mesh.key --peers=...   a node that uses it
  heartbeat keygen >> mesh.key                     a second key, for a rotation

All nodes of a mesh share the file. The key is printed once and kept nowhere.
Exit codes: 0 printed, 70 the system gives no random bytes.")]
pub(crate) struct Keygen {}

/// Prints a key.
///
/// # Errors
/// When the system gives no random bytes, or the pipe is closed.
pub(crate) fn keygen(_command: &Keygen, environment: &Environment) -> Outcome {
    let line = key::generate().map_err(|error| Failure::Internal(format!("no random bytes: {error}")))?;
    Output::stdout(environment).line(&line)?;
    Ok(Exit::Success)
}
