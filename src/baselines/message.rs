//! What processes send each other, and what a detector is to the comparison.

use std::time::Duration;

use super::member::{Member, Opinion};
use super::rumours::Rumour;

/// What one process sends to another, in one datagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// The sender is there. `life` counts its processes, `number` its heartbeats.
    Heartbeat {
        /// Which process of its host the sender is.
        life: u32,
        /// Counted from 0.
        number: u64,
    },
    /// Asks for an [`Message::Ack`].
    Ping {
        /// Repeated in the answer.
        number: u64,
        /// Piggybacked.
        rumours: Vec<Rumour>,
    },
    /// Asks a member to ping another one.
    PingRequest {
        /// Repeated in the answer.
        number: u64,
        /// The one to ping.
        target: Member,
        /// Piggybacked.
        rumours: Vec<Rumour>,
    },
    /// The answer to a ping, of the pinged one or passed on.
    Ack {
        /// Of the ping.
        number: u64,
        /// Piggybacked.
        rumours: Vec<Rumour>,
    },
    /// The answer to a ping request: the target has not answered, and I am here (Lifeguard).
    Nack {
        /// Of the request.
        number: u64,
    },
    /// What a detector from outside sends; only another process of it understands that.
    Foreign {
        /// As it wrote it.
        text: String,
        /// It answers a datagram.
        is_answer: bool,
    },
}

impl Message {
    /// What comes back through whatever lets the question out.
    pub fn is_answer(&self) -> bool {
        match self {
            Message::Heartbeat { .. } | Message::Ping { .. } | Message::PingRequest { .. } => false,
            Message::Ack { .. } | Message::Nack { .. } => true,
            Message::Foreign { is_answer, .. } => *is_answer,
        }
    }
}

/// A failure detector of one process, as the comparison drives it: time and datagrams in, datagrams and opinions out.
pub trait Baseline {
    /// A datagram has come.
    fn receive(&mut self, now: Duration, from: Member, message: Message);

    /// `deadline` has come, or is long over after a pause.
    fn wake(&mut self, now: Duration);

    /// When it wants to be woken next.
    fn deadline(&self) -> Duration;

    /// What it wants to be sent since it was asked last.
    fn take_sends(&mut self) -> Vec<(Member, Message)>;

    /// What it believes of a member now.
    fn opinion(&self, peer: Member) -> Opinion;
}
