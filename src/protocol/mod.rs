//! The failure detector, pure: no clock, socket, task, log or random source.
//!
//! Modules in reading order: first the words ([`time`], [`peer`],
//! [`evidence`], [`config`]), then the formulas ([`estimator`], [`gray`],
//! [`quorum`], [`table`], [`rule`]), then what is known of one peer ([`link`], and
//! [`record`] for whoever asks why) and the node that decides ([`node`]), with what
//! operators announce ([`maintenance`]) beside it; [`discovery`] finds peers behind
//! a name; [`event`], [`transmit`], [`view`] and [`why`] are what comes out.
//! [`mesh`] lays side by side what several nodes say, and [`incident`] folds that
//! into what happened.

pub mod config;
pub mod discovery;
mod due;
pub mod estimator;
pub mod event;
pub mod evidence;
pub mod gray;
pub mod incident;
pub mod link;
pub mod maintenance;
pub mod mesh;
pub mod node;
pub mod peer;
pub mod quorum;
pub mod record;
pub mod rule;
pub mod table;
pub mod time;
pub mod transmit;
pub mod view;
pub mod why;
pub mod words;
