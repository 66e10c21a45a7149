//! `make dev`: the sources change, and so does what answers.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use onelane_tree::Copy;
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};

const SOURCE: &str = "src/workload/count.rs";

/// `make dev`, and what it prints.
struct Dev {
    make: Child,
    said: BufReader<std::process::ChildStderr>,
}

impl Dev {
    /// A group of its own, as a shell makes one for a command: Ctrl-C reaches all of it.
    fn start(copy: &Copy) -> Self {
        use std::os::unix::process::CommandExt;
        let mut make = Command::new("make");
        make.arg("dev").current_dir(copy.path("")).process_group(0);
        for (name, value) in copy.cargo().get_envs() {
            make.env(name, value.unwrap());
        }
        make.envs([
            ("ONELANE_LISTEN", "127.0.0.1:0"),
            ("ONELANE_ADMIN_LISTEN", "127.0.0.1:0"),
            ("ONELANE_LOG_FORMAT", "text"),
        ]);
        make.stdin(Stdio::null()).stderr(Stdio::piped());
        let mut make = make.spawn().unwrap();
        let said = BufReader::new(make.stderr.take().unwrap());
        Self { make, said }
    }

    /// Reads up to a line with this in it.
    fn line_with(&mut self, words: &str) -> String {
        let lines = self.said.by_ref().lines().map(Result::unwrap);
        let mut lines = lines.inspect(|line| eprintln!("{line}"));
        let found = lines.find(|line| line.contains(words));
        found.unwrap_or_else(|| panic!("it has not said: {words}"))
    }

    /// Where the next lane listens.
    fn address(&mut self) -> String {
        let line = self.line_with(" listening listen=");
        let (_, address) = line.split_once(" listen=").unwrap();
        address.split(' ').next().unwrap().to_owned()
    }

    fn group(&self) -> Pid {
        Pid::from_child(&self.make)
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        kill_process_group(self.group(), Signal::KILL).ok();
        self.make.wait().ok();
    }
}

fn count(address: &str) -> String {
    let mut lane = TcpStream::connect(address).unwrap();
    let request = "GET /count?to=7 HTTP/1.0\r\n\r\n";
    lane.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    lane.read_to_string(&mut answer).unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    body.trim_end().to_owned()
}

#[test]
#[ignore = "make prove: it compiles a copy of the tree"]
fn a_lane_is_compiled_and_started_anew_when_its_sources_change() {
    let copy = Copy::of_tree();
    let mut dev = Dev::start(&copy);
    let address = dev.address();
    assert_eq!(count(&address), r#"{"count":7}"#);

    copy.replace(SOURCE, "Ok(Output { count })", "Ok(Output { count: 8 })");
    let address = dev.address();
    assert_eq!(count(&address), r#"{"count":8}"#);

    copy.replace(
        SOURCE,
        "Ok(Output { count: 8 })",
        "Ok(Output { count: eight })",
    );
    dev.line_with("cannot find value `eight`");
    TcpStream::connect(&address).unwrap_err();
    copy.replace(
        SOURCE,
        "Ok(Output { count: eight })",
        "Ok(Output { count: 9 })",
    );
    let address = dev.address();
    assert_eq!(count(&address), r#"{"count":9}"#);

    kill_process_group(dev.group(), Signal::INT).unwrap();
    dev.make.wait().unwrap();
    // Its end closes what it printed to.
    for line in dev.said.by_ref().lines() {
        eprintln!("{}", line.unwrap());
    }
    test_kill_process_group(dev.group()).unwrap_err();
    TcpStream::connect(&address).unwrap_err();
}
