//! Log lines: JSON for machines, one readable line for people.
//!
//! On a terminal a line is time, level, node and a sentence. Elsewhere it is
//! one JSON object whose key `event` is stable. Both formats are our own fifty
//! lines, because the ready-made ones put the interesting words last.
//!
//! Lines are written by a thread of their own behind a bounded queue: a pipe
//! without a reader (`heartbeat | less`) would otherwise stop the one thread
//! that pings, and the node would look dead because of its log. A line
//! that finds the queue full is dropped and counted, and the count is logged.

use std::fmt::{self, Write as _};
use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, SystemTime};

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};

use crate::api::timestamp::rfc3339;
use crate::config::{Color, LogConfig, LogFormat, LogLevel};
use crate::detector::peer::NodeName;

/// The target of the detector's events.
pub(crate) const TARGET: &str = "heartbeat";
/// The field of this program's events whose JSON object becomes a part of the line.
pub(crate) const FIELDS: &str = "fields";

/// Lines waiting for a reader. A burst at debug level of a few hundred peers; about 300 kB.
const LINES_WAITING: usize = 1024;
/// How long the last lines may take when the program ends and they are not read.
const FLUSH_LIMIT: Duration = Duration::from_secs(1);

/// Starts logging on standard output: text on a terminal, JSON elsewhere, unless told otherwise.
/// Every line carries `node`. Keep the guard until the program ends.
///
/// # Errors
/// When a logger is installed already, or its thread cannot be started.
pub(crate) fn init(config: &LogConfig, node: &NodeName) -> Result<LogGuard, LogError> {
    let terminal = io::stdout().is_terminal();
    let style =
        Style { node: node.as_str().into(), json: is_json(config, terminal), color: is_colored(config, terminal) };
    let lost = Arc::new(AtomicU64::new(0));
    let (sender, receiver) = sync_channel(LINES_WAITING);
    let writer = Lines { sender: sender.clone(), lost: lost.clone() };
    let noticed = style.clone();
    std::thread::Builder::new()
        .name("log".to_owned())
        .spawn(move || write_lines(&receiver, &mut io::stdout(), &lost, &noticed))?;
    let layer = tracing_subscriber::fmt::layer().event_format(style).with_writer(writer);
    tracing_subscriber::registry().with(level_filter(config.level)).with(layer).try_init()?;
    Ok(LogGuard { sender })
}

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LogError {
    #[error("the log's thread cannot be started: {0}")]
    Thread(#[from] io::Error),
    #[error("a logger is installed already: {0}")]
    Installed(#[from] TryInitError),
}

/// Writes the last lines when it is dropped, for at most a second.
pub(crate) struct LogGuard {
    sender: SyncSender<Message>,
}

impl Drop for LogGuard {
    fn drop(&mut self) {
        let (done, ended) = sync_channel(1);
        if self.sender.try_send(Message::Flush(done)).is_ok() {
            // A reader that does not read within the limit does not get the last lines.
            let _ = ended.recv_timeout(FLUSH_LIMIT);
        }
    }
}

/// A JSON object as `tracing` carries it, written when a line is really made.
pub(crate) struct Json<'a>(pub &'a Map<String, Value>);

impl fmt::Display for Json<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self.0).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Json<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn is_json(config: &LogConfig, terminal: bool) -> bool {
    match config.format {
        LogFormat::Auto => !terminal,
        LogFormat::Json => true,
        LogFormat::Text => false,
    }
}

fn is_colored(config: &LogConfig, terminal: bool) -> bool {
    match config.color {
        // The configuration has turned this into `Never` where NO_COLOR is set.
        Color::Auto => terminal,
        Color::Always => true,
        Color::Never => false,
    }
}

/// The libraries below speak from `warn` on: at `debug` a person wants to see this program's
/// pings, not every connection that a pool puts away. `trace` shows everything.
fn level_filter(level: LogLevel) -> Targets {
    let (ours, theirs) = match level {
        LogLevel::Error => (LevelFilter::ERROR, LevelFilter::ERROR),
        LogLevel::Warn => (LevelFilter::WARN, LevelFilter::WARN),
        LogLevel::Info => (LevelFilter::INFO, LevelFilter::WARN),
        LogLevel::Debug => (LevelFilter::DEBUG, LevelFilter::WARN),
        LogLevel::Trace => (LevelFilter::TRACE, LevelFilter::TRACE),
    };
    Targets::new().with_target(TARGET, ours).with_default(theirs)
}

enum Message {
    Line(Box<[u8]>),
    Flush(SyncSender<()>),
}

