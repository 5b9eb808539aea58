//! The lines that a detector from outside reads and writes; `docs/evaluation.md` describes them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::baselines::Opinion;

/// One line to it.
#[derive(Debug, Serialize)]
pub(super) struct Question {
    pub number: u64,
    pub process: u64,
    #[serde(flatten)]
    pub what: What,
}

/// What has happened to one of its processes.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum What {
    Start { now_ns: u64, first_ns: u64, node: usize, nodes: usize, life: u32, seed: u64 },
    Wake { now_ns: u64 },
    Message { now_ns: u64, from: usize, message: Value },
    End {},
}

impl What {
    /// Its word on the line.
    pub(super) fn name(&self) -> &'static str {
        match self {
            What::Start { .. } => "start",
            What::Wake { .. } => "wake",
            What::Message { .. } => "message",
            What::End {} => "end",
        }
    }
}

/// One line of it. A misspelt field would change the figures unseen, so none is passed over.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Answer {
    pub number: u64,
    /// `null` is never; it may not be left out.
    #[serde(deserialize_with = "Option::deserialize")]
    pub wake_ns: Option<u64>,
    #[serde(default)]
    pub sends: Vec<Datagram>,
    /// Those that have changed.
    #[serde(default)]
    pub opinions: BTreeMap<usize, Word>,
}

/// A datagram that it sends.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Datagram {
    pub to: usize,
    pub message: Value,
    #[serde(default)]
    pub answer: bool,
}

/// An opinion.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Word {
    Trusted,
    Suspected,
    Down,
}

impl From<Word> for Opinion {
    fn from(word: Word) -> Opinion {
        match word {
            Word::Trusted => Opinion::Trusted,
            Word::Suspected => Opinion::Suspected,
            Word::Down => Opinion::Down,
        }
    }
}
