//! Lines that fit a screen: prose that breaks between words, rows that are cut with an ellipsis, tables that fold.
//!
//! All of it counts the columns that a terminal needs: a character of East Asia takes two, a colour takes none. Without a
//! width nothing breaks: what goes into a pipe or a file is for `grep`, and one statement is one line there.
//!
//! A table that is too wide first breaks the text in its last column. What is left over goes into further blocks below,
//! each with the first column again, so that every block can be read by itself.

use textwrap::core::display_width;
use textwrap::{Options, WordSeparator, WordSplitter, WrapAlgorithm};

use super::paint::{Cell, Paint, painted};

/// The least that is left for the text of a last column; with less, a block of its own is easier to read.
const LAST_COLUMN_MIN: usize = 24;
/// Further lines of a paragraph are indented only where at least this is left for them.
const BESIDE_INDENT_MIN: usize = 24;
const ELLIPSIS: char = '…';
/// Between two columns.
const GAP: usize = 2;

/// The text after `lead`, in lines of at most `width` columns; further lines begin below column `hang`. A longer word has
/// a line of its own: an address that is cut cannot be copied.
pub(crate) fn wrapped(lead: &str, hang: usize, text: &str, width: Option<usize>) -> Vec<String> {
    let Some(width) = width else { return vec![format!("{lead}{text}")] };
    let hang = if width >= hang + BESIDE_INDENT_MIN { hang } else { GAP.min(hang) };
    let indent = " ".repeat(hang);
    let options = Options::new(width)
        .initial_indent(lead)
        .subsequent_indent(&indent)
        .break_words(false)
        // "node-3" stays whole.
        .word_splitter(WordSplitter::NoHyphenation)
        .word_separator(WordSeparator::AsciiSpace)
        .wrap_algorithm(WrapAlgorithm::FirstFit);
    textwrap::wrap(text, options).into_iter().map(std::borrow::Cow::into_owned).collect()
}

/// The line, cut to `width` columns; where something is missing, an ellipsis says so. Colours end with the line.
pub(crate) fn clipped(line: &str, width: usize) -> String {
    if display_width(line) <= width {
        return line.to_owned();
    }
    let (mut kept, mut columns, mut colored) = (String::new(), 0, false);
    let mut rest = line.chars();
    while let Some(c) = rest.next() {
        if c == '\x1b' {
            // Only `painted` writes these.
            kept.push(c);
            kept.extend(rest.by_ref().take_while(|c| *c != 'm').chain(['m']));
            colored = true;
            continue;
        }
        let wide = display_width(c.encode_utf8(&mut [0; 4]));
        if columns + wide + 1 > width {
            break;
        }
        kept.push(c);
        columns += wide;
    }
    if width > 0 {
        kept.push(ELLIPSIS);
    }
    if colored {
        kept.push_str("\x1b[0m");
    }
    kept
}

/// The lines of a table, each column as wide as its widest cell, in as many blocks as `width` asks for.
pub(crate) fn table(color: bool, heading: &[String], rows: &[Vec<Cell>], width: Option<usize>) -> Vec<String> {
    let heading: Vec<Cell> = heading.iter().map(|text| Cell::new(Paint::Faint, text)).collect();
    let table: Vec<&[Cell]> = std::iter::once(heading.as_slice()).chain(rows.iter().map(Vec::as_slice)).collect();
    let widths = widths(&table);
    let mut lines = Vec::new();
    for block in blocks(&widths, text_is_empty(&table), width) {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        let is_last = block.last() == Some(&(widths.len() - 1));
        let before: usize = block.iter().rev().skip(1).map(|column| widths[*column] + GAP).sum();
        // Only the last column of the table holds text.
        let room = width.filter(|_| is_last).map(|width| width.saturating_sub(before));
        for row in &table {
            lines.extend(block_lines(color, row, &block, &widths, room));
        }
    }
    lines
}

