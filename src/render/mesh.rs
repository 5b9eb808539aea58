//! The mesh in words: which node or link has a fault, which nodes report it, and since when.
//!
//! A finding names the victim first where there is one, and the observers where the fault lies between them. Victims
//! that share a verdict and its observers share a finding: three nodes behind one dead switch are one fault. No
//! finding claims more than its verdict; "split" is said only where rows of both sides are available.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::blind_spot::{blind_spots, by_shared_name};
use super::phrase::{join_texts, names};
use super::quantity::span;
use crate::closed_set::closed_set;
use crate::detector::peer::SelfState;
use crate::mesh::{Groups, Member, MeshVerdict, MeshView, Mismatch, NodeStatus, Row};

/// Findings in the one-line summary; the rest are counted.
const SUMMED_UP_MAX: usize = 3;
/// Victims whose silence began within this time of each other share a finding.
const TOGETHER: Duration = Duration::from_secs(2);

closed_set! {
    /// How much a finding matters.
    pub enum Severity {
        /// Something is broken.
        Fault = "fault",
        /// Something is not known.
        Gap = "gap",
        /// Worth mentioning; nothing is broken.
        Note = "note",
    }
}

/// One statement about the mesh.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// How much it matters.
    pub weight: Severity,
    /// One line without a full stop.
    pub text: String,
}

/// The mesh in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// All statements, gravest first.
    pub findings: Vec<Finding>,
    /// The same in one line without a full stop.
    pub sentence: String,
}

/// Describes a mesh.
pub fn summary(view: &MeshView) -> Summary {
    let findings = findings(&view.rows, &view.node_statuses, &view.groups, &view.mismatches);
    let sentence = sentence(&view.node_statuses, &findings, view.whole);
    Summary { findings, sentence }
}

/// All statements, gravest first.
fn findings(rows: &[Row], node_statuses: &[NodeStatus], groups: &Groups, mismatches: &[Mismatch]) -> Vec<Finding> {
    let mut texts = Vec::new();
    if groups.split {
        texts.push(split(groups));
    }
    dead(node_statuses, MeshVerdict::Down, &mut texts);
    dead(node_statuses, MeshVerdict::Unconfirmed, &mut texts);
    cut_off(rows, node_statuses, groups, &mut texts);
    broken_links(node_statuses, groups, &mut texts);
    bad_links(node_statuses, MeshVerdict::Lossy, &mut texts);
    bad_links(node_statuses, MeshVerdict::Unverified, &mut texts);
    never_seen(node_statuses, &mut texts);
    suspects(rows, node_statuses, &mut texts);
    texts.extend(mismatches.iter().map(|mismatch| {
        let verb = "does not watch";
        format!("{} {verb} {}", mismatch.observer, names(&mismatch.missing))
    }));
    let texts = texts.into_iter().map(|text| by_shared_name(text, rows));
    let faults = texts.map(|text| Finding { weight: Severity::Fault, text });
    let gaps = gaps(rows, node_statuses).into_iter().map(|text| Finding { weight: Severity::Gap, text });
    let notes = notes(rows, node_statuses).into_iter().map(|text| Finding { weight: Severity::Note, text });
    faults.chain(gaps).chain(notes).collect()
}

/// The whole mesh in one line without a full stop.
fn sentence(node_statuses: &[NodeStatus], findings: &[Finding], whole: bool) -> String {
    let of = |weight: Severity| -> Vec<&str> {
        findings.iter().filter(|finding| finding.weight == weight).map(|finding| &*finding.text).collect()
    };
    let faults = of(Severity::Fault);
    if !faults.is_empty() {
        return summed_up(&faults, "; also ");
    }
    let gaps = of(Severity::Gap);
    let good = if whole { all_well(node_statuses) } else { "no fault is known".to_owned() };
    let mut parts = vec![&*good];
    parts.extend(if gaps.is_empty() { of(Severity::Note) } else { gaps });
    summed_up(&parts, "; ")
}

fn summed_up(texts: &[&str], between: &str) -> String {
    let shown = texts.len().min(SUMMED_UP_MAX);
    let line = texts[..shown].join(between);
    match texts.len() - shown {
        0 => line,
        1 => format!("{line}; and 1 more finding"),
        more => format!("{line}; and {more} more findings"),
    }
}

fn all_well(node_statuses: &[NodeStatus]) -> String {
    let mut there = node_statuses.iter().filter(|node_status| !is_gone(node_status));
    match (there.next(), there.count()) {
        (None, _) => "no node is expected to be up".to_owned(),
        (Some(only), 0) if node_statuses.len() == 1 => format!("{} is alone: it watches no peers", only.member),
        (Some(only), 0) => format!("{} is the only node", only.member),
        (Some(_), 1) => "both nodes reach each other".to_owned(),
        (Some(_), more) => format!("all {} nodes reach each other", more + 1),
    }
}

