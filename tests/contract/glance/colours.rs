//! What the colours say, and whether words on them can be read.

use std::collections::{BTreeMap, BTreeSet};

use heartbeat::testing::telemetry::catalogue;

use super::{list, of_column, panel, word};
use crate::dashboard::{self, words};
use crate::queries;
use serde_json::Value;

#[track_caller]
fn none(what: &str, found: &[String]) {
    assert!(found.is_empty(), "{what}:\n  {}", found.join("\n  "));
}

/// A value that is missing has the colour of the smallest number, unless a mapping says otherwise.
#[test]
fn no_data_is_never_green() {
    let neutral = |mappings: &Value| {
        let found = list(mappings).into_iter().find(|mapping| mapping["options"]["match"] == "null");
        found.is_some_and(|mapping| mapping["options"]["result"]["color"] == words::GREY)
    };
    let (dashboard, mut found, mut checked) = (dashboard::dashboard(), Vec::new(), 0);
    for panel in queries::panels(&dashboard) {
        let defaults = &panel["fieldConfig"]["defaults"];
        let overridden = list(&panel["fieldConfig"]["overrides"]);
        let coloured = panel["type"] == "stat" || defaults["custom"]["cellOptions"]["type"] == "color-background";
        if coloured {
            checked += 1;
            if !neutral(&defaults["mappings"]) && panel["title"] != "State: what each node reports about each peer" {
                found.push(word(&panel["title"]).to_owned());
            }
        }
        for column in overridden.iter().filter(|column| column.to_string().contains("color-background")) {
            let name = word(&column["matcher"]["options"]);
            let thresholds = of_column(panel, name, "thresholds");
            if !thresholds.is_null() {
                checked += 1;
                if !neutral(&of_column(panel, name, "mappings")) {
                    found.push(format!("{}, column {name}", panel["title"]));
                }
            }
        }
    }
    none("these show no data in the colour of a value", &found);
    assert!(checked > 12, "only {checked} were looked at");
}

/// <https://www.w3.org/TR/WCAG21/#dfn-contrast-ratio>
fn contrast(one: [u8; 3], other: [u8; 3]) -> f64 {
    let light = |colour: [u8; 3]| {
        let linear = |value: u8| {
            let value = f64::from(value) / 255.0;
            if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(colour[0]) + 0.7152 * linear(colour[1]) + 0.0722 * linear(colour[2])
    };
    let (one, other) = (light(one) + 0.05, light(other) + 0.05);
    one.max(other) / one.min(other)
}

fn rgb(colour: &str) -> [u8; 3] {
    [1, 3, 5].map(|at| u8::from_str_radix(&colour[at..at + 2], 16).unwrap_or_else(|error| panic!("{colour}: {error}")))
}

/// Cells and tiles: dark above a brightness of 180. Timelines: white where its contrast is 3 or more.
#[test]
fn words_can_be_read_on_their_colours() {
    for colour in words::COLOURS {
        let [r, g, b] = rgb(colour).map(f64::from);
        let bright = (299.0 * r + 587.0 * g + 114.0 * b) / 1000.0 > 180.0;
        let in_cells = contrast(rgb(colour), if bright { [32, 34, 38] } else { [247, 248, 250] });
        let white = contrast(rgb(colour), [255; 3]);
        let in_lanes = if white >= 3.0 { white } else { contrast(rgb(colour), [0; 3]) };
        assert!(in_cells >= 4.5 && in_lanes >= 4.5, "{colour}: {in_cells:.2} in cells, {in_lanes:.2} in lanes");
    }
    let dashboard = dashboard::dashboard();
    let text = dashboard.to_string();
    assert!(
        !text.contains("color-text") && !text.contains(r#""colorMode":"value""#),
        "words in a colour on the page's own"
    );
    for panel in queries::panels(&dashboard).into_iter().filter(|panel| panel["type"] == "state-timeline") {
        assert_eq!(panel["fieldConfig"]["defaults"]["custom"]["fillOpacity"], 100, "a colour of its own");
    }
}

#[test]
fn one_word_has_one_colour() {
    let mut colours: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let dashboard = dashboard::dashboard();
    for panel in queries::panels(&dashboard) {
        for mapping in
            list(&panel["fieldConfig"]["defaults"]["mappings"]).iter().filter(|mapping| mapping["type"] == "range")
        {
            let result = &mapping["options"]["result"];
            colours.entry(word(&result["text"]).into()).or_default().insert(word(&result["color"]).into());
        }
        for column in list(&panel["fieldConfig"]["overrides"]) {
            let name = word(&column["matcher"]["options"]);
            let fixed = of_column(panel, name, "color")["fixedColor"].clone();
            if fixed.is_string() {
                colours.entry(name.into()).or_default().insert(word(&fixed).into());
            }
        }
    }
    let found: Vec<String> =
        colours.iter().filter(|(_, all)| all.len() > 1).map(|(name, all)| format!("{name}: {all:?}")).collect();
    none("words with several colours", &found);
    // Every reason, class and event that a graph names has one.
    let reasons = catalogue::find(catalogue::PING_FAILURES).expect("the metric").labels[0];
    let classes = catalogue::find(catalogue::SILENCE_AT_VERDICT).expect("the metric").labels[0];
    for name in
        (reasons.values)().into_iter().chain((classes.values)()).chain(["answered", "peer_down", "self_cut_off"])
    {
        assert!(colours.contains_key(name), "{name} has the colour of its place in the list");
    }
    for title in ["Failed pings, by what they showed", "Notable events", "Witness pings"] {
        assert_eq!(of_column(&panel(title), "silent", "color")["fixedColor"], words::WARN, "{title}");
    }
}
