//! One measured number with its limit, as a line and as a table row.

use std::fmt::{self, Write as _};
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

pub fn in_ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

pub fn median(times: &[Duration]) -> Duration {
    let mut times = times.to_vec();
    times.sort_unstable();
    times[times.len() / 2]
}

pub fn longest(times: &[Duration]) -> Duration {
    times.iter().max().copied().unwrap_or_default()
}

pub struct Measurement {
    pub what: String,
    pub unit: &'static str,
    pub measured: f64,
    /// `None`: for comparison, without a budget.
    pub limit: Option<f64>,
    pub note: String,
}

impl Measurement {
    pub fn new(what: impl Into<String>, unit: &'static str, measured: f64, limit: Option<f64>) -> Measurement {
        Measurement { what: what.into(), unit, measured, limit, note: String::new() }
    }

    pub fn note(mut self, note: impl Into<String>) -> Measurement {
        self.note = note.into();
        self
    }

    fn measured_text(&self) -> String {
        format!("{} {}", number(self.measured), self.unit)
    }

    fn limit_text(&self) -> String {
        self.limit.map_or_else(|| "-".to_owned(), |limit| format!("{} {}", number(limit), self.unit))
    }

    fn outcome(&self) -> &'static str {
        match self.limit {
            None => "",
            Some(limit) if self.measured <= limit => "within",
            Some(_) => "ABOVE",
        }
    }
}

/// Three significant digits.
fn number(value: f64) -> String {
    match value.abs() {
        size if size == 0.0 || size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

impl fmt::Display for Measurement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (measured, limit) = (self.measured_text(), self.limit_text());
        write!(f, "{:<66} {measured:>14}  limit {limit:>12}  {:<6} {}", self.what, self.outcome(), self.note)
    }
}

/// The graph that belongs to the table, once it was drawn.
static GRAPH: OnceLock<String> = OnceLock::new();

/// Keeps the graph for [`write`].
pub fn keep_graph(svg: String) {
    let _ = GRAPH.set(svg);
}

/// Writes all figures into `docs/benchmarks.md`, below what they were measured on.
pub fn write(description: &str, figures: &[Measurement]) -> std::io::Result<()> {
    let mut text = String::from(
        "# Benchmarks\n\nWritten by `just bench --write`; do not edit. `benches/budgets/` describes what each row measures.\n\n",
    );
    let _ = writeln!(text, "{description}\n");
    if GRAPH.get().is_some() {
        text.push_str("![CPU time, wake-ups and memory by the number of nodes](benchmarks.svg)\n\n");
    }
    text.push_str("| what | measured | budget | | |\n|---|---|---|---|---|\n");
    for figure in figures {
        let (measured, limit) = (figure.measured_text(), figure.limit_text());
        let _ = writeln!(text, "| {} | {measured} | {limit} | {} | {} |", figure.what, figure.outcome(), figure.note);
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/benchmarks.md");
    std::fs::create_dir_all(path.parent().unwrap_or(&path))?;
    if let Some(graph) = GRAPH.get() {
        std::fs::write(path.with_extension("svg"), graph)?;
    }
    std::fs::write(path, text)
}
