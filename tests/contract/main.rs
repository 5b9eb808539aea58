//! The bundle is a contract: what its files say about the program, and about
//! each other, is read here and held against the program itself.
//!
//! No container engine, no cluster and no Prometheus is needed, so this runs
//! with plain `cargo test`. One module a kind of file.

#![cfg(feature = "node")]
// Reading the bundle's files is what these tests do.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

mod alertmanager;
mod compose;
mod dashboard;
mod files;
mod glance;
mod grafana;
mod image;
mod kubernetes;
mod labs;
mod prometheus;
mod recipes;
mod repository;

/// The dashboard's queries as the suites with a real Prometheus send them.
#[path = "../support/dashboard.rs"]
#[allow(dead_code, reason = "to send them is the other suites' part")]
mod queries;
