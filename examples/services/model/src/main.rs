//! `model`: a service that answers from a table that it has loaded once.

mod workload;

fn main() -> std::process::ExitCode {
    onelane::service!()
        .workloads(workload::ALL)
        .workloads(onelane::drill::DEMO)
        .run()
}
