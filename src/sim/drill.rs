//! Drills: a fault drawn from a seed, what to look at, and questions whose right answers the scenario knows.
//!
//! The answers come from what was done to the hosts and links, never from what a detector says of it. A wrong choice is
//! one that the same evidence excludes: where two faults look alike from outside (a host without power, a host without
//! network), only one of them is offered.

use std::time::Duration;

use super::rng::Rng;
use super::scenario::{Action, HostAct, HostId, LinkAct, Names, Scenario, Step};
use crate::closed_set::closed_set;

/// The levels are 1 to this one.
pub const DRILL_LEVEL_MAX: u8 = 5;
/// All nodes have met and their estimates have settled.
const QUIET_START: Duration = Duration::from_secs(20);
const NODES: usize = 3;
const CHOICES: usize = 4;

/// A fault to find.
#[derive(Clone, Debug)]
pub struct Drill {
    /// It ends at the moment that is looked at.
    pub scenario: Scenario,
    /// Whose peers are shown, and who is asked why.
    pub observer: HostId,
    /// Of whom it is asked.
    pub subject: HostId,
    /// The node that collects the matrix.
    pub collector: HostId,
    /// Those that do not answer the collector.
    pub silent: Vec<HostId>,
    /// When the fault began.
    pub began: Duration,
    /// What broke, who is affected, what to do.
    pub questions: [Question; 3],
}

/// One question with its choices.
#[derive(Clone, Debug)]
pub struct Question {
    /// The question.
    pub text: &'static str,
    /// All different.
    pub choices: Vec<String>,
    /// Which choice is right, counted from 0.
    pub right: usize,
    /// Why.
    pub explanation: String,
}

closed_set! {
    /// What breaks: node-c alone, or the link between node-a and node-b.
    enum Cause {
        Crash,
        Leave,
        PowerOff,
        Restart,
        Freeze,
        Cut,
        OneWay,
        Reject,
        Unplug,
        Starve,
        Loss,
        CrashOfTwo,
        CrashAndCut,
    }
}

closed_set! {
    /// Who is affected.
    enum Effect { NoOne, Node, OtherNode, Link, OneWay, Slow, Lossy, Two, NodeAndLink }
}

closed_set! {
    /// What to do.
    enum Remedy { StartProcess, Host, Goodbye, Continue, ReadLog, Link, Load, StartTwo, StartAndLink, RestartAll }
}

/// The roles of the three nodes: `a` is asked, `c` fails, and between `a` and `b` is the link that does.
#[derive(Clone, Copy)]
struct Roles {
    a: HostId,
    b: HostId,
    c: HostId,
}

/// The drill of this seed; the level is clamped to 1 to [`DRILL_LEVEL_MAX`].
pub fn drill(seed: u64, level: u8) -> Drill {
    // The run draws from the seed as well; the drill must not draw the same numbers.
    let dice = &mut Rng::new(seed ^ 0xd411_0000_d411_0000 ^ u64::from(level));
    let causes = of_level(level);
    let cause = causes[dice.below(causes.len())];
    let mut hosts = [HostId(0), HostId(1), HostId(2)];
    shuffle(dice, &mut hosts);
    let [a, b, c] = hosts;
    let roles = Roles { a, b, c };
    let began = dice.between(QUIET_START, QUIET_START + Duration::from_secs(2));
    let (least, most) = cause.looked_at();
    let mut scenario = Scenario::new(&format!("drill-{level}"), NODES);
    scenario.about = "a fault to find, of a drill".to_owned();
    scenario.names = Names::Pinned;
    scenario.steps = cause.steps(roles, began);
    scenario.length = began + dice.between(Duration::from_secs(least), Duration::from_secs(most));
    let (collector, subject, silent) = cause.seen_by(roles);
    let questions = [cause.broke(roles, dice), cause.effect().question(cause, roles, dice), cause.remedy(roles, dice)];
    Drill { scenario, observer: a, subject, collector, silent, began, questions }
}

fn of_level(level: u8) -> &'static [Cause] {
    match level {
        0 | 1 => &[Cause::Crash, Cause::Leave, Cause::PowerOff],
        2 => &[Cause::Freeze, Cause::Cut, Cause::Restart],
        3 => &[Cause::OneWay, Cause::Reject, Cause::Unplug],
        4 => &[Cause::Starve, Cause::Loss],
        _ => &[Cause::CrashOfTwo, Cause::CrashAndCut],
    }
}

