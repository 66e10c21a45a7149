//! `/state`, `/state?exit=1`: tells what was loaded, where, and which processes have entered. For what becomes of state
//! and settings.

use std::error::Error;
use std::path::PathBuf;
use std::process;
use std::thread;
use std::time::Duration;

use onelane::{Call, Definition, Load, Route, Secret, Stop, Workload};
use serde::{Deserialize, Serialize};

/// The list, for a service that has been told to have state.
pub const ALL: &[Definition] = &[Definition::loaded::<State>()];

/// Memory, and who has it.
pub struct State {
    memory: Vec<u8>,
    loaded_by: u32,
    entered_by: Vec<u32>,
    settings: Settings,
}

/// What is loaded, and how that ends.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    mib: usize,
    /// It is not over before this file is there.
    until: Option<PathBuf>,
    /// It fails without this file.
    needs: Option<PathBuf>,
    how: How,
    token: Secret,
    /// Where it is said to be from.
    origin: Origin,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum How {
    #[default]
    Well,
    WithAPanic,
    LeavingAThread,
    /// But no process can use it.
    WithoutAWayIn,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
struct Origin {
    host: String,
    port: u16,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            mib: 1,
            until: None,
            needs: None,
            how: How::Well,
            token: Secret::default(),
            origin: Origin::default(),
        }
    }
}

impl Default for Origin {
    fn default() -> Self {
        let host = "localhost".to_owned();
        Self { host, port: 80 }
    }
}

impl Load for State {
    type Settings = Settings;

    fn load(settings: Settings) -> Result<Self, Box<dyn Error + Send + Sync>> {
        if let Some(path) = &settings.needs {
            std::fs::read(path).map_err(|err| format!("no model: {err}"))?;
        }
        while settings.until.as_ref().is_some_and(|path| !path.exists()) {
            thread::sleep(Duration::from_millis(1));
        }
        match settings.how {
            How::WithAPanic => panic!("on purpose"),
            How::LeavingAThread => drop(thread::spawn(|| thread::sleep(Duration::MAX))),
            How::Well | How::WithoutAWayIn => {}
        }
        Ok(Self {
            // Not zeros, which the kernel gives without giving memory.
            memory: vec![1; settings.mib << 20],
            loaded_by: process::id(),
            entered_by: Vec::new(),
            settings,
        })
    }

    fn enter(&mut self) -> Result<(), Box<dyn Error + Send + Sync>> {
        if self.settings.how == How::WithoutAWayIn {
            return Err("no way in".into());
        }
        self.entered_by.push(process::id());
        Ok(())
    }
}

/// What to do beside telling.
#[derive(Deserialize)]
pub struct Input {
    #[serde(default)]
    sleep_ms: u64,
}

/// What it is.
#[derive(Serialize)]
pub struct Output {
    bytes: usize,
    pid: u32,
    loaded_by: u32,
    entered_by: Vec<u32>,
    token: String,
    settings: Settings,
}

impl Workload for State {
    const NAME: &'static str = "big-state";
    const ROUTES: &'static [Route] = &[Route::new("/state")];
    type Input = Input;
    type Output = Output;

    fn run(&self, Input { sleep_ms }: Input, call: &Call) -> Result<Output, Stop> {
        // All of it is read.
        let bytes = self.memory.iter().map(|byte| usize::from(*byte)).sum();
        call.sleep(Duration::from_millis(sleep_ms))?;
        Ok(Output {
            bytes,
            pid: process::id(),
            loaded_by: self.loaded_by,
            entered_by: self.entered_by.clone(),
            token: self.settings.token.reveal().to_owned(),
            settings: self.settings.clone(),
        })
    }
}
