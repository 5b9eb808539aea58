//! `docker-compose.yml`, read as data: what every service may do, how the nodes find each other, and what the
//! program says to the variables it is given.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::time::Duration;

use heartbeat::testing::app;
use heartbeat::testing::config::settings::SETTINGS;
use heartbeat::testing::config::{Config, Environment, Machine, MetricsPort, Raw, resolve};
use serde_json::{Map, Value};

use super::files::{documents, path, text};

const FILE: &str = "docker-compose.yml";

const NODES: [&str; 3] = ["node-1", "node-2", "node-3"];

/// Every service with the port it publishes by default and its port inside.
const PUBLISHED: &[(&str, &str, u16, u16)] = &[
    ("node-1", "NODE_1_PORT", 8001, 8001),
    ("node-2", "NODE_2_PORT", 8002, 8001),
    ("node-3", "NODE_3_PORT", 8003, 8001),
    ("prometheus", "PROMETHEUS_PORT", 9090, 9090),
    ("alertmanager", "ALERTMANAGER_PORT", 9093, 9093),
    ("grafana", "GRAFANA_PORT", 3000, 3000),
];

/// The file with every variable at its default.
fn compose() -> Value {
    documents(FILE, &filled(&text(FILE), &mut BTreeMap::new())).remove(0)
}

/// Puts the default of `${NAME:-default}` in its place and notes it.
fn filled(text: &str, defaults: &mut BTreeMap<String, String>) -> String {
    let mut parts = text.split("${");
    let mut filled = parts.next().unwrap_or("").to_owned();
    for part in parts {
        let (variable, rest) = part.split_once('}').expect("a closing brace");
        let (name, default) = variable.split_once(":-").unwrap_or_else(|| panic!("${{{variable}}} has no default"));
        let before = defaults.insert(name.to_owned(), default.to_owned());
        assert!(before.is_none_or(|before| before == default), "{name} has two defaults");
        filled.push_str(default);
        filled.push_str(rest);
    }
    filled
}

/// Services by name, those of profiles too.
fn services() -> BTreeMap<String, Value> {
    serde_json::from_value(compose()["services"].clone()).expect("services")
}

