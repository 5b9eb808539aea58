//! The form that takes the read token, in a browser that runs no script.

use serde_json::json;

use super::driver::{Browser, Setup};
use super::matrix::shows;
use crate::support::{Plan, Report};

const TOKEN: &str = "staple-correct-horse";
const KEY: &str = "7f3c19e2a85d04b6917ee20c53f8ad6b41c09d72e63fb5a80e1d947c2b65f03a";

/// Nothing of the mesh is shown before the right token; the cookie that then is kept cannot be read by scripts, is sent by
/// no other site, and ends with the browser.
pub fn the_read_token_is_shown_once(_: &Report) {
    let folder = std::env::temp_dir().join(format!("heartbeat-login-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder can be made");
    let write = |name: &str, text: &str| {
        use std::os::unix::fs::PermissionsExt;
        let path = folder.join(name);
        std::fs::write(&path, text).expect("a file can be written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("ours");
        path.to_str().expect("UTF-8").to_owned()
    };
    let (key, token) = (write("keys", KEY), write("token", TOKEN));
    let mut cluster = Plan::loopback(2).with(&["--mesh-key-file", &key, "--read-token-file", &token]).build();
    for number in cluster.numbers() {
        cluster.node_mut(number).read_with(TOKEN);
        cluster.start(number);
    }
    cluster.settle();
    let _ = std::fs::remove_dir_all(&folder);

    let page = Browser::open(cluster.node(1).reached_at(), "/node/node-2", Setup::DESK.without_scripts());
    let asks = |alert: bool| {
        page.wait("the form", "return document.querySelector('form[method=post] input[type=password]') !== null");
        let text = page.text();
        assert!(!text.contains("node-1") && !text.contains("node-2"), "it shows the mesh: {text}");
        let alerts = page.ask("return document.querySelectorAll('[role=alert]').length");
        assert_eq!(alerts, json!(u32::from(alert)), "{text}");
        assert_eq!(page.cookies(), json!([]));
    };
    asks(false);
    page.fill("#token", "wrong-horse");
    page.click("form button");
    page.wait("what is wrong", "return document.querySelector('[role=alert]') !== null");
    asks(true);
    page.fill("#token", TOKEN);
    page.click("form button");
    // The page that was asked for first.
    page.wait("the page of node-2", "return location.pathname === '/node/node-2' && /node-2/.test(document.title)");
    let cookies = page.cookies();
    let [cookie] = cookies.as_array().expect("a list").as_slice() else { panic!("one cookie: {cookies}") };
    assert_eq!((&cookie["httpOnly"], &cookie["sameSite"]), (&json!(true), &json!("Strict")), "{cookie}");
    assert_eq!((&cookie["path"], &cookie["secure"]), (&json!("/"), &json!(false)), "without TLS: {cookie}");
    assert!(cookie.get("expiry").is_none(), "it ends with the browser: {cookie}");
    assert_eq!(page.ask("return document.cookie"), json!(""), "scripts cannot read it");
    assert!(!cookie["value"].as_str().expect("text").contains(TOKEN), "the token itself is not kept");
    page.go("/");
    shows(&page, "^both nodes reach each other|^all 2 nodes reach each other", &[("node-1 > node-2", "good")]);
    // Another browser has no cookie.
    let other = Browser::open(cluster.node(1).reached_at(), "/", Setup::DESK.without_scripts());
    other.wait("the form", "return document.querySelector('#token') !== null");
    // Browsers complain about the answers 401, which the forms were.
    other.close_after_a_failure();
    page.close_after_a_failure();
}
