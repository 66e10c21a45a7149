//! `/stay?say=…`: says a line to a shell that stays, which runs it, and answers with the line that comes back. For what
//! becomes of programs that stay.

use std::error::Error;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use onelane::{Call, Coprocess, Definition, Load, Reply, Route, Stop, Workload};
use serde::{Deserialize, Serialize};

/// The list, for a service that has been told to have such a program.
pub const ALL: &[Definition] = &[Definition::loaded::<Stay>()];

/// Runs each line. It has read what it was told before it is ready.
const SHELL: &str = r#"echo hello; . "$0"; echo ready; while read -r line; do eval "$line"; done"#;

/// A frame is answered with its own bytes.
const FRAMES: &str = r#"
import sys
def frame(data):
    sys.stdout.buffer.write(len(data).to_bytes(4, "big") + data)
    sys.stdout.buffer.flush()
frame(b"ready")
while length := sys.stdin.buffer.read(4):
    frame(sys.stdin.buffer.read(int.from_bytes(length, "big")))
"#;

/// What was sent comes back, with the path as the type; or a header whose name it is.
const HTTP: &str = r#"
import http.server, socketserver, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(204)
        self.end_headers()
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        body = self.headers.get(body.decode(), "").encode() or body
        print("asked")
        self.send_response(201)
        self.send_header("Content-Type", "text/" + self.path[1:])
        self.end_headers()
        self.wfile.write(body)
    def address_string(self):
        return "a lane"
socketserver.UnixStreamServer(sys.argv[1], Handler).serve_forever()
"#;

/// One program.
pub struct Stay {
    program: Coprocess,
    dialect: Dialect,
}

/// Which one, and when it is replaced.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    dialect: Dialect,
    /// What the shell reads first.
    first: PathBuf,
    requests: u32,
    memory_mib: u64,
    spare: bool,
    start_seconds: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            dialect: Dialect::Lines,
            first: "/dev/null".into(),
            requests: 0,
            memory_mib: 1 << 20,
            spare: false,
            start_seconds: 60,
        }
    }
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Dialect {
    Lines,
    Frames,
    Http,
}

impl Load for Stay {
    type Settings = Settings;

    fn load(settings: Settings) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let dialect = settings.dialect;
        let mut command = Command::new(match dialect {
            Dialect::Lines => "sh",
            Dialect::Frames | Dialect::Http => "python3",
        });
        let program = match dialect {
            Dialect::Lines => {
                command.args(["-c", SHELL]).arg(settings.first);
                Coprocess::lines(command).ready("ready")
            }
            Dialect::Frames => {
                command.args(["-c", FRAMES]);
                Coprocess::frames(command).ready("ready")
            }
            Dialect::Http => {
                command.args(["-c", HTTP, "{socket}"]);
                Coprocess::http(command).ready("/ready")
            }
        };
        let program = program
            .requests(settings.requests)
            .memory_mib(settings.memory_mib)
            .start_timeout(Duration::from_secs(settings.start_seconds))
            .limit(1000);
        let program = if settings.spare {
            program.spare()
        } else {
            program
        };
        Ok(Self { program, dialect })
    }

    fn coprocess(&self) -> Option<&Coprocess> {
        Some(&self.program)
    }
}

/// What is said.
#[derive(Deserialize)]
pub struct Input {
    say: String,
}

impl Workload for Stay {
    const NAME: &'static str = "stay";
    const ROUTES: &'static [Route] = &[Route::new("/stay")];
    type Input = Input;
    type Output = Reply;

    fn run(&self, Input { say }: Input, call: &Call) -> Result<Reply, Stop> {
        if let Dialect::Http = self.dialect {
            let post = ("POST", "/csv");
            let answer = self
                .program
                .request(call, post, "text/plain", say.as_bytes())?;
            let content_type = answer.content_type.unwrap_or_default();
            return Ok(Reply::bytes(content_type, answer.body).status(answer.status));
        }
        let said = self.program.exchange(call, say)?;
        Ok(Reply::bytes("text/plain", said))
    }
}
