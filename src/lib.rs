//! `distributed-heartbeat`: which of my nodes can reach which, since when, and is it them or me?

#[cfg(feature = "node")]
pub mod api;
#[cfg(feature = "node")]
pub mod cli;
mod closed_set;
#[cfg(feature = "node")]
pub mod config;
pub mod detector;
pub mod mesh;
pub mod render;
pub mod sim;

#[cfg(feature = "node")]
pub mod app;
#[cfg(feature = "node")]
pub mod client;
#[cfg(feature = "node")]
pub mod http;
#[cfg(feature = "node")]
pub mod mesh_service;
#[cfg(feature = "node")]
pub mod runtime;
#[cfg(feature = "node")]
pub mod telemetry;
