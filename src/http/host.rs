//! The header `Host`, for page and API: see [`crate::config::hosts`].

use axum::extract::Request;
use axum::http::header::HOST;

use super::route::Route;
use crate::api::caller_from_headers;
use crate::config::hosts::Hosts;

/// Whether a request may be answered under the name that it was made for. What nodes ask each other, probes and scrapers
/// ask under any name: an alias, the name of a service, a load balancer.
pub(super) fn is_allowed(hosts: &Hosts, route: Route, request: &Request) -> bool {
    let is_free = match route {
        Route::Ping | Route::Row | Route::History | Route::Witness => true,
        Route::Healthz | Route::Livez | Route::Readyz | Route::Metrics | Route::Other => true,
        Route::Events => caller_from_headers(request.headers()).is_some(),
        _ => false,
    };
    // A browser always says for whom its request is; what says nothing is no browser.
    let mut named = request.headers().get_all(HOST).into_iter().map(|host| host.to_str().unwrap_or_default());
    let written = request.uri().authority().map(|authority| authority.as_str());
    is_free || (named.all(|host| hosts.allow(host)) && written.is_none_or(|host| hosts.allow(host)))
}
