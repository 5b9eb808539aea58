//! The page is readable for all: without scripts, on a narrow screen, in the dark, without colours, and read aloud.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::driver::{Browser, Setup};
use super::matrix::shows;
use super::pictures::take;
use crate::support::{Cluster, Plan, Report, millis};

/// Three nodes, one of them dead: every kind of cell is on the page except a suspicion.
#[track_caller]
fn one_down() -> Cluster {
    let mut cluster = Plan::loopback(3).start();
    // So that the survivors have its row from before.
    cluster.node(1).get("/api/v1/matrix").expect("an answer");
    cluster.kill(3);
    cluster
}

const DOWN: &str = "^node-3 has been down for .*; node-1 and node-2 agree$";

#[track_caller]
fn open(cluster: &Cluster, setup: Setup) -> Browser {
    let page = Browser::open(cluster.node(1).reached_at(), "/", setup);
    shows(&page, DOWN, &[("node-1 > node-3", "bad"), ("node-1 > node-2", "good"), ("node-3 > node-1", "unknown")]);
    page
}

/// Everything is in the document, and the browser itself loads it again.
pub fn with_scripts_off(report: &Report) {
    let mut cluster = Plan::loopback(3).start();
    let page = Browser::open(cluster.node(1).reached_at(), "/", Setup::DESK.without_scripts());
    shows(&page, "^all 3 nodes reach each other", &[("node-1 > node-3", "good")]);
    let complete = page.ask(
        "const sections = [...document.querySelectorAll('main > section')];
        return sections.map((section) => section.id + ':' + (section.innerText.trim().length > 20));",
    );
    let sections: Vec<&str> =
        complete.as_array().map_or(&[][..], Vec::as_slice).iter().filter_map(Value::as_str).collect();
    for section in ["matrix", "nodes", "incidents", "timeline", "about"] {
        assert!(sections.contains(&&*format!("{section}:true")), "{section} is missing or empty: {sections:?}");
    }
    let killed = cluster.kill(3);
    let seen = shows(&page, DOWN, &[("node-1 > node-3", "bad")]);
    // The page asks the browser to load it every five seconds.
    report.measured("kill -9 to the sentence, scripts off", seen - killed, millis(6500));
    let requests = page.requests();
    let scripts: Vec<&String> =
        requests.iter().filter(|url| url.ends_with("/page.js") || url.contains("/api/")).collect();
    assert!(scripts.is_empty(), "scripts are not off: {scripts:?}");
    let again = requests.iter().filter(|url| url.ends_with('/')).count();
    assert!(again > 1, "{requests:?}");
}

/// What scrolls is the table, never the page; and all text stands out from its ground as much as the guidelines for
/// accessible content (WCAG 2.2, level AA) want: 4.5 to 1.
pub fn on_a_phone_and_in_the_dark(_: &Report) {
    let cluster = one_down();
    for setup in [Setup::DESK, Setup::PHONE, Setup::DESK.dark(), Setup::PHONE.dark()] {
        let page = open(&cluster, setup);
        let widths = page.ask("return [document.documentElement.scrollWidth, document.documentElement.clientWidth]");
        assert_eq!(widths, json!([setup.width, setup.width]), "the page is wider than the screen");
        let ground = page.ask("return getComputedStyle(document.documentElement).backgroundColor");
        let is_dark = ground == json!("rgb(20, 24, 27)");
        assert_eq!(is_dark, setup.dark, "the ground is {ground}");
        let faint = page.ask(FAINT_TEXT);
        assert_eq!(faint, json!([]), "too little contrast, dark: {}", setup.dark);
        page.close();
    }
}

/// Every text on the page with less contrast than 4.5 to 1.
const FAINT_TEXT: &str = "
    const channels = (colour) => { const all = colour.match(/[\\d.]+/g).map(Number); return all.length > 3 ? all : [...all, 1]; };
    const part = (value) => { const part = value / 255; return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4; };
    const light = ([red, green, blue]) => 0.2126 * part(red) + 0.7152 * part(green) + 0.0722 * part(blue);
    const ground = (element) => {
      for (; element !== null; element = element.parentElement) {
        const colour = channels(getComputedStyle(element).backgroundColor);
        if (colour[3] > 0) return colour;
      }
      return [255, 255, 255, 1];
    };
    const faint = [];
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const element = texts.currentNode.parentElement;
      const text = texts.currentNode.textContent.trim();
      if (text === '' || !element.checkVisibility() || element.closest('.unseen') !== null) continue;
      const [one, other] = [light(channels(getComputedStyle(element).color)), light(ground(element))];
      const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
      if (contrast < 4.5) faint.push(text + ': ' + contrast.toFixed(2));
    }
    return faint;";

