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
    Ok(lines(&status).join("\n") + "\n")
}

fn lines(status: &Value) -> Vec<String> {
    let of = |key: &str| word(&status[key]);
    let uptime = Duration::from_secs(status["uptime_seconds"].as_u64().unwrap_or_default());
    let mut lines = vec![format!(
        "{} {}, {}, {}, up {}",
        of("service"),
        of("version"),
        of("mode"),
        of("phase"),
        format_duration(uptime)
    )];
    lines.extend(each(&status["slots"]).map(slot));
    lines.push(queue(&status["queue"]));
    lines.push(format!("refused: {}", counts(&status["rejected"])));
    let children = &status["children"];
    lines.extend(each(&children["alive"]).map(child));
    let spawned = word(&children["spawned"]);
    let exited = counts(&children["exited"]);
    lines.push(format!("children: {spawned} started, ended: {exited}"));
    lines
}

fn slot(slot: &Value) -> String {
    let state = word(&slot["state"]);
    let pid = word(&slot["pid"]);
    let served = word(&slot["requests_served"]);
    format!("slot {state}, pid {pid}, {served} served{}", request(slot))
}

fn queue(queue: &Value) -> String {
    let depth = word(&queue["depth"]);
    let limit = word(&queue["limit"]);
    let oldest = age(&queue["oldest_wait_ms"], ", the oldest for ");
    format!("queue {depth} of {limit}{oldest}")
}

fn child(child: &Value) -> String {
    let pid = word(&child["pid"]);
    let program = child["program"].as_str().map(|it| format!(", {it}"));
    let program = program.unwrap_or_default();
    let age = age(&child["age_ms"], ", for ");
    format!("child pid {pid}{program}{age}{}", request(child))
}

/// The request that a slot or a child has.
fn request(holder: &Value) -> String {
    let Some(id) = holder["request_id"].as_str() else {
        return String::new();
    };
    format!(", request {id}{}", age(&holder["request_age_ms"], " for "))
}

/// Nothing where there is no such time.
fn age(milliseconds: &Value, before: &str) -> String {
    let age = milliseconds.as_u64().map(Duration::from_millis);
    age.map(|age| format!("{before}{}", format_duration(age)))
        .unwrap_or_default()
}

/// Those that are not 0: `3 queue_full, 1 draining`.
fn counts(by_name: &Value) -> String {
    let counts = by_name.as_object().into_iter().flatten();
    let counts: Vec<_> = counts
        .filter(|(_, count)| **count != 0)
        .map(|(name, count)| format!("{count} {name}"))
        .collect();
    if counts.is_empty() {
        return "none".to_owned();
    }
    counts.join(", ")
}

fn each(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

/// A text as it is, a number, and `-` where there is nothing.
fn word(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
