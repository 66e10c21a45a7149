//! Trials of the service on a real cluster, the one that `KUBECONFIG` or kubectl's current context names:
//! `tests/k8s/live/run`, or `make live`. What needs no cluster is tested beside it, in `tests/k8s`.
//!
//! An example to cargo, because `cargo run` gives way to what it runs: an interrupt has to reach this
//! program, which then puts the cluster in order.

// What is asked on the command line and by the environment.
mod options;
// One trial after the other, each by itself: what is done, and what has to be true.
mod trials;

// How trials end, and what they tell.
mod notes;
// The cluster, and what has to be put back as it was.
mod cluster;
mod undo;
// The namespaces: only our own are touched.
mod home;
// Lanes and nginx as they are, and doing something to them.
mod service;
// Clients in the cluster, what they got, and what lanes and nginx say about it.
mod answers;
mod load;
mod witness;

// The one way to the cluster.
mod kubectl;

use std::panic::AssertUnwindSafe;
use std::process::ExitCode;

use futures_util::FutureExt;
use tokio::signal::unix::{SignalKind, signal};

use cluster::Cluster;
use notes::{Report, Stop};
use options::Options;

#[tokio::main]
async fn main() -> ExitCode {
    let options = match Options::read() {
        Ok(options) => options,
        Err(code) => return code,
    };
    match try_all(&options).await {
        Ok(code) => code,
        Err(why) => {
            eprintln!("live: {why}");
            ExitCode::from(2)
        }
    }
}

async fn try_all(options: &Options) -> Result<ExitCode, Stop> {
    let mut interrupts = signal(SignalKind::interrupt()).map_err(Stop::from_error)?;
    let mut terminations = signal(SignalKind::terminate()).map_err(Stop::from_error)?;
    let mut stopped = async || {
        tokio::select! {
            _ = interrupts.recv() => "Ctrl-C",
            _ = terminations.recv() => "SIGTERM",
        }
    };
    let cluster = Cluster::find(options).await?;
    home::claim().await?;

    let mut report = Report::new();
    // A mistake in here must not leave the cluster as it is at that moment.
    let trials = AssertUnwindSafe(trials::run(&cluster, options, &mut report)).catch_unwind();
    let end = tokio::select! {
        end = trials => end.map_err(|_| "a trial panicked"),
        signal = stopped() => Err(signal),
    };
    if let Err(why) = end {
        report.broken_off(why);
    }
    println!("cleaning up; a second Ctrl-C leaves it as it is");
    tokio::select! {
        () = cleaned_up(&cluster) => {}
        _ = stopped() => println!("left as it is"),
    }
    Ok(report.close())
}

async fn cleaned_up(cluster: &Cluster) {
    cluster.undo.all().await;
    home::leave().await;
}
