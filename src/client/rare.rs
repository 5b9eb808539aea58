//! What is asked now and then: witnesses, rows, history, evidence, goodbyes.
//!
//! Without TLS it goes through reqwest's pool. With TLS each request has a connection of its own, which is resumed and so
//! costs no signatures: a second pool with a second way to check certificates would be much code for requests that come
//! while something is wrong or somebody looks.

use http_body_util::Full;
use hyper::http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use tokio::time::timeout;
use url::Url;

use super::exchange::{Exchange, Order, USER_AGENT};
use super::signing::Check;
use super::target::Target;
use super::{Client, NewsStream};
use crate::api::{
    ANSWER_BYTES, HISTORY_BYTES, History, HistoryBody, ROW_BYTES, RowBody, TESTIMONY_BYTES, TestimonyBody, WHY_BYTES,
    WhyBody, caller_headers,
};
use crate::detector::peer::{BootId, Caller, NodeName, Testimony};
use crate::mesh_key::tags;
use crate::plain_http::Replay;

/// One request, before it is signed.
struct Question<'a> {
    url: Url,
    headers: HeaderMap,
    op: &'a str,
    args: &'a [&'a str],
    /// Of the answer.
    limit: usize,
}

impl Client {
    /// Asks the peer at `target` for a ping of `node`. Everything but a clear answer in time is no opinion; where a key is
    /// required, so is one of another node or boot than `witness`.
    pub async fn ask(
        &self,
        target: &Target,
        caller: &Caller,
        (node, boot): (&NodeName, BootId),
        witness: Option<&(NodeName, BootId)>,
    ) -> Testimony {
        let args = [node.as_str(), &boot.to_string()];
        let question = Question {
            url: target.witness(node, boot),
            headers: caller_headers(caller),
            op: tags::WITNESS,
            args: &args,
            limit: TESTIMONY_BYTES,
        };
        let exchange = async {
            let body = TestimonyBody::read(&self.fetch(target, question).await?)?;
            let is_asked = witness.is_some_and(|(node, boot)| body.is_of(node, *boot));
            (is_asked || !self.requires_key()).then(|| body.testimony())
        };
        match timeout(self.settings.question_timeout, exchange).await {
            Ok(Some(testimony)) => testimony,
            Ok(None) | Err(_) => Testimony::NoOpinion,
        }
    }

    /// The peer's row of the matrix; `None` when it does not give one, whatever the reason. The caller sets the limit.
    /// Where a key is required it must be `node`'s: a member's row may be redirected as well.
    pub async fn row(&self, target: &Target, node: Option<&NodeName>) -> Option<RowBody> {
        let url = target.0.row.clone();
        let question = Question { url, headers: HeaderMap::new(), op: tags::ROW, args: &[], limit: ROW_BYTES };
        let row = RowBody::parse(&self.fetch(target, question).await?).ok()?;
        (!self.requires_key() || row.node.known() == node).then_some(row)
    }

    /// What the peer saw after its event number `since`; `None` when it does not say. The caller sets the limit.
    pub async fn history(&self, target: &Target, since: u64) -> Option<History> {
        let mut url = target.0.base.join("/api/v1/history").ok()?;
        let since = since.to_string();
        url.set_query(Some(&format!("since={since}")));
        let args = [&*since];
        let question =
            Question { url, headers: HeaderMap::new(), op: tags::HISTORY, args: &args, limit: HISTORY_BYTES };
        HistoryBody::read(&self.fetch(target, question).await?).ok()
    }

    /// The peer's evidence about `about`, a node that it watches; `None` when it does not give it. The caller sets the limit.
    pub async fn why(&self, target: &Target, about: &str) -> Option<WhyBody> {
        let mut url = target.0.base.join("/api/v1/why/").ok()?;
        url.path_segments_mut().ok()?.pop_if_empty().push(about);
        let args = [about];
        let question = Question { url, headers: HeaderMap::new(), op: tags::WHY, args: &args, limit: WHY_BYTES };
        serde_json::from_slice(&self.fetch(target, question).await?).ok()
    }

    /// Sends the peer a goodbye. Whether it arrived is not checked.
    pub async fn goodbye(&self, target: &Target, caller: &Caller) {
        let url = target.0.ping.clone();
        let mut headers = caller_headers(caller);
        Check::sign(self.guard.as_ref(), tags::PING, &[], &mut headers);
        // A peer that does not hear it finds the connection refused and says "down": the truth, less politely.
        match &target.0.tls {
            None => drop(self.pooled.get(url).headers(headers).send().await),
            Some(_) => drop(self.alone(target, &url, headers, ANSWER_BYTES).await),
        }
    }

    /// Opens an event stream to the peer; `None` when it does not want one, cannot be reached, or does not show the key.
    pub async fn open_stream(&self, target: &Target, caller: &Caller) -> Option<NewsStream> {
        let line = async { self.connect(target).await.ok()?.into_line().await.ok() };
        let line = timeout(self.settings.connect_timeout, line).await.ok()??;
        let order = Order::stream(self.guard.as_ref(), caller, target.0.authority.clone());
        NewsStream::open(line, order).await
    }

    /// The body of an answer of 200 and at most so many bytes; `None` when it is anything else, is longer, breaks off or
    /// does not pass the check.
    async fn fetch(&self, target: &Target, question: Question<'_>) -> Option<Vec<u8>> {
        let Question { url, mut headers, op, args, limit } = question;
        let check = Check::sign(self.guard.as_ref(), op, args, &mut headers);
        let (headers, body) = match &target.0.tls {
            None => pooled(self.pooled.get(url).headers(headers), limit).await?,
            Some(_) => self.alone(target, &url, headers, limit).await?,
        };
        check.answer(&headers, &body).ok()?;
        Some(body)
    }

    /// One request on a connection of its own.
    async fn alone(
        &self,
        target: &Target,
        url: &Url,
        headers: HeaderMap,
        limit: usize,
    ) -> Option<(HeaderMap, Vec<u8>)> {
        let mut request = Request::new(Full::default());
        *request.uri_mut() = url[url::Position::BeforePath..url::Position::AfterQuery].parse().ok()?;
        *request.headers_mut() = headers;
        let headers = request.headers_mut();
        headers.insert(header::HOST, target.0.authority.clone());
        headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        let wire = self.connect(target).await.ok()?.into_wire().await.ok()?;
        let mut exchange = Exchange::over(Replay::fresh(wire)).await.ok()?;
        let response = exchange.open(request).await.ok()?;
        if response.status() != StatusCode::OK {
            return None;
        }
        let (head, mut incoming) = response.into_parts();
        let mut body = Vec::new();
        while let Some(piece) = exchange.piece(&mut incoming).await {
            let piece = piece.ok()?;
            if body.len() + piece.len() > limit {
                return None;
            }
            body.extend_from_slice(&piece);
        }
        Some((head.headers, body))
    }
}

async fn pooled(request: reqwest::RequestBuilder, limit: usize) -> Option<(HeaderMap, Vec<u8>)> {
    let mut response = request.send().await.ok()?;
    if response.status() != reqwest::StatusCode::OK {
        return None;
    }
    let announced = response.content_length().unwrap_or(0);
    if announced > limit as u64 {
        return None;
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.ok()? {
        if body.len() + chunk.len() > limit {
            return None;
        }
        body.extend_from_slice(&chunk);
    }
    Some((std::mem::take(response.headers_mut()), body))
}
