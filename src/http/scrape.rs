//! `GET /metrics`: written on another thread, at most once a second, and then served from memory.
//!
//! The text of a thousand peers has four megabytes, and while it was written or packed on the one runtime thread, no ping
//! would be sent or answered. So only the part that reads the detector's numbers runs here; and since every caller may
//! ask as often as it likes, one text is for all who ask within a second. A client that takes gzip gets a tenth of the bytes.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, VARY};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::task::{spawn, spawn_blocking};
use tokio::time::sleep;

use super::problem::Problem;
use super::reply::text;
use super::scrapes::Written;
use super::state::{AppState, Shared};
use crate::detector::time::Monotonic;

/// What Prometheus asks for.
const EXPOSITION: &str = "text/plain; version=0.0.4; charset=utf-8";
/// How long one text is good while nothing happens. Nobody scrapes more often.
const FRESH: Duration = Duration::from_secs(1);

pub(super) async fn metrics(State(state): State<Shared>, headers: HeaderMap) -> Result<Response, Problem> {
    let packed = accepts_gzip(&headers);
    let mut last = state.scrapes.0.lock().await;
    let now = state.clock.now();
    let events = *state.events.subscribe().borrow();
    let fresh = last.take().filter(|written| now - written.at < FRESH && written.events == events);
    let mut written = match fresh {
        Some(written) => written,
        None => write(&state, now, events).await?,
    };
    if packed && written.gzip.is_none() {
        let plain = written.plain.clone();
        written.gzip = spawn_blocking(move || gzip(&plain)).await.ok();
    }
    let written = last.insert(written).clone();
    drop(last);
    let mut response = match written.gzip.filter(|_| packed) {
        Some(gzip) => {
            let mut response = text(EXPOSITION, gzip);
            response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            response
        }
        None => text(EXPOSITION, written.plain),
    };
    response.headers_mut().insert(VARY, HeaderValue::from_static("accept-encoding"));
    Ok(response)
}

async fn write(state: &AppState, now: Monotonic, events: u64) -> Result<Written, Problem> {
    let view = state.handle.view().await?;
    if let Some(guard) = &state.guard {
        state.metrics.server().unverified_answers(&guard.unverified_answers());
    }
    let shown = state.metrics.prepare(&view);
    let metrics = Arc::clone(&state.metrics);
    // It ends otherwise only in a panic, or because the runtime is being shut down.
    let plain = spawn_blocking(move || metrics.write(&shown)).await.map_err(|_| Problem::stopping())?;
    let scrapes = Arc::clone(&state.scrapes);
    spawn(async move {
        sleep(FRESH).await;
        scrapes.forget_written(now).await;
    });
    Ok(Written { at: now, events, plain: plain.into(), gzip: None })
}

fn gzip(plain: &[u8]) -> Bytes {
    let mut packed = GzEncoder::new(Vec::with_capacity(plain.len() / 8), Compression::fast());
    // Writing into memory cannot fail.
    let _ = packed.write_all(plain);
    packed.finish().unwrap_or_default().into()
}

/// Whether the client takes gzip: it is named, and not with a quality of zero.
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(ACCEPT_ENCODING).into_iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let is_gzip = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        let quality = parts.find_map(|part| part.strip_prefix("q=")).map_or(Ok(1.0), str::parse::<f32>);
        is_gzip && quality.is_ok_and(|quality| quality > 0.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_for_those_who_take_it() {
        for (accepted, expected) in [
            ("", false),
            ("gzip", true),
            ("deflate, GZIP;q=0.5", true),
            ("gzip;q=0", false),
            ("gzip; q=0.0, br", false),
            ("gzip;q=often", false),
            ("x-gzip", false),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(accepted))]);
            assert_eq!(accepts_gzip(&headers), expected, "{accepted}");
        }
    }
}
