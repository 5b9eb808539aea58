//! The mesh as a whole, as far as one node can know it: who is asked when, and what is kept.
//!
//! `collector` asks the peers for their rows and lays them side by side; `incident_watcher` does so while something is
//! wrong and shows each view to the incidents; `history_sync` asks peers what they saw; `incident_store` keeps what the
//! last two find; `evidence` asks one peer about one link; `strips` keeps the last 15 minutes of every node and link. None of it decides: `detector` judges links, `mesh` draws conclusions from rows.

pub(crate) mod collector;
pub(crate) mod evidence;
pub(crate) mod history_sync;
pub(crate) mod incident_store;
pub(crate) mod incident_watcher;
pub(crate) mod strips;
