//! Closed sets: an enum whose members each have one word, written once.
//!
//! The words are what logs, labels, the API and scenario files use, so they are stable between releases. A set that
//! lists its members in a second place (`ALL`, `as_str`, a parser) can forget one of them there; here there is no
//! second place.
//!
//! ```ignore
//! closed_set! {
//!     /// How loud an alarm is.
//!     pub enum Volume {
//!         /// No one is paged.
//!         Low = "low",
//!         High = "high",
//!     }
//! }
//! ```
//!
//! gives the enum, `Volume::ALL`, `Volume::High.as_str()`, `Display`, `"high".parse::<Volume>()` and the trait
//! [`ClosedSet`], over which other modules write one generic function instead of one for each set: serde
//! (`#[serde(with = "...")]` with `T: ClosedSet`), clap (`PossibleValuesParser::new(T::WORDS)`), a schema's `enum`.
//! Sets are `Copy` and ordered as they are written. An `impl` block with further methods follows the macro as usual.
//! A set without `= "word"`s gets `ALL` alone, for enums that only the code and its tests enumerate.

use std::fmt;

/// An enum made by [`closed_set!`], for generic code.
pub(crate) trait ClosedSet: Copy + Eq + fmt::Debug + Send + Sync + 'static {
    /// All members, as written.
    const MEMBERS: &'static [Self];
    /// Their words, in the same order.
    const WORDS: &'static [&'static str];

    /// The member's word.
    fn word(self) -> &'static str;

    /// The member with this word.
    fn from_word(word: &str) -> Option<Self> {
        Self::MEMBERS.iter().copied().find(|member| member.word() == word)
    }
}

/// The text is no member's word. It names those that are; what was typed is the caller's to repeat or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be one of: {}", known.join(", "))]
pub struct UnknownWord {
    /// The words that would do.
    pub known: &'static [&'static str],
}

macro_rules! closed_set {
    (
        $(#[$about:meta])*
        $visibility:vis enum $Set:ident { $($(#[$about_member:meta])* $Member:ident = $word:literal),+ $(,)? }
    ) => {
        $crate::closed_set::closed_set! {
            $(#[$about])*
            $visibility enum $Set { $($(#[$about_member])* $Member),+ }
        }

        impl $Set {
            /// The word for it in logs, labels and the API. Stable between releases.
            #[allow(unreachable_pub)] // as far as the set is visible
            pub const fn as_str(self) -> &'static str {
                match self { $($Set::$Member => $word),+ }
            }
        }

        impl $crate::closed_set::ClosedSet for $Set {
            const MEMBERS: &'static [$Set] = &$Set::ALL;
            const WORDS: &'static [&'static str] = &[$($word),+];
            fn word(self) -> &'static str {
                self.as_str()
            }
        }

        impl ::core::str::FromStr for $Set {
            type Err = $crate::closed_set::UnknownWord;
            fn from_str(word: &str) -> Result<$Set, $crate::closed_set::UnknownWord> {
                let unknown = $crate::closed_set::UnknownWord { known: <$Set as $crate::closed_set::ClosedSet>::WORDS };
                <$Set as $crate::closed_set::ClosedSet>::from_word(word).ok_or(unknown)
            }
        }

        impl ::core::fmt::Display for $Set {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                // `pad`, so that a width given by the caller counts.
                f.pad(self.as_str())
            }
        }
    };
    (
        $(#[$about:meta])*
        $visibility:vis enum $Set:ident { $($(#[$about_member:meta])* $Member:ident),+ $(,)? }
    ) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $visibility enum $Set { $($(#[$about_member])* $Member),+ }

        impl $Set {
            /// All members, in order.
            #[allow(dead_code, unreachable_pub)] // as far as the set is visible; some are enumerated by tests only
            pub const ALL: [$Set; [$($Set::$Member),+].len()] = [$($Set::$Member),+];
        }
    };
}

pub(crate) use closed_set;

#[cfg(test)]
mod tests {
    use super::*;

    closed_set! {
        /// How loud an alarm is.
        enum Volume {
            /// No one is paged.
            Low = "low",
            High = "high",
        }
    }

    #[test]
    fn each_member_has_one_word_and_each_word_one_member() {
        assert_eq!(Volume::ALL, [Volume::Low, Volume::High]);
        assert_eq!(Volume::WORDS, ["low", "high"]);
        for member in Volume::ALL {
            assert_eq!(member.as_str().parse(), Ok(member));
            assert_eq!(Volume::from_word(member.word()), Some(member));
        }
        assert_eq!(format!("{:>5}|", Volume::Low), "  low|");
        assert!(Volume::Low < Volume::High);
    }

    #[test]
    fn an_unknown_word_is_answered_with_the_known_ones() {
        let unknown = "HIGH".parse::<Volume>().unwrap_err();
        assert_eq!(unknown.to_string(), "must be one of: low, high");
    }
}
