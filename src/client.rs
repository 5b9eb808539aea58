//! How this node reaches its peers, and the only owner of an HTTP client.
//!
//! Three kinds of requests, because they answer three questions. The *scheduled*
//! ping asks "how long does it take?" and runs over one kept connection a peer
//! (`kept.rs`), so that a round trip is a round trip and not a handshake. A
//! *check* asks "what is wrong?" and always makes a connection of its own
//! (`fresh`), because only a new connection tells a refusal from silence from
//! a process that no longer reads; a kept one reports the past. What is said
//! now and then (questions to witnesses, rows of the matrix, goodbyes) goes
//! through reqwest.
//!
//! No time limit is set here but for connecting: the detector cancels by
//! observer time, and dropping a request closes its connection. Redirects,
//! proxies from the environment and retries are off: a request goes to the peer
//! or nowhere.
//!
//! Turned down: reqwest for checks, which cannot say "connected" before the
//! answer comes; reqwest for scheduled pings and streams, which was the first
//! version and twice as dear (see `kept.rs`).

mod dial;
mod evidence;
mod exchange;
mod keep_alive;
pub mod one_shot;
mod resolve;
mod sse;
mod stream;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hyper::http::HeaderValue;
use url::Url;

use self::exchange::Exchange;
use self::keep_alive::{Carrier, FailedRenewals, Kept};
use self::one_shot::Fresh;
pub use self::resolve::NameService;
use self::resolve::Resolver;
pub use self::stream::NewsStream;
use crate::detector::evidence::Evidence;
use crate::detector::peer::{Answer, BootId, Caller, NodeName, Testimony};
use crate::wire::{
    AnswerBody, HISTORY_BYTES, History, HistoryBody, ROW_BYTES, RowBody, TESTIMONY_BYTES, TestimonyBody, caller_headers,
};

/// What a peer's log shows as our user agent.
const USER_AGENT: &str = concat!("heartbeat/", env!("CARGO_PKG_VERSION"));

/// Questions come once an interval while something is wrong, and then not for days.
const IDLE: Duration = Duration::from_secs(10);

/// What the client needs to know of the detector's settings.
#[derive(Clone, Copy, Debug)]
pub struct ClientSettings {
    /// How long a connection may take, name lookup included.
    pub connect_timeout: Duration,
    /// How long a witness may take to answer.
    pub question_timeout: Duration,
}

/// Where a peer is. All requests' parts that never change are made once, and clones share them.
#[derive(Clone, Debug)]
pub struct Target(Arc<Address>);

#[derive(Debug)]
struct Address {
    base: Url,
    ping: Url,
    row: Url,
    host: String,
    port: u16,
    authority: HeaderValue,
    kept: Kept,
}

/// The client. Clones share their connections.
#[derive(Clone, Debug)]
pub struct Client {
    /// For what is asked now and then: questions, rows and goodbyes.
    pooled: reqwest::Client,
    resolver: Resolver,
    settings: ClientSettings,
    failed_renewals: FailedRenewals,
}

/// Why a URL is not a peer's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a peer's address is http://host:port")]
pub struct InvalidTarget;

impl Target {
    /// The peer at `url`, of which the scheme, host and port count.
    ///
    /// # Errors
    /// [`InvalidTarget`] when it has no host or is not `http`.
    pub fn new(url: &Url) -> Result<Target, InvalidTarget> {
        let host = url.host_str().filter(|_| url.scheme() == "http").ok_or(InvalidTarget)?;
        let port = url.port_or_known_default().ok_or(InvalidTarget)?;
        let authority = HeaderValue::from_str(&format!("{host}:{port}")).map_err(|_| InvalidTarget)?;
        Ok(Target(Arc::new(Address {
            ping: url.join("/ping").map_err(|_| InvalidTarget)?,
            row: url.join("/api/v1/row").map_err(|_| InvalidTarget)?,
            base: url.clone(),
            host: host.trim_matches(['[', ']']).to_owned(),
            port,
            authority,
            kept: Kept::default(),
        })))
    }

