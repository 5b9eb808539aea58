//! Alertmanager's side of the bundle: what silences what exists, comes first,
//! and is explained on the page; and the pattern with a receiver is the same file.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::files;
use super::prometheus::{alerts, list, sections, short, wait, word};

const CONFIG: &str = "alertmanager/alertmanager.yml";
const PATTERN: &str = "alertmanager/webhook.yml";
/// The receiver of a first install. Its name is all that Alertmanager shows of it.
const NO_ONE: &str = "no-one-is-notified";
/// The examples at the end of the file.
const EXAMPLES: [&str; 4] = ["webhook", "slack", "pagerduty", "mail"];
/// Far above the second that Alertmanager takes to start and to send.
const SOON: Duration = Duration::from_secs(30);

/// The alerts that matchers of the form `alertname="A"` and `alertname=~"A|B"` name.
fn named(matchers: &Value) -> Vec<String> {
    let mut names = Vec::new();
    for matcher in list(matchers) {
        let matcher = matcher.as_str().expect("a matcher");
        let (label, value) = matcher.split_once('=').expect("a matcher has a value");
        assert_eq!(label, "alertname", "{matcher}: alerts differ by their names alone");
        let quoted = value.trim_start_matches('~').trim_matches('"');
        names.extend(quoted.split('|').map(str::to_owned));
    }
    names
}

/// Which alert inhibits which.
fn silenced() -> BTreeSet<(String, String)> {
    let mut pairs = BTreeSet::new();
    for rule in list(&files::yaml(CONFIG)["inhibit_rules"]) {
        for source in named(&rule["source_matchers"]) {
            pairs.extend(named(&rule["target_matchers"]).into_iter().map(|target| (source.clone(), target)));
        }
    }
    pairs
}

fn alert(name: &str) -> Value {
    alerts().into_iter().find(|alert| alert["alert"] == name).unwrap_or_else(|| panic!("there is no alert {name}"))
}

/// Otherwise the silenced one would be sent before it is silenced.
#[test]
fn what_silences_waits_no_longer_than_what_is_silenced() {
    for (source, target) in silenced() {
        assert!(wait(&alert(&source)) <= wait(&alert(&target)), "{source} comes later than {target}");
    }
}

#[test]
fn routes_name_alerts_that_exist_and_one_incident_is_one_group() {
    let route = &files::yaml(CONFIG)["route"];
    assert_eq!(route["group_by"], serde_json::json!(["alertname", "job", "peer"]));
    for name in list(&route["routes"]).iter().flat_map(|route| named(&route["matchers"])) {
        alert(&name);
    }
}

#[test]
fn the_page_tells_who_silences_whom() {
    let page = sections();
    let rules = silenced();
    for of in alerts().iter().map(|alert| word(alert, "alert")) {
        let (_, told) = page[of].split_once("**Silences** ").expect("the page's order is held elsewhere");
        let (silences, by) = told.split_once("**Silenced by** ").expect("the page's order is held elsewhere");
        let mentioned = |text: &str| -> BTreeSet<String> {
            let words: BTreeSet<&str> = text.split(|c: char| !c.is_alphanumeric()).collect();
            let all = alerts();
            let names = all.iter().map(|alert| word(alert, "alert"));
            names.filter(|name| *name != of && words.contains(short(name))).map(str::to_owned).collect()
        };
        let silenced: BTreeSet<String> =
            rules.iter().filter(|(source, _)| source == of).map(|(_, target)| target.clone()).collect();
        let silencing: BTreeSet<String> =
            rules.iter().filter(|(_, target)| target == of).map(|(source, _)| source.clone()).collect();
        assert_eq!(mentioned(silences), silenced, "{of} silences");
        assert_eq!(mentioned(by), silencing, "{of} is silenced by");
    }
}

