//! The routes by name: what they are called in the router, in the metrics and in the contract.

use axum::http::Method;

/// One route. [`Route::Other`] stands for every path that there is not, so that
/// a scanner cannot make up series of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    Index,
    Style,
    Script,
    Ping,
    Healthz,
    Livez,
    Readyz,
    Metrics,
    Peers,
    Peer,
    Why,
    Events,
    Matrix,
    Cluster,
    MatrixText,
    Incidents,
    Row,
    History,
    Witness,
    Node,
    Config,
    Maintenance,
    OpenApi,
    Other,
}

impl Route {
    /// Every route that answers.
    pub const ALL: [Route; 23] = [
        Route::Index,
        Route::Style,
        Route::Script,
        Route::Ping,
        Route::Healthz,
        Route::Livez,
        Route::Readyz,
        Route::Metrics,
        Route::Peers,
        Route::Peer,
        Route::Why,
        Route::Events,
        Route::Matrix,
        Route::Cluster,
        Route::MatrixText,
        Route::Incidents,
        Route::Row,
        Route::History,
        Route::Witness,
        Route::Node,
        Route::Config,
        Route::Maintenance,
        Route::OpenApi,
    ];

    /// The path as the router and the contract write it, and the value of the label `route`.
    pub const fn path(self) -> &'static str {
        match self {
            Route::Index => "/",
            Route::Style => "/page.css",
            Route::Script => "/page.js",
            Route::Ping => "/ping",
            Route::Healthz => "/healthz",
            Route::Livez => "/livez",
            Route::Readyz => "/readyz",
            Route::Metrics => "/metrics",
            Route::Peers => "/api/v1/peers",
            Route::Peer => "/api/v1/peers/{key}",
            Route::Why => "/api/v1/why/{peer}",
            Route::Events => "/api/v1/events",
            Route::Matrix => "/api/v1/matrix",
            Route::Cluster => "/api/v1/cluster",
            Route::MatrixText => "/matrix.txt",
            Route::Incidents => "/api/v1/incidents",
            Route::Row => "/api/v1/row",
            Route::History => "/api/v1/history",
            Route::Witness => "/api/v1/witness/{node}/{boot}",
            Route::Node => "/api/v1/node",
            Route::Config => "/api/v1/config",
            Route::Maintenance => "/api/v1/maintenance",
            Route::OpenApi => "/openapi.json",
            Route::Other => "other",
        }
    }

    /// What it is for, as the contract and the documentation say it.
    pub const fn summary(self) -> &'static str {
        match self {
            Route::Index => "The mesh as a page: the sentence, the matrix, the nodes, what happened lately",
            Route::Style => "How the page looks",
            Route::Script => "What keeps the page young; it is complete without",
            Route::Ping => "The heartbeat",
            Route::Healthz => "Alive, with readiness beside it",
            Route::Livez => "Whether the detector turns",
            Route::Readyz => "Whether this node is ready",
            Route::Metrics => "Metrics",
            Route::Peers => "What this node believes of its peers",
            Route::Peer => "What this node believes of one peer",
            Route::Why => "Why this node believes what it does of one peer: the evidence, and the rule that decided",
            Route::Events => "What happened lately, as a list or (Accept: text/event-stream) a stream",
            Route::Matrix => "Who reaches whom: what every node says of its links, asked now",
            Route::Cluster => "What all nodes together say of each node, in one sentence and in detail",
            Route::MatrixText => "The sentence and the matrix as plain text, for chats and tickets",
            Route::Incidents => {
                "What happened in the mesh, from the first bad verdict to the last recovery, each incident once"
            }
            Route::Row => "Between nodes: what this node says of its links, as a row of the matrix",
            Route::History => "Between nodes: what this node saw itself, events and incidents, in ages",
            Route::Witness => "Between nodes: a ping of a peer that begins after the question",
            Route::Node => "Who this node is",
            Route::Config => "Its settings, secrets removed",
            Route::Maintenance => "Who is in maintenance, why, and for how much longer",
            Route::OpenApi => "This document",
            Route::Other => "There is nothing at this path",
        }
    }

    /// The methods it answers to, as the header `Allow` lists them.
    pub const fn methods(self) -> &'static str {
        match self {
            Route::Maintenance => "GET, HEAD, POST, DELETE",
            _ => "GET, HEAD",
        }
    }

    /// Whether a request with this method may carry a body. One does.
    pub fn takes_body(self, method: &Method) -> bool {
        self == Route::Maintenance && method == Method::POST
    }

    /// The route whose path the router matched.
    pub fn of_path(matched: Option<&str>) -> Route {
        Route::ALL.into_iter().find(|route| Some(route.path()) == matched).unwrap_or(Route::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_finds_its_route() {
        for route in Route::ALL {
            assert_eq!(Route::of_path(Some(route.path())), route);
        }
        assert_eq!(Route::of_path(Some("/nowhere")), Route::Other);
        assert_eq!(Route::of_path(None), Route::Other);
    }
}
