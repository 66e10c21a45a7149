//! A checkout that is not quite as its authors have it.
//!
//! Elsewhere: under umask 077 images do not build, or build and cannot read their own files; Git on Windows writes
//! CRLF into scripts, which no Linux runs; a path with a space in it breaks half of a script. Right: it builds and runs.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use onelane_stack::{Compose, Local, ask, client, output, skip};
use serde_json::json;
use tempfile::TempDir;
use tokio::process::Command;

/// Private, with the line ends of another system, at a path that asks for trouble; and a link to it.
struct Checkout(TempDir);

impl Checkout {
    /// Of what is here, committed or not. Nothing where Git does not know it.
    async fn new() -> Option<Self> {
        let checkout = Self(TempDir::new().expect("there is room for temporary files"));
        let folder = checkout.0.path().join("it's $HOME, \"sweet\" home");
        let script = r#"
            umask 077 && cp "$(git rev-parse --git-path index)" "$1.index" &&
            export GIT_INDEX_FILE="$1.index" && git add --all &&
            git -c core.autocrlf=true -c core.eol=crlf checkout-index --all --prefix "$1/""#;
        let mut git = Command::new("sh");
        git.args(["-c", script, "sh"]).arg(&folder);
        git.current_dir(env!("CARGO_MANIFEST_DIR"));
        if !git.status().await.is_ok_and(|status| status.success()) {
            skip("this is no checkout of Git");
            return None;
        }
        symlink(&folder, checkout.0.path().join("link")).expect("the folder is ours");
        Some(checkout)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join("link").join(name)
    }
}

#[tokio::test]
async fn line_ends_are_those_of_linux() {
    let Some(checkout) = Checkout::new().await else {
        return;
    };
    let mut folders = vec![checkout.path("")];
    let mut count = 0;
    while let Some(folder) = folders.pop() {
        for file in fs::read_dir(folder).expect("it is ours") {
            let path = file.expect("it can be listed").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension() != Some(OsStr::new("png")) {
                let text = fs::read(&path).expect("it is ours");
                let crlf = text.windows(2).any(|two| two == b"\r\n");
                assert!(!crlf, "{}", path.display());
                count += 1;
            }
        }
    }
    assert!(count > 100, "{count} files");
}

#[tokio::test]
async fn a_private_checkout_at_an_odd_path_runs_in_containers() {
    let Some(checkout) = Checkout::new().await else {
        return;
    };
    // What the lanes are compiled from is read by root, whose cache would not know it again.
    for name in ["Cargo.toml", "Cargo.lock", "crates", "src"] {
        let mut share = Command::new("chmod");
        share.args(["-R", "go+rX"]).arg(checkout.path(name));
        output(&mut share).await;
    }
    // A script by its own link, too.
    let up = checkout.path("").join("../up");
    symlink(checkout.path("docker/up"), &up).expect("the folder is ours");

    let Some((stack, prometheus)) = Compose::up_from(&up).await else {
        return;
    };

    assert_eq!(stack.get("/fast").await.status, 200);
    assert!(prometheus.page().await.contains(env!("CARGO_PKG_NAME")));
    assert!(!prometheus.rules().await.is_empty());
    for folder in ["monitoring/grafana", "monitoring/dashboards"] {
        let folder = checkout.path(folder);
        let mode = fs::metadata(&folder).expect("it is there").permissions();
        let others = mode.mode() & 0o055;
        assert_eq!(others, 0o055, "{} is mounted", folder.display());
    }
    let reload = checkout.path("docker/reload");
    output(&mut stack.on_stack(&reload.to_string_lossy())).await;
}

#[tokio::test]
async fn a_private_checkout_at_an_odd_path_runs_as_plain_processes() {
    let Some(checkout) = Checkout::new().await else {
        return;
    };
    // What it would compile is here.
    Local::build().await;
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join(target.unwrap_or("target".into()));
    let tools = checkout.path("programs");
    fs::create_dir(&tools).expect("the folder is ours");
    symlink("/bin/true", tools.join("cargo")).expect("the folder is ours");
    // So is an nginx, if it had to be fetched.
    let nginx = Command::new("local/install-nginx");
    let nginx = output(&mut { nginx }).await;
    symlink(nginx, tools.join("nginx")).expect("the folder is ours");
    let mut path = tools.into_os_string();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());

    let (stack, up) = Local::prepare(1).await;
    let mut from_there = Command::new("sh");
    from_there.args(["-c", "umask 077 && exec \"$0\""]);
    from_there.arg(checkout.path("local/up"));
    for (name, value) in up.as_std().get_envs() {
        from_there.env(name, value.expect("it is set"));
    }
    from_there.env("CARGO_TARGET_DIR", target).env("PATH", path);
    let stack = stack.start(from_there).await;

    // A body that nginx writes to a file.
    let body = json!({ "ms": 1, "note": "x".repeat(20_000) });
    let request = client().post(format!("{}/sleep", stack.base)).json(&body);
    assert_eq!(ask(request).await.status, 200);
}