impl Cause {
    fn steps(self, roles: Roles, at: Duration) -> Vec<Step> {
        let Roles { a, b, c } = roles;
        let step = |action| Step { at, action };
        let host = |act, host| step(Action::Host(act, host));
        let link = |act| step(Action::Link(act, a, b));
        match self {
            Cause::Crash => vec![host(HostAct::Crash, c)],
            Cause::Leave => vec![host(HostAct::Leave, c)],
            Cause::PowerOff => vec![host(HostAct::PowerOff, c)],
            Cause::Restart => {
                let back = Step { at: at + Duration::from_millis(200), action: Action::Host(HostAct::Start, c) };
                vec![host(HostAct::Crash, c), back]
            }
            Cause::Freeze => vec![host(HostAct::Freeze, c)],
            Cause::Cut => vec![link(LinkAct::Cut)],
            Cause::OneWay => vec![link(LinkAct::Block)],
            Cause::Reject => vec![link(LinkAct::Reject)],
            Cause::Unplug => vec![host(HostAct::Unplug, c)],
            Cause::Starve => vec![host(HostAct::Starve, c)],
            Cause::Loss => vec![link(LinkAct::Loss(40))],
            Cause::CrashOfTwo => vec![host(HostAct::Crash, b), host(HostAct::Crash, c)],
            Cause::CrashAndCut => vec![link(LinkAct::Cut), host(HostAct::Crash, c)],
        }
    }

    /// How many seconds later it shows, and still looks like that.
    fn looked_at(self) -> (u64, u64) {
        match self {
            Cause::Crash | Cause::Leave | Cause::Restart | Cause::CrashOfTwo => (3, 8),
            Cause::PowerOff | Cause::Cut | Cause::OneWay | Cause::Reject | Cause::Unplug => (6, 12),
            // An open port is believed for 10 s.
            Cause::Freeze => (12, 18),
            Cause::CrashAndCut => (8, 12),
            // The figures are of the last pings.
            Cause::Starve | Cause::Loss => (20, 30),
        }
    }

    /// Who collects the matrix, whom `a` is asked about, and who does not answer the collector.
    fn seen_by(self, roles: Roles) -> (HostId, HostId, Vec<HostId>) {
        let Roles { a, b, c } = roles;
        match self {
            Cause::Crash | Cause::Leave | Cause::PowerOff | Cause::Freeze | Cause::Unplug => (a, c, vec![c]),
            Cause::Restart | Cause::Starve => (a, c, vec![]),
            Cause::Cut | Cause::OneWay | Cause::Reject | Cause::Loss => (c, b, vec![]),
            Cause::CrashOfTwo => (a, b, vec![b, c]),
            Cause::CrashAndCut => (a, b, vec![b, c]),
        }
    }

    fn text(self, roles: Roles) -> String {
        let Roles { a, b, c } = roles;
        match self {
            Cause::Crash => format!("The process of {c} ended without a goodbye; its host is up."),
            Cause::Leave => format!("{c} was stopped cleanly."),
            Cause::PowerOff => format!("The host of {c} has lost its power."),
            Cause::Restart => format!("The process of {c} ended and was started again at once."),
            Cause::Freeze => format!("The process of {c} is paused; its host is up."),
            Cause::Cut => format!("Packets between {a} and {b} are lost, both ways."),
            Cause::OneWay => format!("Calls from {a} to {b} are dropped; those from {b} to {a} arrive."),
            Cause::Reject => format!("Something between {a} and {b} refuses their connections, both ways."),
            Cause::Unplug => format!("The host of {c} runs and has lost its network."),
            Cause::Starve => format!("{c} runs, and reads what it receives seconds late."),
            Cause::Loss => format!("The link between {a} and {b} loses a part of its packets."),
            Cause::CrashOfTwo => format!("The processes of {b} and {c} ended; their hosts are up."),
            Cause::CrashAndCut => {
                format!("The process of {c} ended, and packets between {a} and {b} are lost.")
            }
        }
    }

    /// From outside both look like the other one.
    fn looks_like(self, other: Cause) -> bool {
        matches!((self, other), (Cause::PowerOff, Cause::Unplug) | (Cause::Unplug, Cause::PowerOff))
    }

