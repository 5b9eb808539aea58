//! A detector from outside in each process of a schedule: the calls of [`Baseline`] as lines to one child process.
//!
//! One child plays all processes of all runs, which it tells apart by their numbers: that is the least to start and to
//! write. A call has no way to fail, so the first mistake is kept, nothing more is asked, and the run ends soon.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use serde_json::Value;

use super::super::exit::Failure;
use super::super::safe_text;
use super::child::Link;
use super::lines::{Answer, Question, What};
use crate::baselines::{Baseline, Member, Message, Opinion};
use crate::sim::{self, Compared, NotComparable, Place, Scenario};

/// Lines and datagrams of one run: a hundred nodes that send each other heartbeats for a minute and a half need fewer. More
/// would take longer than anyone waits, or come from answers that are answered without end.
const WORK_MAX: u64 = 2_000_000;
/// Of an answer that cannot be read, in a message.
const SHOWN_MAX: usize = 120;
/// Numbers that every language reads exactly.
const SEED_BITS: u32 = 53;

/// The detector, for all runs.
pub(super) struct Own {
    name: String,
    session: Rc<RefCell<Session>>,
}

struct Session {
    link: Link,
    lines: u64,
    processes: u64,
    /// In this run.
    work: u64,
    failure: Option<String>,
}

impl Own {
    /// The one behind the link, by what was typed.
    pub(super) fn new(name: &str, link: Link) -> Own {
        let session = Session { link, lines: 0, processes: 0, work: 0, failure: None };
        Own { name: name.to_owned(), session: Rc::new(RefCell::new(session)) }
    }

    /// Plays a scenario with it.
    ///
    /// # Errors
    /// When the scenario cannot be compared, or the detector fails.
    pub(super) fn compared(&self, scenario: &Scenario, seed: u64) -> Result<Result<Compared, NotComparable>, Failure> {
        self.session.borrow_mut().work = 0;
        let compared =
            sim::compare_with(scenario, seed, true, &|place| Box::new(Process::start(Rc::clone(&self.session), place)));
        match &self.session.borrow().failure {
            Some(failure) => Err(Failure::Failed(format!("the detector {:?} {failure}", self.name))),
            None => Ok(compared),
        }
    }
}

impl Session {
    /// Asks for the answer to a line; `None` from the first mistake on.
    fn ask(&mut self, process: u64, what: What, nodes: usize, me: Member) -> Option<Answer> {
        if self.failure.is_some() {
            return None;
        }
        let (number, name) = (self.lines, what.name());
        self.lines += 1;
        let woken_at = match &what {
            What::Wake { now_ns } => Some(*now_ns),
            What::Start { .. } | What::Message { .. } | What::End {} => None,
        };
        let answered = serde_json::to_string(&Question { number, process, what })
            .map_err(|error| format!("cannot be asked: {error}"))
            .and_then(|line| self.link.call(line + "\n"))
            .and_then(|text| read(&text, number))
            .and_then(|answer| sound(answer, woken_at, nodes, me));
        let answered = answered.and_then(|answer| {
            self.work += 1 + answer.sends.len() as u64;
            let is_bounded = self.work <= WORK_MAX;
            is_bounded.then_some(answer).ok_or_else(|| {
                format!(
                    "needs more than {WORK_MAX} lines and datagrams in one run: \
                     choose a shorter or smaller scenario, or does it answer answers?"
                )
            })
        });
        match answered {
            Ok(answer) => Some(answer),
            Err(mistake) => {
                self.failure = Some(format!("{mistake}\nThis was asked: line {number}, of type {name:?}."));
                None
            }
        }
    }
}

fn read(text: &str, number: u64) -> Result<Answer, String> {
    let shown = || safe_text::shown(&text.chars().take(SHOWN_MAX).collect::<String>());
    let answer: Answer = serde_json::from_str(text).map_err(|error| {
        format!(
            "wrote a line that is no answer ({error}): {}\n\
             Standard output is for answers alone; standard error is shown. docs/evaluation.md has their shape.",
            shown()
        )
    })?;
    if answer.number == number {
        return Ok(answer);
    }
    Err(format!("answered line {} instead: each line has one answer, in the order of the lines", answer.number))
}

/// What would stop the virtual time or lead outside the mesh is refused.
fn sound(answer: Answer, woken_at: Option<u64>, nodes: usize, me: Member) -> Result<Answer, String> {
    let members = answer.sends.iter().map(|send| send.to).chain(answer.opinions.keys().copied());
    for member in members {
        if member >= nodes || member == me {
            return Err(format!(
                "names node {member} as a peer of node {me}: peers are 0 to {}, but itself",
                nodes - 1
            ));
        }
    }
    if let (Some(now), Some(wake)) = (woken_at, answer.wake_ns)
        && wake <= now
    {
        return Err(format!("wants to be woken at {wake} when it is woken at {now}: `wake_ns` has to be later then"));
    }
    Ok(answer)
}

/// One process of it.
struct Process {
    session: Rc<RefCell<Session>>,
    number: u64,
    me: Member,
    deadline: Duration,
    sends: Vec<(Member, Message)>,
    opinions: Vec<Opinion>,
}

impl Process {
    fn start(session: Rc<RefCell<Session>>, place: Place) -> Process {
        let number = session.borrow().processes;
        session.borrow_mut().processes += 1;
        let nodes = place.peers.len() + 1;
        let opinions = vec![Opinion::Trusted; nodes];
        let mut process =
            Process { session, number, me: place.me, deadline: Duration::MAX, sends: Vec::new(), opinions };
        process.ask(What::Start {
            now_ns: nanoseconds(place.now),
            first_ns: nanoseconds(place.start),
            node: place.me,
            nodes,
            life: place.life,
            seed: place.seed >> (u64::BITS - SEED_BITS),
        });
        process
    }

    fn ask(&mut self, what: What) {
        let answer = self.session.borrow_mut().ask(self.number, what, self.opinions.len(), self.me);
        let Some(answer) = answer else {
            // The run ends soon when no process of it wants anything.
            self.deadline = Duration::MAX;
            return;
        };
        self.deadline = answer.wake_ns.map_or(Duration::MAX, Duration::from_nanos);
        let datagram = |text: String, is_answer| Message::Foreign { text, is_answer };
        self.sends
            .extend(answer.sends.into_iter().map(|send| (send.to, datagram(send.message.to_string(), send.answer))));
        for (member, word) in answer.opinions {
            self.opinions[member] = word.into();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.session.borrow_mut().ask(self.number, What::End {}, self.opinions.len(), self.me);
    }
}

impl Baseline for Process {
    fn receive(&mut self, now: Duration, from: Member, message: Message) {
        let Message::Foreign { text, .. } = message else { return };
        // It was JSON when it was sent.
        let message = serde_json::from_str(&text).unwrap_or(Value::Null);
        self.ask(What::Message { now_ns: nanoseconds(now), from, message });
    }

    fn wake(&mut self, now: Duration) {
        self.ask(What::Wake { now_ns: nanoseconds(now) });
    }

    fn deadline(&self) -> Duration {
        self.deadline
    }

    fn take_sends(&mut self) -> Vec<(Member, Message)> {
        std::mem::take(&mut self.sends)
    }

    fn opinion(&self, peer: Member) -> Opinion {
        self.opinions[peer]
    }
}

/// Of virtual time; a scenario ends centuries before there are too many.
fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
