//! A browser and its driver, spoken to over `WebDriver` and, for what that does not have, over the
//! protocol of Chromium's own tools.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;

use base64::prelude::{BASE64_STANDARD, Engine};
use onelane_stack::{eventually, skip};
use reqwest::{Client, Method};
use serde_json::{Value, json};

/// The paths of browser and driver, or why there are none; looked for once, however many tests ask.
static PROGRAMS: LazyLock<Result<(String, String), String>> = LazyLock::new(|| {
    let script = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/browser/install-chromium"
    );
    let output = Command::new(script).output().expect("the script is there");
    let said = String::from_utf8_lossy(&output.stdout);
    match said.trim().split_once('\n') {
        Some((browser, driver)) => Ok((browser.to_owned(), driver.to_owned())),
        None => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
    }
});

pub(crate) struct Browser {
    driver: Child,
    address: String,
    session: String,
    client: Client,
}

impl Browser {
    /// A browser that shows this page; nothing where there is no browser.
    pub(crate) async fn open(url: &str) -> Option<Self> {
        Self::open_as(url, "").await
    }

    /// The same with a rule about names: `MAP localhost 127.0.0.1:34567`.
    pub(crate) async fn open_as(url: &str, names: &str) -> Option<Self> {
        let (program, driver) = match &*PROGRAMS {
            Ok(programs) => programs,
            Err(why) => {
                skip(why);
                return None;
            }
        };
        // It wants the same port for IPv4 and IPv6, and ends where another program has one of them.
        let started = (0..9).find_map(|_| start(driver));
        let (driver, address) = started.expect("a driver that stays");
        let mut browser = Self {
            driver,
            address,
            session: String::new(),
            client: Client::builder().no_proxy().build().unwrap(),
        };
        let session = browser
            .ask(Method::POST, "/session", capabilities(program, names))
            .await;
        browser.session = format!("/session/{}", session["sessionId"].as_str().unwrap());
        browser.go(url).await;
        Some(browser)
    }

    async fn ask(&self, method: Method, path: &str, body: Value) -> Value {
        let url = format!("{}{path}", self.address);
        let request = self.client.request(method, url).json(&body);
        let mut answer: Value = request.send().await.unwrap().json().await.unwrap();
        let value = answer["value"].take();
        assert!(value["error"].is_null(), "{path} {body}: {value:#}");
        value
    }

    pub(crate) async fn command(&self, path: &str, body: Value) -> Value {
        self.ask(Method::POST, &format!("{}{path}", self.session), body)
            .await
    }

    pub(crate) async fn ask_session(&self, path: &str) -> Value {
        self.ask(Method::GET, &format!("{}{path}", self.session), json!({}))
            .await
    }

    pub(crate) async fn go(&self, url: &str) {
        self.command("/url", json!({ "url": url })).await;
    }

    /// What the script returns, run on the page.
    pub(crate) async fn js(&self, script: &str) -> Value {
        self.command("/execute/sync", json!({ "script": script, "args": [] }))
            .await
    }

    pub(crate) async fn text(&self, script: &str) -> String {
        let value = self.js(script).await;
        let text = value.as_str();
        text.unwrap_or_else(|| panic!("{script} gave {value}"))
            .to_owned()
    }

    pub(crate) async fn number(&self, script: &str) -> f64 {
        let value = self.js(script).await;
        value
            .as_f64()
            .unwrap_or_else(|| panic!("{script} gave {value}"))
    }

    /// Waits until the script returns true.
    pub(crate) async fn until(&self, script: &str) {
        eventually(script, async || {
            (self.js(&format!("return {script}")).await == true).then_some(())
        })
        .await;
    }

    /// Presses the first element that matches, with a pointer, where it is on the screen.
    pub(crate) async fn press(&self, css: &str) {
        // A click lands where its element was a moment ago.
        let scroll = format!(
            "document.querySelector({}).scrollIntoView({{ block: 'nearest', behavior: 'instant' }})",
            Value::from(css)
        );
        self.js(&scroll).await;
        self.come_to_rest().await;
        let path = format!("/element/{}/click", self.element(css).await);
        self.command(&path, json!({})).await;
        self.come_to_rest().await;
    }

    /// What the driver calls the first element that matches.
    pub(crate) async fn element(&self, css: &str) -> String {
        let query = json!({ "using": "css selector", "value": css });
        let found = self.command("/element", query).await;
        let id = found.as_object().unwrap().values().next().unwrap();
        id.as_str().unwrap().to_owned()
    }

