//! The mesh in words: which node or link has a fault, which nodes report it, and since when.
//!
//! A finding names the victim first where there is one, and the observers where the fault lies between them. Victims
//! that share a verdict and its observers share a finding: three nodes behind one dead switch are one fault. No
//! finding claims more than its verdict; "split" is said only where rows of both sides are available.

use std::collections::BTreeMap;
use std::time::Duration;

use super::blind_spot::{blind_spots, by_shared_name};
use super::links::{bad_links, broken_links, cut_off, split};
use super::phrase::{names, names_of};
use super::quantity::rough;
use super::statement::{Statement, shared};
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
    /// The same for places with little room: without those that report it.
    pub brief: String,
    /// What is wrong, and no more: without the time either.
    pub bare: String,
}

impl Finding {
    fn new(weight: Severity, Statement { text, brief, bare }: Statement) -> Finding {
        Finding { weight, text, brief, bare }
    }
}

/// The mesh in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// All statements, gravest first.
    pub findings: Vec<Finding>,
    /// The same in one line without a full stop.
    pub sentence: String,
    /// What is good, where nothing is broken: the beginning of that line.
    pub good: Option<String>,
}

/// Describes a mesh.
pub fn summary(view: &MeshView) -> Summary {
    let findings = findings(&view.rows, &view.node_statuses, &view.groups, &view.mismatches);
    let good = findings.iter().all(|finding| finding.weight != Severity::Fault);
    let good = good.then(|| if view.whole { all_well(&view.node_statuses) } else { "no fault is known".to_owned() });
    let sentence = sentence(good.as_deref(), &findings);
    Summary { findings, sentence, good }
}

/// All statements, gravest first.
fn findings(rows: &[Row], node_statuses: &[NodeStatus], groups: &Groups, mismatches: &[Mismatch]) -> Vec<Finding> {
    let mut texts = Vec::new();
    if groups.split {
        texts.push(split(rows, groups));
    }
    dead(node_statuses, MeshVerdict::Down, &mut texts);
    dead(node_statuses, MeshVerdict::Unconfirmed, &mut texts);
    cut_off(rows, node_statuses, groups, &mut texts);
    broken_links(rows, node_statuses, groups, &mut texts);
    bad_links(node_statuses, MeshVerdict::Lossy, &mut texts);
    bad_links(node_statuses, MeshVerdict::Unverified, &mut texts);
    never_seen(node_statuses, &mut texts);
    suspects(rows, node_statuses, &mut texts);
    texts.extend(mismatches.iter().map(|mismatch| {
        let verb = "does not watch";
        format!("{} {verb} {}", mismatch.observer, names(&mismatch.missing)).into()
    }));
    let faults =
        texts.into_iter().map(|told| Finding::new(Severity::Fault, told.map(|text| by_shared_name(text, rows))));
    let gaps = gaps(rows, node_statuses).into_iter().map(|text| Finding::new(Severity::Gap, text.into()));
    let notes = notes(rows, node_statuses).into_iter().map(|text| Finding::new(Severity::Note, text.into()));
    faults.chain(gaps).chain(notes).collect()
}

impl Summary {
    /// The findings of which the line consists: those that are broken, else what is not known, else the notes.
    pub fn gravest(&self) -> &[Finding] {
        gravest(&self.findings)
    }
}

fn gravest(findings: &[Finding]) -> &[Finding] {
    let same = findings.partition_point(|finding| Some(finding.weight) == findings.first().map(|first| first.weight));
    &findings[..same]
}

/// The whole mesh in one line without a full stop.
fn sentence(good: Option<&str>, findings: &[Finding]) -> String {
    let gravest = gravest(findings).iter().map(|finding| &*finding.text);
    let parts: Vec<&str> = good.into_iter().chain(gravest).collect();
    summed_up(&parts, if good.is_some() { "; " } else { "; also " })
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

fn dead(node_statuses: &[NodeStatus], verdict: MeshVerdict, texts: &mut Vec<Statement>) {
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

fn dead_text(victims: &[&NodeStatus], observers: &[Member], verdict: MeshVerdict) -> Statement {
    let mut members: Vec<Member> = victims.iter().map(|victim| victim.member.clone()).collect();
    members.sort();
    let (who, one) = (names(&members), members.len() == 1);
    let since = victims.first().and_then(|victim| victim.silent_for).map(rough);
    if verdict != MeshVerdict::Down {
        let bare = format!("{who} may be down");
        let brief = since.map_or_else(|| bare.clone(), |time| format!("{bare}: silent for {time}"));
        let then = if brief == bare { ": " } else { ", and " };
        return Statement { text: format!("{brief}{then}{}", left_to_say_so(observers, true)), brief, bare };
    }
    let bare = format!("{who} {} down", if one { "is" } else { "are" });
    let brief = match since {
        Some(time) => format!("{who} {} been down for {time}", if one { "has" } else { "have" }),
        None => bare.clone(),
    };
    let text = match observers.len() {
        1 => format!("{brief}; reported by {}", names(observers)),
        _ => format!("{brief}; {} agree", names(observers)),
    };
    Statement { text, brief, bare }
}

fn never_seen(node_statuses: &[NodeStatus], texts: &mut Vec<Statement>) {
    let unseen = node_statuses.iter().filter(|node_status| node_status.verdict == MeshVerdict::NeverSeen);
    for (observers, victims) in shared(unseen) {
        let have = if observers.len() == 1 { "has" } else { "have" };
        let whom: Vec<&Member> = victims.iter().map(|victim| &victim.member).collect();
        texts.push(format!("{} {have} never heard from {}", names(observers), names_of(&whom)).into());
    }
}

/// Peers under suspicion that did not answer: a verdict follows soon.
fn suspects(rows: &[Row], node_statuses: &[NodeStatus], texts: &mut Vec<Statement>) {
    let mut shared: BTreeMap<&[Member], Vec<&Member>> = BTreeMap::new();
    for (node_status, row) in node_statuses.iter().zip(rows) {
        if node_status.verdict == MeshVerdict::Up && !row.is_here() && !node_status.suspected_by.is_empty() {
            shared.entry(&node_status.suspected_by).or_default().push(&node_status.member);
        }
    }
    for (observers, suspects) in shared {
        let suspect = if observers.len() == 1 { "suspects" } else { "suspect" };
        texts.push(format!("{} {suspect} {}: no verdict yet", names(observers), names_of(&suspects)).into());
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
