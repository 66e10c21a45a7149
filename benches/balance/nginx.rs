//! A real nginx in front of the lanes, with one of the configurations that are compared.

use std::net::SocketAddr;
use std::process::{Child, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::lane::Lane;
use crate::rig::nginx::{Limits, command, configure};
pub(crate) use crate::rig::nginx::{Setup, program};
use crate::rig::server::free_address;

pub(crate) struct Nginx {
    program: String,
    process: Child,
    base: String,
    dir: TempDir,
}

impl Nginx {
    /// Returns once a request gets through to a lane.
    pub(crate) async fn start(program: &str, setup: Setup, lanes: &[Lane]) -> Result<Self, String> {
        let port = free_address()?.port();
        let lanes: Vec<SocketAddr> = lanes.iter().map(|lane| lane.address).collect();
        let dir = configure(setup, Limits::Lifted, &lanes, port)
            .map_err(|err| format!("cannot write the configuration of nginx: {err}"))?;
        let process = command(program, dir.path())
            // The access log.
            .stdout(Stdio::null())
            .spawn()
            .map_err(|err| format!("cannot start nginx: {err}"))?;
        let mut nginx = Self {
            program: program.to_owned(),
            process,
            base: format!("http://127.0.0.1:{port}"),
            dir,
        };
        nginx.answers().await?;
        Ok(nginx)
    }

    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// Of the master; the workers are its children.
    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    async fn answers(&mut self) -> Result<(), String> {
        loop {
            if let Ok(response) = reqwest::get(format!("{}/fast", self.base)).await
                && response.status() == 200
            {
                return Ok(());
            }
            if let Ok(Some(status)) = self.process.try_wait() {
                return Err(format!("nginx stopped with {status}"));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // By its own signal: a killed master leaves its workers behind. Both fail only when
        // nginx has gone already.
        let _ = command(&self.program, self.dir.path())
            .args(["-s", "stop"])
            .stderr(Stdio::null())
            .status();
        let _ = self.process.wait();
    }
}
