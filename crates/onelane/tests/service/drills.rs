//! The service that the tests start: every drill, the harmful ones, too, one workload that tells what it
//! was asked, and one that answers with problems of its own.

mod echo;
mod refuse;

fn main() -> std::process::ExitCode {
    onelane::Service::new("drills", "7.8.9")
        .workloads(onelane::workloads![echo::Echo, refuse::Refuse])
        .workloads(onelane::drill::DEMO)
        .workloads(onelane::drill::FAULTS)
        .run()
}
