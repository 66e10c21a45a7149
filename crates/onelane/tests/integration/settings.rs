use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::process::Command;

use rstest::rstest;
use serde_json::json;
use tempfile::NamedTempFile;

use crate::lane::Mode::{self, Blocking, Cluster, Fork, Pool, Threads};
use crate::lane::{Lane, stateful};
use crate::processes;

fn file(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

/// What `config` prints below the engine's own settings.
fn table(command: &mut Command) -> String {
    let output = command.arg("config").output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    let stdout = String::from_utf8(output.stdout).unwrap();
    stdout.split_once("\n\n").expect("a table").1.to_owned()
}

/// With two of its keys in the file.
const FILE: &str = "[big-state]\nmib = 2\n[big-state.origin]\nhost = \"example\"\n";

#[test]
fn a_workload_has_a_table_with_the_same_layers() {
    let defaults = "[big-state]\nhow = \"well\"\nmib = 1\ntoken = \"***\"\n\n\
        [big-state.origin]\nhost = \"localhost\"\nport = 80\n";
    assert_eq!(table(&mut stateful()), defaults);
    let file = file(FILE);
    let with_file = || {
        let mut command = stateful();
        command.arg("--config").arg(file.path());
        command
    };
    let of_file = defaults.replace("mib = 1", "mib = 2");
    let of_file = of_file.replace("localhost", "example");
    assert_eq!(table(&mut with_file()), of_file);
    let of_variable = of_file.replace("mib = 2", "mib = 3");
    let mut with_both = with_file();
    with_both.env("ONELANE_BIG_STATE_MIB", "3");
    assert_eq!(table(&mut with_both), of_variable);
}

#[test]
fn what_config_prints_of_a_table_is_a_config() {
    let mut command = stateful();
    let printed = table(command.env("ONELANE_BIG_STATE_MIB", "3"));
    let file = file(&printed);
    assert_eq!(table(stateful().arg("--config").arg(file.path())), printed);
}

#[test]
fn a_service_without_such_a_workload_knows_no_table() {
    let file = file(FILE);
    let mut command = crate::lane::onelane();
    let output = command.arg("--config").arg(file.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(78));
}

/// That a server with these settings ends with one line and 78, before it binds anything.
#[track_caller]
fn refused(mut command: Command, mode: Mode, why: &str) {
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = holder.local_addr().unwrap().to_string();
    command.args(["--mode", &mode.to_string(), "--listen", &taken]);
    let output = command.output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(78), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(
        stderr.starts_with("drills: ") && stderr.contains(why),
        "{stderr}"
    );
}

#[rstest]
#[case(
    "ONELANE_BIG_STATE_MIBB",
    "1",
    "drills: ONELANE_BIG_STATE_MIBB: unknown setting"
)]
#[case("ONELANE_BIG_STATE", "1", "drills: ONELANE_BIG_STATE: unknown setting")]
#[case(
    "ONELANE_BIG_STATE_",
    "1",
    "drills: ONELANE_BIG_STATE_: unknown setting"
)]
#[case(
    "ONELANE_BIG_STATE_MIB",
    "much",
    "drills: ONELANE_BIG_STATE_MIB: invalid type"
)]
#[case("ONELANE_BIG_STATE_HOW", "badly", "drills: ONELANE_BIG_STATE_HOW: ")]
#[case(
    "ONELANE_BIG_STATE_NO_FILE",
    "/dev/null",
    "drills: ONELANE_BIG_STATE_NO_FILE: unknown"
)]
#[case(
    "ONELANE_BIG_STATE_TOKEN_FILE",
    "/no/file",
    "ONELANE_BIG_STATE_TOKEN_FILE: /no/file: No such"
)]
fn a_bad_variable_of_a_workload_is_one_clear_line_and_78(
    #[case] variable: &str,
    #[case] value: &str,
    #[case] why: &str,
    #[values(Blocking, Fork, Pool, Cluster)] mode: Mode,
) {
    let mut command = stateful();
    command.env(variable, value);
    refused(command, mode, why);
}

#[rstest]
#[case("[big-state]\nmibb = 1", "big-state.mibb: unknown setting")]
#[case(
    "[big-state.origin]\nhots = 1",
    "big-state.origin.hots: unknown setting"
)]
#[case("[big-state.origin]\nport = 65536", "big-state.origin.port: ")]
#[case("big-state = 1", "big-state: must be a table")]
#[case("[big_state]\nmib = 1", "big_state: unknown setting")]
fn a_bad_table_in_a_file_is_one_clear_line_and_78(#[case] text: &str, #[case] why: &str) {
    let file = file(text);
    let mut command = stateful();
    command.arg("--config").arg(file.path());
    refused(command, Blocking, why);
}

#[rstest]
#[tokio::test]
async fn settings_reach_the_process_that_computes(
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let secret = file("s3cret\n");
    let table = file(FILE);
    let mut command = stateful();
    command.args(["--mode", &mode.to_string()]);
    command.arg("--config").arg(table.path());
    command.env("ONELANE_BIG_STATE_TOKEN_FILE", secret.path());
    let lane = Lane::run(command);
    let state = lane.get("/state").await.json();
    assert_eq!(state["bytes"], 2 << 20);
    assert_eq!(state["token"], "s3cret");
    assert_eq!(state["settings"]["token"], "***");
    let origin = json!({"host": "example", "port": 80});
    assert_eq!(state["settings"]["origin"], origin);
    // A user who lists processes does not see it.
    let others = processes::descendants(lane.pid());
    assert!(!others.is_empty() || matches!(mode, Blocking | Threads));
    for pid in others.into_iter().chain([lane.pid()]) {
        for name in ["cmdline", "environ"] {
            let text = fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default();
            assert!(!String::from_utf8_lossy(&text).contains("s3cret"), "{name}");
        }
    }
}

#[test]
fn a_secret_is_written_once_and_printed_never() {
    let secret = file("s3cret");
    let mut command = stateful();
    command.env("ONELANE_BIG_STATE_TOKEN_FILE", secret.path());
    assert!(table(&mut command).contains("token = \"***\""));
    command.env("ONELANE_BIG_STATE_TOKEN", "other");
    let both = "ONELANE_BIG_STATE_TOKEN_FILE: token is set, too";
    let mut command = stateful();
    command.env("ONELANE_BIG_STATE_TOKEN_FILE", secret.path());
    command.env("ONELANE_BIG_STATE_TOKEN", "other");
    refused(command, Blocking, both);
    let table = file(&format!("[big-state]\ntoken_file = {:?}", secret.path()));
    let mut command = stateful();
    command.arg("--config").arg(table.path());
    command.env("ONELANE_BIG_STATE_TOKEN", "other");
    refused(command, Blocking, "big-state.token_file: token is set, too");
}
