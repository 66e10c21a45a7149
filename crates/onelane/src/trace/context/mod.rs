//! The place of a request in a trace, as headers carry it: W3C Trace Context, level 2
//! (<https://www.w3.org/TR/trace-context-2/>).

use serde::{Deserialize, Serialize};

/// The most of a `tracestate` that is passed on: what everybody has to, and as many members as there may be.
const STATE_MAX_BYTES: usize = 512;
const STATE_MAX_MEMBERS: usize = 32;

/// The length of a `traceparent` of version 00.
const LENGTH: usize = 55;

/// The flags that are known: sampled, and a trace id that is random.
const FLAGS: u8 = 0b11;
const SAMPLED: u8 = 0b01;

/// The place of a span in a trace: what a service passes on to those that it asks.
///
/// The default one is the beginning of a new trace.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TraceContext {
    /// Of version 00, so that the ids are always at the same places.
    traceparent: String,
    tracestate: String,
    parent: Option<String>,
}

impl Default for TraceContext {
    fn default() -> Self {
        Self::beginning(None)
    }
}

impl TraceContext {
    /// The context of a new span for a request with these headers: below the span of its caller, or the beginning of a
    /// trace where there is no caller that says so in one way. Then the balancer may have `chosen` the id of the
    /// trace.
    pub(crate) fn of_request<'a>(
        mut traceparent: impl Iterator<Item = &'a [u8]>,
        tracestate: impl Iterator<Item = &'a [u8]>,
        chosen: Option<&str>,
    ) -> Self {
        let given = traceparent.next().and_then(parse);
        match given.filter(|_| traceparent.next().is_none()) {
            None => Self::beginning(chosen),
            Some(Parent { trace, span, flags }) => {
                let context = Self::new(trace, new_span_id(), flags & FLAGS);
                Self {
                    tracestate: state(tracestate),
                    parent: Some(span.to_owned()),
                    ..context
                }
            }
        }
    }

    fn beginning(chosen: Option<&str>) -> Self {
        let chosen = chosen.filter(|id| is_id(id.as_bytes(), 32));
        let trace = chosen.map_or_else(
            || format!("{:032x}", fastrand::u128(1..)),
            ToOwned::to_owned,
        );
        Self::new(&trace, new_span_id(), 0)
    }

    fn new(trace: &str, span: u64, flags: u8) -> Self {
        Self {
            traceparent: format!("00-{trace}-{span:016x}-{flags:02x}"),
            tracestate: String::new(),
            parent: None,
        }
    }

    /// The value of a header `traceparent` for another service.
    pub fn traceparent(&self) -> &str {
        &self.traceparent
    }

    /// The value of a header `tracestate` for another service; empty if there is to be none.
    pub fn tracestate(&self) -> &str {
        &self.tracestate
    }

    /// The id of the trace: 32 hexadecimal digits.
    pub fn trace_id(&self) -> &str {
        &self.traceparent[3..35]
    }

    /// The id of this span: 16 hexadecimal digits.
    pub fn span_id(&self) -> &str {
        &self.traceparent[36..52]
    }

    /// The id of the span above, which is that of the caller or of what was begun by [`Call::span`](crate::Call::span).
    /// None where the trace begins.
    pub fn parent_id(&self) -> Option<&str> {
        self.parent.as_deref()
    }

    /// Whether spans of this trace are exported, as far as is known here.
    pub fn is_sampled(&self) -> bool {
        let flags = u8::from_str_radix(&self.traceparent[53..], 16);
        flags.is_ok_and(|flags| flags & SAMPLED != 0)
    }
}

#[cfg(feature = "otlp")]
impl TraceContext {
    /// The same trace, with the flag set or cleared.
    pub(crate) fn sampled(mut self, is_sampled: bool) -> Self {
        if self.is_sampled() != is_sampled {
            let flags = u8::from_str_radix(&self.traceparent[53..], 16).unwrap_or_default();
            let flags = format!("{:02x}", flags ^ SAMPLED);
            self.traceparent.replace_range(53.., &flags);
        }
        self
    }

    /// The same for a span below.
    pub(crate) fn with_span(&self, id: u64) -> Self {
        let mut below = self.clone();
        below.parent = Some(self.span_id().to_owned());
        below
            .traceparent
            .replace_range(36..52, &format!("{id:016x}"));
        below
    }
}

/// An id that no other span has. It is never 0, which is no id.
pub(crate) fn new_span_id() -> u64 {
    fastrand::u64(1..)
}

/// What a caller says of its own span.
struct Parent<'a> {
    trace: &'a str,
    span: &'a str,
    flags: u8,
}

/// A `traceparent`, of a later version, too, as far as that begins like version 00.
fn parse(value: &[u8]) -> Option<Parent<'_>> {
    let (known, rest) = value.split_at_checked(LENGTH)?;
    let mut parts = known.split(|byte| *byte == b'-');
    let mut next = |length| parts.next().filter(|part| is_hex(part, length));
    let version = next(2).filter(|version| *version != b"ff")?;
    let trace = next(32).filter(|id| is_id(id, 32))?;
    let span = next(16).filter(|id| is_id(id, 16))?;
    let flags = str::from_utf8(next(2)?).ok()?;
    // A comma stands between several: nginx makes one header of them.
    let may_go_on = version != b"00" && rest.starts_with(b"-") && !rest.contains(&b',');
    (rest.is_empty() || may_go_on).then_some(Parent {
        trace: str::from_utf8(trace).ok()?,
        span: str::from_utf8(span).ok()?,
        flags: u8::from_str_radix(flags, 16).ok()?,
    })
}

fn is_hex(text: &[u8], length: usize) -> bool {
    let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    text.len() == length && text.iter().all(is_digit)
}

fn is_id(text: &[u8], length: usize) -> bool {
    is_hex(text, length) && text.iter().any(|byte| *byte != b'0')
}

/// All headers `tracestate` as one, in their order. Nothing of one that is too long, or no text: half a list would be
/// another list.
fn state<'a>(values: impl Iterator<Item = &'a [u8]>) -> String {
    let mut state = String::new();
    for value in values {
        let text = str::from_utf8(value).ok();
        let text = text.filter(|text| text.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~')));
        let Some(text) = text else {
            return String::new();
        };
        if !state.is_empty() && !text.is_empty() {
            state.push(',');
        }
        state.push_str(text);
    }
    let fits = state.len() <= STATE_MAX_BYTES && state.split(',').count() <= STATE_MAX_MEMBERS;
    if fits { state } else { String::new() }
}

#[cfg(test)]
mod tests;
