//! My own maintenance, and that of the nodes I watch. Why by name, and what silence means: see
//! [`crate::detector::maintenance`].

use std::time::Duration;

use super::Node;
use super::maintenance_book::{Announced, Own};
use crate::detector::event::EventKind;
use crate::detector::link::Link;
use crate::detector::maintenance::{Announcement, Maintenance, MaintenanceEnd, SPAN_MAX};
use crate::detector::peer::{BootId, NodeName, Seq};
use crate::detector::time::{Monotonic, ObserverTime};

/// Names whose announcements are kept. Only peers that I watch can make one, and each ends within a day; so this
/// is met only where addresses change their names all the time, and then the newcomers are not noted.
const KEPT: usize = 4096;

impl Node {
    /// An operator puts this node into maintenance, changes it, or (`None`) ends it.
    pub fn handle_maintenance(&mut self, now: Monotonic, wish: Option<Maintenance>) {
        self.begin(now);
        let was_on = matches!(self.maintenance.own, Own::On(..));
        self.effects.publish();
        match wish {
            Some(mut wish) => {
                wish.left = wish.left.min(SPAN_MAX);
                let until = self.last_raw + wish.left;
                self.maintenance.own = Own::On(wish.reason.clone(), until);
                self.maintenance.ends_at(until);
                self.report_self(EventKind::MaintenanceBegan { maintenance: wish });
            }
            None => {
                self.maintenance.own = Own::Off;
                if was_on {
                    self.report_self(EventKind::MaintenanceEnded { how: MaintenanceEnd::Withdrawn });
                }
            }
        }
        self.finish();
    }

    /// The one I am in.
    pub(super) fn own_maintenance(&self) -> Option<Maintenance> {
        match &self.maintenance.own {
            Own::On(reason, until) => Some(Maintenance { reason: reason.clone(), left: *until - self.last_raw }),
            Own::Unsaid | Own::Off => None,
        }
    }

    /// What my answers say about it.
    pub(super) fn announcement(&self) -> Option<Announcement> {
        match &self.maintenance.own {
            Own::Unsaid => None,
            Own::Off => Some(Announcement::Off),
            Own::On(..) => self.own_maintenance().map(Announcement::On),
        }
    }

    /// Takes in what a peer's answer or news says of its own maintenance.
    pub(super) fn hear_maintenance(&mut self, link: &Link, boot: BootId, seq: Seq, said: Option<Announcement>) {
        if said.is_none() && self.maintenance.peers.is_empty() {
            return;
        }
        let Some(name) = link.node() else { return };
        let known = self.maintenance.peers.get(name);
        if let Some(Announcement::On(maintenance)) = said {
            if known.is_some() || self.maintenance.peers.len() < KEPT {
                self.note_maintenance(link, name.clone(), boot, seq, maintenance);
            }
            return;
        }
        let Some(known) = known else { return };
        let how = match said {
            Some(_) => MaintenanceEnd::Withdrawn,
            // The boot that announced it no longer does, and this answer is newer: its time is over.
            None if known.boot == boot && known.seq < seq => MaintenanceEnd::Expired,
            // That its time is over was reported already, and that it is back is an event of its own.
            None if known.overrun && link.state().is_up() => MaintenanceEnd::Overrun,
            None => return,
        };
        let is_reported = known.overrun;
        self.maintenance.peers.remove(name);
        if !is_reported {
            self.report(link, EventKind::MaintenanceEnded { how });
        }
    }

    fn note_maintenance(&mut self, link: &Link, name: NodeName, boot: BootId, seq: Seq, said: Maintenance) {
        let maintenance = Maintenance { left: said.left.min(SPAN_MAX), reason: said.reason };
        let until = self.last_raw + maintenance.left;
        self.maintenance.ends_at(until);
        let reason = maintenance.reason.clone();
        let known = self.maintenance.peers.insert(name, Announced { reason, until, boot, seq, overrun: false });
        // The time left differs a little in every answer; that alone is no change.
        if known.is_none_or(|known| known.overrun || known.reason != maintenance.reason) {
            self.report(link, EventKind::MaintenanceBegan { maintenance });
        }
    }

    /// Ends what has come to its end. Called with every input.
    pub(super) fn end_maintenance(&mut self) {
        let now = self.last_raw;
        if self.maintenance.next_end.is_none_or(|end| now < end) {
            return;
        }
        if matches!(&self.maintenance.own, Own::On(_, until) if *until <= now) {
            self.maintenance.own = Own::Unsaid;
            self.effects.publish();
            self.report_self(EventKind::MaintenanceEnded { how: MaintenanceEnd::Expired });
        }
        let over = |(_, announced): &(&NodeName, &Announced)| !announced.overrun && announced.until <= now;
        let names: Vec<NodeName> = self.maintenance.peers.iter().filter(over).map(|(name, _)| name.clone()).collect();
        for name in names {
            let id = self.names.get(&name).copied();
            let link = id.and_then(|id| self.links.get(&id));
            let is_back = link.is_none_or(|link| link.state().is_up());
            if is_back {
                self.maintenance.peers.remove(&name);
            } else if let Some(announced) = self.maintenance.peers.get_mut(&name) {
                announced.overrun = true;
            }
            if let Some(link) = link {
                let how = if is_back { MaintenanceEnd::Expired } else { MaintenanceEnd::Overrun };
                self.effects.report(now, Some(link.peer_ref()), EventKind::MaintenanceEnded { how });
            }
        }
        self.maintenance.find_next_end();
    }

    /// When the next one ends, if that is before `next`. No peer is judged then.
    pub(super) fn or_end_of_maintenance(&self, next: Option<(ObserverTime, bool)>) -> Option<(ObserverTime, bool)> {
        let Some(end) = self.maintenance.next_end().map(|end| self.clock.to_observer(end)) else { return next };
        match next {
            Some((at, judge)) if at <= end => Some((at, judge)),
            Some(_) | None => Some((end, false)),
        }
    }

    fn announced(&self, link: &Link) -> Option<&Announced> {
        if self.maintenance.peers.is_empty() {
            return None;
        }
        self.maintenance.peers.get(link.node()?)
    }

    /// The maintenance that this peer is in.
    pub(super) fn maintenance_of(&self, link: &Link) -> Option<Maintenance> {
        let announced = self.announced(link).filter(|announced| !announced.overrun)?;
        Some(Maintenance { reason: announced.reason.clone(), left: announced.until - self.last_raw })
    }

    /// How long ago this peer's maintenance should have been over; `None` once it is up again.
    pub(super) fn overrun_of(&self, link: &Link) -> Option<Duration> {
        let announced = self.announced(link).filter(|announced| announced.overrun && !link.state().is_up())?;
        Some(self.last_raw - announced.until)
    }
}

#[cfg(test)]
#[path = "maintenance_tests.rs"]
mod tests;
