//! Asking a running node: the commands' only way to the network.
//!
//! One request on one connection, without a pool: a command asks once or
//! follows one stream. Everything has a limit in time and size, because the
//! node that is asked may be the one that is ill.

use std::future::Future;
use std::net::IpAddr;
use std::time::Duration;

use clap::Args;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::AbortHandle;

use super::answer::shown;
use super::exit::Failure;
use crate::config::environment::Environment;
use crate::config::parse;
use crate::config::problem::{Problem, Problems};
use crate::config::raw::{Layers, Raw};
use crate::config::settings::{PORT, find};
use crate::config::token::Token;

/// A node answers at once or is ill; five seconds tell the two apart on any link.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// The view of a mesh of a thousand peers is about a megabyte.
const BODY_MAX: usize = 16 * 1024 * 1024;

/// Streams carry a comment every 5 s; three missing ones are a silent node.
const STREAM_SILENCE_MAX: Duration = Duration::from_secs(15);

/// One event is a few hundred bytes; a line without an end is not ours.
const STREAM_LINE_MAX: usize = 1024 * 1024;

/// Which node to ask.
#[derive(Args, Clone, Debug, Default)]
pub struct Address {
    /// The node to ask: host:port, :port or a URL [default: this host's, on HEARTBEAT_PORT or 8001]
    #[arg(long, value_name = "HOST:PORT")]
    pub addr: Option<String>,
}

/// Where a node answers, as `host:port`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place(pub String);

impl Address {
    /// The place that was named, else where a node with this environment listens.
    ///
    /// # Errors
    /// When neither the flag nor the variables say something usable.
    pub fn place(&self, environment: &Environment) -> Result<Place, Failure> {
        match &self.addr {
            Some(text) => named(text),
            None => own(environment),
        }
    }
}

fn named(text: &str) -> Result<Place, Failure> {
    let wrong =
        |why: String| Failure::Usage(format!("--addr={text}: {why}\naccepted: host:port, :port, or http://host:port"));
    let bare = text.trim().trim_start_matches("http://").trim_end_matches('/');
    let with_host = match bare.strip_prefix(':') {
        Some(port) => format!("localhost:{port}"),
        None if bare.bytes().all(|b| b.is_ascii_digit()) => format!("localhost:{bare}"),
        None => bare.to_owned(),
    };
    let url = url::Url::parse(&format!("http://{with_host}")).map_err(|error| wrong(error.to_string()))?;
    let bare_url = url.path() == "/" && url.query().is_none() && url.username().is_empty();
    let Some(host) = url.host_str().filter(|_| bare_url && !bare.is_empty()) else {
        return Err(wrong("is not an address".into()));
    };
    // A URL forgets `:80`, the default of its scheme.
    let port = url.port().unwrap_or(if with_host.ends_with(":80") { 80 } else { PORT });
    Ok(Place(format!("{host}:{port}")))
}

fn own(environment: &Environment) -> Result<Place, Failure> {
    let flags = Raw::default();
    let layers = Layers { flags: &flags, environment };
    let mut problems = Vec::new();
    let mut note = |name: &str, wrong: String| {
        if let (Some(spec), Some(typed)) = (find(name), layers.typed(name)) {
            problems.push(Problem::typed(spec, typed, wrong));
        }
    };
    let port = layers.typed("port").map_or(Ok(PORT), |typed| parse::port(typed.text));
    let port = port.map_err(|wrong| note("port", wrong)).unwrap_or(PORT);
    let address = layers.typed("address").map(|typed| parse::address(typed.text)).transpose();
    let address = address.map_err(|wrong| note("address", wrong)).unwrap_or(None);
    if !problems.is_empty() {
        return Err(Problems(problems).into());
    }
    Ok(match address.filter(|address| !address.is_unspecified()) {
        None => Place(format!("localhost:{port}")),
        Some(IpAddr::V4(ip)) => Place(format!("{ip}:{port}")),
        Some(IpAddr::V6(ip)) => Place(format!("[{ip}]:{port}")),
    })
}

/// One request.
#[derive(Clone, Debug)]
pub struct Order<'a> {
    pub method: Method,
    pub path: &'a str,
    pub body: Option<String>,
    pub token: Option<Token>,
}

