//! A job: one workload with what one caller sent, to be computed here or in another process.

use std::collections::BTreeMap;
use std::fmt::{self, Debug, Formatter};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Map;

use super::definition::{Definition, Origin};
use super::load::{LoadError, Loaded, survive};
use super::rehearsal::Rehearsal;
use super::{Call, Follow, Outcome, Reply, Run, Source};
use crate::config::Written;
use crate::folder::FolderPlace;
use crate::trace::{ComputeId, Spans, TraceContext};

/// The workloads of a service, ready to compute. There is one such list in each process that computes.
pub struct Workloads(BTreeMap<&'static str, Instance>);

enum Instance {
    There(&'static dyn Run),
    Loaded(Box<dyn Loaded>),
}

impl Workloads {
    /// Makes every workload ready, with the settings of those that have some. `check` is done after each that
    /// was loaded, and may find fault with it.
    pub fn load(
        definitions: &[&'static Definition],
        settings: &Map<String, Written>,
        check: fn() -> io::Result<()>,
    ) -> Result<Self, LoadError> {
        let ready = definitions.iter().map(|one| {
            let instance = match one.origin {
                Origin::There(workload) => Instance::There(workload),
                Origin::Loading(loading) => {
                    Instance::Loaded(loading.load(&settings[one.name], check)?)
                }
            };
            Ok((one.name, instance))
        });
        let mut all: BTreeMap<_, _> = ready.collect::<Result<_, _>>()?;
        all.insert(Rehearsal::NAME, Instance::There(&Rehearsal));
        Ok(Self(all))
    }

    /// Tells them that this is a process that computes so many jobs at once. What becomes of their programs is told
    /// to `follow`.
    pub fn enter(&mut self, slots: usize, follow: &Arc<dyn Follow>) -> Result<(), LoadError> {
        for (name, instance) in &mut self.0 {
            if let Instance::Loaded(workload) = instance {
                survive("enter", name, || workload.enter(slots, follow))?;
            }
        }
        Ok(())
    }
}

impl Debug for Workloads {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.0.keys()).finish()
    }
}

/// One request's work.
#[derive(Debug)]
pub struct Job {
    /// The name of what to compute.
    pub workload: &'static str,
    /// What the caller sent. Its head has been checked, its body has not.
    pub source: Source,
}

impl Job {
    /// One to practise on, which every process can compute.
    pub fn rehearsal() -> Self {
        let source = Source {
            headers: vec![("host".to_owned(), "localhost".to_owned())],
            query: "number=7".to_owned(),
            ..Source::default()
        };
        let workload = Rehearsal::NAME;
        Self { workload, source }
    }

    /// Computes the answer on the calling thread.
    pub fn run(self, workloads: &Workloads, call: Call) -> Result<Reply, Outcome> {
        let workload = workloads.0.get(self.workload);
        let max_age = self.source.max_age;
        let mut reply = match workload.expect("a process computes the workloads of its service") {
            Instance::There(workload) => workload.run(self.source, call),
            Instance::Loaded(workload) => workload.run(self.source, call),
        }?;
        if max_age > 0 {
            reply.keep_for(max_age);
        }
        Ok(reply)
    }

    /// The same for another process, which is to know of the request what a [`Call`] tells. The body
    /// travels beside it.
    pub fn pack(
        mut self,
        request_id: String,
        (trace, spans): (TraceContext, &Spans),
        limit: Duration,
        folder: FolderPlace,
    ) -> (Parcel, Bytes) {
        let body = std::mem::take(&mut self.source.body);
        let parcel = Parcel {
            workload: self.workload.to_owned(),
            body_bytes: body.len(),
            source: self.source,
            request_id,
            trace,
            compute_span: spans.compute_id(),
            limit,
            folder,
        };
        (parcel, body)
    }
}

/// A [`Job`] on its way to another process of the same program. The bytes of its body come after it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Parcel {
    workload: String,
    source: Source,
    /// The length of the body.
    pub body_bytes: usize,
    request_id: String,
    trace: TraceContext,
    #[cfg_attr(not(feature = "otlp"), serde(skip))]
    compute_span: ComputeId,
    limit: Duration,
    folder: FolderPlace,
}

impl Parcel {
    /// The job and its request. None for what no process of this program sends.
    pub fn unpack(self, body: Bytes, workloads: &Workloads) -> Option<(Job, Call)> {
        let (name, _) = workloads.0.get_key_value(self.workload.as_str())?;
        let job = Job {
            workload: name,
            source: Source {
                body,
                ..self.source
            },
        };
        let spans = Spans::below(self.compute_span);
        let call = Call::new(self.request_id, self.trace, spans, self.limit, self.folder);
        Some((job, call))
    }
}
