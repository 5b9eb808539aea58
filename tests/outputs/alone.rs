//! A node of its own, whose log is read line by line.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};

use super::demo::{SOON, heartbeat, signal};

/// Ends with this value.
pub struct Alone {
    child: Child,
    lines: Receiver<String>,
}

impl Alone {
    /// Its log is for people; what it refuses is shown by the test.
    pub fn start(arguments: &[&str]) -> Alone {
        let mut command = heartbeat();
        command.args(["run", "--log-format=text"]).args(arguments).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the node starts");
        let output = child.stdout.take().expect("was piped");
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            BufReader::new(output).lines().map_while(Result::ok).all(|line| sender.send(line).is_ok())
        });
        Alone { child, lines }
    }

    /// The next line of the log, or `None` where it has ended.
    pub fn line(&self) -> Option<String> {
        match self.lines.recv_timeout(SOON) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("the node logs nothing for {SOON:?}"),
        }
    }

    pub fn signal(&self, name: &str) {
        signal(self.child.id(), name);
    }

    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("ours").is_some()
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
