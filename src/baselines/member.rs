//! Who is in the mesh, and what is believed of them.

/// A member of the mesh, counted from 0.
pub type Member = usize;

/// What a detector believes of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Opinion {
    /// It is up, as far as is known.
    Trusted,
    /// It may be down.
    Suspected,
    /// It is down: of the detectors here only SWIM has a verdict besides the suspicion.
    Down,
}
