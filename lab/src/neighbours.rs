//! Other programs on the same machine, which compute without pause.

use std::process::{Child, Command, Stdio};

/// As many as were started. They end with this value.
#[derive(Debug)]
pub struct Neighbours(Vec<Child>);

/// Computes, and looks now and then whether whoever started it is still there: it does not outlive a bench that
/// is killed.
const PROGRAM: &str =
    "while kill -0 $PPID; do i=0; while [ $i -lt 100000 ]; do i=$((i + 1)); done; done";

impl Neighbours {
    /// So many, of the priority of this process.
    pub fn start(count: usize) -> Result<Self, String> {
        let mut neighbours = Self(Vec::new());
        for _ in 0..count {
            let child = Command::new("sh")
                .args(["-c", PROGRAM])
                .stdin(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .map_err(|err| format!("cannot start sh: {err}"))?;
            neighbours.0.push(child);
        }
        Ok(neighbours)
    }
}

impl Drop for Neighbours {
    fn drop(&mut self) {
        for child in &mut self.0 {
            // Both fail only when it has ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
