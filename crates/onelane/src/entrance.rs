//! A listening socket: how connections are taken, and how it is closed without losing one.
//!
//! A client whose connection waits in the kernel's queue may have sent its request. When the
//! socket is closed, the kernel resets that connection. So before that no new connection may come, and one that is
//! there already is let in.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::os::fd::AsFd;
use std::time::Duration;

use socket2::{SockFilter, SockRef};
use tokio::net::{self, TcpSocket, TcpStream};
use tokio::time::sleep;

/// The pause after a connection could not be taken, for want of descriptors as a rule.
const PAUSE: Duration = Duration::from_millis(100);

/// How many connections the kernel keeps until the server takes them, beyond those that are to wait there. What is
/// more has to ask again, a second later at the earliest. It is what kernels allow (`net.core.somaxconn`).
const BACKLOG: u32 = 4096;

/// A program for the kernel, which is run on every packet to the socket: drops those that ask for a new
/// connection (SYN, bit 1 in byte 13 of a TCP header), takes all others, among them the last ones of
/// connections that are being made. Each line: the operation, the jumps if it is true or not, its operand.
const NO_NEW_ONES: [SockFilter; 4] = [
    // Load this byte.
    SockFilter::new(0x30, 0, 0, 13),
    // If this bit is set, go on, else skip the next line.
    SockFilter::new(0x45, 0, 1, 0b10),
    // Keep 0 bytes of the packet.
    SockFilter::new(0x06, 0, 0, 0),
    // Keep all of it.
    SockFilter::new(0x06, 0, 0, u32::MAX),
];

/// How long a connection may take that has begun before the socket was closed to new ones: several times
/// the way to a client and back. A client that asks meanwhile has no answer, and tries elsewhere.
const SETTLE: Duration = Duration::from_millis(20);

/// Binds a socket in whose queue up to `queue_max` connections are to wait. `[::]` is every address there is: those
/// of IPv4, too, and these alone where the kernel has no IPv6.
pub fn bind(address: SocketAddr, queue_max: u32) -> io::Result<TcpListener> {
    let is_every = address.ip() == Ipv6Addr::UNSPECIFIED;
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    };
    if is_every && socket.is_err() {
        return bind((Ipv4Addr::UNSPECIFIED, address.port()).into(), queue_max);
    }
    let socket = socket?;
    if is_every {
        SockRef::from(&socket).set_only_v6(false)?;
    }
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    let listener = socket.listen(BACKLOG.saturating_add(queue_max))?;
    listener.into_std()
}

/// The next connection. While none can be taken, for want of descriptors as a rule, it calls `make_way` again and
/// again; the log says so once.
pub async fn next(listener: &net::TcpListener, make_way: impl Fn()) -> TcpStream {
    let mut is_logged = false;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(err) => {
                if !std::mem::replace(&mut is_logged, true) {
                    tracing::error!(%err, "no connection could be accepted");
                }
                make_way();
                sleep(PAUSE).await;
            }
        }
    }
}

/// Keeps new connections out. Returns when all others are in the queue of the socket, or have left it.
pub async fn close(listener: &impl AsFd) {
    // Where the kernel does not have this, a connection may be lost that comes in the last moment.
    SockRef::from(listener).attach_filter(&NO_NEW_ONES).ok();
    sleep(SETTLE).await;
}

/// A connection that is in the queue now. The socket must not block.
pub fn queued(listener: &TcpListener) -> Option<TcpStream> {
    let (stream, _) = listener.accept().ok()?;
    stream.set_nonblocking(true).ok()?;
    TcpStream::from_std(stream).ok()
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use rstest::rstest;

    use super::{SETTLE, TcpListener, close, queued};

    #[rstest]
    #[tokio::test]
    async fn a_closed_entrance_keeps_its_connections_and_lets_no_more_in(
        #[values("127.0.0.1:0", "[::1]:0")] address: &str,
    ) {
        let listener = TcpListener::bind(address).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let there = TcpStream::connect(address).unwrap();
        close(&listener).await;
        TcpStream::connect_timeout(&address, SETTLE).unwrap_err();

        let client = queued(&listener).unwrap().peer_addr().unwrap();
        assert_eq!(client, there.local_addr().unwrap());
        assert!(queued(&listener).is_none());
    }
}
