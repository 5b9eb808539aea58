//! How a command ends: one table of exit codes, and the failures that lead to them.
//!
//! The numbers above 60 are those of BSD's `sysexits.h`, which supervisors and
//! people who write shell scripts have met before.

use std::future::Future;
use std::io;
use std::process::ExitCode;

use thiserror::Error;

use crate::config::problem::Problems;
use crate::runtime::signals::{Signal, Signals};

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Success = 0,
    Failed = 1,
    Usage = 64,
    Unreachable = 69,
    Internal = 70,
    PortTaken = 74,
    NotInTime = 75,
    Refused = 77,
    Interrupted = 130,
    Terminated = 143,
}

/// Every exit code and what it means; the table of docs/reference/exit-codes.md is made from it.
pub const EXITS: &[(Exit, &str)] = &[
    (Exit::Success, "A clean stop, or what was asked is true."),
    (
        Exit::Failed,
        "Something failed, or what was asked is false: not ready, an expected peer is not up, the mesh is not whole, a broken invariant.",
    ),
    (
        Exit::Usage,
        "The configuration or the command line is wrong. Nothing was started; the message lists every problem.",
    ),
    (Exit::Unreachable, "The node that was asked cannot be reached, or stopped in the middle of its answer."),
    (Exit::Internal, "A part of the node ended or panicked. The rest was stopped cleanly; the log says which part."),
    (
        Exit::PortTaken,
        "A port cannot be bound: another process has it, or the address does not belong to this machine.",
    ),
    (Exit::NotInTime, "What was waited for did not happen in time; the message says what is missing."),
    (
        Exit::Refused,
        "The node that was asked refuses the token, needs one to be read, or has none and so accepts no change.",
    ),
    (
        Exit::Interrupted,
        "Ctrl-C before it was done: while it waited for something, or a second Ctrl-C while it stopped. Where Ctrl-C is the usual end (a node, `demo`, `--watch`, `--follow`, `monitor`), the first one gives 0.",
    ),
    (Exit::Terminated, "The same, by `SIGTERM`."),
];

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

/// Why a command could not do what it was asked to.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Config(#[from] Problems),
    #[error("{0}")]
    Usage(String),
    #[error("{0}")]
    Failed(String),
    #[error("cannot reach {place}: {why}\nIs a node running there? --addr=host:port names another one.")]
    Unreachable { place: String, why: String },
    /// The node wants to see another token, or none.
    #[error("{0}")]
    Refused(String),
    #[error("{0}")]
    PortTaken(String),
    /// What was waited for did not happen.
    #[error("{0}")]
    NotInTime(String),
    #[error("{0}")]
    Internal(String),
    /// The output could not be written.
    #[error("cannot write the output: {0}")]
    Output(#[from] io::Error),
}

impl Failure {
    /// Why, in a few words in the middle of a sentence.
    pub(crate) fn cause(&self) -> String {
        match self {
            Failure::Unreachable { why, .. } => why.clone(),
            other => other.to_string(),
        }
    }

    /// The exit code. A reader that closes the pipe has seen enough
    /// (`heartbeat events | head`): a success.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Failure::Config(_) | Failure::Usage(_) => Exit::Usage,
            Failure::Failed(_) => Exit::Failed,
            Failure::Unreachable { .. } => Exit::Unreachable,
            Failure::Refused(_) => Exit::Refused,
            Failure::PortTaken(_) => Exit::PortTaken,
            Failure::NotInTime(_) => Exit::NotInTime,
            Failure::Internal(_) => Exit::Internal,
            Failure::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Success,
            Failure::Output(_) => Exit::Failed,
        }
    }
}

/// What every command returns.
pub(crate) type Outcome = Result<Exit, Failure>;

/// Listens to signals from now on. Before a process is started: a signal before that would leave it behind.
///
/// # Errors
/// When the system refuses.
pub(crate) fn listen() -> Result<Signals, Failure> {
    Signals::listen().map_err(|error| Failure::Internal(format!("cannot listen to signals: {error}")))
}

/// Works until it is done or a signal asks it to stop. Then what it holds is dropped, so a screen is left as it was.
///
/// # Errors
/// Those of the work, and when signals cannot be listened to.
pub(crate) async fn until_asked(work: impl Future<Output = Outcome>, asked: fn(Signal) -> Exit) -> Outcome {
    let mut signals = listen()?;
    tokio::select! {
        outcome = work => outcome,
        signal = signals.next() => Ok(asked(signal)),
    }
}

/// Work that blocks, in a thread of its own so that signals are heard meanwhile: the first process of a container has no
/// default reaction to them. After a signal it is abandoned, and ends with the process.
///
/// # Errors
/// Those of the work, and when it panicked.
pub(crate) async fn computed(work: impl FnOnce() -> Outcome + Send + 'static) -> Outcome {
    let computing = tokio::task::spawn_blocking(work);
    computing.await.map_err(|error| Failure::Internal(format!("the computation panicked: {error}")))?
}

/// For work that continues until it is stopped: a signal is its usual end.
pub(crate) fn usual_end(_: Signal) -> Exit {
    Exit::Success
}

/// For work that has an end of its own: a signal before that is a failure.
pub(crate) fn early_end(signal: Signal) -> Exit {
    match signal {
        Signal::Interrupt | Signal::Quit => Exit::Interrupted,
        Signal::Terminate | Signal::HangUp => Exit::Terminated,
    }
}
