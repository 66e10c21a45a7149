//! The service that the tests start: every drill, the harmful ones, too, and workloads that have, answer, refuse
//! and take whatever there is for a service to have, answer, refuse and take.

mod answer;
mod echo;
mod mirror;
mod note;
mod print;
mod program;
mod refuse;
mod run;
mod state;
mod stay;
mod take;
mod tally;
mod trace;
#[cfg(feature = "multipart")]
mod upload;

fn main() -> std::process::ExitCode {
    let with = |name| std::env::var_os(name).is_some();
    let service = onelane::Service::new("drills", "7.8.9");
    let service = if with("WITH_PUBLIC_OPENAPI") {
        service.public_openapi()
    } else {
        service
    };
    service
        .workloads(onelane::workloads![
            answer::Answer,
            echo::Echo,
            mirror::Mirror,
            note::Note,
            print::Print,
            program::Program,
            refuse::Refuse,
            run::Run,
            take::TakeBytes,
            take::TakeFields,
            tally::Tally,
            trace::Trace
        ])
        .workloads(UPLOADS)
        .workloads(onelane::drill::DEMO)
        .workloads(onelane::drill::FAULTS)
        // For the few tests that are about it: the others start quicker without.
        .workloads(if with("WITH_STATE") { state::ALL } else { &[] })
        .workloads(if with("WITH_PROGRAM") { stay::ALL } else { &[] })
        .run()
}

#[cfg(feature = "multipart")]
const UPLOADS: &[onelane::Definition] = onelane::workloads![upload::TakeFiles];
#[cfg(not(feature = "multipart"))]
const UPLOADS: &[onelane::Definition] = &[];
