//! The playground in a real browser: every built-in scenario plays, every gesture works by mouse, touch and keyboard, and
//! what the page shows is what the simulator of this very build says.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use heartbeat::detector::peer::PeerState;
use heartbeat::sim::{self, HostId, Omission, Run, Scenario};
use serde_json::{Value, json};

use super::driver::{Browser, Setup};
use super::stage::{self, Reply};
use crate::support::{Report, SOON, check};

/// Bytes of WebAssembly.
const ENGINE_BYTES_MAX: u64 = 1_000_000;
const DESK: Setup = Setup { width: 1280, height: 900, ..Setup::DESK };
/// A common phone.
const PHONE: Setup = Setup { width: 390, height: 844, ..Setup::DESK };

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn site() -> PathBuf {
    root().join("target/playground/site")
}

/// Why these cases cannot run; `None` with a site that was built from the sources as they are.
pub fn missing() -> Option<String> {
    let changed = |path: PathBuf| path.metadata().and_then(|data| data.modified()).ok();
    let Some(built) = changed(site().join("engine.wasm")) else {
        return Some("target/playground/site, which `just playground-build` makes".to_owned());
    };
    let sources = [
        "src/baselines",
        "src/detector",
        "src/mesh",
        "src/render",
        "src/sim",
        "src/closed_set.rs",
        "playground/src",
        "playground/site",
        "playground/Cargo.toml",
        "playground/Cargo.lock",
    ];
    let newest = sources.iter().filter_map(|place| newest(&root().join(place))).max();
    let is_old = newest.is_some_and(|newest| newest > built);
    is_old.then(|| "a site that is not older than the sources: `just playground-build` makes it anew".to_owned())
}

/// When a file of a folder changed last.
fn newest(place: &Path) -> Option<SystemTime> {
    let Ok(entries) = std::fs::read_dir(place) else { return place.metadata().ok()?.modified().ok() };
    entries.flatten().filter_map(|entry| newest(&entry.path())).max()
}

/// A server of the built site.
fn serve() -> SocketAddr {
    stage::serve(|path| {
        let name = path.trim_start_matches('/');
        let kind = match name.rsplit('.').next() {
            Some("html") => "text/html; charset=utf-8",
            Some("css") => "text/css",
            Some("js") => "text/javascript",
            _ => "application/wasm",
        };
        let (status, body) = match std::fs::read(site().join(name)) {
            Ok(body) => ("200 OK", body),
            Err(_) => ("404 Not Found", Vec::new()),
        };
        Reply { status, kind, body }
    })
}

/// A page on which an experiment is.
struct Page(Browser);

impl Page {
    fn open(experiment: &str, setup: Setup) -> Page {
        let page = Page(Browser::open(serve(), &format!("/index.html#{experiment}"), setup));
        page.0.wait("an experiment", "return document.body.dataset.ready === 'yes'");
        page
    }

    /// A click as a mouse makes it, in the middle of something.
    fn mouse(&self, selector: &str) {
        let (x, y) = self.middle(selector);
        for kind in ["mousePressed", "mouseReleased"] {
            self.0.devtools(
                "Input.dispatchMouseEvent",
                &json!({ "type": kind, "x": x, "y": y, "button": "left", "clickCount": 1 }),
            );
        }
    }

    /// Another experiment, as a link in a book would open it, once its run is loaded.
    fn turn_to(&self, experiment: &str) {
        self.0.ask(&format!("const wanted = {}; if (location.hash !== `#${{wanted}}`) {{ delete document.body.dataset.trace; location.hash = wanted; }}", json!(experiment)));
        self.0.wait(experiment, "return document.body.dataset.trace != null");
    }

    fn text(&self) -> Scenario {
        let text = self.0.ask("return document.getElementById('scenario').value");
        let text = text.as_str().expect("a text");
        text.parse().unwrap_or_else(|problems| panic!("{text}: {problems}"))
    }