#[test]
fn the_pattern_differs_in_its_receivers_only() {
    let (mut config, mut pattern) = (files::yaml(CONFIG), files::yaml(PATTERN));
    let names = |config: &Value| -> Vec<String> {
        list(&config["receivers"]).iter().map(|receiver| word(receiver, "name").to_owned()).collect()
    };
    assert_eq!(
        (names(&config), names(&pattern)),
        (vec![NO_ONE.into(), "watchdog".into()], vec!["people".into(), "watchdog".into()])
    );
    assert_eq!((&config["route"]["receiver"], &pattern["route"]["receiver"]), (&NO_ONE.into(), &"people".into()));
    assert!(list(&config["receivers"]).iter().all(|receiver| receiver.as_object().is_some_and(|r| r.len() == 1)));
    for file in [&mut config, &mut pattern] {
        file["receivers"].take();
        file["route"]["receiver"].take();
    }
    assert_eq!(config, pattern);
}

#[test]
fn who_installs_it_is_told_that_no_one_is_notified() {
    for page in ["README.md", "docs/alerts.md", "docs/alert-routing.md", "grafana/dashboards/heartbeat.json"] {
        assert!(files::text(page).contains(NO_ONE), "{page} does not name the receiver {NO_ONE}");
    }
}

/// The configuration with one of its examples uncommented and chosen, and nothing delayed.
fn with_example(name: &str) -> String {
    let text = files::text(CONFIG);
    let (start, examples) = text.split_once(&format!("  # - name: {name}\n")).expect("there is such an example");
    let is_of_it = |line: &&str| line.starts_with("  #   ");
    let body: String = examples.lines().take_while(is_of_it).map(|line| format!("    {}\n", &line[6..])).collect();
    let chosen = start.replace(&format!("receiver: {NO_ONE}"), &format!("receiver: {name}"));
    let quick = chosen.replace("group_wait: 10s", "group_wait: 0s");
    format!("{quick}  - name: {name}\n{body}")
}

#[test]
fn every_example_is_a_receiver() {
    for name in EXAMPLES {
        let config = files::documents(name, &with_example(name)).remove(0);
        assert_eq!(config["route"]["receiver"], name);
        let receivers = list(&config["receivers"]);
        let receiver = receivers.iter().find(|receiver| receiver["name"] == name).expect("it is listed");
        let integrations: Vec<&String> =
            receiver.as_object().expect("a map").keys().filter(|key| *key != "name").collect();
        assert!(matches!(&integrations[..], [only] if only.ends_with("_configs")), "{name}: {integrations:?}");
    }
}

/// A service that takes whatever is sent to it, by HTTP or as mail, and passes the text on.
struct StandIn {
    port: u16,
    received: Receiver<String>,
}

impl StandIn {
    fn start() -> StandIn {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let (sender, received) = channel();
        std::thread::spawn(move || {
            // Ends with the test's process.
            for stream in listener.incoming().flatten() {
                let sender = sender.clone();
                std::thread::spawn(move || serve(stream, &sender));
            }
        });
        StandIn { port, received }
    }
}

/// Mail clients wait to be greeted, and those of HTTP speak first.
fn serve(mut stream: TcpStream, sender: &Sender<String>) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_millis(300)))?;
    let mut first = [0u8; 1];
    if stream.peek(&mut first).is_ok() {
        stream.set_read_timeout(Some(SOON))?;
        return serve_http(stream, sender);
    }
    stream.set_read_timeout(Some(SOON))?;
    stream.write_all(b"220 mail.example.org\r\n")?;
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let mut text = None;
    while let Some(line) = lines.next().transpose()? {
        match (&mut text, &*line) {
            (Some(_), ".") => {
                let _ = sender.send(text.take().unwrap_or_default());
                stream.write_all(b"250 taken\r\n")?;
            }
            (Some(text), line) => *text += &format!("{line}\n"),
            (None, "DATA") => {
                text = Some(String::new());
                stream.write_all(b"354 go ahead\r\n")?;
            }
            (None, "QUIT") => return stream.write_all(b"221 bye\r\n"),
            (None, _) => stream.write_all(b"250 good\r\n")?,
        }
    }
    Ok(())
}

