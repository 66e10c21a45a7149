//! `cluster`: one worker per CPU on one port, and what becomes of a worker that is killed.
//!
//! The service's own cluster ([`onelane::cluster`]) in this program: the parent binds a port and
//! starts this program once more for each worker, which inherits the socket. Each event of a worker's
//! life is printed while a client asks, kills one of those who answered, asks again and stops it all.
//!
//!     cargo run --example cluster

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fmt::Debug;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::{env, thread};

use clap::Parser;
use onelane::cluster::{self, worker};
use onelane::config::{Flags, Settings};
use rustix::process::{Pid, Signal, getpid, kill_process};
use serde_json::Value;
use tracing::field::Field;
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, registry};

type Failure = Box<dyn Error + Send + Sync>;
type Outcome = Result<(), Failure>;

/// What the command line of the service would say, on ports that nobody else has.
#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    flags: Flags,
}

const COMMAND_LINE: [&str; 7] = [
    "cluster",
    "--mode",
    "cluster",
    "--listen",
    "127.0.0.1:0",
    "--admin-listen",
    "127.0.0.1:0",
];

fn main() -> Outcome {
    let arguments: Vec<String> = env::args().collect();
    if let [_, role, parent, settings] = &arguments[..]
        && role == "worker"
    {
        worker::run(parent.parse()?, &Settings::from_json(settings)?)?;
        return Ok(());
    }
    let settings = Settings::load(&Cli::parse_from(COMMAND_LINE).flags)?;
    let workers = settings.slots as usize;
    println!("cluster: {workers} workers on one port, one for each CPU");
    let (tell, events) = channel();
    registry().with(Print(tell)).init();
    let client = thread::spawn(move || {
        let outcome = visit(&events, workers);
        println!("client: stops the cluster");
        kill_process(getpid(), Signal::TERM)?;
        outcome
    });
    // On this thread, because the workers die with the one that started them.
    let end = cluster::run(&settings)?;
    client.join().expect("the client does not panic")?;
    println!("the cluster ended: {end:?}");
    Ok(())
}

/// The client: waits for what it sees happen, never for a time.
fn visit(events: &Receiver<Fields>, workers: usize) -> Outcome {
    let listening = wait_for(events, "listening", 1)?;
    let url = format!("http://{}/sleep?ms=200", listening["listen"]);
    wait_for(events, "worker listening", workers)?;
    let pids = ask_at_once(&url, workers)?;

    let victim = *pids.first().ok_or("nobody answered")?;
    println!("client: kills {victim}");
    let pid = Pid::from_raw(victim).ok_or("no process id")?;
    kill_process(pid, Signal::KILL)?;
    wait_for(events, "worker listening", 1)?;
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

/// Waits until this was told so often; the last time is returned.
fn wait_for(events: &Receiver<Fields>, message: &str, count: usize) -> Result<Fields, Failure> {
    let mut told = events.iter().filter(|event| event["message"] == message);
    let last = told.nth(count - 1);
    last.ok_or_else(|| format!("the cluster ended before {message:?}").into())
}

/// What an event says.
type Fields = BTreeMap<&'static str, String>;

/// Prints what the cluster logs, and tells the client.
struct Print(Sender<Fields>);

impl<S: Subscriber> Layer<S> for Print {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target().starts_with("onelane::cluster") {
            let mut fields = Fields::default();
            event.record(&mut |field: &Field, value: &dyn Debug| {
                fields.insert(field.name(), format!("{value:?}"));
            });
            let mut words = vec![fields["message"].clone()];
            let rest = fields.iter().filter(|(name, _)| **name != "message");
            words.extend(rest.map(|(name, value)| format!("{name}={value}")));
            println!("event: {}", words.join(" "));
            // The client leaves first.
            self.0.send(fields).ok();
        }
    }
}
