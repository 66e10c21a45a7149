//! The server's side of the fork server: orders children there, and hears when they start and end.

use std::io::{self, ErrorKind, pipe};
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rustix::net::SendFlags;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use tokio::sync::{Notify, oneshot, watch};

use super::handle::ChildHandle;
use super::orders::{Course, Fate, ForkServerStage, Ordered, Orders};
use super::pipe::Pipe;
use super::protocol::{ForkOrder, ForkServerNews};
use super::{NeverReady, NotReady};
use crate::backoff::Backoff;
use crate::ipc::datagram::{DATAGRAM_MAX_BYTES, receive, send};
use crate::needs::Needs;
use crate::reexec::{brief, rehearse};
use crate::roster::Roster;

/// How often to look for a fork server that hangs.
const LOOK: Duration = Duration::from_secs(1);

/// After so many looks in a row that find it silent, with an order to carry out, a fork server is killed. A
/// fork takes it less than a millisecond, and to end a child not much longer. Looks are counted and not time:
/// if all processes were stopped for an hour, the server has looked once.
const SILENT_LOOKS: u32 = 5;

/// Where children come from. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Nursery(Arc<Orders>);

impl Nursery {
    /// Starts the fork server, and once more whenever it ends. `program` is a command for a process that
    /// reads its [`Briefing`](crate::reexec::Briefing), of these `settings`, and calls [`super::serve`] with the socket.
    pub fn start(
        program: impl Fn() -> Command + Send + 'static,
        settings: String,
        roster: Roster,
    ) -> io::Result<Self> {
        rehearse()?;
        let orders = Arc::new(Orders {
            control: Mutex::default(),
            ordered: Mutex::default(),
            next_id: AtomicU64::new(1),
            ended: Notify::new(),
            stage: watch::Sender::new(ForkServerStage::Loading),
            roster,
        });
        let nursery = Self(orders.clone());
        let (tell, first) = mpsc::channel();
        // This thread lives as long as the process: the fork server dies with its parent thread.
        thread::Builder::new()
            .name("fork-server".to_owned())
            .spawn(move || attend(&orders, &|| start(&program, &settings), &tell))
            .needs("a thread")?;
        first
            .recv()
            .expect("the thread tells of its first attempt")?;
        Ok(nursery)
    }

    /// Whether children can be had at this moment.
    pub fn is_ready(&self) -> bool {
        matches!(*self.0.stage.borrow(), ForkServerStage::Ready)
    }

    /// Waits until children can be had.
    pub async fn ready(&self) -> Result<(), NotReady> {
        match self
            .stage(|stage| !matches!(stage, ForkServerStage::Loading))
            .await
        {
            ForkServerStage::Failed(why) => Err(why),
            ForkServerStage::Loading | ForkServerStage::Ready => Ok(()),
        }
    }

    /// Waits until there will be no children any more.
    pub async fn failure(&self) -> NotReady {
        match self
            .stage(|stage| matches!(stage, ForkServerStage::Failed(_)))
            .await
        {
            ForkServerStage::Failed(why) => why,
            ForkServerStage::Loading | ForkServerStage::Ready => unreachable!("it was waited for"),
        }
    }

    async fn stage(&self, wanted: impl FnMut(&ForkServerStage) -> bool) -> ForkServerStage {
        let mut stage = self.0.stage.subscribe();
        let stage = stage.wait_for(wanted).await;
        stage.expect("this has a sender of its own").clone()
    }

    /// Orders a new child, which may be given its job before it is born. The error says that there are no descriptors
    /// left, or no fork server at the moment.
    pub fn fork(&self) -> io::Result<ChildHandle> {
        if !self.is_ready() {
            return Err(io::Error::other("the fork server is not ready"));
        }
        let (jobs_there, jobs) = pipe()?;
        let (answers, answers_there) = pipe()?;
        let (jobs, answers) = (Pipe::new(jobs)?, Pipe::new(answers)?);
        let control = self.0.control.lock().clone();
        let control = control.ok_or_else(|| io::Error::other("the fork server is restarting"))?;
        let id = self.0.next_id.fetch_add(1, Ordering::Relaxed);
        let (tell_birth, birth) = oneshot::channel();
        let (tell, fate) = oneshot::channel();
        let ordered = Ordered {
            birth: Some(tell_birth),
            fate: Some(tell),
            course: Course::Going,
            kept: Box::new(()),
        };
        self.0.roster.expect(id);
        self.0.ordered.lock().insert(id, ordered);
        // From here on, its fate tells if it could not be started.
        let child = ChildHandle::new(id, self.0.clone(), (jobs, answers), birth, fate);
        let pipes = [jobs_there.as_fd(), answers_there.as_fd()];
        let sent = send(
            control.as_fd(),
            &ForkOrder::Fork(id),
            &pipes,
            SendFlags::DONTWAIT,
        );
        if let Err(err) = sent {
            self.0.forget(id, Fate::NotStarted(0));
            return Err(err);
        }
        Ok(child)
    }

