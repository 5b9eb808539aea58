//! Events, in the encoding of the trace.

use super::Trace;
use crate::detector::discovery::Finding;
use crate::detector::event::{Conflict, EventKind, PeerRef, PingResult};
use crate::detector::peer::NodeName;

impl Trace {
    pub(super) fn peer(&mut self, PeerRef { id, key, node, boot, state, flaw: _ }: &PeerRef) {
        self.number(id.0);
        self.text(&key.0);
        self.maybe(node.as_ref(), Trace::node);
        self.maybe(*boot, Trace::boot);
        self.text(state.as_str());
    }

    fn nodes(&mut self, nodes: &[NodeName]) {
        self.list(nodes, Trace::node);
    }

    /// What an event of this kind says besides its name.
    pub(super) fn kind(&mut self, kind: &EventKind) {
        match kind {
            EventKind::PingEnded { purpose, result } => {
                self.text(purpose.as_str());
                self.result(*result);
            }
            EventKind::PeerJoined { rtt } => self.maybe(*rtt, Trace::time),
            EventKind::PeerSuspect { doubt } => self.text(doubt.as_str()),
            EventKind::PeerCleared { suspect_for } => self.time(*suspect_for),
            EventKind::PeerDown { prev, verdict, class, evidence, silent_for, accusers: names }
            | EventKind::PeerUnreachable { prev, verdict, class, evidence, silent_for, witnesses: names } => {
                self.texts(&[prev.as_str(), verdict.as_str(), class.as_str(), evidence.as_str()]);
                self.time(*silent_for);
                self.nodes(names);
            }
            EventKind::PeerRecovered { prev, outage, rtt } => {
                self.text(prev.as_str());
                self.time(*outage);
                self.maybe(*rtt, Trace::time);
            }
            EventKind::PeerRestarted { prev, old, new, silent_for } => {
                self.text(prev.as_str());
                self.boot(*old);
                self.boot(*new);
                self.time(*silent_for);
            }
            EventKind::PeerLeft { prev, witness } => {
                self.text(prev.as_str());
                self.maybe(witness.as_ref(), Trace::node);
            }
            EventKind::PeerNeverSeen { waited, evidence } => {
                self.time(*waited);
                self.maybe(*evidence, |trace, evidence| trace.text(evidence.as_str()));
            }
            EventKind::PeerFlapping { on, changes } => self.numbers(&[u32::from(*on), *changes]),
            EventKind::PeerDegraded { on, bad, of } => self.numbers(&[u32::from(*on), *bad, *of]),
            EventKind::PeerConflict { conflict } => self.conflict(conflict),
            EventKind::PeerRemoved { why } => self.text(why.as_str()),
            EventKind::PeerMoved { from, to } => self.texts(&[&from.to_string(), &to.to_string()]),
            EventKind::SelfCutOff { heard, expected, unheard, no_network } => {
                self.numbers(&[*heard, *expected, u32::from(*no_network)]);
                self.list(unheard, Trace::peer);
            }
            EventKind::SelfRejoined { cut_off_for } => self.time(*cut_off_for),
            EventKind::SelfSlow { bad, expected } => self.numbers(&[*bad, *expected]),
            EventKind::SelfWell { slow_for } => self.time(*slow_for),
            EventKind::SelfStalled { lost } => self.time(*lost),
            EventKind::Discovery(finding) => self.finding(finding),
            EventKind::MaintenanceBegan { maintenance } => self.maintenance(maintenance),
            EventKind::MaintenanceEnded { how } => self.text(how.as_str()),
            // The name says it all.
            EventKind::PeerReturned | EventKind::PeerIsSelf | EventKind::PeerAdded | EventKind::SelfLeaving => {}
        }
    }

    fn result(&mut self, result: PingResult) {
        match result {
            PingResult::Success { rtt, sampled } => {
                self.text("success");
                self.time(rtt);
                self.number(sampled);
            }
            PingResult::Failure { evidence, timed_out } => {
                self.text("failure");
                self.text(evidence.as_str());
                self.number(timed_out);
            }
        }
    }

    fn conflict(&mut self, conflict: &Conflict) {
        match conflict {
            Conflict::OldBootReturned { boot, current } => {
                self.text("old_boot_returned");
                self.boot(*boot);
                self.boot(*current);
            }
            Conflict::WrongName { expected, declared } => {
                self.text("wrong_name");
                self.node(expected);
                self.node(declared);
            }
            Conflict::SharedAddress { known, declared } => {
                self.text("shared_address");
                self.node(known);
                self.node(declared);
            }
            Conflict::SharedName { boot } => {
                self.text("shared_name");
                self.boot(*boot);
            }
            Conflict::SameNode { other } => {
                self.text("same_node");
                self.text(&other.0);
            }
            Conflict::LoneVouch { witness } => {
                self.text("lone_vouch");
                self.node(witness);
            }
            Conflict::NameReserved { name, other } => {
                self.text("name_reserved");
                self.node(name);
                self.text(&other.0);
            }
        }
    }

    fn finding(&mut self, finding: &Finding) {
        match finding {
            Finding::Failed { name, error, known } => {
                self.text(&name.to_string());
                self.text(error);
                self.number(*known);
            }
            Finding::Recovered { name, failed_for, failures, found } => {
                self.text(&name.to_string());
                self.time(*failed_for);
                self.numbers(&[*failures, *found]);
            }
            Finding::Full { listed, limit } => self.numbers(&[*listed, *limit]),
            Finding::NameTaken { address, boot } => {
                self.text(&address.map(|address| address.to_string()).unwrap_or_default());
                self.boot(*boot);
            }
        }
    }
}
