//! The logs of all nodes, followed through every restart of what they run in.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::Value;

use super::plan::check::Line;
use super::plan::time;

/// Between two tries to follow a node that does not run. Lines carry their own time.
const FOLLOW_AGAIN: Duration = Duration::from_secs(1);

/// Follows the log of one node from a moment on, with a time of fixed width before each line; empty is its beginning.
pub type Follow = Box<dyn Fn(&str) -> Command + Send>;

#[derive(Clone, Default)]
pub struct Log(Arc<Inner>);

#[derive(Default)]
struct Inner {
    lines: Mutex<Vec<Line>>,
    /// The running reader of each node.
    readers: Mutex<BTreeMap<String, Child>>,
    ended: AtomicBool,
}

impl Log {
    /// Reads the logs of these nodes until [`Log::end`].
    pub fn follow(nodes: impl IntoIterator<Item = (String, Follow)>) -> Log {
        let log = Log::default();
        for (node, follow) in nodes {
            let log = log.clone();
            std::thread::spawn(move || {
                let mut last = String::new();
                while !log.0.ended.load(Ordering::Relaxed) {
                    log.read(&node, follow(&last), &mut last);
                    std::thread::sleep(FOLLOW_AGAIN);
                }
            });
        }
        log
    }

    /// Until the node ends; begins after the last line that was read before.
    fn read(&self, node: &str, mut command: Command, last: &mut String) {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let Ok(mut child) = command.spawn() else { return };
        let Some(output) = child.stdout.take() else { return };
        locked(&self.0.readers).insert(node.to_owned(), child);
        for text in BufReader::new(output).lines().map_while(Result::ok) {
            let Some((stamp, at, said)) = time::stamped(&text, last) else { continue };
            let fields = serde_json::from_str(said).unwrap_or(Value::Null);
            *last = stamp.to_owned();
            locked(&self.0.lines).push(Line { at, node: node.to_owned(), fields });
        }
        if let Some(mut child) = locked(&self.0.readers).remove(node) {
            let _ = child.wait();
        }
    }

    pub fn lines(&self) -> Vec<Line> {
        locked(&self.0.lines).clone()
    }

    pub fn end(&self) {
        self.0.ended.store(true, Ordering::Relaxed);
        for child in locked(&self.0.readers).values_mut() {
            let _ = child.kill();
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
