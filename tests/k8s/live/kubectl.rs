//! The one way to the cluster.

use std::process::Stdio;
use std::time::{Duration, Instant};

use onelane_tree::manifests::list;
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::notes::Stop;

/// For one command. An API server that takes longer is not there.
const PATIENCE: Duration = Duration::from_mins(1);

/// How often something is looked at that is waited for.
const LOOK: Duration = Duration::from_millis(500);

/// What a command said, whatever its end.
pub(crate) struct Said {
    pub(crate) succeeded: bool,
    pub(crate) out: String,
    pub(crate) complaints: String,
}

pub(crate) async fn ask(arguments: &[&str]) -> Result<Said, Stop> {
    ask_for(PATIENCE, arguments, "").await
}

/// For commands that wait for something themselves.
pub(crate) async fn ask_for(
    patience: Duration,
    arguments: &[&str],
    input: &str,
) -> Result<Said, Stop> {
    let failed =
        |err: &dyn std::fmt::Display| Stop::Fail(format!("kubectl {}: {err}", arguments.join(" ")));
    let mut child = Command::new("kubectl")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|err| failed(&err))?;
    let mut stdin = child.stdin.take().expect("it is piped");
    let talk = async {
        // One that reads nothing tells why on stderr.
        let _ = stdin.write_all(input.as_bytes()).await;
        drop(stdin);
        child.wait_with_output().await
    };
    let output = tokio::time::timeout(patience, talk).await;
    let output = output
        .map_err(|err| failed(&err))?
        .map_err(|err| failed(&err))?;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).trim().to_owned();
    Ok(Said {
        succeeded: output.status.success(),
        out: text(output.stdout),
        complaints: text(output.stderr),
    })
}

/// What the command prints; one that fails ends the trial.
pub(crate) async fn kubectl(arguments: &[&str]) -> Result<String, Stop> {
    expect(arguments, &ask(arguments).await?)
}

pub(crate) fn expect(arguments: &[&str], said: &Said) -> Result<String, Stop> {
    if said.succeeded {
        Ok(said.out.clone())
    } else {
        Err(Stop::Fail(format!(
            "kubectl {}: {}",
            arguments.join(" "),
            said.complaints
        )))
    }
}

/// An object, or a list of them. An API server may be away for a moment, when the node of one is drained.
pub(crate) async fn get(arguments: &[&str]) -> Result<Value, Stop> {
    let arguments = [&["get", "--output=json"], arguments].concat();
    let mut tries = 0;
    let text = loop {
        tries += 1;
        match kubectl(&arguments).await {
            Ok(text) => break text,
            Err(_) if tries < 3 => tokio::time::sleep(Duration::from_secs(2)).await,
            Err(why) => return Err(why),
        }
    };
    serde_json::from_str(&text).map_err(Stop::from_error)
}

/// Whether an object is in this condition.
pub(crate) fn is_in(condition: &str, object: &Value) -> bool {
    let conditions = list(object, "/status/conditions");
    let is_true = |it: &Value| it["type"] == condition && it["status"] == "True";
    conditions.iter().any(is_true)
}

/// Creates this object.
pub(crate) async fn create(object: &Value) -> Result<(), Stop> {
    let arguments = ["create", "--filename=-"];
    let said = ask_for(PATIENCE, &arguments, &object.to_string()).await?;
    expect(&arguments, &said).map(drop)
}

/// Looks until there is something to see. What is measured is in the notes; the limit is only there
/// for the trial to fail instead of hanging.
pub(crate) async fn until<T>(
    what: &str,
    limit: Duration,
    mut look: impl AsyncFnMut() -> Result<Option<T>, Stop>,
) -> Result<T, Stop> {
    let start = Instant::now();
    loop {
        if let Some(seen) = look().await? {
            return Ok(seen);
        }
        if start.elapsed() > limit {
            let waited = limit.as_secs();
            return Err(Stop::Fail(format!("waited {waited} s in vain for {what}")));
        }
        tokio::time::sleep(LOOK).await;
    }
}
