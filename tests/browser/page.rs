//! What is on the page, in its own words.

use serde_json::Value;

use crate::browser::Browser;

/// Buttons of the drills: no work at all, and twelve times 0.3 s of it.
pub(crate) const FAST: &str = "[data-path='/fast'] .send";
pub(crate) const BURST: &str = "[data-path='/wait?ms=300'] .send";
/// Sends what its fields say.
const ANY: &str = "#any .send";

/// A request that keeps a lane until the user cancels it.
pub(crate) const LONG: &str = "/sleep?ms=600000";
/// The button for that.
pub(crate) const CANCEL_LONG: &str = "[aria-label='Cancel request 1: /sleep?ms=600000']";

/// Lanes whose limits no machine is too slow for: what is tested is the page.
pub(crate) const PATIENT: [&str; 4] = ["--queue-timeout", "1h", "--request-timeout", "1h"];

/// The same where lanes are started by others. nginx is less patient, but patient enough.
pub(crate) const PATIENT_LANES: [(&str, &str); 2] = [
    ("ONELANE_QUEUE_TIMEOUT", "1h"),
    ("ONELANE_REQUEST_TIMEOUT", "1h"),
];

/// A bar of the timeline.
#[derive(Debug)]
pub(crate) struct Bar {
    /// `under way`, `lane 1`, `not served`.
    pub(crate) row: String,
    pub(crate) label: String,
    pub(crate) title: String,
    /// Left and right edge on the screen.
    pub(crate) from: f64,
    pub(crate) to: f64,
    /// The width of each part by its class.
    parts: Value,
}

impl Bar {
    pub(crate) fn part(&self, class: &str) -> f64 {
        self.parts[class].as_f64().unwrap_or(0.0)
    }
}

/// The page draws once a frame: what has just happened is on the screen with the next.
const BARS: &str = "return new Promise(requestAnimationFrame).then(() => [...document.querySelectorAll('.bar')].map((bar) => {
  const box = bar.getBoundingClientRect();
  return {
    row: bar.closest('.row').querySelector('.name').firstChild.textContent.trim(),
    label: bar.querySelector('.label').textContent, title: bar.title, from: box.left, to: box.right,
    parts: Object.fromEntries([...bar.querySelectorAll('i')].map((part) => [part.className, part.getBoundingClientRect().width])),
  };
}))";

impl Browser {
    pub(crate) async fn bars(&self) -> Vec<Bar> {
        let bars = self.js(BARS).await;
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let edge = |value: &Value| value.as_f64().expect("a number");
        let bars = bars.as_array().expect("a list").iter();
        bars.map(|bar| Bar {
            row: text(&bar["row"]),
            label: text(&bar["label"]),
            title: text(&bar["title"]),
            from: edge(&bar["from"]),
            to: edge(&bar["to"]),
            parts: bar["parts"].clone(),
        })
        .collect()
    }

    /// The only bar with this label.
    pub(crate) async fn bar(&self, label: &str) -> Bar {
        let mut bars = self.bars().await;
        let at = bars.iter().position(|bar| bar.label == label);
        let at = at.unwrap_or_else(|| panic!("no {label:?} among {bars:#?}"));
        bars.swap_remove(at)
    }

    /// A number that the page tells.
    pub(crate) async fn fact(&self, name: &str) -> String {
        self.text(&format!(
            "return document.querySelector('[data-fact=\"{name}\"] dd').textContent"
        ))
        .await
    }

    /// Waits until the page tells this.
    pub(crate) async fn until_fact(&self, name: &str, value: &str) {
        self.until(&format!(
            "document.querySelector('[data-fact=\"{name}\"] dd')?.textContent === '{value}'"
        ))
        .await;
    }

    /// Waits until every request has come to something.
    pub(crate) async fn until_settled(&self) {
        self.until("!document.querySelector('#clear').disabled")
            .await;
    }

    /// Sends this so many times.
    pub(crate) async fn send(&self, path: &str, times: u32) {
        self.fill(path, times).await;
        self.press(ANY).await;
    }

    /// Only tells what to send.
    pub(crate) async fn fill(&self, path: &str, times: u32) {
        let path = Value::from(path);
        let fill = format!(
            "const form = document.querySelector('#any');
            form.path.value = {path}; form.times.value = {times};
            form.path.dispatchEvent(new Event('input', {{ bubbles: true }}));"
        );
        self.js(&fill).await;
    }

    /// What went wrong and should not have: the console, but for the answers that are refusals.
    pub(crate) async fn complaints(&self) -> Vec<String> {
        let refusal = |line: &String| line.contains("the server responded with a status of");
        let console = self.console().await;
        console.into_iter().filter(|line| !refusal(line)).collect()
    }
}
