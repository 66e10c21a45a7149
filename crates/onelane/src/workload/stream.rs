//! Answers that are sent while they are computed.

use std::io::{self, Write};

use super::call::{Call, Outlet};
use super::reply::{Content, PIECE_BYTES, Reply, ReplyHead};
use super::stop::Stop;

impl Call {
    /// Begins an answer that is sent while it is computed. `reply` has its status, its headers and the
    /// beginning of its body, which may be empty. It is called at most once for a request.
    ///
    /// ```
    /// use std::io::Write;
    ///
    /// use onelane::{Call, Reply, Stop};
    ///
    /// fn squares(call: &Call) -> Result<Reply, Stop> {
    ///     let mut table = call.stream(Reply::bytes("text/csv", "number,square\n"));
    ///     for number in 1..=3 {
    ///         call.check()?;
    ///         writeln!(table, "{number},{}", number * number)?;
    ///     }
    ///     table.finish()
    /// }
    ///
    /// let reply = squares(&Call::default()).unwrap();
    /// assert_eq!(reply.body(), b"number,square\n1,1\n2,4\n3,9\n");
    /// ```
    pub fn stream(&self, reply: Reply) -> Stream {
        Stream::new(self.clone(), reply)
    }
}

/// A body that is sent while it is computed. A caller that reads slowly slows it down; one that leaves ends
/// it by an error. [`Call::stream`] begins one.
///
/// The caller has the status already: if the workload fails now, its connection breaks, so that it does
/// not take the part for the whole.
#[derive(Debug)]
pub struct Stream {
    call: Call,
    /// None once it is on its way.
    head: Option<ReplyHead>,
    buffer: Vec<u8>,
}

impl Stream {
    fn new(call: Call, reply: Reply) -> Self {
        let buffer = reply.body().to_vec();
        let head = Some(reply.head);
        Self { call, head, buffer }
    }

    /// Sends what is left. The result is what `run` returns.
    pub fn finish(mut self) -> Result<Reply, Stop> {
        self.flush()?;
        Ok(match self.head.take() {
            // Without an outlet this is a unit test, which can look at it.
            Some(head) => Reply {
                head,
                content: Content::Whole(self.buffer.into()),
            },
            None => Reply {
                content: Content::Sent,
                ..Reply::empty()
            },
        })
    }

    fn send(&mut self, outlet: &mut dyn Outlet) -> io::Result<()> {
        if let Some(head) = self.head.take() {
            outlet.begin(head)?;
        }
        if self.buffer.is_empty() {
            return Ok(());
        }
        outlet.send(std::mem::take(&mut self.buffer).into())
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= PIECE_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let Some(outlet) = self.call.outlet() else {
            return Ok(());
        };
        self.send(&mut **outlet.lock())
    }
}
