//! What to do about a fault: one table, read by `verify`, `why` and the page.
//!
//! An advice follows from *how* a node fails more than from that it fails. A refused connection sends a person to the
//! log of the process, silence to the host and its power, an accepted connection without an answer to what holds the
//! process up.

use super::phrase::{listed, names};
use crate::closed_set::closed_set;
use crate::detector::evidence::{Class, Evidence};
use crate::detector::peer::{PeerState, Verdict};
use crate::detector::why::Why;
use crate::mesh::{BlindSpotKind, Member, MeshVerdict, MeshView, NodeStatus, Row, RowFreshness};

closed_set! {
    /// What is wrong with a node, as far as it changes what to do.
    pub enum Fault {
        /// Its host refuses connections.
        Gone = "gone",
        /// It accepts connections and does not answer.
        Stalled = "stalled",
        /// Nothing comes back from its host.
        Silent = "silent",
        /// Down, and not known how.
        Down = "down",
        /// What answers is not a heartbeat of this mesh.
        Invalid = "invalid",
        /// What answers does not have the mesh key.
        MeshKey = "mesh_key",
        /// There is no TLS that both sides believe in.
        Tls = "tls",
        /// Its host name does not resolve.
        Name = "name",
        /// It has never answered.
        NeverSeen = "never_seen",
        /// Some reach it, some do not.
        LinkBroken = "link_broken",
        /// Some do not reach it, but it reaches them.
        OneWay = "one_way",
        /// It, or those that cannot reach it, are cut off.
        CutOff = "cut_off",
        /// Too many of its pings are lost.
        Lossy = "lossy",
        /// Too many of its answers are late.
        Slow = "slow",
        /// Several nodes answer at its address.
        LoadBalancer = "load_balancer",
        /// Another node has its name.
        SharedName = "shared_name",
        /// It was told of peers and has found none.
        FoundNobody = "found_nobody",
        /// No node answers at an address that a name gave.
        NoNodeAt = "no_node_at",
        /// A node that pings it is on no list of it.
        Unlisted = "unlisted",
        /// It answers pings, and not the request for its row.
        Mute = "mute",
        /// It was just paused.
        Paused = "paused",
        /// Not heard yet.
        Unknown = "unknown",
    }
}

/// How many nodes an advice is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Number {
    /// One.
    One,
    /// More than one.
    Several,
}

/// What to do, in the imperative and without the names of the nodes that it is about. `others`: those that do not reach
/// them.
pub fn advice(fault: Fault, others: &str, number: Number) -> String {
    let unnamed = in_number("the nodes that cannot reach [it|them]", number);
    in_number(template(fault), number).replacen("OTHERS", if others.is_empty() { &unnamed } else { others }, 1)
}

/// `[it|them]` in the text becomes the first for one, the second for several.
fn in_number(text: &str, number: Number) -> String {
    let mut said = String::new();
    let mut rest = text;
    while let Some((before, (one, several), after)) = next_choice(rest) {
        said.extend([before, if number == Number::One { one } else { several }]);
        rest = after;
    }
    said + rest
}

fn next_choice(text: &str) -> Option<(&str, (&str, &str), &str)> {
    let (before, rest) = text.split_once('[')?;
    let (choice, after) = rest.split_once(']')?;
    Some((before, choice.split_once('|')?, after))
}