/// Not expected to be up.
fn is_gone(node_status: &NodeStatus) -> bool {
    matches!(node_status.verdict, MeshVerdict::Left | MeshVerdict::Maintenance)
}

fn split(groups: &Groups) -> String {
    match &groups.groups[..] {
        [one, other] => {
            format!("the mesh is split: {} cannot reach {}", names(one), names(other))
        }
        groups => {
            let sides: Vec<String> = groups.iter().map(|group| names(group)).collect();
            format!("the mesh is split into {} groups: {}", sides.len(), sides.join("; "))
        }
    }
}

/// Members with one verdict and the same observers behind it, in order.
fn shared<'a>(members: impl Iterator<Item = &'a NodeStatus>) -> BTreeMap<&'a [Member], Vec<&'a NodeStatus>> {
    let mut shared: BTreeMap<&[Member], Vec<&NodeStatus>> = BTreeMap::new();
    for node_status in members {
        shared.entry(&node_status.missed_by).or_default().push(node_status);
    }
    shared
}

fn dead(node_statuses: &[NodeStatus], verdict: MeshVerdict, texts: &mut Vec<String>) {
    let dead = node_statuses.iter().filter(|node_status| node_status.verdict == verdict);
    for (observers, mut victims) in shared(dead) {
        victims.sort_by_key(|victim| victim.silent_for);
        let mut rest = &victims[..];
        while let [first, ..] = rest {
            let since = first.silent_for.unwrap_or_default();
            let together = rest.partition_point(|next| next.silent_for.unwrap_or_default() <= since + TOGETHER);
            let (those, later) = rest.split_at(together);
            texts.push(dead_text(those, observers, verdict));
            rest = later;
        }
    }
}

fn dead_text(victims: &[&NodeStatus], observers: &[Member], verdict: MeshVerdict) -> String {
    let mut members: Vec<Member> = victims.iter().map(|victim| victim.member.clone()).collect();
    members.sort();
    let (who, one) = (names(&members), members.len() == 1);
    let since = victims.first().and_then(|victim| victim.silent_for).map(rough);
    if verdict != MeshVerdict::Down {
        let silent = since.map(|time| format!("silent for {time}, and ")).unwrap_or_default();
        return format!("{who} may be down: {silent}{}", left_to_say_so(observers, true));
    }
    let down = match (since, one) {
        (Some(time), true) => format!("{who} has been down for {time}"),
        (Some(time), false) => format!("{who} have been down for {time}"),
        (None, true) => format!("{who} is down"),
        (None, false) => format!("{who} are down"),
    };
    match observers.len() {
        1 => format!("{down}; reported by {}", names(observers)),
        _ => format!("{down}; {} agree", names(observers)),
    }
}

fn cut_off(rows: &[Row], node_statuses: &[NodeStatus], groups: &Groups, texts: &mut Vec<String>) {
    let here: BTreeSet<&Member> = rows.iter().filter(|row| row.is_here()).map(|row| &row.observer).collect();
    let explained = |node_status: &&NodeStatus| {
        groups.split && node_status.missed_by.iter().all(|by| groups.apart(by, &node_status.member))
    };
    let cut_off = node_statuses.iter().filter(|node_status| node_status.verdict == MeshVerdict::CutOff);
    for (observers, victims) in shared(cut_off.filter(|node_status| !explained(node_status))) {
        let (answering, silent): (Vec<_>, Vec<_>) =
            victims.into_iter().map(|victim| victim.member.clone()).partition(|member| here.contains(member));
        let plural = observers.len() != 1;
        if !silent.is_empty() {
            let verb = if plural { "hear" } else { "hears" };
            let they = if silent.len() == 1 { "it is" } else { "they are" };
            texts.push(format!("{} {verb} nothing from {}: {they} down, or cut off", names(observers), names(&silent)));
        }
        if !answering.is_empty() {
            let (be, it) = if answering.len() == 1 { ("is", "it") } else { ("are", "them") };
            texts.push(format!("{} {be} cut off: {} cannot reach {it}", names(&answering), names(observers)));
        }
    }
}

