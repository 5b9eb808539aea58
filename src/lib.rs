//! `distributed-heartbeat`: which of my nodes can reach which, since when, and is it them or me?
//!
//! The package is a program; `main` is all that its binary calls. What can be used as a library is the half without
//! sockets, clocks and tasks: [`detector`] decides who is down, [`mesh`] compares what all nodes report, [`render`]
//! puts both into sentences, [`sim`] runs many detectors on one virtual clock, and [`baselines`] has those of the
//! literature to compare with. `api` has the JSON shapes of a node.
//!
//! ```
//! let scenario = heartbeat::sim::builtin("crash").expect("a built-in scenario");
//! let run = heartbeat::sim::run(&scenario, 7);
//! assert!(run.violations.is_empty());
//! ```

// Here and not in `[lints]` of Cargo.toml: that table applies to every target, and no one reads the documentation of a
// test, a benchmark or the binary.
#![warn(missing_docs, unreachable_pub)]

// `allow(missing_docs)`: a comment on a field becomes its description in /openapi.json, which describes what the name
// and the bounds leave open.
#[cfg(feature = "node")]
#[allow(missing_docs)]
pub mod api;
pub mod baselines;
mod closed_set;
pub mod detector;
pub mod mesh;
pub mod render;
pub mod sim;
#[doc(hidden)]
pub mod testing;

// The node. `allow(missing_docs)`: the lint also asks for what only `testing` exports.
#[cfg(feature = "node")]
#[allow(missing_docs)]
mod app;
#[cfg(feature = "node")]
#[allow(missing_docs)]
mod cli;
#[cfg(feature = "node")]
#[allow(missing_docs)]
mod client;
#[cfg(feature = "node")]
#[allow(missing_docs)]
mod config;
#[cfg(feature = "node")]
#[allow(missing_docs)]
mod http;
#[cfg(feature = "node")]
#[allow(missing_docs)]
mod mesh_key;
#[cfg(feature = "node")]
#[allow(missing_docs)]
mod mesh_service;
#[cfg(feature = "node")]
#[allow(missing_docs)]
mod plain_http;
#[cfg(feature = "node")]
#[allow(missing_docs)]
mod runtime;
#[cfg(feature = "node")]
#[allow(missing_docs)]
mod secret_file;
#[cfg(feature = "node")]
#[allow(missing_docs)]
mod telemetry;
#[cfg(feature = "node")]
#[allow(missing_docs)]
mod tls;

#[cfg(feature = "node")]
pub use cli::main;
