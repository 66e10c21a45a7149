//! What a workload knows of the request that it computes.

use std::fmt::{self, Debug, Formatter};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::Mutex;

use super::interrupt::{Interrupt, Interrupted};
use super::record::{Change, Recorded, SeriesEvent};
use super::reply::ReplyHead;
use super::request_folder::RequestFolder;
use super::series::{Point, Series};
#[cfg(feature = "multipart")]
use super::upload::{Parts, Sent, Upload};
use crate::folder::FolderPlace;
use crate::keeper::Keeping;
use crate::trace::{Spans, TraceContext};

/// A request while it is computed. Cheap to clone, for the threads that a workload may use.
///
/// The default one is for unit tests: it is not interrupted, and has no deadline and no body.
#[derive(Debug, Clone, Default)]
pub struct Call {
    interrupt: Interrupt,
    request_id: String,
    /// Of the request itself.
    trace: TraceContext,
    spans: Spans,
    deadline: Option<Instant>,
    headers: Arc<Vec<(String, String)>>,
    body: Bytes,
    #[cfg(feature = "multipart")]
    files: Arc<Vec<Upload>>,
    outlet: Option<SharedOutlet>,
    recorded: Arc<Mutex<Recorded>>,
    folder: RequestFolder,
}

/// Where the pieces of an answer go that is sent while it is computed. An error says that they are
/// not wanted any more.
pub(crate) trait Outlet: Send {
    /// Sends what comes before the body. Called once, before anything else.
    fn begin(&mut self, head: ReplyHead) -> io::Result<()>;
    /// Sends a piece of the body. Waits for a reader who is slow.
    fn send(&mut self, piece: Bytes) -> io::Result<()>;
}

#[derive(Clone)]
struct SharedOutlet(Arc<Mutex<Box<dyn Outlet>>>);

impl Debug for SharedOutlet {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str("SharedOutlet")
    }
}

impl Call {
    /// For the request of this id, which has this place in a trace, may take so long from now on, and whose folder
    /// is there. What is recorded of its computation goes to `spans`.
    pub(crate) fn new(
        request_id: String,
        trace: TraceContext,
        spans: Spans,
        limit: Duration,
        folder: FolderPlace,
    ) -> Self {
        // Not the rest of the default one, which draws ids for a trace of its own.
        Self {
            interrupt: Interrupt::default(),
            request_id,
            trace,
            spans,
            // None where it is too far away to have a date.
            deadline: Instant::now().checked_add(limit),
            headers: Arc::default(),
            body: Bytes::new(),
            #[cfg(feature = "multipart")]
            files: Arc::default(),
            outlet: None,
            recorded: Arc::default(),
            folder: RequestFolder::OfRequest(folder),
        }
    }

    /// With a way out for streams.
    pub(crate) fn through(mut self, outlet: impl Outlet + 'static) -> Self {
        self.outlet = Some(SharedOutlet(Arc::new(Mutex::new(Box::new(outlet)))));
        self
    }

