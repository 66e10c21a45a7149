//! What this program needs of the kernel, tried before it says that it is ready. A sandbox, a filter of system
//! calls or an old kernel may lack it, and then a line of the log names it.

use std::io;
use std::os::unix::net::UnixStream;

use actix_rt::SystemRunner;
use nix::sys::resource::{Resource, UsageWho, getrlimit, getrusage};
use rustix::event::{EventfdFlags, epoll, eventfd};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, SocketFlags, accept_with, recv, send};
use tokio::runtime::Builder;

/// Names what was tried in the error.
pub trait Needs<T> {
    /// The same outcome; the error begins with `what`, a system call or a file as a rule.
    fn needs(self, what: &str) -> io::Result<T>;
}

impl<T, E: Into<io::Error>> Needs<T> for Result<T, E> {
    fn needs(self, what: &str) -> io::Result<T> {
        self.map_err(|err| named(what, &err.into()))
    }
}

/// One for all types, because there are many of them.
#[cold]
#[inline(never)]
fn named(what: &str, err: &io::Error) -> io::Error {
    io::Error::new(err.kind(), format!("{what}: {err}"))
}

/// The descriptors that a server may have, at least. It takes 25 to answer one request.
const DESCRIPTORS_MIN: u64 = 64;

/// A runtime for this thread. The error names what every runtime, and every server on it, needs and the
/// kernel does not have: libraries would panic for want of it, or notice it at the first connection.
pub fn runtime() -> io::Result<SystemRunner> {
    epoll::create(epoll::CreateFlags::CLOEXEC).needs("epoll_create1")?;
    eventfd(0, EventfdFlags::CLOEXEC).needs("eventfd2")?;
    getrusage(UsageWho::RUSAGE_SELF).needs("getrusage")?;
    let (descriptors, _) = getrlimit(Resource::RLIMIT_NOFILE).needs("prlimit64")?;
    if descriptors < DESCRIPTORS_MIN {
        let why = format!("RLIMIT_NOFILE: {descriptors} is less than {DESCRIPTORS_MIN}");
        return Err(io::Error::other(why));
    }
    let (socket, other) = UnixStream::pair().needs("socketpair")?;
    send(&other, &[0], SendFlags::empty()).needs("sendto")?;
    recv(&socket, &mut [0], RecvFlags::empty()).needs("recvfrom")?;
    match accept_with(&socket, SocketFlags::CLOEXEC) {
        // It does not listen.
        Err(Errno::INVAL) | Ok(_) => {}
        Err(err) => return Err(err).needs("accept4"),
    }
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.needs("epoll_ctl or fcntl")?;
    Ok(actix_rt::System::with_tokio_rt(|| runtime))
}
