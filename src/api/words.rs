//! Which values travel as text, and what the contract says of each.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, json_schema};
use serde::{Deserialize, Serialize};

use super::text::{TextForm, described, one_of};
use crate::closed_set::{ClosedSet, closed_set};
use crate::config::Source;
use crate::detector::event::Purpose;
use crate::detector::evidence::{Class, Evidence};
use crate::detector::level::Level;
use crate::detector::peer::{BootId, NodeName, PeerState, SelfState, Verdict};
use crate::detector::rule::Rule;
use crate::mesh::event::NodeEvent;
use crate::mesh::incident::IncidentVerdict;
use crate::mesh::{BlindSpotKind, LinkStatus, Member, MeshKeyId, MeshVerdict, RowFreshness};
use crate::render::mesh::Severity;

closed_set! {
    /// How a ping ended.
    pub enum PingResult {
        /// It is still out.
        Open = "open",
        /// It was answered in time.
        Answered = "answered",
        /// It had counted as failed by then.
        AnsweredLate = "answered_late",
        /// It failed.
        Failed = "failed",
        /// It counted as failed before it ended.
        OutOfTime = "out_of_time",
    }
}

closed_set! {
    /// What a witness said.
    pub enum Said {
        /// The peer answered its ping.
        Answered = "answered",
        /// Its own ping failed.
        Failed = "failed",
        /// The peer said goodbye to it.
        Left = "left",
        /// It does not watch the peer, or cannot say.
        NoOpinion = "no_opinion",
    }
}

closed_set! {
    /// What was asked about this process.
    pub enum HealthStatus {
        /// Alive, with readiness beside it.
        Ok = "ok",
        /// The detector runs.
        Live = "live",
        /// It is ready.
        Ready = "ready",
    }
}

closed_set! {
    /// Which error it is. Stable.
    pub enum ProblemCode {
        BadQuery = "bad_query",
        BadPath = "bad_path",
        NoSuchPath = "no_such_path",
        NoSuchPeer = "no_such_peer",
        NoOpinion = "no_opinion",
        MethodNotAllowed = "method_not_allowed",
        BodyNotAccepted = "body_not_accepted",
        BadBody = "bad_body",
        ChangesClosed = "changes_closed",
        TokenNeeded = "token_needed",
        WrongHost = "wrong_host",
        TooManyQuestions = "too_many_questions",
        TooManyStreams = "too_many_streams",
        TooManyConnections = "too_many_connections",
        TlsRequired = "tls_required",
        OutOfTime = "out_of_time",
        Stopping = "stopping",
        Starting = "starting",
        Leaving = "leaving",
        Stuck = "stuck",
    }
}

/// The stable name of an event that comes with a change; `ping` is the only one that does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventName(pub &'static str);

/// Each closed set: its type, its name in the contract where it is another one, and what there is to say of it.
macro_rules! closed_sets {
    ($($set:ty, $name:literal, $description:literal;)*) => {
        $(impl TextForm for $set {
            const NAME: &'static str = $name;

            fn read(text: &str) -> Option<$set> {
                <$set>::from_word(text)
            }

            fn text(&self) -> Cow<'_, str> {
                Cow::Borrowed(self.word())
            }

            fn schema() -> Schema {
                one_of(<$set>::WORDS.iter().copied(), $description)
            }
        })*
    };
}

closed_sets! {
    PeerState, "PeerState", "";
    SelfState, "SelfState", "";
    Verdict, "Verdict", "";
    Class, "Class", "";
    Evidence, "Evidence", "";
    Rule, "Rule", "The rule that decided; ARCHITECTURE.md lists them with what each says.";
    Purpose, "Purpose", "The one ping of each interval, a check on a connection of its own, or a check made for another node.";
    Level, "Level", "";
    MeshVerdict, "MeshVerdict", "";
    IncidentVerdict, "IncidentVerdict",
        "What an incident is, the most precise that was known of it. `split`: groups that did not reach each other, known when both sides have reported.";
    RowFreshness, "RowFreshness",
        "Whether the node answered when it was asked for its row: `now`; `before`: it did not, and its last row is shown; `never`: there is none.";
    LinkStatus, "LinkStatus",
        "What a cell means. `unknown` wherever the row is not current, whatever state it holds: it is neither good nor bad news.";
    Severity, "Severity", "`fault`: something is broken; `gap`: something is not known; `note`: worth mentioning.";
    Source, "Source", "";
    BlindSpotKind, "BlindSpotKind",
        "What a node knows that it does not see: no node at all, a name that cannot be looked up, an address without a node, a caller that is on no list, a node of its own name, an address with several nodes, nodes that no other node lists.";
    PingResult, "PingResult", "`answered_late`: it had counted as failed by then. `out_of_time`: it counted as failed before it ended.";
    Said, "Said", "";
    HealthStatus, "HealthStatus", "";
    ProblemCode, "ProblemCode", "Stable.";
}

impl TextForm for EventName {
    const NAME: &'static str = "EventName";

    fn read(text: &str) -> Option<EventName> {
        NodeEvent::names_of_changes().find(|name| *name == text).map(EventName)
    }

    fn text(&self) -> Cow<'_, str> {
        Cow::Borrowed(self.0)
    }

    fn schema() -> Schema {
        one_of(NodeEvent::names_of_changes(), "Stable, the same as in the log.")
    }
}

impl TextForm for NodeName {
    const NAME: &'static str = "NodeName";

    fn read(text: &str) -> Option<NodeName> {
        NodeName::new(text).ok()
    }

    fn text(&self) -> Cow<'_, str> {
        Cow::Borrowed(NodeName::as_str(self))
    }

    fn schema() -> Schema {
        let schema = json_schema!({
            "type": "string",
            "minLength": 1,
            "maxLength": NodeName::LIMIT,
            "pattern": r"^[!#-&(-+\-.0-;=?-\[\]-~]+$",
        });
        described(
            schema,
            "What a node calls itself: visible ASCII without blanks, quotes, commas, slashes and angle brackets.",
        )
    }
}

impl TextForm for BootId {
    const NAME: &'static str = "Boot";

    fn read(text: &str) -> Option<BootId> {
        text.parse().ok()
    }

    fn text(&self) -> Cow<'_, str> {
        Cow::Owned(self.to_string())
    }

    fn schema() -> Schema {
        let schema = json_schema!({ "type": "string", "pattern": "^[0-9a-fA-F]{16}$" });
        described(schema, "One run of a node: 64 bits as 16 hex digits, written in lower case.")
    }
}

impl TextForm for MeshKeyId {
    const NAME: &'static str = "MeshKeyId";

    fn read(text: &str) -> Option<MeshKeyId> {
        MeshKeyId::parse(text)
    }

    fn text(&self) -> Cow<'_, str> {
        Cow::Owned(self.to_string())
    }

    fn schema() -> Schema {
        let schema = json_schema!({ "type": "string", "pattern": "^[0-9a-f]{8}$" });
        described(schema, "The name of a mesh key, which tells nothing of it.")
    }
}

impl TextForm for Member {
    const NAME: &'static str = "Member";

    fn read(text: &str) -> Option<Member> {
        Some(Member::from(text))
    }

    fn text(&self) -> Cow<'_, str> {
        Cow::Borrowed(Member::as_str(self))
    }

    fn schema() -> Schema {
        described(
            json_schema!({ "type": "string" }),
            "A node by the name it declares; one that has never answered goes by the key under which a node lists it.",
        )
    }
}

/// A moment in wall time: RFC 3339, UTC.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct When(
    #[schemars(regex(pattern = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$"))] pub String,
);