    /// Waits until the page shows the run of `scenario`, as this build plays it.
    #[track_caller]
    fn shows_run_of(&self, scenario: &Scenario, seed: u64) -> Run {
        let run = sim::run(scenario, seed);
        let trace = format!("{:016x}", run.hash);
        check(&format!("the page shows the trace of {scenario}"), SOON, || {
            let shown = self.0.ask("return [document.body.dataset.trace, document.getElementById('trace').value]");
            if shown == json!([trace, trace]) { Ok(()) } else { Err(format!("{shown}, not {trace}")) }
        });
        run
    }

    fn click(&self, selector: &str) {
        let clicked = self.0.ask(&format!(
            "const one = document.querySelector({}); one?.dispatchEvent(new MouseEvent('click', {{ bubbles: true }})); return one != null;",
            json!(selector)
        ));
        assert_eq!(clicked, json!(true), "nothing to click: {selector}");
    }

    fn press(&self, key: &str) {
        for kind in ["keyDown", "keyUp"] {
            let mut press = json!({ "type": kind, "key": key });
            if key.len() == 1 && kind == "keyDown" {
                press["text"] = json!(key);
            }
            self.0.devtools("Input.dispatchKeyEvent", &press);
        }
    }

    /// The middle of an element, in pixels of the window.
    fn middle(&self, selector: &str) -> (f64, f64) {
        let found = self.0.ask(&format!(
            "const one = document.querySelector({}); one.scrollIntoView({{ block: 'center' }}); const box = one.getBoundingClientRect();
            return [box.left + box.width / 2, box.top + box.height / 2];",
            json!(selector)
        ));
        (found[0].as_f64().expect("a number"), found[1].as_f64().expect("a number"))
    }

    fn play_to_the_end(&self) {
        self.0.ask(
            "document.getElementById('speed').value = '4';
            document.getElementById('speed').dispatchEvent(new Event('change'));
            const time = document.getElementById('time');
            time.value = String(Number(time.max) - 0.5);
            time.dispatchEvent(new Event('input'));
            document.getElementById('play').click();",
        );
        self.0.wait(
            "the end of the run",
            "const [time, play] = ['time', 'play'].map((id) => document.getElementById(id));
            return time.value === time.max && play.textContent.includes('Play');",
        );
    }
}

/// The states that a page shows of every pair, and those of the run.
fn assert_beliefs(page: &Page, run: &Run) {
    let shown = page.0.ask(
        "return [...document.querySelectorAll('.matrix tbody tr')].map((row) => [...row.querySelectorAll('td')].map((cell) => cell.querySelector('.badge')?.classList[1] ?? null));",
    );
    let nodes = run.scenario.nodes;
    for observer in 0..nodes {
        let view = run.views[observer].as_ref();
        for subject in (0..nodes).filter(|subject| *subject != observer) {
            let state = view.and_then(|view| {
                let name = HostId(subject).to_string();
                view.peers.iter().find(|peer| peer.peer.key.0.split(':').next() == Some(&name))
            });
            let state = state.map_or("none", |peer| peer.peer.state.as_str());
            assert_eq!(shown[observer][subject], json!(state), "{}: {observer} of {subject}", run.scenario.name);
        }
    }
}

/// The run on the page is the run of this build, packet by packet; it plays, ends with the same beliefs, and its question
/// has one right answer.
pub fn every_preset_plays(report: &Report) {
    let bytes = std::fs::metadata(site().join("engine.wasm")).expect("it was built").len();
    report.say(format!("WebAssembly: {bytes} bytes, at most {ENGINE_BYTES_MAX}"));
    assert!(bytes <= ENGINE_BYTES_MAX);
    let page = Page::open("preset=crash&lesson=off", DESK);
    let offered = page.0.ask("return [...document.querySelectorAll('#preset option')].map((one) => one.value)");
    for (name, _) in sim::builtin_names() {
        assert!(offered.as_array().expect("a list").contains(&json!(name)), "{name} is not in {offered}");
        page.turn_to(&format!("preset={name}&lesson=off"));
        let scenario = sim::builtin(name).expect("a built-in scenario");
        let run = page.shows_run_of(&scenario, 1);
        assert_eq!(page.text(), scenario, "{name}");
        page.play_to_the_end();
        assert_beliefs(&page, &run);
    }
    page.turn_to("preset=lossy&seed=9007199254740991&lesson=off");
    page.shows_run_of(&sim::builtin("lossy").expect("a built-in scenario"), 9_007_199_254_740_991);
    let right = page.0.ask(
        "return Promise.all([import('./lessons.js'), import('./engine.js'), import('./run.js')]).then(async ([{ LESSONS, lessonOf }, { ask }, { runOf }]) => {
            const { presets } = await ask({ ask: 'presets' });
            const rights = presets.map(async ({ name, text }) => {
                const lesson = lessonOf(name, runOf(await ask({ ask: 'run', text, seed: 1 })));
                return [name, lesson?.options.filter(({ holds }) => holds).length ?? 0];
            });
            return Promise.all(rights);
        });",
    );
    for preset in right.as_array().expect("a list") {
        assert_eq!(preset[1], json!(1), "one right answer: {preset}");
    }
    assert_eq!(right.as_array().map(Vec::len), Some(sim::builtin_names().len()));
    page.0.close();
}

