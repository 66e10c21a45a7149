//! The Service in front of nginx: sends each new connection to one of the pods it knows, and an open
//! one to where it went first.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};

use super::known::Known;
use super::spec::Spec;

/// Forwards from a free port of this machine, and returns the URL of it.
pub(super) async fn forward(pods: Known) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
    let listener = listener.expect("there is a free port");
    let address = listener.local_addr().expect("it is bound");
    let port = Spec::of("nginx").probe("startupProbe").port;
    let port = u16::try_from(port).expect("it is a port");
    tokio::spawn(async move {
        let mut turn = 0;
        while let Ok((mut client, _)) = listener.accept().await {
            turn += 1;
            let Some(pod) = next(&pods, turn) else {
                continue;
            };
            tokio::spawn(async move {
                // Refused or broken: the client sees its connection end, and that is a failure.
                if let Ok(mut pod) = TcpStream::connect(SocketAddr::from((pod, port))).await {
                    let _ = copy_bidirectional(&mut client, &mut pod).await;
                }
            });
        }
    });
    format!("http://{address}")
}

fn next(pods: &Known, turn: usize) -> Option<Ipv4Addr> {
    let pods = pods.now();
    let place = turn.checked_rem(pods.len())?;
    Some(pods[place])
}
