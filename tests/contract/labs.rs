//! Every lab has a page, its data and its figures, and they agree with each other and with the bundle.
//!
//! `HEARTBEAT_WRITE=1 cargo test --test contract labs` writes anew what is made from data: the list of labs and the
//! figures of the pages.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use super::files::{path, text, yaml};

#[path = "../labs/plan/mod.rs"]
mod plan;

use plan::figures::Figures;
use plan::lab::{Lab, Place};
use plan::{LABS, LONG};

const TABLE: (&str, &str) = ("<!-- table: labs -->\n", "<!-- /table -->");

/// What a page has, in this order.
const SECTIONS: [&str; 6] = ["Goal", "Guess", "Do it", "What you should see", "Why", "Clean up"];

fn lab(name: &str) -> Lab {
    let file = format!("labs/{name}/lab.yaml");
    Lab::parse(&file, &text(&file)).unwrap_or_else(|problem| panic!("{problem}"))
}

fn figures(name: &str) -> Figures {
    let file = format!("labs/{name}/figures.json");
    serde_json::from_str(&text(&file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// Compares a page with what it should be, or writes it.
#[track_caller]
fn check_page(file: &str, fresh: &str) {
    if std::env::var_os("HEARTBEAT_WRITE").is_some() {
        fs::write(path(file), fresh).unwrap_or_else(|error| panic!("{file}: {error}"));
        return;
    }
    let written = text(file);
    let differing = written.lines().zip(fresh.lines()).find(|(written, fresh)| written != fresh);
    assert!(
        written == fresh,
        "{file} does not say what its data says; `HEARTBEAT_WRITE=1 cargo test --test contract labs` rewrites it: {differing:#?}"
    );
}

#[test]
fn every_folder_is_a_lab_and_every_lab_has_one() {
    let entries = fs::read_dir(path("labs")).expect("labs/").map(|entry| entry.expect("an entry of labs/").path());
    let folders = entries.filter(|path| path.join("lab.yaml").exists());
    let folders: BTreeSet<String> = folders.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect();
    assert_eq!(folders, LABS.iter().map(|name| (*name).to_owned()).collect());
    assert!(LONG.iter().all(|name| LABS.contains(name)), "{LONG:?}");
}

#[test]
fn labs_are_listed_with_what_they_are_about() {
    let rows = LABS.iter().map(|name| {
        let lab = lab(name);
        let places = if lab.places.contains(&Place::Kubernetes) { "compose, Kubernetes" } else { "compose" };
        format!("| [{name}]({name}/README.md) | {} | {places} |\n", lab.about)
    });
    let table = format!("| Lab | What it shows | Where |\n| --- | --- | --- |\n{}", rows.collect::<String>());
    let written = text("labs/README.md");
    let start = written.find(TABLE.0).expect("labs/README.md has a table of labs") + TABLE.0.len();
    let length = written[start..].find(TABLE.1).expect("the table of labs has an end");
    check_page("labs/README.md", &format!("{}{table}{}", &written[..start], &written[start + length..]));
}

#[test]
fn pages_have_all_sections_and_name_the_command() {
    for name in LABS {
        let page = text(&format!("labs/{name}/README.md"));
        let headings: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        assert_eq!(headings, SECTIONS, "the sections of labs/{name}/README.md");
        assert_eq!(page.lines().next(), Some(format!("# {}", lab(name).title).as_str()), "the title of {name}");
        assert!(page.contains(&format!("`just lab {name}`")), "labs/{name}/README.md names `just lab {name}`");
    }
}

#[test]
fn figures_of_the_pages_are_those_of_the_file() {
    for name in LABS {
        let file = format!("labs/{name}/README.md");
        let fresh = figures(name).fill(&text(&file)).unwrap_or_else(|problem| panic!("{file}: {problem}"));
        check_page(&file, &fresh);
    }
}

/// A run measured what the lab asks for today, within its deadlines, and nothing fired or was told that is not listed.
#[test]
fn figures_are_of_the_lab_as_it_is() {
    for name in LABS {
        let (lab, figures) = (lab(name), figures(name));
        let expects = lab.steps.iter().flat_map(|step| &step.expect);
        let wanted: BTreeSet<&str> = expects.filter_map(|expect| expect.figure.as_deref()).collect();
        let measured: BTreeSet<&str> = figures.figures.iter().map(|figure| figure.what.as_str()).collect();
        let missing: Vec<_> = wanted.difference(&measured).collect();
        assert!(missing.is_empty(), "labs/{name}/figures.json has no figure for {missing:?}: run the lab again");
        let due: BTreeSet<String> =
            lab.alerts.iter().filter(|alert| alert.maybe.is_none()).map(ToString::to_string).collect();
        let fired: BTreeSet<String> = figures.alerts.iter().cloned().collect();
        assert!(
            due.is_subset(&fired),
            "labs/{name}/figures.json is of a run with other alerts: {fired:?}, not {due:?}"
        );
        for (field, value) in [("machine", &figures.machine), ("date", &figures.date), ("commit", &figures.commit)] {
            assert!(!value.is_empty(), "labs/{name}/figures.json says no {field}");
        }
    }
}

/// Alerts that the rules define.
fn alerts() -> BTreeSet<String> {
    let files = fs::read_dir(path("prometheus/rules")).expect("prometheus/rules").flatten();
    let files = files.filter_map(|file| Some(format!("prometheus/rules/{}", file.file_name().to_str()?)));
    let mut names = BTreeSet::new();
    for file in files.filter(|file| file.ends_with(".yml")) {
        let groups = yaml(&file)["groups"].as_array().cloned().unwrap_or_default();
        let rules = groups.iter().flat_map(|group| group["rules"].as_array().cloned().unwrap_or_default());
        names.extend(rules.filter_map(|rule| Some(rule["alert"].as_str()?.to_owned())));
    }
    assert!(!names.is_empty(), "prometheus/rules defines no alert");
    names
}

#[test]
fn labs_name_nodes_alerts_panels_and_services_that_exist() {
    let (alerts, compose, added) = (alerts(), yaml("docker-compose.yml"), yaml("labs/compose.yaml"));
    let queries = super::queries::queries(&super::queries::dashboard());
    let service = |name: &str| compose["services"].get(name).is_some() || added["services"].get(name).is_some();
    for name in LABS {
        let lab = lab(name);
        let overlay = lab.overlay.as_ref().map(|file| yaml(&format!("labs/{name}/{file}"))).unwrap_or(Value::Null);
        for node in lab.nodes().iter().chain(&lab.services) {
            assert!(service(node) || overlay["services"].get(node).is_some(), "{name}: there is no service {node}");
        }
        for alert in &lab.alerts {
            assert!(alerts.contains(&alert.alert), "{name}: no rule is called {}; there are {alerts:?}", alert.alert);
        }
        for panel in lab.steps.iter().flat_map(|step| &step.expect).filter_map(|expect| expect.panel.as_ref()) {
            assert!(
                queries.iter().any(|query| query.panel == panel.title),
                "{name}: no panel is called {:?}",
                panel.title
            );
        }
        for variable in lab.variables.keys() {
            let read = format!("${{{variable}:-");
            assert!(text("docker-compose.yml").contains(&read), "{name}: docker-compose.yml does not read {variable}");
        }
    }
}

/// The labs choose the configuration with a receiver, and the receiver is where that one sends.
#[test]
fn alertmanager_tells_the_receiver_of_the_labs() {
    let command = yaml("docker-compose.yml")["services"]["alertmanager"]["command"].to_string();
    assert!(command.contains("${ALERTMANAGER_CONFIG:-"), "compose reads ALERTMANAGER_CONFIG: {command}");
    let told = &yaml("alertmanager/webhook.yml")["receivers"][0]["webhook_configs"][0]["url"];
    assert_eq!(told, "http://alerts:9094/", "the receiver of labs/compose.yaml");
    assert_eq!(yaml("labs/compose.yaml")["services"]["alerts"]["command"][1], "--port=9094");
}

/// What the labs add is as hardened as the rest.
#[test]
fn what_the_labs_add_is_hardened() {
    for (file, name) in [("labs/compose.yaml", "alerts"), ("labs/slow-link/compose.yaml", "slow")] {
        let service = &yaml(file)["services"][name];
        assert_eq!(service["read_only"], true, "{name}");
        assert_eq!(service["cap_drop"], serde_json::json!(["ALL"]), "{name}");
        assert_eq!(service["security_opt"], serde_json::json!(["no-new-privileges:true"]), "{name}");
        assert_eq!(service["user"], "65532:65532", "{name}");
        assert!(service["mem_limit"].is_string() && service["pids_limit"].is_number(), "{name} has limits");
        let published = service["ports"].as_array().into_iter().flatten().filter_map(Value::as_str);
        assert!(published.clone().all(|port| port.starts_with("127.0.0.1:")), "{name} is published here only");
    }
}

/// The labs' own programs are built by the compiler of the node and run on the same base.
#[test]
fn the_labs_programs_are_made_of_what_the_node_is_made_of() {
    let node = text("Dockerfile");
    for line in text("labs/kit/Dockerfile").lines().filter_map(|line| line.strip_prefix("FROM ")) {
        let image = line.split(' ').next().expect("an image");
        assert!(node.contains(image), "the Dockerfile of the node does not use {image}");
    }
}