/// The text for one and for several; `OTHERS` are those that do not reach them.
fn template(fault: Fault) -> &'static str {
    match fault {
        Fault::Gone => "start [it|them]; read [its|their] last log lines",
        Fault::Stalled => {
            "[it runs but does|they run but do] not answer: check CPU limits, swap, a debugger, a long pause"
        }
        Fault::Silent => "check the [host, its|hosts, their] power and the network first",
        Fault::Down => {
            "check whether [its process runs|their processes run], read [its|their] last log lines, and start [it|them]"
        }
        Fault::Invalid => {
            "something else answers at [its address|their addresses]: check the port, a proxy or a login page in between, \
             and [its version|their versions]"
        }
        Fault::MeshKey => {
            "what answers does not use the mesh key of OTHERS: compare their key files and modes (`heartbeat config \
             show`), and look for a proxy that drops headers"
        }
        Fault::Tls => {
            "[its|their] TLS is not what the nodes that ask expect: compare http:// and https:// in --peers, the \
             [host that its certificate is for, when it expires|hosts that their certificates are for, when they expire], \
             and --tls-ca-file"
        }
        Fault::Name => {
            "[a host name does|host names do] not resolve: check the [name|names] in --peers, and the name server"
        }
        Fault::NeverSeen => {
            "start [it|them], or correct [its host and port|their hosts and ports] in --peers of the nodes that have \
             never heard [it|them]"
        }
        Fault::LinkBroken => "[it runs|they run]; check the network and the firewalls between [it|them] and OTHERS",
        Fault::OneWay => {
            "[it runs|they run]; look for a firewall that drops new connections from OTHERS to [its port|their ports]"
        }
        Fault::CutOff => "check the network between [it|them] and OTHERS, and ask a node on [its|their] side (--addr)",
        Fault::Lossy => {
            "look for lost packets on the way to [it|them]: cables, duplex, a saturated link, a firewall that limits \
             connections"
        }
        Fault::Slow => "look for load: CPU limits and disk first, then the latency of the network",
        Fault::LoadBalancer => {
            "several nodes answer at [its address|their addresses]: list each node by an address of its own, or the name \
             of all with dns+http://, and no load balancer"
        }
        Fault::FoundNobody => {
            "[it has|they have] found no other node: check that --peers names the others, and that they run"
        }
        Fault::NoNodeAt => {
            "start the nodes at the addresses that [it finds|they find] none at, or take these addresses out of the name"
        }
        Fault::Unlisted => "give every node the same --peers; for one name with several addresses use dns+http://",
        Fault::SharedName => "give each node a name of its own (--node)",
        Fault::Mute => {
            "[its peers reach it, but it|their peers reach them, but they] did not report [its|their] links: \
             [it is busy, has|they are busy, have] another version or key, or large packets are lost on the way (MTU)"
        }
        Fault::Paused => "[its host is overloaded or was|their hosts are overloaded or were] suspended; wait a moment",
        Fault::Unknown => "[it has|they have] not answered yet; wait a moment",
    }
}

/// A member of the mesh, as far as advice depends on it.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// What all rows together say of it.
    pub verdict: MeshVerdict,
    /// How it fails for those that cannot reach it.
    pub class: Option<Class>,
    /// Whether its row came.
    pub heard: Option<RowFreshness>,
    /// It was just paused.
    pub stalled: bool,
}

/// What is wrong with a member; `None` where nothing is to be done.
pub fn fault_of(seen: Seen) -> Option<Fault> {
    Some(match seen.verdict {
        MeshVerdict::Down | MeshVerdict::Unconfirmed => fault_of_class(seen.class),
        MeshVerdict::NeverSeen => Fault::NeverSeen,
        MeshVerdict::LinkBroken => Fault::LinkBroken,
        MeshVerdict::OneWay => Fault::OneWay,
        MeshVerdict::Lossy => Fault::Lossy,
        MeshVerdict::Unverified => Fault::MeshKey,
        MeshVerdict::CutOff => Fault::CutOff,
        MeshVerdict::Unknown => Fault::Unknown,
        MeshVerdict::Up | MeshVerdict::Restarted if seen.heard != Some(RowFreshness::Now) => Fault::Mute,
        MeshVerdict::Up | MeshVerdict::Restarted if seen.stalled => Fault::Paused,
        MeshVerdict::Up | MeshVerdict::Restarted | MeshVerdict::Left | MeshVerdict::Maintenance => return None,
    })
}

/// What is wrong where an observer does not see something.
pub fn fault_of_blind_spot(kind: BlindSpotKind) -> Fault {
    match kind {
        BlindSpotKind::FoundNobody => Fault::FoundNobody,
        BlindSpotKind::LookupFails => Fault::Name,
        BlindSpotKind::NoNodeAt => Fault::NoNodeAt,
        BlindSpotKind::Unlisted | BlindSpotKind::ListedByOne => Fault::Unlisted,
        BlindSpotKind::SharedName => Fault::SharedName,
        BlindSpotKind::SharedAddress => Fault::LoadBalancer,
    }
}

/// What to do about a member, from what all rows together say; `None` where nothing is to be done.
pub fn of_member(status: &NodeStatus, row: &Row) -> Option<String> {
    fault_of_member(status, row).map(|fault| advice(fault, &names(&status.missed_by), Number::One))
}

fn fault_of_member(status: &NodeStatus, row: &Row) -> Option<Fault> {
    let seen = Seen { verdict: status.verdict, class: status.class, heard: Some(row.freshness), stalled: row.stalled };
    fault_of(seen)
}

/// What is to be done about one fault, and about whom.
struct Task {
    members: Vec<Member>,
    fault: Fault,
    /// Those that do not reach them.
    others: String,
    /// What is said of one. Faults of which nothing else is to be said share a line.
    text: String,
}

