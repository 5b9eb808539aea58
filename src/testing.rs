//! What the tests and benchmarks of this package use of its private modules.
//!
//! It is no promise: it changes with any release, without a word in the changelog. A library that builds on this package
//! uses the public modules. The list is explicit, so that it shows what tests depend on, and so that the compiler reports
//! whatever is not in it and not used by the node.

/// Rules and records behind an opinion.
pub mod detector {
    pub use crate::detector::record::{ATTEMPTS, End, Quorum};
    pub use crate::detector::rule::Rule;
    pub use crate::detector::table::next;
    pub use crate::detector::why::{AccusationView, DecisionView, EvidenceView, ObserverView, PingView, Why};
}

/// The node as a whole.
#[cfg(feature = "node")]
pub mod app {
    pub use crate::app::stop_time_max;
}

/// The command line.
#[cfg(feature = "node")]
pub mod cli {
    pub use crate::cli::exit::EXITS;
    pub use crate::cli::{Cli, command};
}

/// Requests to nodes.
#[cfg(feature = "node")]
pub mod client {
    pub use crate::client::{Client, ClientSettings, Target};

    /// The events of a stream as a client reads them: name and data.
    pub fn read_events(bytes: &[u8]) -> Vec<(String, String)> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let events = crate::client::EventParser::default().feed(bytes);
        events.iter().map(|event| (text(&event.name), text(&event.data))).collect()
    }
}

/// Settings, as typed and as meant.
#[cfg(feature = "node")]
pub mod config {
    pub use crate::config::environment::Environment;
    pub use crate::config::hosts::Hosts;
    pub use crate::config::raw::Raw;
    pub use crate::config::resolve::{Machine, resolve};
    pub use crate::config::token::Token;
    pub use crate::config::{
        Color, Config, Limits, Listen, LogConfig, LogFormat, LogLevel, MetricsPort, Setting, Source, settings,
    };
}

/// The server.
#[cfg(feature = "node")]
pub mod http {
    pub use crate::http::contract::document;
    pub use crate::http::page::{Happening, IncidentRow, Me, Page};
    pub use crate::http::route::Route;
    pub use crate::http::{AppState, Gate, Readers, metrics_router, router, serve};
}

/// Tags of pings.
#[cfg(feature = "node")]
pub mod mesh_key {
    use hyper::http::HeaderMap;

    use crate::mesh_key::guard::{Guard, KeyMode};
    use crate::mesh_key::header::HEADER_MAC;
    use crate::mesh_key::key::{MeshKeys, generate};
    use crate::mesh_key::store::KeyStore;
    use crate::mesh_key::tags::{Operation, PING};

    /// A mesh key, and one ping and its answer without tags.
    pub struct PingTags {
        guard: Guard,
        request: HeaderMap,
        answer: Vec<u8>,
    }

    impl PingTags {
        /// With a new key. `None` when the system gives no random bytes.
        pub fn new(request: HeaderMap, answer: Vec<u8>) -> Option<PingTags> {
            let keys = MeshKeys::parse(&generate().ok()?).ok()?;
            Some(PingTags { guard: Guard::new(KeyStore::new(keys), KeyMode::Require), request, answer })
        }

        /// The four tags of one ping: signed, verified, its answer signed, and checked. Whether all are right.
        pub fn exchange(&self) -> bool {
            let operation = || Operation { op: PING, args: &[] };
            let mut request = self.request.clone();
            let asked = self.guard.sign(operation(), &mut request);
            let Ok(seal) = self.guard.verify(operation(), &request) else { return false };
            let mut answer = HeaderMap::new();
            answer.insert(HEADER_MAC, seal.answer(&self.answer));
            self.guard.check(asked.as_ref(), &answer, &self.answer).is_ok()
        }
    }
}

/// The mesh as a node gathers and remembers it.
#[cfg(feature = "node")]
pub mod mesh_service {
    pub use crate::mesh_service::collector::Collector;
    pub use crate::mesh_service::incident_store::IncidentStore;
    pub use crate::mesh_service::strips::{Mark, Run};
}

/// The tasks of a node.
#[cfg(feature = "node")]
pub mod runtime {
    pub use crate::runtime::clock::Clock;
    pub use crate::runtime::driver::{Driver, Observer, Parts, Watch};
    pub use crate::runtime::handle::{Handle, Inbox, Input, PeerTargets, channel};
}

/// Log, metrics and events.
#[cfg(feature = "node")]
pub mod telemetry {
    pub use crate::telemetry::metrics::REVISION;
    pub use crate::telemetry::{EventLog, Metrics, Telemetry, catalogue};
}

/// What fuzzing feeds with bytes.
#[cfg(feature = "node")]
pub mod fuzz;