    fn broke(self, roles: Roles, dice: &mut Rng) -> Question {
        let wrong = Cause::ALL.into_iter().filter(|other| *other != self && !self.looks_like(*other));
        let wrong = wrong.map(|other| other.text(roles)).collect();
        question(dice, "What broke?", self.text(roles), wrong, self.evidence(roles))
    }

    fn evidence(self, roles: Roles) -> String {
        let Roles { a, b, c } = roles;
        match self {
            Cause::Crash => format!("The host of {c} refuses connections: it is up, and no process listens."),
            Cause::Leave => format!("{c} said goodbye: its state is left, which is no failure and has no verdict."),
            Cause::PowerOff => format!(
                "Nothing comes back from the host of {c}, at no node. Without power or network it looks the same."
            ),
            Cause::Restart => format!("{c} answers under a new boot: one restart is counted, and no outage."),
            Cause::Freeze => format!(
                "The host of {c} accepts connections, and no answer comes: its kernel runs, its process does not."
            ),
            Cause::Cut => {
                format!("{a} and {b} hear nothing of each other, and {c} hears both: the link is broken, and both run.")
            }
            Cause::OneWay => {
                format!("{a} cannot reach {b}, while {b} reaches {a}, and {c} reaches both: one direction is broken.")
            }
            Cause::Reject => format!(
                "{a} and {b} refuse each other, and {c} reaches both. A process that has ended refuses everyone."
            ),
            Cause::Unplug => format!(
                "Nothing comes back from the host of {c}, at no node. Without power or network it looks the same."
            ),
            Cause::Starve => format!(
                "Pings of {c} take a second or more or fail, at every node and both ways; other links are quick."
            ),
            Cause::Loss => format!("Only pings between {a} and {b} fail now and then; {c} has no trouble with either."),
            Cause::CrashOfTwo => {
                format!("The hosts of {b} and {c} refuse connections. Had {a} lost its network, they would be silent.")
            }
            Cause::CrashAndCut => format!(
                "The host of {c} refuses connections; that of {b} is silent. These are two faults: behind a broken link {b} runs, and with {c} gone no node can say so to {a}. That {b} has lost its power would look the same, and is not offered."
            ),
        }
    }

    fn effect(self) -> Effect {
        match self {
            Cause::Crash | Cause::Leave | Cause::PowerOff | Cause::Freeze | Cause::Unplug => Effect::Node,
            Cause::Restart => Effect::NoOne,
            Cause::Cut | Cause::Reject => Effect::Link,
            Cause::OneWay => Effect::OneWay,
            Cause::Starve => Effect::Slow,
            Cause::Loss => Effect::Lossy,
            Cause::CrashOfTwo => Effect::Two,
            Cause::CrashAndCut => Effect::NodeAndLink,
        }
    }

    fn remedy(self, roles: Roles, dice: &mut Rng) -> Question {
        let (right, why) = match self {
            Cause::Crash => (Remedy::StartProcess, "The host is well; its process is missing, and its log says why."),
            Cause::Leave => (Remedy::Goodbye, "A goodbye is a decision of someone: a rollout, a stop, a scale-down."),
            Cause::PowerOff | Cause::Unplug => {
                (Remedy::Host, "No command gets there; the host itself has to be looked at.")
            }
            Cause::Restart => (Remedy::ReadLog, "It serves again. Why it ended is the question that is left."),
            Cause::Freeze => (
                Remedy::Continue,
                "The process exists. What holds it (a stop signal, a suspended machine, a hung disk) has to let it go.",
            ),
            Cause::Cut | Cause::OneWay | Cause::Reject | Cause::Loss => {
                (Remedy::Link, "Both processes are well. A restart would take away what works and mend nothing.")
            }
            Cause::Starve => (Remedy::Load, "It runs and gets too little time; started again, it would get as little."),
            Cause::CrashOfTwo => {
                (Remedy::StartTwo, "Two that end at once have a common cause: a rollout, a limit, a bad input.")
            }
            Cause::CrashAndCut => (Remedy::StartAndLink, "One remedy mends one fault; the other one would stay."),
        };
        let is_wrong = |other: &Remedy| *other != right && !right.is_part_of(*other, self);
        let wrong = Remedy::ALL.into_iter().filter(is_wrong).map(|other| other.text(roles)).collect();
        question(dice, "What do you do first?", right.text(roles), wrong, why.to_owned())
    }
}

