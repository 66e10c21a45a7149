//! Another service of this template on the same machine: a renamed copy of this tree, beside this tree. Neither
//! touches what is the other's.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process;

use onelane_stack::{Compose, Local, Reply, docker_is_there, free_port, get, output, say, skip};
use tempfile::TempDir;
use tokio::process::Command;

const OWN: &str = env!("CARGO_PKG_NAME");

const NAME: &str = "neighbour";

/// The copy. When it is dropped, nothing of it runs any more.
struct Neighbour {
    folder: TempDir,
    port: u16,
}

impl Neighbour {
    /// Of what is here, committed or not. Nothing where Git does not know it, or where this tree has another name
    /// than the template.
    async fn new() -> Option<Self> {
        let folder = TempDir::new().expect("there is room for temporary files");
        let script = r#"
            git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents --target-directory "$1" &&
            cd "$1" && tools/rename "$2""#;
        let mut copy = Command::new("sh");
        copy.args(["-c", script, "sh"]).arg(folder.path()).arg(NAME);
        copy.current_dir(env!("CARGO_MANIFEST_DIR"));
        let copied = copy.output().await.expect("there is a shell");
        if !copied.status.success() {
            skip(&String::from_utf8_lossy(&copied.stderr));
            return None;
        }
        let port = free_port();
        Some(Self { folder, port })
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    /// A script of it, under no name but its own.
    fn script(&self, file: &str) -> Command {
        let mut script = Command::new(self.path(file));
        script
            .env_remove("COMPOSE_PROJECT_NAME")
            .env_remove("RUN_DIR");
        script.env("PORT", self.port.to_string()).env("LANES", "2");
        script
    }

    async fn asked(&self) -> Vec<Reply> {
        asked(&format!("http://127.0.0.1:{}", self.port)).await
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        for script in ["local/down", "docker/down"] {
            let down = process::Command::new(self.path(script))
                .env_remove("COMPOSE_PROJECT_NAME")
                .env_remove("RUN_DIR")
                .output();
            if !down.is_ok_and(|output| output.status.success()) {
                say(&format!("{script} of {NAME} failed"));
            }
        }
    }
}

/// More answers than lanes.
async fn asked(base: &str) -> Vec<Reply> {
    let mut replies = Vec::new();
    for _ in 0..20 {
        replies.push(get(format!("{base}/fast")).await);
    }
    assert!(replies.iter().all(|reply| reply.status == 200));
    replies
}

/// What containers of a Compose project are made of, by the names that Docker has for it.
async fn things(project: &str) -> BTreeSet<String> {
    let of_project = format!("label=com.docker.compose.project={project}");
    let mut names = BTreeSet::new();
    for (kind, name) in [
        ("container", "{{.ID}} {{.Image}}"),
        ("network", "{{.Name}}"),
        ("volume", "{{.Name}}"),
    ] {
        let mut list = Command::new("docker");
        list.args([kind, "ls", "--filter", &of_project, "--format", name]);
        let listed = output(&mut list).await;
        names.extend(listed.split_whitespace().map(str::to_owned));
    }
    names
}

#[tokio::test]
#[ignore = "make prove: builds the images of a renamed copy of the tree"]
async fn two_services_run_side_by_side_in_containers() {
    if !docker_is_there().await {
        return;
    }
    let Some(neighbour) = Neighbour::new().await else {
        return;
    };
    let Some(stack) = Compose::up(2).await else {
        return;
    };
    output(&mut neighbour.script("docker/up")).await;

    let (ours, theirs) = (things(&stack.project).await, things(NAME).await);
    assert!(ours.contains(&format!("{OWN}-app")), "{ours:?}");
    assert!(theirs.contains(&format!("{NAME}-app")), "{theirs:?}");
    assert!(ours.is_disjoint(&theirs), "{ours:?} and {theirs:?}");

    let hosts = |replies: Vec<Reply>| -> BTreeSet<String> {
        let hosts = replies.iter().map(|reply| reply.host().to_owned());
        hosts.collect()
    };
    let lanes = stack.lanes().await.into_iter();
    let lanes: BTreeSet<String> = lanes.map(|lane| lane.host).collect();
    assert_eq!(hosts(asked(&stack.base).await), lanes);
    let others = hosts(neighbour.asked().await);
    assert_eq!(others.len(), 2, "{others:?}");
    assert!(others.is_disjoint(&lanes), "{others:?} and {lanes:?}");

    output(&mut neighbour.script("docker/down")).await;
    assert_eq!(things(NAME).await, BTreeSet::new());
    assert_eq!(things(&stack.project).await, ours);
    asked(&stack.base).await;
}

#[tokio::test]
async fn two_services_run_side_by_side_as_plain_processes() {
    let Some(neighbour) = Neighbour::new().await else {
        return;
    };
    let stack = Local::up(2).await;
    // Its program is this one, under its name.
    let release = neighbour.path("target/release");
    fs::create_dir_all(&release).expect("the folder is ours");
    symlink(built(), release.join(NAME)).expect("the folder is ours");
    let programs = neighbour.path("programs");
    fs::create_dir(&programs).expect("the folder is ours");
    symlink("/bin/true", programs.join("cargo")).expect("the folder is ours");
    let nginx = output(&mut Command::new("local/install-nginx")).await;
    symlink(nginx, programs.join("nginx")).expect("the folder is ours");
    let path = format!(
        "{}:{}",
        programs.display(),
        std::env::var("PATH").unwrap_or_default()
    );
    let mut up = neighbour.script("local/up");
    up.env_remove("CARGO_TARGET_DIR").env("PATH", path);
    let said = output(&mut up).await;
    assert!(said.contains(&format!("{NAME} is up: 2 ")), "{said}");

    let served = |replies: Vec<Reply>| -> BTreeSet<String> {
        let by = replies.iter().map(|reply| reply.header("x-served-by"));
        by.map(|it| it.rsplit('/').next().unwrap_or_default().to_owned())
            .collect()
    };
    let pids = stack.pids("lane-").into_iter();
    let lanes: BTreeSet<String> = pids.map(|pid| pid.as_raw_nonzero().to_string()).collect();
    assert_eq!(served(asked(&stack.base).await), lanes);
    let others = served(neighbour.asked().await);
    assert_eq!(others.len(), 2, "{others:?}");
    assert!(others.is_disjoint(&lanes), "{others:?} and {lanes:?}");

    output(&mut neighbour.script("local/down")).await;
    assert_eq!(served(asked(&stack.base).await), lanes);
}

/// What `local/up` has compiled.
fn built() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let target = target.unwrap_or("target".into());
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(target)
        .join("release")
        .join(OWN)
}