fn strings(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn is_node(service: &Value) -> bool {
    service["image"].as_str().is_some_and(|image| image.starts_with("distributed-heartbeat:"))
}

/// What a node makes of the variables it is given.
fn configuration(service: &Value) -> Config {
    let variables: BTreeMap<String, String> =
        serde_json::from_value(service["environment"].clone()).expect("variables as text");
    let variables = variables.into_iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
    let machine = Machine { host_name: Some("0123456789ab".to_owned()), process_id: 1 };
    let config = resolve(&Raw::default(), &variables.collect::<Environment>(), &machine);
    config.unwrap_or_else(|problems| panic!("the node would not start: {problems}"))
}

/// The nodes that run by default.
fn configurations() -> Vec<(&'static str, Config)> {
    let services = services();
    NODES.into_iter().map(|name| (name, configuration(&services[name]))).collect()
}

fn duration(value: &Value) -> Duration {
    let text = value.as_str().expect("a duration");
    let seconds = text.strip_suffix('s').and_then(|number| number.parse().ok());
    Duration::from_secs(seconds.unwrap_or_else(|| panic!("{text:?} is not a number of seconds")))
}

#[test]
fn each_node_takes_its_variables_and_watches_the_others() {
    for (service, config) in configurations() {
        assert_eq!(config.node.to_string(), service);
        assert_eq!(config.metrics_port, MetricsPort::Exactly(MetricsPort::FIRST));
        let watched: BTreeSet<String> = config.peers.iter().map(|peer| peer.spec.key.0.to_string()).collect();
        let others: BTreeSet<String> = NODES.into_iter().filter(|name| *name != service).map(str::to_owned).collect();
        assert_eq!(watched, others, "the peers of {service}");
    }
}

/// The nodes beyond the three have no names of their own; they meet the others behind the alias that all share.
#[test]
fn further_nodes_are_named_by_their_containers_and_find_the_rest() {
    let config = configuration(&services()["node"]);
    assert_eq!(config.node.to_string(), "0123456789ab");
    assert_eq!(config.names.iter().map(ToString::to_string).collect::<Vec<_>>(), ["dns+http://nodes.mesh:8001"]);
    assert!(config.peers.is_empty());
}

/// A service's plain name resolves on both of its networks, so peers are called by names that only `mesh` knows.
#[test]
fn peers_are_found_on_the_mesh_only() {
    let services = services();
    for (service, config) in configurations() {
        for peer in &config.peers {
            let host = peer.url.host_str().expect("a host");
            let owners = services.iter().filter(|(_, owner)| {
                let networks = owner["networks"].as_object().cloned().unwrap_or_default();
                networks.iter().any(|(_, network)| strings(&network["aliases"]).contains(&host.to_owned()))
            });
            let owners: Vec<&String> = owners.map(|(name, _)| name).collect();
            assert_eq!(owners, [&*peer.spec.key.0], "{service} calls {host}: who answers?");
            let elsewhere = strings(&services[owners[0]]["networks"]["observability"]["aliases"]);
            assert!(!elsewhere.contains(&host.to_owned()), "{host} is a name on observability, too");
            assert!(!services.contains_key(host), "{host} is a service: its name exists on every network of it");
        }
    }
    assert_eq!(compose()["networks"]["mesh"]["internal"], true);
}

#[test]
fn nodes_are_on_both_networks_and_observers_on_one() {
    let always = services().into_iter().filter(|(_, service)| is_node(service) || service["profiles"].is_null());
    for (name, service) in always {
        let networks = match &service["networks"] {
            Value::Object(networks) => networks.keys().cloned().collect(),
            list => strings(list),
        };
        let expected: &[&str] = if is_node(&service) { &["mesh", "observability"] } else { &["observability"] };
        assert_eq!(networks, expected, "{name}");
        if is_node(&service) {
            let aliases = strings(&service["networks"]["mesh"]["aliases"]);
            assert!(aliases.contains(&"nodes.mesh".to_owned()), "{name} is not found by the common alias");
        }
    }
}

#[test]
fn every_service_is_hardened() {
    for (name, service) in services() {
        assert_eq!(service["read_only"], true, "{name}: read_only");
        assert_eq!(strings(&service["cap_drop"]), ["ALL"], "{name}: cap_drop");
        assert_eq!(strings(&service["security_opt"]), ["no-new-privileges:true"], "{name}: security_opt");
        assert_eq!(service["logging"]["driver"], "json-file", "{name}: logging");
        for bound in ["max-size", "max-file"] {
            assert!(service["logging"]["options"][bound].is_string(), "{name}: logs grow without {bound}");
        }
        let user = service["user"].as_str().unwrap_or("");
        let id = user.split(':').next().and_then(|id| id.parse::<u32>().ok());
        assert!(id.is_some_and(|id| id > 0), "{name}: user {user:?} is not a number above 0");
        assert!(service["mem_limit"].is_string(), "{name}: mem_limit");
        assert!(service["pids_limit"].is_u64(), "{name}: pids_limit");
        for opening in ["cap_add", "privileged", "pid", "ipc", "network_mode", "devices", "container_name"] {
            assert!(service[opening].is_null(), "{name}: {opening}");
        }
    }
}

#[test]
fn nodes_have_no_cpu_limit_and_depend_on_nobody() {
    for (name, service) in services().into_iter().filter(|(_, service)| is_node(service)) {
        for limit in ["cpus", "cpu_quota", "cpu_period", "cpuset", "deploy", "depends_on", "links", "healthcheck"] {
            assert!(service[limit].is_null(), "{name}: {limit}");
        }
        assert_eq!(service["restart"], "no", "{name}: a node that was killed stays dead");
    }
}

#[test]
fn observers_wait_for_what_they_look_at_and_come_back() {
    let services = services();
    let healthy = serde_json::json!({ "condition": "service_healthy" });
    for node in NODES {
        assert_eq!(services["prometheus"]["depends_on"][node], healthy, "prometheus, {node}");
    }
    assert_eq!(services["grafana"]["depends_on"]["prometheus"], healthy);
    for name in ["prometheus", "alertmanager", "grafana"] {
        assert_eq!(services[name]["restart"], "unless-stopped", "{name}");
        let check = strings(&services[name]["healthcheck"]["test"]);
        assert_eq!(check.first().map(String::as_str), Some("CMD"), "{name}: a health check without a shell");
        assert!(services[name]["healthcheck"]["start_interval"].is_null(), "engines before 25 do not know it");
    }
}

#[test]
fn nodes_are_given_the_time_they_may_need_to_stop() {
    let services = services();
    for (name, config) in configurations() {
        let (given, needed) = (duration(&services[name]["stop_grace_period"]), app::stop_time_max(&config));
        assert!(given > needed, "{name} may take {needed:?} to stop and is killed after {given:?}");
    }
}

#[test]
fn ports_are_published_on_this_machine_only_and_can_be_moved() {
    let text = text(FILE);
    let raw = documents(FILE, &text.replace("${", "$ {")).remove(0);
    let published = |name: &str| strings(&raw["services"][name]["ports"]);
    for (name, variable, outside, inside) in PUBLISHED {
        let expected = format!("127.0.0.1:$ {{{variable}:-{outside}}}:{inside}");
        assert_eq!(published(name), [expected], "{name}");
    }
    for (name, config) in configurations() {
        let inside = PUBLISHED.iter().find(|(service, ..)| *service == name).map(|(.., inside)| *inside);
        assert_eq!(Some(config.listen.port), inside, "{name} listens on another port than is published");
    }
    let others = services().into_keys().filter(|name| PUBLISHED.iter().all(|(known, ..)| known != name));
    others.for_each(|name| assert!(published(&name).is_empty(), "{name} publishes a port"));
}

#[test]
fn images_are_pinned_and_nodes_are_built_from_here() {
    let services = services();
    // One service builds it for all: each build would leave an image behind that the next one takes the name from.
    let builders = services.iter().filter(|(_, service)| service["build"]["context"] == ".");
    assert_eq!(builders.map(|(name, _)| name).collect::<Vec<_>>(), ["node-1"]);
    for (name, service) in services {
        let image = service["image"].as_str().unwrap_or_else(|| panic!("{name} has no image"));
        if is_node(&service) {
            assert_eq!(image, "distributed-heartbeat:dev", "{name}");
            assert_eq!(service["pull_policy"], "never", "{name}: the image is in no registry");
            continue;
        }
        if !service["build"].is_null() {
            continue;
        }
        let version = image.split_once(':').map_or("", |(_, tag)| tag).trim_start_matches('v');
        let numbers = version.split('.').filter(|number| number.parse::<u32>().is_ok()).count();
        assert!(numbers == 3 && version.split('.').count() == 3, "{name}: {image} is no exact version");
    }
}

#[test]
fn what_is_mounted_exists_and_cannot_be_written() {
    let compose = compose();
    let mut used = BTreeSet::new();
    for (name, service) in services() {
        for mount in strings(&service["volumes"]) {
            let (source, rest) = mount.split_once(':').expect("a source and a target");
            match source.strip_prefix("./") {
                Some(folder) => {
                    assert!(path(folder).exists(), "{name}: {source} does not exist");
                    assert!(rest.ends_with(":ro"), "{name} may write into {source}");
                }
                None => assert!(used.insert(source.to_owned()), "{source} is mounted twice"),
            }
        }
        for tmpfs in strings(&service["tmpfs"]) {
            assert!(tmpfs.contains(",size="), "{name}: {tmpfs} has no bound");
        }
    }
    let declared: BTreeSet<String> = compose["volumes"].as_object().expect("volumes").keys().cloned().collect();
    assert_eq!(used, declared, "left the volumes that are used, right those that are declared");
}

/// A key for every node, and nothing else.
#[test]
fn the_overlay_gives_every_node_a_mesh_key() {
    check_overlay("docker-compose.key.yml", &["HEARTBEAT_MESH_KEY_FILE"], "secrets/mesh-key/");
}

/// Certificates and peers with TLS for every node, and nothing else.
#[test]
fn the_overlay_gives_every_node_a_certificate() {
    const PEERS: &str = "HEARTBEAT_PEERS";
    let files = ["CERT", "KEY", "CA", "CLIENT_CA"].map(|part| format!("HEARTBEAT_TLS_{part}_FILE"));
    let expected: Vec<&str> = files.iter().map(String::as_str).chain([PEERS]).collect();
    for (name, service) in check_overlay("docker-compose.tls.yml", &expected, "secrets/tls/") {
        let peers = service["environment"][PEERS].as_str().expect("a list");
        assert!(peers.split(',').all(|peer| peer.contains("https://")), "{name}: {peers}");
        let recipe = text("justfile");
        for host in peers.split(',').map(|peer| peer.split("https://").last().unwrap_or_default()) {
            let host = host.trim_end_matches(":8001");
            assert!(recipe.contains(&format!("DNS:{host},")), "`just tls` makes no certificate for {host}");
        }
    }
}

/// What this overlay adds to every node: these variables, and the folder with the files that they name, which a recipe
/// makes.
fn check_overlay(overlay: &str, expected: &[&str], folder: &str) -> Map<String, Value> {
    let overlay = documents(overlay, &filled(&text(overlay), &mut BTreeMap::new())).remove(0);
    let added_to = overlay["services"].as_object().expect("services");
    let nodes: Vec<String> = services().into_iter().filter(|(_, one)| is_node(one)).map(|(name, _)| name).collect();
    assert_eq!(added_to.keys().collect::<Vec<_>>(), nodes.iter().collect::<Vec<_>>());
    for (name, service) in added_to {
        let added: Vec<&str> = service.as_object().expect("a service").keys().map(String::as_str).collect();
        assert_eq!(added, ["environment", "volumes"], "{name}");
        let variables = service["environment"].as_object().expect("variables");
        let found: BTreeSet<&str> = variables.keys().map(String::as_str).collect();
        assert_eq!(found, expected.iter().copied().collect(), "{name}");
        let mount = &service["volumes"][0];
        let target = mount["target"].as_str().expect("a target");
        assert_eq!((mount["type"].as_str(), &mount["read_only"]), (Some("bind"), &true.into()), "{name}");
        assert_eq!(mount["bind"]["create_host_path"], false, "{name}: no folder of root's where there is nothing");
        for (variable, value) in variables {
            assert!(SETTINGS.iter().any(|spec| spec.variable == variable), "{name}: {variable}");
            if !variable.ends_with("_FILE") {
                continue;
            }
            // A single file that is mounted stays the one that it was at the start.
            let inside =
                value.as_str().and_then(|file| file.strip_prefix(target)).and_then(|rest| rest.strip_prefix('/'));
            let source = mount["source"].as_str().expect("a source");
            let made = format!("{}/{}", source.trim_start_matches("./"), inside.expect("a file of the folder"));
            assert!(made.starts_with(folder) && text("justfile").contains(&made), "no recipe makes {made}");
        }
    }
    added_to.clone()
}

#[test]
fn the_project_has_a_name_and_no_version() {
    let compose = compose();
    assert_eq!(compose["name"], env!("CARGO_PKG_NAME"));
    assert!(compose["version"].is_null(), "`version` means nothing any more and is warned about");
}

/// The head of the file and the page name each variable with its default.
#[test]
fn variables_are_explained() {
    let (text, mut defaults) = (text(FILE), BTreeMap::new());
    filled(&text, &mut defaults);
    let head: String = text.lines().take_while(|line| line.starts_with('#')).collect();
    let page = super::files::text("docs/deployment.md");
    for (variable, default) in defaults {
        assert!(head.contains(&variable), "{variable} is not named at the head of {FILE}");
        let row = page.lines().find(|line| line.starts_with(&format!("| `{variable}` |")));
        let row = row.unwrap_or_else(|| panic!("docs/deployment.md has no row for {variable}"));
        let shown = if default.is_empty() { "none".to_owned() } else { format!("`{default}`") };
        assert!(row.contains(&shown), "docs/deployment.md: the default of {variable} is {shown}, not as in {row}");
    }
}
