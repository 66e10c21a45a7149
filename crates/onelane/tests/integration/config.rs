use std::io::Write;
use std::net::TcpListener;
use std::process::{Command, Output};

use rstest::rstest;
use tempfile::NamedTempFile;

use crate::lane::onelane;

fn run(command: &mut Command) -> (Option<i32>, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

fn file(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

/// The value of one key in what `onelane config` prints.
fn effective(command: &mut Command, key: &str) -> String {
    let (code, stdout, stderr) = run(command.arg("config"));
    assert_eq!(code, Some(0), "{stderr}");
    let prefix = format!("{key} = ");
    let mut lines = stdout.lines();
    let value = lines.find_map(|line| line.strip_prefix(&prefix));
    value.unwrap().trim_matches('"').to_owned()
}

/// Bad settings end the process with 78 and one line that contains `hint`.
#[track_caller]
fn refused(command: &mut Command, hint: &str) -> String {
    // On ports that are free: had it started, it would run for ever.
    let (code, stdout, stderr) = run(command.arg("config"));
    assert_eq!(code, Some(78), "{stdout}{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(
        stderr.starts_with("drills: ") && stderr.contains(hint),
        "{stderr}"
    );
    stderr
}

#[test]
fn the_defaults_are_those_of_the_contract() {
    let (code, stdout, _) = run(onelane().arg("config"));
    assert_eq!(code, Some(0));
    let expected = [
        r#"mode = "blocking""#,
        r#"listen = "[::]:5000""#,
        r#"admin_listen = "[::]:9464""#,
        "slots = 1",
        "queue_max = 10",
        r#"queue_timeout = "10s""#,
        r#"request_timeout = "30s""#,
        r#"send_timeout = "30s""#,
        r#"drain_delay = "0s""#,
        r#"shutdown_timeout = "35s""#,
        "max_requests = 0",
        "spare_children = 2",
        r#"child_cpu_time = "31s""#,
        r#"cors_origins = """#,
        r#"log_format = "auto""#,
        r#"log_level = "info""#,
    ];
    // A share of what this machine's container allows; and what is no setting.
    let lines = stdout
        .lines()
        .filter(|line| !line.starts_with("child_memory_mib") && !line.starts_with('#'));
    assert_eq!(lines.collect::<Vec<_>>(), expected);
}

#[rstest]
#[case("blocking", 1)]
#[case("fork", num_cpus::get())]
#[case("pool", 7)]
#[case("cluster", num_cpus::get())]
#[case("threads", num_cpus::get())]
fn each_mode_has_its_number_of_slots(#[case] mode: &str, #[case] slots: usize) {
    let of = |key| effective(onelane().args(["--mode", mode]), key);
    assert_eq!(of("mode"), mode);
    assert_eq!(of("slots"), slots.to_string());
    assert_eq!(of("queue_max"), (10 * slots).to_string());
}

#[test]
fn a_flag_beats_the_environment_beats_the_file_beats_the_default() {
    let file = file("queue_max = 3");
    let path = file.path();
    assert_eq!(effective(&mut onelane(), "queue_max"), "10");
    assert_eq!(
        effective(onelane().arg("--config").arg(path), "queue_max"),
        "3"
    );
    let mut command = onelane();
    command
        .arg("--config")
        .arg(path)
        .env("ONELANE_QUEUE_MAX", "4");
    assert_eq!(effective(&mut command, "queue_max"), "4");
    let mut command = onelane();
    command
        .arg("--config")
        .arg(path)
        .env("ONELANE_QUEUE_MAX", "4");
    assert_eq!(
        effective(command.args(["--queue-max", "5"]), "queue_max"),
        "5"
    );
}

/// Each key, its default as the help names it, and some other value for it.
const KEYS: [(&str, &str, &str); 17] = [
    ("mode", "blocking", "threads"),
    ("listen", "[::]:5000", "[::1]:80"),
    ("admin_listen", "[::]:9464", "127.0.0.1:0"),
    ("slots", "0", "3"),
    ("queue_max", "10 × slots", "0"),
    ("queue_timeout", "10s", "1m 30s"),
    ("request_timeout", "30s", "500ms"),
    ("send_timeout", "30s", "5s"),
    ("drain_delay", "0s", "5s"),
    ("shutdown_timeout", "35s", "2h"),
    ("max_requests", "0", "1000"),
    ("spare_children", "2", "7"),
    ("child_cpu_time", "0s", "7s"),
    ("child_memory_mib", "0", "64"),
    ("cors_origins", "none", "https://a.example"),
    ("log_format", "auto", "text"),
    ("log_level", "info", "warn"),
];

fn flag(key: &str) -> String {
    format!("--{}", key.replace('_', "-"))
}

#[test]
fn the_keys_of_these_tests_are_all_there_are() {
    let (_, stdout, _) = run(onelane().arg("config"));
    let lines = stdout.lines().filter(|line| !line.starts_with('#'));
    let keys = lines.map(|line| line.split(" = ").next().unwrap());
    assert!(keys.eq(KEYS.map(|(key, ..)| key)), "{stdout}");
}

/// With more than one slot, which `blocking` has not.
fn pool() -> Command {
    let mut command = onelane();
    command.args(["--mode", "pool"]);
    command
}

#[test]
fn every_key_can_be_given_in_all_three_ways() {
    for (key, _, value) in KEYS {
        let command = || if key == "mode" { onelane() } else { pool() };
        let variable = format!("ONELANE_{}", key.to_uppercase());
        let number = value.parse::<u64>().is_ok();
        let file = file(&if number {
            format!("{key} = {value}")
        } else {
            format!("{key} = {value:?}")
        });
        let of = |command: &mut Command| effective(command, key);
        assert_ne!(of(&mut command()), value, "{key}");
        assert_eq!(of(command().args([&flag(key), value])), value);
        assert_eq!(of(command().env(&variable, value)), value);
        assert_eq!(of(command().arg("--config").arg(file.path())), value);
    }
}

#[test]
fn the_help_names_the_default_of_each_key_once() {
    for help in ["--help", "-h"] {
        let (_, stdout, _) = run(onelane().arg(help));
        for (key, default, _) in KEYS {
            let start = stdout.find(&format!("{} <", flag(key))).unwrap();
            let entry = &stdout[start + 2..];
            let entry = entry.split(" --").next().unwrap();
            let named = entry.split("[default: ").skip(1);
            // An address may have brackets of its own.
            let named = named.filter_map(|rest| rest.split("]\n").next()?.split("] ").next());
            let named: Vec<_> = named.collect();
            assert_eq!(named, [default], "{help}: {entry}");
        }
    }
}

#[test]
fn a_flag_counts_on_either_side_of_the_role() {
    let slots = |before: &[&str], after: &[&str]| {
        let mut command = onelane();
        let command = command.args(before).arg("config").args(after);
        let (code, stdout, stderr) = run(command.env("ONELANE_SLOTS", "4"));
        assert_eq!(code, Some(0), "{stderr}");
        let line = stdout.lines().find(|line| line.starts_with("slots"));
        line.unwrap().to_owned()
    };
    let mode = ["--mode", "pool"];
    let both = ["--mode", "pool", "--slots", "5"];
    assert_eq!(slots(&mode, &[]), "slots = 4");
    assert_eq!(slots(&[], &mode), "slots = 4");
    assert_eq!(slots(&both, &[]), "slots = 5");
    assert_eq!(slots(&[], &both), "slots = 5");
    assert_eq!(slots(&mode, &["--slots", "5"]), "slots = 5");
    assert_eq!(slots(&["--slots", "5"], &mode), "slots = 5");
}

#[test]
fn a_flag_that_repeats_the_default_is_a_flag() {
    let file = file("log_level = \"warn\"");
    let mut command = onelane();
    command.arg("--config").arg(file.path());
    command.env("ONELANE_LOG_LEVEL", "debug");
    let command = command.args(["--log-level", "info"]);
    assert_eq!(effective(command, "log_level"), "info");
}

#[rstest]
#[case("slots", "0", "7")]
#[case("child_cpu_time", "0s", "31s")]
fn a_zero_is_worked_out_wherever_it_is_written(
    #[case] key: &str,
    #[case] zero: &str,
    #[case] value: &str,
) {
    let variable = format!("ONELANE_{}", key.to_uppercase());
    assert_eq!(effective(pool().args([&flag(key), zero]), key), value);
    assert_eq!(effective(pool().env(variable, zero), key), value);
}

#[test]
fn what_config_prints_is_a_config() {
    let mut command = onelane();
    command.args(["--request-timeout", "90s", "--listen", "[::1]:80"]);
    let (_, printed, _) = run(command.arg("config"));
    let file = file(&printed);
    let (code, again, _) = run(onelane().arg("--config").arg(file.path()).arg("config"));
    assert_eq!((code, again), (Some(0), printed));
}

#[rstest]
#[case("ONELANE_LISTEN", "[::]:80", "listen")]
#[case("ONELANE_ADMIN_LISTEN", "127.0.0.1:0", "admin_listen")]
#[case("ONELANE_SLOTS", "1", "slots")]
#[case("ONELANE_QUEUE_TIMEOUT", "1m 30s", "queue_timeout")]
#[case("ONELANE_DRAIN_DELAY", "5s", "drain_delay")]
#[case("ONELANE_LOG_FORMAT", "text", "log_format")]
#[case("ONELANE_LOG_LEVEL", "warn", "log_level")]
fn every_key_is_a_variable(#[case] variable: &str, #[case] value: &str, #[case] key: &str) {
    assert_eq!(effective(onelane().env(variable, value), key), value);
}

#[rstest]
#[case("ONELANE_LISTEM", "0.0.0.0:80", "unknown setting")]
#[case(
    "ONELANE_MODE",
    "turbo",
    "unknown value `turbo`, expected blocking, fork, pool"
)]
#[case("ONELANE_MODE", "", "unknown value ``")]
#[case("ONELANE_LISTEN", "80", "invalid socket address")]
#[case("ONELANE_LISTEN", "localhost", "invalid socket address")]
#[case("ONELANE_SLOTS", "2", "2 is not possible")]
#[case("ONELANE_SLOTS", "-1", "invalid value: string \"-1\"")]
#[case("ONELANE_QUEUE_MAX", "many", "invalid value: string \"many\"")]
#[case(
    "ONELANE_QUEUE_TIMEOUT",
    "10",
    "invalid value: string \"10\", expected a duration"
)]
#[case("ONELANE_REQUEST_TIMEOUT", "0s", "must be longer than 0s")]
#[case("ONELANE_SHUTDOWN_TIMEOUT", "0s", "must be longer than 0s")]
#[case("ONELANE_LOG_LEVEL", "loud", "unknown value `loud`")]
#[case("ONELANE_CORS_ORIGINS", "a.example", "`a.example` is no origin")]
fn a_bad_variable_is_one_clear_line_and_78(
    #[case] variable: &str,
    #[case] value: &str,
    #[case] why: &str,
) {
    refused(
        onelane().env(variable, value),
        &format!("drills: {variable}: {why}"),
    );
}

