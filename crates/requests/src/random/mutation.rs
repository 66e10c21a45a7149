//! Bytes that are right but for a few.

use proptest::collection::vec;
use proptest::prelude::{Strategy, any};
use proptest::prop_oneof;
use proptest::sample::select;

/// What is put between others.
const WORDS: [&[u8]; 26] = [
    b"\r",
    b"\n",
    b"\r\n",
    b"\r\n\r\n",
    b"\n\n",
    b"\0",
    b" ",
    b"\t",
    b":",
    b";",
    b",",
    b"\"",
    b"%",
    b"0",
    b"9",
    b"a",
    b"{",
    b"}",
    b"\xff",
    "ü".as_bytes(),
    b"\x7f",
    b"\x0b",
    b"0\r\n\r\n",
    b"\r\nContent-Length: 5",
    b"\r\nTransfer-Encoding: chunked",
    b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n",
];

/// One thing done to bytes. Places and lengths are parts of the whole, of 65 536.
#[derive(Debug, Clone)]
enum Mutation {
    Insert(u16, &'static [u8]),
    Replace(u16, u8),
    Flip(u16, u8),
    Remove(u16, u8),
    Repeat(u16, u8),
    /// The rest never comes.
    End(u16),
}

/// `bytes`, half of them with a few things done to them.
pub fn mutated(bytes: impl Strategy<Value = Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let mutations = prop_oneof![vec(mutation(), 0..1), vec(mutation(), 0..4)];
    (bytes, mutations).prop_map(|(mut bytes, mutations)| {
        for mutation in mutations {
            mutation.apply(&mut bytes);
        }
        bytes
    })
}

fn mutation() -> impl Strategy<Value = Mutation> {
    prop_oneof![
        4 => (any::<u16>(), select(WORDS.to_vec())).prop_map(|(at, word)| Mutation::Insert(at, word)),
        2 => any::<(u16, u8)>().prop_map(|(at, byte)| Mutation::Replace(at, byte)),
        2 => (any::<u16>(), 0..8_u8).prop_map(|(at, bit)| Mutation::Flip(at, bit)),
        2 => (any::<u16>(), 1..20_u8).prop_map(|(at, count)| Mutation::Remove(at, count)),
        1 => any::<(u16, u8)>().prop_map(|(at, count)| Mutation::Repeat(at, count)),
        1 => any::<u16>().prop_map(Mutation::End),
    ]
}

impl Mutation {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let length = bytes.len();
        let end = |begin: usize, count: u8| (begin + usize::from(count)).min(length);
        match *self {
            Self::Insert(at, word) => {
                let at = part(at, length);
                bytes.splice(at..at, word.iter().copied());
            }
            Self::Replace(at, byte) => {
                if let Some(it) = bytes.get_mut(part(at, length)) {
                    *it = byte;
                }
            }
            Self::Flip(at, bit) => {
                if let Some(it) = bytes.get_mut(part(at, length)) {
                    *it ^= 1 << bit;
                }
            }
            Self::Remove(at, count) => {
                let at = part(at, length);
                bytes.drain(at..end(at, count));
            }
            Self::Repeat(at, count) => {
                let at = part(at, length);
                let again = bytes[at..end(at, count)].to_vec();
                bytes.splice(at..at, again);
            }
            Self::End(at) => bytes.truncate(part(at, length)),
        }
    }
}

/// So many of 65 536 parts of a length.
pub fn part(of: u16, length: usize) -> usize {
    usize::from(of) * (length + 1) / 65_536
}
