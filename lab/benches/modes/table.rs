//! From trials to the table.

use onelane_lab::figures::Spread;

use crate::round::{Subject, Trial};

pub(crate) fn print(rounds: u32, trials: &[Trial]) {
    println!(
        "\nA trivial request (/fast), {rounds} rounds: median (least – most). Latency over one \
         connection;\nrequests per second and CPU time of the machine, less the client's, over eight.\n"
    );
    println!(
        "| | median, ms | p99, ms | median ÷ posix_spawn | requests/s | CPU µs/request |\n\
         |---|---|---|---|---|---|"
    );
    let bare = median(trials, Subject::Bare);
    for subject in Subject::all() {
        if let Some(bare) = bare
            && let Some(own) = median(trials, subject)
        {
            println!("{}", row(subject, trials, own / bare));
        }
    }
    targets(trials);
}

fn row(subject: Subject, trials: &[Trial], ratio: f64) -> String {
    let over = |figure: fn(&Trial) -> f64| Spread::over(of(trials, subject).map(figure));
    let cpu = match of(trials, subject).find_map(|trial| trial.cpu_us) {
        None => String::new(),
        Some(_) => format!("{:.1}", over(|trial| trial.cpu_us.unwrap_or(f64::NAN))),
    };
    format!(
        "| {subject} | {:.3} | {:.3} | {ratio:.2} | {:.0} | {cpu} |",
        over(|trial| trial.median_ms),
        over(|trial| trial.p99_ms),
        over(|trial| trial.per_second),
    )
}

/// The two ratios that fork is meant to hold.
fn targets(trials: &[Trial]) {
    let fork = median(trials, Subject::Mode("fork"));
    let ratio = |subject| Some(median(trials, subject)? / fork?);
    println!();
    if let Some(bare) = ratio(Subject::Bare) {
        println!(
            "fork takes {:.2} times as long as posix_spawn + wait (target: at most 2)",
            1.0 / bare
        );
    }
    if let Some(node) = ratio(Subject::NodeFork) {
        println!("fork is {node:.0} times faster than Node's fork (target: at least 100)");
    }
}

fn median(trials: &[Trial], subject: Subject) -> Option<f64> {
    of(trials, subject).next()?;
    Some(Spread::over(of(trials, subject).map(|trial| trial.median_ms)).median)
}

fn of(trials: &[Trial], subject: Subject) -> impl Iterator<Item = &Trial> {
    trials.iter().filter(move |trial| trial.subject == subject)
}
