//! Remote control of a browser: Chromium, driven by chromedriver, which these tests drive over HTTP and JSON (W3C
//! WebDriver).
//!
//! A hundred lines of our own instead of a crate, for two reasons. The crates there are (`fantoccini`, `thirtyfour`)
//! are asynchronous and would bring a runtime into suites that do without one; and half of what is asked for here,
//! the browser's log, its requests, its accessibility tree, is Chromium's own and would be written by hand over them.
//!
//! Every page ends with [`Browser::close`], which holds what is true of each: nothing was asked of anybody but the
//! node, and the console is empty.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use serde_json::{Value, json};

use crate::support::{SOON, check, http, proc_status};

/// Starting a browser on a loaded machine is the slowest thing here.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is missing here, or `None` when pages can be opened.
pub fn missing() -> Option<&'static str> {
    static MISSING: OnceLock<Option<String>> = OnceLock::new();
    let look = || {
        let lacks = |program: &str| {
            let asked = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
            !asked.is_ok_and(|status| status.success())
        };
        let names: Vec<&str> = ["chromium", "chromedriver"].into_iter().filter(|program| lacks(program)).collect();
        (!names.is_empty())
            .then(|| format!("{} (Debian: apt-get install chromium chromium-driver)", names.join(" and ")))
    };
    MISSING.get_or_init(look).as_deref()
}

/// One chromedriver for the whole suite; browsers are its children, and each belongs to one case.
struct Driver {
    address: SocketAddr,
    child: Child,
}

static DRIVER: Mutex<Option<Driver>> = Mutex::new(None);

fn driver() -> SocketAddr {
    let mut driver = DRIVER.lock().unwrap_or_else(PoisonError::into_inner);
    driver.get_or_insert_with(Driver::start).address
}

/// Ends the driver. Browsers have ended with their cases.
pub fn stop() {
    if let Some(mut driver) = DRIVER.lock().unwrap_or_else(PoisonError::into_inner).take() {
        let _ = driver.child.kill();
        let _ = driver.child.wait();
    }
}

impl Driver {
    fn start() -> Driver {
        let spawned = Command::new("chromedriver")
            .args(["--port=0", "--log-level=SEVERE"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut child = spawned.expect("chromedriver starts");
        let mut lines = BufReader::new(child.stdout.take().expect("was piped")).lines().map_while(Result::ok);
        let port = lines.find_map(|line| line.strip_suffix('.')?.rsplit_once("on port ")?.1.parse().ok());
        let port: u16 = port.expect("chromedriver says on which port it listens");
        // Whatever else it says must be read, or it would wait for us.
        std::thread::spawn(move || lines.for_each(drop));
        Driver { address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)), child }
    }
}

/// How a browser is set up.
#[derive(Clone, Copy)]
pub struct Setup {
    pub width: u32,
    pub height: u32,
    pub scripts: bool,
    pub dark: bool,
}

impl Setup {
    pub const DESK: Setup = Setup { width: 1000, height: 900, scripts: true, dark: false };
    /// The narrowest phone that is still sold.
    pub const PHONE: Setup = Setup { width: 360, height: 740, ..Setup::DESK };

    pub fn dark(self) -> Setup {
        Setup { dark: true, ..self }
    }

    pub fn without_scripts(self) -> Setup {
        Setup { scripts: false, ..self }
    }
}

/// A browser of its own with one page. Ends when dropped.
pub struct Browser {
    session: String,
    origin: String,
}

