//! The failure detector, pure: no clock, socket, task, log or random source.
//!
//! Modules in reading order: first the words ([`time`], [`peer`],
//! [`evidence`], [`config`]), then the formulas (`estimator`, `gray`,
//! `quorum`, `table`, `rule`), then what is known of one peer (`link`, and
//! `record` for explanations) and the node that decides ([`node`]), with what
//! operators announce ([`maintenance`]) beside it, and what the simulator leaves out (`omission`); [`discovery`] finds peers behind
//! a name; `goodbyes` holds answers back; [`event`], [`transmit`], [`view`] and `why` are what comes out.

pub mod config;
pub(crate) mod conflict;
pub mod discovery;
pub(crate) mod estimator;
pub mod event;
pub mod evidence;
pub mod flaw;
pub(crate) mod goodbyes;
pub(crate) mod gray;
pub(crate) mod level;
pub(crate) mod limits;
pub(crate) mod link;
pub mod maintenance;
pub(crate) mod natural_order;
pub mod node;
pub(crate) mod omission;
pub mod peer;
mod quality;
pub(crate) mod quorum;
#[allow(missing_docs)] // exported to `testing` only
pub(crate) mod record;
#[allow(missing_docs)] // exported to `testing` only
pub(crate) mod rule;
pub(crate) mod sets;
#[allow(missing_docs)] // exported to `testing` only
pub(crate) mod table;
pub mod time;
mod timers;
pub mod transmit;
pub mod view;
#[allow(missing_docs)] // exported to `testing` only
pub(crate) mod why;
