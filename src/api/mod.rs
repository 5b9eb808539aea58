//! The API: each JSON shape once, for the server, the client between nodes, the commands and the contract.
//!
//! The detector knows nothing of JSON, so the shapes are types of their own, and a field can be renamed inside without
//! any reader noticing. The conversion from the detector's and the mesh's types into a shape is next to the shape; so
//! does what leads back, for the four shapes that nodes send each other (answer, testimony, row, history).
//! `contract` makes the document `/openapi.json` of the same types: what it says of a field stands at the field.
//!
//! Three rules let versions mix. Fields that are not known are ignored. An *entry* of a peer's list with a word that is
//! not known is dropped, the rest stays. And a *state* of a node that is not known counts as `ready`: whatever its next
//! release calls it, it answers. What identifies the one that answers (name, boot, seq) must be right, or the whole
//! answer is invalid. The shapes that only commands read are read leniently: a field that is missing is empty.
//!
//! A peer is not trusted to be small. Bodies are cut off at a limit before they are parsed ([`ANSWER_BYTES`],
//! [`ROW_BYTES`], [`HISTORY_BYTES`], [`TESTIMONY_BYTES`]), lists are cut off while they are parsed, and what a peer
//! sends is never parsed into a tree of values: a hostile answer costs at most its own length once. Turned down: a
//! binary encoding. It would save a few microseconds a ping and cost every reader the `curl http://localhost:8001/ping`
//! that explains this product best.

mod answer;
mod event;
mod headers;
mod history;
mod incidents;
mod limit;
mod maintenance;
mod mesh;
mod node;
mod number;
mod peers;
mod problem;
mod row;
mod testimony;
pub mod text;
pub mod timestamp;
mod why;
pub mod words;

pub use answer::{
    ACCUSATIONS, ANSWER_BYTES, AccusationBody, AnnouncementBody, AnswerBody, WATCHED, WatchBody, WatchedBody,
};
pub use event::{EventBody, EventsBody};
pub(crate) use headers::HEADER_NODE as NODE_HEADER;
pub(crate) use headers::PING_HEADERS;
pub use headers::{caller_from_headers, caller_headers};
pub use history::{EVENTS, HISTORY_BYTES, History, HistoryBody, INCIDENTS, PastEvent, PastEventBody, PastIncidentBody};
pub use incidents::{IncidentBody, IncidentsBody};
pub use limit::InvalidAnswer;
pub use maintenance::{MaintenanceBody, MaintenanceStatusBody, MaintenanceWish, PeerMaintenanceBody};
pub use mesh::{ClusterBody, ClusterNodeBody, FindingBody, MatrixBody, MatrixCellBody, MatrixRowBody, MismatchBody};
pub(crate) use node::count_by_state;
pub use node::{CandidateBody, ConfigBody, DiscoveryBody, DnsNameBody, HealthBody, NodeBody, SettingBody};
pub(crate) use number::ms;
pub use peers::{PeerBody, PeersBody, RttBody, WitnessBody};
pub use problem::{PROBLEM_MEDIA_TYPE, ProblemBody};
pub use row::{CELLS, CellBody, ROW_BYTES, RowBody};
pub use testimony::{TESTIMONY_BYTES, TestimonyBody};
pub use why::{
    BeforeBody, DecisionBody, FiguresBody, HeldAccusationBody, ObserverBody, PingBody, QuorumBody, WHY_BYTES, WhyBody,
};
