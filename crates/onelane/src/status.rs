//! The role that shows a server in a terminal: what `/status` tells, in a few lines for people.

use std::net::SocketAddr;
use std::time::Duration;

use humantime_serde::re::humantime::format_duration;
use serde_json::Value;

use crate::probe;

/// What the server at `admin_listen` tells of itself: as it is (`json`), or in lines. The error says, in one
/// line, why there is nothing.
pub fn run(admin_listen: SocketAddr, json: bool) -> Result<String, String> {
    let told = probe::get(admin_listen, "/status")?;
    if json {
        return Ok(told + "\n");
    }
    let status = serde_json::from_str(&told).map_err(|err| format!("/status: {err}"))?;
    Ok(lines(&status))
}

/// Into one text, because many small ones take more code.
fn lines(status: &Value) -> String {
    let mut lines = String::new();
    put(&mut lines, "", &status["service"]);
    put(&mut lines, " ", &status["version"]);
    put(&mut lines, ", ", &status["mode"]);
    put(&mut lines, ", ", &status["phase"]);
    put_time(
        &mut lines,
        ", up ",
        &status["uptime_seconds"],
        Duration::from_secs,
    );
    for slot in each(&status["slots"]) {
        put(&mut lines, "\nslot ", &slot["state"]);
        put(&mut lines, ", pid ", &slot["pid"]);
        put(&mut lines, ", served ", &slot["requests_served"]);
        put_request(&mut lines, slot);
    }
    let (queue, children) = (&status["queue"], &status["children"]);
    put(&mut lines, "\nqueue ", &queue["depth"]);
    put(&mut lines, " of ", &queue["limit"]);
    put_age(&mut lines, ", the oldest for ", &queue["oldest_wait_ms"]);
    put_counts(&mut lines, "\nrefused:", &status["rejected"]);
    for child in each(&children["alive"]) {
        put(&mut lines, "\nchild pid ", &child["pid"]);
        put(&mut lines, ", ", &child["program"]);
        put_age(&mut lines, ", for ", &child["age_ms"]);
        put_request(&mut lines, child);
    }
    put(&mut lines, "\nchildren: started ", &children["spawned"]);
    put_counts(&mut lines, ", ended:", &children["exited"]);
    lines + "\n"
}

/// The request that a slot or a child has.
fn put_request(lines: &mut String, holder: &Value) {
    put(lines, ", request ", &holder["request_id"]);
    put_age(lines, " for ", &holder["request_age_ms"]);
}

/// Those that are not 0: `: 3 queue_full, 1 draining`.
fn put_counts(lines: &mut String, before: &str, by_name: &Value) {
    *lines += before;
    let mut comma = " ";
    for (name, count) in by_name.as_object().into_iter().flatten() {
        if *count != 0 {
            put(lines, comma, count);
            *lines += " ";
            *lines += name;
            comma = ", ";
        }
    }
    if comma == " " {
        *lines += " none";
    }
}

fn put_age(lines: &mut String, before: &str, milliseconds: &Value) {
    put_time(lines, before, milliseconds, Duration::from_millis);
}

/// Nothing where there is no such time.
fn put_time(lines: &mut String, before: &str, value: &Value, unit: fn(u64) -> Duration) {
    if let Some(time) = value.as_u64() {
        *lines += before;
        *lines += &format_duration(unit(time)).to_string();
    }
}

/// A text or a number; nothing where there is none.
fn put(lines: &mut String, before: &str, value: &Value) {
    match value {
        Value::Null => (),
        Value::String(text) => {
            *lines += before;
            *lines += text;
        }
        other => {
            *lines += before;
            *lines += &other.to_string();
        }
    }
}

fn each(list: &Value) -> &[Value] {
    list.as_array().map_or(&[], Vec::as_slice)
}
