//! Asking a running node, and what went wrong in the words of a command.

use std::fmt;
use std::time::Duration;

use super::answer::{Answer, Event};
use super::exit::Failure;
use super::safe_text::{parse, shown};
use crate::client::EventStream;
use crate::client::node::{NodeClient, Opened, Order, REQUEST_TIME_MAX, Reply, RequestError};
use crate::config::token::Token;
use crate::tls::store::TlsStore;

/// Where a node answers; shown as `host:port`.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    node: NodeClient,
    /// Shown with every request that brings no token of its own.
    read_token: Option<Token>,
}

impl Place {
    /// `host`: a name or an address, of IPv6 in brackets.
    pub(crate) fn new(host: &str, port: u16) -> Place {
        Place::behind(host, port, "")
    }

    /// The same behind a proxy that serves the node under a prefix.
    pub(crate) fn behind(host: &str, port: u16, prefix: &str) -> Place {
        Place { node: NodeClient::new(host, port, prefix), read_token: None }
    }

    /// The same, read with this token.
    pub(crate) fn read_with(self, read_token: Option<Token>) -> Place {
        Place { read_token, ..self }
    }

    fn with_token<'a>(&'a self, order: &Order<'a>) -> Order<'a> {
        let own = self.read_token.as_ref().map(Token::reveal);
        Order { bearer_token: order.bearer_token.or(own), ..order.clone() }
    }

    /// The same, asked with TLS.
    pub(crate) fn with_tls(self, store: TlsStore) -> Place {
        Place { node: self.node.with_tls(store), ..self }
    }

    /// As a browser has it.
    pub(crate) fn url(&self) -> String {
        format!("{}://{self}", self.node.scheme())
    }

    /// Asks for `what` at `path`.
    ///
    /// # Errors
    /// When the node cannot be reached, answers with a problem, or with something that is no JSON.
    pub(crate) async fn ask(&self, path: &str, what: &'static str) -> Result<Answer, Failure> {
        Answer::new(good(self.get(path).await?)?, what)
    }

    /// One `GET`, within the usual limit.
    ///
    /// # Errors
    /// [`Failure::Unreachable`] for everything that keeps the answer away.
    pub(crate) async fn get(&self, path: &str) -> Result<Reply, Failure> {
        self.send(&Order::get(path), REQUEST_TIME_MAX).await
    }

    /// One request with a limit of its own. It is sent once.
    ///
    /// # Errors
    /// As [`Place::get`].
    pub(crate) async fn send(&self, order: &Order<'_>, limit: Duration) -> Result<Reply, Failure> {
        self.node.send(&self.with_token(order), limit).await.map_err(|error| self.unreachable(error))
    }

    /// Opens the event stream at `path`.
    ///
    /// # Errors
    /// As [`Place::ask`], when the node refuses it.
    pub(crate) async fn follow(&self, path: &str) -> Result<Events, Failure> {
        match self.node.follow(&self.with_token(&Order::get(path)), REQUEST_TIME_MAX).await {
            Ok(Opened::Stream(stream)) => Ok(Events { place: self.clone(), stream }),
            Ok(Opened::Reply(reply)) => Err(problem(&reply)),
            Err(error) => Err(self.unreachable(error)),
        }
    }

    /// Several requests within one limit.
    ///
    /// # Errors
    /// Those of the work, and [`Failure::Unreachable`] after the limit.
    pub(crate) async fn limited<T>(
        &self,
        limit: Duration,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let late = |_| Err(self.unreachable(RequestError::Late(limit)));
        tokio::time::timeout(limit, work).await.unwrap_or_else(late)
    }

    fn unreachable(&self, why: impl ToString) -> Failure {
        Failure::Unreachable { place: self.url(), why: shown(&why.to_string()) }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.node.fmt(f)
    }
}

/// The body of a 200.
///
/// # Errors
/// What the node says is wrong.
pub(crate) fn good(reply: Reply) -> Result<String, Failure> {
    if reply.status == 200 { Ok(reply.body) } else { Err(problem(&reply)) }
}

/// The words of the problem object, or the status where there is none.
fn problem(reply: &Reply) -> Failure {
    let problem: serde_json::Value = serde_json::from_str(&reply.body).unwrap_or_default();
    let words = ["detail", "title"].iter().find_map(|key| problem[*key].as_str());
    let said = match words {
        Some(words) => format!("the node answered {}: {}", reply.status, shown(words)),
        None => format!("the node answered {}", reply.status),
    };
    if matches!(reply.status, 401 | 403) { Failure::Refused(said) } else { Failure::Failed(said) }
}

/// The events of a node as they happen.
pub(crate) struct Events {
    place: Place,
    stream: Box<EventStream>,
}

impl Events {
    /// The next event; what is none is skipped.
    ///
    /// # Errors
    /// [`Failure::Unreachable`] when the stream ends or falls silent.
    pub(crate) async fn next(&mut self) -> Result<Event, Failure> {
        loop {
            let event = self.stream.next().await.map_err(|end| self.place.unreachable(end))?;
            if let Some(event) = parse(&event.data).ok().and_then(Event::new) {
                return Ok(event);
            }
        }
    }
}
