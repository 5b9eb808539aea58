//! What the detector wants done. The runtime (or the simulator) drains these
//! after every input and does exactly that, nothing else.

use core::net::SocketAddr;

use super::discovery::finding::{DnsName, NameId, ProbeId};
use super::event::Purpose;
use super::peer::{AttemptId, BootId, NodeName, PeerId, QuestionId, Testimony};

/// One request to the runtime.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transmit {
    /// `GET /ping`: a scheduled ping on the kept connection, anything else on a
    /// new connection of its own. `known_rev` goes into the caller's headers.
    /// Ends in `handle_answer` or `handle_failure`, once; a check also reports
    /// `handle_connected`. The runtime sets no time limit but the connect timeout.
    Ping {
        /// Names the request in the input that ends it.
        attempt: AttemptId,
        /// Whom to ping.
        peer: PeerId,
        /// Decides between the kept connection and a new one.
        purpose: Purpose,
        /// The revision of the peer's watch list that this node holds; 0 for none.
        known_rev: u64,
    },
    /// Drop the request and its connection; report nothing.
    Cancel {
        /// The ping to drop.
        attempt: AttemptId,
    },
    /// `GET /api/v1/witness/{node}/{boot}` at peer `witness`. Ends in
    /// `handle_testimony`, once, unless cancelled.
    Ask {
        /// Names the question in the input that ends it.
        question: QuestionId,
        /// Whom to ask.
        witness: PeerId,
        /// The node in question.
        node: NodeName,
        /// The life of it in question.
        boot: BootId,
    },
    /// Drop the question and its connection; report nothing.
    CancelQuestion {
        /// The question to drop.
        question: QuestionId,
    },
    /// The answer to a question that came in by `handle_question`.
    Testify {
        /// The one that came in.
        question: QuestionId,
        /// What to answer.
        testimony: Testimony,
    },
    /// Hold an event stream to this peer: `handle_stream_opened` when it stands,
    /// `handle_stream_news` for each message, `handle_stream_ended` once when it ends or cannot be opened.
    OpenStream {
        /// Whose events to read.
        peer: PeerId,
    },
    /// Drop the event stream; report nothing.
    CloseStream {
        /// Whose stream to drop.
        peer: PeerId,
    },
    /// One ping that says `state: leaving`. Its answer does not matter and is not reported.
    Goodbye {
        /// Whom to tell.
        peer: PeerId,
    },
    /// Send `node.news()` to every open stream of a peer.
    PublishNews,
    /// Look the name up. Ends in `handle_lookup`, once.
    LookUp {
        /// Names the lookup in the input that ends it.
        id: NameId,
        /// What to look up.
        name: DnsName,
    },
    /// `GET /ping` on a new connection to an address without a known owner. Ends in `handle_probe`,
    /// once, unless cancelled. The runtime sets no time limit except the connect timeout.
    Probe {
        /// Names the request in the input that ends it.
        probe: ProbeId,
        /// Where to ask.
        address: SocketAddr,
    },
    /// Drop the request and its connection; report nothing.
    CancelProbe {
        /// The probe to drop.
        probe: ProbeId,
    },
    /// This peer is now reached at this address.
    Locate {
        /// Whose address changed.
        peer: PeerId,
        /// Where it is reached from now on.
        address: SocketAddr,
    },
    /// This peer is no longer watched: its address can be forgotten.
    Forget {
        /// Whose address to forget.
        peer: PeerId,
    },
}
