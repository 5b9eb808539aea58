//! One example for each endpoint, from a node of a mesh of three whose third node has been killed.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::demo::{Demo, heartbeat};
use super::{Compared, Output, Outputs, json, ports};

/// Long after a loaded machine has answered.
const SOON: Duration = Duration::from_secs(60);
const TOKEN: &str = "0123456789abcdef";
const READ_TOKEN: &str = "fedcba9876543210";
const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// The endpoint as the contract has it, and what is asked.
const JSON: &[(&str, &str)] = &[
    ("api GET /livez", "/livez"),
    ("api GET /readyz", "/readyz"),
    ("api GET /healthz", "/healthz"),
    ("api GET /ping", "/ping"),
    ("api GET /api/v1/node", "/api/v1/node"),
    ("api GET /api/v1/config", "/api/v1/config"),
    ("api GET /api/v1/peers", "/api/v1/peers"),
    ("api GET /api/v1/peers/{key}", "/api/v1/peers/node-3"),
    ("api GET /api/v1/why/{peer}", "/api/v1/why/node-3"),
    ("api GET /api/v1/cluster", "/api/v1/cluster"),
    ("api GET /api/v1/matrix", "/api/v1/matrix"),
    ("api GET /api/v1/incidents", "/api/v1/incidents"),
    ("api GET /api/v1/row", "/api/v1/row"),
    ("api GET /api/v1/history", "/api/v1/history?since=0"),
    ("api problem", "/api/v1/peers/nobody"),
];

/// What is not JSON for people: the status and the type.
const FILES: &[(&str, &str)] = &[
    ("api GET /", "/"),
    ("api GET /node/{name}", "/node/node-3"),
    ("api GET /why/{observer}/{peer}", "/why/node-1/node-3"),
    ("api GET /mesh.svg", "/mesh.svg"),
    ("api GET /page.css", "/page.css"),
    ("api GET /page.js", "/page.js"),
    ("api GET /login", "/login"),
    ("api GET /openapi.json", "/openapi.json"),
];

fn output(text: String, compared: Compared) -> Output {
    Output { text, compared }
}

pub fn asked() -> Outputs {
    let demo = Demo::start();
    let before = demo.mark();
    demo.signal(3, "KILL");
    demo.wait(before, &["node-1 | ", "incident 1"]);
    demo.wait(before, &["node-2 | ", "incident 1"]);
    let port = demo.port(1);
    let mut outputs = Outputs::new();
    for (name, path) in JSON {
        let text = usual_ports(&json::shown(&body(port, "GET", path, "")), port);
        outputs.insert(name, output(example(path, &text), Compared::Keys));
    }
    for (name, path) in FILES {
        let head = "curl -s -o /dev/null -w '%{http_code} %{content_type}\\n'";
        let text = format!("$ {head} localhost:8001{path}\n{}\n", status_and_type(&answer(port, "GET", path, "")));
        outputs.insert(name, output(text, Compared::Whole));
    }
    let text = example("/matrix.txt", &body(port, "GET", "/matrix.txt", ""));
    outputs.insert("api GET /matrix.txt", output(text, Compared::Head { lines: 2 }));
    let metrics = body(port, "GET", "/metrics", "");
    let up: Vec<&str> = metrics.lines().filter(|line| line.starts_with("heartbeat_peer_up{")).collect();
    let text = format!("$ curl -s localhost:8001/metrics | grep '^heartbeat_peer_up'\n{}\n", up.join("\n"));
    outputs.insert("api GET /metrics", output(text, Compared::Whole));
    let boot = boot(&body(port, "GET", "/api/v1/peers/node-2", ""));
    let path = format!("/api/v1/witness/node-2/{boot}");
    let text = example(&path, &json::shown(&body(port, "GET", &path, "")));
    outputs.insert("api GET /api/v1/witness/{node}/{boot}", output(text, Compared::Keys));
    outputs.insert("api GET /api/v1/events", output(events(port), Compared::Keys));
    outputs.insert("api events as a stream", output(stream(port), Compared::Keys));
    outputs
}

/// The ports that a node has where they are free.
fn usual_ports(text: &str, port: u16) -> String {
    let text = text.replace(&port.to_string(), "8001");
    match text.split_once("\"metrics_port\": ") {
        Some((before, after)) => {
            format!("{before}\"metrics_port\": 9101{}", after.trim_start_matches(|c: char| c.is_ascii_digit()))
        }
        None => text,
    }
}

/// The newest event of its kind that this node itself saw.
fn events(port: u16) -> String {
    let path = "/api/v1/events?kind=peer_down&limit=1";
    example(path, &json::shown(&body(port, "GET", path, "")))
}

/// The first message of a stream that begins after the first event.
fn stream(port: u16) -> String {
    let path = "/api/v1/events?since=1&kind=peer_down";
    let mut stream = connect(port);
    let head = format!("GET {path} HTTP/1.0\r\nhost: localhost\r\naccept: text/event-stream\r\n\r\n");
    stream.write_all(head.as_bytes()).expect("a request can be sent");
    let (mut text, mut bytes) = (String::new(), [0; 1024]);
    let message = loop {
        let count = stream.read(&mut bytes).expect("the stream goes on");
        text.push_str(std::str::from_utf8(&bytes[..count]).expect("text"));
        let messages = text.split_once("\r\n\r\n").map_or("", |(_, messages)| messages);
        if let Some((message, _)) = messages.split_once("event: ").and_then(|(_, rest)| rest.split_once("\n\n")) {
            break format!("event: {message}");
        }
    };
    let cut: Vec<String> = message.lines().map(|line| line.chars().take(120).collect()).collect();
    let lines = cut.join("\n");
    format!("$ curl -sN -H 'Accept: text/event-stream' 'localhost:8001{path}'\n{lines}…\n")
}

