//! The pictures of the documentation, and whether they are still of this page.
//!
//! Their meshes are made up ([`scenes`](super::scenes)), so that each comes out the same. Beside the pictures stands the
//! hash of what each was made of: the document and the style. It is compared wherever tests run, also without a browser;
//! `just screenshots` takes the pictures anew.
//!
//! `HEARTBEAT_LOOK=FOLDER` writes what these cases and those of `reading` see into a folder, for a look at it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use heartbeat::detector::peer::Verdict;

use super::driver::{Browser, Setup};
use super::matrix::shows;
use super::scenes::{Scene, hundred};
use super::stage::{STYLE, Stage};
use crate::support::{Network, Plan, Report};

/// A picture is shown next to a page of text; loading it should not delay the reader.
const BYTES_MAX: usize = 250_000;
/// Of all pictures together, because a repository keeps every version of each.
const ALL_BYTES_MAX: usize = 1_500_000;

const WIDE: Setup = Setup { width: 1200, height: 900, ..Setup::DESK };
const PHONE: Setup = Setup { width: 390, height: 844, ..Setup::DESK };

/// Every picture: its name, how it is taken, and of what.
fn all() -> Vec<(&'static str, Setup, Scene)> {
    let down = || Scene::whole(3).with_dead(&[2]);
    let one_way = Scene { broken: vec![(0, 1, Verdict::OneWay)], ..Scene::whole(3) };
    let twelve = || Scene::whole(12).with_dead(&[6, 10]);
    let many = || Scene::whole(32).with_dead(&[20]).with_broken(&[(3, 11), (3, 17)]);
    let large = || hundred().with_dead(&[3, 57]).with_broken(&[(30, 70)]);
    vec![
        ("whole", Setup::DESK, Scene::whole(3)),
        ("down", Setup::DESK, down()),
        ("down-phone-dark", PHONE.dark(), down()),
        ("one-way", Setup::DESK, one_way),
        ("split", Setup::DESK, Scene::whole(4).with_split(&[0, 1])),
        ("twelve", WIDE, twelve()),
        ("twelve-dark", WIDE.dark(), twelve()),
        ("thirty-two", WIDE, many()),
        ("thirty-two-bad-phone", PHONE, Scene { only_bad: true, ..many() }),
        ("hundred", WIDE, large()),
    ]
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/images")
}

/// What a picture is made of, in one number (FNV-1a): a change of the page changes it.
fn hash(setup: Setup, html: &str) -> String {
    let setup = format!("{}x{} {}", setup.width, setup.height, setup.dark);
    let bytes = [setup.as_bytes(), html.as_bytes(), STYLE.as_bytes()].concat();
    let hash = bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{hash:016x}")
}

fn inputs() -> String {
    let mut text = String::new();
    for (name, setup, scene) in all() {
        let _ = writeln!(text, "{} {name}.png", hash(setup, &scene.html()));
    }
    text
}

/// Needs no browser: the pictures are of the page as it is now, and there are no others.
pub fn pictures_are_of_this_page(report: &Report) {
    let written = std::fs::read_to_string(folder().join("inputs.txt")).unwrap_or_default();
    assert_eq!(written, inputs(), "docs/images/ shows another page; `just screenshots` takes the pictures anew");
    let mut bytes = 0;
    for (name, ..) in all() {
        let path = folder().join(format!("{name}.png"));
        bytes += usize::try_from(
            std::fs::metadata(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).len(),
        )
        .expect("a small file");
    }
    report.say(format!("{bytes} bytes in all"));
    assert!(bytes <= ALL_BYTES_MAX, "{bytes} bytes are more than {ALL_BYTES_MAX}");
    let files = std::fs::read_dir(folder()).expect("docs/images").filter(|file| {
        file.as_ref().is_ok_and(|file| file.path().extension().is_some_and(|extension| extension == "png"))
    });
    assert_eq!(files.count(), all().len(), "a picture that no command takes");
    assert!(all().len() <= 12);
}

pub fn pictures(report: &Report) {
    for (name, setup, scene) in all() {
        let html = scene.html();
        if let Some(folder) = std::env::var_os("HEARTBEAT_LOOK") {
            write(&PathBuf::from(folder).join(format!("{name}.html")), html.as_bytes());
        }
        let stage = Stage::open(move |_| html.clone());
        let path = if scene.only_bad { "/?only=bad" } else { "/" };
        let page = Browser::open(stage.address, path, setup);
        page.wait("a sentence", "return document.querySelector('#summary h1').textContent.length > 10");
        take(&page, setup, name, true, report);
        page.close();
    }
    if is_writing() {
        std::fs::write(folder().join("inputs.txt"), inputs()).expect("docs/images can be written");
    }
}

/// The same situations, reached by real nodes in broken networks.
pub fn broken_networks(report: &Report) {
    let cluster = Plan::inside(Network::new(4)).start();
    let page = Browser::open(cluster.node(1).reached_at(), "/", Setup::DESK);
    shows(&page, "^all 4 nodes reach each other", &[("node-3 > node-1", "good")]);
    cluster.network().split(&[1, 2], &[3, 4]);
    shows(
        &page,
        "^node-1 and node-2 have heard nothing from node-3 and node-4 for [0-9.]+ m?s: down or cut off$",
        &[("node-1 > node-3", "bad")],
    );
    take(&page, Setup::DESK, "real-split", false, report);
    page.close();
    drop(cluster);

    let cluster = Plan::inside(Network::new(3)).start();
    let page = Browser::open(cluster.node(3).reached_at(), "/", Setup::DESK);
    shows(&page, "^all 3 nodes reach each other", &[("node-1 > node-2", "good")]);
    let network = cluster.network();
    network.filter(2, &format!("INPUT -s {} -p tcp --dport 8001 -j DROP", network.address(1)));
    let one_way = [("node-1 > node-2", "bad"), ("node-2 > node-1", "good")];
    shows(&page, "^node-1 has not reached node-2 for [0-9.]+ m?s, but node-2 reaches node-1: one way only$", &one_way);
    take(&page, Setup::DESK, "real-one-way", false, report);
    page.close();
}

fn is_writing() -> bool {
    std::env::var_os("HEARTBEAT_WRITE").is_some()
}

/// Takes the picture of a page down to the end of its nodes.
#[track_caller]
pub fn take(page: &Browser, setup: Setup, name: &str, is_committed: bool, report: &Report) {
    let end = page.ask(
        "const last = document.getElementById('nodes') || document.querySelector('main');
        return Math.min(last.getBoundingClientRect().bottom + window.scrollY + 16, 1100);",
    );
    let picture = page.picture(setup.width, end.as_f64().expect("a place on the page"));
    assert!(picture.starts_with(b"\x89PNG"), "no picture of {name}");
    report.say(format!("{name}: {} bytes", picture.len()));
    if let Some(folder) = std::env::var_os("HEARTBEAT_LOOK") {
        write(&PathBuf::from(folder).join(format!("{name}.png")), &picture);
    }
    if is_committed {
        assert!(picture.len() <= BYTES_MAX, "{name}: {} bytes are more than {BYTES_MAX}", picture.len());
        if is_writing() {
            write(&folder().join(format!("{name}.png")), &picture);
        }
    }
}

fn write(path: &Path, bytes: &[u8]) {
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("the folder can be made");
    std::fs::write(path, bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}
