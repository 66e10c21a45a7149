use super::attempt::{Attempt, server};
use crate::faults::Somebody;
use crate::lane::Mode::{Blocking, Cluster, Fork, Pool, Threads};
use std::process::Command;
#[test]
fn explore() {
    let mut cases = Vec::new();
    for mode in [Blocking, Threads, Fork, Pool, Cluster] {
        for n in 1..9 {
            cases.push((mode, "nproc", n));
        }
        for n in 4..40 {
            cases.push((mode, "nofile", n));
        }
    }
    let cases = std::sync::Mutex::new(cases.into_iter());
    std::thread::scope(|s| {
        for _ in 0..6 {
            s.spawn(|| {
                loop {
                    let Some((mode, what, n)) = cases.lock().unwrap().next() else {
                        return;
                    };
                    let start = std::time::Instant::now();
                    let somebody = Somebody::new().unwrap();
                    let server = server(mode);
                    let mut command = Command::new("prlimit");
                    command
                        .arg(format!("--{what}={n}"))
                        .arg(server.get_program())
                        .args(server.get_args());
                    let out = format!(
                        "{:?}",
                        Attempt::new(somebody.be(command), |mut c| c.spawn().unwrap()).outcome()
                    );
                    eprintln!(
                        "RESULT {mode} {what} {n} {:.1}s {}",
                        start.elapsed().as_secs_f64(),
                        out.chars().take(300).collect::<String>()
                    );
                }
            });
        }
    });
}
