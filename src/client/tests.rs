//! The client against servers that are a few lines each.

mod shapes;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

use super::*;
use crate::api::ANSWER_BYTES;
use crate::detector::peer::{BootId, NodeName, SelfState, Seq, Testimony};

const RELEASED: &str = include_str!("../../tests/answers/0.1.0.json");

fn client() -> Client {
    let second = Duration::from_secs(1);
    Client::new(ClientSettings { connect_timeout: second, question_timeout: second }).expect("a client")
}

fn caller() -> Caller {
    let node = NodeName::new("tester").expect("valid");
    Caller { node, boot: BootId(1), seq: Seq(0), state: SelfState::Ready, known_rev: 0, ack: None }
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
        () = serve => unreachable!("serves without end"),
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
    client.connect(target).await?.ping(&caller()).await.map_err(|failed| failed.evidence)
}

async fn scheduled(client: &Client, target: &Target, caller: &Caller) -> Result<(Answer, bool), Evidence> {
    client.ping(target, caller).await.map_err(|failed| failed.evidence)
}

/// What people are told of an answer that is none.
#[tokio::test]
async fn each_answer_that_is_none_says_what_is_wrong_with_it() {
    let with = |status: &str, headers: &str, body: &str| {
        let length = body.len();
        format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}")
            .into_bytes()
    };
    let problem = r#"{"title":"Too many connections","status":503}"#;
    let cut = b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{".to_vec();
    for (reply, kind, expected) in [
        (
            with("301 Moved", "location: http://login.example/\r\n", ""),
            "invalid_redirect",
            "answered 301 (to login.example)",
        ),
        (with("302 Found", "location: /login\r\n", ""), "invalid_redirect", "answered 302"),
        (with("503 Busy", "", ""), "invalid_status", "answered 503"),
        (
            with("503 Busy", "content-type: application/problem+json\r\n", problem),
            "invalid_status",
            "answered 503: Too many connections",
        ),
        (with("204 No Content", "", ""), "invalid_status", "answered 204"),
        (
            with("200 OK", "content-type: text/html; charset=utf-8\r\n", "<html>"),
            "invalid_body",
            "text/html, not a heartbeat",
        ),
        (
            with("200 OK", "content-type: application/json\r\ncontent-encoding: gzip\r\n", "\u{1f}?"),
            "invalid_body",
            "gzip-encoded, which was not asked for",
        ),
        (
            with("200 OK", "content-type: application/json\r\n", r#"{"status":"UP"}"#),
            "invalid_body",
            "JSON, not a heartbeat that this version understands",
        ),
        (with("200 OK", "", ""), "invalid_body", "an empty answer, not a heartbeat"),
        (with("200 OK", "", "hello"), "invalid_body", "not a heartbeat"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n".to_vec(), "invalid_body", "what answers does not speak HTTP"),
        (cut, "invalid_body", "its answer breaks off"),
    ] {
        let failed = against(reply, async |client, target| client.ping(&target, &caller()).await).await;
        let flaw = failed.expect_err("no answer").flaw.unwrap_or_else(|| panic!("nothing is said for {expected}"));
        assert_eq!((flaw.kind.as_str(), flaw.to_string()), (kind, expected.to_owned()));
    }
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
            (check(&client, &target).await, scheduled(&client, &target, &caller()).await.map(|(answer, _)| answer))
        })
        .await;
        let shown = |result: Result<Answer, Evidence>| result.map_or_else(|evidence| evidence, |_| Evidence::Answered);
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
    assert_eq!(scheduled(&client(), &closed, &caller()).await, Err(Evidence::Refused));
    let unknown = Target::new(&Url::parse("http://no-such-host.invalid:8001").expect("valid")).expect("valid");
    assert_eq!(check(&client(), &unknown).await, Err(Evidence::Name));
    assert_eq!(scheduled(&client(), &unknown, &caller()).await, Err(Evidence::Name));
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

/// A port where no process listens.
async fn unheard() -> Target {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    target(listener.local_addr().expect("bound").port())
}

/// A firewall that judges connections when they are opened must be passed again at intervals.
#[tokio::test]
async fn a_connection_that_has_carried_enough_gives_way_to_a_new_one() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let target = target(listener.local_addr().expect("bound").port());
    let client = client();
    // Serves one connection until it closes, and returns how many pings it carried.
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
    let unheard = unheard().await;
    let reply = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{RELEASED}", RELEASED.len());
    let answered = async {
        read_head(&mut second).await;
        second.write_all(reply.as_bytes()).await.expect("writes");
    };
    let caller = caller();
    let (ping, ()) = tokio::join!(scheduled(&client, &target, &caller), answered);
    assert_eq!(ping.map(|(_, worn)| worn), Ok(false));
    // When one to another peer fails, this one is not trusted any longer.
    client.renew(&unheard).await;
    let answered = async {
        read_head(&mut second).await;
        second.write_all(reply.as_bytes()).await.expect("writes");
    };
    let (ping, ()) = tokio::join!(scheduled(&client, &target, &caller), answered);
    assert_eq!(ping.map(|(_, worn)| worn), Ok(true));
    // Where no new one can be opened, the old one is not used either.
    client.renew(&target).await;
    assert_eq!(scheduled(&client, &target, &caller).await, Err(Evidence::Refused));
}

