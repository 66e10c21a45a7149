//! What is recorded of one computation: the attributes of its span, and the spans of its workload. In another process it
//! stays there until the end, and then goes to the server in one piece. All of it is bounded.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use fastrand::Rng;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::{AttributeValue, TraceContext};

/// The most spans of one computation, attributes of one span, and bytes of a text. Together less than 300 kB, and a
/// span with all its attributes is worth no more than 4 kB of the exporter's memory.
const SPANS_MAX: usize = 64;
const ATTRIBUTES_MAX: usize = 16;
const TEXT_MAX: usize = 256;

/// The id of a computation's span, for another process. None if spans are not recorded.
pub type ComputeId = Option<u64>;

/// The spans of one computation. Cheap to clone; without anything in it if they are not recorded.
#[derive(Debug, Clone, Default)]
pub struct Spans(Option<Arc<Recording>>);

#[derive(Debug)]
struct Recording {
    /// The span of the computation itself.
    compute: u64,
    /// Begins with that id. What is random in this process may be so in others in the same way: they are copies of one
    /// that may have drawn before.
    ids: Mutex<Rng>,
    report: Mutex<SpanReport>,
}

/// What they come to.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct SpanReport {
    /// The process that computed; 0 until it is known.
    pub pid: u32,
    /// Of the computation itself.
    pub attributes: Attributes,
    /// Those that are over.
    pub spans: Vec<SpanRecord>,
    /// How many more there were.
    pub lost: u32,
}

/// A span that is over.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SpanRecord {
    pub name: Cow<'static, str>,
    pub id: u64,
    pub parent: u64,
    /// When it began, from the epoch.
    pub start: Duration,
    pub took: Duration,
    pub attributes: Attributes,
    /// Why it failed.
    pub error: Option<String>,
}

/// Attributes, each once.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Attributes {
    pub known: Vec<(Cow<'static, str>, AttributeValue)>,
    /// How many more there were.
    pub lost: u32,
}

/// A span that goes on; without anything in it if it is not recorded.
#[derive(Debug)]
pub(super) struct OpenSpan(Option<Going>);

#[derive(Debug)]
struct Going {
    recording: Arc<Recording>,
    name: &'static str,
    id: u64,
    parent: u64,
    since: Instant,
    told: Mutex<(Attributes, Option<String>)>,
}

impl Spans {
    /// Spans that are recorded.
    pub fn recorded() -> Self {
        Self::below(Some(fastrand::u64(1..)))
    }

    /// The same in another process, where the span of the computation has this id.
    pub fn below(compute: ComputeId) -> Self {
        Self(compute.map(|compute| {
            Arc::new(Recording {
                compute,
                ids: Mutex::new(Rng::with_seed(compute)),
                report: Mutex::default(),
            })
        }))
    }

    /// The id of the computation's span, if they are recorded.
    pub fn compute_id(&self) -> ComputeId {
        self.0.as_ref().map(|recording| recording.compute)
    }

    /// The place of the computation in the trace of its request.
    pub fn context(&self, request: &TraceContext) -> TraceContext {
        let compute = self.compute_id();
        compute.map_or_else(|| request.clone(), |id| request.with_span(id))
    }

    /// Notes that this process computes.
    pub fn enter(&self) {
        if let Some(recording) = &self.0 {
            recording.report.lock().pid = std::process::id();
        }
    }

    /// An attribute of the computation.
    pub fn set_attribute(&self, key: &'static str, value: AttributeValue) {
        if let Some(recording) = &self.0 {
            recording.report.lock().attributes.set(key, value);
        }
    }

    /// Takes what is recorded.
    pub fn report(&self) -> SpanReport {
        let report = |recording: &Arc<Recording>| std::mem::take(&mut *recording.report.lock());
        self.0.as_ref().map(report).unwrap_or_default()
    }

    /// Adds what another process has recorded.
    pub fn merge(&self, report: &SpanReport) {
        if let Some(recording) = &self.0 {
            *recording.report.lock() = report.clone();
        }
    }

    pub(super) fn open(
        &self,
        name: &'static str,
        below: &TraceContext,
    ) -> (OpenSpan, TraceContext) {
        let Some(recording) = &self.0 else {
            return (OpenSpan(None), below.clone());
        };
        let id = recording.ids.lock().u64(1..);
        let going = Going {
            recording: recording.clone(),
            name,
            id,
            parent: u64::from_str_radix(below.span_id(), 16).unwrap_or_default(),
            since: Instant::now(),
            told: Mutex::default(),
        };
        (OpenSpan(Some(going)), below.with_span(id))
    }
}

impl OpenSpan {
    pub(super) fn set_attribute(&self, key: &'static str, value: AttributeValue) {
        if let Some(going) = &self.0 {
            going.told.lock().0.set(key, value);
        }
    }

    pub(super) fn set_error(&self, why: &str) {
        if let Some(going) = &self.0 {
            let mut why = why.to_owned();
            cut(&mut why);
            going.told.lock().1 = Some(why);
        }
    }
}

impl Drop for Going {
    fn drop(&mut self) {
        let mut report = self.recording.report.lock();
        if report.spans.len() == SPANS_MAX {
            report.lost += 1;
            return;
        }
        let took = self.since.elapsed();
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let (attributes, error) = std::mem::take(self.told.get_mut());
        report.spans.push(SpanRecord {
            name: self.name.into(),
            id: self.id,
            parent: self.parent,
            start: now.unwrap_or_default().saturating_sub(took),
            took,
            attributes,
            error,
        });
    }
}

impl Attributes {
    /// Adds one, or sets it anew.
    pub fn set(&mut self, key: &'static str, mut value: AttributeValue) {
        if let AttributeValue::Text(text) = &mut value {
            cut(text.to_mut());
        }
        let is_full = self.known.len() >= ATTRIBUTES_MAX;
        match self.known.iter_mut().find(|(known, _)| known == key) {
            Some((_, before)) => *before = value,
            None if is_full => self.lost += 1,
            None => self.known.push((key.into(), value)),
        }
    }
}

fn cut(text: &mut String) {
    text.truncate(text.floor_char_boundary(TEXT_MAX));
}

#[cfg(test)]
mod tests;
