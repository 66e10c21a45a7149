//! nginx with the shipped configuration in front of one lane of any service. `local/up` starts this service alone.

use std::fs;
use std::process::{Child, Command, Stdio};

use onelane_rig::Lane;
use onelane_stack::{client, eventually, free_port, output};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::process;

pub(crate) struct Front {
    pub(crate) url: String,
    nginx: Child,
    _run: TempDir,
}

impl Front {
    pub(crate) async fn of(lane: &Lane) -> Self {
        let run = TempDir::new().expect("there is room for temporary files");
        let path = |name: &str| run.path().join(name);
        // As it stands in the first line of a lane's log.
        let log = format!(
            "{{\"message\":\"listening\",\"listen\":\"{}\"}}\n",
            lane.listen
        );
        fs::write(path("lane-1.log"), log).expect("the folder is ours");
        fs::create_dir(path("work")).expect("the folder is ours");
        let port = free_port();
        let mut configure = process::Command::new("local/configure");
        configure.arg(path("conf")).arg(format!("127.0.0.1:{port}"));
        configure.arg(format!("127.0.0.1:{}", port + 1));
        output(configure.env("RUN_DIR", run.path())).await;

        let program = output(&mut process::Command::new("local/install-nginx")).await;
        let mut nginx = Command::new(program);
        nginx.args(["-e", "stderr", "-p"]).arg(path("work"));
        nginx.arg("-c").arg(path("conf/nginx.conf"));
        nginx.stdout(Stdio::null());
        let front = Self {
            url: format!("http://127.0.0.1:{port}/"),
            nginx: nginx.spawn().expect("it is there"),
            _run: run,
        };
        eventually("nginx to answer", async || {
            client().get(&front.url).send().await.ok()
        })
        .await;
        front
    }
}

impl Drop for Front {
    /// By a signal, because its workers would outlive a master that is killed.
    fn drop(&mut self) {
        kill_process(Pid::from_child(&self.nginx), Signal::TERM).ok();
        self.nginx.wait().ok();
    }
}
