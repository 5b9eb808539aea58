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

/// What to do, in the imperative and without the node's name. `others`: the nodes that do not reach it.
pub fn advice(fault: Fault, others: &str) -> String {
    let others = if others.is_empty() { "the nodes that cannot reach it" } else { others };
    match fault {
        Fault::Gone => "start it; read its last log lines".to_owned(),
        Fault::Stalled => "it runs but does not answer: check CPU limits, swap, a debugger, a long pause".to_owned(),
        Fault::Silent => "check the host, its power and the network first".to_owned(),
        Fault::Down => "check whether its process runs, read its last log lines, and start it".to_owned(),
        Fault::Invalid => {
            "something else answers at its address: check the port, a proxy or a login page in between, and its version"
                .to_owned()
        }
        Fault::MeshKey => {
            "what answers does not use the mesh key of the node that asks: compare their key files and modes (`heartbeat \
             config show`), and look for a proxy that drops headers"
                .to_owned()
        }
        Fault::Tls => {
            "its TLS is not what the nodes that ask expect: compare http:// and https:// in --peers, the host that its \
             certificate is for, when it expires, and --tls-ca-file"
                .to_owned()
        }
        Fault::Name => "a host name does not resolve: check the name in --peers, and the name server".to_owned(),
        Fault::NeverSeen => {
            "start it, or correct its host and port in --peers of the nodes that have never heard it".to_owned()
        }
        Fault::LinkBroken => format!("it runs; check the network and the firewalls between it and {others}"),
        Fault::OneWay => {
            format!("it runs; look for a firewall that drops new connections from {others} to its port")
        }
        Fault::CutOff => "check its network, and ask a node on its side (--addr)".to_owned(),
        Fault::Lossy => "look for lost packets on the way to it: cables, duplex, a saturated link, a firewall that \
                         limits connections"
            .to_owned(),
        Fault::Slow => "look for load: its CPU limits and its disk first, then the latency of the network".to_owned(),
        Fault::LoadBalancer => {
            "several nodes answer at its address: list each node by an address of its own, or the name of all with \
             dns+http://, and no load balancer"
                .to_owned()
        }
        Fault::FoundNobody => {
            "it has found no other node: check that --peers names the others, and that they run".to_owned()
        }
        Fault::NoNodeAt => {
            "start the nodes at the addresses that it finds none at, or take these addresses out of the name".to_owned()
        }
        Fault::Unlisted => {
            "give every node the same --peers; for one name with several addresses use dns+http://".to_owned()
        }
        Fault::SharedName => "give each node a name of its own (--node)".to_owned(),
        Fault::Mute => {
            "its peers reach it, but it did not report its links: it is busy, has another version or key, or \
                        large packets are lost on the way (MTU)"
                .to_owned()
        }
        Fault::Paused => "its host is overloaded or was suspended; wait a moment".to_owned(),
        Fault::Unknown => "it has not answered yet; wait a moment".to_owned(),
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
    let seen = Seen { verdict: status.verdict, class: status.class, heard: Some(row.freshness), stalled: row.stalled };
    fault_of(seen).map(|fault| advice(fault, &names(&status.missed_by)))
}

/// What to do about everything that is wrong in a mesh: each advice once, with the members that it is about. Those that
/// are down come first.
pub fn of_mesh(view: &MeshView) -> Vec<(Vec<Member>, String)> {
    let mut all: Vec<(Vec<Member>, String)> = Vec::new();
    if view.whole {
        return all;
    }
    let mut add = |member: &Member, text: String| match all.iter_mut().find(|(_, known)| *known == text) {
        Some((members, _)) if members.contains(member) => {}
        Some((members, _)) => members.push(member.clone()),
        None => all.push((vec![member.clone()], text)),
    };
    let statuses = || view.node_statuses.iter().zip(&view.rows);
    let (down, others) = (statuses().filter(|(status, _)| status.verdict.is_down()), statuses());
    for (status, row) in down.chain(others) {
        of_member(status, row).into_iter().for_each(|text| add(&status.member, text));
    }
    for row in &view.rows {
        row.blind_spots.iter().for_each(|spot| add(&row.observer, advice(fault_of_blind_spot(spot.kind), "")));
    }
    view.mismatches.iter().for_each(|mismatch| add(&mismatch.observer, advice(Fault::Unlisted, "")));
    all
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
    fault_of_evidence(why).map(|fault| format!("What to do: {}.", advice(fault, &observer)))
}

#[cfg(test)]
mod tests {
    use super::*;

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
                assert_eq!(fault_of(seen).map(|fault| advice(fault, "")).as_deref(), Some(expected));
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
        let all: std::collections::BTreeSet<String> = Fault::ALL.map(|fault| advice(fault, "a")).into();
        assert_eq!(all.len(), Fault::ALL.len());
    }

    #[test]
    fn one_that_answers_pings_alone_may_have_an_mtu_problem() {
        let seen = Seen { verdict: MeshVerdict::Up, class: None, heard: Some(RowFreshness::Before), stalled: false };
        assert!(advice(fault_of(seen).unwrap(), "").contains("large packets are lost on the way (MTU)"));
    }
}