impl Browser {
    /// Opens the page at `path` of the node that listens at `address`.
    #[track_caller]
    pub fn open(address: SocketAddr, path: &str, setup: Setup) -> Browser {
        let mut arguments = vec![
            "--headless=new".to_owned(),
            // It ends with the driver, however that ends.
            "--remote-debugging-pipe".to_owned(),
            "--disable-gpu".to_owned(),
            // Containers have little shared memory.
            "--disable-dev-shm-usage".to_owned(),
            "--hide-scrollbars".to_owned(),
            "--disable-background-networking".to_owned(),
            "--force-color-profile=srgb".to_owned(),
            format!("--window-size={},{}", setup.width, setup.height),
        ];
        if is_root() {
            // Chromium's sandbox needs a user to become less than. What is shown here is our own page.
            arguments.push("--no-sandbox".to_owned());
        }
        let javascript = if setup.scripts { 1 } else { 2 };
        let wish = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": {
                "args": arguments,
                "prefs": {"profile.managed_default_content_settings.javascript": javascript},
            },
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        }}});
        let made = command("POST", "/session", &wish).unwrap_or_else(|problem| panic!("no browser: {problem}"));
        let session = made["sessionId"].as_str().expect("a session has an id").to_owned();
        let browser = Browser { session, origin: format!("http://{address}") };
        browser.size(setup.width, setup.height);
        if setup.dark {
            let features = json!([{"name": "prefers-color-scheme", "value": "dark"}]);
            browser.devtools("Emulation.setEmulatedMedia", &json!({"features": features}));
        }
        browser.post("/url", &json!({"url": format!("{}{path}", browser.origin)}));
        browser
    }

    /// What `script`, the body of a function, returns in the page. Also where the page's own scripts are off.
    #[track_caller]
    pub fn ask(&self, script: &str) -> Value {
        self.post("/execute/sync", &json!({"script": script, "args": []}))
    }

    /// Waits until `script` returns something that is not empty, and gives it with the moment at which it did.
    #[track_caller]
    pub fn wait(&self, what: &str, script: &str) -> (Value, Instant) {
        check(&format!("the page shows {what}"), SOON, || {
            let found = self.ask(script);
            let seen = Instant::now();
            if found.is_null() || found == json!(false) { Err(self.text()) } else { Ok((found, seen)) }
        })
    }

    /// Opens another page of the same node.
    #[track_caller]
    pub fn go(&self, path: &str) {
        self.post("/url", &json!({"url": format!("{}{path}", self.origin)}));
    }

    /// Types `text` into the field that `selector` finds.
    #[track_caller]
    pub fn fill(&self, selector: &str, text: &str) {
        self.post(&format!("/element/{}/value", self.element(selector)), &json!({"text": text}));
    }

    /// Clicks on what `selector` finds.
    #[track_caller]
    pub fn click(&self, selector: &str) {
        self.post(&format!("/element/{}/click", self.element(selector)), &json!({}));
    }

    #[track_caller]
    fn element(&self, selector: &str) -> String {
        let found = self.post("/element", &json!({"using": "css selector", "value": selector}));
        let ids = found.as_object().and_then(|found| found.values().next()?.as_str());
        ids.unwrap_or_else(|| panic!("{selector}: {found}")).to_owned()
    }

    /// The cookies that the browser keeps for this page.
    #[track_caller]
    pub fn cookies(&self) -> Value {
        let path = format!("/session/{}/cookie", self.session);
        command("GET", &path, &Value::Null).unwrap_or_else(|problem| panic!("{problem}"))
    }

    /// All that can be read on the page.
    pub fn text(&self) -> String {
        self.ask("return document.title + '\\n' + document.body.innerText").as_str().unwrap_or_default().to_owned()
    }

    /// A command of Chromium's own protocol.
    #[track_caller]
    pub fn devtools(&self, name: &str, parameters: &Value) -> Value {
        self.post("/goog/cdp/execute", &json!({"cmd": name, "params": parameters}))
    }

    /// Makes the page as large as a screen, whatever the window thinks of that: windows have a least width.
    pub fn size(&self, width: u32, height: u32) {
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500});
        self.devtools("Emulation.setDeviceMetricsOverride", &metrics);
    }

    /// The page from its top to `bottom`, as PNG.
    pub fn picture(&self, width: u32, bottom: f64) -> Vec<u8> {
        let clip = json!({"x": 0, "y": 0, "width": width, "height": bottom.ceil(), "scale": 1});
        let wish = json!({"format": "png", "captureBeyondViewport": true, "clip": clip});
        let taken = self.devtools("Page.captureScreenshot", &wish);
        let text = taken["data"].as_str().expect("a picture is text in base 64");
        base64::engine::general_purpose::STANDARD.decode(text).expect("base 64")
    }

    /// Another window of the same browser; what follows happens in it.
    pub fn another_tab(&self) -> String {
        let made = self.post("/window/new", &json!({"type": "tab"}));
        let handle = made["handle"].as_str().expect("a tab has a handle").to_owned();
        self.post("/window", &json!({"handle": handle}));
        self.post("/url", &json!({"url": format!("{}/", self.origin)}));
        handle
    }

    /// What the page and its scripts said to the console since the last call.
    pub fn console(&self) -> Vec<String> {
        let entries = self.post("/se/log", &json!({"type": "browser"}));
        let entries = entries.as_array().map_or(&[][..], Vec::as_slice);
        entries.iter().map(|entry| entry["message"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// The addresses of all requests since the last call.
    pub fn requests(&self) -> Vec<String> {
        let entries = self.post("/se/log", &json!({"type": "performance"}));
        let entries = entries.as_array().map_or(&[][..], Vec::as_slice);
        let message = |entry: &Value| -> Option<String> {
            let told: Value = serde_json::from_str(entry["message"].as_str()?).ok()?;
            let told = &told["message"];
            let sent = told["method"] == "Network.requestWillBeSent";
            sent.then(|| told["params"]["request"]["url"].as_str().unwrap_or_default().to_owned())
        };
        entries.iter().filter_map(message).collect()
    }

    /// Ends the page: nothing was asked of anybody but its own node, and nothing went wrong in it.
    #[track_caller]
    pub fn close(self) {
        let complaints = self.console();
        assert!(complaints.is_empty(), "the console is not empty: {complaints:#?}");
        self.close_after_a_failure();
    }

    /// The same where the page's own node was away, which browsers complain about.
    #[track_caller]
    pub fn close_after_a_failure(self) {
        let requests = self.requests();
        let foreign = |url: &&String| {
            let own = url.strip_prefix(&self.origin).is_some_and(|rest| rest.starts_with('/'));
            // The icon is in the page; a new tab is empty.
            !own && !url.starts_with("data:") && *url != "about:blank"
        };
        let foreign: Vec<&String> = requests.iter().filter(foreign).collect();
        assert!(foreign.is_empty(), "requests that leave {}: {foreign:#?}", self.origin);
        assert!(!requests.is_empty(), "the browser keeps no account of its requests");
    }

    #[track_caller]
    fn post(&self, path: &str, body: &Value) -> Value {
        let path = format!("/session/{}{path}", self.session);
        command("POST", &path, body).unwrap_or_else(|problem| panic!("{problem}"))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = command("DELETE", &format!("/session/{}", self.session), &Value::Null);
    }
}

fn command(method: &str, path: &str, body: &Value) -> Result<Value, String> {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let response = http::send(driver(), method, path, &body, PATIENCE)?;
    let answer = response.json()?;
    if response.status == 200 { Ok(answer["value"].clone()) } else { Err(format!("{path}: {}", answer["value"])) }
}

fn is_root() -> bool {
    proc_status::field("self", "Uid").is_some_and(|ids| ids.split_whitespace().nth(1) == Some("0"))
}