impl Task {
    /// The other end of the same links: there is nothing more to do about it.
    fn is_other_end_of(&self, other: &Task) -> bool {
        let has_two_ends = matches!(self.fault, Fault::LinkBroken | Fault::CutOff);
        has_two_ends
            && self.fault == other.fault
            && self.others == names(&other.members)
            && other.others == names(&self.members)
    }

    /// Of one broken link the end that comes first is shown, of several the node that they have in common, as the sentence
    /// about them does.
    fn is_shown_before(&self, other: &Task) -> bool {
        self.members.len() < other.members.len()
    }

    fn into_line(self) -> (Vec<Member>, String) {
        match self.members.len() {
            1 => (self.members, self.text),
            _ => (self.members, advice(self.fault, &self.others, Number::Several)),
        }
    }
}

/// What to do about everything that is wrong in a mesh: each advice once, with the members that it is about. Those that
/// are down come first. Where two groups of nodes have broken links to each other and to nobody else, one of them is shown.
pub fn of_mesh(view: &MeshView) -> Vec<(Vec<Member>, String)> {
    if view.whole {
        return Vec::new();
    }
    let mut all: Vec<Task> = Vec::new();
    let mut add = |member: &Member, fault: Fault, others: String| {
        let text = advice(fault, &others, Number::One);
        match all.iter_mut().find(|task| task.text == text) {
            Some(task) if task.members.contains(member) => {}
            Some(task) => task.members.push(member.clone()),
            None => all.push(Task { members: vec![member.clone()], fault, others, text }),
        }
    };
    let statuses = || view.node_statuses.iter().zip(&view.rows);
    let (down, others) = (statuses().filter(|(status, _)| status.verdict.is_down()), statuses());
    for (status, row) in down.chain(others) {
        let fault = fault_of_member(status, row);
        fault.into_iter().for_each(|fault| add(&status.member, fault, names(&status.missed_by)));
    }
    for row in &view.rows {
        row.blind_spots.iter().for_each(|spot| add(&row.observer, fault_of_blind_spot(spot.kind), String::new()));
    }
    view.mismatches.iter().for_each(|mismatch| add(&mismatch.observer, Fault::Unlisted, String::new()));
    let mut tasks: Vec<Task> = Vec::new();
    for task in all {
        match tasks.iter_mut().find(|known| task.is_other_end_of(known)) {
            Some(known) if task.is_shown_before(known) => *known = task,
            Some(_) => {}
            None => tasks.push(task),
        }
    }
    tasks.into_iter().map(Task::into_line).collect()
}

fn fault_of_class(class: Option<Class>) -> Fault {
    match class {
        Some(Class::Gone) => Fault::Gone,
        Some(Class::Stalled) => Fault::Stalled,
        Some(Class::Silent) => Fault::Silent,
        None => Fault::Down,
    }
}

/// What is wrong with one peer, from the evidence of one node; `None` where nothing is to be done.
pub(super) fn fault_of_evidence(why: &Why) -> Option<Fault> {
    let peer = &why.peer;
    if peer.rival.is_some() {
        return Some(Fault::LoadBalancer);
    }
    if peer.peer.node.as_ref() == Some(&why.observer.node) {
        return Some(Fault::SharedName);
    }
    let told = match peer.evidence {
        Some(Evidence::Invalid) if peer.peer.flaw.as_ref().is_some_and(|flaw| flaw.kind.is_of_mesh_key()) => {
            Some(Fault::MeshKey)
        }
        Some(Evidence::Invalid) if peer.peer.flaw.as_ref().is_some_and(|flaw| flaw.kind.is_of_tls()) => {
            Some(Fault::Tls)
        }
        Some(Evidence::Invalid) => Some(Fault::Invalid),
        Some(Evidence::Name) => Some(Fault::Name),
        _ => None,
    };
    match (peer.peer.state, peer.verdict) {
        (PeerState::Dead, _) => Some(told.unwrap_or_else(|| fault_of_class(peer.class))),
        (PeerState::Unreachable, Some(Verdict::Unverified)) => Some(Fault::MeshKey),
        (PeerState::Unreachable, Some(Verdict::OneWay)) => Some(Fault::OneWay),
        (PeerState::Unreachable, Some(Verdict::CutOff)) => Some(Fault::CutOff),
        (PeerState::Unreachable, _) => Some(told.unwrap_or(Fault::LinkBroken)),
        (PeerState::Joining, Some(Verdict::NeverSeen)) => Some(told.unwrap_or(Fault::NeverSeen)),
        (PeerState::Alive, _) if peer.degraded => {
            let is_lossy = peer.loss.is_some_and(|loss| loss >= LOSSY);
            Some(if is_lossy { Fault::Lossy } else { Fault::Slow })
        }
        (PeerState::Joining | PeerState::Alive | PeerState::Suspect | PeerState::Left, _) => None,
    }
}

