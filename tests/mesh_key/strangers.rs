//! What strangers try with real nodes at every level: tokens, and the browser of somebody who reads another site.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use super::keys::Folder;
use super::level::{Guard, Level, TOKEN, Target};
use super::proxy::header;
use super::support::{Cluster, Plan, Report, SOON, check, seconds};

/// What allows changes.
const CHANGES: &str = "correct-horse-battery";

/// Wrong ones of a minute that are answered at once.
const FREE: usize = 10;

struct Answer {
    status: u16,
    head: String,
    body: String,
    took: Duration,
}

/// One request on a connection of its own, as a stranger sends it.
fn ask(target: &Target, request: &str) -> Answer {
    let began = Instant::now();
    let mut stream = target.connect().expect("it listens");
    stream.tcp().set_read_timeout(Some(seconds(20))).expect("a socket");
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut bytes = Vec::new();
    let mut chunk = [0; 16 * 1024];
    let whole = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let (head, body) = text.split_once("\r\n\r\n")?;
        let length = header(head, "content-length").map_or(Some(0), |length| length.parse::<usize>().ok())?;
        (body.len() >= length).then(|| (format!("{head}\r\n\r\n"), body.to_owned()))
    };
    loop {
        if let Some((head, body)) = whole(&bytes) {
            let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
            return Answer { status, head, body, took: began.elapsed() };
        }
        let length = stream.read(&mut chunk).expect("an answer");
        assert!(length > 0, "no answer to {request:?}: {:?}", String::from_utf8_lossy(&bytes));
        bytes.extend_from_slice(&chunk[..length]);
    }
}

fn end_maintenance(shown: &str) -> String {
    format!("DELETE /api/v1/maintenance HTTP/1.1\r\nhost: localhost\r\n{shown}\r\n")
}

fn bearer(token: &str) -> String {
    format!("authorization: Bearer {token}\r\n")
}

/// Two nodes that can be changed with a token, and node-1 as strangers reach it.
fn mesh(guard: &Guard, folder: &Folder) -> (Cluster, Target) {
    let file = folder.write("changes", &[CHANGES]);
    let mut cluster = Plan::loopback(2).with(&["--token-file", &file]).build();
    guard.start(&mut cluster);
    cluster.settle();
    let address = cluster.node(1).host.address;
    let target = guard.target(address, address.ip());
    (cluster, target)
}

/// The first ten wrong tokens of a minute are answered at once and further ones after 3 s, each on a connection of its own;
/// the right one never waits, and it is one line of the log.
pub fn tokens_that_are_tried(report: &Report, level: Level) {
    let folder = Folder::new(&format!("tokens-{}", level.name()));
    let (guard, began) = (Guard::new(level), Instant::now());
    let (cluster, target) = mesh(&guard, &folder);
    // Those that are nearly right are no better than others; where there is a read token, it is tried as well.
    let mut guesses = vec!["x".to_owned(), CHANGES.to_uppercase(), format!("{CHANGES}y"), CHANGES[1..].to_owned()];
    if level.has_token() {
        guesses.extend([TOKEN.to_uppercase(), TOKEN[1..].to_owned()]);
    }
    let slow = seconds(3);
    let mut tried = 0;
    let mut times = Vec::new();
    for guess in guesses.iter().cycle().take(FREE) {
        let is_read = level.has_token() && tried % 2 == 1;
        let shown = bearer(guess);
        let request = match is_read {
            true => format!("GET /api/v1/node HTTP/1.1\r\nhost: localhost\r\n{shown}\r\n"),
            false => end_maintenance(&shown),
        };
        let answer = ask(&target, &request);
        assert_eq!(answer.status, 401, "{guess}: {}", answer.head);
        assert!(!answer.body.contains("horse"), "{}", answer.body);
        times.push(answer.took);
        tried += 1;
    }
    times.sort();
    let middle = times[FREE / 2];
    assert!(middle < slow, "the first ones wait, too: {times:?}");
    // Beside each other, and while they wait the right token does not.
    std::thread::scope(|scope| {
        let late: Vec<_> =
            (0..4).map(|_| scope.spawn(|| ask(&target, &end_maintenance(&bearer("wrong-horse-battery"))))).collect();
        let right = ask(&target, &end_maintenance(&bearer(CHANGES)));
        assert_eq!(right.status, 200, "{}", right.head);
        assert!(right.took < slow, "the right token waited for {:?}", right.took);
        for answer in late {
            let answer = answer.join().expect("an answer");
            assert_eq!(answer.status, 401, "{}", answer.head);
            assert!(answer.took >= slow, "a guess too many was answered after {:?}", answer.took);
            tried += 1;
        }
        report.say(format!(
            "{tried} guesses, the first ten after {middle:?} in the middle; the right one after {:?}",
            right.took
        ));
    });
    check("all are counted", SOON, || {
        let metrics = cluster.node(1).get("/metrics")?;
        let line = format!("heartbeat_tokens_refused_total {tried}");
        if metrics.body.lines().any(|found| found == line) { Ok(()) } else { Err(metrics.body) }
    });
    let lines = cluster.logged(1, &["token_refused"], began);
    assert_eq!(lines.len(), 1, "one line a minute");
    report.say(lines[0].text("sentence"));
    assert!(!cluster.node(1).log_text().contains("horse"), "no token is logged");
    cluster.assert_quiet(&[1, 2], began);
}

