//! What the contract says of each route.

use schemars::SchemaGenerator;
use serde_json::{Value, json};

use super::operation::{NO_READER, Operation};
use super::route::{Access, Route};
use crate::api::text::Text;
use crate::api::words::EventName;
use crate::api::{
    AnswerBody, ClusterBody, ConfigBody, EventsBody, HealthBody, HistoryBody, IncidentsBody, MaintenanceStatusBody,
    MaintenanceWish, MatrixBody, NodeBody, PeerBody, PeersBody, RowBody, TestimonyBody, WhyBody,
};
use crate::detector::peer::{BootId, NodeName};

impl Route {
    /// Its methods, each with its parameters and answers.
    pub(super) fn operations(self, g: &mut SchemaGenerator) -> Vec<(&'static str, Operation)> {
        let mut operations = self.all_operations(g);
        // Those that change something name their token themselves.
        let get = operations.remove(0).1;
        let get = match self.access() {
            Access::Open => get,
            Access::Least | Access::Nodes | Access::Readers => get.for_readers(g),
            Access::Pages => get.for_readers(g).answer("401", NO_READER, "text/html", json!({ "type": "string" })),
        };
        operations.insert(0, ("get", get));
        operations
    }

    /// Without what a read token changes; `get` comes first.
    fn all_operations(self, g: &mut SchemaGenerator) -> Vec<(&'static str, Operation)> {
        let operation = match self {
            Route::Index | Route::NodePage | Route::WhyPage | Route::Picture => self.page_operation(g),
            Route::Style | Route::Script | Route::Metrics | Route::MatrixText | Route::OpenApi | Route::Other => {
                self.text_operation(g)
            }
            Route::Ping | Route::Row | Route::History | Route::Witness => self.node_operation(g),
            Route::Healthz | Route::Livez | Route::Readyz | Route::Node | Route::Config => self.self_operation(g),
            Route::Peers | Route::Peer | Route::Why => self.peer_operation(g),
            Route::Events | Route::Matrix | Route::Cluster | Route::Incidents => self.mesh_operation(g),
            Route::Login => return login_operations(g),
            Route::Maintenance => return maintenance_operations(g),
        };
        vec![("get", operation)]
    }

    /// For people in a browser.
    fn page_operation(self, g: &mut SchemaGenerator) -> Operation {
        let html = "The page. It names its own limits in a content security policy.";
        let unknown = "There is no such node; the detail names those there are.";
        match self {
            Route::Index => {
                let summary = "The mesh as a page: the sentence, the matrix, the nodes, the latest events";
                let only = "With `bad` what is well is left out.";
                Operation::new(summary, g)
                    .parameter("query", "only", only, json!({ "type": "string", "enum": ["all", "bad"] }))
                    .text(html, "text/html")
                    .problem("400", "The query cannot be understood.", g)
            }
            Route::NodePage => Operation::new("One node as a page: its links, each with its last 15 minutes", g)
                .parameter("path", "name", "The node's name.", key())
                .text(html, "text/html")
                .problem("400", "The path cannot be understood.", g)
                .problem("404", unknown, g),
            Route::WhyPage => Operation::new("One link as a page: what the observer reports of the peer, and why", g)
                .parameter("path", "observer", "The name of the node that reports.", key())
                .parameter("path", "peer", "The name of the other node.", key())
                .text(html, "text/html")
                .problem("400", "The path cannot be understood.", g)
                .problem("404", unknown, g),
            _ => Operation::new("The mesh as a picture, for chats and wikis", g)
                .text("SVG: up to 12 nodes a drawing of the links, else a tile for each node.", "image/svg+xml"),
        }
    }

    /// For people, Prometheus, and programs that read this contract.
    fn text_operation(self, g: &mut SchemaGenerator) -> Operation {
        match self {
            Route::Style => Operation::new("Style of the page", g).text("CSS", "text/css"),
            Route::Script => {
                Operation::new("Auto-refresh script for `/`; optional", g).text("JavaScript", "text/javascript")
            }
            Route::MatrixText => Operation::new("The sentence and the matrix as plain text, for chats and tickets", g)
                .text("The text.", "text/plain"),
            Route::OpenApi => Operation::new("This document", g).answer(
                "200",
                "OpenAPI 3.1.",
                "application/json",
                json!({ "type": "object" }),
            ),
            _ => Operation::new("Metrics", g).text("Prometheus text format 0.0.4.", "text/plain"),
        }
    }

