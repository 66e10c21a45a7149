//! Processes as the kernel shows them, and what can be done to them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, prlimit};

use serde_json::Value;

use crate::lane::{Lane, PATIENCE};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process(u32);

impl Process {
    pub fn new(pid: impl TryInto<u32>) -> Self {
        Self(pid.try_into().unwrap_or_else(|_| panic!("no process id")))
    }

    pub fn of(lane: &Lane) -> Self {
        Self::new(lane.pid())
    }

    pub fn id(self) -> u32 {
        self.0
    }

    pub fn pid(self) -> Pid {
        Pid::from_raw(self.0.cast_signed()).unwrap()
    }

    pub fn signal(self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    fn path(self, name: &str) -> String {
        format!("/proc/{}/{name}", self.0)
    }

    /// The fields of its `stat` that follow the name; none once it was reaped.
    fn stat(self) -> Option<Vec<String>> {
        let stat = fs::read_to_string(self.path("stat")).ok()?;
        let (_, fields) = stat.rsplit_once(") ")?;
        Some(fields.split(' ').map(str::to_owned).collect())
    }

    /// Whether it has not ended. A process that has ended, but was not reaped yet, is gone.
    pub fn is_alive(self) -> bool {
        self.stat().is_some_and(|stat| stat[0] != "Z")
    }

    /// Whether it has ended and was not reaped.
    pub fn is_zombie(self) -> bool {
        self.stat().is_some_and(|stat| stat[0] == "Z")
    }

    /// Its children, zombies included.
    pub fn children(self) -> Vec<Self> {
        let parent = self.0.to_string();
        let has_parent = |child: &Self| child.stat().is_some_and(|stat| stat[1] == parent);
        everybody().filter(has_parent).collect()
    }

    /// Its children, and theirs, zombies included.
    pub fn descendants(self) -> Vec<Self> {
        let children = self.children();
        let theirs = children.iter().flat_map(|child| child.descendants());
        theirs.chain(children.iter().copied()).collect()
    }

    /// The descriptors that it has open.
    pub fn descriptors(self) -> BTreeSet<u64> {
        let entries = fs::read_dir(self.path("fd")).unwrap();
        let numbers = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        numbers.map(|number| number.parse().unwrap()).collect()
    }

    /// What they are, but for those that were closed meanwhile: `/dev/null`, `pipe:[4711]`.
    pub fn files(self) -> Vec<String> {
        let descriptors = self.descriptors().into_iter();
        let targets =
            descriptors.filter_map(|fd| fs::read_link(self.path(&format!("fd/{fd}"))).ok());
        targets.map(|target| target.display().to_string()).collect()
    }

    /// Its limits, as the kernel lists them.
    pub fn limits(self) -> String {
        fs::read_to_string(self.path("limits")).unwrap()
    }

    /// Leaves it so many descriptors more than it has now.
    pub fn spare_descriptors(self, count: usize) {
        let open = self.descriptors();
        let limit = (0..).filter(|fd| !open.contains(fd)).nth(count);
        self.limit(Resource::Nofile, limit);
    }

    pub fn resident_kib(self) -> u64 {
        self.kib("VmRSS:")
    }

    /// The most that was ever resident at once. None once it has ended.
    pub fn peak_kib(self) -> Option<u64> {
        let status = fs::read_to_string(self.path("status")).ok()?;
        let mut lines = status.lines();
        let peak = lines.find_map(|line| line.strip_prefix("VmHWM:"))?;
        peak.trim().trim_end_matches(" kB").parse().ok()
    }

    /// What the kernel holds against the limit of data.
    pub fn data_bytes(self) -> u64 {
        self.kib("VmData:") << 10
    }

    pub fn data_limit(self) -> u64 {
        let limits = self.limits();
        let data = limits
            .lines()
            .find_map(|line| line.strip_prefix("Max data size"));
        let soft = data.unwrap().split_whitespace().next().unwrap();
        soft.parse().unwrap()
    }

    fn kib(self, field: &str) -> u64 {
        let value = self.status(field);
        value.trim_end_matches(" kB").parse().unwrap()
    }

    /// Whether one of the sets of signals in its `status` has this one.
    pub fn has_signal(self, set: &str, signal: Signal) -> bool {
        let set = u64::from_str_radix(&self.status(set), 16).unwrap();
        set >> (signal.as_raw() - 1) & 1 == 1
    }

    /// Where it takes connections.
    pub fn addresses(self) -> Vec<SocketAddrV4> {
        self.listeners().into_values().collect()
    }

    /// Its sockets that take connections, as [`Self::files`] names them: each where.
    pub fn listeners(self) -> BTreeMap<String, SocketAddrV4> {
        let files = self.files();
        let mut listeners = listeners(&self.path("net/tcp"));
        listeners.retain(|socket, _| files.contains(socket));
        listeners
    }

    fn status(self, name: &str) -> String {
        let status = fs::read_to_string(self.path("status")).unwrap();
        let mut lines = status.lines();
        let value = lines.find_map(|line| line.strip_prefix(name)).unwrap();
        value.trim().to_owned()
    }

    /// Sets a limit that counts from now on.
    pub fn limit(self, resource: Resource, current: Option<u64>) {
        // It has ours.
        let maximum = getrlimit(resource).maximum;
        let limit = Rlimit { current, maximum };
        prlimit(Some(self.pid()), resource, limit).unwrap();
    }

    /// Takes a limit back.
    pub fn unlimit(self, resource: Resource) {
        self.limit(resource, getrlimit(resource).current);
    }

    /// The pipe for its answers: the holder of this file can add to them, and keeps the pipe open.
    pub fn answers(self) -> File {
        self.try_answers().expect("a child has one")
    }

    /// The same of a child that may have ended.
    pub fn try_answers(self) -> Option<File> {
        // Beside the three descriptors that everybody has.
        let own = (3..32).map(|fd| self.path(&format!("fd/{fd}")));
        let is_pipe = |path: &String| {
            let target = fs::read_link(path).unwrap_or_default();
            target.to_string_lossy().starts_with("pipe:")
        };
        let is_its_end = |path: &String| {
            let link = fs::symlink_metadata(path);
            link.is_ok_and(|link| link.permissions().mode() & WRITABLE != 0)
        };
        let mut ends = own.filter(is_pipe).filter(is_its_end);
        let path = ends.next()?;
        // Both ways, so that opening never waits for a process at the other end.
        let end = OpenOptions::new().read(true).write(true).open(path);
        end.ok()
    }
}

/// How `/proc` shows that a descriptor is open for writing.
const WRITABLE: u32 = 0o200;

/// A state in `/proc/net/tcp`.
const LISTENING: &str = "0A";

/// One as `/proc/net/tcp` has it: the bytes of the first number are as in memory.
fn address(hex: &str) -> SocketAddrV4 {
    let (ip, port) = hex.split_once(':').unwrap();
    let ip = u32::from_str_radix(ip, 16).unwrap().to_ne_bytes();
    let port = u16::from_str_radix(port, 16).unwrap();
    SocketAddrV4::new(Ipv4Addr::from(ip), port)
}

/// The sockets of a network that take connections: `socket:[4711]`, which no later one is called, and where.
pub fn listeners(table: &str) -> BTreeMap<String, SocketAddrV4> {
    let table = fs::read_to_string(table).unwrap();
    let rows = table.lines().skip(1).filter_map(|row| {
        let fields: Vec<&str> = row.split_whitespace().collect();
        let socket = format!("socket:[{}]", fields[9]);
        (fields[3] == LISTENING).then(|| (socket, address(fields[1])))
    });
    rows.collect()
}

fn everybody() -> impl Iterator<Item = Process> {
    let entries = fs::read_dir("/proc").unwrap();
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok().map(Process))
}

/// The children, or workers, that a server says it has, as soon as they are so many.
pub async fn children(lane: &Lane, count: usize) -> Vec<Process> {
    let alive = |status: &Value| status["children"]["alive"].as_array().unwrap().clone();
    let status = lane
        .until_status(|status| alive(status).len() == count)
        .await;
    let pids = alive(&status).into_iter();
    pids.map(|child| Process::new(child["pid"].as_u64().unwrap()))
        .collect()
}

/// The one that computes this request.
pub async fn computing(lane: &Lane, request_id: &str) -> Process {
    let is_it = |child: &&Value| child["request_id"] == request_id;
    let find = |status: &Value| {
        let alive = status["children"]["alive"].as_array().unwrap();
        alive.iter().find(is_it)?["pid"].as_u64()
    };
    let status = lane.until_status(|status| find(status).is_some()).await;
    Process::new(find(&status).unwrap())
}

/// Waits until something can be seen.
pub async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "never {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
