//! What I believe about a peer, as one table: state x input -> state.
//!
//! Everything that is hard (waits, classes, quorum, witnesses) happens before:
//! it decides *which input* there is. What an input then does to a state is
//! this one total match, and `ARCHITECTURE.md` prints the same table; a test
//! compares the two.

use super::peer::PeerState;
use crate::closed_set::closed_set;

closed_set! {
    /// What happened to a link, boiled down to what matters for the state.
    pub enum Input {
        /// An answer to my own ping from the boot I know. After Dead it takes two; this is the second.
        Answer,
        /// An answer from a boot that is new under this name.
        NewBoot,
        /// A scheduled ping failed or is late, or a check failed.
        Doubt,
        /// My own wait is met, and a witness or the peer's own ping vouches for it.
        Vouched,
        /// My own wait is met, and I am the one who is cut off.
        CutOff,
        /// My own wait is met, and enough observers agree or no observer is left to ask.
        DeclaredDead,
        /// It said goodbye.
        Goodbye,
        /// It says `ready` with a higher sequence number than its goodbye's.
        Return,
    }
}

/// The table. No wildcard over states: a new state must answer every input.
#[rustfmt::skip]
pub fn next(state: PeerState, input: Input) -> PeerState {
    use Input::{Answer, DeclaredDead, Doubt, Goodbye, CutOff, NewBoot, Return, Vouched};
    use PeerState::{Alive, Dead, Joining, Left, Suspect, Unreachable};
    match (state, input) {
        (Joining, Answer | NewBoot)                                        => Alive,
        (Joining, Doubt | Vouched | CutOff | DeclaredDead | Return)        => Joining,
        (Joining, Goodbye)                                                 => Left,

        (Alive, Answer | NewBoot | Vouched | CutOff | DeclaredDead | Return) => Alive,
        (Alive, Doubt)                                                     => Suspect,
        (Alive, Goodbye)                                                   => Left,

        (Suspect, Answer | NewBoot)                                        => Alive,
        (Suspect, Doubt | Return)                                          => Suspect,
        (Suspect, Vouched | CutOff)                                     => Unreachable,
        (Suspect, DeclaredDead)                                               => Dead,
        (Suspect, Goodbye)                                                 => Left,

        (Unreachable, Answer | NewBoot)                                    => Alive,
        (Unreachable, Doubt | Vouched | CutOff | Return)                => Unreachable,
        (Unreachable, DeclaredDead)                                           => Dead,
        (Unreachable, Goodbye)                                             => Left,

        (Dead, Answer | NewBoot)                                           => Alive,
        (Dead, Doubt | CutOff | DeclaredDead | Return)                     => Dead,
        (Dead, Vouched)                                                    => Unreachable,
        (Dead, Goodbye)                                                    => Left,

        (Left, Answer | Doubt | Vouched | CutOff | DeclaredDead | Goodbye) => Left,
        (Left, NewBoot | Return)                                           => Alive,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table as Markdown, for `ARCHITECTURE.md`.
    fn markdown() -> String {
        let mut text = String::from("| state |");
        for input in Input::ALL {
            text += &format!(" {input:?} |");
        }
        text += "\n|---|";
        text += &"---|".repeat(Input::ALL.len());
        text.push('\n');
        for state in PeerState::ALL {
            text += &format!("| **{state:?}** |");
            for input in Input::ALL {
                let after = next(state, input);
                text += &if after == state { " . |".to_owned() } else { format!(" {after:?} |") };
            }
            text.push('\n');
        }
        text
    }

    #[test]
    fn the_document_prints_this_table() {
        let document = include_str!("../../ARCHITECTURE.md");
        assert!(document.contains(&markdown()), "ARCHITECTURE.md must hold exactly:\n\n{}", markdown());
    }

    #[test]
    fn left_never_becomes_dead_and_nothing_returns_to_joining() {
        for input in Input::ALL {
            assert_ne!(next(PeerState::Left, input), PeerState::Dead);
            for state in PeerState::ALL {
                assert!(state == PeerState::Joining || next(state, input) != PeerState::Joining);
            }
        }
    }

    #[test]
    fn dead_is_reached_by_condemnation_alone() {
        for state in PeerState::ALL {
            for input in Input::ALL {
                let died = state != PeerState::Dead && next(state, input) == PeerState::Dead;
                assert!(!died || input == Input::DeclaredDead, "{state:?} x {input:?}");
            }
        }
    }
}
