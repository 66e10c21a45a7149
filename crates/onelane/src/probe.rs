//! The role of a health check: asks the server beside it whether it is ready.
//!
//! It writes the request itself instead of using an HTTP client. The request never changes and its
//! address needs no name resolution, while a client would make the static binary 4 % larger.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

/// How long to wait for the answer. The admin thread answers within milliseconds even on a busy
/// lane; the orchestrator has a timeout of its own.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Asks `/readyz` at `admin_listen`. The error says, in one line, why the answer is no.
pub fn run(admin_listen: SocketAddr) -> Result<(), String> {
    get(admin_listen, "/readyz").map(drop)
}

/// The body that `path` has at `admin_listen`. The error says, in one line, why there is none.
pub fn get(admin_listen: SocketAddr, path: &str) -> Result<String, String> {
    let address = reachable(admin_listen);
    let url = format!("http://{address}{path}");
    let answer = ask(address, path).map_err(|err| format!("{url}: {err}"))?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    match head.split_ascii_whitespace().nth(1) {
        Some("200") => Ok(body.to_owned()),
        Some(status) => Err(format!("{url}: {status}")),
        None => Err(format!("{url}: not an answer: {answer:?}")),
    }
}

/// The whole answer. In HTTP/1.0 the server closes the connection after it.
fn ask(address: SocketAddr, path: &str) -> io::Result<String> {
    let mut server = TcpStream::connect_timeout(&address, TIMEOUT)?;
    server.set_read_timeout(Some(TIMEOUT))?;
    server.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes())?;
    let mut answer = String::new();
    server.read_to_string(&mut answer)?;
    Ok(answer)
}

/// An address to connect to: loopback, if the server listens on every address. That is IPv4 where there is such a
/// loopback: in a container it may be the only one, though the kernel has IPv6.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V6(_) if UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).is_err() => {
            Ipv6Addr::LOCALHOST.into()
        }
        _ => Ipv4Addr::LOCALHOST.into(),
    };
    SocketAddr::new(ip, listen.port())
}
