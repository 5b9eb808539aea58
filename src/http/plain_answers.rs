//! Answers as bytes, for connections that hyper does not have.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use http_body_util::BodyExt as _;

use super::state::wall_time;
use crate::plain_http;

/// Writes answers, with the time of day.
#[derive(Default)]
pub(super) struct PlainAnswers {
    date: Mutex<Date>,
}

/// The time of day as an answer has it, which changes once a second.
#[derive(Default)]
struct Date {
    second: u64,
    text: String,
}

impl PlainAnswers {
    /// An answer that is made of bytes that are there.
    pub(super) async fn whole(&self, response: Response) -> Vec<u8> {
        let (head, body) = response.into_parts();
        let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        plain_http::response_bytes(head.status, &head.headers, &body, self.date().now().as_bytes())
    }

    /// The beginning of an answer that is a stream.
    pub(super) fn stream_head(&self, status: StatusCode, headers: &HeaderMap) -> Vec<u8> {
        plain_http::stream_head(status, headers, self.date().now().as_bytes())
    }

    fn date(&self) -> MutexGuard<'_, Date> {
        self.date.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Date {
    fn now(&mut self) -> &str {
        let now = wall_time();
        let second = now.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
        if self.second != second || self.text.is_empty() {
            *self = Date { second, text: httpdate::fmt_http_date(now) };
        }
        &self.text
    }
}
