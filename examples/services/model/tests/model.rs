//! The real program: a table that it loads, and a file that is none.

use std::fs;

use onelane::testing;
use rstest::rstest;
use serde_json::json;
use tempfile::TempDir;

/// The program.
const BINARY: &str = env!(concat!("CARGO_BIN_EXE_", env!("CARGO_PKG_NAME")));

/// A folder with settings, and with the table that they name.
struct Files(TempDir);

impl Files {
    fn with(table: &[u8]) -> Self {
        let files = Self(tempfile::tempdir().unwrap());
        fs::write(files.path("table"), table).unwrap();
        let settings = format!("[model]\ntable = \"{}\"\n", files.path("table"));
        fs::write(files.path("settings.toml"), settings).unwrap();
        files
    }

    /// One with rows of two numbers.
    fn with_rows(rows: &[[f32; 2]]) -> Self {
        let numbers = rows.iter().flatten();
        let numbers = numbers.flat_map(|number| number.to_le_bytes());
        let table: Vec<u8> = b"VEC1\x02\0\0\0".iter().copied().chain(numbers).collect();
        Self::with(&table)
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }
}

const ROWS: [[f32; 2]; 3] = [[0.0, 0.0], [3.0, 4.0], [1.0, 0.0]];

#[rstest]
fn the_nearest_rows_are_found(
    #[values("blocking", "threads", "fork", "pool", "cluster")] mode: &str,
) {
    let files = Files::with_rows(&ROWS);
    let flags = ["--mode", mode, "--config", &files.path("settings.toml")];
    let service = testing::start_with(BINARY, &flags);
    let asked = r#"{"vector":[0,0],"count":2}"#;
    let answer = service.post("/nearest", "application/json", asked);
    let nearest = json!([{"row": 0, "distance": 0.0}, {"row": 2, "distance": 1.0}]);
    assert_eq!(answer.json(), json!({ "nearest": nearest }));
}

#[test]
fn whatever_else_is_asked_is_told_why_not() {
    let files = Files::with_rows(&ROWS);
    let service = testing::start_with(BINARY, &["--config", &files.path("settings.toml")]);
    for (asked, status, reason) in [
        (r#"{"vector":[1]}"#, 422, "unlike_the_table"),
        (r#"{"vector":[1,1e300]}"#, 400, "bad_request"),
        (r#"{"vector":[1,2],"count":101}"#, 400, "bad_request"),
        (r#"{"vector":["x",2]}"#, 400, "bad_request"),
        ("[1,2]", 400, "bad_request"),
    ] {
        let answer = service.post("/nearest", "application/json", asked);
        assert_eq!(answer.status, status, "{}", answer.text());
        assert_eq!(answer.json()["reason"], reason, "{asked}");
    }
    let problem = service.post("/nearest", "application/json", r#"{"vector":[1]}"#);
    assert_eq!(problem.json()["dimension"], 2);
}

#[rstest]
fn a_file_that_is_no_table_ends_it_with_one_line(
    #[values("blocking", "threads", "fork", "pool", "cluster")] mode: &str,
) {
    let files = Files::with(b"1.0,2.0\n3.0,4.0\n");
    let mut program = testing::command(BINARY);
    program.args(["--mode", mode, "--log-level", "error"]);
    program.args(["--config", &files.path("settings.toml")]);
    program.args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
    let output = program.output().unwrap();
    // That of a workload that cannot be loaded.
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    let line = format!(
        "{}: cannot load the workload `model`: {}: it is no table, which begins with VEC1\n",
        env!("CARGO_PKG_NAME"),
        files.path("table")
    );
    assert_eq!(String::from_utf8(output.stderr).unwrap(), line);
}
