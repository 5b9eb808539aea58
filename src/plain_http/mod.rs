//! The few shapes of HTTP/1.1 that nodes exchange all the time, read and written without hyper.
//!
//! A ping, its answer and a stream of news look the same a million times a day. hyper keeps two or three buffers of 8 KiB
//! for each connection and takes half of the instructions of a ping; these readers keep nothing while a connection is idle.
//!
//! They refuse nothing and repair nothing. What has any other shape than the one they know is given to hyper from its first
//! byte on ([`Replay`]), which then has the connection for the rest of its life: proxies, load balancers, broken and hostile
//! callers are read by the library that knows them. Heads are parsed by `httparse`, as in hyper.

mod answer;
mod chunks;
mod head;
mod replay;
mod request;
mod write;

pub(crate) use answer::{AnswerHead, answer, answer_headers};
pub(crate) use chunks::Chunks;
pub(crate) use head::Read;
pub(crate) use replay::Replay;
pub(crate) use request::get;
pub(crate) use write::{chunk, last_chunk, request_bytes, response_bytes, stream_head};
