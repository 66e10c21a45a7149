//! The role of a health check: asks the server beside it whether it is ready.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// How long to wait for the answer, in seconds. The admin thread answers within milliseconds even
/// on a busy lane; the orchestrator has a timeout of its own.
const TIMEOUT_SECONDS: u64 = 2;

/// Asks `/readyz` at `admin_listen`. The error says, in one line, why the answer is no.
pub fn run(admin_listen: SocketAddr) -> Result<(), String> {
    let url = format!("http://{}/readyz", reachable(admin_listen));
    let answer = minreq::get(&url)
        .with_timeout(TIMEOUT_SECONDS)
        .send()
        .map_err(|err| format!("{url}: {err}"))?;
    match answer.status_code {
        200 => Ok(()),
        status => Err(format!("{url}: {status}")),
    }
}

/// A server that listens on every address is reached by loopback.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}
