//! The cluster's DNS: knows one name, and for as long as its cache lasts what it once said.

use std::net::Ipv4Addr;
use std::time::Instant;

use tokio::net::UdpSocket;

use super::DNS_CACHE;
use super::known::Known;

/// Of the header, after the id: an answer to an ordinary question that may be repeated elsewhere.
const ANSWER: [u8; 2] = [0x81, 0x80];
/// The same, but the name does not exist.
const NO_SUCH_NAME: [u8; 2] = [0x81, 0x83];
/// An address (A), internet.
const A: [u8; 4] = [0, 1, 0, 1];
/// Where questions begin, and with them the name.
const QUESTION: usize = 12;

/// Answers for `name` on a port of this machine, which it returns.
pub(super) async fn serve(name: String, addresses: Known) -> u16 {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await;
    let socket = socket.expect("there is a free port");
    let port = socket.local_addr().expect("it is bound").port();
    let name = labels(&name);
    tokio::spawn(async move {
        let mut cached: Option<(Instant, Vec<Ipv4Addr>)> = None;
        let mut query = [0; 512];
        while let Ok((length, client)) = socket.recv_from(&mut query).await {
            let stale = cached
                .as_ref()
                .is_none_or(|(at, _)| at.elapsed() > DNS_CACHE);
            if stale {
                cached = Some((Instant::now(), addresses.now()));
            }
            let (_, known) = cached.as_ref().expect("it was just filled");
            let answer = answer(&query[..length], &name, known);
            // A client that has left asks again.
            let _ = socket.send_to(&answer, client).await;
        }
    });
    port
}

fn answer(query: &[u8], name: &[u8], known: &[Ipv4Addr]) -> Vec<u8> {
    let end = QUESTION + name.len();
    let ours = query.get(QUESTION..end) == Some(name) && !known.is_empty();
    let (flags, question) = if ours {
        (ANSWER, &query[QUESTION..end + 4])
    } else {
        (NO_SUCH_NAME, &query[QUESTION..])
    };
    // The name has no others, of IPv6 for example.
    let found = if question.ends_with(&A) && ours {
        known
    } else {
        &[]
    };
    let count = u8::try_from(found.len()).expect("there are few lanes");
    let mut answer = [&query[..2], &flags, &[0, 1, 0, count, 0, 0, 0, 0], question].concat();
    for address in found {
        // The name of the question, how long this is good for (nginx has its own idea), four bytes.
        answer.extend([0xc0, 0x0c]);
        answer.extend(A);
        answer.extend([0, 0, 0, 30, 0, 4]);
        answer.extend(address.octets());
    }
    answer
}

/// A name as it stands in a message: each part after its length, and an empty one in the end.
fn labels(name: &str) -> Vec<u8> {
    let parts = name.split('.').chain([""]);
    let with_length = |part: &str| {
        [
            &[u8::try_from(part.len()).expect("a short name")],
            part.as_bytes(),
        ]
        .concat()
    };
    parts.flat_map(with_length).collect()
}