/// Each is one line at the moment of the watcher, and the run of that text.
pub fn every_gesture_works(_: &Report) {
    let page = Page::open("preset=sandbox", DESK);
    for (chosen, act, line) in [
        ("node-2", "k", "crash node-2"),
        ("node-2", "r", "restart node-2"),
        ("node-2", "f", "freeze node-2"),
        ("node-2", "s", "starve node-2"),
        ("node-2", "u", "unplug node-2"),
        ("node-2", "p", "power-off node-2"),
        ("node-2", "g", "leave node-2"),
        ("node-1,node-3", "c", "cut node-1 node-3"),
        ("node-1,node-3", "o", "block node-1 node-3"),
        ("node-1,node-3", "i", "block node-3 node-1"),
        ("node-1,node-3", "l", "loss node-1 node-3 40%"),
        ("node-1,node-3", "j", "reject node-1 node-3"),
        ("node-1,node-3", "m", "mend node-1 node-3"),
        ("node-1", "h", "heal"),
    ] {
        page.turn_to(&format!("preset=sandbox&at=10.5&select={chosen}"));
        page.click(&format!("[data-act={act}]"));
        page.0.wait(
            "another line",
            &format!("return document.getElementById('scenario').value.endsWith('at 10.5s {line}\\n')"),
        );
        page.shows_run_of(&page.text(), 1);
    }
    // What undoes a fault stands where the fault stood, and works while the run plays.
    page.turn_to("preset=sandbox&at=58&select=node-2");
    for (act, line) in [("f", "freeze node-2"), ("f", "thaw node-2"), ("k", "crash node-2"), ("k", "start node-2")] {
        page.click(&format!("[data-act={act}]"));
        page.0.wait(line, &format!("return document.getElementById('scenario').value.trimEnd().endsWith(' {line}')"));
        let scenario = page.text();
        page.shows_run_of(&scenario, 1);
        assert!(scenario.length.as_secs() >= 73, "long enough to see what comes of it: {}", scenario.length.as_secs());
        let doing = if line.starts_with("freeze") {
            "Thaw"
        } else if line.starts_with("crash") {
            "Start"
        } else {
            ""
        };
        page.0.wait(
            "the opposite",
            &format!("return document.querySelector('[data-act={act}]').textContent.startsWith('{doing}')"),
        );
    }
    // A split has two sides; a click moves a node to the other.
    page.turn_to("preset=sandbox&at=10.5");
    page.click("[data-act=split]");
    page.click("[data-node='0']");
    page.click("[data-act=split-now]");
    page.0.wait("the split", "return document.getElementById('scenario').value.endsWith('at 10.5s split node-2 node-3 | node-1 node-4 node-5\\n')");
    page.shows_run_of(&page.text(), 1);
    page.click("#undo");
    page.0.wait("the text before", "return !document.getElementById('scenario').value.includes('split')");
    page.0.close();
}

