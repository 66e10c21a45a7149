//! An autoscaler that runs, and what it says.

use onelane_stack::{Compose, eventually};
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::NamedTempFile;
use tokio::process::Child;

pub(crate) struct Autoscaler {
    process: Child,
    said: NamedTempFile,
}

impl Autoscaler {
    pub(crate) fn start(stack: &Compose, settings: &[(&str, &str)]) -> Self {
        let said = NamedTempFile::new().expect("there is room for temporary files");
        let mut autoscale = stack.autoscale_command();
        autoscale
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(append(&said))
            .stderr(append(&said))
            .kill_on_drop(true);
        let process = autoscale.spawn().expect("it is there");
        Self { process, said }
    }

    pub(crate) fn said(&self) -> String {
        std::fs::read_to_string(self.said.path()).expect("it is ours")
    }

    /// Waits until it has said this.
    pub(crate) async fn says(&self, words: &str) {
        let says = async || self.said().contains(words).then_some(());
        eventually(&format!("{words:?}"), says).await;
    }

    /// Ends it as `kill` does. All that it said.
    pub(crate) async fn stop(self) -> String {
        let pid = self.process.id().and_then(|id| i32::try_from(id).ok());
        let pid = pid.and_then(Pid::from_raw).expect("it is running");
        kill_process(pid, Signal::TERM).expect("it is ours");
        self.ended().await
    }

    /// Waits until it has ended, well. All that it said.
    pub(crate) async fn ended(mut self) -> String {
        let status = self.process.wait().await.expect("it is ours");
        let said = self.said();
        assert!(status.success(), "{status}: {said}");
        said
    }
}

fn append(file: &NamedTempFile) -> std::fs::File {
    let append = std::fs::OpenOptions::new().append(true).open(file.path());
    append.expect("it is ours")
}
