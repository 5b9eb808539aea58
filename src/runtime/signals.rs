//! The ways a person or a supervisor of processes asks this one to stop.
//!
//! One of the few files that know which system they run on (`tests/architecture.rs`
//! lists them). Unix: `SIGTERM`, `SIGINT`, `SIGQUIT` and `SIGHUP`, which is what a closed terminal and `service reload`
//! send: a node has nothing to reload, and dying without a goodbye would raise an alert. A `SIGHUP` that was ignored from
//! the start (`nohup`) stays ignored. `SIGUSR1` and `SIGUSR2` do nothing; by default they kill. Windows: Ctrl-C, Ctrl-Break and the closing of the console; these
//! were written from the documentation and have not been tried.

use std::io;

/// A request to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    /// Ctrl-C was pressed.
    Interrupt,
    /// The process was asked to stop: `kill`, Docker, Kubernetes, the console's close button.
    Terminate,
    /// The terminal was closed, or a supervisor asks for a reload.
    #[cfg_attr(not(unix), expect(dead_code, reason = "known on Unix only"))]
    HangUp,
    /// Ctrl-\ was pressed, or a supervisor of processes sent it.
    #[cfg_attr(not(unix), expect(dead_code, reason = "known on Unix only"))]
    Quit,
}

impl Signal {
    /// As logs write it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Signal::Interrupt => "interrupt",
            Signal::Terminate => "terminate",
            Signal::HangUp => "hang_up",
            Signal::Quit => "quit",
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
        quit: unix::Signal,
        /// `None`: ignored since before this process began.
        hang_up: Option<unix::Signal>,
        /// Listened to so that they do not kill.
        _ignored: [unix::Signal; 2],
    }

    impl Signals {
        /// # Errors
        /// When the system does not let us listen.
        pub(crate) fn listen() -> io::Result<Signals> {
            Ok(Signals {
                interrupt: unix::signal(SignalKind::interrupt())?,
                terminate: unix::signal(SignalKind::terminate())?,
                quit: unix::signal(SignalKind::quit())?,
                hang_up: if hang_up_is_ignored() { None } else { Some(unix::signal(SignalKind::hangup())?) },
                _ignored: [unix::signal(SignalKind::user_defined1())?, unix::signal(SignalKind::user_defined2())?],
            })
        }

        /// The next request. Two that come before this is called again count as one.
        pub(crate) async fn next(&mut self) -> Signal {
            tokio::select! {
                Some(()) = self.terminate.recv() => Signal::Terminate,
                Some(()) = self.interrupt.recv() => Signal::Interrupt,
                Some(()) = self.quit.recv() => Signal::Quit,
                Some(()) = hung_up(self.hang_up.as_mut()) => Signal::HangUp,
                else => std::future::pending().await,
            }
        }
    }

    async fn hung_up(signal: Option<&mut unix::Signal>) -> Option<()> {
        match signal {
            Some(signal) => signal.recv().await,
            None => std::future::pending().await,
        }
    }

    /// Whether this process was started with `SIGHUP` ignored, as `nohup` does. Only Linux says so.
    fn hang_up_is_ignored() -> bool {
        std::fs::read_to_string("/proc/self/status").is_ok_and(|status| ignores_hang_up(&status))
    }

    /// The mask of ignored signals has bit 0 for signal 1.
    fn ignores_hang_up(status: &str) -> bool {
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
    }

    #[cfg(test)]
    mod tests {
        use super::ignores_hang_up;

        #[test]
        fn the_mask_of_ignored_signals_is_read() {
            assert!(ignores_hang_up("Name:\theart\nSigIgn:\t0000000000001001\n"));
            assert!(!ignores_hang_up("SigBlk:\t0000000000000001\nSigIgn:\t0000000000001000\n"));
            assert!(!ignores_hang_up("") && !ignores_hang_up("SigIgn:\tnone\n"));
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