/// Mouse, touch and keyboard reach nodes, links and the clock.
pub fn by_mouse_touch_and_keyboard(_: &Report) {
    let page = Page::open("preset=crash&at=11&lesson=off", DESK);
    let chosen = "return document.querySelector('.chosen-name')?.textContent";
    page.mouse("[data-node='1']");
    assert_eq!(page.0.ask(chosen), json!("node-2:"));
    page.mouse("[data-link='0-1'] .hit");
    assert_eq!(page.0.ask(chosen), json!("node-1 – node-2:"));
    page.press("1");
    assert_eq!(page.0.ask(chosen), json!("node-1:"));
    page.press("f");
    page.0.wait("the line", "return document.getElementById('scenario').value.endsWith('at 11s freeze node-1\\n')");
    page.0.wait("that it plays", "return document.getElementById('play').textContent.includes('Pause')");
    page.press(" ");
    page.0.wait("that it stands", "return document.getElementById('play').textContent.includes('Play')");
    page.0.ask("document.querySelector('[data-node=\"2\"]').focus()");
    page.press("Enter");
    page.0.wait("the node", "return document.querySelector('.chosen-name').textContent === 'node-3:'");
    let before = page.0.ask("return Number(document.getElementById('time').value)").as_f64().expect("a time");
    page.press("ArrowLeft");
    let after = page.0.ask("return Number(document.getElementById('time').value)").as_f64().expect("a time");
    assert!((before - after - 0.1).abs() < 0.002, "{before} to {after}");
    page.0.close();

    let page = Page::open("preset=one-way&at=14", PHONE.dark());
    page.0.devtools("Emulation.setTouchEmulationEnabled", &json!({ "enabled": true }));
    let (x, y) = page.middle("[data-node='1']");
    page.0.devtools("Input.dispatchTouchEvent", &json!({ "type": "touchStart", "touchPoints": [{ "x": x, "y": y }] }));
    page.0.devtools("Input.dispatchTouchEvent", &json!({ "type": "touchEnd", "touchPoints": [] }));
    page.0.wait("the node", "return document.querySelector('.chosen-name').textContent === 'node-2:'");
    let fits = page.0.ask("return [document.scrollingElement.scrollWidth <= innerWidth, getComputedStyle(document.documentElement).backgroundColor]");
    assert_eq!(fits, json!([true, "rgb(20, 24, 27)"]), "no scrolling to the side, and dark");
    let nameless = page.0.ask(
        "const named = (one) => one.getAttribute('aria-label') || one.textContent.trim() || one.labels?.length || one.title;
        return [...document.querySelectorAll('button, input, select, textarea, [role=button], [role=img]')].filter((one) => !named(one)).map((one) => one.outerHTML);",
    );
    assert_eq!(nameless, json!([]), "who listens hears what each is");
    page.0.close();
}