impl Effect {
    fn text(self, roles: Roles) -> String {
        let Roles { a, b, c } = roles;
        match self {
            Effect::NoOne => "No one any more: all nodes serve each other.".to_owned(),
            Effect::Node => format!("Everyone that needs {c}; {a} and {b} serve each other."),
            Effect::OtherNode => format!("Everyone that needs {b}; {a} and {c} serve each other."),
            Effect::Link => format!("{a} and {b} when they call each other, in both directions; {c} serves both."),
            Effect::OneWay => format!("{a} when it calls {b}; calls from {b} to {a} get through."),
            Effect::Slow => format!("Everyone that calls {c}: it answers, and late."),
            Effect::Lossy => {
                format!("{a} and {b}: some of their calls to each other fail or are slow, others are not.")
            }
            Effect::Two => format!("Everyone that needs {b} or {c}: {a} is the only one that runs."),
            Effect::NodeAndLink => format!("Everyone that needs {c}, and {a} and {b} when they call each other."),
        }
    }

    fn question(self, cause: Cause, roles: Roles, dice: &mut Rng) -> Question {
        // Of a silent host it cannot be known from outside that it runs.
        let is_open = |other: Effect| cause == Cause::CrashAndCut && other == Effect::Two;
        let wrong = Effect::ALL.into_iter().filter(|other| *other != self && !is_open(*other));
        let wrong = wrong.map(|other| other.text(roles)).collect();
        let why = format!("What happened: {}", cause.text(roles));
        question(dice, "Who is affected?", self.text(roles), wrong, why)
    }
}

impl Remedy {
    fn text(self, roles: Roles) -> String {
        let Roles { a, b, c } = roles;
        match self {
            Remedy::StartProcess => format!("Start the process of {c} again, and read its last log lines."),
            Remedy::Host => format!("Look at the host of {c} from its console: power, network card, cable."),
            Remedy::Goodbye => format!("Find out who stopped {c}; if that was planned, nothing."),
            Remedy::Continue => format!("Find what has paused the process of {c}, and let it continue."),
            Remedy::ReadLog => format!("Nothing to repair; read in the log of {c} why it ended."),
            Remedy::Link => {
                format!("Look at firewalls and the network between {a} and {b}; leave their processes alone.")
            }
            Remedy::Load => format!("Look at what takes CPU time and memory from {c}."),
            Remedy::StartTwo => format!("Start {b} and {c} again, and look for what ended both at once."),
            Remedy::StartAndLink => format!("Start {c} again, and look at the network between {a} and {b}."),
            Remedy::RestartAll => "Restart all three nodes.".to_owned(),
        }
    }

    /// The other remedy would help, too, against this cause: it is not offered.
    fn is_part_of(self, other: Remedy, cause: Cause) -> bool {
        match (self, other) {
            (Remedy::Goodbye, Remedy::StartProcess | Remedy::ReadLog) => true,
            (Remedy::StartAndLink, Remedy::StartProcess | Remedy::Link | Remedy::StartTwo) => true,
            (Remedy::StartTwo, Remedy::StartProcess) => true,
            (Remedy::StartProcess, Remedy::ReadLog) => cause == Cause::Crash,
            _ => false,
        }
    }
}

/// The right choice among wrong ones, in an order of chance.
fn question(
    dice: &mut Rng,
    text: &'static str,
    right: String,
    mut wrong: Vec<String>,
    explanation: String,
) -> Question {
    shuffle(dice, &mut wrong);
    wrong.truncate(CHOICES - 1);
    let at = dice.below(wrong.len() + 1);
    let mut choices = wrong;
    choices.insert(at, right);
    Question { text, choices, right: at, explanation }
}

