//! An error as callers see it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::text::Text;
use super::words::ProblemCode;

/// The media type of an error.
pub const PROBLEM_MEDIA_TYPE: &str = "application/problem+json";

/// An error, RFC 9457.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ProblemBody {
    /// Always `about:blank`: the code says what a URL would.
    pub r#type: String,
    /// The same for every error of a code.
    pub title: String,
    #[schemars(range(min = 400, max = 599))]
    pub status: u16,
    pub code: Text<ProblemCode>,
    /// For a person; may change.
    pub detail: String,
}
