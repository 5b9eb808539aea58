//! The page while the mesh changes under it: how soon the sentence and the cells follow.

use std::time::Instant;

use serde_json::json;

use super::driver::{Browser, Setup};
use super::matrix::{doubts, shows};
use crate::support::{Network, Plan, Report, seconds};

const WHOLE: &str = "^all 3 nodes reach each other";

pub fn killed_and_started_again(report: &Report) {
    let mut cluster = Plan::loopback(3).start();
    let page = Browser::open(cluster.node(1).reached_at(), "/", Setup::DESK);
    shows(&page, WHOLE, &[("node-1 > node-3", "good"), ("node-3 > node-1", "good")]);
    let killed = cluster.kill(3);
    let dead = [("node-1 > node-3", "bad"), ("node-2 > node-3", "bad"), ("node-3 > node-1", "unknown")];
    let seen = shows(&page, "^node-3 has been down for .*; node-1 and node-2 agree$", &dead);
    report.measured("kill -9 to the sentence and the cells", seen - killed, seconds(2));
    let open = "const entry = document.querySelector('#incidents li.open'); return entry && entry.innerText;";
    let (incident, _) = page.wait("an incident", open);
    assert!(incident.as_str().is_some_and(|text| text.contains("open") && text.contains("node-3")), "{incident}");
    // A listener to the event stream gets the same, once.
    page.wait(
        "the sentence to listeners",
        "return /^node-3 has been down/.test(document.getElementById('announce').textContent)",
    );
    let title = page.ask("return document.title");
    assert_eq!(title, json!("✕ node-1 · heartbeat"));
    let started = cluster.start(3);
    let seen =
        shows(&page, WHOLE, &[("node-1 > node-3", "good"), ("node-2 > node-3", "good"), ("node-3 > node-1", "good")]);
    report.measured("started again to the sentence and the cells", seen - started, seconds(2));
    page.close();
}

/// Between two hosts nothing passes; the page of one of them, and that of a third node that has nothing to do with it.
pub fn link_cut_and_mended(report: &Report) {
    let cluster = Plan::inside(Network::new(3)).start();
    let pages = [1, 3].map(|number| Browser::open(cluster.node(number).reached_at(), "/", Setup::DESK));
    let [of_an_end, of_a_third] = &pages;
    for page in &pages {
        shows(page, WHOLE, &[("node-1 > node-2", "good"), ("node-2 > node-1", "good")]);
    }
    let cut = Instant::now();
    cluster.network().cut(1, 2);
    let seen = doubts(of_an_end, "node-1 > node-2").max(shows(of_an_end, "^(?!all 3)", &[]));
    report.measured("link cut to doubt in sentence and cell, at one of its ends", seen - cut, seconds(2));
    let seen = doubts(of_a_third, "node-1 > node-2");
    // It has no part in it, and hears of it when it asks: every two seconds.
    report.measured("link cut to doubt in the cell, at a third node", seen - cut, seconds(4));
    let broken = [("node-1 > node-2", "bad"), ("node-1 > node-3", "good")];
    let seen = shows(of_an_end, "^node-1 has not reached node-2 for [0-9.]+ m?s; node-3 can$", &broken);
    report.measured("link cut to the verdict, at one of its ends", seen - cut, seconds(6));
    let broken = [("node-1 > node-2", "bad"), ("node-2 > node-1", "bad"), ("node-3 > node-2", "good")];
    let seen = shows(
        of_a_third,
        "^node-1 and node-2 have not reached each other for [0-9.]+ m?s; node-3 reaches both$",
        &broken,
    );
    report.measured("link cut to the verdict, at a third node", seen - cut, seconds(6));
    let mended = Instant::now();
    cluster.network().heal();
    for (page, (who, expected)) in pages.iter().zip([("one of its ends", 2), ("a third node", 4)]) {
        let seen = shows(page, WHOLE, &[("node-1 > node-2", "good"), ("node-2 > node-1", "good")]);
        report.measured(
            &format!("link mended to the sentence and the cells, at {who}"),
            seen - mended,
            seconds(expected),
        );
    }
    pages.into_iter().for_each(Browser::close);
}

/// A page whose node has gone shows its age, and is current again when the node is back.
pub fn own_node_killed(report: &Report) {
    let mut cluster = Plan::loopback(2).start();
    let page = Browser::open(cluster.node(1).reached_at(), "/", Setup::DESK);
    shows(&page, "^both nodes reach each other", &[]);
    let killed = cluster.kill(1);
    let gone = "const stale = document.getElementById('stale');
        return !stale.hidden && /^No answer from this node/.test(stale.textContent) &&
          stale.getAttribute('role') === 'alert' && document.body.classList.contains('old');";
    let (_, seen) = page.wait("that its node is gone", gone);
    report.measured("own node killed to the notice", seen - killed, seconds(3));
    let started = cluster.start(1);
    let back = "return document.getElementById('stale').hidden && !document.body.classList.contains('old');";
    let (_, seen) = page.wait("that its node is back", back);
    report.measured("own node started again to a current page", seen - started, seconds(3));
    page.close_after_a_failure();
}

/// A browser keeps six connections to one address. Pages in the background must not hold them all.
pub fn more_tabs_than_connections(_: &Report) {
    let cluster = Plan::loopback(2).start();
    let page = Browser::open(cluster.node(1).reached_at(), "/", Setup::DESK);
    for _ in 0..8 {
        page.another_tab();
        shows(&page, "^both nodes reach each other", &[]);
    }
    page.close();
}
