//! How a ping failed, and what was wrong with the answer where one came.

use std::io;

use hyper::http::{HeaderMap, Response, StatusCode, header};

use super::evidence;
use crate::detector::evidence::Evidence;
use crate::detector::flaw::{Flaw, FlawKind};
use crate::mesh_key::guard::Unverified;
use crate::tls::trouble::{self, Trouble, TroubleKind};

/// A ping that was not answered as a node answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// What the detector judges by.
    pub evidence: Evidence,
    /// What people are told of an answer that is none.
    pub flaw: Option<Flaw>,
}

impl From<Evidence> for Failed {
    fn from(evidence: Evidence) -> Failed {
        Failed { evidence, flaw: None }
    }
}

impl From<Flaw> for Failed {
    fn from(flaw: Flaw) -> Failed {
        Failed { evidence: Evidence::Invalid, flaw: Some(flaw) }
    }
}

/// The flaw of an answer with another status than 200. `problem`: the title of a problem object, where there is one.
pub(super) fn of_status<B>(response: &Response<B>, problem: Option<&str>) -> Flaw {
    let status = response.status();
    let code = status.as_u16();
    if status.is_redirection() && status != StatusCode::NOT_MODIFIED {
        let to = text(response.headers(), header::LOCATION).and_then(|location| {
            let url = url::Url::parse(location).ok()?;
            url.host_str().map(str::to_owned)
        });
        let to = to.map(|host| format!(" (to {host})")).unwrap_or_default();
        return Flaw::new(FlawKind::Redirected, &format!("answered {code}{to}"));
    }
    let problem = problem.map(|title| format!(": {title}")).unwrap_or_default();
    Flaw::new(FlawKind::Status, &format!("answered {code}{problem}"))
}

/// The flaw of an answer with status 200 whose body is no answer of a node.
pub(super) fn of_body(headers: &HeaderMap, body: &[u8]) -> Flaw {
    let told = |text: &str| Flaw::new(FlawKind::NotHeartbeat, text);
    if let Some(encoding) = text(headers, header::CONTENT_ENCODING).filter(|encoding| *encoding != "identity") {
        return told(&format!("{encoding}-encoded, which was not asked for"));
    }
    let media_type = text(headers, header::CONTENT_TYPE).map(|kind| kind.split(';').next().unwrap_or(kind).trim());
    if serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok() {
        return told("JSON, not a heartbeat that this version understands");
    }
    match media_type {
        Some(media_type) if !media_type.is_empty() => told(&format!("{media_type}, not a heartbeat")),
        _ if body.is_empty() => told("an empty answer, not a heartbeat"),
        _ => told("not a heartbeat"),
    }
}

/// The flaw of an answer that does not show that a node with the mesh key made it.
pub(super) fn of_key(unverified: Unverified) -> Flaw {
    match unverified {
        Unverified::Missing => Flaw::new(FlawKind::MeshKeyMissing, "answered without a mesh key"),
        Unverified::Different => Flaw::new(FlawKind::MeshKeyDifferent, "answered by a node with another mesh key"),
        // An answer comes from a server, whose certificate was checked before.
        Unverified::Failed | Unverified::Certificate => {
            Flaw::new(FlawKind::MeshKeyFailed, "an answer that was not made with the mesh key")
        }
    }
}

/// How a ping failed whose connection got no further than the TLS handshake.
pub(super) fn of_handshake(error: &io::Error) -> Failed {
    match trouble::of(error) {
        Some(trouble) => of_tls(&trouble).into(),
        None => evidence::of_io(error).into(),
    }
}

/// The flaw of what answers without the TLS that this node can believe.
pub(super) fn of_tls(trouble: &Trouble) -> Flaw {
    let kind = match trouble.kind {
        TroubleKind::NotTls => FlawKind::TlsMissing,
        TroubleKind::UnknownAuthority => FlawKind::TlsUnknownAuthority,
        TroubleKind::Expired => FlawKind::TlsExpired,
        TroubleKind::WrongName => FlawKind::TlsWrongName,
        TroubleKind::Refused => FlawKind::TlsRefused,
    };
    Flaw::new(kind, &trouble.text)
}

/// The flaw of a node that is asked without TLS and speaks nothing else.
pub(super) fn without_tls() -> Flaw {
    Flaw::new(FlawKind::TlsRequired, "answers with TLS only, and was asked without")
}

/// The flaw of an answer that broke off, was too long, or was not HTTP at all.
pub(super) fn unreadable(what: &str) -> Flaw {
    Flaw::new(FlawKind::NotHeartbeat, what)
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}
