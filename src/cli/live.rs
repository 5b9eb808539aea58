//! A picture that is shown again and again: in its place on a terminal, else
//! as a new block of lines when something in it changed.
//!
//! On a terminal it borrows the second screen that terminals keep for editors,
//! so that what was there before is there again afterwards, and leaves the last
//! picture behind. Lines are cut to the width of the terminal, with an ellipsis,
//! and a picture that is higher than it ends with the number of lines that are
//! missing, so its first line, the sentence, never scrolls away. Where the size
//! is not known, wrapping is turned off and each line is written at its own
//! place, the last one first: what is below the bottom is written over.

use std::io;

use super::layout::clipped;
use super::output::{Output, Paint};

/// Second screen, no cursor, no wrapping.
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l";
/// An empty screen, which terminals that know how to do not show before the end.
const BEGIN: &str = "\x1b[?2026h\x1b[2J";
const END: &str = "\x1b[?2026l";
/// All of it undone.
const LEAVE: &str = "\x1b[?7h\x1b[?25h\x1b[?1049l";

pub(crate) struct Live {
    pub output: Output,
    in_place: bool,
    /// The lines on the screen; `None` before there were any.
    picture: Option<Vec<String>>,
    /// What the last block was about.
    told: String,
}

impl Live {
    /// Lines for programs are never drawn over.
    pub(crate) fn new(output: Output, for_programs: bool) -> Live {
        let in_place = output.is_terminal() && !for_programs;
        Live { output, in_place, picture: None, told: String::new() }
    }

    /// There is one picture, and not one block after the other.
    pub(crate) fn in_place(&self) -> bool {
        self.in_place
    }

    /// Shows the lines. Without a terminal only if `about`, which holds all that counts as a change, differs.
    ///
    /// # Errors
    /// Those of the output.
    pub(crate) fn show(&mut self, picture: Vec<String>, about: String) -> io::Result<()> {
        if self.in_place {
            return self.redraw(picture);
        }
        if self.told == about {
            return Ok(());
        }
        self.told = about;
        picture.iter().try_for_each(|line| self.output.line(line))
    }

    fn redraw(&mut self, picture: Vec<String>) -> io::Result<()> {
        let mut text = if self.picture.is_none() { ENTER.to_owned() } else { String::new() };
        text.push_str(BEGIN);
        for (index, line) in self.fitted(&picture).iter().enumerate().rev() {
            text.push_str(&format!("\x1b[{};1H\x1b[2K{line}", index + 1));
        }
        text.push_str(END);
        self.picture = Some(picture);
        self.output.raw(&text)
    }

    /// The part of the picture that the screen has room for.
    fn fitted(&self, picture: &[String]) -> Vec<String> {
        let height = self.output.height().filter(|height| *height > 1 && *height < picture.len());
        let shown = height.map_or(picture.len(), |height| height - 1);
        let mut lines = self.cut(&picture[..shown]);
        if height.is_some() {
            let missing = format!("… {} more lines: a higher terminal shows them", picture.len() - shown);
            lines.extend(self.cut(&[self.output.paint(Paint::Faint, &missing)]));
        }
        lines
    }

    fn cut(&self, lines: &[String]) -> Vec<String> {
        let width = self.output.width();
        lines.iter().map(|line| width.map_or_else(|| line.clone(), |width| clipped(line, width))).collect()
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        let Some(picture) = self.picture.take() else { return };
        // No one reads a terminal that was closed.
        let _ = self.output.raw(LEAVE);
        let _ = self.cut(&picture).iter().try_for_each(|line| self.output.line(line));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn written(terminal: bool, pictures: &[(&str, &str)]) -> String {
        let out = Written::default();
        let mut live = Live::new(Output::to(Box::new(out.clone()), terminal), false);
        for (picture, about) in pictures {
            live.show(picture.lines().map(str::to_owned).collect(), (*about).to_owned()).unwrap();
        }
        drop(live);
        let bytes = out.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_terminal_is_redrawn_and_left_as_it_was() {
        let text = written(true, &[("whole\ntable", "a"), ("down", "a")]);
        assert_eq!(
            text,
            format!(
                "{ENTER}{BEGIN}\x1b[2;1H\x1b[2Ktable\x1b[1;1H\x1b[2Kwhole{END}{BEGIN}\x1b[1;1H\x1b[2Kdown{END}{LEAVE}down\n"
            )
        );
        assert_eq!(written(true, &[]), "");
    }

    #[test]
    fn a_picture_is_cut_at_the_edges_and_says_so() {
        let live = Live::new(Output::of_size(20, 3), false);
        let lines = ["a sentence that is too long", "two", "three", "four"].map(str::to_owned);
        assert_eq!(live.fitted(&lines), ["a sentence that is …", "two", "… 2 more lines: a h…"]);
        assert_eq!(live.fitted(&lines[1..]), lines[1..]);
    }

    #[test]
    fn elsewhere_only_changes_are_told() {
        assert_eq!(written(false, &[("1 s", "a"), ("2 s", "a"), ("3 s", "b")]), "1 s\n3 s\n");
    }
}
