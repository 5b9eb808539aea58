//! The routes by name: what they are called in the router and in the metrics, and who may ask them.
//!
//! An endpoint is added in five files: its name, path and access here, its contract in `operations.rs`, its handler, its
//! line in the router (`http/mod.rs`), and its shape in `src/api`.

use axum::http::Method;

use crate::closed_set::{ClosedSet, closed_set};

closed_set! {
    /// One route, with its path as the router and the contract write it: the value of the label `route`.
    /// [`Route::Other`] stands for every path that there is not, so that a scanner cannot make up series of metrics.
    pub enum Route {
        Index = "/",
        NodePage = "/node/{name}",
        WhyPage = "/why/{observer}/{peer}",
        Picture = "/mesh.svg",
        Style = "/page.css",
        Script = "/page.js",
        Login = "/login",
        Ping = "/ping",
        Healthz = "/healthz",
        Livez = "/livez",
        Readyz = "/readyz",
        Metrics = "/metrics",
        Peers = "/api/v1/peers",
        Peer = "/api/v1/peers/{key}",
        Why = "/api/v1/why/{peer}",
        Events = "/api/v1/events",
        Matrix = "/api/v1/matrix",
        Cluster = "/api/v1/cluster",
        MatrixText = "/matrix.txt",
        Incidents = "/api/v1/incidents",
        Row = "/api/v1/row",
        History = "/api/v1/history",
        Witness = "/api/v1/witness/{node}/{boot}",
        Node = "/api/v1/node",
        Config = "/api/v1/config",
        Maintenance = "/api/v1/maintenance",
        OpenApi = "/openapi.json",
        Other = "other",
    }
}

/// What an answer costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cost {
    Small,
    /// Milliseconds in a large mesh, for nodes.
    OfNodes,
    /// Milliseconds in a large mesh.
    Large,
}

/// Who may ask, where the node has a read token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Anyone: it tells nothing about the mesh.
    Open,
    /// Anyone, and strangers get the least.
    Least,
    /// Who has the token, and nodes that show the mesh key.
    Nodes,
    /// Who has the token; who has none gets the form that asks for it.
    Pages,
    /// Who has the token.
    Readers,
}

impl Route {
    /// Every route that answers.
    pub fn served() -> impl Iterator<Item = Route> {
        Route::ALL.into_iter().filter(|route| *route != Route::Other)
    }

    /// The path as the router and the contract write it.
    pub const fn path(self) -> &'static str {
        self.as_str()
    }

    /// The methods it answers to, in the order in which the header `Allow` lists them.
    pub const fn methods(self) -> &'static [&'static str] {
        match self {
            Route::Maintenance => &["GET", "HEAD", "POST", "DELETE"],
            Route::Login => &["GET", "HEAD", "POST"],
            _ => &["GET", "HEAD"],
        }
    }

    /// What its answer costs this node. Those that wait for peers take their turn themselves, once they have waited; the
    /// metrics are made once a second at most.
    pub(super) const fn cost(self) -> Cost {
        match self {
            Route::Peers | Route::Peer | Route::Why | Route::Events | Route::Incidents | Route::Node => Cost::Large,
            Route::Row | Route::History => Cost::OfNodes,
            _ => Cost::Small,
        }
    }

    /// Who may ask it where the node has a read token.
    pub(super) const fn access(self) -> Access {
        match self {
            // The style is the same on every node of a version, and the form that asks for the token has it.
            Route::Style | Route::Login | Route::Healthz | Route::Livez | Route::Readyz | Route::Other => Access::Open,
            Route::Ping => Access::Least,
            Route::Row | Route::History | Route::Witness | Route::Why | Route::Events => Access::Nodes,
            Route::Index | Route::NodePage | Route::WhyPage => Access::Pages,
            Route::Picture
            | Route::Script
            | Route::Metrics
            | Route::Peers
            | Route::Peer
            | Route::Matrix
            | Route::Cluster
            | Route::MatrixText
            | Route::Incidents
            | Route::Node
            | Route::Config
            | Route::Maintenance
            | Route::OpenApi => Access::Readers,
        }
    }

    /// Whether a request with this method may carry a body. Two do.
    pub fn takes_body(self, method: &Method) -> bool {
        matches!(self, Route::Maintenance | Route::Login) && method == Method::POST
    }

    /// The route whose path the router matched.
    pub fn of_path(matched: Option<&str>) -> Route {
        let matched = matched.map(|path| path.strip_suffix('/').filter(|path| !path.is_empty()).unwrap_or(path));
        matched.and_then(Route::from_word).unwrap_or(Route::Other)
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
        assert_eq!(Route::of_path(Some("/metrics/")), Route::Metrics);
        assert_eq!(Route::of_path(Some("/nowhere")), Route::Other);
        assert_eq!(Route::of_path(None), Route::Other);
    }
}
