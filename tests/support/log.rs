//! The log of one process, line by line, each with the moment it arrived.
//!
//! The arrival in this process is the only clock that all nodes of a cluster
//! share with the hand that killed one of them, and it is what a reader of the
//! log would see.

use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;

#[derive(Clone, Debug)]
pub struct Line {
    pub at: Instant,
    pub raw: String,
    fields: Value,
}

impl Line {
    fn new(raw: String) -> Line {
        let fields = serde_json::from_str(&raw).unwrap_or(Value::Null);
        Line { at: Instant::now(), raw, fields }
    }

    /// A field of the line; `Null` where it has none or is not JSON.
    pub fn field(&self, name: &str) -> &Value {
        match &self.fields[name] {
            Value::Null => &self.fields["fields"][name],
            found => found,
        }
    }

    /// A field as text, without quotes; empty where there is none.
    pub fn text(&self, name: &str) -> String {
        match self.field(name) {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        }
    }

    /// The stable key of what happened.
    pub fn event(&self) -> &str {
        self.field("event").as_str().unwrap_or("")
    }

    pub fn is(&self, event: &str, peer: &str) -> bool {
        self.event() == event && self.field("peer").as_str() == Some(peer)
    }

    pub fn is_json(&self) -> bool {
        self.fields.is_object()
    }
}

/// Grows as long as the process writes. Not bounded: a node logs changes only, and a case ends in a minute.
#[derive(Clone, Default)]
pub struct Log(Arc<Inner>);

#[derive(Default)]
struct Inner {
    lines: Mutex<Vec<Line>>,
    grown: Condvar,
    readers: Mutex<Vec<JoinHandle<()>>>,
}

impl Log {
    /// Copies everything from `source` into the log on a thread of its own, until `source` ends.
    pub fn follow(&self, source: impl Read + Send + 'static) {
        let log = self.clone();
        let reader = std::thread::spawn(move || {
            let mut reader = BufReader::new(source);
            let mut bytes = Vec::new();
            while reader.read_until(b'\n', &mut bytes).is_ok_and(|count| count > 0) {
                let text = String::from_utf8_lossy(&bytes).trim_end().to_owned();
                log.push(Line::new(text));
                bytes.clear();
            }
        });
        self.readers().push(reader);
    }

    /// Waits until all sources have ended, as those of a process do with it: then the log is complete.
    pub fn complete(&self) {
        let readers = std::mem::take(&mut *self.readers());
        readers.into_iter().for_each(|reader| reader.join().expect("a reader of a log does not panic"));
    }

    fn readers(&self) -> MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.0.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, line: Line) {
        self.lock().push(line);
        self.0.grown.notify_all();
    }

    pub fn lines(&self) -> Vec<Line> {
        self.lock().clone()
    }

    /// The first line since `since` that fits, as soon as it is there.
    pub fn wait(&self, since: Instant, limit: Duration, fits: impl Fn(&Line) -> bool) -> Option<Line> {
        let deadline = Instant::now() + limit;
        let mut lines = self.lock();
        let mut seen = 0;
        loop {
            if let Some(line) = lines[seen..].iter().find(|line| line.at >= since && fits(line)) {
                return Some(line.clone());
            }
            seen = lines.len();
            let left = deadline.checked_duration_since(Instant::now())?;
            lines = self.0.grown.wait_timeout(lines, left).unwrap_or_else(|poisoned| poisoned.into_inner()).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Line>> {
        self.0.lines.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
