//! TLS: what a node proves itself with, whom it believes, and the connections that carry it.
//!
//! TLS 1.3 only, by rustls with graviola, which need no C compiler. Who builds without the feature, or for a processor that
//! graviola does not know, gets `absent`: the same names, and the reason instead of a connection. So nothing above this
//! module knows of features.
//!
//! A node has one certificate for both of its roles, server and client, and one list of authorities for each role: `ca`
//! says which servers it believes, `client_ca` which callers. There are no built-in authorities: a mesh is not the web, and
//! a certificate that anybody can buy must not make a member.
//!
//! `files` reads what flags name, `store` has what is in use and exchanges it while the node runs, `wire` is a connection
//! with or without TLS, `trouble` why a handshake failed.
//!
//! Turned down: ring and aws-lc-rs (C and assembler in the build), TLS 1.2 (every peer is this program, and browsers have
//! had 1.3 since 2018), early data (a request that can be played again), a flag that turns the check of certificates off.

pub(crate) mod files;
pub(crate) mod store;
pub(crate) mod trouble;
pub(crate) mod wire;

#[cfg(all(feature = "tls", any(target_arch = "x86_64", target_arch = "aarch64")))]
#[path = "present/mod.rs"]
mod backend;
#[cfg(not(all(feature = "tls", any(target_arch = "x86_64", target_arch = "aarch64"))))]
#[path = "absent.rs"]
mod backend;

#[cfg(all(test, feature = "tls", any(target_arch = "x86_64", target_arch = "aarch64")))]
pub(crate) use backend::tests as testing;
pub(crate) use backend::{Acceptor, Connector, Material, available};
