//! Certificates, and programs without one that speak TLS: for this suite and for others that look at nodes with TLS.

// Each of them takes its own part.
#![allow(dead_code)]

pub mod certificates;
pub mod client;
pub mod front;
