//! `primes`: a service that computes one request at a time.

mod workload;

fn main() -> std::process::ExitCode {
    onelane::service!()
        .workloads(workload::ALL)
        .workloads(onelane::drill::DEMO)
        .openapi(onelane::openapi!())
        .run()
}
