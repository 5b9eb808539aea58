//! Writing for people: colour only where it is wanted, lines that fit the terminal,
//! and no panic when the reader closes the pipe.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use super::layout;
use super::paint::painted;
pub(crate) use super::paint::{Cell, Paint};
use crate::config::environment::Environment;

/// Standard output, and whether it takes colour.
pub(crate) struct Output {
    out: Box<dyn Write>,
    color: bool,
    terminal: bool,
    room: Room,
}

/// How much fits on a line.
#[derive(Clone, Copy, Debug)]
enum Room {
    /// A pipe or a file: one statement is one line, however long.
    Unlimited,
    /// As wide as the terminal is when it is asked, else as `COLUMNS` says.
    Terminal { columns: Option<usize> },
    /// For tests.
    #[cfg(test)]
    Fixed { width: usize, height: usize },
}

/// Below this a screen is not described but unknown.
const WIDTH_MIN: usize = 20;

impl Output {
    /// Standard output; coloured on a terminal unless `NO_COLOR` is set.
    pub(crate) fn stdout(environment: &Environment) -> Output {
        let is_terminal = io::stdout().is_terminal();
        let terminal = is_terminal && !environment.dumb_terminal;
        let room = if is_terminal { Room::Terminal { columns: environment.columns } } else { Room::Unlimited };
        Output { out: Box::new(io::stdout()), color: terminal && !environment.no_color, terminal, room }
    }

    /// Another output, for tests.
    #[cfg(test)]
    pub(crate) fn to(out: Box<dyn Write>, terminal: bool) -> Output {
        Output { out, color: terminal, terminal, room: Room::Unlimited }
    }

    /// A screen of that size without colours, for tests.
    #[cfg(test)]
    pub(crate) fn of_size(width: usize, height: usize) -> Output {
        let room = Room::Fixed { width, height };
        Output { out: Box::new(io::sink()), color: false, terminal: true, room }
    }

    /// The columns of a line; `None` without a limit, or where it is not known.
    pub(crate) fn width(&self) -> Option<usize> {
        let width = match self.room {
            Room::Unlimited => None,
            Room::Terminal { columns } => size().map(|(width, _)| width).or(columns),
            #[cfg(test)]
            Room::Fixed { width, .. } => Some(width),
        };
        width.filter(|width| *width >= WIDTH_MIN)
    }

    /// The lines of the screen, where they are known.
    pub(crate) fn height(&self) -> Option<usize> {
        match self.room {
            Room::Unlimited => None,
            Room::Terminal { .. } => size().map(|(_, height)| height),
            #[cfg(test)]
            Room::Fixed { height, .. } => Some(height),
        }
    }

    /// A statement in lines that fit, in one colour; further lines begin below column `hang`.
    pub(crate) fn prose(&self, paint: Paint, lead: &str, hang: usize, text: &str) -> Vec<String> {
        layout::wrapped(lead, hang, text, self.width()).iter().map(|line| self.paint(paint, line)).collect()
    }

    /// Writes a statement in lines that fit; it may have colours in it. Further lines begin below column `hang`.
    ///
    /// # Errors
    /// As [`Output::line`].
    pub(crate) fn say(&mut self, hang: usize, text: &str) -> io::Result<()> {
        layout::wrapped("", hang, text, self.width()).iter().try_for_each(|line| self.line(line))
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
        painted(self.color, paint, text)
    }

    /// Writes rows under a heading, each column as wide as its widest cell.
    ///
    /// # Errors
    /// As [`Output::line`].
    pub(crate) fn table(&mut self, heading: &[&str], rows: &[Vec<Cell>]) -> io::Result<()> {
        let heading = heading.iter().map(|text| (*text).to_owned()).collect();
        self.table_lines(heading, rows).iter().try_for_each(|line| self.line(line))
    }

    /// The lines of a table, in blocks that fit.
    pub(crate) fn table_lines(&self, heading: Vec<String>, rows: &[Vec<Cell>]) -> Vec<String> {
        layout::table(self.color, &heading, rows, self.width())
    }

    /// The lines of a table that stays in one piece, for a screen that cuts its lines.
    pub(crate) fn whole_table_lines(&self, heading: Vec<String>, rows: &[Vec<Cell>]) -> Vec<String> {
        layout::table(self.color, &heading, rows, None)
    }
}

/// The columns of the terminal to which errors and progress go; `None` where it is no terminal.
pub(crate) fn width_of_errors() -> Option<usize> {
    let errors = io::stderr();
    errors.is_terminal().then(|| terminal_size::terminal_size_of(errors)).flatten().map(|(width, _)| width.0.into())
}

/// Columns and lines of the terminal, as it says itself.
fn size() -> Option<(usize, usize)> {
    let (terminal_size::Width(width), terminal_size::Height(height)) = terminal_size::terminal_size_of(io::stdout())?;
    Some((width.into(), height.into()))
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
