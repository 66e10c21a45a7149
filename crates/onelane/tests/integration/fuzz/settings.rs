//! Random settings, in a file and in the environment: either all of them count, or the process ends with one line that
//! says why.

use std::io::Write;
use std::process::Output;

use onelane_requests::random::{self, Sent, cut, mutated};
use proptest::collection::vec;
use proptest::prelude::Strategy;
use proptest::prop_oneof;
use proptest::sample::select;
use tempfile::NamedTempFile;

use crate::lane::onelane;

#[test]
fn settings_are_taken_or_refused_in_one_line() {
    let count = random::check(cases, async |(file, variables)| {
        let printed = config(&file.bytes, &variables)?;
        if let Some(toml) = printed
            && config(&toml, &[])?.as_ref() != Some(&toml)
        {
            return Err(format!(
                "read again, it is another: {}",
                String::from_utf8_lossy(&toml)
            ));
        }
        Ok(())
    });
    eprintln!("{count} settings");
}

/// What a server with these settings prints, none if it takes them for wrong.
fn config(file: &[u8], variables: &[(String, String)]) -> Result<Option<Vec<u8>>, String> {
    let mut path = NamedTempFile::new().unwrap();
    path.write_all(file).unwrap();
    let mut command = onelane();
    command.arg("config").arg("--config").arg(path.path());
    let variables = variables.iter().filter(|(_, value)| !value.contains('\0'));
    command.envs(variables.map(|(name, value)| (name, value)));
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    let lines = String::from_utf8_lossy(&stderr).lines().count();
    match (status.code(), lines) {
        (Some(0), 0) => Ok(Some(stdout)),
        // It does not wait for long until the line is written.
        (Some(78), 0 | 1) if stdout.is_empty() => Ok(None),
        _ => Err(format!("{status}: {}", String::from_utf8_lossy(&stderr))),
    }
}

type Case = (Sent, Vec<(String, String)>);

fn cases() -> impl Strategy<Value = Case> {
    let lines = (key(), value()).prop_map(|(key, value)| format!("{key} = {value}\n"));
    let file = cut(mutated(
        vec(lines, 0..4).prop_map(|lines| lines.concat().into_bytes()),
    ));
    let variable = (key(), value()).prop_map(|(key, value)| {
        let name = format!("ONELANE_{}", key.to_uppercase().replace('.', "_"));
        (name, value.trim_matches('"').to_owned())
    });
    (file, vec(variable, 0..2))
}

fn key() -> impl Strategy<Value = &'static str> {
    select(vec![
        "mode",
        "listen",
        "admin_listen",
        "slots",
        "queue_max",
        "queue_timeout",
        "request_timeout",
        "send_timeout",
        "drain_delay",
        "shutdown_timeout",
        "max_requests",
        "spare_children",
        "child_cpu_time",
        "child_memory_mib",
        "cors_origins",
        "log_format",
        "log_level",
        "slot",
        "note.text",
        "note",
        "own",
        "config",
    ])
}

fn value() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        2 => select(vec!["\"fork\"", "\"pool\"", "\"blocking\"", "\"[::]:0\"", "\"127.0.0.1:0\"", "\"1s\"", "\"0s\"", "1", "0", "7", "\"*\"", "\"text\"", "\"debug\""]),
        1 => select(vec![
            "-1", "1.5", "true", "\"\"", "[]", "{}", "[1, \"a\"]", "{ a = 1 }", "4294967295", "4294967296", "18446744073709551615",
            "9223372036854775807", "\"18446744073709551615s\"", "\"18446744073709551615y\"", "\"18446744073709551614s 999999999ns\"",
            "\"1s 1s\"", "\"1e3s\"", "\"-1s\"", "\" 1s \"", "\"\u{0}\"", "\"ü\"", "\"a\\nb\"", "\"https://a,https://b\"", "\"null\"",
            "\"https://[\"", "\"0.0.0.0:65536\"", "\"localhost:1\"", "1979-05-27T07:32:00Z", "nan", "inf", "'''\na\n'''", "0xff", "1_000",
        ]),
    ]
}
