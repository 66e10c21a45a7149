//! The trace of a request, through a real nginx and real lanes: its line and theirs are of the same trace, at every hop.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Stdio};

use onelane_rig::Lane;
use onelane_stack::nginx::{command, configure, program};
use onelane_stack::{Turn, ask, client, eventually, free_port, turn};
use reqwest::{Method, RequestBuilder};
use rstest::rstest;
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

const LANE: &str = env!(concat!("CARGO_BIN_EXE_", env!("CARGO_PKG_NAME")));

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const LATER: &str = "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-later";
const MALFORMED: &str = "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01";

/// Lanes, of which all but one are busy, behind an nginx.
struct Stack {
    lanes: Vec<Lane>,
    base: String,
    nginx: Child,
    dir: TempDir,
    busy: Vec<JoinHandle<()>>,
    _turn: Turn,
}

impl Stack {
    async fn up(lanes: usize) -> Self {
        let turn = turn().await;
        let lane = |_| {
            let mut lane = onelane_rig::command(LANE);
            lane.args(["--log-level", "debug"]);
            Lane::run(lane)
        };
        let lanes: Vec<Lane> = (0..lanes).map(lane).collect();
        let mut busy = Vec::new();
        for lane in &lanes[1..] {
            let sleep = lane.request(Method::GET, "/sleep?ms=25000");
            busy.push(tokio::spawn(async { drop(sleep.send().await) }));
            lane.until_busy(1).await;
        }
        let port = free_port();
        let dir = TempDir::new().expect("there is room for temporary files");
        let addresses = lanes.iter().map(|lane| lane.listen.parse());
        let addresses: Vec<_> = addresses.map(|address| address.expect("its own")).collect();
        configure(dir.path(), &addresses, port).expect("the folder is ours");
        // Where nginx is started by root, its workers are somebody else.
        fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).expect("it is ours");
        let program = program().expect("local/install-nginx finds or fetches one");
        let log = File::create(dir.path().join("access.log")).expect("it is ours");
        let mut nginx = command(&program, dir.path());
        let nginx = nginx.stdout(log).stderr(Stdio::null()).spawn();
        let nginx = nginx.expect("it has just told its version");
        let at = ("127.0.0.1", port);
        eventually("nginx", async || TcpStream::connect(at).await.ok()).await;
        Self {
            lanes,
            base: format!("http://127.0.0.1:{port}"),
            nginx,
            dir,
            busy,
            _turn: turn,
        }
    }

    fn request(&self, method: Method, id: &str) -> RequestBuilder {
        let request = client().request(method, format!("{}/fast", self.base));
        request.header("x-request-id", id)
    }

    fn log(&self) -> PathBuf {
        self.dir.path().join("access.log")
    }

    /// What nginx has written of this request.
    async fn line(&self, id: &str) -> Value {
        eventually("nginx's line", async || {
            let log = fs::read_to_string(self.log()).expect("it is ours");
            let lines = log
                .lines()
                .filter_map(|line| serde_json::from_str(line).ok());
            lines
                .into_iter()
                .find(|line: &Value| line["request_id"] == id)
        })
        .await
    }

    /// What the lanes have written of this request, once so many of them have.
    async fn lines(&self, id: &str, count: usize) -> Vec<Value> {
        eventually("the lanes' lines", async || {
            let of_lane = |lane: &Lane| lane.log(|line| line["request_id"] == id);
            let lines: Vec<Value> = self.lanes.iter().flat_map(of_lane).collect();
            (lines.len() >= count).then_some(lines)
        })
        .await
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        self.busy.iter().for_each(JoinHandle::abort);
        // Its workers notice that it is gone.
        let stop = rustix::process::Pid::from_child(&self.nginx);
        rustix::process::kill_process(stop, rustix::process::Signal::TERM).ok();
        self.nginx.wait().ok();
    }
}

#[rstest]
#[case::of_a_caller(&[CALLER], true)]
#[case::of_a_later_version(&[LATER], true)]
#[case::of_nobody(&[], false)]
#[case::malformed(&[MALFORMED], false)]
#[case::of_two(&[CALLER, CALLER], false)]
#[case::of_two_of_a_later_version(&[LATER, LATER], false)]
#[tokio::test]
async fn nginx_and_lanes_tell_the_same_trace_at_every_hop(
    #[case] callers: &[&str],
    #[case] is_taken: bool,
) {
    let stack = Stack::up(3).await;
    let mut hops = 0;
    for (at, body) in ["", "", "", "large"].into_iter().enumerate() {
        let id = format!("request-{at}");
        let mut request = stack.request(Method::POST, &id);
        for caller in callers {
            request = request.header("traceparent", *caller);
        }
        // Not up to callers.
        request = request.header("x-lane-trace", "22222222222222222222222222222222");
        if body == "large" {
            let json = format!("{{{}}}", " ".repeat(20_000));
            request = request
                .header("content-type", "application/json")
                .body(json);
        }
        assert_eq!(ask(request).await.status, 200);
        let line = stack.line(&id).await;
        let trace = line["trace_id"].as_str().expect("it is text");
        assert_eq!((trace == TRACE, trace.len()), (is_taken, 32), "{line}");
        assert_ne!(trace, "2".repeat(32));
        let tried = line["lane_status"].as_str().expect("it is text");
        let tried = tried.split([',', ':']).count();
        let of_lanes = stack.lines(&id, tried).await;
        for of_lane in &of_lanes {
            assert_eq!(of_lane["trace_id"], trace, "{of_lane}");
        }
        let mut spans: Vec<_> = of_lanes
            .iter()
            .map(|line| line["span_id"].to_string())
            .collect();
        spans.sort();
        spans.dedup();
        assert_eq!(spans.len(), of_lanes.len(), "each hop is another span");
        hops += of_lanes.len() - 1;
    }
    assert!(hops >= 2, "only {hops} hops");
}

#[tokio::test]
async fn what_nginx_calls_a_request_by_itself_is_its_trace() {
    let stack = Stack::up(1).await;
    let request = client().get(format!("{}/fast", stack.base));
    let id = ask(request).await.header("x-request-id").to_owned();
    assert_eq!(stack.line(&id).await["trace_id"], id.as_str());
    assert_eq!(stack.lines(&id, 1).await[0]["trace_id"], id.as_str());
}
