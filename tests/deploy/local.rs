//! The stack as plain processes on loopback, as `make up` starts it where there is no Docker.

use std::process;

use tempfile::TempDir;
use tokio::process::Command;
use tokio::sync::MutexGuard;

use crate::common::{free_port, output, say, turn};

pub(crate) struct Local {
    pub(crate) base: String,
    /// What whoever started it was told.
    pub(crate) said: String,
    /// Where its pids and logs are, apart from those of a stack that somebody else uses.
    run: TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Local {
    pub(crate) async fn up(lanes: usize) -> Self {
        Self::up_with(lanes, &[]).await
    }

    /// With settings of its lanes: `("ONELANE_MODE", "pool")`.
    pub(crate) async fn up_with(lanes: usize, settings: &[(&str, &str)]) -> Self {
        let turn = turn().await;
        let port = free_port();
        let mut stack = Self {
            base: format!("http://127.0.0.1:{port}"),
            said: String::new(),
            run: TempDir::new().expect("there is room for temporary files"),
            _turn: turn,
        };
        let mut up = Command::new("local/up");
        up.envs(settings.iter().copied());
        up.env("RUN_DIR", stack.run.path());
        up.env("PORT", port.to_string());
        stack.said = output(up.env("LANES", lanes.to_string())).await;
        stack
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        let down = process::Command::new("local/down")
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env("RUN_DIR", self.run.path())
            .output();
        if !down.is_ok_and(|output| output.status.success()) {
            say(&format!("could not stop the stack at {}", self.base));
        }
    }
}
