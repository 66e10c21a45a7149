//! `document`: a service that makes PDFs of documents.

mod workload;

fn main() -> std::process::ExitCode {
    onelane::service!()
        .workloads(workload::LOADED)
        .workloads(onelane::drill::DEMO)
        .run()
}
