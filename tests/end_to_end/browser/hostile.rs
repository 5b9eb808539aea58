//! Texts that come from others: markup, ten thousand characters, right-to-left, nothing at all.
//!
//! Twice. First every text that the page can hold is a hostile one, more than any peer could send, and the page is
//! served *without* its content security policy: escaping alone must do. Then a real node has a peer that says
//! such things wherever its protocol lets it say anything.

use std::time::Duration;

use heartbeat::detector::peer::{PeerState, SelfState, Verdict};
use heartbeat::mesh::{self, Cell, Row, RowFreshness};
use heartbeat::testing::http::{Happening, IncidentRow, Me, Page};
use heartbeat::testing::mesh_service::{Mark, Run};
use serde_json::json;

use super::driver::{Browser, Setup};
use super::stage::Stage;
use crate::support::fake::FakePeer;
use crate::support::{Plan, Report, SOON, check};

/// What each would do to a page that took it for more than text.
fn evil() -> Vec<String> {
    let texts = [
        "<script>window.harmed = 1</script>",
        "<img src=x onerror=window.harmed=1>",
        "\"><svg onload=window.harmed=1>",
        "' onmouseover='window.harmed=1' autofocus onfocus='window.harmed=1",
        "</h1></section></main><h1>all is well</h1>",
        "&lt;b&gt;",
        "<!--",
        "עברית \u{202e}txet thgir",
        "العربية",
        "",
    ];
    texts.iter().map(|text| (*text).to_owned()).chain(["x".repeat(10_000), "א".repeat(10_000)]).collect()
}

/// A page on which every text is hostile. `sign` differs between renderings.
fn page_of(sign: &str) -> String {
    let evil = evil();
    let age = Some(Duration::from_secs(5));
    let cells = |own: &str, dead: bool| -> Vec<Cell> {
        let (state, verdict) = if dead { (PeerState::Dead, Some(Verdict::Down)) } else { (PeerState::Alive, None) };
        let others = evil.iter().filter(|name| *name != own);
        others.map(|name| Cell { verdict, last_answer: age, rtt: age, ..Cell::new((&**name).into(), state) }).collect()
    };
    let row = |(at, name): (usize, &String)| Row {
        freshness: RowFreshness::Now,
        state: Some(SelfState::Ready),
        cells: cells(name, at % 3 == 0),
        ..Row::never((&**name).into())
    };
    let view = mesh::view(evil.iter().enumerate().map(row).collect());
    let happenings = evil.iter().map(|text| Happening {
        at: text.clone(),
        grave: true,
        event: text.clone(),
        sentence: text.clone(),
    });
    let incidents = evil.iter().map(|text| IncidentRow {
        open: true,
        began: text.clone(),
        began_age: Duration::MAX,
        ended_age: None,
        verdict: text.clone(),
        story: text.clone(),
        from: Some(text.clone()),
    });
    let page = Page {
        me: Me {
            node: &evil[0],
            boot: None,
            state: None,
            version: &evil[1],
            revision: sign,
            started: evil[2].clone(),
            up_for: Duration::MAX,
            tolerated_pause: Duration::MAX,
        },
        summary: &heartbeat::render::mesh::summary(&view),
        mesh: &view,
        age: Duration::MAX,
        asked: 2,
        answered: 1,
        now: evil[3].clone(),
        strips: evil.iter().map(|_| vec![Run { mark: Mark::Down, slots: 90 }]).collect(),
        incidents: incidents.collect(),
        happenings: happenings.collect(),
        only_bad: false,
    };
    page.html()
}

const SECTIONS: &[&str] = &["details", "todo", "matrix", "nodes", "incidents", "timeline", "about"];

pub fn any_text_stays_text(_: &Report) {
    // Another rendering each time, with the real script and style and without any policy.
    let stage = Stage::open(|served| page_of(&format!("<b>{served}")));
    for setup in [Setup::DESK, Setup::PHONE] {
        let page = Browser::open(stage.address, "/", setup);
        // The script has put a second rendering into the place of the first.
        page.wait(
            "its revision, renewed by the script",
            "return !document.getElementById('about').innerText.includes('<b>0')",
        );
        let second = page.ask("return document.getElementById('about').innerText.match(/<b>\\d+/)[0]");
        let later = format!("return !document.getElementById('about').innerText.includes({second})");
        page.wait("another rendering", &later);
        harmless(&page, SECTIONS);
        page.close();
    }
}

/// Nothing ran, nothing was added, nothing was pushed off the screen.
#[track_caller]
fn harmless(page: &Browser, sections: &[&str]) {
    let found = page.ask(
        "const all = [...document.querySelectorAll('*')];
        return {
          harmed: window.harmed === undefined,
          scripts: document.scripts.length,
          foreign: document.querySelectorAll('img, svg:not(.strip):not(.graph), iframe, object, b > b, i').length,
          handlers: all.filter((one) => [...one.attributes].some((attribute) => attribute.name.startsWith('on'))).length,
          headings: document.querySelectorAll('h1').length,
          sections: [...document.querySelectorAll('main > section')].map((section) => section.id),
          fits: document.documentElement.scrollWidth <= document.documentElement.clientWidth,
        };",
    );
    let expected = json!({
        "harmed": true, "scripts": 1, "foreign": 0, "handlers": 0, "headings": 1, "sections": sections, "fits": true,
    });
    assert_eq!(found, expected);
}

/// A peer with an honest name, a reason for its maintenance that is none, and a row about nodes that cannot be.
pub fn peers_that_mean_harm(_: &Report) {
    let [liar, stranger] = [FakePeer::start("liar"), FakePeer::start("<img/src=x/onerror=window.harmed=1>")];
    let plan = Plan::loopback(1).watching(&liar.name, liar.address);
    let mut cluster = plan.build();
    // Without a pinned name: it may call itself what it wants.
    let peers = format!("liar=http://{},http://{}", liar.address, stranger.address);
    cluster.node_mut(1).replace_peers(&peers);
    cluster.start(1);
    cluster.await_view(1, "liar", "alive", SOON);
    let reason = "<script>window.harmed = 1</script>\u{202e}<img src=x onerror=window.harmed=1>";
    liar.say_too(&format!(",\"maintenance\":{}", json!({"reason": reason, "left_ms": 600_000})));
    let cells: Vec<_> = evil()
        .iter()
        .map(|name| json!({"node": name, "key": null, "boot": "0000000000000001", "state": "alive", "state_age_ms": 1}))
        .collect();
    let row = json!({"node": "liar", "boot": "00000000000fa4ed", "seq": 1, "state": "ready", "peers": cells});
    liar.give_row(&row.to_string());
    check("the reason arrives", SOON, || {
        let page = cluster.node(1).get("/")?.body;
        // The word alone stands in the legend.
        if page.contains("&lt;script&gt;window.harmed") { Ok(()) } else { Err(page) }
    });
    let page = Browser::open(cluster.node(1).reached_at(), "/", Setup::PHONE);
    page.wait("the liar in maintenance", "return document.body.innerText.includes('window.harmed')");
    harmless(&page, SECTIONS);
    assert!(
        page.text().contains("<script>window.harmed"),
        "the reason is shown as the text that it is: {}",
        page.text()
    );
    page.close();
}
