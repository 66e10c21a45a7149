//! Ports for what has to be told its port before it can take it.

use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::process;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A free port, each time another one; the next one is free as well, as a rule. It is below those that Linux gives
/// to clients, because a client could take one of these a moment later.
pub fn free_port() -> u16 {
    const PORTS: Range<u16> = 20_000..32_000;
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    // Those of another checkout begin elsewhere.
    let first = process::id() as usize % PORTS.len();
    let mut ports = PORTS
        .cycle()
        .skip(first + NEXT.fetch_add(2, Ordering::Relaxed))
        .take(PORTS.len());
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::UNSPECIFIED, *port)).is_ok();
    ports.find(is_free).expect("there is a free port")
}
