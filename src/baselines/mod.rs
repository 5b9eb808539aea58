//! Failure detectors of the literature, for comparison with the one of this program.
//!
//! They run in the simulator on the schedules of our own detector. No code path of a node uses them, so each is as small as
//! its paper allows: no discovery, no goodbyes, no classes of failures, and a mesh whose members are known. Each formula
//! names its source, and each departure from it is said where it is made.
//!
//! | detector | source | what it sends | what it judges by |
//! |---|---|---|---|
//! | fixed timeout | the common algorithm that Chen et al. compare with | a heartbeat to all, each interval | the time since the last one |
//! | Chen | Chen, Toueg, Aguilera: On the Quality of Service of Failure Detectors (IEEE Transactions on Computers 51(5), 2002), NFD-E | the same | when the next one is expected, and a margin |
//! | phi accrual | Hayashibara, Défago, Yared, Katayama: The φ Accrual Failure Detector (SRDS 2004) | the same | how unlikely the silence is |
//! | SWIM | Das, Gupta, Motivala: SWIM (DSN 2002), with suspicion | a ping to one member each period | answers, those of other members, rumours |
//! | SWIM with Lifeguard | Dadgar, Phillips, Currey: Lifeguard (arXiv 1707.00788) | the same, slower when it is slow itself | the same, and its own health |

mod arrivals;
mod heartbeats;
mod lifeguard;
mod member;
mod message;
mod rumours;
mod swim;

pub use self::arrivals::{Arrivals, Chen, Fixed, PHI_THRESHOLDS, PhiAccrual};
pub use self::heartbeats::Heartbeats;
pub use self::lifeguard::{Lifeguard, suspicion_timeout};
pub use self::member::{Member, Opinion};
pub use self::message::{Baseline, Message};
pub use self::rumours::{Claim, Rumour};
pub use self::swim::{Swim, SwimTiming};
