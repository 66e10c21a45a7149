//! A Service: sends each new connection to one of the pods it knows, and an open one to where it went first. While it
//! knows none, it refuses them.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use onelane_stack::free_port;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

use super::known::Known;

/// How often it looks whether there are pods.
const LOOK: Duration = Duration::from_millis(100);

/// Forwards from a free port of this machine, which it returns, to this one of the pods.
pub(super) async fn forward(pods: Known, address: Ipv4Addr, port: u64) -> u16 {
    // One that no client gets while this is closed for want of pods.
    let listener = TcpListener::bind((address, free_port())).await;
    let listener = listener.expect("there is a free port");
    let address = listener.local_addr().expect("it is bound");
    let port = u16::try_from(port).expect("it is a port");
    tokio::spawn(async move {
        let mut listener = Some(listener);
        let mut turn = 0;
        loop {
            let Some(pod) = next(&pods, turn) else {
                listener = None;
                sleep(LOOK).await;
                continue;
            };
            let open = match listener.take() {
                Some(open) => open,
                None => TcpListener::bind(address).await.expect("it was ours"),
            };
            let client = timeout(LOOK, open.accept()).await;
            listener = Some(open);
            let Ok(Ok((mut client, _))) = client else {
                continue;
            };
            turn += 1;
            tokio::spawn(async move {
                // Refused or broken: the client sees its connection end, and that is a failure.
                if let Ok(mut pod) = TcpStream::connect(SocketAddr::from((pod, port))).await {
                    let _ = copy_bidirectional(&mut client, &mut pod).await;
                }
            });
        }
    });
    address.port()
}

fn next(pods: &Known, turn: usize) -> Option<Ipv4Addr> {
    let pods = pods.now();
    let place = turn.checked_rem(pods.len())?;
    Some(pods[place])
}
