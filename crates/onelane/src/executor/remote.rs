//! What an executor and a computing child say to each other. A message is JSON, and bytes of a body come
//! after the message that tells their number.

use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::stream;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use super::{Answer, Failure, Pieces, Ticket};
use crate::child::{ChildHandle, ChildLost, Nursery};
use crate::folder::FolderPlace;
use crate::ipc;
use crate::roster::{Cause, ProgramNews, Usage};
use crate::trace::{SpanReport, Spans};
use crate::workload::{Content, Job, Outlet, Parcel, Record, Reply, ReplyHead, SeriesEvent};

/// How long a new child may take to say that it is ready. It takes milliseconds as a rule; with a program that stays as
/// long as that has, for which `startupProbe` in `k8s/app-deployment.yaml` gives so much.
const START_TIMEOUT: Duration = Duration::from_mins(5);

/// To the child.
#[derive(Debug, Serialize, Deserialize)]
pub enum Question {
    /// Asks whether the child is ready. The reply is what it has to tell of programs that stay: a list of [`ProgramNews`].
    Ready,
    /// Asks for the answer to a job. The bytes of its body follow.
    Job(Box<Parcel>),
}

/// From the child, about a job. An answer is `Whole`, or `Begun` with pieces and an end. `Ended` alone is a
/// failure.
#[derive(Debug, Serialize, Deserialize)]
pub enum ChildMessage {
    /// An answer that is there. So many bytes of its body follow.
    Whole(ReplyHead, u64, JobEnd),
    /// What comes before the body.
    Begun(ReplyHead),
    /// A part of the body: so many bytes follow.
    Piece(u64),
    /// There is no more to come.
    Ended(Result<(), Failure>, JobEnd),
}

/// The end of a job.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct JobEnd {
    /// How long the computation itself took.
    pub compute: Duration,
    /// What the child has used in its life so far.
    pub used: Usage,
    /// What the workload has recorded meanwhile.
    pub events: Vec<SeriesEvent>,
    /// And of spans.
    #[cfg_attr(not(feature = "otlp"), serde(skip))]
    pub spans: SpanReport,
    /// What became of programs that stay.
    pub news: Vec<ProgramNews>,
    /// Whether the folder of the request was made here.
    pub made_folder: bool,
}

/// The way of answers out of a child. Cheap to clone.
#[derive(Debug, Clone)]
pub struct PipeOutlet(pub Arc<File>);

impl PipeOutlet {
    /// Tells the outcome of a job.
    pub fn tell(&self, outcome: Result<Reply, Failure>, end: JobEnd) -> io::Result<()> {
        match outcome {
            Ok(Reply { head, content }) => match content {
                Content::Whole(body) => {
                    self.say_with(&ChildMessage::Whole(head, body.len() as u64, end), &body)
                }
                Content::Sent => self.say(&ChildMessage::Ended(Ok(()), end)),
            },
            Err(failure) => self.say(&ChildMessage::Ended(Err(failure), end)),
        }
    }

    fn say(&self, said: &ChildMessage) -> io::Result<()> {
        self.say_with(said, &[])
    }

    fn say_with(&self, said: &ChildMessage, body: &[u8]) -> io::Result<()> {
        let (frame, rest) = ipc::frame_with(said, body)?;
        ipc::widen_for(rest.len(), &*self.0);
        self.write(&frame)?;
        self.write(rest)
    }

    fn write(&self, bytes: &[u8]) -> io::Result<()> {
        (&*self.0).write_all(bytes)
    }
}

impl Outlet for PipeOutlet {
    fn begin(&mut self, head: ReplyHead) -> io::Result<()> {
        self.say(&ChildMessage::Begun(head))
    }

    fn send(&mut self, piece: Bytes) -> io::Result<()> {
        self.say_with(&ChildMessage::Piece(piece.len() as u64), &piece)
    }
}