/// What a page says of a moment is what the simulator says; a text with faults says where and what would do; the address
/// holds all of it.
pub fn reasons_faults_and_addresses(_: &Report) {
    let page = Page::open("preset=cut-link&at=14&select=node-1,node-2", DESK);
    let at = std::time::Duration::from_secs(14);
    let run = sim::run(&sim::builtin("cut-link").expect("a built-in scenario").until(at), 1);
    let why = run.why(HostId(0), HostId(1)).expect("node-1 watches node-2");
    let words = heartbeat::render::explanation(why);
    assert_eq!(why.peer.peer.state, PeerState::Unreachable);
    page.0.wait(
        "the reasons",
        &format!("return document.querySelector('#beliefs .why')?.textContent === {}", json!(words)),
    );
    page.click("#tab-events");
    let seen =
        page.0.ask("return [...document.querySelectorAll('.story li:not([hidden])')].map((one) => one.textContent)");
    let told = run.timeline.len() - sim::startup(&run);
    assert_eq!(seen.as_array().map(Vec::len), Some(told), "{seen}");

    let broken = "nodes 3\nat 10s explode node-1\nat 11s crash node-7\n";
    page.0.ask(&format!(
        "const box = document.getElementById('scenario'); box.value = {}; box.dispatchEvent(new Event('input'));",
        json!(broken)
    ));
    let problems: Value = page.0.wait("the problems", "const found = [...document.querySelectorAll('#problems li')].map((one) => one.textContent); return found.length > 0 && found").0;
    let problems = problems.as_array().expect("a list");
    assert!(
        problems[0]
            .as_str()
            .is_some_and(|one| one.starts_with("Line 2: \"explode\" is not an action. Accepted: at TIME")),
        "{problems:?}"
    );
    assert!(
        problems[1]
            .as_str()
            .is_some_and(|one| one.starts_with("Line 3: there is no \"node-7\" among 3 nodes. Accepted: node-1")),
        "{problems:?}"
    );

    let mended = "nodes 4\nlength 30s\nat 10s crash node-4 # ö & = %\n";
    page.0.ask(&format!(
        "const box = document.getElementById('scenario'); box.value = {}; box.dispatchEvent(new Event('input'));",
        json!(mended)
    ));
    let scenario: Scenario = mended.parse().expect("a scenario");
    page.shows_run_of(&scenario, 1);
    assert_eq!(page.0.ask("return document.querySelectorAll('#problems li').length"), json!(0));
    page.0.ask(
        "const time = document.getElementById('time'); time.value = '12.5'; time.dispatchEvent(new Event('input'))",
    );
    let hash = page.0.ask("return location.hash.slice(1)");
    let hash = hash.as_str().expect("an address").to_owned();
    page.turn_to("preset=leave");
    page.shows_run_of(&sim::builtin("leave").expect("a built-in scenario"), 1);
    page.turn_to(&hash);
    page.shows_run_of(&scenario, 1);
    let there = page.0.ask("return [document.getElementById('scenario').value, document.getElementById('time').value, document.getElementById('tab-events').ariaSelected]");
    assert_eq!(there, json!([mended, "12.5", "true"]), "{hash}");
    page.turn_to("preset=no-such-thing");
    page.0.wait(
        "that there is no such preset",
        "return /no built-in scenario \"no-such-thing\"/.test(document.getElementById('failure').textContent)",
    );
    page.0.close();

    // A link with a fault: what is wrong stands beside a mesh that works.
    let page = Page::open("scenario=nodes%203%0Aat%201s%20explode%20node-1", DESK);
    let shown = page.0.ask(
        "return [document.getElementById('tab-text').ariaSelected, document.querySelectorAll('#problems li').length, document.querySelectorAll('.host').length];",
    );
    assert_eq!(shown, json!(["true", 1, 5]));
    page.0.ask("document.getElementById('play').click()");
    page.0.wait("that it plays", "return Number(document.getElementById('time').value) > 5");
    page.0.close();
}

/// A rule left out by the menu is the statement in the text and the address, and the run is that of `--without`.
pub fn a_rule_is_left_out(_: &Report) {
    let whole = sim::builtin("three-links").expect("a built-in scenario");
    let page = Page::open("preset=three-links&lesson=off", DESK);
    page.shows_run_of(&whole, 1);
    let rules = page.0.ask("return [...document.getElementById('rules').options].map((rule) => rule.value)");
    let known: Vec<&str> = std::iter::once("").chain(Omission::ALL.map(Omission::as_str)).collect();
    assert_eq!(rules, json!(known));
    let choose = |rule: &str| {
        page.0.ask(&format!(
            "const rules = document.getElementById('rules'); rules.value = {}; rules.dispatchEvent(new Event('change'));",
            json!(rule)
        ));
    };
    choose("veto");
    let without = Scenario { without: Some(Omission::Veto), ..whole.clone() };
    let run = page.shows_run_of(&without, 1);
    assert!(run.false_verdicts.is_some_and(|verdicts| verdicts > 0), "the rule is what prevents them");
    let address = page.0.ask("return location.hash");
    page.0.close();

    let page = Page::open(address.as_str().expect("an address").trim_start_matches('#'), DESK);
    page.shows_run_of(&without, 1);
    assert_eq!(page.0.ask("return document.getElementById('rules').value"), json!("veto"));
    page.0.ask(
        "const rules = document.getElementById('rules'); rules.value = ''; rules.dispatchEvent(new Event('change'))",
    );
    page.shows_run_of(&whole, 1);
    page.0.close();
}