fn serve_http(mut stream: TcpStream, sender: &Sender<String>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut line, mut length) = (String::new(), 0);
    while reader.read_line(&mut line)? > 2 {
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    stream.write_all(
        b"HTTP/1.1 202 Accepted\r\ncontent-type: application/json\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}",
    )?;
    let _ = sender.send(String::from_utf8_lossy(&body).into_owned());
    Ok(())
}

/// Ended with the test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The example with the addresses of the stand-in, and without what only the real service has.
fn to_stand_in(config: &str, port: u16) -> String {
    let here = format!("127.0.0.1:{port}");
    let lines = config.lines().map(|line| {
        let (before, value) = line.split_once(": ").unwrap_or((line, ""));
        match before.trim().trim_start_matches("- ") {
            "url" | "api_url" => format!("{before}: http://{here}/"),
            "smarthost" => format!("{before}: {here}\n        require_tls: false"),
            "auth_username" | "auth_password_file" => String::new(),
            "routing_key" => format!("{before}: {value}\n        url: http://{here}/"),
            _ => line.to_owned(),
        }
    });
    lines.map(|line| line + "\n").collect()
}

fn post_alert(port: u16) -> std::io::Result<()> {
    let alert = r#"[{"labels":{"alertname":"HeartbeatPeerDown","job":"heartbeat","peer":"node-3"},
        "annotations":{"summary":"node-3 is down","description":"2 of 2 observers cannot reach node-3"}}]"#;
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    write!(
        stream,
        "POST /api/v2/alerts HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{alert}",
        alert.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    if answer.starts_with("HTTP/1.1 200") { Ok(()) } else { Err(std::io::Error::other(answer)) }
}

/// Each receiver of the examples, with Alertmanager itself where it is installed, and a stand-in for the service.
#[test]
fn an_alert_reaches_each_receiver_of_the_examples() {
    for name in EXAMPLES {
        let stand_in = StandIn::start();
        let folder =
            PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("alertmanager-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("can be made");
        let file = folder.join("alertmanager.yml");
        std::fs::write(&file, to_stand_in(&with_example(name), stand_in.port)).expect("can be written");
        let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").port();
        let mut command = files::program("ALERTMANAGER", "alertmanager");
        command.arg(format!("--config.file={}", file.display())).arg(format!("--storage.path={}", folder.display()));
        command.arg(format!("--web.listen-address=127.0.0.1:{port}")).arg("--cluster.listen-address=");
        let log = std::fs::File::create(folder.join("log")).expect("can be made");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let Ok(child) = command.spawn() else { return files::skipped("ALERTMANAGER", "alertmanager") };
        let _ended = Ended(child);
        let began = Instant::now();
        let said = || std::fs::read_to_string(folder.join("log")).unwrap_or_default();
        while let Err(error) = post_alert(port) {
            assert!(began.elapsed() < SOON, "{name}: {error}\n{}", said());
            std::thread::sleep(Duration::from_millis(50));
        }
        let sent = stand_in.received.recv_timeout(SOON).unwrap_or_else(|_| panic!("{name}: nothing came\n{}", said()));
        assert!(sent.contains("node-3"), "{name}: {sent}");
    }
}

/// Alertmanager's own reading, where it is installed.
#[test]
fn amtool_accepts_the_files_and_routes_as_meant() {
    files::tool("AMTOOL", "amtool", &[&["check-config", CONFIG, PATTERN]]);
    for (file, receiver, name) in [
        (CONFIG, NO_ONE, "HeartbeatPeerDown"),
        (PATTERN, "people", "HeartbeatPeerDown"),
        (PATTERN, "watchdog", "HeartbeatWatchdog"),
    ] {
        let (config, receiver) = (format!("--config.file={file}"), format!("--verify.receivers={receiver}"));
        let labels = format!("alertname={name}");
        let arguments = ["config", "routes", "test", &config, &receiver, &labels, "job=heartbeat", "peer=node-1"];
        files::tool("AMTOOL", "amtool", &[&arguments]);
    }
}
