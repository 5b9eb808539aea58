//! An incident in one line: who, what, how long, and who saw it. In the words
//! of the mesh's sentence, in the past tense once it is over.

use super::join_texts;
use super::mesh::rough;
use crate::detector::evidence::Class;
use crate::mesh::Member;
use crate::mesh::incident::{IncidentSummary, IncidentVerdict};

/// The whole incident in one line without a full stop.
pub fn story(told: &IncidentSummary) -> String {
    let text = match told.verdict {
        IncidentVerdict::Down => dead(told),
        IncidentVerdict::Unconfirmed => unconfirmed(told),
        IncidentVerdict::CutOff => cut_off(told),
        IncidentVerdict::Split => split(told),
        IncidentVerdict::LinkBroken | IncidentVerdict::OneWay => link(told),
    };
    if told.failures > 1 && told.verdict != IncidentVerdict::Down {
        return format!("{text}, {} times within it", told.failures);
    }
    text
}

fn dead(told: &IncidentSummary) -> String {
    let (who, time) = (names(&told.nodes), lasted(told));
    let why = told.reason.map(|reason| format!(" ({})", reason_phrase(reason))).unwrap_or_default();
    let seen = format!("seen by {}", names(&told.observers));
    if told.failures > 1 {
        let verb = if told.is_open() { "has failed" } else { "failed" };
        return format!("{who} {verb} {} times within {time}{why}, {seen}", told.failures);
    }
    format!("{who} {} down for {time}{why}, {seen}", be(told, &told.nodes))
}

fn unconfirmed(told: &IncidentSummary) -> String {
    let say = match (told.is_open(), told.observers.len()) {
        (true, 1) => "says",
        (true, _) => "say",
        (false, _) => "said",
    };
    let (who, be) = (names(&told.nodes), be(told, &told.nodes));
    format!("{who} {be} down, unconfirmed, for {}: only {} {say} so", lasted(told), names(&told.observers))
}

fn cut_off(told: &IncidentSummary) -> String {
    let (who, time, by) = (names(&told.nodes), lasted(told), names(&told.observers));
    if let Some(others) = told.sides.first() {
        return format!("{who} {} cut off from {} for {time}", be(told, &told.nodes), names(others));
    }
    let have = match (told.is_open(), told.observers.len()) {
        (true, 1) => "has ",
        (true, _) => "have ",
        (false, _) => "",
    };
    format!("{by} {have}heard nothing from {who} for {time}: down, or cut off")
}

fn split(told: &IncidentSummary) -> String {
    let (can, time) = (if told.is_open() { "cannot" } else { "could not" }, lasted(told));
    if let [one, other] = &told.sides[..] {
        return format!("{} {can} reach {} for {time}: the mesh {} split", names(one), names(other), was(told));
    }
    let sides: Vec<String> = told.sides.iter().map(|side| names(side)).collect();
    format!("the mesh {} split into {} groups for {time}: {}", was(told), sides.len(), sides.join("; "))
}

fn link(told: &IncidentSummary) -> String {
    let (can, time) = (if told.is_open() { "cannot" } else { "could not" }, lasted(told));
    let [one, other] = &told.nodes[..] else {
        let be = if told.is_open() { "are" } else { "were" };
        return format!("links among {} {be} broken for {time}", names(&told.nodes));
    };
    match &told.observers[..] {
        [observer] if told.sides.is_empty() => {
            let peer = if observer == one { other } else { one };
            if told.verdict == IncidentVerdict::OneWay {
                let reach = if told.is_open() { "reaches" } else { "reached" };
                return format!("{observer} {can} reach {peer} for {time}, but {peer} {reach} {observer}");
            }
            let others = if told.is_open() { "others can" } else { "others could" };
            format!("{observer} {can} reach {peer} for {time}; {others}")
        }
        _ => format!("{one} and {other} {can} reach each other for {time}"),
    }
}

/// How a victim failed, short enough for a bracket.
fn reason_phrase(reason: Class) -> &'static str {
    match reason {
        Class::Gone => "its host refused connections",
        Class::Silent => "nothing came back from its host",
        Class::Stalled => "its host took connections, but it did not answer",
    }
}

fn was(told: &IncidentSummary) -> &'static str {
    if told.is_open() { "is" } else { "was" }
}

fn be(told: &IncidentSummary, who: &[Member]) -> &'static str {
    match (told.is_open(), who.len()) {
        (true, 1) => "is",
        (true, _) => "are",
        (false, 1) => "was",
        (false, _) => "were",
    }
}

fn lasted(told: &IncidentSummary) -> String {
    rough(told.lasted())
}

fn names(members: &[Member]) -> String {
    join_texts(members.iter().map(Member::as_str))
}
