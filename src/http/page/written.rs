//! The page as it was written last, for all its readers.

use std::sync::{Mutex, PoisonError};

use axum::body::Bytes;

use crate::detector::time::Monotonic;

/// The page that was rendered last, for all readers that come before there is something new to render.
#[derive(Default)]
pub struct Written(Mutex<Option<(Stamp, Bytes)>>);

/// What a page was written from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    pub gathered: Monotonic,
    pub events: u64,
}

impl Written {
    /// The page of this stamp: the one that is there, or else the one that `write` makes.
    pub(super) fn get(&self, stamp: Stamp, write: impl FnOnce() -> String) -> Bytes {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
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
        for (stamp, text, expected) in [
            (stamp(1, 1), "first", "first"),
            (stamp(1, 1), "second", "first"),
            (stamp(1, 2), "third", "third"),
            (stamp(2, 2), "fourth", "fourth"),
            (stamp(1, 1), "fifth", "fifth"),
        ] {
            assert_eq!(written.get(stamp, || text.to_owned()), expected);
        }
    }
}
