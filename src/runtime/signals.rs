//! The ways a person or a supervisor of processes asks this one to stop.
//!
//! One of the few files that know which system they run on (`tests/architecture.rs`
//! lists them). Unix: `SIGTERM` and
//! `SIGINT`. Windows: Ctrl-C, Ctrl-Break and the closing of the console; these
//! were written from the documentation and have not been tried.

use std::io;

/// A request to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    /// Ctrl-C was pressed.
    Interrupt,
    /// The process was asked to stop: `kill`, Docker, Kubernetes, the console's close button.
    Terminate,
}

impl Signal {
    /// As logs write it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Signal::Interrupt => "interrupt",
            Signal::Terminate => "terminate",
        }
    }
}

pub(crate) use system::Signals;

#[cfg(unix)]
mod system {
    use tokio::signal::unix::{self, SignalKind};

    use super::{Signal, io};

    /// Requests to stop, from the moment this was made: before that a signal ends the process.
    #[derive(Debug)]
    pub(crate) struct Signals {
        interrupt: unix::Signal,
        terminate: unix::Signal,
    }

    impl Signals {
        /// # Errors
        /// When the system does not let us listen.
        pub(crate) fn listen() -> io::Result<Signals> {
            Ok(Signals {
                interrupt: unix::signal(SignalKind::interrupt())?,
                terminate: unix::signal(SignalKind::terminate())?,
            })
        }

        /// The next request. Two that come before this is called again count as one.
        pub(crate) async fn next(&mut self) -> Signal {
            tokio::select! {
                Some(()) = self.terminate.recv() => Signal::Terminate,
                Some(()) = self.interrupt.recv() => Signal::Interrupt,
                else => std::future::pending().await,
            }
        }
    }
}

#[cfg(windows)]
mod system {
    use tokio::signal::windows::{self, CtrlBreak, CtrlC, CtrlClose};

    use super::{Signal, io};

    /// Requests to stop, from the moment this was made: before that one ends the process.
    #[derive(Debug)]
    pub struct Signals {
        interrupt: CtrlC,
        stop: CtrlBreak,
        close: CtrlClose,
    }

    impl Signals {
        /// # Errors
        /// When the system does not let us listen.
        pub fn listen() -> io::Result<Signals> {
            Ok(Signals { interrupt: windows::ctrl_c()?, stop: windows::ctrl_break()?, close: windows::ctrl_close()? })
        }

        /// The next request.
        pub async fn next(&mut self) -> Signal {
            tokio::select! {
                Some(()) = self.stop.recv() => Signal::Terminate,
                Some(()) = self.close.recv() => Signal::Terminate,
                Some(()) = self.interrupt.recv() => Signal::Interrupt,
                else => std::future::pending().await,
            }
        }
    }
}
