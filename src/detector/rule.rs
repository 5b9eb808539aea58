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

closed_set! {
    /// The rule behind a change. Closed: a new way to change a state needs a name here.
    pub enum Rule {
        /// It answered for the first time.
        FirstAnswer = "first_answer",
        /// It answered a ping of mine.
        Answered = "answered",
        /// It answered two pings of mine after it had been dead.
        TwoAnswers = "two_answers",
        /// It answered three pings of mine in a row while my link to it was broken.
        ThreeAnswers = "three_answers",
        /// A boot that is new under its name answered.
        NewBoot = "new_boot",
        /// A scheduled ping failed.
        PingFailed = "ping_failed",
        /// A scheduled ping was later than this link's round trips allow.
        PingLate = "ping_late",
        /// A check failed.
        CheckFailed = "check_failed",
        /// It has not answered once within the longest wait.
        NeverAnswered = "never_answered",
        /// My wait was met, a check failed all the same, and a witness had an answer from it.
        WitnessVouches = "witness_vouches",
        /// My wait was met, a check failed all the same, and its own pings arrive.
        OwnPings = "own_pings",
        /// My wait was met, and the last answer was not made with the mesh key.
        Unverified = "unverified",
        /// My wait was met, the host did not respond at all, and I heard less than half of my peers since.
        MostUnheard = "most_unheard",
        /// My wait was met, and I am slow myself.
        SelfSlow = "self_slow",
        /// Its failures come in several runs with answers between them, and half of all attempts fail.
        LosesMost = "loses_most",
        /// My wait was met, no observer vouched, and as many observers accuse it as are needed.
        Quorum = "quorum",
        /// My wait was met, and there is no observer but me.
        OnlyObserver = "only_observer",
        /// My wait was met, no observer vouched, and those that could still answer are too few.
        NobodyLeft = "nobody_left",
        /// It said goodbye to me.
        Goodbye = "goodbye",
        /// It said goodbye to a witness.
        GoodbyeToWitness = "goodbye_to_witness",
        /// It said that it is ready, after its goodbye and in the same life.
        ReadyAgain = "ready_again",
    }
}

impl Rule {
    /// What the table is given.
    pub fn input(self) -> Input {
        match self {
            Rule::FirstAnswer | Rule::Answered | Rule::TwoAnswers | Rule::ThreeAnswers => Input::Answer,
            Rule::NewBoot => Input::NewBoot,
            // Of a peer that never answered there is doubt and no more: the table leaves it Joining.
            Rule::PingFailed | Rule::PingLate | Rule::CheckFailed | Rule::NeverAnswered => Input::Doubt,
            // The answers between the failures vouch for it.
            Rule::WitnessVouches | Rule::OwnPings | Rule::Unverified | Rule::LosesMost => Input::Vouched,
            Rule::MostUnheard | Rule::SelfSlow => Input::CutOff,
            Rule::Quorum | Rule::OnlyObserver | Rule::NobodyLeft => Input::DeclaredDead,
            Rule::Goodbye | Rule::GoodbyeToWitness => Input::Goodbye,
            Rule::ReadyAgain => Input::Return,
        }
    }

    /// What is wrong when this rule has decided.
    pub fn verdict(self) -> Option<Verdict> {
        match self {
            Rule::NeverAnswered => Some(Verdict::NeverSeen),
            Rule::WitnessVouches => Some(Verdict::LinkBroken),
            Rule::OwnPings => Some(Verdict::OneWay),
            Rule::Unverified => Some(Verdict::Unverified),
            Rule::LosesMost => Some(Verdict::Lossy),
            Rule::MostUnheard | Rule::SelfSlow => Some(Verdict::CutOff),
            Rule::Quorum => Some(Verdict::Down),
            Rule::OnlyObserver | Rule::NobodyLeft => Some(Verdict::Unconfirmed),
            Rule::FirstAnswer
            | Rule::Answered
            | Rule::TwoAnswers
            | Rule::ThreeAnswers
            | Rule::NewBoot
            | Rule::PingFailed
            | Rule::PingLate
            | Rule::CheckFailed
            | Rule::Goodbye
            | Rule::GoodbyeToWitness
            | Rule::ReadyAgain => None,
        }
    }

    /// The rule in a sentence without a full stop, the same for every peer.
    pub fn sentence(self) -> &'static str {
        match self {
            Rule::FirstAnswer => "it answered for the first time",
            Rule::Answered => "it answered a ping of this node",
            Rule::TwoAnswers => "it answered twice after it was dead; one answer is not enough",
            Rule::ThreeAnswers => "it answered three times in a row: the link is whole again",
            Rule::NewBoot => "a new process answered under its name: it restarted",
            Rule::PingFailed => "a ping failed, so this node checks it",
            Rule::PingLate => "an answer is later than its usual round trips allow, so this node checks it",
            Rule::CheckFailed => "a check failed, so this node checks it again",
            Rule::NeverAnswered => "it has not answered once within the longest wait",
            Rule::WitnessVouches => "this node's wait is over, but a witness got an answer from it",
            Rule::OwnPings => "this node's wait is over, but its own pings arrive here",
            Rule::Unverified => "this node's wait is over, but what answers for it does not have the mesh key",
            Rule::MostUnheard => "it does not respond, and neither do more than half of the others",
            Rule::SelfSlow => "this node's wait is over, but this node itself is slow or loses its packets",
            Rule::LosesMost => "most pings fail with answers between them: the link loses most of its packets",
            Rule::Quorum => "the wait is over, no node vouches for it, and enough observers accuse it",
            Rule::OnlyObserver => "the wait is over, and there is no other observer to confirm it",
            Rule::NobodyLeft => "the wait is over, and too few observers are left to confirm it",
            Rule::Goodbye => "it said goodbye to this node",
            Rule::GoodbyeToWitness => "it said goodbye to a witness",
            Rule::ReadyAgain => "it reported ready again after its goodbye",
        }
    }
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
