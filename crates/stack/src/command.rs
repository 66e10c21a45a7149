//! Commands, run in the folder of the project.

use std::process::Stdio;

use tokio::process::Command;

/// What the command prints; a command that fails fails the test, with its output.
pub async fn output(command: &mut Command) -> String {
    let (succeeded, stdout, stderr) = run(command).await;
    assert!(succeeded, "{command:?}:\n{stdout}{stderr}");
    stdout.trim().to_owned()
}

/// What the command prints, unless it fails.
pub(crate) async fn attempt(command: &mut Command) -> Option<String> {
    let (succeeded, stdout, _) = run(command).await;
    succeeded.then(|| stdout.trim().to_owned())
}

/// The last line that a command says which has to fail.
pub async fn complaint(command: &mut Command) -> String {
    let (succeeded, stdout, stderr) = run(command).await;
    assert!(!succeeded, "{command:?} should fail:\n{stdout}{stderr}");
    stderr.lines().last().unwrap_or_default().to_owned()
}

async fn run(command: &mut Command) -> (bool, String, String) {
    let output = command
        .current_dir(onelane_tree::root())
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap_or_else(|err| panic!("{command:?}: {err}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    (output.status.success(), stdout, stderr)
}
