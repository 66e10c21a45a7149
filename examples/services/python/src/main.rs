//! `python`: a service that answers from a model in Python, which is trained once.

mod workload;

fn main() -> std::process::ExitCode {
    onelane::service!()
        .workloads(workload::ALL)
        .workloads(onelane::drill::DEMO)
        .run()
}
