//! What flags and variables mean together. The messages about bad values are tried on the binary, in `tests/config.rs`.

use super::*;

fn machine() -> Machine {
    Machine { host_name: Some("box".into()), process_id: 7 }
}

fn with(flags: Raw) -> Result<Config, Problems> {
    resolve(&flags, &Environment::default(), &machine())
}

fn value<'a>(config: &'a Config, name: &str) -> &'a str {
    config.settings.iter().find(|setting| setting.name == name).map_or("", |setting| &setting.value)
}

#[test]
fn nothing_typed_is_a_node_alone_with_the_defaults() {
    let config = with(Raw::default()).unwrap();
    assert_eq!(config.node.as_str(), "box");
    assert_eq!(config.listen, Listen { address: None, port: 8001 });
    assert_eq!(config.metrics_port, MetricsPort::FirstFreeFrom(9100));
    assert_eq!(config.peers, []);
    assert_eq!(*config.detector, Timing::BALANCED);
    assert_eq!((config.limits.connections, config.limits.streams), (1024, 64));
    assert_eq!(config.limits.header_time, Duration::from_secs(15));
}

#[test]
fn every_setting_is_shown_once_in_the_order_of_the_table() {
    let config = with(Raw::default()).unwrap();
    let shown: Vec<&str> = config.settings.iter().map(|setting| setting.name).collect();
    let table: Vec<&str> = SETTINGS.iter().map(|spec| spec.name).collect();
    assert_eq!(shown, table);
}

#[test]
fn the_defaults_of_the_table_are_the_defaults_of_the_code() {
    let config = with(Raw::default()).unwrap();
    // These depend on the machine, on other settings or on what is free, or have none, and are described in words.
    let in_words = [
        "peers",
        "node",
        "address",
        "metrics-port",
        "max-connections",
        "token",
        "token-file",
        "read-token-file",
        "mesh-key-file",
        "mesh-key",
        "allowed-hosts",
        "tls-cert-file",
        "tls-key-file",
        "tls-ca-file",
        "tls-client-ca-file",
    ];
    for setting in config.settings.iter().filter(|setting| !in_words.contains(&setting.name)) {
        assert_eq!(Some(setting.value.as_str()), find(setting.name).map(|spec| spec.default), "{}", setting.name);
    }
}

#[test]
fn the_name_tells_nodes_of_one_host_apart() {
    let name = |port: &str| with(Raw { port: Some(port.into()), ..Raw::default() }).unwrap().node.to_string();
    assert_eq!([name("8001"), name("8002"), name("0")], ["box", "box:8002", "box:pid-7"]);
}

#[test]
fn a_profile_sets_the_thresholds_that_were_not_typed() {
    let flags = Raw { profile: Some("fast".into()), wait_stalled: Some("7s".into()), ..Raw::default() };
    let config = with(flags).unwrap();
    assert_eq!(*config.detector, Timing { wait_stalled: Duration::from_secs(7), ..Timing::FAST });
    assert_eq!(value(&config, "interval"), "500ms");
}

#[test]
fn all_problems_are_told_at_once() {
    let flags = Raw {
        port: Some("70000".into()),
        interval: Some("0".into()),
        streams: Some("maybe".into()),
        peers: Some("htp://b:1,http://c:1,c:2".into()),
        ..Raw::default()
    };
    let problems = with(flags).unwrap_err();
    let subjects: Vec<&str> = problems.0.iter().map(|problem| problem.subject.as_str()).collect();
    let peers = "--peers=htp://b:1,http://c:1,c:2";
    assert_eq!(subjects, ["--port=70000", peers, peers, "--streams=maybe", "--interval=0"]);
}

#[test]
fn a_threshold_that_another_setting_broke_is_told_as_not_set() {
    let problems = with(Raw { interval: Some("5s".into()), ..Raw::default() }).unwrap_err();
    assert_eq!(problems.0.len(), 1);
    assert_eq!(problems.0[0].subject, "--wait-silent (HEARTBEAT_WAIT_SILENT), not set, 3s by default");
    assert!(problems.0[0].wrong.contains("must be at least 6.5s"), "{}", problems.0[0].wrong);
}

#[test]
fn connections_grow_with_the_peers() {
    let config = with(Raw { peers: Some("http://b,http://c".into()), ..Raw::default() }).unwrap();
    assert_eq!(config.limits.connections, 1032);
    assert_eq!(value(&config, "peers"), "http://b:8001,http://c:8001");
    let config = with(Raw { peers: Some("dns+http://nodes,http://b".into()), ..Raw::default() }).unwrap();
    assert_eq!(config.limits.connections, 1024 + 4 * 1024, "their number is not known");
    assert_eq!(value(&config, "peers"), "http://b:8001,dns+http://nodes:8001");
}

#[test]
fn a_read_token_needs_what_nodes_show_each_other_and_is_not_the_other_token() {
    let file = std::env::temp_dir().join(format!("heartbeat-read-token-{}", std::process::id()));
    std::fs::write(&file, "staple-correct-horse\n").unwrap();
    let key = || "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f".to_owned();
    let found = |flags: Raw, mesh_key: Option<String>| {
        let flags = Raw { read_token_file: Some(file.to_str().unwrap().into()), ..flags };
        let environment = Environment { raw: Raw { mesh_key, ..Raw::default() }, ..Environment::default() };
        resolve(&flags, &environment, &machine())
    };
    let wrong = |flags: Raw, key: Option<String>| {
        let Problems(problems) = found(flags, key).unwrap_err();
        problems.into_iter().map(|problem| problem.wrong).collect::<Vec<_>>()
    };
    let config = found(Raw::default(), Some(key())).unwrap();
    assert!(config.read_token.as_ref().is_some_and(|token| token.matches(b"staple-correct-horse")));
    assert!(!format!("{config:?}").contains("staple"), "not even by mistake");
    assert_eq!(
        wrong(Raw::default(), None),
        ["is set without a mesh key, by which nodes read each other: set --mesh-key-file too (or have them show \
          certificates: --tls-client-ca-file)"]
    );
    // Without the other files of TLS: none of the problems is about the token.
    let mutual = wrong(Raw { tls_client_ca_file: Some("ca.crt".into()), ..Raw::default() }, None);
    assert!(!mutual.is_empty() && mutual.iter().all(|wrong| !wrong.contains("mesh key")), "{mutual:?}");
    let accepted = wrong(Raw { mesh_key_mode: Some("accept".into()), ..Raw::default() }, Some(key()));
    assert!(accepted.len() == 1 && accepted[0].contains("first remove --mesh-key-mode"), "{accepted:?}");
    let same = wrong(Raw { token: Some("staple-correct-horse".into()), ..Raw::default() }, Some(key()));
    assert!(same.len() == 1 && same[0].contains("make another one"), "{same:?}");
    std::fs::write(&file, "short").unwrap();
    assert_eq!(wrong(Raw::default(), Some(key())), ["holds a token that is shorter than 16 characters"]);
    std::fs::remove_file(&file).unwrap();
}

#[test]
fn a_token_is_read_and_starred() {
    let config = with(Raw { token: Some("correct-horse-battery".into()), ..Raw::default() }).unwrap();
    assert_eq!(value(&config, "token"), "***");
    assert!(config.token.as_ref().is_some_and(|token| token.matches(b"correct-horse-battery")));
    assert!(!format!("{config:?}").contains("correct-horse"), "not even by mistake");
    assert_eq!(with(Raw::default()).unwrap().token, None);
}
