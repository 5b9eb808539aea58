//! Watches over the mesh while something is wrong, and tells incidents.
//!
//! The detector says whether anything is wrong as far as it knows: a link of
//! its own, or somebody's link that its answers bring along. While nothing is,
//! this task sleeps and costs nothing; a whole mesh is not looked at by anybody.
//! Otherwise it gathers the mesh about once a second, through the collector
//! that pages and commands share, and shows each view to the fold in
//! [`crate::mesh::incident`]. What changes there becomes an event like any other.
//!
//! An outage of days should not cost a gathering a second in every node: when
//! the picture has not changed for a while, it looks less often, and at once
//! when the detector hears another opinion.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::collector::{Mesh, SHARED_FOR};
use super::incident_store::IncidentStore;
use crate::detector::time::Monotonic;
use crate::detector::view::Trouble;
use crate::mesh::Member;
use crate::mesh::event::{IncidentEvent, NodeEvent};
use crate::mesh::incident::IncidentChange;
use crate::runtime::clock::Clock;
use crate::telemetry::Telemetry;

/// Between two looks while things change: an outage's length is told in seconds.
const PACE: Duration = Duration::from_secs(1);
/// Between two looks at an outage that goes on unchanged.
const PACE_CALM: Duration = Duration::from_secs(5);
/// After this long without another opinion nothing changes any more.
const CALM_AFTER: Duration = Duration::from_secs(30);

/// Owns the looking. Made by [`IncidentWatcher::new`], which starts nothing; [`IncidentWatcher::run`] does.
pub(crate) struct IncidentWatcher {
    mesh: Mesh,
    trouble: watch::Receiver<Trouble>,
    clock: Clock,
    incidents: Arc<IncidentStore>,
    telemetry: Arc<Telemetry>,
    /// When somebody's opinion changed last.
    stirred: Monotonic,
}

impl IncidentWatcher {
    pub(crate) fn new(
        mesh: Mesh,
        trouble: watch::Receiver<Trouble>,
        clock: Clock,
        incidents: Arc<IncidentStore>,
        telemetry: Arc<Telemetry>,
    ) -> IncidentWatcher {
        IncidentWatcher { mesh, trouble, clock, incidents, telemetry, stirred: clock.now() }
    }

    /// Watches until `stop`, or until nobody is left to ask.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        tokio::select! {
            biased;
            () = stop.cancelled() => {}
            () = self.watch() => stop.cancelled().await,
        }
    }

    async fn watch(&mut self) {
        loop {
            if self.trouble.borrow_and_update().any || self.incidents.open() > 0 {
                // A detector that has stopped: its supervisor ends this task, too.
                let Ok((gathered, _)) = self.mesh.view().await else { return };
                let me = Member::from(&gathered.node);
                let changes = self.incidents.observe(gathered.at, &me, &gathered.view);
                self.tell(changes);
                if self.pause().await.is_err() {
                    return;
                }
            } else {
                if self.rest().await.is_err() {
                    return;
                }
                let changes = self.incidents.tick();
                self.tell(changes);
            }
        }
    }

    /// Until the next look: in a while, or a moment after somebody changed their mind.
    async fn pause(&mut self) -> Result<(), watch::error::RecvError> {
        let calm = self.clock.now() - self.stirred >= CALM_AFTER;
        let pace = if calm { PACE_CALM } else { PACE };
        tokio::select! {
            () = sleep(pace) => Ok(()),
            changed = self.trouble.changed() => {
                self.stirred = self.clock.now();
                // Opinions come in crowds, and what was gathered just now is given out again.
                sleep(SHARED_FOR).await;
                changed
            }
        }
    }

    /// Until something is wrong, or an incident is due to be announced or closed.
    async fn rest(&mut self) -> Result<(), watch::error::RecvError> {
        let due = self.incidents.deadline().map(|at| self.clock.timer(at));
        tokio::select! {
            changed = self.trouble.changed() => {
                self.stirred = self.clock.now();
                changed
            }
            () = async {
                match due {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            } => Ok(()),
        }
    }

    fn tell(&self, changes: Vec<IncidentChange>) {
        tell(&self.telemetry, &self.incidents, self.clock.now(), changes);
    }
}

/// What changed becomes events, and the gauge is set.
pub(super) fn tell(telemetry: &Telemetry, incidents: &IncidentStore, now: Monotonic, changes: Vec<IncidentChange>) {
    for change in changes {
        telemetry.observe(NodeEvent::Incident(IncidentEvent { at: now, change }));
    }
    telemetry.metrics().incidents_open(incidents.open());
}
