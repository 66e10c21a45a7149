//! `cluster`: one worker per CPU on one port, and what becomes of a worker that is killed.
//!
//! This program is a service of drills when it is told a role, and otherwise starts itself as one, with
//! `--mode cluster`: the parent binds a port and starts this program once more for each worker, which
//! inherits the socket. Each event of a worker's life is printed while a client asks, kills one of those
//! who answered, asks again and stops it all.
//!
//!     cargo run -p onelane --example cluster

use std::collections::BTreeSet;
use std::error::Error;
use std::io::{BufRead, BufReader, Lines};
use std::process::{ChildStderr, Command, ExitCode, Stdio};
use std::{env, thread};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

type Failure = Box<dyn Error + Send + Sync>;
type Outcome = Result<(), Failure>;

/// On free ports, and with a log that programs can read.
const COMMAND_LINE: [&str; 9] = [
    "serve",
    "--mode",
    "cluster",
    "--listen",
    "127.0.0.1:0",
    "--admin-listen",
    "127.0.0.1:0",
    "--log-format",
    "json",
];

fn main() -> Result<ExitCode, Failure> {
    if env::args().len() > 1 {
        let service = onelane::Service::new("cluster", env!("CARGO_PKG_VERSION"));
        return Ok(service.workloads(onelane::drill::DEMO).run());
    }
    let mut server = Command::new(env::current_exe()?)
        .args(COMMAND_LINE)
        .stderr(Stdio::piped())
        .spawn()?;
    let log = server.stderr.take().expect("it was spawned with a pipe");
    let mut events = Events(BufReader::new(log).lines());
    let outcome = visit(&mut events);
    println!("client: stops the cluster");
    let pid = Pid::from_child(&server);
    kill_process(pid, Signal::TERM)?;
    // Reads the log to its end: until it is read, the server waits with its exit.
    while events.next()?.is_some() {}
    println!("the cluster ended: {}", server.wait()?);
    outcome.map(|()| ExitCode::SUCCESS)
}

/// The client: waits for what it sees happen, never for a time.
fn visit(events: &mut Events) -> Outcome {
    let listening = events.wait_for("listening", 1)?;
    let address = listening["listen"].as_str().ok_or("no address")?;
    let url = format!("http://{address}/sleep?ms=200");
    let workers = thread::available_parallelism()?.get();
    println!("cluster: {workers} workers on one port, one for each CPU");
    events.wait_for("worker listening", workers)?;
    let pids = ask_at_once(&url, workers)?;

    let victim = *pids.first().ok_or("no worker answered")?;
    println!("client: kills {victim}");
    let pid = Pid::from_raw(victim).ok_or("no process id")?;
    kill_process(pid, Signal::KILL)?;
    events.wait_for("worker listening", 1)?;
    ask_at_once(&url, workers)?;
    Ok(())
}

/// As many requests as there are workers, each long enough to keep one busy: a worker takes a
/// connection only when it has nothing else to do. Returns who answered.
fn ask_at_once(url: &str, count: usize) -> Result<BTreeSet<i32>, Failure> {
    let asking: Vec<_> = (0..count)
        .map(|_| minreq::get(url))
        .map(|request| thread::spawn(|| request.send()))
        .collect();
    let mut pids = BTreeSet::new();
    for asked in asking {
        let answer = asked.join().expect("asking does not panic")?;
        let answer: Value = serde_json::from_str(answer.as_str()?)?;
        pids.insert(serde_json::from_value(answer["pid"].clone())?);
    }
    println!("client: {count} requests at once were answered by {pids:?}");
    Ok(pids)
}

/// What the cluster logs, line by line.
struct Events(Lines<BufReader<ChildStderr>>);

impl Events {
    /// The next line, which is printed if it is about a worker; none when the cluster has ended.
    fn next(&mut self) -> Result<Option<Value>, Failure> {
        let Some(line) = self.0.next() else {
            return Ok(None);
        };
        let event: Value = serde_json::from_str(&line?)?;
        let message = event["message"].as_str().unwrap_or_default();
        if message.starts_with("worker ") {
            let fields = ["pid", "status", "cause"].into_iter();
            let told = fields.filter_map(|name| Some(format!(" {name}={}", event.get(name)?)));
            println!("event: {message}{}", told.collect::<String>());
        }
        Ok(Some(event))
    }

    /// Waits until this was told so often; the last time is returned.
    fn wait_for(&mut self, message: &str, count: usize) -> Result<Value, Failure> {
        let mut seen = 0;
        while let Some(event) = self.next()? {
            seen += usize::from(event["message"] == message);
            if seen == count {
                return Ok(event);
            }
        }
        Err(format!("the cluster ended before {message:?}").into())
    }
}
