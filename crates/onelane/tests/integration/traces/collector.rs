//! A collector: `collector.py`, which reads what is exported by the definition of the protocol.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, LazyLock, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::faults::skip;
use crate::lane::{Lane, Mode, PATIENCE, onelane};

/// A running collector, which ends when this is dropped.
pub struct Collector {
    child: Child,
    spans: Arc<Mutex<Vec<Value>>>,
    pub endpoint: String,
}

/// Where the Python packages are, or none.
static PACKAGES: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tools");
    let mut install = Command::new(tools.join("python-packages"));
    install.arg(folder().join("requirements.txt"));
    let output = install.stderr(Stdio::inherit()).output().unwrap();
    let path = String::from_utf8(output.stdout).unwrap();
    output.status.success().then(|| path.trim().into())
});

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/integration/traces")
}

impl Collector {
    /// None, and said so, where it cannot be had.
    pub fn start() -> Option<Self> {
        let Some(packages) = &*PACKAGES else {
            skip("there are no Python packages for a collector");
            return None;
        };
        let mut child = Command::new("python3")
            .arg(folder().join("collector.py"))
            .env("PYTHONPATH", packages)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        let spans = Arc::<Mutex<Vec<Value>>>::default();
        let heard = spans.clone();
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                heard
                    .lock()
                    .unwrap()
                    .push(serde_json::from_str(&line).unwrap());
            }
        });
        Some(Self {
            child,
            spans,
            endpoint: format!("http://127.0.0.1:{}", first["port"]),
        })
    }

    /// A server in this mode that exports to it at once, with more variables.
    pub fn lane(&self, mode: Mode, variables: &[(&str, &str)]) -> Lane {
        Lane::run(exporting(&self.endpoint, mode, variables))
    }

    /// Everything so far.
    pub fn spans(&self) -> Vec<Value> {
        self.spans.lock().unwrap().clone()
    }

    /// Waits for a span of this name.
    pub async fn span(&self, name: &str) -> Value {
        self.wait(|span| span["name"] == name).await
    }

    /// Waits for a span.
    pub async fn wait(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        let start = Instant::now();
        loop {
            let found = self.spans().into_iter().find(&wanted);
            if let Some(span) = found {
                return span;
            }
            assert!(start.elapsed() < PATIENCE, "only {:?}", self.spans());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

impl Collector {
    /// Waits until there are so many such spans, and takes care that there are no more.
    pub async fn counted(&self, count: usize, wanted: impl Fn(&Value) -> bool) {
        let start = Instant::now();
        loop {
            let now = self.spans().iter().filter(|span| wanted(span)).count();
            if now >= count {
                return assert_eq!(now, count);
            }
            assert!(start.elapsed() < PATIENCE, "{now}, not {count}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The command of a server that computes one request at a time and exports to this endpoint, at once unless the variables
/// say otherwise.
pub fn exporting(endpoint: &str, mode: Mode, variables: &[(&str, &str)]) -> Command {
    let mut command = onelane();
    command
        .args(["--mode", &mode.to_string(), "--slots", "1"])
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        .env("OTEL_BSP_SCHEDULE_DELAY", "1")
        .envs(variables.iter().copied());
    command
}
