//! What bounds a peer's answer while it is read.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::detector::peer::SelfState;

use super::text::Text;

/// One past the largest whole number that a browser's number type keeps.
pub(super) const SEQ_LIMIT: u64 = 1 << 53;

/// Why a body is not an answer.
#[derive(Debug, thiserror::Error)]
pub enum InvalidAnswer {
    /// Not the JSON of the shape.
    #[error("not the JSON of an answer: {0}")]
    Json(#[from] serde_json::Error),
    /// What identifies the one that answers is wrong.
    #[error("{field} is not valid")]
    Field {
        /// Which field.
        field: &'static str,
    },
}

/// What a node says of itself; a word that is not known counts as `ready`.
pub(super) fn self_state(state: &Text<SelfState>) -> SelfState {
    state.known().copied().unwrap_or(SelfState::Ready)
}

/// The value of a text that may be absent: `Some(None)` where it is, `None` where it is not known.
pub(super) fn optional<T: Clone + super::text::TextForm>(text: &Option<Text<T>>) -> Option<Option<T>> {
    match text {
        None => Some(None),
        Some(text) => text.known().cloned().map(Some),
    }
}

/// A list whose first `LIMIT` entries are kept. The rest is read past
/// without being built, so that its length costs no memory.
pub(super) fn bounded<'de, D, T, const LIMIT: usize>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct Bounded<T, const LIMIT: usize>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>, const LIMIT: usize> Visitor<'de> for Bounded<T, LIMIT> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<T>, A::Error> {
            let mut list = Vec::new();
            while list.len() < LIMIT {
                match seq.next_element()? {
                    Some(entry) => list.push(entry),
                    None => return Ok(list),
                }
            }
            while seq.next_element::<IgnoredAny>()?.is_some() {}
            Ok(list)
        }
    }

    deserializer.deserialize_seq(Bounded::<T, LIMIT>(PhantomData))
}
