//! The figures as a table, and as a file.

use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use clap::ValueEnum;

use super::super::exit::{Exit, Outcome};
use super::super::output::{Cell, Output, Paint};
use super::super::whole_file;
use super::picture;
use super::row::Row;
use crate::render::span;

/// The columns; `docs/evaluation.md` says what each means.
const COLUMNS: [&str; 9] =
    ["DETECTOR", "COUNTED FROM", "T_D MEAN", "T_D MAX", "MISSED", "MISTAKES", "T_MR", "T_M", "P_A"];
/// Before them, and after them, in the table of an experiment.
const CASE: &str = "CASE";
const LOAD: &str = "SENT/S";

/// The commit it was built from, when the build was told.
const REVISION: &str = match option_env!("HEARTBEAT_REVISION") {
    Some(revision) => revision,
    None => "unknown",
};

/// How the figures are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For a terminal
    Table,
    /// For a page
    Markdown,
    /// For a program; times in seconds
    Csv,
    /// A picture of detection time against mistakes
    Svg,
}

/// All rows, and which runs they are of.
pub(super) struct Table<'a> {
    pub scenario: &'a str,
    pub seeds: u64,
    /// Of an experiment: whose it is.
    pub source: Option<&'a str>,
    pub rows: &'a [Row],
}

