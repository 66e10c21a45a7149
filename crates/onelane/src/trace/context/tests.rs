//! What headers come to.

use proptest::prelude::*;
use rstest::rstest;

use super::*;

const CALLERS: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn of(traceparent: &[&str], tracestate: &[&str]) -> TraceContext {
    TraceContext::of_request(
        &mut traceparent.iter().map(|text| text.as_bytes()),
        &mut tracestate.iter().map(|text| text.as_bytes()),
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
    assert_eq!(context.trace_id(), CALLERS);
    assert_ne!(context.span_id(), "00f067aa0ba902b7");
    assert_eq!(context.is_sampled(), is_sampled);
    assert_eq!(context.tracestate(), "a=1,b=2");
    assert!(context.traceparent().starts_with("00-"));
    // What is passed on is what is read again.
    let next = of(&[context.traceparent()], &[context.tracestate()]);
    assert_eq!((next.trace_id(), next.is_sampled()), (CALLERS, is_sampled));
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
    assert_ne!(context.trace_id(), CALLERS);
    assert_eq!((context.tracestate(), context.is_sampled()), ("", false));
}

#[test]
fn two_callers_are_none() {
    assert_ne!(of(&[GOOD, GOOD], &[]).trace_id(), CALLERS);
}

#[rstest]
#[case(Some(CALLERS), true)]
#[case(Some("4bf92f3577b34da6a3ce929d0e0e473"), false)]
#[case(Some("00000000000000000000000000000000"), false)]
#[case(None, false)]
fn a_balancer_may_choose_the_id_of_a_new_trace(
    #[case] chosen: Option<&str>,
    #[case] is_taken: bool,
) {
    let context = TraceContext::of_request(&mut [].into_iter(), &mut [].into_iter(), chosen);
    assert_eq!(context.trace_id() == CALLERS, is_taken);
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
            &mut traceparent.iter().map(Vec::as_slice),
            &mut tracestate.iter().map(Vec::as_slice),
            None,
        );
        prop_assert!(parse(context.traceparent().as_bytes()).is_some());
        prop_assert!(context.tracestate().len() <= STATE_MAX_BYTES);
    }
}