/// A node with a token goes into maintenance and out of it again.
pub fn maintained() -> Outputs {
    let node = Node::start();
    let post = r#"{"reason": "new disk", "for": "30m"}"#;
    let shown = |method: &str, options: &str, content: &str| {
        let answer = json::shown(&body(node.port, method, "/api/v1/maintenance", content));
        output(format!("$ curl -s {options}localhost:8001/api/v1/maintenance\n{answer}"), Compared::Keys)
    };
    let token = format!("-H 'Authorization: Bearer {TOKEN}' ");
    let started = shown("POST", &format!("{token}-d '{post}' "), post);
    let under_way = shown("GET", "", "");
    let ended = shown("DELETE", &format!("{token}-X DELETE "), "");
    Outputs::from([
        ("api POST /api/v1/maintenance", started),
        ("api GET /api/v1/maintenance", under_way),
        ("api DELETE /api/v1/maintenance", ended),
    ])
}

/// A node with a read token, to a browser that shows it and to a stranger.
pub fn read_with_a_token() -> Outputs {
    let folder = std::env::temp_dir().join(format!("heartbeat-outputs-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder can be made");
    let file = folder.join("read-token");
    std::fs::write(&file, READ_TOKEN).expect("a file can be written");
    let file = file.to_str().expect("UTF-8");
    let node = Node::start_with(&[("HEARTBEAT_MESH_KEY", KEY), ("HEARTBEAT_READ_TOKEN_FILE", file)]);
    let form = format!("token={READ_TOKEN}");
    let (head, _) =
        answer_to(node.port, "POST", "/login", "", &form).split_once("\r\n\r\n").map(owned).expect("a head");
    let cookie = head.lines().find(|line| line.starts_with("set-cookie: ")).expect("a cookie");
    let (place, length) = ("heartbeat-read=", cookie.len());
    let cut = cookie.find(place).map_or(length, |at| at + place.len());
    let (value, rest) = cookie[cut..].split_once(';').expect("attributes");
    let shown = format!("{}{}…;{rest}", &cookie[..cut], &value[..8]);
    let text = format!("$ curl -s -D - -o /dev/null -d '{form}' localhost:8001/login | grep -i set-cookie\n{shown}\n");
    let refused =
        answer_to(node.port, "GET", "/api/v1/node", "", "").split_once("\r\n\r\n").map(owned).expect("a body").1;
    std::fs::remove_dir_all(&folder).expect("ours");
    Outputs::from([
        ("api POST /login", output(text, Compared::Whole)),
        ("api without the read token", output(example("/api/v1/node", &json::shown(&refused)), Compared::Keys)),
    ])
}

fn owned((head, body): (&str, &str)) -> (String, String) {
    (head.to_owned(), body.to_owned())
}

struct Node {
    child: Child,
    port: u16,
}

impl Node {
    fn start() -> Node {
        Node::start_with(&[("HEARTBEAT_TOKEN", TOKEN)])
    }

    fn start_with(variables: &[(&str, &str)]) -> Node {
        let port = ports::free();
        let mut command: Command = heartbeat();
        command.args(["run", "--node=node-1", "--metrics-port=0"]).arg(format!("--port={port}"));
        command.envs(variables.iter().copied()).stdout(Stdio::null()).stderr(Stdio::null());
        let node = Node { child: command.spawn().expect("the node starts"), port };
        let began = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err()
            || !body(port, "GET", "/readyz", "").contains("true")
        {
            assert!(began.elapsed() < SOON, "the node is not ready");
            std::thread::sleep(Duration::from_millis(25));
        }
        node
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A command and what it prints.
fn example(path: &str, text: &str) -> String {
    // The shell gives some characters a meaning of their own.
    let quote = if path.contains('?') { "'" } else { "" };
    format!("$ curl -s {quote}localhost:8001{path}{quote}\n{text}")
}

fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("the node listens");
    stream.set_read_timeout(Some(SOON)).expect("a limit");
    stream
}

/// A whole answer. HTTP/1.0, so that the body ends with the connection and is not in chunks.
fn answer(port: u16, method: &str, path: &str, content: &str) -> String {
    answer_to(port, method, path, &format!("authorization: Bearer {TOKEN}\r\n"), content)
}

fn answer_to(port: u16, method: &str, path: &str, headers: &str, content: &str) -> String {
    let mut stream = connect(port);
    let length = content.len();
    let head = format!("{method} {path} HTTP/1.0\r\nhost: localhost\r\n{headers}");
    write!(stream, "{head}content-length: {length}\r\n\r\n{content}").expect("a request can be sent");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("the node answers in text");
    text
}

fn body(port: u16, method: &str, path: &str, content: &str) -> String {
    let answer = answer(port, method, path, content);
    answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_else(|| panic!("no body: {answer}"))
}

fn status_and_type(answer: &str) -> String {
    let (head, _) = answer.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).unwrap_or_default();
    let media = head.lines().find_map(|line| line.strip_prefix("content-type: ")).unwrap_or_default();
    format!("{status} {media}")
}

fn boot(peer: &str) -> String {
    let peer: serde_json::Value = serde_json::from_str(peer).expect("JSON");
    peer["boot"].as_str().expect("a peer that answered has a boot").to_owned()
}
