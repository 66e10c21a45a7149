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
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn of(traceparent: &[&str], tracestate: &[&str]) -> TraceContext {
        TraceContext::of_request(
            traceparent.iter().map(|text| text.as_bytes()),
            tracestate.iter().map(|text| text.as_bytes()),
            None,
        )
    }

    #[rstest]
    #[case(GOOD, true)]
    #[case("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00", false)]
    // Flags that nobody knows yet.
    #[case("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-fd", true)]
    // Later versions.
    #[case("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", true)]
    #[case("fe-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what", true)]
    fn a_caller_is_followed(#[case] traceparent: &str, #[case] is_sampled: bool) {
        let context = of(&[traceparent], &["a=1", "b=2"]);
        assert_eq!(context.trace_id(), TRACE);
        assert_ne!(context.span_id(), "00f067aa0ba902b7");
        assert_eq!(context.is_sampled(), is_sampled);
        assert_eq!(context.tracestate(), "a=1,b=2");
        assert!(context.traceparent().starts_with("00-"));
        // What is passed on is what is read again.
        let next = of(&[context.traceparent()], &[context.tracestate()]);
        assert_eq!((next.trace_id(), next.is_sampled()), (TRACE, is_sampled));
    }

    #[rstest]
    #[case("")]
    #[case("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")]
    #[case("00-00000000000000000000000000000000-00f067aa0ba902b7-01")]
    #[case("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01")]
    #[case("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01")]
    #[case("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0x")]
    #[case("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more")]
    #[case("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.more")]
    #[case("00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-011")]
    #[case("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-a, b")]
    #[case("00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_01")]
    fn what_is_malformed_begins_a_new_trace(#[case] traceparent: &str) {
        let context = of(&[traceparent], &["a=1"]);
        assert_ne!(context.trace_id(), TRACE);
        assert_eq!((context.tracestate(), context.is_sampled()), ("", false));
    }

    #[test]
    fn two_callers_are_none() {
        assert_ne!(of(&[GOOD, GOOD], &[]).trace_id(), TRACE);
    }

    #[rstest]
    #[case(Some(TRACE), true)]
    #[case(Some("4bf92f3577b34da6a3ce929d0e0e473"), false)]
    #[case(Some("00000000000000000000000000000000"), false)]
    #[case(None, false)]
    fn a_balancer_may_choose_the_id_of_a_new_trace(
        #[case] chosen: Option<&str>,
        #[case] is_taken: bool,
    ) {
        let context = TraceContext::of_request([].into_iter(), [].into_iter(), chosen);
        assert_eq!(context.trace_id() == TRACE, is_taken);
        assert!(parse(context.traceparent().as_bytes()).is_some());
    }

    #[test]
    fn a_state_that_is_too_long_is_none() {
        let member = "k=v,";
        for (members, kept) in [(STATE_MAX_MEMBERS, true), (STATE_MAX_MEMBERS + 1, false)] {
            let list = member.repeat(members);
            let list = list.trim_end_matches(',');
            assert_eq!(!of(&[GOOD], &[list]).tracestate().is_empty(), kept);
        }
        let long = format!("k={}", "v".repeat(STATE_MAX_BYTES - 2));
        assert_eq!(of(&[GOOD], &[&long]).tracestate(), long);
        assert_eq!(of(&[GOOD], &[&long, "k=v"]).tracestate(), "");
        assert_eq!(of(&[GOOD], &["k=\u{e9}"]).tracestate(), "");
    }

    proptest! {
        #[test]
        fn whatever_callers_send_there_is_a_valid_context(
            traceparent in prop::collection::vec(prop_oneof![
                "[0f]{1,3}-[0-9a-fA-F]{31,33}-[0-9a-f]{15,17}-[0-9a-f]{1,3}(-.{0,9})?".prop_map(String::into_bytes),
                prop::collection::vec(any::<u8>(), 0..70),
            ], 0..3),
            tracestate in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..600), 0..3),
        ) {
            let context = TraceContext::of_request(
                traceparent.iter().map(Vec::as_slice),
                tracestate.iter().map(Vec::as_slice),
                None,
            );
            prop_assert!(parse(context.traceparent().as_bytes()).is_some());
            prop_assert!(context.tracestate().len() <= STATE_MAX_BYTES);
        }
    }
}
