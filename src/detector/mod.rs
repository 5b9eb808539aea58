//! The failure detector, pure: no clock, socket, task, log or random source.
//!
//! Modules in reading order: first the words ([`time`], [`peer`],
//! [`evidence`], [`config`]), then the formulas ([`estimator`], [`gray`],
//! [`quorum`], [`table`], [`rule`]), then what is known of one peer ([`link`], and
//! [`record`] for whoever asks why) and the node that decides ([`node`]), with what
//! operators announce ([`maintenance`]) beside it; [`discovery`] finds peers behind
//! a name; [`event`], [`transmit`], [`view`] and [`why`] are what comes out.

pub mod config;
pub mod discovery;
pub mod estimator;
pub mod event;
pub mod evidence;
pub mod gray;
pub mod level;
pub mod link;
pub mod maintenance;
pub(crate) mod natural_order;
pub mod node;
pub mod peer;
pub mod quorum;
pub mod record;
pub mod rule;
pub(crate) mod sets;
pub mod table;
pub mod time;
mod timers;
pub mod transmit;
pub mod view;
pub mod why;
