//! The mesh key: members of a mesh share it, and believe only what was made with it.
//!
//! A request carries a tag over what it asks and who asks, an answer a tag over
//! that request's tag and the body, an event of a stream a tag over the stream's
//! request, its number and its text. So an answer belongs to one question, an
//! event to one place in one stream, and nothing that was recorded can be used
//! elsewhere. A nonce makes every request different, and the boot and sequence
//! number that the caller acknowledges (`heartbeat-ack`) show the receiver that
//! the request is not an old one, without another round trip.
//!
//! HMAC-SHA256 (RFC 2104, FIPS 180-4) with whole tags. There is one algorithm,
//! and its version stands in every domain string: nothing is negotiated, so
//! nothing can be downgraded.
//!
//! What a proxy may change is not covered: the method's other headers, the path
//! as it was written, the host. Only the route, its decoded parameters and the
//! `heartbeat-*` headers are.
//!
//! `key` has keys and the rules for them, `tags` the bytes that are covered,
//! `header` how tags travel, `file` how a file of keys is read, `store` the keys in use, `guard` what is done with them.

pub(crate) mod file;
pub(crate) mod guard;
pub(crate) mod header;
pub(crate) mod key;
pub(crate) mod store;
pub(crate) mod tags;
