//! An incident in one line: who, what, how long, and who reported it; in the past tense once it is over.

use super::mesh::left_to_say_so;
use super::phrase::{names, reason_phrase};
use super::quantity::rough;
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
        IncidentVerdict::Lossy => lossy(told),
        IncidentVerdict::Unverified => unverified(told),
    };
    if told.failures > 1 && told.verdict != IncidentVerdict::Down {
        let have = if told.is_open() { "has happened" } else { "happened" };
        return format!("{text}; this {have} {} times", told.failures);
    }
    text
}

fn dead(told: &IncidentSummary) -> String {
    let (who, time) = (names(&told.nodes), lasted(told));
    let why = told.reason.map(|reason| format!(" ({})", reason_phrase(reason))).unwrap_or_default();
    let agree = match (told.observers.len(), told.is_open()) {
        (1, _) => format!("reported by {}", names(&told.observers)),
        (_, true) => format!("{} agree", names(&told.observers)),
        (_, false) => format!("{} agreed", names(&told.observers)),
    };
    if told.failures > 1 {
        let failed = match (told.is_open(), told.nodes.len()) {
            (true, 1) => "has failed",
            (true, _) => "have failed",
            (false, _) => "failed",
        };
        return format!("{who} {failed} {} times in {time}{why}; {agree}", told.failures);
    }
    format!("{who} {} down for {time}{why}; {agree}", been(told, &told.nodes))
}

fn unconfirmed(told: &IncidentSummary) -> String {
    let (who, time, open) = (names(&told.nodes), lasted(told), told.is_open());
    let left = left_to_say_so(&told.observers, open);
    if open {
        format!("{who} may be down: silent for {time}, and {left}")
    } else {
        format!("{who} may have been down for {time}; {left}")
    }
}

fn cut_off(told: &IncidentSummary) -> String {
    let (who, time, by) = (names(&told.nodes), lasted(told), names(&told.observers));
    if let Some(others) = told.sides.first() {
        return format!("{who} {} cut off from {} for {time}", been(told, &told.nodes), names(others));
    }
    let have = match (told.is_open(), told.observers.len()) {
        (true, 1) => "has ",
        (true, _) => "have ",
        (false, _) => "",
    };
    let they = match (told.is_open(), told.nodes.len()) {
        (true, 1) => "it is",
        (true, _) => "they are",
        (false, 1) => "it was",
        (false, _) => "they were",
    };
    format!("{by} {have}heard nothing from {who} for {time}: {they} down, or cut off")
}

fn split(told: &IncidentSummary) -> String {
    let (be, time) = (if told.is_open() { "has been" } else { "was" }, lasted(told));
    if let [one, other] = &told.sides[..] {
        let can = if told.is_open() { "cannot" } else { "could not" };
        return format!("the mesh {be} split for {time}: {} {can} reach {}", names(one), names(other));
    }
    let sides: Vec<String> = told.sides.iter().map(|side| names(side)).collect();
    format!("the mesh {be} split into {} groups for {time}: {}", sides.len(), sides.join("; "))
}

fn link(told: &IncidentSummary) -> String {
    let (open, time) = (told.is_open(), lasted(told));
    let [one, other] = &told.nodes[..] else {
        let be = if open { "have been" } else { "were" };
        let of = if told.nodes.len() == 1 { "of" } else { "among" };
        return format!("links {of} {} {be} broken for {time}", names(&told.nodes));
    };
    match &told.observers[..] {
        [observer] if told.sides.is_empty() => {
            let peer = if observer == one { other } else { one };
            let not = if open { "has not reached" } else { "could not reach" };
            if told.verdict == IncidentVerdict::OneWay {
                let reach = if open { "reaches" } else { "reached" };
                return format!("{observer} {not} {peer} for {time}, but {peer} {reach} {observer}");
            }
            let others = if open { "other nodes can" } else { "other nodes could" };
            format!("{observer} {not} {peer} for {time}; {others}")
        }
        _ => {
            let not = if open { "have not reached" } else { "could not reach" };
            format!("{one} and {other} {not} each other for {time}")
        }
    }
}

fn lossy(told: &IncidentSummary) -> String {
    let (time, lost) = (lasted(told), |been: &'static str| if told.is_open() { been } else { "lost" });
    match &told.nodes[..] {
        [one] => {
            format!("{one} {} most packets on its links with {} for {time}", lost("has been losing"), others(told))
        }
        [one, other] => {
            format!("{one} and {other} {} most of the packets between them for {time}", lost("have been losing"))
        }
        nodes => format!("links among {} {} most packets for {time}", names(nodes), lost("have been losing")),
    }
}

fn unverified(told: &IncidentSummary) -> String {
    let time = lasted(told);
    let not = |now: &'static str| if told.is_open() { now } else { "did not have" };
    match &told.nodes[..] {
        [one] => format!("{one} {} the mesh key of {} for {time}", not("has not had"), others(told)),
        nodes => format!("{} {} the same mesh key for {time}", names(nodes), not("have not had")),
    }
}

/// The observers less the one node that it is about.
fn others(told: &IncidentSummary) -> String {
    let others: Vec<Member> = told.observers.iter().filter(|by| !told.nodes.contains(by)).cloned().collect();
    names(&others)
}

fn been(told: &IncidentSummary, who: &[Member]) -> &'static str {
    match (told.is_open(), who.len()) {
        (true, 1) => "has been",
        (true, _) => "have been",
        (false, 1) => "was",
        (false, _) => "were",
    }
}

fn lasted(told: &IncidentSummary) -> String {
    rough(told.lasted())
}
