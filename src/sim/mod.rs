//! Many nodes, one virtual clock.
//!
//! The simulator runs the same detector as the binary, with every clock,
//! packet and stall under control: an event queue instead of a runtime, a
//! network model instead of sockets. One scenario and one seed always give one
//! trace, so whatever goes wrong once can be watched again.
//!
//! What it is for: schedules no one would try by hand, two thousand of them in
//! a minute, each checked against the invariants after every step. What it is
//! not: proof that the real client and server behave as this network does;
//! tests with real processes and real packet filters are there for that.

mod builtin;
mod compare;
mod delay;
mod diagram;
mod drill;
mod exchange;
mod fault;
mod faults;
mod host_state;
mod invariants;
mod network;
mod packets;
mod parse;
mod process;
mod queue;
mod random;
mod rng;
mod run;
mod scenario;
mod shown;
mod text;
mod timeline;
mod trace;
mod truth;
mod wire;
mod world;

pub use crate::detector::omission::Omission;
pub use builtin::{builtin, builtin_names, ring_of, teaches};
pub use compare::{Change, Compared, Contender, NotComparable, Place, Quality, compare, compare_with};
pub use delay::Delay;
pub use diagram::{DIAGRAM_BYTES, diagram};
pub use drill::{DRILL_LEVEL_MAX, Drill, Question, drill};
pub use packets::{Arrival, Packet, PacketKind, PacketTrace};
pub use parse::{host, time};
pub use random::{random, random_sick};
pub use run::{Run, print_failure, print_timeline, run, run_observed, run_traced, startup};
pub use scenario::{Action, Direction, HostAct, HostId, LinkAct, Names, Profile, Scenario, Step, Watch};
pub use shown::shown;
pub use text::{InvalidScenario, LineProblem};
pub use timeline::{Entry, Violation, What};
pub use trace::fold;