/// The tree that a browser hands to a screen reader.
pub fn by_ear(_: &Report) {
    let cluster = one_down();
    let page = open(&cluster, Setup::DESK);
    page.devtools("Accessibility.enable", &json!({}));
    let tree = page.devtools("Accessibility.getFullAXTree", &json!({}));
    let nodes = tree["nodes"].as_array().expect("a tree has nodes");
    let named = |role: &str| -> Vec<&str> {
        let of_role = nodes.iter().filter(|node| node["role"]["value"] == role && node["ignored"] == false);
        of_role.map(|node| node["name"]["value"].as_str().unwrap_or_default()).collect()
    };
    let headings = named("heading");
    assert!(headings[0].starts_with("node-3 has been down for "), "the sentence comes first: {headings:?}");
    for heading in ["Who reaches whom", "Incidents", "Nodes", "Events of node-1", "This node"] {
        assert!(headings.contains(&heading), "{headings:?}");
    }
    let levels = page.ask("return [...document.querySelectorAll('h1, h2, h3, h4')].map((h) => h.tagName).join(' ')");
    assert!(
        levels.as_str().is_some_and(|levels| levels.starts_with("H1 H2") && levels.matches("H1").count() == 1),
        "{levels}"
    );
    for node in ["node-1", "node-2", "node-3"] {
        assert_eq!(
            named("columnheader").iter().filter(|name| **name == node).count(),
            1,
            "{:?}",
            named("columnheader")
        );
        let rows = named("rowheader").into_iter().filter(|name| name.starts_with(node)).count();
        assert_eq!(rows, 2, "one in each table: {:?}", named("rowheader"));
    }
    for (role, count) in [("main", 1), ("banner", 1), ("navigation", 1), ("table", 2)] {
        assert_eq!(named(role).len(), count, "{role}: {:?}", named(role));
    }
    let live = |node: &&Value| {
        let properties = node["properties"].as_array().map_or(&[][..], Vec::as_slice);
        properties.iter().any(|property| property["name"] == "live" && property["value"]["value"] == "polite")
    };
    assert_eq!(nodes.iter().filter(live).count(), 1, "changes of the sentence are announced");
    without_colours(&page);
    page.close();
}

/// Cells of different meaning have different marks, not only colours: each class has one mark, and each mark one class.
#[track_caller]
fn without_colours(page: &Browser) {
    let pairs = page.ask(
        "const cells = [...document.querySelectorAll('#matrix td')];
        return [...new Set(cells.map((cell) => cell.className.split(' ')[0] + ' ' + cell.innerText.trim()[0]))];",
    );
    let pairs: Vec<(&str, &str)> = pairs
        .as_array()
        .map_or(&[][..], Vec::as_slice)
        .iter()
        .filter_map(|pair| pair.as_str()?.split_once(' '))
        .collect();
    let classes: BTreeSet<&str> = pairs.iter().map(|(class, _)| *class).collect();
    let marks: BTreeSet<&str> = pairs.iter().map(|(_, mark)| *mark).collect();
    assert_eq!((classes.len(), marks.len()), (pairs.len(), pairs.len()), "{pairs:?}");
    for pair in [("good", "✓"), ("bad", "✕"), ("unknown", "?")] {
        assert!(pairs.contains(&pair), "{pairs:?}");
    }
}