/// A child at work, and what becomes of it. One that is dropped is killed.
pub(super) trait Employed: Sized + Send + 'static {
    fn child(&mut self) -> &mut ChildHandle;
    /// It has done its job. It may have panicked.
    fn done(self, used: Usage, panicked: bool);
    /// It cannot be used again.
    fn failed(self, cause: Cause);
}

/// Has a child forked, and asks it whether it is ready.
pub(super) async fn start(nursery: &Nursery) -> Result<ChildHandle, ChildLost> {
    // How long that takes is no fault of the child's. If it fails for good, the server ends.
    nursery.ready().await.ok();
    let mut child = nursery.fork().map_err(ChildLost::NotStarted)?;
    let start = async {
        let ready = child.ask(&Question::Ready, Bytes::new()).await;
        child.born().await;
        ready
    };
    let ready = timeout(START_TIMEOUT, start).await;
    let news: Vec<ProgramNews> = ready.map_err(|late| ChildLost::NotStarted(late.into()))??;
    child.tell_of(&news);
    Ok(child)
}

/// Has a child compute `job` within `limit`.
pub(super) async fn compute(
    mut employed: impl Employed,
    job: Job,
    ticket: Ticket,
    limit: Duration,
) -> Result<Answer, Failure> {
    let child = employed.child();
    child.occupy(ticket.slot, &ticket.request_id);
    let (folder, was_made) = (ticket.folder.clone(), ticket.folder.is_made());
    // Until the child has said that it has not.
    folder.set_made(true);
    let (parcel, body) = job.pack(
        ticket.request_id,
        (ticket.trace, &ticket.spans),
        limit,
        ticket.folder,
    );
    let mut talk = JobTalk {
        employed,
        deadline: Instant::now().checked_add(limit),
        expected: 0,
        record: ticket.record,
        spans: ticket.spans,
        folder,
        was_made,
    };
    let first = talk.ask(&Question::Job(Box::new(parcel)), body).await;
    match first {
        Ok(ChildMessage::Whole(head, length, end)) => Ok(Answer {
            head,
            compute: Some(end.compute),
            length: Some(length),
            pieces: talk.whole(length, &end),
        }),
        Ok(ChildMessage::Begun(head)) => Ok(Answer {
            head,
            compute: None,
            length: None,
            pieces: talk.stream(),
        }),
        Ok(ChildMessage::Ended(Err(failure), end)) => {
            let panicked = failure == Failure::Panicked;
            talk.done(&end, panicked);
            Err(failure)
        }
        Ok(ChildMessage::Ended(Ok(()), end)) => {
            talk.done(&end, false);
            Err(Failure::confused())
        }
        Ok(ChildMessage::Piece(_)) => Err(talk.garbled()),
        Err(lost) => Err(talk.lost(lost)),
    }
}

/// What is said between the server and a child about one job.
struct JobTalk<E> {
    employed: E,
    /// None where there is none, or it is too far away to have a date.
    deadline: Option<Instant>,
    /// Bytes of the body that were announced and have not arrived.
    expected: u64,
    record: Arc<dyn Record>,
    spans: Spans,
    folder: FolderPlace,
    /// Whether this process has made the folder.
    was_made: bool,
}

impl<E: Employed> JobTalk<E> {
    async fn ask(&mut self, question: &Question, body: Bytes) -> Result<ChildMessage, Missing> {
        in_time(self.deadline, self.employed.child().ask(question, body)).await
    }

    async fn hear(&mut self) -> Result<ChildMessage, Missing> {
        in_time(self.deadline, self.employed.child().hear()).await
    }

    /// The next bytes of the body, of those that are expected.
    async fn bytes(&mut self) -> Result<Bytes, Missing> {
        let child = self.employed.child();
        let bytes = in_time(self.deadline, child.bytes(self.expected)).await?;
        self.expected -= bytes.len() as u64;
        Ok(bytes)
    }