/// The writing end of the queue.
struct Lines {
    sender: SyncSender<Message>,
    lost: Arc<AtomicU64>,
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = &'a Lines;
    fn make_writer(&'a self) -> &'a Lines {
        self
    }
}

impl Write for &Lines {
    /// Called once a line.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.sender.try_send(Message::Line(line.into())).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The log's thread. It ends when the last sender is gone. A closed pipe is
/// no fault of the node and no reason to stop it: the lines are dropped.
fn write_lines(receiver: &Receiver<Message>, out: &mut impl Write, lost: &AtomicU64, style: &Style) {
    while let Ok(message) = receiver.recv() {
        match message {
            Message::Line(line) => {
                let _ = out.write_all(&line);
                let lost = lost.swap(0, Ordering::Relaxed);
                if lost > 0 {
                    let _ = out.write_all(style.lost_line(lost).as_bytes());
                }
                let _ = out.flush();
            }
            Message::Flush(done) => {
                let _ = out.flush();
                let _ = done.try_send(());
            }
        }
    }
}

/// How a line looks.
#[derive(Clone, Debug)]
struct Style {
    node: Arc<str>,
    json: bool,
    color: bool,
}

impl<S, N> FormatEvent<S, N> for Style
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut found = Found::default();
        event.record(&mut found);
        if event.metadata().target() != TARGET {
            // Another crate's field that happens to have this name.
            found.rest.extend(found.fields.take().map(|text| (FIELDS.to_owned(), text.into())));
        }
        let line = self.line(SystemTime::now(), *event.metadata().level(), found);
        writer.write_str(&line)
    }
}

/// Appends a field to a line of JSON.
fn put(line: &mut String, name: &str, value: &Value) {
    // Writing into a String cannot fail; Value's Display is JSON.
    let _ = write!(line, ",{}:{value}", Value::from(name));
}

impl Style {
    fn line(&self, now: SystemTime, level: Level, found: Found) -> String {
        if self.json { self.json_line(now, level, found) } else { self.text_line(now, level, found) }
    }

    fn json_line(&self, now: SystemTime, level: Level, found: Found) -> String {
        let mut line = String::with_capacity(256);
        put(&mut line, "ts", &rfc3339(now).into());
        put(&mut line, "level", &level_word(level).into());
        if let Some(event) = &found.event {
            put(&mut line, "event", &event.as_str().into());
        }
        put(&mut line, "message", &found.message.as_str().into());
        put(&mut line, "node", &(&*self.node).into());
        for (name, value) in &found.rest {
            // What the line says of itself is not a field's to change.
            if !matches!(name.as_str(), "ts" | "level" | "event" | "message" | "node") {
                put(&mut line, name, value);
            }
        }
        // Of our own events only: their fields have other names than those above, which a test holds.
        if let Some(fields) = found.fields.as_deref().and_then(|text| text.strip_prefix('{')?.strip_suffix('}'))
            && !fields.is_empty()
        {
            let _ = write!(line, ",{fields}");
        }
        if let Some(sentence) = &found.sentence {
            put(&mut line, "sentence", &sentence.as_str().into());
        }
        line.replace_range(..1, "{");
        line.push_str("}\n");
        line
    }

    fn text_line(&self, now: SystemTime, level: Level, found: Found) -> String {
        // The day is on the wall; the zone is not.
        let time = rfc3339(now).split_off(11);
        let (dim, tint, plain) = if self.color { ("\x1b[2m", tint(level), "\x1b[0m") } else { ("", "", "") };
        let word = level_word(level).to_uppercase();
        let mut line = format!("{dim}{time}{plain} {tint}{word:5}{plain} {}: ", self.node);
        match &found.sentence {
            Some(sentence) => line.push_str(&one_line(sentence)),
            None => {
                line.push_str(&one_line(&found.message));
                for (name, value) in found.rest.iter().filter(|(name, _)| *name != "node") {
                    let text = value.as_str().map_or_else(|| value.to_string(), one_line);
                    let _ = write!(line, " {dim}{name}={plain}{text}");
                }
            }
        }
        line.push('\n');
        line
    }

    fn lost_line(&self, lost: u64) -> String {
        let mut found =
            Found { message: "Log lines dropped: the output was not read in time".to_owned(), ..Found::default() };
        found.event = Some("log_lines_lost".to_owned());
        found.rest.insert("lost".to_owned(), lost.into());
        self.line(SystemTime::now(), Level::WARN, found)
    }
}

/// A terminal must not be steered by what a peer calls itself.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn level_word(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    }
}

fn tint(level: Level) -> &'static str {
    match level {
        Level::ERROR => "\x1b[31m",
        Level::WARN => "\x1b[33m",
        Level::INFO => "\x1b[32m",
        Level::DEBUG | Level::TRACE => "\x1b[2m",
    }
}

/// The fields of one line.
#[derive(Default)]
struct Found {
    event: Option<String>,
    message: String,
    sentence: Option<String>,
    rest: Map<String, Value>,
    /// What an event brings along: the text of a JSON object, which is written as it is.
    fields: Option<String>,
}

impl Found {
    fn put(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            ("event", Value::String(text)) => self.event = Some(text),
            ("message", Value::String(text)) => self.message = text,
            ("sentence", Value::String(text)) => self.sentence = Some(text),
            (FIELDS, Value::String(text)) => self.fields = Some(text),
            (name, value) => drop(self.rest.insert(name.to_owned(), value)),
        }
    }
}

