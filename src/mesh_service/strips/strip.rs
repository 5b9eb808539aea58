//! One strip: the last 15 minutes of one node or one link, as a mark for each 10 s.
//!
//! A mark is the worst that was known within its 10 s, so that an outage of a second is not lost between two samples.
//! The marks are a ring that is indexed by the number of the slot; nothing moves when time passes.

use std::time::Duration;

use crate::detector::time::Monotonic;

/// The time of one mark.
pub(crate) const SLOT: Duration = Duration::from_secs(10);
/// Marks of a strip: 15 minutes. Long enough to see what woke someone, short enough for one line on a phone.
pub(crate) const MARKS: usize = 90;

const WINDOW: u32 = MARKS as u32;

/// What was known within one slot, from nothing to the worst.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// Nothing: this node did not run, did not look, or was paused.
    #[default]
    Unknown,
    /// Reached.
    Up,
    /// It said goodbye, or is in maintenance.
    Away,
    /// Reached by some only, suspected, degraded, or restarted.
    Partly,
    /// Not reached.
    Down,
}

/// The same mark several times in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    pub mark: Mark,
    pub slots: usize,
}

/// The number of a slot, counted from the start of the process.
pub(super) fn slot(at: Monotonic) -> u32 {
    // Enough for a thousand years.
    u32::try_from(at.0.as_secs() / SLOT.as_secs()).unwrap_or(u32::MAX)
}

/// The marks of the last 15 minutes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Strip {
    /// The newest slot that was written.
    last: u32,
    marks: [Mark; MARKS],
}

impl Default for Strip {
    fn default() -> Strip {
        Strip { last: 0, marks: [Mark::Unknown; MARKS] }
    }
}

impl Strip {
    /// Adds what was known in a slot. Of two marks for one slot the worse counts.
    pub(super) fn add(&mut self, slot: u32, mark: Mark) {
        if slot > self.last {
            // What stood at these places is more than 15 minutes old.
            let from = (self.last + 1).max(slot.saturating_sub(WINDOW - 1));
            (from..=slot).for_each(|passed| self.marks[place(passed)] = Mark::Unknown);
            self.last = slot;
        }
        if self.last - slot < WINDOW {
            let old = &mut self.marks[place(slot)];
            *old = mark.max(*old);
        }
    }

    /// The same for all slots between two, both included.
    pub(super) fn fill(&mut self, from: u32, to: u32, mark: Mark) {
        let from = from.max(to.saturating_sub(WINDOW - 1));
        (from..=to).for_each(|slot| self.add(slot, mark));
    }

    /// The mark of a slot.
    fn get(&self, slot: u32) -> Mark {
        if slot > self.last || self.last - slot >= WINDOW { Mark::Unknown } else { self.marks[place(slot)] }
    }

    /// Whether nothing is known of the 15 minutes before the slot `now`.
    pub(super) fn is_blank(&self, now: u32) -> bool {
        self.last.saturating_add(WINDOW) <= now || self.marks.iter().all(|mark| *mark == Mark::Unknown)
    }
}

/// The marks up to the slot `now`, oldest first, [`MARKS`] slots in all. Where the first strip knows nothing, the second counts.
pub(super) fn runs(now: u32, strip: Option<&Strip>, second: Option<&Strip>) -> Vec<Run> {
    let mark = |back: u32| -> Mark {
        let Some(slot) = now.checked_sub(back) else { return Mark::Unknown };
        let get = |strip: Option<&Strip>| strip.map_or(Mark::Unknown, |strip| strip.get(slot));
        match get(strip) {
            Mark::Unknown => get(second),
            mark => mark,
        }
    };
    let mut runs: Vec<Run> = Vec::new();
    for mark in (0..WINDOW).rev().map(mark) {
        match runs.last_mut() {
            Some(run) if run.mark == mark => run.slots += 1,
            _ => runs.push(Run { mark, slots: 1 }),
        }
    }
    runs
}

fn place(slot: u32) -> usize {
    slot as usize % MARKS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(runs: &[Run]) -> Vec<(Mark, usize)> {
        runs.iter().map(|run| (run.mark, run.slots)).collect()
    }

    #[test]
    fn the_worst_of_a_slot_stays_and_old_slots_are_forgotten() {
        let mut strip = Strip::default();
        strip.add(3, Mark::Up);
        strip.add(3, Mark::Down);
        strip.add(3, Mark::Up);
        strip.add(5, Mark::Up);
        let expected = [(Mark::Unknown, 87), (Mark::Down, 1), (Mark::Unknown, 1), (Mark::Up, 1)];
        assert_eq!(shape(&runs(5, Some(&strip), None)), expected);
        assert_eq!(shape(&runs(3 + 89, Some(&strip), None))[0], (Mark::Down, 1));
        assert_eq!(shape(&runs(3 + 90, Some(&strip), None))[0], (Mark::Unknown, 1));
        // The place of slot 3 is that of slot 93.
        strip.add(93, Mark::Up);
        assert_eq!(
            shape(&runs(93, Some(&strip), None)),
            [(Mark::Unknown, 1), (Mark::Up, 1), (Mark::Unknown, 87), (Mark::Up, 1)]
        );
        strip.add(3, Mark::Down);
        assert_eq!(strip.get(93), Mark::Up, "a slot that is over is not written");
        assert!(!strip.is_blank(93 + 89) && strip.is_blank(93 + 90));
    }

    #[test]
    fn a_gap_of_any_length_is_filled_within_the_window() {
        let mut strip = Strip::default();
        strip.fill(0, u32::MAX, Mark::Up);
        assert_eq!(shape(&runs(u32::MAX, Some(&strip), None)), [(Mark::Up, 90)]);
    }

    #[test]
    fn the_second_strip_fills_the_gaps_of_the_first() {
        let (mut first, mut second) = (Strip::default(), Strip::default());
        first.add(10, Mark::Up);
        second.fill(8, 10, Mark::Down);
        assert_eq!(
            shape(&runs(10, Some(&first), Some(&second))),
            [(Mark::Unknown, 87), (Mark::Down, 2), (Mark::Up, 1)]
        );
        assert_eq!(shape(&runs(10, None, None)), [(Mark::Unknown, 90)]);
    }

    /// `docs/operations.md` multiplies it.
    #[test]
    fn a_strip_takes_less_than_a_hundred_bytes() {
        assert!(size_of::<Strip>() <= 100, "{}", size_of::<Strip>());
    }
}
