//! What the detector wants done. The runtime (or the simulator) drains these
//! after every input and does exactly that, nothing else.

use core::net::SocketAddr;

use super::discovery::{DnsName, NameId, ProbeId};
use super::event::Purpose;
use super::peer::{AttemptId, BootId, NodeName, PeerId, QuestionId, Testimony};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transmit {
    /// `GET /ping`: a scheduled ping on the kept connection, anything else on a
    /// new connection of its own. `known_rev` goes into the caller's headers.
    /// Ends in `handle_answer` or `handle_failure`, once; a check also reports
    /// `handle_connected`. The runtime sets no time limit but the connect timeout.
    Ping {
        attempt: AttemptId,
        peer: PeerId,
        purpose: Purpose,
        known_rev: u64,
    },
    /// Drop the request and its connection; report nothing.
    Cancel {
        attempt: AttemptId,
    },
    /// `GET /api/v1/witness/{node}/{boot}` at peer `witness`. Ends in
    /// `handle_testimony`, once, unless cancelled.
    Ask {
        question: QuestionId,
        witness: PeerId,
        node: NodeName,
        boot: BootId,
    },
    CancelQuestion {
        question: QuestionId,
    },
    /// The answer to a question that came in by `handle_question`.
    Testify {
        question: QuestionId,
        testimony: Testimony,
    },
    /// Hold an event stream to this peer: `handle_stream_opened` when it stands,
    /// `handle_stream_news` for each message, `handle_stream_ended` once when it ends or cannot be opened.
    OpenStream {
        peer: PeerId,
    },
    CloseStream {
        peer: PeerId,
    },
    /// One ping that says `state: leaving`. Its answer does not matter and is not reported.
    Goodbye {
        peer: PeerId,
    },
    /// Send `node.news()` to every open stream of a peer.
    PublishNews,
    /// Look the name up. Ends in `handle_lookup`, once.
    LookUp {
        id: NameId,
        name: DnsName,
    },
    /// `GET /ping` on a new connection to an address of which nobody knows whose it is. Ends in `handle_probe`,
    /// once, unless cancelled. The runtime sets no time limit but the connect timeout.
    Probe {
        probe: ProbeId,
        address: SocketAddr,
    },
    CancelProbe {
        probe: ProbeId,
    },
    /// From now on this peer is reached at this address.
    Locate {
        peer: PeerId,
        address: SocketAddr,
    },
    /// This peer is no longer watched: its address can be forgotten.
    Forget {
        peer: PeerId,
    },
}