/// Whether a table of these cells needs more than one block.
pub(crate) fn folds(heading: &[String], rows: &[Vec<Cell>], width: Option<usize>) -> bool {
    let heading: Vec<Cell> = heading.iter().map(Cell::plain).collect();
    let table: Vec<&[Cell]> = std::iter::once(heading.as_slice()).chain(rows.iter().map(Vec::as_slice)).collect();
    blocks(&widths(&table), text_is_empty(&table), width).len() > 1
}

/// Whether no row has anything in the last column.
fn text_is_empty(table: &[&[Cell]]) -> bool {
    table.iter().skip(1).all(|row| row.get(table[0].len() - 1).is_none_or(|cell| cell.text.is_empty()))
}

fn widths(table: &[&[Cell]]) -> Vec<usize> {
    let columns = table.first().map_or(0, |heading| heading.len());
    let of = |column: usize| table.iter().filter_map(|row| row.get(column)).map(|cell| display_width(&cell.text)).max();
    (0..columns).map(|column| of(column).unwrap_or(0)).collect()
}

/// The columns of each block: as many as fit beside the first one. A last column without texts is not worth a block.
fn blocks(widths: &[usize], text_is_empty: bool, width: Option<usize>) -> Vec<Vec<usize>> {
    let mut blocks = vec![Vec::from_iter((!widths.is_empty()).then_some(0))];
    let mut used = widths.first().copied().unwrap_or(0);
    for column in 1..widths.len() {
        let is_last = column + 1 == widths.len();
        let needed = GAP + if is_last { widths[column].min(LAST_COLUMN_MIN) } else { widths[column] };
        let block = blocks.last_mut().expect("there is always one");
        if width.is_some_and(|width| used + needed > width) && block.len() > 1 {
            if is_last && text_is_empty {
                break;
            }
            used = widths[0];
            blocks.push(vec![0, column]);
        } else {
            block.push(column);
        }
        used += needed;
    }
    blocks
}

