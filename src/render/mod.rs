//! Every text that a person reads about the mesh, made in one place.
//!
//! The simulator, the command line, the page, the API and the log must use one wording, so that somebody who has read a
//! simulated trace can read a real one. All of it is pure: data in, text out. Turned down: `Display` on the types of the
//! detector, which could not say which of several texts it means, and would pull wording into the layer that decides.
//!
//! `event`: messages and sentences of events. [`mesh`] and [`matrix`]: the mesh in a sentence and as a table.
//! `links`: what is wrong between nodes that are alive. [`headline`]: the mesh in 90 characters. [`advice`]: what to do
//! about a fault. [`incident`]: an incident in one line. `why`: the evidence behind an opinion, as a paragraph.
//! `quantity`, `phrase` and `statement` hold what they share: durations, lists, how a ping failed, one statement in
//! several lengths.

pub mod advice;
mod blind_spot;
mod discovery;
mod event;
pub mod headline;
pub mod incident;
mod links;
mod maintenance;
pub mod matrix;
pub mod mesh;
mod mesh_keys;
mod phrase;
mod quantity;
mod statement;
mod why;

pub use event::{Description, describe, message, sentence};
pub use mesh_keys::mesh_keys;
pub use phrase::{evidence_phrase, evidence_phrase_of, first_of, join_names, join_texts};
pub use quantity::{round_trip, span};
pub use why::explanation;