    /// With a body, for a workload whose route takes one ([`Body::raw`](super::Body::raw)), and for its
    /// unit tests.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Bytes::from(body.into());
        self
    }

    /// With a header, for unit tests.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        let header = (name.to_ascii_lowercase(), value.to_owned());
        Arc::make_mut(&mut self.headers).push(header);
        self
    }

    /// With a file, as a form brings it, for unit tests.
    #[cfg(feature = "multipart")]
    #[must_use]
    pub fn with_file(
        mut self,
        name: &str,
        file_name: &str,
        content_type: &str,
        bytes: impl Into<Vec<u8>>,
    ) -> Self {
        let bytes = Bytes::from(bytes.into());
        let mut sent = Sent::new(name, file_name, content_type);
        sent.len = bytes.len() as u64;
        let number = self.files.len();
        let file = Upload::new(sent, number, Some(bytes), self.folder.clone());
        Arc::make_mut(&mut self.files).push(file);
        self
    }

    #[cfg(feature = "multipart")]
    pub(super) fn set_files(&mut self, parts: Parts, memory: Bytes) {
        self.files = Arc::new(parts.uploads(memory, &self.folder));
    }

    pub(super) fn set_headers(&mut self, headers: Vec<(String, String)>) {
        self.headers = Arc::new(headers);
    }

    pub(super) fn shared_body(&self) -> Bytes {
        self.body.clone()
    }

    pub(super) fn set_body(&mut self, body: Bytes) {
        self.body = body;
    }

    /// Fails once the answer is not wanted any more: the client has left, or the time is over. One
    /// relaxed load: `lab/benches/interrupt.rs` measures what it costs a loop.
    #[inline]
    pub fn check(&self) -> Result<(), Interrupted> {
        self.interrupt.check()
    }

    /// Sleeps without using CPU. Returns early, with the error, when the answer is not wanted any more.
    pub fn sleep(&self, duration: Duration) -> Result<(), Interrupted> {
        self.interrupt.sleep(duration)
    }

    /// The time until the deadline: the `request_timeout`, or what the caller asked for with `X-Timeout`.
    /// None if there is none.
    pub fn remaining(&self) -> Option<Duration> {
        let left = |deadline: Instant| deadline.saturating_duration_since(Instant::now());
        self.deadline.map(left)
    }

    /// The `X-Request-Id` that the caller sent or got, for a log of one's own.
    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    pub(crate) fn request_trace(&self) -> &TraceContext {
        &self.trace
    }

    pub(crate) fn spans(&self) -> &Spans {
        &self.spans
    }

    /// A header of the request, the first of this name, in upper or lower case: `Idempotency-Key`, say. None if
    /// it is missing, or not text.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let header = headers.find(|(header, _)| header.eq_ignore_ascii_case(name));
        header.map(|(_, value)| value.as_str())
    }

    /// The bytes that the caller sent, where the route takes raw bytes. Empty where it takes JSON or a
    /// form: these are in the input.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The file that the form has under this name; the first one if there are several.
    #[cfg(feature = "multipart")]
    pub fn file(&self, name: &str) -> Option<&Upload> {
        self.files.iter().find(|file| file.name() == name)
    }

    /// All files of the form, in its order.
    #[cfg(feature = "multipart")]
    pub fn files(&self) -> &[Upload] {
        &self.files
    }

    /// Whether programs have keepers: not in unit tests.
    pub(super) fn keeping(&self) -> Keeping {
        match self.folder {
            RequestFolder::OfRequest(_) => Keeping::ByKeeper,
            RequestFolder::Own(_) => Keeping::Alone,
        }
    }

    /// A folder for files of this request alone, which is removed with all that is in it when the request is over,
    /// however it ends. It is below `TMPDIR`, or `/tmp`. The error says that there is none, as in an image without.
    pub fn folder(&self) -> io::Result<PathBuf> {
        self.folder.path()
    }

    /// Whether that was made.
    pub(crate) fn has_folder(&self) -> bool {
        matches!(&self.folder, RequestFolder::OfRequest(place) if place.is_made())
    }

    pub(super) fn outlet(&self) -> Option<Arc<Mutex<Box<dyn Outlet>>>> {
        self.outlet.as_ref().map(|outlet| outlet.0.clone())
    }

    /// Adds to a counter of one's own, or to the part of it that [`Series::of`] names. Like the two below, it
    /// shows in `/metrics` when the computation is over. What cannot be done to a series, or is not declared in
    /// [`Workload::SERIES`](super::Workload::SERIES), is an error of the service, 500 for its caller.
    pub fn count<'a>(&self, counter: impl Into<Point<'a>>, by: f64) {
        self.record(counter.into(), Change::Counted(by));
    }

    /// Sets a gauge of one's own.
    pub fn set<'a>(&self, gauge: impl Into<Point<'a>>, to: f64) {
        self.record(gauge.into(), Change::Set(to));
    }

    /// Adds a value to a histogram of one's own.
    pub fn observe<'a>(&self, histogram: impl Into<Point<'a>>, value: f64) {
        let histogram = histogram.into();
        self.record(histogram, Change::observed(histogram.series, value));
    }

    fn record(&self, to: Point<'_>, change: Change) {
        self.recorded.lock().add(to, change);
    }

    /// What this call has recorded, for unit tests: the sum of what was counted or observed, or what was set
    /// last. None if nothing was.
    pub fn recorded<'a>(&self, of: impl Into<Point<'a>>) -> Option<f64> {
        self.recorded.lock().total(of.into())
    }

    /// What the workload, which has `declared` these, did to series that cannot be done.
    pub(crate) fn mistake(&self, declared: &[Series]) -> Option<String> {
        self.recorded.lock().mistake(declared)
    }

    /// Takes what was recorded.
    pub(crate) fn events(&self) -> Vec<SeriesEvent> {
        self.recorded.lock().take()
    }

    /// Has the next [`Self::check`] fail, as when the client leaves.
    pub fn interrupt(&self) {
        self.interrupt.raise();
    }

    /// The flag behind [`Self::check`].
    pub(crate) fn flag(&self) -> Interrupt {
        self.interrupt.clone()
    }
}