/// One row of a block; more than one line where the last cell does not fit into `room`.
fn block_lines(color: bool, row: &[Cell], block: &[usize], widths: &[usize], room: Option<usize>) -> Vec<String> {
    let cells: Vec<&Cell> = block.iter().filter_map(|column| row.get(*column)).collect();
    let filled = cells.iter().rposition(|cell| !cell.text.is_empty()).map_or(0, |last| last + 1);
    let (mut line, mut further) = (String::new(), Vec::new());
    for (at, (cell, column)) in cells.iter().zip(block).enumerate().take(filled) {
        if at + 1 < filled {
            line.push_str(&painted(color, cell.paint, &cell.text));
            line.extend(std::iter::repeat_n(' ', widths[*column] - display_width(&cell.text) + GAP));
            continue;
        }
        let room = room.filter(|room| at + 1 == block.len() && display_width(&cell.text) > *room);
        let mut texts = wrapped("", 0, &cell.text, room).into_iter().map(|text| painted(color, cell.paint, &text));
        let indent = display_width(&line);
        line.extend(texts.next());
        further.extend(texts.map(|text| format!("{}{text}", " ".repeat(indent))));
    }
    std::iter::once(line).chain(further).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(rows: &[&[&str]]) -> Vec<Vec<Cell>> {
        rows.iter().map(|row| row.iter().map(|text| Cell::plain(*text)).collect()).collect()
    }

    fn heading(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    fn widest(lines: &[String]) -> usize {
        lines.iter().map(|line| display_width(line)).max().unwrap_or(0)
    }

    const SENTENCE: &str = "node-3 has been down for 3 s; node-1 and node-2 agree; 節点-4 と 節点-5 がオフライン";

    #[test]
    fn prose_breaks_between_words_at_every_width() {
        for width in [40, 60, 80, 200] {
            let lines = wrapped("! ", 2, SENTENCE, Some(width));
            assert!(widest(&lines) <= width, "{width}: {lines:#?}");
            assert!(lines.iter().skip(1).all(|line| line.starts_with("  ")), "{lines:#?}");
            let words: Vec<&str> = lines.iter().flat_map(|line| line.split_whitespace()).skip(1).collect();
            assert_eq!(words.join(" "), SENTENCE);
        }
        assert_eq!(wrapped("", 0, SENTENCE, None), [SENTENCE]);
        assert_eq!(wrapped("", 0, "one two three", Some(8)), ["one two", "three"]);
        assert_eq!(wrapped("", 0, "incomprehensible", Some(5)), ["incomprehensible"]);
        assert_eq!(wrapped("", 0, "on node-1", Some(8)), ["on", "node-1"], "no break at a hyphen");
        assert_eq!(wrapped("", 0, "", Some(5)), [""]);
    }

    #[test]
    fn a_line_that_is_cut_says_so() {
        assert_eq!(clipped("node-3 is down", 14), "node-3 is down");
        assert_eq!(clipped("node-3 is down", 8), "node-3 …");
        assert_eq!(clipped("節点節点", 8), "節点節点");
        // A character of two columns is not cut in half.
        assert_eq!(clipped("節点節点", 6), "節点…");
        assert_eq!(clipped("\x1b[31mdown\x1b[0m and out", 6), "\x1b[31mdown\x1b[0m …\x1b[0m");
        assert_eq!(clipped("anything", 0), "");
        for width in 0..60 {
            assert!(display_width(&clipped(SENTENCE, width)) <= width);
        }
    }

    #[test]
    fn columns_line_up_whatever_the_characters() {
        let rows = cells(&[&["節点-1", "up", "x"], &["node-2", "down", "y"]]);
        let lines = table(false, &heading(&["NODE", "IS", "NOTE"]), &rows, None);
        assert_eq!(lines, ["NODE    IS    NOTE", "節点-1  up    x", "node-2  down  y"]);
    }

    #[test]
    fn the_last_column_breaks_before_the_table_folds() {
        let rows = cells(&[&["node-1", "up", ""], &["node-2", "down", SENTENCE]]);
        for width in [40, 60, 80, 200] {
            let lines = table(false, &heading(&["NODE", "IS", "NOTE"]), &rows, Some(width));
            assert!(widest(&lines) <= width, "{width}: {lines:#?}");
            assert_eq!(lines.iter().filter(|line| line.starts_with("NODE")).count(), 1, "{width}: {lines:#?}");
        }
    }

    #[test]
    fn a_column_without_texts_gets_no_block() {
        let rows = |note| cells(&[&["node-1", "alive", note]]);
        let lines = |note| table(false, &heading(&["PEER", "STATE", "NOTE"]), &rows(note), Some(16));
        assert_eq!(lines(""), ["PEER    STATE", "node-1  alive"]);
        assert_eq!(
            lines("is far away"),
            ["PEER    STATE", "node-1  alive", "", "PEER    NOTE", "node-1  is far", "        away"]
        );
    }

    #[test]
    fn a_matrix_of_32_nodes_folds_into_blocks_that_fit() {
        let names: Vec<String> = (1..=32).map(|number| format!("node-{number}")).collect();
        let heading: Vec<String> =
            ["OBSERVER", "REPORTED"].map(str::to_owned).into_iter().chain(names.clone()).collect();
        let row = |name: &String| -> Vec<Cell> {
            let cells = names.iter().map(|peer| if peer == name { "." } else { "0.42 ms" });
            [name.as_str(), "now"].into_iter().chain(cells).map(Cell::plain).collect()
        };
        let rows: Vec<Vec<Cell>> = names.iter().map(row).collect();
        for (width, blocks) in [(40, 11), (60, 7), (80, 5), (200, 2)] {
            assert!(folds(&heading, &rows, Some(width)));
            let lines = table(false, &heading, &rows, Some(width));
            assert!(widest(&lines) <= width, "{width}: {}", widest(&lines));
            assert_eq!(lines.iter().filter(|line| line.starts_with("OBSERVER")).count(), blocks, "at {width}");
            assert_eq!(lines.len(), blocks * 33 + blocks - 1);
            for name in &names {
                let shown = lines.iter().filter(|line| line.starts_with("OBSERVER"));
                assert_eq!(shown.filter(|line| line.split_whitespace().any(|word| word == name)).count(), 1);
            }
        }
        assert!(!folds(&heading, &rows, None));
        assert_eq!(table(false, &heading, &rows, None).len(), 33);
    }
}
