//! Bad input, as a new user would type it, against the built binary: the exact
//! message, exit code 64, and nothing started.

#![cfg(feature = "node")]
// The tests start processes and bind ports; that is their job.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

use std::ffi::OsString;
use std::net::TcpListener;
use std::process::{Command, Output};

const A_PORT: &str = "a port number from 1 to 65535, or 0 for any free port";
const PEERS: &str = "http://host:port, name=http://host:port or dns+http://host:port, separated by commas; \
                     port 8001 where none is written; https:// and dns+https:// with TLS";
const LIST: &str = "`heartbeat config show` lists all";

/// Runs the binary with these variables and no others.
fn heartbeat(variables: &[(OsString, OsString)], arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_heartbeat"));
    command.env_clear().env("HOSTNAME", "test-host").args(arguments).envs(variables.iter().cloned());
    command.output().expect("the binary runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn owned(variables: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
    variables.iter().map(|(name, value)| (name.into(), value.into())).collect()
}

/// The one helper: these variables and flags are refused with exactly these problems (subject, wrong, accepted).
#[track_caller]
fn refused(variables: &[(&str, &str)], arguments: &[&str], problems: &[(&str, &str, &str)]) {
    refused_as_is(&owned(variables), arguments, problems);
}

#[track_caller]
fn refused_as_is(variables: &[(OsString, OsString)], arguments: &[&str], problems: &[(&str, &str, &str)]) {
    let output = heartbeat(variables, arguments);
    let count = if problems.len() == 1 { "a problem".to_owned() } else { format!("{} problems", problems.len()) };
    let mut expected = format!("heartbeat: the configuration has {count}, nothing was started\n");
    for (subject, wrong, accepted) in problems {
        expected.push_str(&format!("\n  {subject}\n    wrong:    {wrong}\n    accepted: {accepted}\n"));
    }
    assert_eq!(text(&output.stderr), expected);
    assert_eq!(output.status.code(), Some(64));
    let line: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one JSON line off a terminal");
    assert_eq!(line["event"], "config_rejected");
    assert_eq!(line["problems"].as_array().map(Vec::len), Some(problems.len()));
}

/// One bad peer in an otherwise good list, as a flag and as a variable.
#[track_caller]
fn refused_peer(peer: &str, wrong: &str) {
    let wrong = format!("\"{peer}\" {wrong}");
    let flag = format!("--peers=http://node-2:8001,{peer}");
    refused(&[], &[&flag], &[(&flag, &wrong, PEERS)]);
    refused(&[("HEARTBEAT_PEERS", peer)], &[], &[(&format!("HEARTBEAT_PEERS={peer}"), &wrong, PEERS)]);
}

#[test]
fn peers_that_are_no_peers() {
    refused_peer("htp://node-3:8001", "has an unknown scheme \"htp\": http://node-3:8001?");
    refused_peer("http//node-3", "has no scheme: http://node-3?");
    refused_peer("node-3:8001", "has no scheme: http://node-3:8001?");
    refused_peer("https://node-3:8001/ping", "has something after the port: https://node-3:8001?");
    refused_peer("dns+https://nodes:0", "has port 0, where no node can answer");
    refused_peer("dns+http://10.0.0.7", "names an address, which needs no lookup: http://10.0.0.7:8001?");
    refused_peer("dns+http://nodes:8001/ping", "has something after the port: dns+http://nodes:8001?");
    refused_peer("a=dns+http://nodes", "pins one name to all nodes behind dns+http://nodes: dns+http://nodes?");
    refused_peer("dns+nodes", "has no scheme: dns+http://nodes?");
    refused_peer("http://node-3:8001/ping", "has something after the port: http://node-3:8001?");
    refused_peer("http://node-3:99999", "is not a URL: invalid port number");
    refused_peer("http://node-3:0", "has port 0, where no node can answer");
}

#[test]
fn a_peer_listed_twice() {
    let flag = "--peers=http://b:1,http://c:1,http://b:1";
    refused(&[], &[flag], &[(flag, "\"http://b:1\" is listed twice", PEERS)]);
    let flag = "--peers=node-2=http://b:1,node-2=http://c:1";
    let wrong = "\"node-2=http://c:1\" is the same peer as \"node-2=http://b:1\", or has its name";
    refused(&[], &[flag], &[(flag, wrong, PEERS)]);
}

#[test]
fn too_many_peers() {
    let list: Vec<String> = (0..1025).map(|number| format!("http://n{number}")).collect();
    let flag = format!("--peers={}", list.join(","));
    let shown = format!("--peers={}...", &list.join(",")[..120]);
    let wrong = "it names 1025 peers, and a node watches at most 1024: each costs every node a request a second";
    refused(&[], &[&flag], &[(&shown, wrong, PEERS)]);
}

#[test]
fn ports() {
    refused(&[], &["--port=70000"], &[("--port=70000", "is too large: ports end at 65535", A_PORT)]);
    refused(&[], &["--port=-1"], &[("--port=-1", "is not a port number", A_PORT)]);
    refused(&[], &["--port="], &[("--port=", "is not a port number", A_PORT)]);
    let kubernetes = "is what Kubernetes injects for a service of that name, not a port: \
                      set enableServiceLinks: false in the pod's spec, or rename the service";
    refused(
        &[("HEARTBEAT_PORT", "tcp://10.0.0.1:80"), ("HEARTBEAT_SERVICE_HOST", "10.0.0.1")],
        &[],
        &[("HEARTBEAT_PORT=tcp://10.0.0.1:80", kubernetes, A_PORT)],
    );
    refused(
        &[],
        &["--port=9001", "--metrics-port=9001"],
        &[("--metrics-port=9001", "is the node's own port; /metrics is served there anyway", A_PORT)],
    );
}

#[test]
fn durations_and_thresholds() {
    let interval = "a duration from 100ms to 60s, such as 250ms, 1s or 1.5s";
    refused(&[], &["--interval=0"], &[("--interval=0", "must lie between 100ms and 60s", interval)]);
    refused(&[], &["--interval=5"], &[("--interval=5", "has no unit: 5ms or 5s?", interval)]);
    refused(
        &[("HEARTBEAT_INTERVAL", "1 second")],
        &[],
        &[("HEARTBEAT_INTERVAL=1 second", "has an unknown unit: \" second\" is none of ms, s, m, h", interval)],
    );
    let silent = "a duration of at least 1.1 intervals and the connect timeout, such as 3s";
    let why = "one interval with jitter and one connect timeout, or it ends before its own evidence is in";
    refused(&[], &["--wait-silent=1s"], &[("--wait-silent=1s", &format!("must be at least 2.1s: {why}"), silent)]);
    refused(
        &[],
        &["--interval=5s"],
        &[(
            "--wait-silent (HEARTBEAT_WAIT_SILENT), not set, 3s by default",
            &format!("must be at least 6.5s: {why}"),
            silent,
        )],
    );
}

#[test]
fn words_and_numbers() {
    let none = "is none of the accepted words";
    refused(&[], &["--profile=turbo"], &[("--profile=turbo", none, "balanced, fast or steady")]);
    refused(&[], &["--log-level=loud"], &[("--log-level=loud", none, "error, warn, info, debug or trace")]);
    refused(&[], &["--streams=maybe"], &[("--streams=maybe", none, "on or off")]);
    refused(&[], &["--witnesses=0"], &[("--witnesses=0", "must lie between 1 and 8", "a whole number from 1 to 8")]);
    refused(&[], &["--jitter=1"], &[("--jitter=1", "must lie between 0 and 0.5", "a number from 0 to 0.5")]);
    refused(
        &[],
        &["--address=localhost"],
        &[("--address=localhost", "is not an IP address", "an IP address of this machine, such as 127.0.0.1 or ::1")],
    );
    refused(
        &[],
        &["--node=my node"],
        &[(
            "--node=my node",
            "a node name has 1 to 253 visible ASCII characters without blanks, quotes or commas",
            "1 to 253 visible ASCII characters without blanks, quotes, commas, slashes or angle brackets",
        )],
    );
}

#[test]
fn names_that_look_like_ours() {
    let wrong = "is not a setting of this version";
    refused(
        &[("HEARTBEAT_PEER", "http://b:1")],
        &[],
        &[("HEARTBEAT_PEER=http://b:1", wrong, &format!("perhaps HEARTBEAT_PEERS; {LIST}"))],
    );
    refused(
        &[("HEARTBEAT_PROT", "8002")],
        &[],
        &[("HEARTBEAT_PROT=8002", wrong, &format!("perhaps HEARTBEAT_PORT; {LIST}"))],
    );
    let output = heartbeat(&[], &["--prot=8002"]);
    assert_eq!(output.status.code(), Some(64));
    assert!(text(&output.stderr).contains("a similar argument exists: '--port'"), "{}", text(&output.stderr));
}

#[cfg(unix)]
#[test]
fn values_that_are_not_text() {
    use std::os::unix::ffi::OsStringExt;
    let bytes = OsString::from_vec(vec![b'9', 0xff]);
    refused_as_is(
        &[("HEARTBEAT_PORT".into(), bytes.clone())],
        &[],
        &[("HEARTBEAT_PORT=9\u{fffd}", "is not UTF-8 text", "text in UTF-8; see how the value got there, or unset it")],
    );
    // A variable that is none of ours may be anything.
    let output = heartbeat(&[("OTHER".into(), bytes)], &["config", "check"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
}

#[test]
fn all_problems_come_at_once() {
    let peers = "--peers=htp://b:1,c:1";
    refused(
        &[("HEARTBEAT_JITTER", "often"), ("HEARTBEAT_WITNESS", "2")],
        &["--port=70000", peers, "--drain-timeout=9m"],
        &[
            ("--port=70000", "is too large: ports end at 65535", A_PORT),
            (peers, "\"htp://b:1\" has an unknown scheme \"htp\": http://b:1?", PEERS),
            (peers, "\"c:1\" has no scheme: http://c:1?", PEERS),
            ("HEARTBEAT_JITTER=often", "is not a number", "a number from 0 to 0.5"),
            ("--drain-timeout=9m", "is longer than 5m", "a duration up to 5m, such as 0s or 5s"),
            (
                "HEARTBEAT_WITNESS=2",
                "is not a setting of this version",
                &format!("perhaps HEARTBEAT_WITNESSES; {LIST}"),
            ),
        ],
    );
}

#[test]
fn nothing_is_bound_before_the_configuration_is_good() {
    // A node that tried to bind this port would end with 74 and speak of it.
    let taken = TcpListener::bind("127.0.0.1:0").expect("some port is free");
    let port = format!("--port={}", taken.local_addr().expect("it is bound").port());
    let expected = [("--jitter=x", "is not a number", "a number from 0 to 0.5")];
    refused(&[], &[&port, "--address=127.0.0.1", "--jitter=x"], &expected);
}

#[test]
fn passwords_do_not_appear() {
    let output = heartbeat(&owned(&[("HEARTBEAT_PEERS", "http://user:hunter2@b:1")]), &[]);
    assert_eq!(output.status.code(), Some(64));
    let told = text(&output.stderr) + &text(&output.stdout);
    assert!(told.contains("carries a user name or password") && !told.contains("hunter2"), "{told}");
}

#[test]
fn what_is_legal() {
    let check = |variables: &[(&str, &str)], arguments: &[&str], line: &str| {
        let output = heartbeat(&owned(variables), &[&["config", "check", "--node=a"], arguments].concat());
        assert_eq!(text(&output.stderr), "");
        assert_eq!(text(&output.stdout).lines().next(), Some(line));
        assert_eq!(output.status.code(), Some(0));
    };
    let alone = "OK: a would listen on port 8001, with no peers";
    check(&[], &[], alone);
    check(&[], &["--peers="], alone);
    check(&[("HEARTBEAT_PEERS", ""), ("HEARTBEAT_PORT", "")], &[], alone);
    check(&[("HEARTBEAT_WEB_PORT", "tcp://10.0.0.1:80")], &[], alone);
    check(
        &[("HEARTBEAT_PEERS", "dns+http://nodes,http://b:1")],
        &[],
        "OK: a would listen on port 8001, with 1 peer and every node behind dns+http://nodes:8001",
    );
    check(&[], &["--port=0", "--peers=b=http://b"], "OK: a would listen on port 0, with 1 peer");
    check(&[("HEARTBEAT_PORT", "x")], &["--port=9001"], "OK: a would listen on port 9001, with no peers");
    // Oneself in the list is left out, so that one list serves every node.
    let list = "a=http://node-a:8001,b=http://node-b:8001,http://localhost:8001,http://c:8001";
    check(&[("HEARTBEAT_PEERS", list)], &[], "OK: a would listen on port 8001, with 2 peers");
}

#[test]
fn show_names_every_value_and_where_it_comes_from() {
    let output = heartbeat(&owned(&[("HEARTBEAT_PROFILE", "fast")]), &["config", "show", "--json", "--port=9001"]);
    let shown: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let settings = shown["settings"].as_array().expect("a list");
    let setting = |name: &str| settings.iter().find(|setting| setting["name"] == name).expect("every setting is there");
    for (name, value, source) in
        [("port", "9001", "flag"), ("profile", "fast", "environment"), ("interval", "500ms", "default")]
    {
        assert_eq!((&setting(name)["value"], &setting(name)["source"]), (&value.into(), &source.into()));
    }
    assert_eq!(shown["waits"]["stalled"]["wait_ms"], 5000.0);
    assert_eq!(shown["waits"]["stalled"]["tolerated_pause_ms"], 4450.0);
}

#[test]
fn commands_that_are_typed_wrongly_end_with_64() {
    let wrong: [&[&str]; 4] =
        [&["membres"], &["members", "--addr=ftp://b:1"], &["completions", "tcsh"], &["demo", "--nodes=0"]];
    for arguments in wrong {
        let output = heartbeat(&[], arguments);
        assert_eq!(output.status.code(), Some(64), "{arguments:?}: {}", text(&output.stderr));
    }
}

#[test]
fn a_node_that_is_not_there() {
    // Nobody serves port 1, and no test is given it.
    let code = |arguments: &[&str]| heartbeat(&[], &[arguments, &["--addr=127.0.0.1:1"]].concat()).status.code();
    assert_eq!(code(&["members"]), Some(69));
    assert_eq!(code(&["events"]), Some(69));
    assert_eq!(code(&["events", "--follow"]), Some(69));
    assert_eq!(code(&["healthcheck"]), Some(1));
}

const A_TOKEN: &str = "16 to 256 visible ASCII characters without blanks, such as the output of `openssl rand -hex 16`";

#[test]
fn a_token_is_never_repeated() {
    let short = "is shorter than 16 characters";
    refused(&[("HEARTBEAT_TOKEN", "hunter2")], &[], &[("HEARTBEAT_TOKEN=***", short, A_TOKEN)]);
    refused(&[], &["--token=hunter2"], &[("--token=***", short, A_TOKEN)]);
    let blanks = "has characters that are not visible ASCII, or blanks";
    refused(&[], &["--token=correct horse battery"], &[("--token=***", blanks, A_TOKEN)]);
    let variables = owned(&[("HEARTBEAT_TOKEN", "correct-horse-battery")]);
    for arguments in [&["config", "show"][..], &["config", "show", "--json"], &["config", "check"]] {
        let output = heartbeat(&variables, arguments);
        let said = text(&output.stdout) + &text(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{said}");
        assert!(!said.contains("horse"), "{said}");
        assert_eq!(said.contains("***"), arguments.contains(&"show"), "{said}");
    }
}

#[test]
fn a_token_comes_from_a_file_that_holds_nothing_else() {
    let file = std::env::temp_dir().join(format!("heartbeat-token-{}", std::process::id()));
    let path = file.to_string_lossy().into_owned();
    let check = |content: &str| {
        std::fs::write(&file, content).expect("a file for temporary use");
        heartbeat(&[], &["config", "check", &format!("--token-file={path}")])
    };
    assert_eq!(check("correct-horse-battery\n").status.code(), Some(0));
    for (content, words) in [
        ("", "holds a token that is empty"),
        ("hunter2\n", "holds a token that is shorter than 16 characters"),
        ("correct-horse-battery\nanother-horse-battery\n", "holds a token that has characters"),
        (&"x".repeat(2000), "has more than 1024 bytes"),
    ] {
        let output = check(content);
        assert_eq!(output.status.code(), Some(64), "{content:.40}");
        let said = text(&output.stderr);
        assert!(said.contains(words) && !said.contains("horse") && !said.contains("hunter2"), "{said}");
    }
    let _ = std::fs::remove_file(&file);
    let gone = heartbeat(&[], &["config", "check", &format!("--token-file={path}")]);
    assert!(text(&gone.stderr).contains("cannot be read: "), "{}", text(&gone.stderr));
    let both =
        heartbeat(&owned(&[("HEARTBEAT_TOKEN", "correct-horse-battery")]), &["config", "check", "--token-file=x"]);
    assert!(text(&both.stderr).contains("is set beside a token"), "{}", text(&both.stderr));
}