    /// The list of its children.
    pub fn roster(&self) -> &Roster {
        &self.0.roster
    }

    /// Waits until a child ends that was not to end, or returns at once if one has done so since the last call.
    pub async fn loss(&self) {
        self.0.ended.notified().await;
    }
}

/// Keeps one fork server running, and listens to it.
fn attend(
    orders: &Orders,
    start: &dyn Fn() -> io::Result<(std::process::Child, OwnedFd)>,
    first: &mpsc::Sender<io::Result<()>>,
) {
    let mut backoff = Backoff::default();
    let (mut is_first, mut was_ready) = (true, false);
    loop {
        // `Nursery::start` waits for the result of the first attempt only, and passes an error on.
        let why = match start() {
            Err(err) if is_first => {
                first.send(Err(err)).ok();
                return;
            }
            Err(err) => {
                tracing::error!(%err, "no fork server");
                err.to_string()
            }
            Ok((mut process, control)) => {
                first.send(Ok(())).ok();
                is_first = false;
                let control = Arc::new(control);
                *orders.control.lock() = Some(control.clone());
                let lacking = follow(orders, &control, &mut backoff);
                was_ready |= orders.lose();
                // First, because this wakes a thread that waits to send to it.
                process.kill().ok();
                *orders.control.lock() = None;
                let status = process.wait();
                orders.forget_all();
                if orders.has_failed() {
                    return;
                }
                // What was there before may come again.
                if let Some(what) = lacking.filter(|_| !was_ready) {
                    return orders.fail(NotReady::Lacks(what));
                }
                tracing::error!(?status, "the fork server ended; starting another one");
                format!("the fork server ended: {status:?}")
            }
        };
        thread::sleep(backoff.delay());
        backoff.failed();
        if !was_ready && backoff.is_hopeless() {
            return orders.fail(NeverReady(why));
        }
    }
}

fn start(
    program: &dyn Fn() -> Command,
    settings: &str,
) -> io::Result<(std::process::Child, OwnedFd)> {
    let (here, there) = brief(settings, &[])?;
    let process = program().stdin(Stdio::from(there)).spawn();
    let process = process.needs("/proc/self/exe")?;
    set_socket_timeout(&here, Timeout::Recv, Some(LOOK)).needs("setsockopt")?;
    Ok((process, here))
}

/// Listens to a fork server until it ends or hangs. Returns what it lacks, if it says so.
fn follow(orders: &Orders, control: &OwnedFd, backoff: &mut Backoff) -> Option<String> {
    let mut silent_looks = 0;
    let mut looked = Instant::now();
    loop {
        let news = receive(control.as_fd(), &mut [0; DATAGRAM_MAX_BYTES]);
        if looked.elapsed() >= LOOK {
            looked = Instant::now();
            orders.kill_overdue(LOOK);
        }
        match news {
            Ok(Some((ForkServerNews::Lacking(what), _))) => return Some(what),
            Ok(Some((news, _))) => {
                backoff.worked();
                silent_looks = 0;
                orders.note(news);
            }
            Err(err) if err.kind() == ErrorKind::WouldBlock => {
                let has_orders = orders.ordered.lock().values().any(Ordered::is_open);
                silent_looks = if has_orders { silent_looks + 1 } else { 0 };
                if silent_looks >= SILENT_LOOKS {
                    tracing::error!("the fork server hangs");
                    return None;
                }
            }
            Err(err) if err.kind() == ErrorKind::Interrupted => {}
            Ok(None) | Err(_) => return None,
        }
    }
}