    /// What nodes ask each other.
    fn node_operation(self, g: &mut SchemaGenerator) -> Operation {
        match self {
            Route::Ping => {
                caller(Operation::new("The heartbeat", g)).json::<AnswerBody>("200", "The detector runs.", g)
            }
            Route::Row => Operation::new("Internal: what this node says of its links, as a row of the matrix", g)
                .json::<RowBody>("200", "The row.", g),
            Route::History => {
                let since = "Only events after this number of this node's life. Without it: all that it remembers, a page \
                             at a time.";
                Operation::new("Internal: what this node saw itself, events and incidents, in ages", g)
                    .parameter("query", "since", since, number(0))
                    .json::<HistoryBody>("200", "The next page of events, and the newest incidents.", g)
                    .problem("400", "A parameter cannot be understood.", g)
            }
            _ => Operation::new("Internal: probe a peer on behalf of another node", g)
                .parameter("path", "node", "The peer's name.", g.subschema_for::<Text<NodeName>>().into())
                .parameter("path", "boot", "Its boot as the asker knows it.", g.subschema_for::<Text<BootId>>().into())
                .json::<TestimonyBody>("200", "What this node saw.", g)
                .problem("400", "The path cannot be understood.", g)
                .problem("404", "No opinion: this node does not watch that one.", g)
                .problem("429", "Too many questions at once.", g),
        }
    }

    /// What a node is.
    fn self_operation(self, g: &mut SchemaGenerator) -> Operation {
        match self {
            Route::Healthz => {
                Operation::new("Alive, with readiness beside it", g).json::<HealthBody>("200", "Alive.", g)
            }
            Route::Livez => Operation::new("Whether the detector runs", g).json::<HealthBody>("200", "It does.", g),
            Route::Readyz => Operation::new("Whether this node is ready", g).json::<HealthBody>("200", "It is.", g),
            Route::Config => {
                Operation::new("Its settings, secrets removed", g).json::<ConfigBody>("200", "The settings.", g)
            }
            _ => Operation::new("Who this node is", g).json::<NodeBody>("200", "This node.", g),
        }
    }

    /// What a node believes of its peers.
    fn peer_operation(self, g: &mut SchemaGenerator) -> Operation {
        let what = "The peer's key, or the name it declares.";
        let unknown = "There is no such peer; the detail names those there are.";
        match self {
            Route::Peers => Operation::new("What this node believes of its peers", g).json::<PeersBody>(
                "200",
                "All watched peers.",
                g,
            ),
            Route::Peer => Operation::new("What this node believes of one peer", g)
                .parameter("path", "key", what, key())
                .json::<PeerBody>("200", "The peer.", g)
                .problem("400", "The path cannot be understood.", g)
                .problem("404", unknown, g),
            _ => {
                let summary =
                    "Why this node believes what it does of one peer: the evidence, and the rule that decided";
                Operation::new(summary, g)
                    .parameter("path", "peer", what, key())
                    .json::<WhyBody>("200", "The evidence.", g)
                    .problem("400", "The path cannot be understood.", g)
                    .problem("404", unknown, g)
            }
        }
    }

    /// What happened, and how the mesh is.
    fn mesh_operation(self, g: &mut SchemaGenerator) -> Operation {
        match self {
            Route::Events => events_operation(g),
            Route::Matrix => Operation::new("Who reaches whom: what every node reports of its links, gathered now", g)
                .json::<MatrixBody>(
                "200",
                "The matrix. It comes within a second, even when peers do not respond.",
                g,
            ),
            Route::Cluster => {
                let strict = "With 1 the status is 200 only when the mesh is whole, else 503 with the same body.";
                let words = json!({ "type": "string", "enum": ["0", "1", "false", "true"] });
                let not_whole = "With `strict=1`: the mesh is not whole, and the body is that of a 200. Else the node is \
                                 stopping or overloaded.";
                Operation::new("What all nodes together say of each node, in one sentence and in detail", g)
                    .parameter("query", "strict", strict, words)
                    .json::<ClusterBody>(
                        "200",
                        "The mesh. It comes within a second, even when peers do not respond.",
                        g,
                    )
                    .problem("400", "The query cannot be understood.", g)
                    .json::<ClusterBody>("503", not_whole, g)
            }
            _ => {
                let what =
                    "What happened in the mesh, from the first bad verdict to the last recovery, each incident once";
                Operation::new(what, g)
                    .parameter("query", "limit", "At most this many, 50 by default.", number(1))
                    .json::<IncidentsBody>("200", "The open ones first, the newest of each first.", g)
                    .problem("400", "A parameter cannot be understood.", g)
            }
        }
    }
}

