//! The real program: documents, files that are none, and what is left of `soffice` when its client has left.

use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use onelane::testing::{self, Running};
use rstest::rstest;
use tempfile::TempDir;

/// The program.
const BINARY: &str = env!(concat!("CARGO_BIN_EXE_", env!("CARGO_PKG_NAME")));

const TEXT: &str = "text/plain";

/// Longer than anything that is waited for takes on the slowest machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// A service with a temporary folder of its own, by which its programs are known.
struct Lane {
    service: Running,
    folder: TempDir,
}

impl Lane {
    /// None where there is no `soffice`, which is a failure where all has to be tested.
    fn start(flags: &[&str]) -> Option<Self> {
        if testing::command("soffice")
            .arg("--version")
            .output()
            .is_err()
        {
            assert!(std::env::var_os("CI").is_none(), "there is no soffice");
            eprintln!("NOT TESTED: there is no soffice");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let variable = format!("TMPDIR={}", folder.path().display());
        let flags = [&[&variable, BINARY], flags].concat();
        let service = testing::start_with("env", &flags);
        Some(Self { service, folder })
    }

    /// How many processes run in the folders of requests.
    fn programs(&self) -> usize {
        let is_here = |process: &Path| {
            let place = fs::read_link(process.join("cwd"));
            place.is_ok_and(|place| place.starts_with(self.folder.path()))
        };
        let processes = fs::read_dir("/proc").unwrap().flatten();
        processes.filter(|process| is_here(&process.path())).count()
    }

    /// How many folders of requests there are.
    fn folders(&self) -> usize {
        let roots = fs::read_dir(self.folder.path()).unwrap().flatten();
        let folders = roots.map(|root| fs::read_dir(root.path()).map_or(0, Iterator::count));
        folders.sum()
    }

    #[track_caller]
    fn wait_until_nothing_is_left(&self) {
        wait_until(|| self.programs() == 0 && self.folders() == 0);
    }

    #[track_caller]
    fn makes_a_pdf(&self) {
        let answer = self.service.post("/pdf", TEXT, "hello");
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("content-type"), Some("application/pdf"));
        assert!(answer.body.starts_with(b"%PDF-"));
    }
}

#[track_caller]
fn wait_until(condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "it does not come to that");
        thread::sleep(Duration::from_millis(2));
    }
}

/// Takes `soffice` longer than any of these tests.
fn long_text() -> String {
    "A line of a long text.\n".repeat(300_000)
}

#[rstest]
fn a_document_becomes_a_pdf(
    #[values("blocking", "threads", "fork", "pool", "cluster")] mode: &str,
) {
    let Some(lane) = Lane::start(&["--mode", mode, "--request-timeout", "2m"]) else {
        return;
    };
    lane.makes_a_pdf();
    lane.wait_until_nothing_is_left();
}

#[test]
fn whatever_else_is_sent_is_told_why_not() {
    let Some(lane) = Lane::start(&["--request-timeout", "2m"]) else {
        return;
    };
    let odt = "application/vnd.oasis.opendocument.text";
    let large = vec![b'x'; (8 << 20) + 1];
    for (content_type, document, status, reason) in [
        (odt, b"hello".to_vec(), 422, "not_a_document"),
        (TEXT, Vec::new(), 422, "not_a_document"),
        (TEXT, large, 413, "body_too_large"),
        (
            "image/png",
            b"hello".to_vec(),
            415,
            "unsupported_media_type",
        ),
    ] {
        let answer = lane.service.post("/pdf", content_type, document);
        assert_eq!(answer.status, status, "{}", answer.text());
        assert_eq!(answer.json()["reason"], reason);
    }
    lane.wait_until_nothing_is_left();
}

#[rstest]
fn what_takes_too_long_is_ended(#[values("blocking", "fork")] mode: &str) {
    let Some(lane) = Lane::start(&["--mode", mode, "--request-timeout", "2m"]) else {
        return;
    };
    let request = lane.service.request("POST", "/pdf").body(TEXT, long_text());
    let answer = request.header("X-Timeout", "1").send();
    assert_eq!(answer.status, 504, "{}", answer.text());
    lane.wait_until_nothing_is_left();
    lane.makes_a_pdf();
}

#[rstest]
fn what_no_client_waits_for_is_ended(#[values("blocking", "fork")] mode: &str) {
    let Some(lane) = Lane::start(&["--mode", mode, "--request-timeout", "2m"]) else {
        return;
    };
    let text = long_text();
    let address = lane.service.url().strip_prefix("http://").unwrap();
    let mut client = TcpStream::connect(address).unwrap();
    let length = text.len();
    write!(
        client,
        "POST /pdf HTTP/1.1\r\nHost: x\r\nContent-Type: {TEXT}\r\nContent-Length: {length}\r\n\r\n{text}"
    )
    .unwrap();
    wait_until(|| lane.programs() > 0);
    drop(client);
    lane.wait_until_nothing_is_left();
    lane.service.wait_for_line("client_gone");
    lane.makes_a_pdf();
}

#[test]
fn without_libreoffice_there_is_no_service() {
    let nowhere = tempfile::tempdir().unwrap();
    let mut program = testing::command(BINARY);
    program
        .env("PATH", nowhere.path())
        .args(["--log-level", "error"]);
    program.args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
    let output = program.output().unwrap();
    // That of a workload that cannot be loaded.
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    let line = format!(
        "{}: cannot load the workload `document`: soffice of LibreOffice: No such file or directory (os error 2)\n",
        env!("CARGO_PKG_NAME")
    );
    assert_eq!(String::from_utf8(output.stderr).unwrap(), line);
}
