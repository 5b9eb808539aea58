//! What is wrong between nodes that are alive, in words: a split, nodes that are cut off, broken links, lossy links.
//!
//! Each statement says since when: how long ago the last answer crossed any of the links that it is about. A link that
//! loses most of its packets has no such time, because some of them arrive.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::phrase::{join_texts, names, names_of};
use super::quantity::rough;
use super::statement::{Statement, shared};
use crate::mesh::{Groups, LinkStatus, Member, MeshVerdict, NodeStatus, Row};

/// Sizes of groups in a headline; of more groups it has the number.
const SIZES_MAX: usize = 4;

pub(super) fn split(rows: &[Row], groups: &Groups) -> Statement {
    let parts = match groups.groups.len() {
        0..=SIZES_MAX => {
            let sizes: Vec<String> = groups.groups.iter().map(|group| group.len().to_string()).collect();
            format!("groups of {} nodes", join_texts(sizes.iter().map(String::as_str)))
        }
        more => format!("{more} groups"),
    };
    let across = rows.iter().flat_map(|row| {
        let cells = row.cells.iter().filter(|cell| groups.apart(&row.observer, &cell.peer));
        cells.map(|cell| (&row.observer, &cell.peer))
    });
    let time = unanswered(rows, across).map(|time| format!(" for {time}"));
    let (be, time) = time.map_or(("is", String::new()), |time| ("has been", time));
    let text = match &groups.groups[..] {
        [one, other] => format!("the mesh {be} split{time}: {} cannot reach {}", names(one), names(other)),
        groups => {
            let sides: Vec<String> = groups.iter().map(|group| names(group)).collect();
            format!("the mesh {be} split into {} groups{time}: {}", sides.len(), sides.join("; "))
        }
    };
    Statement {
        text,
        brief: format!("the mesh {be} split into {parts}{time}"),
        bare: format!("the mesh is split into {parts}"),
    }
}

pub(super) fn cut_off(rows: &[Row], node_statuses: &[NodeStatus], groups: &Groups, texts: &mut Vec<Statement>) {
    let here: BTreeSet<&Member> = rows.iter().filter(|row| row.is_here()).map(|row| &row.observer).collect();
    let explained = |node_status: &&NodeStatus| {
        groups.split && node_status.missed_by.iter().all(|by| groups.apart(by, &node_status.member))
    };
    let cut_off = node_statuses.iter().filter(|node_status| node_status.verdict == MeshVerdict::CutOff);
    for (observers, victims) in shared(cut_off.filter(|node_status| !explained(node_status))) {
        let (answering, silent): (Vec<_>, Vec<_>) =
            victims.into_iter().map(|victim| victim.member.clone()).partition(|member| here.contains(member));
        let time =
            |of: &[Member]| unanswered(rows, of.iter().flat_map(|one| observers.iter().map(move |by| (by, one))));
        if !silent.is_empty() {
            texts.push(silent_text(&silent, observers, time(&silent)));
        }
        if !answering.is_empty() {
            let (who, one) = (names(&answering), answering.len() == 1);
            let it = if one { "it" } else { "them" };
            let bare = format!("{who} {} cut off", if one { "is" } else { "are" });
            let brief = match time(&answering) {
                Some(time) => format!("{who} {} been cut off for {time}", if one { "has" } else { "have" }),
                None => bare.clone(),
            };
            texts.push(Statement { text: format!("{brief}: {} cannot reach {it}", names(observers)), brief, bare });
        }
    }
}

/// Of nodes that do not report themselves either.
fn silent_text(silent: &[Member], observers: &[Member], time: Option<String>) -> Statement {
    let (who, by, one) = (names(silent), names(observers), observers.len() == 1);
    let bare = format!("{by} {} nothing from {who}", if one { "hears" } else { "hear" });
    let brief = match time {
        Some(time) => format!("{by} {} heard nothing from {who} for {time}", if one { "has" } else { "have" }),
        None => bare.clone(),
    };
    let they = if silent.len() == 1 { "it is" } else { "they are" };
    Statement { text: format!("{brief}: {they} down, or cut off"), brief: format!("{brief}: down or cut off"), bare }
}

