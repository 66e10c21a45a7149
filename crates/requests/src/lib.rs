//! Requests, byte by byte, and the answers to them: those written down with what they get, and those made at random.

pub mod corpus;
pub mod random;