/// Links that are broken while both ends are alive. One that neither end can use is listed once, for both.
fn broken_links(node_statuses: &[NodeStatus], groups: &Groups, texts: &mut Vec<String>) {
    let is_link =
        |node_status: &&NodeStatus| matches!(node_status.verdict, MeshVerdict::LinkBroken | MeshVerdict::OneWay);
    let by_name: BTreeMap<&Member, &NodeStatus> =
        node_statuses.iter().filter(is_link).map(|node_status| (&node_status.member, node_status)).collect();
    let explained = |one: &Member, other: &Member| groups.split && groups.apart(one, other);
    let mutual = |one: &Member, other: &Member| {
        let misses = |by: &Member, whom: &Member| by_name.get(whom).is_some_and(|whom| whom.missed_by.contains(by));
        misses(one, other) && misses(other, one)
    };
    // The member with most links that are broken both ways comes first, and covers them.
    let both_ways =
        |node_status: &NodeStatus| node_status.missed_by.iter().filter(|by| mutual(by, &node_status.member)).count();
    let mut order: Vec<&NodeStatus> = by_name.values().copied().collect();
    order.sort_by_key(|node_status| std::cmp::Reverse(both_ways(node_status)));
    let mut told: BTreeSet<(&Member, &Member)> = BTreeSet::new();
    for node_status in order {
        let untold = |by: &&Member| !explained(by, &node_status.member) && !told.contains(&(*by, &node_status.member));
        let (both, one): (Vec<&Member>, Vec<&Member>) =
            node_status.missed_by.iter().filter(untold).partition(|by| mutual(by, &node_status.member));
        told.extend(both.iter().map(|by| (&node_status.member, *by)));
        if !both.is_empty() {
            texts.push(both_ways_text(node_status, &both, &by_name));
        }
        if !one.is_empty() {
            texts.push(one_way_text(node_status, &one));
        }
    }
}

/// Links that work and cannot be relied on. The member with most of them comes first, and covers them.
fn bad_links(node_statuses: &[NodeStatus], verdict: MeshVerdict, texts: &mut Vec<String>) {
    let mut order: Vec<&NodeStatus> = node_statuses.iter().filter(|status| status.verdict == verdict).collect();
    order.sort_by_key(|status| std::cmp::Reverse(status.missed_by.len()));
    // What one end finds broken has been told as that.
    let is_broken = |by: &Member, member: &Member| {
        let mut others = node_statuses.iter().filter(|status| status.member == *by);
        others.any(|status| status.verdict > verdict && status.missed_by.contains(member))
    };
    let mut told: BTreeSet<(&Member, &Member)> = BTreeSet::new();
    for status in order {
        let member = &status.member;
        let untold = |by: &&Member| !told.contains(&(*by, member)) && !is_broken(by, member);
        let others: Vec<&Member> = status.missed_by.iter().filter(untold).collect();
        told.extend(others.iter().map(|by| (member, *by)));
        if !others.is_empty() {
            texts.push(bad_links_text(status, &others));
        }
    }
}

fn bad_links_text(status: &NodeStatus, others: &[&Member]) -> String {
    let (member, with) = (&status.member, names_of(others));
    match (status.verdict, others) {
        (MeshVerdict::Unverified, _) => format!("{member} does not have the mesh key of {with}"),
        (_, [other]) => {
            let (first, second) = if *other < member { (*other, member) } else { (member, *other) };
            format!("{first} and {second} lose most of the packets between them")
        }
        _ if status.reached_by.is_empty() => format!("{member} loses most packets on all links"),
        _ => format!("{member} loses most packets on its links with {with}"),
    }
}

fn both_ways_text(node_status: &NodeStatus, others: &[&Member], by_name: &BTreeMap<&Member, &NodeStatus>) -> String {
    let member = &node_status.member;
    let reaches_all = |by: &&Member| {
        others.iter().all(|other| by_name.get(*other).is_some_and(|other| other.reached_by.contains(by)))
    };
    let bridges: Vec<Member> = node_status.reached_by.iter().filter(reaches_all).cloned().collect();
    let text = if let [other] = others {
        let (first, second) = if *other < member { (*other, member) } else { (member, *other) };
        format!("{first} and {second} cannot reach each other")
    } else {
        format!("{member} cannot reach {}, in either direction", names_of(others))
    };
    let all = if others.len() == 1 { "both" } else { "all of them" };
    match bridges.len() {
        0 => format!("{text}; other nodes can"),
        1 => format!("{text}; {} reaches {all}", names(&bridges)),
        _ => format!("{text}; {} reach {all}", names(&bridges)),
    }
}

fn one_way_text(node_status: &NodeStatus, observers: &[&Member]) -> String {
    let text = format!("{} cannot reach {}", names_of(observers), node_status.member);
    if node_status.verdict == MeshVerdict::OneWay {
        let whom = if observers.len() == 1 { names_of(observers) } else { "them".to_owned() };
        return format!("{text}, but {} reaches {whom}: the link works one way only", node_status.member);
    }
    if node_status.reached_by.is_empty() {
        format!("{text}; other nodes can")
    } else {
        format!("{text}; {} can", names(&node_status.reached_by))
    }
}