/// Both dead nodes are seen at once, with nothing scrolled, and their column stays beside the names that are scrolled.
pub fn twelve_with_two_dead(report: &Report) {
    let setup = Setup { width: 1200, height: 900, ..Setup::DESK };
    let mut cluster = Plan::loopback(12).start();
    cluster.node(1).get("/api/v1/matrix").expect("an answer");
    cluster.kill(9);
    cluster.kill(12);
    let page = Browser::open(cluster.node(1).reached_at(), "/", setup);
    let dead = [("node-1 > node-9", "bad"), ("node-1 > node-12", "bad"), ("node-1 > node-2", "good")];
    shows(&page, "^node-9 and node-12 have been down for .* s", &dead);
    let counts = page.ask("return document.querySelector('#summary p span').textContent");
    assert!(counts.as_str().is_some_and(|counts| counts.starts_with("12 nodes, 2 down, ")), "{counts}");
    let seen = page.ask(
        "const inside = (box) => box.left >= 0 && box.right <= innerWidth && box.top >= 0 && box.bottom <= innerHeight;
        const heads = [...document.querySelectorAll('#matrix thead th')].slice(1, 3);
        const rows = [...document.querySelectorAll('#matrix tbody th')].slice(0, 2);
        const all = [...heads, ...rows, document.querySelector('#summary h1')];
        return [heads.map((one) => one.textContent), rows.map((one) => one.querySelector('bdi').textContent),
          all.map((one) => inside(one.getBoundingClientRect()))];",
    );
    let names = json!(["node-9", "node-12"]);
    assert_eq!(seen, json!([names, names, [true, true, true, true, true]]));
    let sticks = page.ask(
        "const wide = document.querySelector('#matrix .wide');
        wide.style.width = '400px';
        wide.scrollLeft = 300;
        const [head, box] = [wide.querySelector('tbody th').getBoundingClientRect(), wide.getBoundingClientRect()];
        const stays = wide.scrollLeft > 100 && Math.abs(head.left - box.left) < 2;
        scrollTo(0, 500);
        return stays && document.getElementById('summary').getBoundingClientRect().top === 0;",
    );
    assert_eq!(sticks, json!(true), "the first column and the bar stay");
    take(&page, setup, "real-twelve", false, report);
    page.close();

    let page = Browser::open(cluster.node(1).reached_at(), "/?only=bad", setup.without_scripts());
    // On a busy machine a node may be called slow for a while: it comes after those that are down.
    let columns = page.ask(
        "const columns = [...document.querySelectorAll('#matrix thead th')].slice(1).map((one) => one.textContent);
        return [columns.slice(0, 2), columns.length < 12];",
    );
    assert_eq!(columns, json!([names, true]));
    page.close();
    let svg = cluster.node(1).get("/mesh.svg").expect("an answer");
    assert!(svg.body.starts_with("<svg xmlns=") && svg.body.contains("<title>node-12: down</title>"), "{}", svg.body);
}

/// From a cell to the evidence and back, with the keyboard alone; the focus survives what the script renews.
pub fn by_keyboard_and_by_touch(report: &Report) {
    let cluster = one_down();
    let page = open(&cluster, Setup::DESK);
    page.ask("document.querySelector('#matrix td.bad a').focus()");
    page.ask("window.old = document.querySelector('#matrix td.bad a')");
    let renewed = "return !document.contains(window.old) && document.activeElement.matches('#matrix td.bad a')";
    page.wait("the focus, after the matrix was renewed", renewed);
    page.ask("document.activeElement.click()");
    page.wait(
        "the evidence",
        "return /node-3 has been down for/.test(document.querySelector('#evidence .why')?.textContent)",
    );
    let place = page.ask("return [location.pathname, document.querySelectorAll('#evidence tbody tr').length > 0]");
    assert!(place == json!(["/why/node-1/node-3", true]) || place == json!(["/why/node-2/node-3", true]), "{place}");
    take(&page, Setup::DESK, "real-why", false, report);
    page.ask("document.querySelector('#link a[href$=\"node/node-3\"]').click()");
    page.wait("the node", "return document.querySelector('#node h2')?.textContent === 'node-3'");
    let strips = page.ask("return [document.querySelectorAll('#links .strip').length, document.querySelectorAll('#node > .strip .down').length > 0]");
    assert_eq!(strips, json!([4, true]), "two links in two directions, and the outage in its own strip");
    take(&page, Setup::DESK, "real-node", false, report);
    // The evidence of a link of another node comes from that node.
    page.ask("location.href = '../why/node-2/node-1'");
    page.wait(
        "what node-2 knows",
        "return /it answered node-2/.test(document.querySelector('#evidence .why')?.textContent)",
    );
    page.ask("document.querySelector('#summary a').click()");
    page.wait("the whole mesh", "return location.pathname === '/'");
    page.close();

    // Squares: the arrow keys walk, a line below them says where the reader is.
    let scene = super::scenes::Scene::whole(20).with_dead(&[4]);
    let stage = super::stage::Stage::open(move |_| scene.html());
    let page = Browser::open(stage.address, "/", Setup::PHONE);
    page.ask("document.querySelector('#matrix .wide').focus()");
    for (key, line) in [
        ("ArrowRight", "itself"),
        ("ArrowDown", "node-1 → node-5: down, last answer 42 s ago"),
        ("ArrowRight", "itself"),
        ("ArrowRight", "node-1 → node-2: up, 0."),
    ] {
        page.ask(&format!(
            "document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {{ key: '{key}', bubbles: true }}))"
        ));
        let detail = page.ask("return document.getElementById('detail').textContent");
        assert!(detail.as_str().is_some_and(|detail| detail.starts_with(line)), "{key}: {detail}, not {line}");
    }
    page.ask("document.querySelector('#matrix td.bad').click()");
    let link = page.ask("return document.querySelector('#detail a')?.getAttribute('href')");
    assert_eq!(link, json!("./why/node-1/node-5"));
    page.close();
}
