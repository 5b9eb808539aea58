use std::time::Duration;

use super::*;
use crate::sim;

fn of(name: &str) -> String {
    diagram(&sim::builtin(name).unwrap(), 1, None)
}

/// Tags are closed in their order, attributes are quoted, and no `&` stands alone.
fn assert_well_formed(svg: &str, what: &str) {
    let mut open = Vec::new();
    let mut rest = svg;
    while let Some(at) = rest.find('<') {
        let end = at + rest[at..].find('>').unwrap_or_else(|| panic!("{what}: an open tag"));
        let tag = &rest[at + 1..end];
        assert_eq!(tag.matches('"').count() % 2, 0, "{what}: {tag}");
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "{what}");
        } else if !tag.ends_with('/') {
            open.push(tag.split(' ').next().unwrap_or_default().to_owned());
        }
        rest = &rest[end + 1..];
    }
    assert!(open.is_empty(), "{what}: {open:?} not closed");
    for part in svg.split('&').skip(1) {
        assert!(["amp;", "lt;", "gt;", "quot;"].iter().any(|name| part.starts_with(name)), "{what}: &{part:.10}");
    }
    assert!(!svg.contains("NaN") && !svg.contains("inf "), "{what}");
}

#[test]
fn every_builtin_has_a_picture_within_its_bounds() {
    for (name, _) in sim::builtin_names() {
        let svg = of(name);
        assert!(svg.len() <= DIAGRAM_BYTES, "{name}: {} bytes", svg.len());
        assert_well_formed(&svg, name);
        assert!(svg.contains("<title id=") && svg.contains("<desc id="), "{name}: nothing for a screen reader");
        assert!(svg.contains("prefers-color-scheme:dark"), "{name}");
    }
}

#[test]
fn large_and_odd_meshes_have_one_too() {
    for text in [
        "nodes 1\nlength 2s\n",
        "nodes 14\nlength 7s\nat 3s loss all 30%\n",
        "nodes 60\nwatch ring 3\nlength 6s\nat 3s crash node-50 node-51\n",
        "nodes 3\nlength 1s\nat 0s crash node-1\n",
        "scenario a<&\"b\nabout <script>\nnodes 2\nlength 5s\n",
    ] {
        let scenario: Scenario = text.parse().unwrap();
        for from in [None, Some(Duration::from_secs(1)), Some(Duration::from_secs(3000))] {
            let svg = diagram(&scenario, 1, from);
            assert!(svg.len() <= DIAGRAM_BYTES, "{text:?}: {} bytes", svg.len());
            assert_well_formed(&svg, text);
        }
    }
    let large = diagram(&"nodes 60\nwatch ring 3\nlength 6s\nat 3s crash node-50\n".parse().unwrap(), 1, None);
    assert!(large.contains(">node-50<") && !large.contains(">node-12<"), "the one that something happens to is drawn");
    assert!(large.contains("48 more nodes are not drawn"));
}

#[test]
fn a_crash_is_seen_in_lines_arrows_strips_and_words() {
    let svg = of("crash");
    for needed in [
        ">crash node-3<",
        ">no process<",
        "class=\"ping\"",
        "class=\"answer head\"",
        "class=\"connection\"",
        ">node-1 of node-3<",
        ">node-2 of node-3<",
        ">dead<",
        "node-1: node-3 is down",
        "detected after",
    ] {
        assert!(svg.contains(needed), "{needed} is missing in {svg}");
    }
    assert!(!svg.contains("class=\"lost\" d=\"M120"), "a crash loses no packet");
    assert!(!svg.contains(">node-1 of node-2<"), "a pair that is well has no strip");
    assert_eq!(svg.matches("class=\"mark s-dead\"").count(), 2 + 1, "one verdict for each observer, and the legend");
}

#[test]
fn the_window_is_round_the_first_fault() {
    let window = |name: &str, from: Option<Duration>| Window::of(&sim::run(&sim::builtin(name).unwrap(), 1), from);
    let ten = Duration::from_secs(10);
    for name in ["crash", "freeze", "partition-2-2", "lossy"] {
        let Window { from, until } = window(name, None);
        assert!(from < ten && until > ten && until - from <= Duration::from_secs(13), "{name}: {from:?} to {until:?}");
    }
    let late = window("freeze", Some(Duration::from_secs(29)));
    assert_eq!(late.from, Duration::from_secs(29));
    let mut shorter = late;
    assert!(shorter.shorten() && shorter.until < late.until);
}

#[test]
fn a_picture_is_the_same_each_time() {
    assert_eq!(of("lossy"), of("lossy"));
}