/// From this share of lost pings on, a degraded link is lossy rather than slow.
const LOSSY: f64 = 0.2;

/// The advice of one node about one peer, as a sentence.
pub(super) fn sentence(why: &Why) -> Option<String> {
    let observer = listed(std::slice::from_ref(&why.observer.node));
    fault_of_evidence(why).map(|fault| format!("What to do: {}.", advice(fault, &observer, Number::One)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detector::peer::SelfState;
    use crate::mesh::{self, Cell};

    #[test]
    fn each_class_of_a_dead_node_has_its_own_advice() {
        for (class, expected) in [
            (Some(Class::Gone), "start it; read its last log lines"),
            (Some(Class::Stalled), "it runs but does not answer: check CPU limits, swap, a debugger, a long pause"),
            (Some(Class::Silent), "check the host, its power and the network first"),
            (None, "check whether its process runs, read its last log lines, and start it"),
        ] {
            for verdict in [MeshVerdict::Down, MeshVerdict::Unconfirmed] {
                let seen = Seen { verdict, class, heard: Some(RowFreshness::Never), stalled: false };
                assert_eq!(fault_of(seen).map(|fault| advice(fault, "", Number::One)).as_deref(), Some(expected));
            }
        }
    }

    #[test]
    fn every_bad_verdict_has_advice_and_no_two_faults_share_one() {
        for verdict in MeshVerdict::ALL {
            let seen = Seen { verdict, class: None, heard: Some(RowFreshness::Now), stalled: false };
            let expected = verdict.is_bad() || verdict == MeshVerdict::Unknown;
            assert_eq!(fault_of(seen).is_some(), expected, "{verdict:?}");
        }
        let all: std::collections::BTreeSet<String> = Fault::ALL.map(|fault| advice(fault, "a", Number::One)).into();
        assert_eq!(all.len(), Fault::ALL.len());
    }

    #[test]
    fn advice_for_several_is_in_the_plural() {
        assert_eq!(advice(Fault::Gone, "", Number::Several), "start them; read their last log lines");
        let broken = "they run; check the network and the firewalls between them and";
        assert_eq!(advice(Fault::LinkBroken, "a", Number::Several), format!("{broken} a"));
        let unnamed = advice(Fault::LinkBroken, "", Number::Several);
        assert_eq!(unnamed, format!("{broken} the nodes that cannot reach them"));
        for fault in Fault::ALL {
            for (number, others) in [(Number::One, ["them", "theirs"]), (Number::Several, ["it", "its"])] {
                let text = advice(fault, "a", number).replace("of its own", "");
                let mut words = text.split(|letter: char| !letter.is_alphanumeric());
                assert!(!words.any(|word| others.contains(&word)), "{fault:?}: {text}");
                assert!(!text.contains(['[', '|', ']']) && !text.contains("OTHERS"), "{fault:?}: {text}");
            }
        }
    }

    #[test]
    fn names_with_brackets_stay_as_they_are() {
        let others = "http://[::1]:8001, [a|b] and [a";
        assert!(advice(Fault::LinkBroken, others, Number::One).ends_with(others));
    }

    #[test]
    fn one_that_answers_pings_alone_may_have_an_mtu_problem() {
        let seen = Seen { verdict: MeshVerdict::Up, class: None, heard: Some(RowFreshness::Before), stalled: false };
        assert!(advice(fault_of(seen).unwrap(), "", Number::One).contains("large packets are lost on the way (MTU)"));
    }

    #[test]
    fn links_that_are_broken_both_ways_are_shown_at_the_end_that_they_share() {
        let names = ["a", "b", "c", "d"];
        let broken = [(3, 0), (0, 3), (3, 1), (1, 3)];
        let cell = |from: usize, to: usize| {
            let is_broken = broken.contains(&(from, to));
            let (state, verdict) =
                if is_broken { (PeerState::Unreachable, Some(Verdict::LinkBroken)) } else { (PeerState::Alive, None) };
            Cell { verdict, ..Cell::new(Member::from(names[to]), state) }
        };
        let row = |from: usize| Row {
            freshness: RowFreshness::Now,
            state: Some(SelfState::Ready),
            cells: (0..4).filter(|to| *to != from).map(|to| cell(from, to)).collect(),
            ..Row::never(Member::from(names[from]))
        };
        let told = of_mesh(&mesh::view((0..4).map(row).collect()));
        let text = "it runs; check the network and the firewalls between it and a and b".to_owned();
        assert_eq!(told, [(vec![Member::from("d")], text)]);
    }
}
