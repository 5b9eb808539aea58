//! Pages with marked blocks of output.

use std::fs;

use super::pages::{self, root};

const MARK: &str = "<!-- output: ";
const INDENT: &str = "    ";

pub struct Page {
    pub file: String,
    lines: Vec<String>,
    changed: bool,
}

/// The README and the pages of `docs/`.
pub fn all() -> Vec<Page> {
    let inside =
        pages::all().into_iter().filter_map(|page| Some(page.strip_prefix(root()).ok()?.display().to_string()));
    inside.filter(|file| file == "README.md" || file.starts_with("docs/")).map(Page::read).collect()
}

impl Page {
    fn read(file: String) -> Page {
        let text = fs::read_to_string(root().join(&file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        Page { file, lines: text.lines().map(str::to_owned).collect(), changed: false }
    }

    pub fn names(&self) -> Vec<String> {
        self.lines.iter().filter_map(|line| name(line)).map(str::to_owned).collect()
    }

    /// The text of a block, without its indentation.
    pub fn block(&self, wanted: &str) -> String {
        let lines = self.lines[self.range(wanted)].iter();
        lines.map(|line| format!("{}\n", line.strip_prefix(INDENT).unwrap_or_default())).collect()
    }

    pub fn replace(&mut self, wanted: &str, text: &str) {
        let indented = text.lines().map(|line| format!("{INDENT}{line}").trim_end().to_owned());
        let fresh: Vec<String> = indented.collect();
        let range = self.range(wanted);
        self.lines.splice(range, fresh);
        self.changed = true;
    }

    pub fn save(&self) {
        if self.changed {
            let text = self.lines.join("\n") + "\n";
            fs::write(root().join(&self.file), text).unwrap_or_else(|error| panic!("{}: {error}", self.file));
        }
    }

    /// Lines that a node or a command has written, outside of marked blocks, each with the heading above it.
    pub fn unmarked(&self) -> Vec<(&str, &str)> {
        let marked: Vec<_> = self.names().iter().map(|name| self.range(name)).collect();
        let (mut section, mut found) = ("", Vec::new());
        for (number, line) in self.lines.iter().enumerate() {
            if line.starts_with('#') {
                section = line;
            }
            let is_output = line.starts_with(INDENT)
                && ([" INFO  ", " WARN  "].iter().any(|level| line.contains(level))
                    || line.contains(" $ heartbeat why"));
            if is_output && !marked.iter().any(|range| range.contains(&number)) {
                found.push((section, line.as_str()));
            }
        }
        found
    }

    /// The lines of the block after a mark: up to the next line of text.
    fn range(&self, wanted: &str) -> std::ops::Range<usize> {
        let is_mark = |line: &String| name(line) == Some(wanted);
        let mark = self.lines.iter().position(is_mark).unwrap_or_else(|| panic!("{}: no {wanted:?}", self.file));
        // The mark and an empty line come first.
        let start = mark + 2;
        let is_block = |line: &&String| line.starts_with(INDENT) || line.is_empty();
        let count = self.lines[start..].iter().take_while(is_block).count();
        let end = (start..start + count).rev().find(|at| !self.lines[*at].is_empty()).map_or(start, |last| last + 1);
        start..end
    }
}

/// The name in a line that marks a block.
fn name(line: &str) -> Option<&str> {
    line.trim().strip_prefix(MARK)?.strip_suffix(" -->")
}