impl<'a> Order<'a> {
    /// One that only reads.
    pub fn get(path: &'a str) -> Order<'a> {
        Order { method: Method::GET, path, body: None, token: None }
    }
}

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub body: String,
}

impl Reply {
    /// The body of a 200, else what the node says is wrong.
    ///
    /// # Errors
    /// The problem object's words, or the status where there is none.
    pub fn good(self) -> Result<String, Failure> {
        if self.status == 200 {
            return Ok(self.body);
        }
        let problem: serde_json::Value = serde_json::from_str(&self.body).unwrap_or_default();
        let words = ["detail", "title"].iter().find_map(|key| problem[*key].as_str());
        let said = match words {
            Some(words) => format!("the node answered {}: {}", self.status, shown(words)),
            None => format!("the node answered {}", self.status),
        };
        Err(if matches!(self.status, 401 | 403) { Failure::Refused(said) } else { Failure::Failed(said) })
    }
}

impl Place {
    /// One `GET`, within five seconds.
    ///
    /// # Errors
    /// [`Failure::Unreachable`] for everything that keeps the answer away.
    pub async fn get(&self, path: &str) -> Result<Reply, Failure> {
        self.get_within(path, PATIENCE).await
    }

    /// One `GET` with a limit of its own.
    ///
    /// # Errors
    /// As [`Place::get`].
    pub async fn get_within(&self, path: &str, limit: Duration) -> Result<Reply, Failure> {
        self.send_within(Order::get(path), limit).await
    }

    /// One request that may change something, within five seconds. It is sent once: whoever is not sure that it
    /// was heard can ask, or say the same again.
    ///
    /// # Errors
    /// As [`Place::get`].
    pub async fn send(&self, order: Order<'_>) -> Result<Reply, Failure> {
        self.send_within(order, PATIENCE).await
    }

    async fn send_within(&self, order: Order<'_>, limit: Duration) -> Result<Reply, Failure> {
        self.limited(limit, async {
            let (response, _connection) = self.exchange(order, "application/json").await?;
            let status = response.status().as_u16();
            let body = Limited::new(response.into_body(), BODY_MAX).collect().await;
            let body = body.map_err(|error| self.unreachable(error))?.to_bytes();
            Ok(Reply { status, body: String::from_utf8_lossy(&body).into_owned() })
        })
        .await
    }

    /// Opens an event stream.
    ///
    /// # Errors
    /// As [`Place::get`], and [`Failure::Failed`] when the node refuses it.
    pub async fn follow(&self, path: &str) -> Result<Stream, Failure> {
        let opened = self.exchange(Order::get(path), "text/event-stream");
        let (response, connection) = self.limited(PATIENCE, opened).await?;
        if response.status() != 200 {
            let reply = Reply { status: response.status().as_u16(), body: String::new() };
            reply.good()?;
        }
        let body = response.into_body();
        Ok(Stream { place: self.clone(), body, pending: Vec::new(), frame: Frame::default(), _connection: connection })
    }

    /// Gives up what takes longer.
    ///
    /// # Errors
    /// Those of the work, and [`Failure::Unreachable`] after the limit.
    pub async fn limited<T>(
        &self,
        limit: Duration,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        match tokio::time::timeout(limit, work).await {
            Ok(result) => result,
            Err(_) => Err(self.unreachable(format!("no answer within {}", parse::duration_text(limit)))),
        }
    }

    async fn exchange(&self, order: Order<'_>, accept: &str) -> Result<(Response<Incoming>, Connection), Failure> {
        let stream = TcpStream::connect(&self.0).await.map_err(|error| self.unreachable(error))?;
        let (mut sender, connection) =
            http1::handshake::<_, Full<Bytes>>(TokioIo::new(stream)).await.map_err(|error| self.unreachable(error))?;
        // Ends with the connection, and is ended by the guard when the answer is no longer wanted.
        let guard = Connection(tokio::spawn(connection).abort_handle());
        let mut request = Request::builder()
            .method(order.method)
            .uri(order.path)
            .header("host", &self.0)
            .header("accept", accept)
            .header("user-agent", concat!("heartbeat/", env!("CARGO_PKG_VERSION")));
        if let Some(token) = &order.token {
            request = request.header("authorization", format!("Bearer {}", token.reveal()));
        }
        if order.body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let body = Full::new(Bytes::from(order.body.unwrap_or_default()));
        let request = request.body(body).map_err(|error| Failure::Usage(error.to_string()))?;
        let response = sender.send_request(request).await.map_err(|error| self.unreachable(error))?;
        Ok((response, guard))
    }

