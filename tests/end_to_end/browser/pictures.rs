//! The page as it looks in four situations. Each is reached by real nodes; told to (`HEARTBEAT_WRITE=1`), the case
//! writes what it sees to `docs/images/`, so that a picture in the documentation was never drawn by hand.

use std::path::Path;

use super::driver::{Browser, Setup};
use super::matrix::shows;
use crate::support::{Network, Plan, Report};

/// A picture is shown next to a page of text; loading it should not delay the reader.
const BYTES_MAX: usize = 150_000;

pub fn pictures_on_this_machine(report: &Report) {
    let mut cluster = Plan::loopback(3).start();
    let address = cluster.node(1).host.address;
    let whole = Browser::open(address, "/", Setup::DESK);
    shows(&whole, "^all 3 nodes reach each other", &[("node-3 > node-1", "good")]);
    if is_writing() {
        // On a busy machine a node may call another one slow for a while; the picture is of a quiet one.
        whole.wait("nothing but the sentence", "return document.querySelector('#summary ul') === null");
    }
    take(&whole, Setup::DESK, "whole", report);
    whole.close();

    cluster.kill(3);
    for (setup, name) in [(Setup::DESK, "down"), (Setup::PHONE.dark(), "down-phone-dark")] {
        let page = Browser::open(address, "/", setup);
        shows(&page, "^node-3 has been down for ", &[("node-1 > node-3", "bad"), ("node-2 > node-3", "bad")]);
        take(&page, setup, name, report);
        page.close();
    }
}

pub fn pictures_of_broken_networks(report: &Report) {
    let cluster = Plan::inside(Network::new(4)).start();
    let page = Browser::open(cluster.node(1).reached_at(), "/", Setup::DESK);
    shows(&page, "^all 4 nodes reach each other", &[("node-3 > node-1", "good")]);
    cluster.network().split(&[1, 2], &[3, 4]);
    shows(
        &page,
        "^node-1 and node-2 hear nothing from node-3 and node-4: they are down, or cut off$",
        &[("node-1 > node-3", "bad")],
    );
    take(&page, Setup::DESK, "split", report);
    page.close();
    drop(cluster);

    let cluster = Plan::inside(Network::new(3)).start();
    let page = Browser::open(cluster.node(3).reached_at(), "/", Setup::DESK);
    shows(&page, "^all 3 nodes reach each other", &[("node-1 > node-2", "good")]);
    let network = cluster.network();
    network.filter(2, &format!("INPUT -s {} -p tcp --dport 8001 -j DROP", network.address(1)));
    let one_way = [("node-1 > node-2", "bad"), ("node-2 > node-1", "good")];
    shows(&page, "^node-1 cannot reach node-2, but node-2 reaches node-1: the link works one way only$", &one_way);
    take(&page, Setup::DESK, "one-way", report);
    page.close();
}

fn is_writing() -> bool {
    std::env::var_os("HEARTBEAT_WRITE").is_some()
}

/// Takes the picture of a page down to the end of its tables.
#[track_caller]
fn take(page: &Browser, setup: Setup, name: &str, report: &Report) {
    let end = page.ask("return document.getElementById('nodes').getBoundingClientRect().bottom + window.scrollY + 16;");
    let picture = page.picture(setup.width, end.as_f64().expect("a place on the page"));
    assert!(picture.starts_with(b"\x89PNG"), "no picture of {name}");
    report.say(format!("{name}: {} bytes", picture.len()));
    assert!(picture.len() <= BYTES_MAX, "{name}: {} bytes are more than {BYTES_MAX}", picture.len());
    if is_writing() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/images").join(format!("{name}.png"));
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("docs/images can be made");
        std::fs::write(&path, &picture).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}