impl Table<'_> {
    /// Prints it, or writes it to a file.
    ///
    /// # Errors
    /// When that fails.
    pub(super) fn print(&self, format: Format, out: Option<&Path>, output: &mut Output) -> Outcome {
        let text = match format {
            Format::Table => None,
            Format::Markdown => Some(self.markdown()),
            Format::Csv => Some(self.csv()),
            Format::Svg => Some(picture::svg(self.rows, &self.origin())),
        };
        match (out, text) {
            (Some(file), text) => whole_file::write(file, &text.unwrap_or_else(|| self.plain()))?,
            (None, Some(text)) => output.line(text.trim_end())?,
            (None, None) => {
                let cells: Vec<Vec<Cell>> =
                    self.rows.iter().map(|row| self.words(row).into_iter().map(Cell::plain).collect()).collect();
                output.table(&self.columns(), &cells)?;
                output.line("")?;
                for line in self.source.into_iter().chain([&*self.origin()]) {
                    output.say(0, &output.paint(Paint::Faint, line))?;
                }
            }
        }
        Ok(Exit::Success)
    }

    /// Which runs these are, so that they can be repeated.
    fn origin(&self) -> String {
        let Table { scenario, seeds, .. } = self;
        format!("{scenario}, seeds 1 to {seeds}, heartbeat {}, commit {REVISION}", env!("CARGO_PKG_VERSION"))
    }

    fn columns(&self) -> Vec<&'static str> {
        let extra = |column| self.source.map(|_| column);
        extra(CASE).into_iter().chain(COLUMNS).chain(extra(LOAD)).collect()
    }

    fn words(&self, row: &Row) -> Vec<String> {
        let Row { name, from, quality, .. } = row;
        let time = |time: Option<Duration>| time.map_or_else(|| "-".to_owned(), span);
        let figures = [
            name.clone(),
            (*from).to_owned(),
            time(quality.detection_mean()),
            time(quality.detection_max()),
            quality.missed.to_string(),
            quality.mistakes.to_string(),
            time(quality.mistake_recurrence()),
            time(quality.mistake_duration()),
            quality.accuracy().map_or_else(|| "-".to_owned(), |accuracy| format!("{accuracy:.6}")),
        ];
        let extra = |text: String| self.source.map(|_| text);
        extra(row.case.clone()).into_iter().chain(figures).chain(extra(format!("{:.1}", row.load))).collect()
    }

    fn plain(&self) -> String {
        let lines = self.rows.iter().map(|row| self.words(row).join("  "));
        let lines = lines.collect::<Vec<_>>().join("\n");
        let source = self.source.map(|source| format!("{source}\n")).unwrap_or_default();
        format!("{}\n{lines}\n{source}{}\n", self.columns().join("  "), self.origin())
    }

    fn markdown(&self) -> String {
        let columns = self.columns();
        let mut text = format!("| {} |\n|{}\n", columns.join(" | ").to_lowercase(), "---|".repeat(columns.len()));
        for row in self.rows {
            // Writing into a string does not fail.
            let _ = writeln!(text, "| {} |", self.words(row).join(" | "));
        }
        let source = self.source.map(|source| format!("\n{}.\n", capital(source))).unwrap_or_default();
        let _ = write!(text, "{source}\n{}.\n", self.origin());
        text
    }

    fn csv(&self) -> String {
        let mut text = self.source.map(|source| format!("# {source}\n")).unwrap_or_default();
        let _ = writeln!(text, "# {}", self.origin());
        let extra = |column| if self.source.is_some() { column } else { "" };
        let _ = writeln!(
            text,
            "{}detector,counted_from,detections,missed,t_d_mean_s,t_d_max_s,mistakes,t_mr_s,t_m_s,p_a,up_s{}",
            extra("case,"),
            extra(",sent_per_node_s")
        );
        let time = |time: Option<Duration>| time.map_or_else(String::new, |time| format!("{:.6}", time.as_secs_f64()));
        for row in self.rows {
            let Row { case, name, from, quality, load } = row;
            let (case, load) = match self.source {
                Some(_) => (format!("{case},"), format!(",{load:.3}")),
                None => (String::new(), String::new()),
            };
            let (mean, max) = (time(quality.detection_mean()), time(quality.detection_max()));
            let (recurrence, duration) = (time(quality.mistake_recurrence()), time(quality.mistake_duration()));
            let accuracy = quality.accuracy().map_or_else(String::new, |accuracy| format!("{accuracy:.9}"));
            let _ = writeln!(
                text,
                "{case}{name},{from},{},{},{mean},{max},{},{recurrence},{duration},{accuracy},{:.3}{load}",
                quality.detections.len(),
                quality.missed,
                quality.mistakes,
                quality.up.as_secs_f64()
            );
        }
        text
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::Quality;

    fn row() -> Row {
        let quality = Quality {
            detections: vec![Duration::from_millis(250), Duration::from_millis(750)],
            missed: 1,
            mistakes: 2,
            mistaken: Duration::from_secs(1),
            up: Duration::from_secs(100),
        };
        Row { case: "3 nodes".into(), name: "swim".into(), from: "verdict", quality, load: 4.25 }
    }

    fn table<'a>(rows: &'a [Row], source: Option<&'a str>) -> Table<'a> {
        Table { scenario: "crash", seeds: 3, source, rows }
    }

    #[test]
    fn each_format_has_the_figures_and_their_origin() {
        let rows = [row()];
        let table = table(&rows, None);
        let markdown = table.markdown();
        assert!(
            markdown.contains("| swim | verdict | 0.5 s | 0.75 s | 1 | 2 | 50 s | 0.5 s | 0.990000 |"),
            "{markdown}"
        );
        let csv = table.csv();
        let wanted = "swim,verdict,2,1,0.500000,0.750000,2,50.000000,0.500000,0.990000000,100.000";
        assert_eq!(csv.lines().nth(2), Some(wanted));
        let columns = |line: usize| csv.lines().nth(line).map(|line| line.split(',').count());
        assert_eq!(columns(1), columns(2));
        for text in [markdown, csv, table.plain()] {
            assert!(text.contains("crash, seeds 1 to 3, heartbeat 0."), "{text}");
        }
    }

    #[test]
    fn an_experiment_has_cases_loads_and_a_source() {
        let rows = [row()];
        let table = table(&rows, Some("after somebody, 2000"));
        let markdown = table.markdown();
        assert!(markdown.starts_with("| case | detector |") && markdown.contains("| 3 nodes | swim |"), "{markdown}");
        assert!(markdown.contains("| 0.990000 | 4.2 |") && markdown.contains("After somebody, 2000."), "{markdown}");
        let csv = table.csv();
        let columns = |line: usize| csv.lines().nth(line).map(|line| line.split(',').count());
        assert_eq!(columns(2), columns(3));
        let ends = csv.lines().nth(3).is_some_and(|line| line.starts_with("3 nodes,swim,") && line.ends_with(",4.250"));
        assert!(ends, "{csv}");
        for text in [csv, table.plain()] {
            assert!(text.contains("after somebody, 2000"), "{text}");
        }
    }
}
