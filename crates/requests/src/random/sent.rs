//! What is sent on one connection: some requests, most of them whole, in pieces.

use std::fmt::{self, Debug, Formatter};

use proptest::collection::vec;
use proptest::prelude::{BoxedStrategy, Just, Strategy, any};
use proptest::prop_oneof;
use proptest::sample::select;

use super::body::{Body, body};
use super::head::{Head, head};
use super::mutation::{mutated, part};
use crate::corpus;

/// The longest entry of the corpus that is taken: others are about lengths, and slow.
const ENTRY_MAX_BYTES: usize = 20_000;

/// Some requests, most of them whole.
pub fn connection() -> BoxedStrategy<Sent> {
    let requests = vec(request(), 1..4).prop_map(|requests| requests.concat());
    cut(mutated(requests)).boxed()
}

/// What is sent, and in which pieces.
#[derive(Clone)]
pub struct Sent {
    /// All of it.
    pub bytes: Vec<u8>,
    /// Where a piece begins.
    cuts: Vec<usize>,
    /// Whether the client closes its end as soon as the other end has said its last word.
    pub leaves: bool,
}

/// As the corpus has it.
impl Debug for Sent {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        for piece in self.pieces() {
            for run in piece.chunk_by(|one, next| one == next) {
                let byte = run[..1].escape_ascii();
                match run.len() {
                    count @ 5.. => write!(formatter, "{{{count}*{byte}}}")?,
                    _ => write!(formatter, "{}", run.escape_ascii())?,
                }
            }
            writeln!(formatter, "\\")?;
        }
        Ok(())
    }
}

impl Sent {
    /// As they are sent.
    pub fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        let ends = self.cuts.iter().copied().chain([self.bytes.len()]);
        let mut begin = 0;
        ends.map(move |end| &self.bytes[std::mem::replace(&mut begin, end)..end])
    }
}

/// `bytes`, in pieces.
pub fn cut(bytes: impl Strategy<Value = Vec<u8>>) -> impl Strategy<Value = Sent> {
    let leaves = prop_oneof![1 => Just(false), 9 => Just(true)];
    (bytes, vec(any::<u16>(), 0..4), leaves).prop_map(|(bytes, cuts, leaves)| {
        let cuts = cuts.into_iter().map(|cut| part(cut, bytes.len()));
        let mut cuts: Vec<_> = cuts.collect();
        cuts.sort_unstable();
        Sent {
            bytes,
            cuts,
            leaves,
        }
    })
}

/// The bytes of a request with an id of its own.
fn request() -> impl Strategy<Value = Vec<u8>> {
    let made =
        (head(), body(), any::<u32>()).prop_map(|(head, body, id)| assemble(&head, &body, id));
    let entries = corpus::entries()
        .into_iter()
        .map(|entry| entry.bytes("raw"));
    let entries = entries.filter(|bytes| bytes.len() <= ENTRY_MAX_BYTES);
    prop_oneof![
        8 => made,
        2 => select(entries.collect::<Vec<_>>()),
    ]
}

fn assemble(head: &Head, body: &Body, id: u32) -> Vec<u8> {
    let end = if head.is_loose { "\n" } else { "\r\n" };
    let line = [head.method, head.target, head.version].join(" ");
    let mut fields = vec![head.host.to_owned(), format!("X-Request-Id: {}", named(id))];
    fields.extend(head.fields.iter().map(|&field| field.to_owned()));
    let framing = body.framing.iter().cloned();
    if head.is_framed_first {
        fields.splice(..0, framing);
    } else {
        fields.extend(framing);
    }
    fields.retain(|field| !field.is_empty());
    let mut bytes = [line]
        .into_iter()
        .chain(fields)
        .collect::<Vec<_>>()
        .join(end)
        .into_bytes();
    bytes.extend([end, end].concat().bytes());
    bytes.extend(&body.bytes);
    bytes
}

/// The id of a request.
pub fn named(id: u32) -> String {
    format!("fuzz-{id:08x}")
}