    /// The peer at an address that was found by looking a name up.
    ///
    /// # Errors
    /// Never for an address; the types do not know that.
    pub fn at(address: SocketAddr) -> Result<Target, InvalidTarget> {
        Target::new(&Url::parse(&format!("http://{address}")).map_err(|_| InvalidTarget)?)
    }

    /// Whether the way to this peer stays on this machine, so that both mean the same by "localhost".
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.0.host)
    }

    /// Where to ask this peer about another. Names may hold characters that
    /// mean something in a URL, so they are escaped.
    fn witness(&self, node: &NodeName, boot: BootId) -> Url {
        let mut url = self.0.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.clear().extend(["api", "v1", "witness", node.as_str(), &boot.to_string()]);
        }
        url
    }
}

impl Client {
    /// A client that has no connection yet.
    ///
    /// # Errors
    /// When the HTTP client cannot be built, which no setting of ours can cause.
    pub fn new(settings: ClientSettings) -> Result<Client, reqwest::Error> {
        Client::with_names(settings, NameService::System)
    }

    /// The same with names looked up somewhere else.
    ///
    /// # Errors
    /// As [`Client::new`].
    pub fn with_names(settings: ClientSettings, names: NameService) -> Result<Client, reqwest::Error> {
        // Less than the connect timeout, or a slow name server would look like a silent peer.
        let resolver = Resolver::with(names, settings.connect_timeout.mul_f64(0.8));
        let pooled = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .http1_only()
            .user_agent(USER_AGENT)
            .tcp_nodelay(true)
            .connect_timeout(settings.connect_timeout)
            .dns_resolver(resolver.clone())
            .pool_max_idle_per_host(1)
            .pool_idle_timeout(IDLE)
            .build()?;
        Ok(Client { pooled, resolver, settings, failed_renewals: FailedRenewals::default() })
    }

    /// One ping over the kept connection. With the answer comes whether the
    /// connection has carried enough and wants to be [renewed](Client::renew).
    ///
    /// # Errors
    /// How it failed.
    pub async fn ping(&self, target: &Target, caller: &Caller) -> Result<(Answer, bool), Evidence> {
        let mut carrier = match target.0.kept.take().await {
            Some(carrier) => carrier,
            None => self.carrier(target).await?,
        };
        let answer = carrier.exchange.ping(exchange::request(caller, target.0.authority.clone())).await?;
        let worn = carrier.carried(&self.failed_renewals);
        target.0.kept.keep(carrier);
        Ok((answer, worn))
    }

    /// Puts a new connection in the place of the kept one, or nothing where none can be opened.
    pub async fn renew(&self, target: &Target) {
        match self.carrier(target).await {
            Ok(carrier) => target.0.kept.keep(carrier),
            // The next ping opens one itself, and says how that fails.
            Err(_) => {
                target.0.kept.forget();
                self.failed_renewals.count();
            }
        }
    }

    async fn carrier(&self, target: &Target) -> Result<Carrier, Evidence> {
        let exchange = Exchange::handshake(self.connect(target).await?.into_stream()).await?;
        Ok(Carrier::new(exchange, &self.failed_renewals))
    }

    /// A new connection to the peer, for one check.
    ///
    /// # Errors
    /// How it failed: refused, silent, or a name that does not resolve.
    pub async fn connect(&self, target: &Target) -> Result<Fresh, Evidence> {
        let addresses = self.resolver.addresses(&target.0.host, target.0.port).await?;
        let stream = dial::dial(&addresses, self.settings.connect_timeout).await?;
        if let Ok(address) = stream.peer_addr() {
            self.resolver.prefer(&target.0.host, address.ip());
        }
        Ok(Fresh::new(stream, target.0.authority.clone()))
    }

    /// Every address that `host` leads to now.
    ///
    /// # Errors
    /// Why there is none, in the words of the system.
    pub async fn look_up(&self, host: &str, limit: Duration) -> Result<Vec<IpAddr>, Arc<str>> {
        self.resolver.look_up_now(host, limit).await
    }

