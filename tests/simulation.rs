//! The detector under virtual time: schedules that broke earlier wordings of the
//! rules, schedules made of chance, and the times that are promised.
//!
//! A failure prints the one line that replays it. More seeds, or one of them:
//!
//! ```text
//! HEARTBEAT_SIM_SEEDS=20000 cargo test --test simulation sweep
//! HEARTBEAT_SIM_SEED=42 cargo test --test simulation one_seed -- --nocapture
//! ```

#![allow(clippy::disallowed_methods)] // The suite reads its own settings from the environment.

#[path = "simulation/builtins.rs"]
mod builtins;
#[path = "simulation/check.rs"]
mod check;
#[path = "simulation/evidence.rs"]
mod evidence;
#[path = "simulation/omissions.rs"]
mod omissions;
#[path = "simulation/schedules.rs"]
mod schedules;
#[path = "simulation/sweep.rs"]
mod sweep;
#[path = "simulation/times.rs"]
mod times;
