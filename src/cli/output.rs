//! Writing for people: colour only where it is wanted, tables that line up,
//! and no panic when the reader closes the pipe.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use crate::config::environment::Environment;

/// Standard output, and whether it takes colour.
pub(crate) struct Output {
    out: Box<dyn Write>,
    color: bool,
    terminal: bool,
}

/// The few colours that are used, by what they mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paint {
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
    pub(crate) fn stdout(environment: &Environment) -> Output {
        let terminal = io::stdout().is_terminal() && !environment.dumb_terminal;
        Output { out: Box::new(io::stdout()), color: terminal && !environment.no_color, terminal }
    }

    /// Another output, for tests.
    #[cfg(test)]
    pub(crate) fn to(out: Box<dyn Write>, terminal: bool) -> Output {
        Output { out, color: terminal, terminal }
    }

    /// What is written is seen at once, and the cursor can be moved.
    pub(crate) fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Writes text as it is, such as a command to the terminal.
    ///
    /// # Errors
    /// As [`Output::line`].
    pub(crate) fn raw(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }

    pub(crate) fn color(&self) -> bool {
        self.color
    }

    /// Writes one line.
    ///
    /// # Errors
    /// Those of the pipe; a closed one ends the command quietly.
    pub(crate) fn line(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(text.as_bytes())?;
        self.out.write_all(b"\n")?;
        self.out.flush()
    }

    pub(crate) fn paint(&self, paint: Paint, text: &str) -> String {
        if !self.color || paint == Paint::Plain {
            return text.to_owned();
        }
        format!("\x1b[{}m{text}\x1b[0m", paint.code())
    }

    /// Writes rows under a heading, each column as wide as its widest cell.
    ///
    /// # Errors
    /// As [`Output::line`].
    pub(crate) fn table(&mut self, heading: &[&str], rows: &[Vec<Cell>]) -> io::Result<()> {
        let heading = heading.iter().map(|text| (*text).to_owned()).collect();
        self.table_lines(heading, rows).iter().try_for_each(|line| self.line(line))
    }

    /// The lines of a table.
    pub(crate) fn table_lines(&self, heading: Vec<String>, rows: &[Vec<Cell>]) -> Vec<String> {
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
pub(crate) struct Cell {
    pub text: String,
    pub paint: Paint,
}

impl Cell {
    pub(crate) fn new(paint: Paint, text: impl Into<String>) -> Cell {
        Cell { text: text.into(), paint }
    }

    pub(crate) fn plain(text: impl Into<String>) -> Cell {
        Cell::new(Paint::Plain, text)
    }
}

/// How many of something: "1 node", "3 nodes".
pub(crate) fn counted(count: usize, of: &str) -> String {
    format!("{count} {of}{}", if count == 1 { "" } else { "s" })
}

/// A length of time for a program: milliseconds with three decimals at most.
#[expect(clippy::cast_precision_loss, reason = "exact up to 285 years")]
pub(crate) fn milliseconds(time: Duration) -> f64 {
    time.as_micros() as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_have_three_decimals_at_most() {
        assert_eq!(milliseconds(Duration::from_secs_f64(1.0 / 3.0)).to_string(), "333.333");
        assert_eq!(milliseconds(Duration::from_secs(3)), 3000.0);
    }

    #[test]
    fn counts_have_their_plural() {
        assert_eq!((counted(1, "node"), counted(0, "node")), ("1 node".to_owned(), "0 nodes".to_owned()));
    }
}