    /// Asks the peer at `target` for a ping of `node`. Everything but a clear answer in time is no opinion.
    pub async fn ask(&self, target: &Target, caller: &Caller, node: &NodeName, boot: BootId) -> Testimony {
        let request = self.pooled.get(target.witness(node, boot)).headers(caller_headers(caller));
        let exchange = async { Some(TestimonyBody::parse(&body(request, TESTIMONY_BYTES).await?)) };
        match tokio::time::timeout(self.settings.question_timeout, exchange).await {
            Ok(Some(testimony)) => testimony,
            Ok(None) | Err(_) => Testimony::NoOpinion,
        }
    }

    /// The peer's row of the matrix; `None` when it does not give one, whatever the reason. The caller sets the limit.
    pub async fn row(&self, target: &Target) -> Option<RowBody> {
        RowBody::parse(&body(self.pooled.get(target.0.row.clone()), ROW_BYTES).await?).ok()
    }

    /// What the peer saw after its event number `since`; `None` when it does not say. The caller sets the limit.
    pub async fn history(&self, target: &Target, since: u64) -> Option<History> {
        let mut url = target.0.base.join("/api/v1/history").ok()?;
        url.set_query(Some(&format!("since={since}")));
        HistoryBody::read(&body(self.pooled.get(url), HISTORY_BYTES).await?).ok()
    }

    /// Tells the peer that this node leaves. Whether it heard is not asked.
    pub async fn goodbye(&self, target: &Target, caller: &Caller) {
        let request = self.pooled.get(target.0.ping.clone()).headers(caller_headers(caller));
        // A peer that does not hear it finds the connection refused and says "down": the truth, less politely.
        let _ = request.send().await;
    }

    /// Opens an event stream to the peer; `None` when it does not want one or cannot be reached.
    pub async fn open_stream(&self, target: &Target, caller: &Caller) -> Option<NewsStream> {
        let exchange = Exchange::handshake(self.connect(target).await.ok()?.into_stream()).await.ok()?;
        NewsStream::open(exchange, exchange::request(caller, target.0.authority.clone())).await
    }
}