/// A question first, and after the run whether the answer was right; the others beside it.
pub fn questions_and_other_detectors(_: &Report) {
    let page = Page::open("preset=silent-host", DESK);
    page.0.wait("the question", "return /loses power/.test(document.getElementById('lesson').textContent)");
    let about = page.0.ask("return document.getElementById('about').textContent");
    assert!(about.as_str().is_some_and(|about| !about.contains("dead")), "it would tell the answer: {about}");
    page.0.ask("document.getElementById('speed').value = '4'; document.getElementById('speed').dispatchEvent(new Event('change'))");
    page.click("#lesson .option");
    page.0.wait("the answer", "return /^✕/.test(document.querySelector('#lesson h2').textContent) && /After 2 to 4 seconds/.test(document.getElementById('lesson').textContent)");
    page.turn_to("preset=crash");
    page.0.wait("the next question", "return /kill -9/.test(document.getElementById('lesson').textContent)");
    page.click("#lesson .option");
    page.0.wait("that it was right", "return /^✓/.test(document.querySelector('#lesson h2').textContent)");
    page.turn_to("preset=crash&at=9.5");
    page.0.wait("the moment", "return document.getElementById('time').value === '9.5'");
    page.click("#diagram");
    page.0.wait(
        "the diagram",
        "return document.getElementById('drawn').open && document.getElementById('svg').naturalWidth > 0",
    );
    let from = std::time::Duration::from_millis(9300);
    let svg = sim::diagram(&sim::builtin("crash").expect("a built-in scenario"), 1, Some(from));
    let drawn =
        page.0.ask("return decodeURIComponent(document.getElementById('svg').src.split(',').slice(1).join(','))");
    assert_eq!(drawn, json!(svg), "as `simulate --svg --from=9.3s` draws it");
    page.click("#drawn button");
    page.click("#tab-compare");
    page.0.wait("the lanes", "return document.querySelectorAll('.lane').length > 0");
    let lanes = page.0.ask("return [document.querySelectorAll('.lane').length, document.querySelectorAll('.figures tbody tr').length, document.querySelector('.lane .so') != null]");
    let contenders = sim::Contender::ALL.len();
    assert_eq!(lanes, json!([contenders + 1, contenders, true]));
    let compared = sim::compare(sim::Contender::Swim, &sim::builtin("crash").expect("a built-in scenario"), 1)
        .expect("comparable");
    let detection = compared.verdict.and_then(|verdict| verdict.detection_mean()).expect("it was detected");
    let row = page.0.ask("return [...document.querySelectorAll('.figures tbody tr')].find((row) => row.cells[0].textContent === 'swim').cells[3].textContent");
    assert_eq!(row, json!(format!("{:.2} s", detection.as_secs_f64())));
    page.0.close();
}

/// Nine nodes that split: pictures a second. Never a reason to fail: machines differ, and this one draws without a GPU.
pub fn nine_nodes_move(report: &Report) {
    let scenario = "nodes 9\nlength 60s\nat 10s split 1 2 3 4 5 | 6 7 8 9\nat 12s crash 2\n";
    let page = Page::open(
        &format!("scenario={}&at=9", scenario.replace(' ', "%20").replace('\n', "%0A").replace('|', "%7C")),
        DESK,
    );
    page.shows_run_of(&scenario.parse().expect("a scenario"), 1);
    let measured = page.0.ask(
        "document.getElementById('speed').value = '1';
        document.getElementById('speed').dispatchEvent(new Event('change'));
        document.getElementById('play').click();
        return new Promise((resolve) => {
            let frames = 0;
            const began = performance.now();
            const count = (now) => {
                frames += 1;
                if (now - began < 4000) requestAnimationFrame(count);
                else resolve([frames / ((now - began) / 1000), Number(document.getElementById('time').value)]);
            };
            requestAnimationFrame(count);
        });",
    );
    let (frames, time) = (measured[0].as_f64().expect("a number"), measured[1].as_f64().expect("a number"));
    report.say(format!("nine nodes: {frames:.0} frames a second (aim 60)"));
    assert!(time > 10.0, "it plays: {time}");
    page.0.close();
}
