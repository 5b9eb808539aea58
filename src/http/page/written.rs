//! The page as it was written last, for all its readers.

use std::sync::{Mutex, PoisonError};

use axum::body::Bytes;

use crate::detector::time::Monotonic;

/// The page that was rendered last, whole and reduced to what is bad, for all readers that come before there is something
/// new to render.
#[derive(Default)]
pub struct Written(Mutex<[Option<(Stamp, Bytes)>; 2]>);

/// What a page was written from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    pub gathered: Monotonic,
    pub events: u64,
}

impl Written {
    /// The page of this stamp: the one that is there, or else the one that `write` makes.
    pub(super) fn get(&self, only_bad: bool, stamp: Stamp, write: impl FnOnce() -> String) -> Bytes {
        let mut pages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let last = &mut pages[usize::from(only_bad)];
        match last {
            Some((of, page)) if *of == stamp => page.clone(),
            _ => last.insert((stamp, write().into())).1.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_page_is_written_once_for_what_it_was_written_from() {
        let written = Written::default();
        let stamp = |gathered, events| Stamp { gathered: Monotonic(Duration::from_millis(gathered)), events };
        for (only_bad, stamp, text, expected) in [
            (false, stamp(1, 1), "first", "first"),
            (false, stamp(1, 1), "second", "first"),
            (true, stamp(1, 1), "reduced", "reduced"),
            (false, stamp(1, 1), "second", "first"),
            (false, stamp(1, 2), "third", "third"),
            (false, stamp(2, 2), "fourth", "fourth"),
            (true, stamp(1, 1), "second", "reduced"),
            (false, stamp(1, 1), "fifth", "fifth"),
        ] {
            assert_eq!(written.get(only_bad, stamp, || text.to_owned()), expected);
        }
    }
}
