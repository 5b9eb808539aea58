//! Which rule decided: the reason behind each change of what I believe.
//!
//! The [table](super::table) says what an input does to a state. A rule is one
//! step finer: it says why there *was* that input, in a word that `why`
//! answers with. It is not written down beside the decision but carries it: a
//! state changes only by handing a [`Rule`] to the table, which gets its input
//! from [`Rule::input`], and a verdict is set only from [`Rule::verdict`]. So
//! the later explanation cannot drift from what was done.
//!
//! Turned down: reading the reason off the events. They are made for people
//! who follow a log, some changes have none, and a ring of events forgets.

use super::event::Doubt;
use super::peer::Verdict;
use super::table::Input;
use crate::closed_set::closed_set;

/// The rules: for each its word, what the [table](super::table) is given, the verdict where something is wrong then, and
/// the sentence that says it to people.
macro_rules! rules {
    ($($Rule:ident = $word:literal: $input:ident $(-> $verdict:ident)?, $sentence:literal;)+) => {
        closed_set! {
            /// The rule behind a change. Closed: a new way to change a state needs a line here.
            pub enum Rule {
                $(#[doc = $sentence] $Rule = $word),+
            }
        }

        impl Rule {
            /// What the table is given.
            pub fn input(self) -> Input {
                match self { $(Rule::$Rule => Input::$input),+ }
            }

            /// What is wrong when this rule has decided.
            pub fn verdict(self) -> Option<Verdict> {
                match self { $(Rule::$Rule => verdict!($($verdict)?)),+ }
            }

            /// The rule in a sentence without a full stop, the same for every peer.
            pub fn sentence(self) -> &'static str {
                match self { $(Rule::$Rule => $sentence),+ }
            }
        }
    };
}

macro_rules! verdict {
    () => {
        None
    };
    ($verdict:ident) => {
        Some(Verdict::$verdict)
    };
}

rules! {
    FirstAnswer = "first_answer": Answer, "it answered for the first time";
    Answered = "answered": Answer, "it answered a ping of this node";
    TwoAnswers = "two_answers": Answer, "it answered twice after it was dead; one answer is not enough";
    ThreeAnswers = "three_answers": Answer, "it answered three times in a row: the link is whole again";
    NewBoot = "new_boot": NewBoot, "a new process answered under its name: it restarted";
    // Of a peer that never answered there is doubt and no more: the table leaves it Joining.
    PingFailed = "ping_failed": Doubt, "a ping failed, so this node checks it";
    PingLate = "ping_late": Doubt, "an answer is later than its usual round trips allow, so this node checks it";
    CheckFailed = "check_failed": Doubt, "a check failed, so this node checks it again";
    NeverAnswered = "never_answered": Doubt -> NeverSeen, "it has not answered once within the longest wait";
    // Who vouches for it: a witness, its own pings, or the answers between the failures.
    WitnessVouches = "witness_vouches": Vouched -> LinkBroken,
        "this node's wait is over, but a witness got an answer from it";
    OwnPings = "own_pings": Vouched -> OneWay, "this node's wait is over, but its own pings arrive here";
    Unverified = "unverified": Vouched -> Unverified,
        "this node's wait is over, but what answers for it does not have the mesh key";
    MostUnheard = "most_unheard": CutOff -> CutOff, "it does not respond, and neither do more than half of the others";
    SelfSlow = "self_slow": CutOff -> CutOff,
        "this node's wait is over, but this node itself is slow or loses its packets";
    LosesMost = "loses_most": Vouched -> Lossy,
        "most pings fail with answers between them: the link loses most of its packets";
    Quorum = "quorum": DeclaredDead -> Down, "the wait is over, no node vouches for it, and enough observers accuse it";
    OnlyObserver = "only_observer": DeclaredDead -> Unconfirmed,
        "the wait is over, and there is no other observer to confirm it";
    NobodyLeft = "nobody_left": DeclaredDead -> Unconfirmed,
        "the wait is over, and too few observers are left to confirm it";
    Goodbye = "goodbye": Goodbye, "it said goodbye to this node";
    GoodbyeToWitness = "goodbye_to_witness": Goodbye, "it said goodbye to a witness";
    ReadyAgain = "ready_again": Return, "it reported ready again after its goodbye";
}

impl From<Doubt> for Rule {
    fn from(doubt: Doubt) -> Rule {
        match doubt {
            Doubt::Failed => Rule::PingFailed,
            Doubt::Late => Rule::PingLate,
            Doubt::CheckFailed => Rule::CheckFailed,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::detector::peer::PeerState;
    use crate::detector::table::next;

    /// All rules as a Markdown table, for `ARCHITECTURE.md`.
    fn markdown() -> String {
        let mut text = String::from("| rule | input | verdict | says |\n|---|---|---|---|\n");
        for rule in Rule::ALL {
            let verdict = rule.verdict().map_or(".", Verdict::as_str);
            text += &format!("| `{}` | {:?} | {verdict} | {} |\n", rule.as_str(), rule.input(), rule.sentence());
        }
        text
    }

    #[test]
    fn the_document_prints_these_rules() {
        let document = include_str!("../../ARCHITECTURE.md");
        assert!(document.contains(&markdown()), "ARCHITECTURE.md must hold exactly:\n\n{}", markdown());
    }

    #[test]
    fn every_input_of_the_table_has_a_rule_and_every_rule_a_code_of_its_own() {
        let inputs: BTreeSet<Input> = Rule::ALL.into_iter().map(Rule::input).collect();
        assert_eq!(inputs, Input::ALL.into());
        let codes: BTreeSet<&str> = Rule::ALL.into_iter().map(Rule::as_str).collect();
        assert_eq!(codes.len(), Rule::ALL.len());
    }

    #[test]
    fn a_verdict_goes_with_the_state_that_the_table_gives() {
        for rule in Rule::ALL {
            let state = next(PeerState::Suspect, rule.input());
            match rule.verdict() {
                Some(Verdict::Down | Verdict::Unconfirmed) => assert_eq!(state, PeerState::Dead, "{rule:?}"),
                Some(
                    Verdict::LinkBroken | Verdict::OneWay | Verdict::Unverified | Verdict::Lossy | Verdict::CutOff,
                ) => {
                    assert_eq!(state, PeerState::Unreachable, "{rule:?}");
                }
                Some(Verdict::NeverSeen) => assert_eq!(next(PeerState::Joining, rule.input()), PeerState::Joining),
                Some(Verdict::Restarted) => panic!("an event, never a verdict: {rule:?}"),
                None => assert!(!matches!(state, PeerState::Dead | PeerState::Unreachable), "{rule:?}"),
            }
        }
    }
}