fn never_seen(node_statuses: &[NodeStatus], texts: &mut Vec<String>) {
    let unseen = node_statuses.iter().filter(|node_status| node_status.verdict == MeshVerdict::NeverSeen);
    for (observers, victims) in shared(unseen) {
        let have = if observers.len() == 1 { "has" } else { "have" };
        let whom: Vec<&Member> = victims.iter().map(|victim| &victim.member).collect();
        texts.push(format!("{} {have} never heard from {}", names(observers), names_of(&whom)));
    }
}

/// Peers under suspicion that did not answer: a verdict follows soon.
fn suspects(rows: &[Row], node_statuses: &[NodeStatus], texts: &mut Vec<String>) {
    let mut shared: BTreeMap<&[Member], Vec<&Member>> = BTreeMap::new();
    for (node_status, row) in node_statuses.iter().zip(rows) {
        if node_status.verdict == MeshVerdict::Up && !row.is_here() && !node_status.suspected_by.is_empty() {
            shared.entry(&node_status.suspected_by).or_default().push(&node_status.member);
        }
    }
    for (observers, suspects) in shared {
        let suspect = if observers.len() == 1 { "suspects" } else { "suspect" };
        texts.push(format!("{} {suspect} {}: no verdict yet", names(observers), names_of(&suspects)));
    }
}

/// What is not known.
fn gaps(rows: &[Row], node_statuses: &[NodeStatus]) -> Vec<String> {
    let mut texts = blind_spots(rows);
    let silent = |&(node_status, row): &(&NodeStatus, &Row)| {
        let up = matches!(node_status.verdict, MeshVerdict::Up | MeshVerdict::Restarted);
        up && !row.is_here() && node_status.suspected_by.is_empty()
    };
    let members = |which: &dyn Fn(&(&NodeStatus, &Row)) -> bool| -> Vec<Member> {
        node_statuses.iter().zip(rows).filter(which).map(|(node_status, _)| node_status.member.clone()).collect()
    };
    let mute = members(&silent);
    if !mute.is_empty() {
        let its = if mute.len() == 1 { "its" } else { "their" };
        texts.push(format!("{} did not report {its} links", names(&mute)));
    }
    let stalled = members(&|(node_status, row)| row.is_here() && row.stalled && !is_gone(node_status));
    if !stalled.is_empty() {
        let (was, judge) = if stalled.len() == 1 { ("was", "judges") } else { ("were", "judge") };
        texts.push(format!("{} {was} just paused and {judge} no peer yet", names(&stalled)));
    }
    let unmet = |node_status: &&NodeStatus| !node_status.unmet_by.is_empty() && !is_gone(node_status);
    for node_status in node_statuses.iter().filter(unmet) {
        let have = if node_status.unmet_by.len() == 1 { "has" } else { "have" };
        texts.push(format!("{} {have} not heard from {} yet", names(&node_status.unmet_by), node_status.member));
    }
    let unknown =
        members(&|(node_status, _)| node_status.verdict == MeshVerdict::Unknown && node_status.unmet_by.is_empty());
    if !unknown.is_empty() {
        texts.push(format!("nothing is known about {}", names(&unknown)));
    }
    texts
}

fn notes(rows: &[Row], node_statuses: &[NodeStatus]) -> Vec<String> {
    let mut texts = Vec::new();
    for (node_status, row) in node_statuses.iter().zip(rows) {
        let member = &node_status.member;
        let ago = node_status.since.map(|since| format!(" {} ago", rough(since))).unwrap_or_default();
        match node_status.verdict {
            MeshVerdict::Restarted => texts.push(format!("{member} restarted{ago}")),
            MeshVerdict::Left => texts.push(format!("{member} left{ago}")),
            MeshVerdict::Maintenance => texts.push(format!("{member} is in maintenance")),
            _ => {}
        }
        if row.is_here() && row.state == Some(SelfState::Slow) && !is_gone(node_status) {
            texts.push(format!("{member} is slow: it reads late or loses packets"));
        }
        for (by, word) in [(&node_status.degraded_by, "degraded"), (&node_status.flapping_by, "flapping")] {
            if !by.is_empty() {
                texts.push(format!("{member} is {word}, reported by {}", names(by)));
            }
        }
    }
    texts
}

/// Whole seconds from one second on: a sentence is read a moment after it was true.
pub fn rough(time: Duration) -> String {
    if time < Duration::from_secs(1) { span(time) } else { span(Duration::from_secs(time.as_secs())) }
}

/// "only node-2 is left to say so"; `was` in the past tense when `now` is false.
pub(super) fn left_to_say_so(observers: &[Member], now: bool) -> String {
    let be = match (now, observers.len()) {
        (true, 1) => "is",
        (true, _) => "are",
        (false, 1) => "was",
        (false, _) => "were",
    };
    format!("only {} {be} left to say so", names(observers))
}

fn names_of(members: &[&Member]) -> String {
    join_texts(members.iter().map(|member| member.as_str()))
}
