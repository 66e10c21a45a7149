//! The service that the tests start: every drill, the harmful ones, too, and one workload that tells
//! what it was asked.

mod echo;

fn main() -> std::process::ExitCode {
    onelane::Service::new("drills", "7.8.9")
        .workloads(onelane::workloads![echo::Echo])
        .workloads(onelane::drill::DEMO)
        .workloads(onelane::drill::FAULTS)
        .run()
}
