//! The place of a request in a trace, as headers carry it: W3C Trace Context, level 2
//! (<https://www.w3.org/TR/trace-context-2/>).

use std::ops::Range;

use serde::{Deserialize, Serialize};
use uuid::Builder;

/// The most of a `tracestate` that is passed on: what everybody has to, and as many members as there may be.
const STATE_MAX_BYTES: usize = 512;
const STATE_MAX_MEMBERS: usize = 32;

/// The length of a `traceparent` of version 00: `00-TRACE-SPAN-FLAGS`.
const LENGTH: usize = 55;

/// Where its parts are.
const TRACE: Range<usize> = 3..35;
const SPAN: Range<usize> = 36..52;
const LAST_FLAGS: usize = 54;

/// The flags that are known, by the digit that they are: sampled, and a trace id that is random.
const KNOWN_FLAGS: u8 = 0b11;
const SAMPLED: u8 = 0b01;

/// The place of a span in a trace: what a service passes on to those that it asks.
///
/// The default one is the beginning of a new trace.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TraceContext {
    /// A `traceparent` of version 00, and then the `tracestate`.
    text: String,
    /// The span of the caller, for the process that exports.
    #[cfg(feature = "otlp")]
    #[serde(skip)]
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
    pub(crate) fn of_request(
        traceparent: &mut dyn Iterator<Item = &[u8]>,
        tracestate: &mut dyn Iterator<Item = &[u8]>,
        chosen: Option<&str>,
    ) -> Self {
        let given = traceparent.next().and_then(parse);
        let Some(given) = given.filter(|_| traceparent.next().is_none()) else {
            return Self::beginning(chosen);
        };
        let flags = digit(given) & KNOWN_FLAGS;
        let mut context = Self::new(&given[TRACE], flags);
        context.text += &state(tracestate);
        #[cfg(feature = "otlp")]
        {
            context.parent = Some(given[SPAN].to_owned());
        }
        context
    }

    fn beginning(chosen: Option<&str>) -> Self {
        let chosen =
            chosen.filter(|id| id.len() == TRACE.len() && id.bytes().all(is_digit) && is_id(id));
        match chosen {
            Some(trace) => Self::new(trace, 0),
            None => Self::new(&random_id(), 0),
        }
    }

    fn new(trace: &str, flags: u8) -> Self {
        let mut text = String::with_capacity(LENGTH);
        for part in ["00-", trace, "-", &random_id()[..SPAN.len()], "-0"] {
            text.push_str(part);
        }
        text.push(char::from(b'0' + flags));
        Self {
            text,
            #[cfg(feature = "otlp")]
            parent: None,
        }
    }

    /// The value of a header `traceparent` for another service.
    pub fn traceparent(&self) -> &str {
        &self.text[..LENGTH]
    }

    /// The value of a header `tracestate` for another service; empty if there is to be none.
    pub fn tracestate(&self) -> &str {
        &self.text[LENGTH..]
    }

    /// The id of the trace: 32 hexadecimal digits.
    pub fn trace_id(&self) -> &str {
        &self.text[TRACE]
    }

    /// The id of this span: 16 hexadecimal digits.
    pub fn span_id(&self) -> &str {
        &self.text[SPAN]
    }

    /// Whether spans of this trace are exported, as far as is known here.
    pub fn is_sampled(&self) -> bool {
        digit(&self.text) & SAMPLED != 0
    }
}

#[cfg(feature = "otlp")]
impl TraceContext {
    /// The span of the caller, if there is one.
    pub(crate) fn parent_id(&self) -> Option<&str> {
        self.parent.as_deref()
    }

    /// The same trace, with the flag set or cleared.
    pub(crate) fn sampled(mut self, is_sampled: bool) -> Self {
        let flags = digit(&self.text) & !SAMPLED | u8::from(is_sampled);
        let flags = char::from(b'0' + flags).to_string();
        self.text.replace_range(LAST_FLAGS..LENGTH, &flags);
        self
    }

    /// The same for a span below.
    pub(crate) fn with_span(&self, id: u64) -> Self {
        let mut below = self.clone();
        below.text.replace_range(SPAN, &format!("{id:016x}"));
        below
    }
}

/// An id that is unlike all others: a version 4 UUID, in 32 hexadecimal digits. It need not be impossible to guess,
/// and so need not ask the kernel. Neither all of the digits are 0, nor the first 16.
pub(crate) fn random_id() -> String {
    let bytes = fastrand::u128(..).to_ne_bytes();
    let uuid = Builder::from_random_bytes(bytes).into_uuid();
    uuid.simple().to_string()
}

/// What a valid `traceparent` says in its last digit, which is all of the flags that is known.
fn digit(traceparent: &str) -> u8 {
    match traceparent.as_bytes()[LAST_FLAGS] {
        digit @ b'0'..=b'9' => digit - b'0',
        letter => letter - b'a' + 10,
    }
}

/// The beginning of a `traceparent`, of a later version, too, as far as that begins like version 00.
fn parse(value: &[u8]) -> Option<&str> {
    let (known, rest) = value.split_at_checked(LENGTH)?;
    let known = str::from_utf8(known).ok()?;
    let mut bytes = known.bytes().enumerate();
    let has_form = bytes.all(|(at, byte)| match at {
        2 | 35 | 52 => byte == b'-',
        _ => is_digit(byte),
    });
    // A comma stands between several: nginx makes one header of them.
    let is_version_0 = known.starts_with("00");
    let may_go_on = !is_version_0 && rest.starts_with(b"-") && !rest.contains(&b',');
    if !has_form {
        return None;
    }
    let is_valid = !known.starts_with("ff")
        && is_id(&known[TRACE])
        && is_id(&known[SPAN])
        && (rest.is_empty() || may_go_on);
    is_valid.then_some(known)
}

fn is_digit(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

/// Whether not all of these digits are 0.
fn is_id(digits: &str) -> bool {
    digits.bytes().any(|digit| digit != b'0')
}

/// All headers `tracestate` as one, in their order. Nothing of one that is too long, or no text: half a list would be
/// another list.
fn state(values: &mut dyn Iterator<Item = &[u8]>) -> String {
    let mut state = Vec::new();
    for value in values {
        if !state.is_empty() && !value.is_empty() {
            state.push(b',');
        }
        state.extend_from_slice(value);
    }
    let is_text = |byte: &u8| matches!(byte, b'\t' | b' '..=b'~');
    let members = state.split(|byte| *byte == b',').count();
    let fits = state.len() <= STATE_MAX_BYTES && members <= STATE_MAX_MEMBERS;
    if !fits || !state.iter().all(is_text) {
        return String::new();
    }
    String::from_utf8(state).unwrap_or_default()
}

#[cfg(test)]
mod tests;
