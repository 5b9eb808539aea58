//! The routes by name: what they are called in the router and in the metrics, and who may ask them.
//!
//! An endpoint is added in five files: its name, path and access here, its contract in `operations.rs`, its handler, its
//! line in the router (`http/mod.rs`), and its shape in `src/api`.

use axum::http::Method;

/// One route. [`Route::Other`] stands for every path that there is not, so that
/// a scanner cannot make up series of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    Index,
    NodePage,
    WhyPage,
    Picture,
    Style,
    Script,
    Login,
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
    pub const ALL: [Route; 27] = [
        Route::Index,
        Route::NodePage,
        Route::WhyPage,
        Route::Picture,
        Route::Style,
        Route::Script,
        Route::Login,
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
            Route::NodePage => "/node/{name}",
            Route::WhyPage => "/why/{observer}/{peer}",
            Route::Picture => "/mesh.svg",
            Route::Style => "/page.css",
            Route::Script => "/page.js",
            Route::Login => "/login",
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
        assert_eq!(Route::of_path(Some("/metrics/")), Route::Metrics);
        assert_eq!(Route::of_path(Some("/nowhere")), Route::Other);
        assert_eq!(Route::of_path(None), Route::Other);
    }
}