    /// What the child has recorded.
    fn note(&mut self, end: &JobEnd) {
        self.record.record(&end.events);
        self.spans.merge(&end.spans);
        self.folder.set_made(self.was_made || end.made_folder);
        self.employed.child().tell_of(&end.news);
    }

    fn done(mut self, end: &JobEnd, panicked: bool) {
        self.note(end);
        self.employed.done(end.used, panicked);
    }

    /// The body of an answer that is there. Its child is free once the last byte was read.
    fn whole(mut self, length: u64, end: &JobEnd) -> Pieces {
        self.note(end);
        let used = end.used;
        if length == 0 {
            self.employed.done(used, false);
            return Box::pin(stream::empty());
        }
        self.expected = length;
        // How long it takes from here on is up to the client.
        self.deadline = None;
        Box::pin(stream::unfold(Some(self), move |talk| async move {
            let mut talk = talk?;
            match talk.bytes().await {
                Ok(bytes) if talk.expected == 0 => {
                    talk.employed.done(used, false);
                    Some((Ok(bytes), None))
                }
                Ok(bytes) => Some((Ok(bytes), Some(talk))),
                Err(missing) => Some((Err(talk.lost(missing)), None)),
            }
        }))
    }

    /// The body of an answer that is computed meanwhile.
    fn stream(self) -> Pieces {
        Box::pin(stream::unfold(Some(self), async |talk| {
            let mut talk = talk?;
            while talk.expected == 0 {
                match talk.hear().await {
                    Ok(ChildMessage::Piece(length)) => talk.expected = length,
                    Ok(ChildMessage::Ended(outcome, end)) => {
                        let panicked = outcome == Err(Failure::Panicked);
                        talk.done(&end, panicked);
                        return Some((Err(outcome.err()?), None));
                    }
                    Ok(ChildMessage::Whole(..) | ChildMessage::Begun(_)) => {
                        talk.employed.failed(Cause::Crashed);
                        return Some((Err(Failure::confused()), None));
                    }
                    Err(missing) => return Some((Err(talk.lost(missing)), None)),
                }
            }
            match talk.bytes().await {
                Ok(bytes) => Some((Ok(bytes), Some(talk))),
                Err(missing) => Some((Err(talk.lost(missing)), None)),
            }
        }))
    }

    fn garbled(self) -> Failure {
        self.employed.failed(Cause::Garbled);
        Failure::Crashed("the child sent a part of an answer before its beginning".to_owned())
    }

    /// What to say to the caller for want of what the child should have said.
    fn lost(self, missing: Missing) -> Failure {
        let (failure, cause) = match missing {
            Missing::Late => (Failure::DeadlineExceeded, Cause::Deadline),
            Missing::Lost(ChildLost::NotStarted(err)) => {
                (Failure::NotStarted(err.to_string()), Cause::Crashed)
            }
            Missing::Lost(ChildLost::Ended(exit)) if exit.is_cpu_limit() => {
                (Failure::DeadlineExceeded, Cause::CpuLimit)
            }
            Missing::Lost(ChildLost::Ended(exit)) => {
                (Failure::Crashed(exit.to_string()), Cause::Crashed)
            }
            Missing::Lost(ChildLost::Garbled(err)) => {
                (Failure::Crashed(err.to_string()), Cause::Garbled)
            }
        };
        self.employed.failed(cause);
        failure
    }
}

/// Why the child's next word is not there.
enum Missing {
    Late,
    Lost(ChildLost),
}

async fn in_time<T>(
    deadline: Option<Instant>,
    word: impl Future<Output = Result<T, ChildLost>>,
) -> Result<T, Missing> {
    let Some(deadline) = deadline else {
        return word.await.map_err(Missing::Lost);
    };
    let left = deadline.saturating_duration_since(Instant::now());
    match timeout(left, word).await {
        Ok(word) => word.map_err(Missing::Lost),
        Err(_) => Err(Missing::Late),
    }
}
