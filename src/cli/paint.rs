//! The colours, and cells of a table in one of them.

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

/// The text in that colour, if there are colours.
pub(crate) fn painted(color: bool, paint: Paint, text: &str) -> String {
    if !color || paint == Paint::Plain {
        return text.to_owned();
    }
    format!("\x1b[{}m{text}\x1b[0m", paint.code())
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