    /// Waits until the page has handled all input and drawn all changes so far: that is done before each
    /// frame.
    async fn come_to_rest(&self) {
        let frames = "const frame = () => new Promise(requestAnimationFrame);
            return frame().then(frame).then(() => null);";
        self.js(frames).await;
    }

    /// Strikes keys, one after the other, wherever the focus is.
    pub(crate) async fn strike(&self, keys: &[char]) {
        let strokes = keys
            .iter()
            .flat_map(|key| ["keyDown", "keyUp"].map(|kind| json!({ "type": kind, "value": key })));
        let keyboard =
            json!({ "type": "key", "id": "keys", "actions": strokes.collect::<Vec<_>>() });
        self.command("/actions", json!({ "actions": [keyboard] }))
            .await;
    }

    /// As on a screen of this size, in CSS pixels.
    pub(crate) async fn resize(&self, width: u32, height: u32, scale: f64) {
        let size = json!({
            "width": width, "height": height, "deviceScaleFactor": scale, "mobile": width < 500,
        });
        self.tool("Emulation.setDeviceMetricsOverride", size).await;
    }

    /// Shows the page to a user with this preference: `("prefers-color-scheme", "dark")`.
    pub(crate) async fn prefer(&self, name: &str, value: &str) {
        let features = json!({ "features": [{ "name": name, "value": value }] });
        self.tool("Emulation.setEmulatedMedia", features).await;
    }

    /// A PNG of the page from its top to the bottom of this element.
    pub(crate) async fn picture(&self, down_to: &str) -> Vec<u8> {
        let script = format!(
            "return document.querySelector('{down_to}').getBoundingClientRect().bottom + scrollY"
        );
        let height = (self.number(&script).await + 8.0).ceil();
        let width = self.number("return innerWidth").await;
        let clip = json!({ "x": 0, "y": 0, "width": width, "height": height, "scale": 1 });
        let options = json!({ "captureBeyondViewport": true, "clip": clip });
        let picture = self.tool("Page.captureScreenshot", options).await;
        let data = picture["data"].as_str().expect("a picture");
        BASE64_STANDARD.decode(data).expect("in base64")
    }

    /// What the protocol of Chromium's own tools answers.
    pub(crate) async fn tool(&self, command: &str, options: Value) -> Value {
        let body = json!({ "cmd": command, "params": options });
        self.command("/goog/cdp/execute", body).await
    }

    /// What the console got since the last look: errors of the page, violations of its policy, and
    /// answers that were not 2xx.
    pub(crate) async fn console(&self) -> Vec<String> {
        let entries = self.command("/se/log", json!({ "type": "browser" })).await;
        let entries = entries.as_array().expect("a list of entries").iter();
        entries
            .map(|entry| entry["message"].as_str().unwrap_or_default().to_owned())
            .collect()
    }
}

/// A driver on a port of its own choice, which its output tells; nothing if it ended instead.
fn start(program: &str) -> Option<(Child, String)> {
    let mut driver = Command::new(program)
        .arg("--port=0")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|err| panic!("{program}: {err}"));
    let output = BufReader::new(driver.stdout.take().expect("it is piped"));
    let port = output.lines().map_while(Result::ok).find_map(|line| {
        let (_, port) = line.rsplit_once("successfully on port ")?;
        port.trim_end_matches('.').parse::<u16>().ok()
    });
    if port.is_none() {
        driver.wait().ok();
    }
    Some((driver, format!("http://127.0.0.1:{}", port?)))
}

fn capabilities(program: &str, names: &str) -> Value {
    // The sandbox needs privileges that a container may not have; all that is opened is our own page.
    let arguments = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--hide-scrollbars",
        "--window-size=1200,900",
        &format!("--host-resolver-rules={names}"),
    ];
    json!({ "capabilities": { "alwaysMatch": {
        "goog:chromeOptions": { "binary": program, "args": arguments },
        "goog:loggingPrefs": { "browser": "ALL" },
        // Such as one that signs itself.
        "acceptInsecureCerts": true,
    } } })
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Asked for, because a driver that is killed leaves its browser behind.
        let asked = minreq::get(format!("{}/shutdown", self.address)).send();
        if asked.is_err() {
            self.driver.kill().ok();
        }
        self.driver.wait().ok();
    }
}
