//! The labs' pure half: what a lab file means, whether what was seen is what it
//! expects, and what a page says of the figures. No container and no clock.
//!
//! Shared by the runner (`tests/labs`), by the contract test, which needs no
//! engine, and by any other place in which the same labs are run.

// Each user takes its own part; the unit tests run in the contract suite, which has a harness.
#![allow(dead_code, unused_imports)]

pub mod check;
pub mod figures;
pub mod lab;
pub mod time;

/// Every lab, in the reader's order.
pub const LABS: &[&str] = &[
    "crash",
    "stop",
    "pause",
    "long-pause",
    "throttled",
    "partition",
    "one-way",
    "reject",
    "restart",
    "rolling",
    "slow-link",
    "loss",
    "scale",
    "dark",
];

/// Those that take two minutes and more in compose. They come first where several are played at once, so that none of them is
/// still running when all others are done.
pub const LONG: &[&str] = &["loss", "pause", "scale"];