    fn unreachable(&self, why: impl ToString) -> Failure {
        Failure::Unreachable { place: format!("http://{}", self.0), why: why.to_string() }
    }
}

/// Ends the task that drives a connection when its user is done.
struct Connection(AbortHandle);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// An open event stream.
pub struct Stream {
    place: Place,
    body: Incoming,
    pending: Vec<u8>,
    frame: Frame,
    _connection: Connection,
}

/// One server-sent event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    pub event: String,
    pub data: String,
}

impl Stream {
    /// The next event; comments are signs of life and nothing else.
    ///
    /// # Errors
    /// [`Failure::Unreachable`] when the stream ends or falls silent.
    pub async fn next(&mut self) -> Result<Frame, Failure> {
        loop {
            while let Some(end) = self.pending.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.pending.drain(..=end).collect();
                if let Some(frame) = self.frame.take_line(String::from_utf8_lossy(&line).trim_end()) {
                    return Ok(frame);
                }
            }
            if self.pending.len() > STREAM_LINE_MAX {
                return Err(self.place.unreachable("a line of its stream has no end"));
            }
            let read = self.body.frame();
            match tokio::time::timeout(STREAM_SILENCE_MAX, read).await {
                Err(_) => return Err(self.place.unreachable("its stream has fallen silent")),
                Ok(None) => return Err(self.place.unreachable("it ended the stream")),
                Ok(Some(Err(error))) => return Err(self.place.unreachable(error)),
                Ok(Some(Ok(frame))) => self.pending.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data)),
            }
        }
    }
}

impl Frame {
    /// Takes one line; an empty one ends the event.
    fn take_line(&mut self, line: &str) -> Option<Frame> {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "" if line.is_empty() && !self.data.is_empty() => return Some(std::mem::take(self)),
            "event" => value.clone_into(&mut self.event),
            "data" => {
                if !self.data.is_empty() {
                    self.data.push('\n');
                }
                self.data.push_str(value);
            }
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (text, place) in [
            ("node-1:8001", "node-1:8001"),
            (":8002", "localhost:8002"),
            ("8003", "localhost:8003"),
            ("http://node-1:8001/", "node-1:8001"),
            ("node-1", "node-1:8001"),
            ("[::1]:8001", "[::1]:8001"),
            ("node-1:80", "node-1:80"),
        ] {
            assert_eq!(named(text).unwrap(), Place(place.into()), "{text}");
        }
        for text in ["", "node-1:x", "http://node-1:8001/peers", "https://node-1:8001"] {
            assert!(named(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_environment_of_a_node_names_its_own_place() {
        let place = |vars: &[(&str, &str)]| {
            let environment = vars.iter().map(|(name, value)| (name.into(), value.into())).collect();
            own(&environment).map(|place| place.0).map_err(|failure| failure.exit())
        };
        assert_eq!(place(&[]).unwrap(), "localhost:8001");
        assert_eq!(place(&[("HEARTBEAT_PORT", "9001")]).unwrap(), "localhost:9001");
        assert_eq!(place(&[("HEARTBEAT_ADDRESS", "::1")]).unwrap(), "[::1]:8001");
        assert_eq!(place(&[("HEARTBEAT_ADDRESS", "0.0.0.0")]).unwrap(), "localhost:8001");
        assert_eq!(place(&[("HEARTBEAT_PORT", "x")]).unwrap_err(), super::super::exit::Exit::Usage);
    }

    #[test]
    fn frames() {
        let mut frame = Frame::default();
        let lines = [": hello", "", "event: peer_down", "id: 3", "data: {\"a\":1}", ""];
        let told: Vec<Frame> = lines.iter().filter_map(|line| frame.take_line(line)).collect();
        assert_eq!(told, [Frame { event: "peer_down".into(), data: "{\"a\":1}".into() }]);
    }
}