/// Whether a host, as written in an address, is the machine that reads it.
pub fn is_loopback(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']);
    host == "localhost" || host.ends_with(".localhost") || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn parse_answer(body: &[u8]) -> Result<Answer, Evidence> {
    AnswerBody::parse(body).and_then(Answer::try_from).map_err(|_| Evidence::Invalid)
}

/// The body of an answer of 200 and at most `limit` bytes; `None` when it is anything else, is longer or breaks off.
async fn body(request: reqwest::RequestBuilder, limit: usize) -> Option<Vec<u8>> {
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
    Some(body)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;
    use crate::detector::peer::{SelfState, Seq};
    use crate::wire::ANSWER_BYTES;

    const RELEASED: &str = include_str!("../tests/answers/0.1.0.json");

    fn client() -> Client {
        let second = Duration::from_secs(1);
        Client::new(ClientSettings { connect_timeout: second, question_timeout: second }).expect("a client")
    }

    fn caller() -> Caller {
        let node = NodeName::new("tester").expect("valid");
        Caller { node, boot: BootId(1), seq: Seq(0), state: SelfState::Ready, known_rev: 0 }
    }

    fn target(port: u16) -> Target {
        Target::new(&Url::parse(&format!("http://127.0.0.1:{port}")).expect("valid")).expect("valid")
    }

    /// A peer that reads one request, writes `reply` and closes. Runs while `asked` does.
    async fn against<T>(reply: Vec<u8>, asked: impl AsyncFnOnce(Client, Target) -> T) -> T {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let target = target(listener.local_addr().expect("bound").port());
        let serve = async {
            loop {
                let (mut stream, _) = listener.accept().await.expect("accepts");
                read_head(&mut stream).await;
                // The client may have seen enough before the end.
                let _ = stream.write_all(&reply).await;
            }
        };
        tokio::select! {
            result = asked(client(), target) => result,
            () = serve => unreachable!("serves for ever"),
        }
    }

    async fn read_head(stream: &mut TcpStream) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.expect("a whole head"));
        }
        String::from_utf8(head).expect("ASCII")
    }

    fn http(status: &str, body: &str) -> Vec<u8> {
        format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len()).into_bytes()
    }

    async fn check(client: &Client, target: &Target) -> Result<Answer, Evidence> {
        client.connect(target).await?.ping(&caller()).await
    }

    /// What each reply shows, to a check and to a scheduled ping.
    #[tokio::test]
    async fn each_way_to_answer_wrongly_has_its_evidence() {
        let cut_body = format!("HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{}", &RELEASED[..50]);
        let huge = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", ANSWER_BYTES + 1);
        let endless_head = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "y".repeat(64 * 1024));
        let cases: [(&str, Vec<u8>, Evidence); 8] = [
            ("closed without a word", Vec::new(), Evidence::Refused),
            ("not HTTP", b"SSH-2.0-OpenSSH_9.2\r\n\r\n".to_vec(), Evidence::Invalid),
            ("an error", http("500 Oops", RELEASED), Evidence::Invalid),
            ("a redirect", http("302 Found\r\nlocation: http://127.0.0.1:1/ping", ""), Evidence::Invalid),
            ("not an answer", http("200 OK", "hello"), Evidence::Invalid),
            ("half a body", cut_body.into_bytes(), Evidence::Invalid),
            ("too much body", huge.into_bytes(), Evidence::Invalid),
            ("an answer", http("200 OK", RELEASED), Evidence::Answered),
        ];
        for (name, reply, expected) in cases {
            let (checked, scheduled) = against(reply, async |client, target| {
                (check(&client, &target).await, client.ping(&target, &caller()).await.map(|(answer, _)| answer))
            })
            .await;
            let shown =
                |result: Result<Answer, Evidence>| result.map_or_else(|evidence| evidence, |_| Evidence::Answered);
            assert_eq!((shown(checked), shown(scheduled)), (expected, expected), "{name}");
        }
        // Only a check can tell half a head from no answer, and a head without end is not read to its end.
        for reply in [b"HTTP/1.1 20".to_vec(), endless_head.into_bytes()] {
            let checked = against(reply, async |client, target| check(&client, &target).await).await;
            assert_eq!(checked, Err(Evidence::Invalid));
        }
    }

    #[tokio::test]
    async fn nobody_there_is_refused_and_an_unknown_name_is_a_name() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let closed = target(listener.local_addr().expect("bound").port());
        drop(listener);
        assert_eq!(check(&client(), &closed).await, Err(Evidence::Refused));
        assert_eq!(client().ping(&closed, &caller()).await, Err(Evidence::Refused));
        let unknown = Target::new(&Url::parse("http://no-such-host.invalid:8001").expect("valid")).expect("valid");
        assert_eq!(check(&client(), &unknown).await, Err(Evidence::Name));
        assert_eq!(client().ping(&unknown, &caller()).await, Err(Evidence::Name));
    }

    #[tokio::test]
    async fn scheduled_pings_share_a_connection_and_say_who_asks() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let target = target(listener.local_addr().expect("bound").port());
        let client = client();
        let peer = async {
            let (mut stream, _) = listener.accept().await.expect("accepts");
            let mut heads = Vec::new();
            for _ in 0..2 {
                heads.push(read_head(&mut stream).await);
                let reply = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{RELEASED}", RELEASED.len());
                stream.write_all(reply.as_bytes()).await.expect("writes");
            }
            heads
        };
        let pings = async {
            for _ in 0..2 {
                client.ping(&target, &caller()).await.expect("an answer");
            }
        };
        let (heads, ()) = tokio::join!(peer, pings);
        for head in heads {
            assert!(head.starts_with("GET /ping HTTP/1.1\r\n"), "{head}");
            for header in ["heartbeat-node: tester", "heartbeat-boot: 0000000000000001", "heartbeat-state: ready"] {
                assert!(head.contains(header), "{head}");
            }
        }
    }

    /// A port where nobody listens.
    async fn unheard() -> Target {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        target(listener.local_addr().expect("bound").port())
    }

    /// A firewall that judges connections when they are opened must be met again and again.
    #[tokio::test]
    async fn a_connection_that_has_carried_enough_gives_way_to_a_new_one() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let target = target(listener.local_addr().expect("bound").port());
        let client = client();
        // Serves one connection until it closes, and tells how many pings it carried.
        let carried = async |listener: &TcpListener| {
            let (mut stream, _) = listener.accept().await.expect("accepts");
            let reply = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{RELEASED}", RELEASED.len());
            let (mut pings, mut byte) = (0, [0]);
            while stream.read(&mut byte).await.expect("reads") == 1 {
                read_head(&mut stream).await;
                stream.write_all(reply.as_bytes()).await.expect("writes");
                pings += 1;
            }
            pings
        };
        let pings = async {
            loop {
                let (_, worn) = client.ping(&target, &caller()).await.expect("an answer");
                if worn {
                    client.renew(&target).await;
                    return;
                }
            }
        };
        let (first, ()) = tokio::join!(carried(&listener), pings);
        assert_eq!(first, keep_alive::PINGS_ON_ONE);
        // The second one stands already, and carries the next ping.
        let (mut second, _) = listener.accept().await.expect("accepts");
        drop(listener);
        let nobody = unheard().await;
        let reply = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{RELEASED}", RELEASED.len());
        let answered = async {
            read_head(&mut second).await;
            second.write_all(reply.as_bytes()).await.expect("writes");
        };
        let caller = caller();
        let (ping, ()) = tokio::join!(client.ping(&target, &caller), answered);
        assert_eq!(ping.map(|(_, worn)| worn), Ok(false));
        // When one to another peer fails, this one is not trusted any longer.
        client.renew(&nobody).await;
        let answered = async {
            read_head(&mut second).await;
            second.write_all(reply.as_bytes()).await.expect("writes");
        };
        let (ping, ()) = tokio::join!(client.ping(&target, &caller), answered);
        assert_eq!(ping.map(|(_, worn)| worn), Ok(true));
        // Where no new one can be opened, the old one is not used either.
        client.renew(&target).await;
        assert_eq!(client.ping(&target, &caller).await, Err(Evidence::Refused));
    }

    #[tokio::test]
    async fn a_witness_is_asked_by_name_and_only_a_clear_answer_counts() {
        let ask = async |client: Client, target: Target| {
            let node = NodeName::new("a?b#c%20").expect("valid");
            client.ask(&target, &caller(), &node, BootId(255)).await
        };
        assert_eq!(against(http("200 OK", r#"{"testimony":"left"}"#), ask).await, Testimony::Left);
        for reply in
            [http("404 Not Found", r#"{"testimony":"left"}"#), http("429 Slow", ""), http("200 OK", "?"), vec![]]
        {
            assert_eq!(against(reply, ask).await, Testimony::NoOpinion);
        }
        let url = target(1).witness(&NodeName::new("a?b#c%20").expect("valid"), BootId(255));
        assert_eq!(url.as_str(), "http://127.0.0.1:1/api/v1/witness/a%3Fb%23c%2520/00000000000000ff");
    }

    #[tokio::test]
    async fn a_stream_gives_news_and_ends() {
        let news = format!(": hello\n\nevent: news\ndata: {}\n\nevent: other\ndata: 1\n\n", RELEASED.trim_end());
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
        let read = async |client: Client, target: Target| {
            let mut stream = client.open_stream(&target, &caller()).await?;
            Some((stream.next().await, stream.next().await))
        };
        let (first, second) = against(format!("{head}{news}").into_bytes(), read).await.expect("opens");
        assert_eq!(first.expect("news").node.as_str(), "node-1");
        assert_eq!(second, None);
        assert_eq!(against(http("200 OK", RELEASED), read).await, None);
        assert_eq!(against(http("503 Busy", ""), read).await, None);
    }

    #[test]
    fn a_target_is_http_with_a_host() {
        let of = |text: &str| Target::new(&Url::parse(text).expect("a URL"));
        let target = of("http://[::1]:8002").expect("valid");
        assert_eq!((target.0.host.as_str(), target.0.port), ("::1", 8002));
        assert_eq!(target.0.authority, "[::1]:8002");
        assert_eq!(target.0.ping.as_str(), "http://[::1]:8002/ping");
        assert!(of("https://a:1").is_err());
        assert!(of("file:///a").is_err());
    }
}