/// Nobody cancels these two, and one is begun for each ping once a connection is worn.
#[cfg(all(feature = "tls", any(target_arch = "x86_64", target_arch = "aarch64")))]
#[tokio::test]
async fn a_peer_that_begins_no_tls_is_not_waited_for() {
    use crate::tls::testing::{certificates::Authority, store};
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("https://{}", listener.local_addr().expect("bound"));
    let target = Target::new(&url.parse().expect("a URL")).expect("valid");
    let client = client().with_tls(Some(store(&Authority::new("mesh"))));
    let me = caller();
    // It accepts, and says nothing.
    let (renewed, stream, held) = tokio::join!(
        timeout(Duration::from_secs(20), client.renew(&target)),
        timeout(Duration::from_secs(20), client.open_stream(&target, &me)),
        async { [listener.accept().await, listener.accept().await] }
    );
    assert!(renewed.is_ok() && stream.is_ok_and(|stream| stream.is_none()), "they end by themselves");
    drop(held);
}

#[tokio::test]
async fn a_witness_is_asked_by_name_and_only_a_clear_answer_counts() {
    let ask = async |client: Client, target: Target| {
        let node = NodeName::new("a?b#c%20").expect("valid");
        client.ask(&target, &caller(), (&node, BootId(255)), None).await
    };
    assert_eq!(against(http("200 OK", r#"{"testimony":"left"}"#), ask).await, Testimony::Left);
    for reply in [http("404 Not Found", r#"{"testimony":"left"}"#), http("429 Slow", ""), http("200 OK", "?"), vec![]] {
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
    assert!(matches!(second, Err(StreamEnd::Closed)), "{second:?}");
    assert!(against(http("200 OK", RELEASED), read).await.is_none());
    assert!(against(http("503 Busy", ""), read).await.is_none());
}

/// A peer that has more to say than a mesh has is not listened to; one that says a lot once is.
#[tokio::test]
async fn a_flood_on_a_stream_ends_it() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
    let news = format!("event: news\ndata: {}\n\n", RELEASED.trim_end());
    let read = async |client: Client, target: Target| {
        let mut stream = client.open_stream(&target, &caller()).await.expect("opens");
        let mut count = 0;
        loop {
            match stream.next().await {
                Ok(_) => count += 1,
                Err(end) => return (count, matches!(end, StreamEnd::Flooded)),
            }
        }
    };
    let (count, flooded) = against(format!("{head}{}", news.repeat(490)).into_bytes(), read).await;
    assert_eq!((count, flooded), (490, false));
    let (count, flooded) = against(format!("{head}{}", news.repeat(5_000)).into_bytes(), read).await;
    assert!(flooded && count <= 1_000, "{count}");
    // Comments, events that are no news, and a line without an end cost as much to read.
    for (piece, times) in [("event: x\ndata: 1\n\n", 600), (":\n", 6 << 20), ("x", 11 << 20)] {
        let (_, flooded) = against(format!("{head}{}", piece.repeat(times)).into_bytes(), read).await;
        assert!(flooded, "{piece:?}");
    }
}

#[tokio::test]
async fn informational_heads_before_an_answer_are_few() {
    let hint = "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n";
    let answer = String::from_utf8(http("200 OK", RELEASED)).expect("text");
    for (hints, expected) in [(0, None), (8, None), (9, Some(Evidence::Invalid)), (2_000, Some(Evidence::Invalid))] {
        let ping = async |client: Client, target: Target| {
            client.ping(&target, &caller()).await.err().map(|failed| failed.evidence)
        };
        let reply = format!("{}{answer}", hint.repeat(hints));
        assert_eq!(against(reply.into_bytes(), ping).await, expected, "{hints}");
    }
}

#[test]
fn a_target_is_http_or_https_with_a_host() {
    let of = |text: &str| Target::new(&Url::parse(text).expect("a URL"));
    let target = of("http://[::1]:8002").expect("valid");
    assert_eq!((target.0.host.as_str(), target.0.port), ("::1", 8002));
    assert_eq!(target.0.authority, "[::1]:8002");
    assert_eq!(target.0.ping.as_str(), "http://[::1]:8002/ping");
    assert_eq!(of("https://a").expect("with TLS").to_string(), "a:443");
    assert!(of("ftp://a:1").is_err());
    assert!(of("file:///a").is_err());
}
