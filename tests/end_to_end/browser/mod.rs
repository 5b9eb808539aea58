//! The page of a node in a real browser, while real nodes are killed, cut off and started again: what a person sees,
//! how soon, with scripts and without, on a phone, in the dark, by ear, and when names mean harm.
//!
//! The same cases that show a fault write the pictures of the documentation, with
//! `HEARTBEAT_WRITE=1 cargo test --test end_to_end pictures`, or `just screenshots`.

pub mod changes;
pub mod driver;
pub mod hostile;
mod matrix;
pub mod pictures;
pub mod reading;