#[rstest]
#[case("listem = \"0.0.0.0:80\"", "listem: unknown setting")]
#[case("mode = \"turbo\"", "mode: unknown value `turbo`")]
#[case("slots = 2", "slots: 2 is not possible")]
#[case(
    "queue_max = -1",
    "queue_max: invalid value: integer `-1`, expected a whole number below 2^32"
)]
#[case("queue_max = nan", "queue_max: invalid type: floating point")]
#[case(
    "slots = true",
    "slots: invalid type: boolean `true`, expected a whole number"
)]
#[case(
    "max_requests = 1.6",
    "max_requests: invalid type: floating point `1.6`"
)]
#[case(
    "child_memory_mib = 9223372036854775807",
    "child_memory_mib: must be at most"
)]
#[case(
    "request_timeout = \"367days\"",
    "request_timeout: must be at most 366 days"
)]
#[case("queue_timeout = 10", "queue_timeout: invalid value")]
#[case("[server]\nmode = \"blocking\"", "server: unknown setting")]
#[case(
    "cors_origins = \"*, https://a.example/\"",
    "cors_origins: `https://a.example/` is no origin"
)]
fn a_bad_key_in_a_file_is_one_clear_line_and_78(#[case] text: &str, #[case] why: &str) {
    let file = file(text);
    let name = file.path().file_name().unwrap().to_str().unwrap();
    let mut command = onelane();
    let stderr = refused(
        command.arg("--config").arg(file.path()),
        &format!("{name}: {why}"),
    );
    assert!(stderr.starts_with("drills: --config "), "{stderr}");
}