/// Fisher and Yates.
fn shuffle<T>(dice: &mut Rng, items: &mut [T]) {
    for last in (1..items.len()).rev() {
        items.swap(last, dice.below(last + 1));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const SEEDS: u64 = 300;

    fn all() -> impl Iterator<Item = (u64, u8, Drill)> {
        (0..SEEDS).flat_map(|seed| (1..=DRILL_LEVEL_MAX).map(move |level| (seed, level, drill(seed, level))))
    }

    /// A word of the first answer for each act of a schedule.
    const SAID: [(&str, &str); 11] = [
        ("crash", " ended"),
        ("leave", "stopped cleanly"),
        ("power-off", "power"),
        ("start", "started again"),
        ("freeze", "paused"),
        ("cut", "are lost"),
        ("block", "dropped"),
        ("reject", "refuses"),
        ("unplug", "lost its network"),
        ("starve", "late"),
        ("loss", "loses a part"),
    ];

    /// What the steps alone say of the mesh at the end: the nodes that do not run as they should, and the broken links.
    fn truth(scenario: &Scenario) -> (BTreeSet<HostId>, BTreeSet<(HostId, HostId)>) {
        let (mut hosts, mut links) = (BTreeSet::new(), BTreeSet::new());
        for step in &scenario.steps {
            match step.action {
                Action::Host(HostAct::Start, host) => drop(hosts.remove(&host)),
                Action::Host(_, host) => drop(hosts.insert(host)),
                Action::Link(_, a, b) => drop(links.insert((a.min(b), a.max(b)))),
                ref other => panic!("{other} is no fault of a drill"),
            }
        }
        (hosts, links)
    }

    #[test]
    fn choices_are_distinct_and_every_order_occurs() {
        let mut places = BTreeSet::new();
        for (seed, level, drill) in all() {
            for (number, question) in drill.questions.iter().enumerate() {
                let distinct: BTreeSet<&String> = question.choices.iter().collect();
                assert_eq!((question.choices.len(), distinct.len()), (CHOICES, CHOICES), "seed {seed} level {level}");
                places.insert((level, number, question.right));
            }
        }
        assert_eq!(places.len(), usize::from(DRILL_LEVEL_MAX) * 3 * CHOICES, "the right one is in every place");
    }

    #[test]
    fn the_right_answers_are_what_the_scenario_did() {
        for (seed, level, drill) in all() {
            let (hosts, links) = truth(&drill.scenario);
            let right = drill.questions.each_ref().map(|question| question.choices[question.right].as_str());
            let seen = format!("seed {seed} level {level}: {hosts:?} {links:?} {right:?}");
            for host in &hosts {
                assert!(right.iter().all(|text| text.contains(&host.to_string())), "{seen}");
            }
            for step in &drill.scenario.steps {
                let word = step.action.to_string();
                let said = SAID.iter().find(|(act, _)| word.starts_with(act)).map(|(_, said)| *said);
                assert!(said.is_some_and(|said| right[0].contains(said)), "{word}: {seen}");
            }
            for (a, b) in &links {
                let both = |text: &str| text.contains(&a.to_string()) && text.contains(&b.to_string());
                assert!(right.iter().all(|text| both(text)), "{seen}");
            }
            let is_over = hosts.is_empty() && links.is_empty();
            assert_eq!(right[1].starts_with("No one"), is_over, "{seen}");
            assert!(drill.scenario.length > drill.began && drill.observer != drill.subject, "{seen}");
        }
    }

    #[test]
    fn a_fault_leaves_its_trace_in_what_is_shown() {
        for (seed, level, drill) in all().step_by(7) {
            let run = crate::sim::run(&drill.scenario, seed);
            let seen = format!("seed {seed} level {level}: {}", drill.questions[0].choices[drill.questions[0].right]);
            assert!(run.violations.is_empty(), "{seen}: {:?}", run.violations);
            let why = run.why(drill.observer, drill.subject).unwrap_or_else(|| panic!("{seen}: nothing known"));
            let before = crate::sim::run(&drill.scenario.clone().until(drill.began), seed);
            let well = before.why(drill.observer, drill.subject).map(|why| why.peer.restarts);
            let state = why.peer.peer.state;
            let is_slow = why.peer.rtt_p99 > Some(Duration::from_millis(100));
            let figures = is_slow || why.peer.loss > Some(0.0) || Some(why.peer.restarts) != well;
            assert!(state != crate::detector::peer::PeerState::Alive || figures, "{seen}: {state:?}");
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_drill_and_every_cause_occurs() {
        let mut texts = BTreeSet::new();
        for (seed, level, one) in all() {
            assert_eq!(format!("{one:?}"), format!("{:?}", drill(seed, level)));
            texts.insert(one.scenario.steps.iter().map(|step| step.action.to_string()).collect::<Vec<_>>());
        }
        let causes = (1..=DRILL_LEVEL_MAX).map(|level| of_level(level).len()).sum::<usize>();
        assert_eq!(causes, Cause::ALL.len());
        // Each cause with six orders of the nodes; those of one node have three, and so have links both ways.
        assert!(texts.len() >= 3 * causes, "{}", texts.len());
    }
}
