//! The service that the tests start: every drill, the harmful ones, too, one workload that tells what it
//! was asked, and some that answer, refuse and take bodies in every way there is.

mod answer;
mod echo;
mod refuse;
mod take;

fn main() -> std::process::ExitCode {
    onelane::Service::new("drills", "7.8.9")
        .workloads(onelane::workloads![
            answer::Answer,
            echo::Echo,
            refuse::Refuse,
            take::TakeBytes,
            take::TakeFields
        ])
        .workloads(onelane::drill::DEMO)
        .workloads(onelane::drill::FAULTS)
        .run()
}
