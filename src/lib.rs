//! `distributed-heartbeat`: which of my nodes can reach which, since when, and is it them or me?
//!
//! The package is a program; `main` is all that its binary calls. What can be used as a library is the half without
//! sockets, clocks and tasks: [`detector`] decides who is down, [`mesh`] compares what all nodes report, [`render`]
//! puts both into sentences, and [`sim`] runs many detectors on one virtual clock.
//!
//! ```
//! let scenario = heartbeat::sim::builtin("crash").expect("a built-in scenario");
//! let run = heartbeat::sim::run(&scenario, 7);
//! assert!(run.violations.is_empty());
//! ```

#[cfg(feature = "node")]
pub mod api;
mod closed_set;
pub mod detector;
pub mod mesh;
pub mod render;
pub mod sim;
#[doc(hidden)]
pub mod testing;

#[cfg(feature = "node")]
mod app;
#[cfg(feature = "node")]
mod cli;
#[cfg(feature = "node")]
mod client;
#[cfg(feature = "node")]
mod config;
#[cfg(feature = "node")]
mod http;
#[cfg(feature = "node")]
mod mesh_service;
#[cfg(feature = "node")]
mod runtime;
#[cfg(feature = "node")]
mod telemetry;

#[cfg(feature = "node")]
pub use cli::main;