/// Links that are broken while both ends are alive. One that neither end can use is listed once, for both.
pub(super) fn broken_links(rows: &[Row], node_statuses: &[NodeStatus], groups: &Groups, texts: &mut Vec<Statement>) {
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
            texts.push(both_ways_text(rows, node_status, &both, &by_name));
        }
        if !one.is_empty() {
            texts.push(one_way_text(rows, node_status, &one));
        }
    }
}

/// Links that work and cannot be relied on. The member with most of them comes first, and covers them.
pub(super) fn bad_links(node_statuses: &[NodeStatus], verdict: MeshVerdict, texts: &mut Vec<Statement>) {
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
            texts.push(bad_links_text(status, &others).into());
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

fn both_ways_text(
    rows: &[Row],
    node_status: &NodeStatus,
    others: &[&Member],
    by_name: &BTreeMap<&Member, &NodeStatus>,
) -> Statement {
    let member = &node_status.member;
    let reaches_all = |by: &&Member| {
        others.iter().all(|other| by_name.get(*other).is_some_and(|other| other.reached_by.contains(by)))
    };
    let bridges: Vec<Member> = node_status.reached_by.iter().filter(reaches_all).cloned().collect();
    let time = unanswered(rows, others.iter().flat_map(|other| [(*other, member), (member, *other)]));
    let (bare, brief) = if let [other] = others {
        let (first, second) = if *other < member { (*other, member) } else { (member, *other) };
        let brief = time.map(|time| format!("{first} and {second} have not reached each other for {time}"));
        (format!("{first} and {second} cannot reach each other"), brief)
    } else {
        let whom = names_of(others);
        let untimed = || format!("{member} cannot reach {whom}, in either direction");
        let brief = time.map(|time| format!("{member} has not reached {whom}, in either direction, for {time}"));
        (format!("{member} cannot reach {whom}"), Some(brief.unwrap_or_else(untimed)))
    };
    let brief = brief.unwrap_or_else(|| bare.clone());
    let all = if others.len() == 1 { "both" } else { "all of them" };
    let text = match bridges.len() {
        0 => format!("{brief}; other nodes can"),
        1 => format!("{brief}; {} reaches {all}", names(&bridges)),
        _ => format!("{brief}; {} reach {all}", names(&bridges)),
    };
    Statement { text, brief, bare }
}

fn one_way_text(rows: &[Row], node_status: &NodeStatus, observers: &[&Member]) -> Statement {
    let (member, who) = (&node_status.member, names_of(observers));
    let bare = format!("{who} cannot reach {member}");
    let have = if observers.len() == 1 { "has" } else { "have" };
    let brief = match unanswered(rows, observers.iter().map(|by| (*by, member))) {
        Some(time) => format!("{who} {have} not reached {member} for {time}"),
        None => bare.clone(),
    };
    if node_status.verdict == MeshVerdict::OneWay {
        let whom = if observers.len() == 1 { &*who } else { "them" };
        return Statement {
            text: format!("{brief}, but {member} reaches {whom}: one way only"),
            brief: format!("{brief}: one way only"),
            bare: format!("{bare}: one way only"),
        };
    }
    let text = if node_status.reached_by.is_empty() {
        format!("{brief}; other nodes can")
    } else {
        format!("{brief}; {} can", names(&node_status.reached_by))
    };
    Statement { text, brief, bare }
}

/// How long no answer has come over any of these links, each from an observer to a peer. `None` where that is not known
/// of any of them.
fn unanswered<'a>(rows: &'a [Row], links: impl Iterator<Item = (&'a Member, &'a Member)>) -> Option<String> {
    let silence = |(observer, peer): (&Member, &Member)| {
        let at = rows.binary_search_by(|row| row.observer.cmp(observer)).ok()?;
        let row = rows.get(at)?;
        let cell = row.cell(peer).filter(|cell| row.link_status(cell) == LinkStatus::Bad)?;
        cell.unanswered_for()
    };
    let time: Duration = links.filter_map(silence).min()?;
    Some(rough(time))
}
