//! Who is compared. Each is started for real, in the plainest form that its documentation shows, with
//! as many workers as all the others.

mod gateway;
pub(crate) mod lanes;
mod python;
pub(crate) mod tools;
mod work;

use std::fmt;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use onelane_lab::front::Front;
use onelane_lab::nginx::{Limits, Setup};
use onelane_lab::server::Server;
use onelane_lab::usage::Usage;
use onelane_lab::{node, onelane};
use onelane_tree::{SERVICE, root};
use rustix::process::Signal;
use tempfile::TempDir;

use tools::Tools;
pub(crate) use work::Work;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Contender {
    /// One of our modes.
    Mode(&'static str),
    /// Mode fork without children that are ready: each is forked when it is needed.
    NoneReady,
    /// Blocking lanes behind nginx: as many as there are slots.
    Lanes(Setup),
    /// One of the Node.js designs.
    Node(&'static str),
    Gunicorn,
    Uwsgi,
    PhpFpm,
    Fcgiwrap,
    /// Blocking lanes behind it: as many as there are slots.
    Haproxy,
}

/// What a scenario asks of each.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    pub(crate) work: Work,
    /// Requests computed at once, by those who can say; one by those who are one process.
    pub(crate) slots: u32,
    pub(crate) limits: Limits,
    /// The longest computation, by those who can limit it.
    pub(crate) deadline_seconds: u32,
}

impl Terms {
    pub(crate) fn slots(slots: u32) -> Self {
        Self {
            work: Work::StandIn,
            slots,
            limits: Limits::Kept,
            deadline_seconds: 30,
        }
    }
}

/// A contender at work.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    /// The one who is asked first.
    pub(crate) servers: Vec<Server>,
    /// Where the lanes tell about themselves, if there are any.
    pub(crate) admins: Vec<SocketAddr>,
    /// Their configuration, removed when they have ended.
    pub(crate) dirs: Vec<TempDir>,
    /// Until the first answer.
    pub(crate) started_in: Duration,
}

impl Contender {
    pub(crate) fn all() -> Vec<Self> {
        let modes = onelane::MODES.map(Self::Mode);
        let lanes = Setup::ALL.map(Self::Lanes);
        let node = ["blocking", "fork", "cluster", "threads"].map(Self::Node);
        let others = [
            Self::Gunicorn,
            Self::Uwsgi,
            Self::PhpFpm,
            Self::Fcgiwrap,
            Self::Haproxy,
        ];
        [&modes[..], &lanes[..], &node[..], &others[..]].concat()
    }

    pub(crate) fn start(self, tools: &Tools, terms: Terms) -> Result<Running, String> {
        let start = Instant::now();
        let mut running = match self {
            Self::Mode(mode) => lanes::mode(tools, mode, &[], terms),
            Self::NoneReady => lanes::mode(tools, "fork", &["--spare-children", "0"], terms),
            Self::Lanes(setup) => lanes::behind(tools, Front::Nginx(setup), terms),
            Self::Node(design) => node::start(design, &[&terms.slots.to_string()]).map(Running::of),
            Self::Gunicorn => python::gunicorn(tools, terms).map(Running::of),
            Self::Uwsgi => python::uwsgi(tools, terms).map(Running::of),
            Self::PhpFpm => gateway::php_fpm(tools, terms),
            Self::Fcgiwrap => gateway::fcgiwrap(tools, terms),
            Self::Haproxy => lanes::behind(tools, Front::Haproxy, terms),
        }?;
        running.started_in = start.elapsed();
        Ok(running)
    }
}

impl Contender {
    /// What makes a program of this command finish its requests and end: SIGTERM, which is what
    /// everything else sends, or where that would cut them, the signal its makers provide.
    pub(crate) fn stop_signal(command: &str) -> Signal {
        let program = command.split(' ').next().unwrap_or_default();
        let program = program.rsplit('/').next().unwrap_or_default();
        if program.contains("nginx") || program.contains("php-fpm") {
            return Signal::QUIT;
        }
        if program.contains("haproxy") {
            return Signal::USR1;
        }
        Signal::TERM
    }
}

impl fmt::Display for Contender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mode(mode) => write!(f, "onelane {mode}"),
            Self::NoneReady => f.write_str("onelane fork, none ready"),
            Self::Lanes(setup) => write!(f, "lanes, nginx {setup}"),
            Self::Node(design) => write!(f, "Node {design}"),
            Self::Gunicorn => f.write_str("gunicorn sync"),
            Self::Uwsgi => f.write_str("uWSGI"),
            Self::PhpFpm => f.write_str("nginx + PHP-FPM"),
            Self::Fcgiwrap => f.write_str("nginx + fcgiwrap"),
            Self::Haproxy => f.write_str("lanes, HAProxy maxconn 1"),
        }
    }
}

impl Running {
    fn of(server: Server) -> Self {
        Self {
            address: server.address(),
            servers: vec![server],
            admins: Vec::new(),
            dirs: Vec::new(),
            started_in: Duration::ZERO,
        }
    }

    pub(crate) fn usage(&self) -> Usage {
        let usages = self
            .servers
            .iter()
            .map(|server| Usage::of_tree(server.pid()));
        usages.sum()
    }

    /// The commands that start it, those of equal lanes only once.
    pub(crate) fn commands(&self) -> Vec<String> {
        let mut commands: Vec<String> = Vec::new();
        for server in &self.servers {
            let command = self.portable(&server.command);
            if !commands.contains(&command) {
                commands.push(command);
            }
        }
        commands
    }

    /// Without what is different in each run and on each machine.
    fn portable(&self, command: &str) -> String {
        let mut command = command.to_owned();
        for root in [env!("CARGO_MANIFEST_DIR"), &root().display().to_string()] {
            command = command.replace(&format!("{root}/"), "");
        }
        for dir in &self.dirs {
            command = command.replace(&dir.path().display().to_string(), "CONFIG");
        }
        let addresses = self.servers.iter().map(Server::address);
        for address in addresses.chain(self.admins.iter().copied()) {
            command = command.replace(&address.port().to_string(), "PORT");
        }
        let lane = |(program, args): (&str, &str)| {
            let (_, name) = program.rsplit_once('/')?;
            [SERVICE, "thumbnail", "drills"]
                .contains(&name)
                .then(|| format!("{name} {args}"))
        };
        let by_name = command.split_once(' ').and_then(lane);
        by_name.unwrap_or(command)
    }
}
