//! What clients see when things go wrong: a worker is killed while it computes, a computation never
//! ends, a client leaves, the service is stopped. Two workers, or one where that says more; a limit of
//! one second for a computation, for those who know one.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use onelane_lab::client::{Silence, abandon, get};
use onelane_lab::usage::{Usage, tree};
use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};

use super::unlike;
use crate::bench::Bench;
use crate::contenders::{Contender, Running, Terms};

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) contender: String,
    pub(crate) killed: Hit,
    /// Not in a quick run: it takes long.
    pub(crate) frozen: Option<Hit>,
    pub(crate) endless: Seen,
    pub(crate) left: Left,
    pub(crate) stopped: Stopped,
}

/// An answer, or what there was instead.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Seen {
    pub(crate) what: String,
    pub(crate) after_ms: u64,
}

/// The process that computes gets SIGKILL, or SIGSTOP.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Hit {
    pub(crate) client: Seen,
    /// Of the short requests from then on, those without a 200.
    pub(crate) others_failed: usize,
    pub(crate) others: usize,
}

/// A client leaves early on.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Left {
    /// CPU time spent on its request after it had gone.
    pub(crate) wasted_cpu_ms: u64,
    /// How long the next client waits, where there is one worker.
    pub(crate) next: Seen,
}

/// A stop as its makers mean it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Stopped {
    /// By the client whose request was being computed.
    pub(crate) client: Seen,
    /// Until all processes had ended; those that have not in 5 s are killed.
    pub(crate) took_ms: u64,
}

const PATIENCE: Duration = Duration::from_secs(4);
/// More than any contender takes to give a process up that does not answer.
const PATIENCE_WITH_THE_FROZEN: Duration = Duration::from_secs(10);
/// Until a request is surely being computed.
const HEAD_START: Duration = Duration::from_millis(250);

pub(crate) fn run(bench: &Bench) -> Vec<Row> {
    let rows = unlike(bench).filter_map(|contender| {
        let row = Row {
            contender: contender.to_string(),
            killed: hit(bench, contender, Signal::KILL, PATIENCE)?,
            frozen: if bench.pick(false, false, true) {
                Some(hit(bench, contender, Signal::STOP, PATIENCE_WITH_THE_FROZEN)?)
            } else {
                None
            },
            endless: endless(bench, contender)?,
            left: left(bench, contender)?,
            stopped: stopped(bench, contender)?,
        };
        bench.say(&format!(
            "faults, {contender}: worker killed: {}, {} of {} others failed; endless: {}; client left: {} ms of CPU wasted, next {}; stop: {}, {} ms",
            row.killed.client, row.killed.others_failed, row.killed.others, row.endless,
            row.left.wasted_cpu_ms, row.left.next, row.stopped.client, row.stopped.took_ms
        ));
        Some(row)
    });
    rows.collect()
}

fn terms(slots: u32) -> Terms {
    Terms {
        deadline_seconds: 1,
        ..Terms::slots(slots)
    }
}

fn see(address: SocketAddr, path: &str, patience: Duration) -> Seen {
    let start = Instant::now();
    let what = match get(address, path, patience) {
        Ok(status) => status.to_string(),
        Err(Silence::Refused) => "connection refused".to_owned(),
        Err(Silence::Closed) => "connection closed".to_owned(),
        Err(Silence::Late) => "nothing".to_owned(),
    };
    Seen {
        what,
        after_ms: whole_ms(start.elapsed()),
    }
}

fn whole_ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Whatever computes gets this signal in the middle of it.
fn hit(bench: &Bench, contender: Contender, signal: Signal, patience: Duration) -> Option<Hit> {
    let running = bench.start(contender, terms(2))?;
    let address = running.address;
    let client = thread::spawn(move || see(address, "/wait?ms=700", patience));
    kill_process(busiest(&running), signal).ok();
    let others = 10;
    let mut others_failed = 0;
    for _ in 0..others {
        if get(address, "/fast", Duration::from_secs(1)) != Ok(200) {
            others_failed += 1;
        }
        thread::sleep(Duration::from_millis(30));
    }
    Some(Hit {
        client: client.join().ok()?,
        others_failed,
        others,
    })
}

/// The process that used most CPU time just now.
fn busiest(running: &Running) -> Pid {
    let pids: Vec<u32> = running
        .servers
        .iter()
        .flat_map(|server| tree(server.pid()))
        .collect();
    // Those that come only now are children for this very request.
    let before: Vec<_> = pids
        .iter()
        .map(|pid| (*pid, Usage::of_process(*pid)))
        .collect();
    thread::sleep(HEAD_START);
    let now = running.servers.iter().flat_map(|server| tree(server.pid()));
    let spent = |pid: &u32| {
        let earlier = before.iter().find(|(known, _)| known == pid);
        let earlier = earlier.map(|(_, cpu)| *cpu).unwrap_or_default();
        Usage::of_process(*pid).saturating_sub(earlier)
    };
    let busiest = now.max_by_key(spent).expect("a server is a process");
    Pid::from_raw(busiest.cast_signed()).expect("a process has a number")
}

fn endless(bench: &Bench, contender: Contender) -> Option<Seen> {
    let running = bench.start(contender, terms(2))?;
    let ms = bench.pick(1500, 2000, 60_000);
    Some(see(running.address, &format!("/sleep?ms={ms}"), PATIENCE))
}

fn left(bench: &Bench, contender: Contender) -> Option<Left> {
    // No limit must end what is to be seen going on.
    let running = bench.start(contender, Terms::slots(1))?;
    abandon(running.address, "/wait?ms=700", HEAD_START).ok()?;
    let before = running.usage().cpu;
    let next = see(running.address, "/fast", PATIENCE);
    thread::sleep(Duration::from_millis(700).saturating_sub(HEAD_START));
    let wasted = running.usage().cpu.saturating_sub(before);
    Some(Left {
        wasted_cpu_ms: whole_ms(wasted),
        next,
    })
}

fn stopped(bench: &Bench, contender: Contender) -> Option<Stopped> {
    let mut running = bench.start(contender, terms(2))?;
    let address = running.address;
    let client = thread::spawn(move || see(address, "/sleep?ms=500", PATIENCE));
    thread::sleep(HEAD_START);
    let start = Instant::now();
    for server in &mut running.servers {
        server.signal(Contender::stop_signal(&server.command));
        // The one in front first: it needs those behind it until it has ended.
        while server.ended().is_none() && start.elapsed() < Duration::from_secs(5) {
            thread::sleep(Duration::from_millis(5));
        }
    }
    let took = start.elapsed();
    Some(Stopped {
        client: client.join().ok()?,
        took_ms: whole_ms(took),
    })
}

impl std::fmt::Display for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} after {} ms", self.what, self.after_ms)
    }
}