/// The page of another site runs in the browser of somebody who can reach this node. It gets neither page nor API under a
/// name of its own, is told of no answer that it may read, and changes nothing, whatever the browser adds by itself.
pub fn another_site_in_a_browser(report: &Report, level: Level) {
    let folder = Folder::new(&format!("site-{}", level.name()));
    let (guard, began) = (Guard::new(level), Instant::now());
    let (cluster, target) = mesh(&guard, &folder);
    // What the browser of a reader shows by itself, where it has logged in: the cookie.
    let form = format!("token={TOKEN}");
    let login = format!("POST /login HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n{form}", form.len());
    let cookie = level.has_token().then(|| {
        let entered = ask(&target, &login);
        let cookie = header(&entered.head, "set-cookie").unwrap_or_else(|| panic!("{}", entered.head)).to_owned();
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
        format!("cookie: {}\r\n", cookie.split(';').next().unwrap_or_default())
    });
    let cookie = cookie.unwrap_or_default();
    let pages = ["/", "/why/node-1/node-2", "/api/v1/cluster", "/api/v1/peers", "/api/v1/config", "/matrix.txt"];
    for path in pages {
        // Its name leads here (DNS rebinding). A browser sends no cookie there; with it, it is refused all the same.
        for shown in ["", cookie.as_str(), bearer(TOKEN).as_str()] {
            let asked = format!("GET {path} HTTP/1.1\r\nhost: rebound.example:8001\r\n{shown}\r\n");
            let refused = ask(&target, &asked);
            assert_eq!(refused.status, 421, "{path}: {}", refused.head);
            assert!(!refused.body.contains("node-2"), "{path}: {}", refused.body);
        }
        // Under the node's own name the answer goes to the browser alone: no header lets a script of that site read it.
        let origin = "origin: https://evil.example\r\nsec-fetch-site: cross-site\r\n";
        let read = ask(&target, &format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{origin}{cookie}\r\n"));
        assert_eq!(read.status, 200, "{path}: {}", read.head);
        let asked = "access-control-request-method: DELETE\r\naccess-control-request-headers: authorization\r\n";
        let before = ask(&target, &format!("OPTIONS {path} HTTP/1.1\r\nhost: localhost\r\n{origin}{asked}\r\n"));
        for answer in [read, before] {
            assert!(!answer.head.to_ascii_lowercase().contains("access-control-"), "{path}: {}", answer.head);
        }
    }
    // A form can be sent to any site, with a text for a body and without a header of its own.
    let wish = r#"{"reason":"evil"}"#;
    let change = |line: &str| {
        format!(
            "{line} /api/v1/maintenance HTTP/1.1\r\nhost: localhost\r\norigin: https://evil.example\r\n{cookie}\
             content-type: text/plain\r\ncontent-length: {}\r\n\r\n{wish}",
            wish.len()
        )
    };
    let refused = ask(&target, &change("POST"));
    assert_eq!(refused.status, 401, "{}", refused.head);
    let ended = ask(&target, &end_maintenance(&cookie));
    assert_eq!(ended.status, 401, "{}", ended.head);
    let shown = if level.has_token() { bearer(TOKEN) } else { String::new() };
    let now = ask(&target, &format!("GET /api/v1/maintenance HTTP/1.1\r\nhost: localhost\r\n{shown}\r\n"));
    assert!(now.status == 200 && !now.body.contains("evil"), "{}{}", now.head, now.body);
    report.say(format!("{} pages and parts of the API, 2 changes", pages.len()));
    cluster.assert_quiet(&[1, 2], began);
}
