//! A node without TLS: the reason, where a connection would be.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::files::{Contents, Unusable};
use super::store::TlsStore;
use super::trouble::Trouble;
use super::wire::Wire;

/// Whether TLS can be had, and why not.
pub(crate) fn available() -> Result<(), String> {
    Err("this build does not speak TLS: use one with the feature `tls`, for x86_64 or aarch64".to_owned())
}

pub(super) fn trouble(_error: &io::Error) -> Option<Trouble> {
    None
}

/// Certificates that can be used: there are none.
#[derive(Debug)]
pub(crate) enum Material {}

impl Material {
    pub(crate) fn new(_contents: &Contents) -> Result<Material, Unusable> {
        Err(Unusable::new(super::files::CERT, available().err().unwrap_or_default()))
    }

    pub(crate) fn of_command(contents: &Contents, _is_own: bool) -> Result<Material, Unusable> {
        Material::new(contents)
    }

    pub(crate) fn expires(&self) -> Option<u64> {
        match *self {}
    }
}

/// A connection with TLS: there is none.
#[derive(Debug)]
pub(crate) enum Session {}

pub(super) fn tcp(session: &Session) -> &TcpStream {
    match *session {}
}

impl AsyncRead for Session {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match *self {}
    }
}

impl AsyncWrite for Session {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        match *self {}
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match *self {}
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match *self {}
    }
}

/// The client's side: it refuses.
#[derive(Debug, Default)]
pub(crate) struct Connector;

impl Connector {
    pub(crate) async fn connect(&self, _store: Option<&TlsStore>, _: TcpStream, _host: &str) -> io::Result<Wire> {
        Err(io::Error::other(available().err().unwrap_or_default()))
    }
}

/// The server's side: it is never made.
#[derive(Clone, Debug)]
pub enum Acceptor {}

impl Acceptor {
    pub(crate) fn new(_store: &TlsStore) -> Option<Acceptor> {
        None
    }

    pub(crate) async fn accept(&self, _stream: TcpStream) -> Result<(Wire, bool), (io::Error, Option<TcpStream>)> {
        match *self {}
    }
}
