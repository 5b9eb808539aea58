//! The beginning of a connection: TLS where the port speaks it, and what callers are told that get no further.
//!
//! The handshake counts against the caller as an idle connection does: it makes room for others, and has a limit.

use std::io;
use std::time::Duration;

use axum::http::StatusCode;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use super::problem::Problem;
use super::remote::Remote;
use crate::api::PROBLEM_MEDIA_TYPE;
use crate::tls::wire::Wire;
use crate::tls::{Acceptor, trouble};

/// How long telling a caller may take that it gets no further.
const REFUSAL_TIME: Duration = Duration::from_millis(250);
/// How long a TLS handshake may take: two round trips on the slowest link, a lost packet, and a caller's slow processor.
const HANDSHAKE_TIME: Duration = Duration::from_secs(5);
/// The first byte of every TLS connection: a record of a handshake (RFC 8446, section 5.1).
const HANDSHAKE_RECORD: u8 = 22;

/// The connection as HTTP runs on it, and what is known of its caller now. `Err`: why it cannot go on; without a text, the
/// caller has gone.
pub(super) async fn begin(
    tls: Option<&Acceptor>,
    stream: TcpStream,
    remote: Remote,
) -> Result<(Wire, Remote), Option<String>> {
    let Some(acceptor) = tls else { return Ok((Wire::Plain(stream), remote)) };
    // Apart, so that the task of a plain connection has no room for it.
    match Box::pin(timeout(HANDSHAKE_TIME, handshake(acceptor, stream))).await {
        Ok(Ok((wire, has_certificate))) => Ok((wire, Remote { has_certificate, ..remote })),
        Ok(Err(why)) => Err(why),
        Err(_) => Err(Some(format!("no TLS handshake within {} s", HANDSHAKE_TIME.as_secs()))),
    }
}

async fn handshake(acceptor: &Acceptor, stream: TcpStream) -> Result<(Wire, bool), Option<String>> {
    let mut first = [0];
    match stream.peek(&mut first).await {
        Ok(1) if first[0] == HANDSHAKE_RECORD => {}
        Ok(1) => {
            // Who asks in plain HTTP is told so, in plain HTTP.
            answer(stream, &Problem::tls_required()).await;
            return Err(Some("asked without TLS".to_owned()));
        }
        _ => return Err(None),
    }
    match acceptor.accept(stream).await {
        Ok(accepted) => Ok(accepted),
        Err((error, stream)) => {
            if let Some(mut stream) = stream {
                let _ = timeout(REFUSAL_TIME, read_out(&mut stream)).await;
            }
            // Otherwise it has closed the connection: a probe of the port, or one that does not like the certificate and says
            // nothing.
            Err(trouble::of(&error).map(|trouble| trouble.text))
        }
    }
}

/// Answers a caller that there is no room.
pub(super) async fn refuse(tls: Option<Acceptor>, stream: TcpStream, _slot: OwnedSemaphorePermit) {
    let tell = async {
        let wire = match &tls {
            None => Wire::Plain(stream),
            Some(acceptor) => Box::pin(handshake(acceptor, stream)).await.ok()?.0,
        };
        answer(wire, &Problem::too_many_connections()).await;
        Some(())
    };
    // Out of time, or gone: it will find out by itself.
    let _ = timeout(REFUSAL_TIME, tell).await;
}

/// Reads what the caller has sent, to its end: closing a socket with unread bytes would tear away what it was told.
async fn read_out(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<()> {
    let mut sent = [0; 1024];
    while stream.read(&mut sent).await? > 0 {}
    Ok(())
}

/// Answers with a problem whatever was asked.
async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin, problem: &Problem) {
    let body = problem.to_json();
    let status = problem.status();
    let retry = if status == StatusCode::SERVICE_UNAVAILABLE { "retry-after: 1\r\n" } else { "" };
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {PROBLEM_MEDIA_TYPE}\r\ncontent-length: {}\r\n\
         x-content-type-options: nosniff\r\n{retry}connection: close\r\n\r\n{body}",
        body.len()
    );
    let tell = async {
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await?;
        read_out(&mut stream).await
    };
    let _ = timeout(REFUSAL_TIME, tell).await;
}