#[test]
fn a_file_that_is_no_toml_is_one_clear_line_and_78() {
    let file = file("mode = ");
    refused(onelane().arg("--config").arg(file.path()), "TOML");
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    refused(
        onelane().args(["--config", "/no/such/file"]),
        "/no/such/file",
    );
}

#[rstest]
#[case(&["--nope"])]
#[case(&["--queue-max", "many"])]
#[case(&["--queue-timeout", "10"])]
#[case(&["--listen", "80"])]
#[case(&["--mode", "turbo"])]
#[case(&["--cors-origins", "https://a.example/"])]
#[case(&["nope"])]
fn a_bad_flag_is_a_2(#[case] flags: &[&str]) {
    // Had it been taken, it would run for ever.
    let (code, _, stderr) = run(onelane().args(flags).arg("config"));
    assert_eq!(code, Some(2));
    assert!(stderr.contains(flags[0]), "{stderr}");
}

#[rstest]
#[case(&["--help"], "probe")]
#[case(&["--version"], concat!("drills 7.8.9 (onelane ", env!("CARGO_PKG_VERSION"), ", lane protocol 2)"))]
fn help_and_version_are_on_stdout(#[case] flags: &[&str], #[case] hint: &str) {
    let (code, stdout, _) = run(onelane().args(flags));
    assert_eq!(code, Some(0));
    assert!(stdout.contains(hint));
}

#[rstest]
#[case("--listen", "--admin-listen")]
#[case("--admin-listen", "--listen")]
fn a_port_in_use_is_a_1_that_names_the_address(#[case] taken: &str, #[case] free: &str) {
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = holder.local_addr().unwrap().to_string();
    let (code, _, stderr) = run(onelane().args([taken, &address, free, "127.0.0.1:0"]));
    assert_eq!(code, Some(1));
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.contains(&address), "{stderr}");
}