impl Visit for Found {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}").into());
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.into());
    }
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Mutex;

    use super::*;

    /// A writer that tests can read.
    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Page {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    /// What `log` writes.
    pub(crate) fn logged(json: bool, level: LogLevel, log: impl FnOnce()) -> String {
        let style = Style { node: "node-1".into(), json, color: false };
        let page = Page::default();
        let copy = page.clone();
        let layer = tracing_subscriber::fmt::layer().event_format(style).with_writer(move || copy.clone());
        let subscriber = tracing_subscriber::registry().with(level_filter(level)).with(layer);
        tracing::subscriber::with_default(subscriber, log);
        page.text()
    }

    /// The lines of [`logged`] as JSON.
    pub(crate) fn logged_lines(level: LogLevel, log: impl FnOnce()) -> Vec<Value> {
        logged(true, level, log).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn peer_line() {
        let fields = serde_json::from_str(r#"{"state":"dead","accusers":["a","b"],"rtt_s":0.5}"#).unwrap();
        tracing::warn!(target: TARGET, event = "peer_down", peer = "b:1", sentence = "b is down", fields = %Json(&fields), "Peer unreachable");
    }

    #[test]
    fn a_json_line_is_flat_and_its_fields_keep_their_types() {
        let line = logged(true, LogLevel::Info, peer_line);
        assert_eq!(line.matches('\n').count(), 1);
        let value: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(value["event"], "peer_down");
        assert_eq!(value["level"], "warn");
        assert_eq!(value["message"], "Peer unreachable");
        assert_eq!((&value["node"], &value["peer"]), (&"node-1".into(), &"b:1".into()));
        assert_eq!(value["accusers"], serde_json::json!(["a", "b"]));
        assert_eq!(value["rtt_s"], 0.5);
        assert!(value["ts"].as_str().unwrap().ends_with('Z') && line.starts_with("{\"ts\":"));
    }

    #[test]
    fn a_text_line_is_time_level_node_and_sentence() {
        let line = logged(false, LogLevel::Info, peer_line);
        let (time, rest) = line.split_at(13);
        assert!(time.ends_with("Z"), "{line}");
        assert_eq!(rest, " WARN  node-1: b is down\n");
    }

    #[test]
    fn other_lines_show_their_fields() {
        let line = logged(false, LogLevel::Info, || tracing::info!(event = "node_ready", port = 8001, "Ready"));
        assert!(line.ends_with(" INFO  node-1: Ready port=8001\n"), "{line}");
        let line = logged(true, LogLevel::Info, || tracing::info!(event = "node_ready", port = 8001, "Ready"));
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap()["port"], 8001);
    }

    #[test]
    fn lines_below_the_level_are_not_written() {
        let both = || {
            tracing::debug!("quiet");
            tracing::info!("loud");
        };
        assert!(!logged(true, LogLevel::Info, both).contains("quiet"));
        assert!(logged(true, LogLevel::Debug, both).contains("quiet"));
        assert!(logged(true, LogLevel::Warn, both).is_empty());
    }

    #[test]
    fn libraries_are_quiet_below_trace() {
        let theirs = || tracing::debug!(target: "hyper_util", "pooling");
        let ours = || tracing::debug!(target: "heartbeat::http", "ours");
        assert!(logged(true, LogLevel::Debug, theirs).is_empty());
        assert!(logged(true, LogLevel::Trace, theirs).contains("pooling"));
        assert!(logged(true, LogLevel::Debug, ours).contains("ours"));
    }

    #[test]
    fn a_line_stays_a_line() {
        let odd = || tracing::info!(text = "a\nb\x1b[31m", "x\ny");
        for json in [true, false] {
            let line = logged(json, LogLevel::Info, odd);
            assert_eq!(line.matches('\n').count(), 1, "{line}");
            assert!(!line.contains('\x1b'), "{line}");
        }
    }

    #[test]
    fn a_full_queue_costs_lines_and_says_how_many() {
        let (sender, receiver) = sync_channel(1);
        let lost = Arc::new(AtomicU64::new(0));
        let lines = Lines { sender: sender.clone(), lost: lost.clone() };
        for _ in 0..3 {
            (&lines).write_all(b"line\n").unwrap();
        }
        drop((lines, sender));
        let mut page = Page::default();
        let style = Style { node: "n".into(), json: true, color: false };
        write_lines(&receiver, &mut page, &lost, &style);
        let text = page.text();
        assert!(text.starts_with("line\n") && text.contains("\"lost\":2"), "{text}");
    }

    #[test]
    fn a_guard_waits_for_the_last_line() {
        let (sender, receiver) = sync_channel(8);
        let page = Page::default();
        let mut copy = page.clone();
        let lost = AtomicU64::new(0);
        let style = Style { node: "n".into(), json: true, color: false };
        let thread = std::thread::spawn(move || write_lines(&receiver, &mut copy, &lost, &style));
        sender.send(Message::Line(b"last\n"[..].into())).unwrap();
        drop(LogGuard { sender });
        assert_eq!(page.text(), "last\n");
        thread.join().unwrap();
    }
}
