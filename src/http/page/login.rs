//! The form that asks a browser for the read token. It says nothing about the node or the mesh.

use axum::http::header::{CONTENT_SECURITY_POLICY, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode, Uri};
use axum::response::Response;
use maud::{DOCTYPE, Markup, html};

use super::frame::ICON;
use super::guarded;
use super::words::Root;
use crate::http::route::Route;

/// As that of the page, but the form may be sent, to this node only.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; form-action 'self'; \
                      frame-ancestors 'none'";

/// The longest path of a page that is kept while a token is asked for: two names of 253 bytes, escaped.
const NEXT_BYTES: usize = 2048;

/// In the place of a page whose reader has shown no token.
pub(in crate::http) fn asking(route: Route, uri: &Uri) -> Response {
    let root = match route {
        Route::NodePage => Root::One,
        Route::WhyPage => Root::Two,
        _ => Root::Here,
    };
    let there = uri.path_and_query().map_or("", |there| there.as_str()).trim_start_matches('/');
    unauthorized(&document(root, &fields(root, there, None)))
}

/// After a token that may not read.
pub(in crate::http) fn refused(next: &str) -> Response {
    unauthorized(&document(Root::Here, &fields(Root::Here, next, Some("This token is not one that may read here."))))
}

/// `/login` itself.
pub(in crate::http) fn form(is_needed: bool) -> Response {
    let content = if is_needed {
        fields(Root::Here, "", None)
    } else {
        html! { p { "This node has no read token: " a href="./" { "the page" } " is open to everyone who reaches it." } }
    };
    answer(&document(Root::Here, &content))
}

/// The page at this path below `/`, if it may be one.
pub(in crate::http) fn page_of(next: &str) -> Option<&str> {
    let is_page = ["?", "node/", "why/"].iter().any(|begin| next.starts_with(begin));
    let is_path = next.len() <= NEXT_BYTES && next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    (is_page && is_path).then_some(next)
}

fn fields(root: Root, next: &str, wrong: Option<&str>) -> Markup {
    html! {
        h1 { "Read token" }
        @if let Some(wrong) = wrong { p role="alert" { strong { (wrong) } } }
        form method="post" action=(root.to("login")) {
            p {
                label for="token" { "The token of those who may read this mesh" } br;
                input #token type="password" name="token" autocomplete="current-password" required autofocus;
                @if let Some(next) = page_of(next) { input type="hidden" name="next" value=(next); }
                " " button { "Show the page" }
            }
        }
        p .note {
            "It is in the file that the node was started with (" code { "--read-token-file" } "). The browser keeps a cookie \
             until it is closed."
        }
    }
}

fn document(root: Root, content: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "Read token · heartbeat" }
                link rel="icon" href=(ICON);
                link rel="stylesheet" href=(root.to("page.css"));
            }
            body { main { (content) } }
        }
    };
    page.into_string()
}

fn unauthorized(document: &str) -> Response {
    let mut response = answer(document);
    *response.status_mut() = StatusCode::UNAUTHORIZED;
    response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

fn answer(document: &str) -> Response {
    let mut response = guarded("text/html; charset=utf-8", document.to_owned());
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_of_this_node_follow_the_form() {
        for page in ["?only=bad", "node/node-1", "why/a/b%2Fc"] {
            assert_eq!(page_of(page), Some(page));
        }
        let long = format!("node/{}", "x".repeat(NEXT_BYTES));
        for other in
            ["", "//evil.example", "https://evil.example", "/node/a", "\\evil", "node/a\r\nb", "node/\\", &long]
        {
            assert_eq!(page_of(other), None, "{other}");
        }
    }
}