fn events_operation(g: &mut SchemaGenerator) -> Operation {
    let since = "Only events after this number, the oldest first. Without it: the newest.";
    let stream = "One message an event: its name in `event`, its number in `id`, an Event in `data`. A caller with the \
                  headers of a node gets `event: news` with an Answer instead. A comment comes every 5 s.";
    let operation = Operation::new("The latest events, as a list or (Accept: text/event-stream) as a stream", g)
        .parameter("query", "since", since, number(0))
        .parameter("query", "peer", "Only events about the peer of this key or name.", key())
        .parameter("query", "kind", "Only events of this name.", g.subschema_for::<Text<EventName>>().into())
        .parameter("query", "limit", "At most this many, 100 by default, for lists.", number(1))
        .parameter("header", "last-event-id", "Where to resume a stream that was lost; beats `since`.", number(0));
    caller(operation)
        .json::<EventsBody>("200", "The events, or a stream of them.", g)
        .answer(
            "200",
            "The events, or a stream of them.",
            "text/event-stream",
            json!({ "type": "string", "description": stream }),
        )
        .problem("400", "A parameter cannot be understood.", g)
        .problem("404", "There are no events of this peer, and no such peer; the detail names those there are.", g)
}

fn maintenance_operations(g: &mut SchemaGenerator) -> Vec<(&'static str, Operation)> {
    let get = Operation::new("Which nodes are in maintenance, why, and for how much longer", g)
        .json::<MaintenanceStatusBody>(
            "200",
            "This node, and those of its peers that are in maintenance or should be back from it.",
            g,
        );
    let post = Operation::new("Puts this node into maintenance, or changes for how long and why", g)
        .with_token(g)
        .body::<MaintenanceWish>(g)
        .json::<MaintenanceStatusBody>("200", "As it is now. The peers get to know it.", g)
        .problem("400", "The body cannot be understood.", g);
    let delete = Operation::new("Ends this node's maintenance; after a restart also what its peers remember of it", g)
        .with_token(g)
        .json::<MaintenanceStatusBody>("200", "As it is now. The peers get to know it.", g);
    vec![("get", get), ("post", post), ("delete", delete)]
}

fn login_operations(g: &mut SchemaGenerator) -> Vec<(&'static str, Operation)> {
    let get = Operation::new("The form that asks for the read token", g).text("The form.", "text/html");
    let post = Operation::new("Takes the read token from the form, and gives the browser a cookie that reads", g)
        .form(json!({
            "type": "object",
            "properties": {
                "token": { "type": "string", "description": "The read token." },
                "next": { "type": "string", "description": "The page to show then, relative to `/`." },
            },
            "required": ["token"],
        }))
        .no_content("303", "The token is right: to the page, with the cookie.")
        .answer("401", "It is not.", "text/html", json!({ "type": "string" }))
        .problem("400", "The body cannot be understood.", g);
    vec![("get", get), ("post", post)]
}

/// The headers by which a node says who asks. Any value is accepted: what is not valid makes the caller a stranger, and
/// an unknown state counts as `ready`, so that versions mix.
fn caller(operation: Operation) -> Operation {
    let text = json!({ "type": "string" });
    let headers = [
        ("heartbeat-node", "The caller's node name. A ping without it is from no node and only gets the answer."),
        ("heartbeat-boot", "The caller's boot, 16 hex digits."),
        ("heartbeat-seq", "The caller's milliseconds since its boot."),
        ("heartbeat-state", "The caller's state: starting, ready, cut_off, slow or leaving, which is its goodbye."),
        ("heartbeat-known", "The revision of the answerer's watch list that the caller holds."),
    ];
    headers
        .into_iter()
        .fold(operation, |operation, (name, what)| operation.parameter("header", name, what, text.clone()))
}

/// A whole number that the server can hold.
fn number(minimum: u64) -> Value {
    json!({ "type": "integer", "minimum": minimum, "maximum": u64::MAX })
}

fn key() -> Value {
    json!({ "type": "string", "minLength": 1 })
}
