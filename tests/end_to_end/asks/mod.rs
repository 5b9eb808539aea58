//! What a case asks nodes about a fault, beyond their own view of a peer: the mesh, the incident, the reason, the events.

pub mod events;
pub mod incidents;
pub mod mesh;
pub mod why;
