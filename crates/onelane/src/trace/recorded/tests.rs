//! What is recorded of a computation.

use super::*;
use crate::trace::Span;

#[test]
fn spans_know_what_they_are_below() {
    let (spans, request) = (Spans::recorded(), TraceContext::default());
    let outer = Span::open("outer", &spans.context(&request), &spans);
    drop(outer.span("inner"));
    outer.set_error("it broke");
    let below_outer = outer.trace().clone();
    drop(outer);
    let report = spans.report();
    let [inner, outer] = &report.spans[..] else {
        panic!("{report:?}");
    };
    assert_eq!((&*inner.name, inner.parent), ("inner", outer.id));
    assert_eq!(Some(outer.parent), spans.compute_id());
    assert_eq!(outer.error.as_deref(), Some("it broke"));
    assert_eq!(below_outer.span_id(), format!("{:016x}", outer.id));
    assert_eq!(below_outer.trace_id(), request.trace_id());
}

#[test]
fn spans_of_copied_processes_have_ids_of_their_own() {
    let context = TraceContext::default();
    let id_in_a_copy = |compute| {
        fastrand::seed(7);
        let spans = Spans::below(Some(compute));
        Span::open("part", &context, &spans)
            .trace()
            .span_id()
            .to_owned()
    };
    assert_ne!(id_in_a_copy(1), id_in_a_copy(2));
}

#[test]
fn what_is_recorded_is_bounded() {
    let (spans, context) = (Spans::recorded(), TraceContext::default());

    for _ in 0..=SPANS_MAX {
        let span = Span::open("part", &context, &spans);
        span.set_attribute("text", "ü".repeat(TEXT_MAX));
        span.set_attribute("text", "ü".repeat(TEXT_MAX));
    }
    let keys: Vec<&'static str> = (0..=ATTRIBUTES_MAX)
        .map(|n| &*Box::leak(n.to_string().into_boxed_str()))
        .collect();
    for key in keys {
        spans.set_attribute(key, true.into());
    }
    let report = spans.report();
    assert_eq!((report.spans.len(), report.lost), (SPANS_MAX, 1));
    let attributes = &report.spans[0].attributes;
    assert_eq!((attributes.known.len(), attributes.lost), (1, 0));
    let AttributeValue::Text(text) = &attributes.known[0].1 else {
        panic!("{attributes:?}");
    };
    assert_eq!(text.len(), TEXT_MAX);
    let attributes = &report.attributes;
    assert_eq!(
        (attributes.known.len(), attributes.lost),
        (ATTRIBUTES_MAX, 1)
    );
}

#[test]
fn what_is_not_recorded_is_nothing() {
    let (spans, context) = (Spans::default(), TraceContext::default());
    let span = Span::open("part", &context, &spans);
    assert_eq!(span.trace().span_id(), context.span_id());
    drop(span);
    assert!(spans.report().spans.is_empty());
}
