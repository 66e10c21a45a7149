//! `thumbnail`: a service that draws small pictures of large ones.

mod workload;

fn main() -> std::process::ExitCode {
    onelane::service!()
        .workloads(workload::ALL)
        .workloads(onelane::drill::DEMO)
        .run()
}
