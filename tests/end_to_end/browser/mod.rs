//! The page of a node in a real browser, while real nodes are killed, cut off and started again: what a person sees,
//! how soon, with scripts and without, on a phone, in the dark, by ear, and when names mean harm.
//!
//! The pictures of the documentation are taken by `just screenshots` ([`pictures`]).

pub mod changes;
pub mod driver;
pub mod hostile;
pub mod login;
mod matrix;
pub mod pictures;
pub mod playground;
pub mod reading;
mod scenes;
mod stage;
