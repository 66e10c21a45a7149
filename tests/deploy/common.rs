//! Waiting for what can be seen, skipping, running commands.

use std::env;
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::process::{self, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::process::Command;
use tokio::sync::{Mutex, MutexGuard, Semaphore, SemaphorePermit};

/// So many tests with stacks run at once: most of the time they wait.
const AT_ONCE: u32 = 4;

static PLACES: Semaphore = Semaphore::const_new(AT_ONCE as usize);
static ALONE: Mutex<()> = Mutex::const_new(());

/// Held by a test for as long as it has a stack.
pub(crate) type Turn = SemaphorePermit<'static>;

pub(crate) async fn turn() -> Turn {
    PLACES.acquire().await.expect("nobody closes it")
}

/// Taken before a stack by a test that others would disturb, because it measures: all turns but one.
pub(crate) async fn alone() -> (MutexGuard<'static, ()>, Turn) {
    // Two who take turns bit by bit would wait for each other.
    let only = ALONE.lock().await;
    let others = PLACES.acquire_many(AT_ONCE - 1).await;
    (only, others.expect("nobody closes it"))
}

/// Looks until there is something to see. The limit is no expectation: it is only there for the
/// test to fail instead of hanging.
pub(crate) async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(
            start.elapsed() < Duration::from_secs(30),
            "waited in vain for {what}"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Says something that the test harness would hide from those who pass.
pub(crate) fn say(message: &str) {
    // A closed stderr is no reason to fail.
    let _ = writeln!(std::io::stderr(), "{message}");
}

/// For a machine that lacks something; where everything should be there, that is a failure.
pub(crate) fn skip(why: &str) {
    assert!(
        env::var("CI").as_deref() != Ok("true"),
        "cannot test here: {why}"
    );
    say(&format!("SKIPPED a test: {why}"));
}

/// Otherwise the test is skipped.
pub(crate) async fn docker_is_there() -> bool {
    let engine = Command::new("docker").arg("info").output().await;
    let there = engine.is_ok_and(|output| output.status.success());
    if !there {
        skip("there is no Docker engine");
    }
    there
}

/// What the command prints; a command that fails fails the test, with its output.
pub(crate) async fn output(command: &mut Command) -> String {
    let (succeeded, stdout, stderr) = run(command).await;
    assert!(succeeded, "{command:?}:\n{stdout}{stderr}");
    stdout.trim().to_owned()
}

/// The last line that a command says which has to fail.
pub(crate) async fn complaint(command: &mut Command) -> String {
    let (succeeded, stdout, stderr) = run(command).await;
    assert!(!succeeded, "{command:?} should fail:\n{stdout}{stderr}");
    stderr.lines().last().unwrap_or_default().to_owned()
}

async fn run(command: &mut Command) -> (bool, String, String) {
    let output = command
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap_or_else(|err| panic!("{command:?}: {err}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    (output.status.success(), stdout, stderr)
}

/// A port that nobody has now, each time another one: a stack has to be told its port before it can take it.
/// It is below those that Linux gives to clients, because one of these could be gone a moment later.
pub(crate) fn free_port() -> u16 {
    const PORTS: Range<u16> = 20_000..32_000;
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    // Those of another checkout begin elsewhere.
    let first = process::id() as usize % PORTS.len();
    let mut ports = PORTS
        .cycle()
        .skip(first + NEXT.fetch_add(2, Ordering::Relaxed))
        .take(PORTS.len());
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::UNSPECIFIED, *port)).is_ok();
    ports.find(is_free).expect("there is a free port")
}
