//! What a run showed, in one line: which faults were detected, after how long and by how many, what else was reported,
//! whether a verdict was false, and whether the invariants held. All of it is counted in the timeline of this very run.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::fault::faults;
use super::run::Run;
use super::scenario::HostId;
use super::timeline::What;
use crate::detector::event::EventKind;
use crate::detector::peer::Verdict;

/// One line without a full stop.
pub fn shown(run: &Run) -> String {
    let detected = detected(run);
    let mut parts = reported(run, detected.is_some());
    parts.splice(0..0, detected);
    parts.extend(run.false_verdicts.map(|count| match count {
        0 => "no false verdict".to_owned(),
        1 => "1 false verdict".to_owned(),
        more => format!("{more} false verdicts"),
    }));
    parts.push(match run.violations.len() {
        _ if run.false_verdicts.is_none() => "invariants not checked in a mesh of this size".to_owned(),
        0 => "invariants held".to_owned(),
        1 => "1 invariant broken".to_owned(),
        more => format!("{more} invariants broken"),
    });
    parts.join(", ")
}

/// How many of those that could call a fault down did so, and how long the last of them took.
fn detected(run: &Run) -> Option<String> {
    let faults = faults(&run.scenario);
    let could: usize = faults.iter().map(|fault| fault.observers.len()).sum();
    if could == 0 {
        return None;
    }
    let (mut did, mut last, mut confirmed) = (0, Duration::ZERO, false);
    for fault in &faults {
        let mut seen = BTreeSet::new();
        for entry in run.timeline.iter().filter(|entry| entry.at >= fault.at && entry.at <= fault.until) {
            let What::Event(node, event) = &entry.what else { continue };
            let EventKind::PeerDown { verdict, .. } = &event.kind else { continue };
            let observer = HostId::of(node.as_str()).map(|host| host.0);
            let about = event.peer.as_ref().and_then(|peer| HostId::of(peer.display_name()));
            let is_about = about == Some(HostId(fault.host));
            if let Some(observer) = observer.filter(|observer| is_about && fault.observers.contains(observer))
                && seen.insert(observer)
            {
                did += 1;
                last = last.max(entry.at - fault.at);
                confirmed |= *verdict == Verdict::Down;
            }
        }
    }
    if did == 0 {
        return Some("no node called down".to_owned());
    }
    let unconfirmed = if confirmed { "" } else { ", unconfirmed" };
    Some(format!("detected after {:.3} s at {did} of {could}{unconfirmed}", last.as_secs_f64()))
}

/// What else nodes reported after the first step, with the number of links on which they did.
fn reported(run: &Run, down_is_told: bool) -> Vec<String> {
    let first = run.timeline.iter().position(|entry| matches!(entry.what, What::Step(_))).unwrap_or(0);
    let mut links: BTreeMap<&str, BTreeSet<(&str, &str)>> = BTreeMap::new();
    for entry in &run.timeline[first..] {
        let What::Event(node, event) = &entry.what else { continue };
        let words = match &event.kind {
            EventKind::PeerDown { .. } if !down_is_told => "down",
            EventKind::PeerUnreachable { verdict: Verdict::OneWay, .. } => "one way",
            EventKind::PeerUnreachable { verdict: Verdict::CutOff, .. } => "cut off",
            EventKind::PeerUnreachable { verdict: Verdict::Lossy, .. } => "lossy",
            EventKind::PeerUnreachable { .. } => "link broken",
            EventKind::PeerNeverSeen { .. } => "never seen",
            EventKind::PeerLeft { .. } => "left",
            EventKind::PeerRestarted { .. } => "restarted",
            EventKind::PeerRecovered { .. } => "recovered",
            EventKind::PeerFlapping { on: true, .. } => "flapping",
            EventKind::PeerDegraded { on: true, .. } => "degraded",
            _ => continue,
        };
        let about = event.peer.as_ref().map_or("", |peer| peer.display_name());
        links.entry(words).or_default().insert((node.as_str(), about));
    }
    let order = [
        "down",
        "one way",
        "cut off",
        "lossy",
        "link broken",
        "never seen",
        "left",
        "restarted",
        "recovered",
        "flapping",
        "degraded",
    ];
    let counted = order.iter().filter_map(|words| links.get(words).map(|links| (words, links.len())));
    counted.map(|(words, links)| format!("{words} on {links} link{}", if links == 1 { "" } else { "s" })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim;

    fn says(name: &str) -> String {
        shown(&sim::run(&sim::builtin(name).unwrap(), 1))
    }

    /// The part about detection, without its figure.
    fn figure(text: &str) -> Option<(f64, &str)> {
        let (seconds, rest) = text.strip_prefix("detected after ")?.split_once(" s at ")?;
        Some((seconds.parse().ok()?, rest))
    }

    #[test]
    fn every_builtin_ends_with_what_it_showed() {
        for (name, _) in sim::builtin_names() {
            let text = says(name);
            assert!(text.ends_with("no false verdict, invariants held"), "{name}: {text}");
            assert!(text.split(", ").count() > 2, "{name} showed nothing: {text}");
        }
    }

    #[test]
    fn a_detection_has_its_time_and_its_observers() {
        for (name, most, rest) in [
            ("crash", 0.5, "2 of 2, no false verdict, invariants held"),
            ("silent-host", 3.3, "2 of 2, no false verdict, invariants held"),
            ("two-of-three", 0.5, "2 of 2, unconfirmed, no false verdict, invariants held"),
            ("three-of-five", 0.5, "6 of 6, no false verdict, invariants held"),
            ("flap", 0.5, "6 of 6, restarted on 2 links, recovered on 2 links, flapping on 2 links"),
        ] {
            let text = says(name);
            let (seconds, after) = figure(&text).unwrap_or_else(|| panic!("{name}: {text}"));
            assert!(seconds > 0.2 && seconds <= most && after.starts_with(rest), "{name}: {text}");
        }
    }

    #[test]
    fn what_was_not_called_down_is_said() {
        assert!(says("freeze-short").starts_with("no node called down"));
        assert!(says("partition-3-2").starts_with("down on 6 links, cut off on 6 links"), "{}", says("partition-3-2"));
        assert!(says("leave").starts_with("left on 2 links, no false"), "{}", says("leave"));
    }

    #[test]
    fn a_verdict_that_is_false_is_counted() {
        // Two nodes behind rejecting links take the third for gone: an honest limit, and a false verdict all the same.
        let text = "nodes 3\nlength 30s\nat 10s reject node-1 node-3\nat 10s reject node-2 node-3\n";
        let run = sim::run(&text.parse().unwrap(), 1);
        assert_eq!(shown(&run), "down on 4 links, 4 false verdicts, invariants held");
        let mut run = sim::run(&sim::builtin("crash").unwrap(), 1);
        run.false_verdicts = None;
        assert!(shown(&run).ends_with("invariants not checked in a mesh of this size"));
    }
}
