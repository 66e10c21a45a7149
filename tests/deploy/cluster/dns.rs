//! The cluster's DNS: knows some names, and for as long as its cache lasts what it once said of each. It may be away.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
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

#[derive(Clone, Default)]
pub(crate) struct Dns {
    is_away: Arc<AtomicBool>,
    /// Whether the last answer for the lanes named one.
    knows_lanes: Arc<AtomicBool>,
}

impl Dns {
    /// From now on it says nothing, or is there again.
    pub(crate) fn be_away(&self, is_away: bool) {
        self.is_away.store(is_away, Ordering::Relaxed);
    }

    pub(crate) fn knows_lanes(&self) -> bool {
        self.knows_lanes.load(Ordering::Relaxed)
    }

    /// Answers for these names, the first one that of the lanes, on a port of this machine, which it returns.
    pub(super) async fn serve<const N: usize>(&self, names: [(String, Known); N]) -> u16 {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await;
        let socket = socket.expect("there is a free port");
        let port = socket.local_addr().expect("it is bound").port();
        let mut names = names.map(|(name, addresses)| Name::new(&name, addresses));
        let dns = self.clone();
        tokio::spawn(async move {
            let mut query = [0; 512];
            while let Ok((length, client)) = socket.recv_from(&mut query).await {
                let query = &query[..length];
                let answer = match names.iter_mut().find(|name| name.is_in(query)) {
                    Some(name) => name.answer(query),
                    None => answer(query, 0, &[]),
                };
                let knows_lanes = !names[0].addresses().is_empty();
                dns.knows_lanes.store(knows_lanes, Ordering::Relaxed);
                if !dns.is_away.load(Ordering::Relaxed) {
                    // A client that has left asks again.
                    let _ = socket.send_to(&answer, client).await;
                }
            }
        });
        port
    }
}

/// A name, and what was last said of it.
struct Name {
    labels: Vec<u8>,
    known: Known,
    cached: Option<(Instant, Vec<Ipv4Addr>)>,
}

impl Name {
    fn new(name: &str, known: Known) -> Self {
        Self {
            labels: labels(name),
            known,
            cached: None,
        }
    }

    fn is_in(&self, query: &[u8]) -> bool {
        query.get(QUESTION..QUESTION + self.labels.len()) == Some(&*self.labels)
    }

    fn answer(&mut self, query: &[u8]) -> Vec<u8> {
        let length = self.labels.len();
        answer(query, length, self.addresses())
    }

    fn addresses(&mut self) -> &[Ipv4Addr] {
        let is_fresh = |(at, _): &mut (Instant, _)| at.elapsed() <= DNS_CACHE;
        if !self.cached.as_mut().is_some_and(is_fresh) {
            self.cached = Some((Instant::now(), self.known.now()));
        }
        let (_, addresses) = self.cached.as_ref().expect("it was just filled");
        addresses
    }
}

/// For a name of this length. Without an address there is no such name.
fn answer(query: &[u8], name: usize, known: &[Ipv4Addr]) -> Vec<u8> {
    let (flags, question) = if known.is_empty() {
        (NO_SUCH_NAME, &query[QUESTION..])
    } else {
        (ANSWER, &query[QUESTION..QUESTION + name + 4])
    };
    // The name has no others, of IPv6 for example.
    let found = if question.ends_with(&A) { known } else { &[] };
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
