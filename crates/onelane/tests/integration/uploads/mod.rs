//! Forms with files, in every mode. Right is: what was sent reaches the workload, what is wrong is refused with
//! the name of the part, and whatever happens, no file is left when the request is over.

// What is malformed, missing or too large.
mod refused;
// How a request can end before its answer.
mod over;

use std::fs;
use std::path::{Path, PathBuf};

use reqwest::{Method, RequestBuilder};
use rstest::rstest;
use serde_json::json;
use tempfile::TempDir;

use crate::faults::process::{Process, until};
use crate::lane::Mode::{self, Blocking, Cluster, Fork, Pool, Threads};
use crate::lane::{Lane, onelane, send};

const TYPE: &str = "multipart/form-data; boundary=\"a b\"";

/// A lane with a folder for temporary files of its own.
struct Site {
    lane: Lane,
    folder: TempDir,
}

impl Site {
    fn of(mode: Mode, flags: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = onelane();
        command.env("TMPDIR", folder.path());
        command.args(["--mode", &mode.to_string()]).args(flags);
        if mode != Blocking {
            command.args(["--slots", "1"]);
        }
        let lane = Lane::run(command);
        Self { lane, folder }
    }

    fn upload(&self, path: &str, parts: &[Vec<u8>]) -> RequestBuilder {
        let method = if path.starts_with("/upload/") {
            Method::PUT
        } else {
            Method::POST
        };
        let request = self.lane.request(method, path);
        request.header("content-type", TYPE).body(form(parts))
    }

    /// What requests have on disk: everything below the folders of servers.
    fn files(&self) -> Vec<PathBuf> {
        let servers = entries(self.folder.path());
        servers.iter().flat_map(|server| entries(server)).collect()
    }

    async fn until_file(&self) {
        until("a file", || {
            self.files().iter().any(|it| !entries(it).is_empty())
        })
        .await;
    }

    async fn until_no_file(&self) {
        until("no file", || self.files().is_empty()).await;
    }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

fn form(parts: &[Vec<u8>]) -> Vec<u8> {
    [&parts.concat()[..], b"--a b--\r\n"].concat()
}

fn part(head: &str, content: &[u8]) -> Vec<u8> {
    let head = format!("--a b\r\n{head}\r\n\r\n");
    [head.as_bytes(), content, b"\r\n"].concat()
}

fn text(name: &str, content: &str) -> Vec<u8> {
    let head = format!("Content-Disposition: form-data; name=\"{name}\"");
    part(&head, content.as_bytes())
}

fn file(name: &str, file_name: &str, content: &[u8]) -> Vec<u8> {
    let head = format!(
        "Content-Disposition: form-data; name=\"{name}\"; filename=\"{file_name}\"\r\n\
         Content-Type: image/png"
    );
    part(&head, content)
}

/// Bytes of every value.
fn bytes(count: usize) -> Vec<u8> {
    let all: Vec<u8> = (0..=255).collect();
    all.repeat(count / 256 + 1)[..count].to_vec()
}

fn sum(bytes: &[u8]) -> u32 {
    bytes.iter().map(|byte| u32::from(*byte)).sum()
}

#[rstest]
#[tokio::test]
async fn fields_and_files_of_every_length_reach_the_workload_and_are_gone_with_the_request(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let site = Site::of(mode, &[]);
    let (small, large) = (bytes(1000), bytes(3 << 20));
    let parts = [
        text("note", "grüße & co"),
        file("picture", "../../etc/pass wd", &large),
        file("other", "grüße.txt", &small),
        file("picture", "", &small),
        file("empty", "nothing", b""),
    ];
    // The second one gets what the first one has left, if it has left something.
    for _ in 0..2 {
        let answer = send(site.upload("/upload/picture?count=3", &parts)).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let told = |name, file_name, bytes: &[u8]| {
            json!({
                "name": name,
                "file_name": file_name,
                "content_type": "image/png",
                "bytes": bytes.len(),
                "sum": sum(bytes),
            })
        };
        let expected = json!({
            "note": "grüße & co",
            "count": 3,
            "files": [
                told("picture", "pass wd", &large),
                told("other", "grüße.txt", &small),
                told("picture", "", &small),
                told("empty", "nothing", b""),
            ],
        });
        assert_eq!(answer.json(), expected);
        site.until_no_file().await;
    }
    let answer = send(site.upload("/upload", &[text("count", "5")])).await;
    assert_eq!(answer.json(), json!({"note": "", "count": 5, "files": []}));
    let series = "http_requests_total{method=\"PUT\",route=\"/upload/picture\",status=\"200\"}";
    site.lane.counted(series, 2.0).await;
}

/// Files that are large are not in memory, neither of the server nor twice on the way to a child.
#[rstest]
#[tokio::test]
async fn a_server_with_children_needs_no_memory_for_files(#[values(Fork, Pool)] mode: Mode) {
    let site = Site::of(mode, &[]);
    site.lane.until_ready().await;
    let server = Process::of(&site.lane);
    let before = server.peak_kib().unwrap();
    let parts = [
        file("a", "a", &bytes(4 << 20)),
        file("b", "b", &bytes(3 << 20)),
    ];
    for _ in 0..5 {
        let answer = send(site.upload("/upload", &parts)).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    let more = server.peak_kib().unwrap() - before;
    assert!(more < 3 << 10, "{more} KiB for 7 MiB");
}
