//! Writing for people: colour only where it is wanted, tables that line up,
//! and no panic when the reader closes the pipe.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use crate::config::environment::Environment;

/// Standard output, and whether it takes colour.
pub struct Output {
    out: Box<dyn Write>,
    color: bool,
    terminal: bool,
}

/// The few colours that are used, by what they mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    Plain,
    Good,
    Doubtful,
    Bad,
    Faint,
    Strong,
    /// One of six colours that tell nodes apart.
    Node(usize),
}

impl Paint {
    fn code(self) -> &'static str {
        match self {
            Paint::Plain => "",
            Paint::Good => "32",
            Paint::Doubtful => "33",
            Paint::Bad => "31",
            Paint::Faint => "2",
            Paint::Strong => "1",
            Paint::Node(number) => ["36", "35", "34", "33", "32", "96"][number % 6],
        }
    }
}

impl Output {
    /// Standard output; coloured on a terminal unless `NO_COLOR` is set.
    pub fn stdout(environment: &Environment) -> Output {
        let terminal = io::stdout().is_terminal() && !environment.dumb_terminal;
        Output { out: Box::new(io::stdout()), color: terminal && !environment.no_color, terminal }
    }

    /// Somebody else's output, for tests.
    #[cfg(test)]
    pub fn to(out: Box<dyn Write>, terminal: bool) -> Output {
        Output { out, color: terminal, terminal }
    }

    /// What is written is seen at once, and the cursor can be moved.
    pub fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Writes what is complete in itself, such as an order to the terminal.
    ///
    /// # Errors
    /// As [`Output::line`].
    pub fn raw(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }

    pub fn color(&self) -> bool {
        self.color
    }

    /// Writes one line.
    ///
    /// # Errors
    /// Those of the pipe; a closed one ends the command quietly.
    pub fn line(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(text.as_bytes())?;
        self.out.write_all(b"\n")?;
        self.out.flush()
    }

    pub fn paint(&self, paint: Paint, text: &str) -> String {
        if !self.color || paint == Paint::Plain {
            return text.to_owned();
        }
        format!("\x1b[{}m{text}\x1b[0m", paint.code())
    }

    /// Writes rows under a heading, each column as wide as its widest cell.
    ///
    /// # Errors
    /// As [`Output::line`].
    pub fn table(&mut self, heading: &[&str], rows: &[Vec<Cell>]) -> io::Result<()> {
        let heading = heading.iter().map(|text| (*text).to_owned()).collect();
        self.table_lines(heading, rows).iter().try_for_each(|line| self.line(line))
    }

    /// The lines of a table.
    pub fn table_lines(&self, heading: Vec<String>, rows: &[Vec<Cell>]) -> Vec<String> {
        let heading: Vec<Cell> = heading.into_iter().map(|text| Cell::new(Paint::Faint, text)).collect();
        let table: Vec<&[Cell]> = std::iter::once(heading.as_slice()).chain(rows.iter().map(Vec::as_slice)).collect();
        let width = |column: usize| {
            table.iter().filter_map(|row| row.get(column)).map(|cell| cell.text.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..heading.len()).map(width).collect();
        table.iter().map(|row| self.table_line(row, &widths)).collect()
    }

    fn table_line(&self, row: &[Cell], widths: &[usize]) -> String {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let last = row[column + 1..].iter().all(|cell| cell.text.is_empty());
            let gap = widths[column].saturating_sub(cell.text.chars().count()) + 2;
            line.push_str(&self.paint(cell.paint, &cell.text));
            if last {
                break;
            }
            line.extend(std::iter::repeat_n(' ', gap));
        }
        line
    }
}

/// One cell of a table.
#[derive(Clone, Debug)]
pub struct Cell {
    pub text: String,
    pub paint: Paint,
}

impl Cell {
    pub fn new(paint: Paint, text: impl Into<String>) -> Cell {
        Cell { text: text.into(), paint }
    }

    pub fn plain(text: impl Into<String>) -> Cell {
        Cell::new(Paint::Plain, text)
    }
}

/// An age as a person says it: two units at most.
pub fn age(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0..=9 => format!("{:.1}s", span.as_secs_f64()),
        10..=59 => format!("{seconds}s"),
        60..=3599 => format!("{}m {}s", seconds / 60, seconds % 60),
        3600..=86_399 => format!("{}h {}m", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{}d {}h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

/// Several names in a sentence: "node-1, node-2 and node-3".
pub fn names(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [only] => only.clone(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages() {
        for (seconds, text) in
            [(0.25, "0.2s"), (42.0, "42s"), (130.0, "2m 10s"), (7260.0, "2h 1m"), (90_000.0, "1d 1h")]
        {
            assert_eq!(age(Duration::from_secs_f64(seconds)), text);
        }
    }
}
