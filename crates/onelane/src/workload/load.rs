//! Workloads with state or settings: how they come to be, before anything is computed.

use std::any::Any;
use std::error::Error;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Coprocess, Follow, Run, Workload, chain};
use crate::config::{Table, Written, own_settings};

/// Any error: of a file, of a library, or a text that `?` makes one of.
type AnyError = Box<dyn Error + Send + Sync>;

/// A workload with state or settings of its own. In the list of a service it is
/// [`Definition::loaded`](super::Definition::loaded).
///
/// ```
/// use onelane::{Call, Definition, Load, Route, Secret, Service, Stop, Workload};
/// use serde::{Deserialize, Serialize};
///
/// struct Model {
///     table: Vec<u8>,
/// }
///
/// /// `[model]` in the file of the settings; `ONELANE_MODEL_TABLE`, `ONELANE_MODEL_TOKEN_FILE`.
/// #[derive(Serialize, Deserialize)]
/// struct Settings {
///     table: std::path::PathBuf,
///     #[serde(default)]
///     token: Secret,
/// }
///
/// impl Load for Model {
///     type Settings = Settings;
///
///     fn load(settings: Settings) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
///         let table = std::fs::read(settings.table)?;
///         Ok(Self { table })
///     }
/// }
///
/// impl Workload for Model {
///     const NAME: &'static str = "model";
///     const ROUTES: &'static [Route] = &[Route::new("/model")];
///     type Input = ();
///     type Output = usize;
///
///     fn run(&self, (): (), _: &Call) -> Result<usize, Stop> {
///         Ok(self.table.len())
///     }
/// }
///
/// const ALL: &[Definition] = &[Definition::loaded::<Model>()];
/// let service = onelane::service!().workloads(ALL);
/// ```
pub trait Load: Workload + Sized {
    /// Its settings: a struct, or `()` for none. Each field is a key, and what has no default must be set.
    type Settings: DeserializeOwned + Serialize;

    /// Makes the workload, before the server is ready and for as long as it takes. In the modes `fork` and
    /// `pool` this happens once, in the process that all children are copies of: they share what is made here.
    /// That process must have a single thread, so none may be left. In `cluster` each worker does it.
    fn load(settings: Self::Settings) -> Result<Self, AnyError>;

    /// The program that stays for this workload, if there is one. The engine starts it, once for each slot, in every
    /// process that computes, before its first request.
    fn coprocess(&self) -> Option<&Coprocess> {
        None
    }

    /// Called in every process that computes, once, before its first request: for connections, threads and
    /// random numbers, which processes do not share.
    fn enter(&mut self) -> Result<(), AnyError> {
        Ok(())
    }
}

/// Why a workload cannot compute.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct LoadError(pub String);

/// How a workload of any type is loaded.
#[derive(Clone, Copy)]
pub(super) struct Loading {
    pub(super) table: Table,
    load: fn(&Written) -> Result<Box<dyn Loaded>, AnyError>,
}

/// A workload that was loaded.
pub(super) trait Loaded: Run {
    fn enter(&mut self, slots: usize, follow: &Arc<dyn Follow>) -> Result<(), AnyError>;
}

impl<W: Load> Loaded for W {
    fn enter(&mut self, slots: usize, follow: &Arc<dyn Follow>) -> Result<(), AnyError> {
        Load::enter(self)?;
        match self.coprocess() {
            Some(program) => Ok(program.start(slots, follow)?),
            None => Ok(()),
        }
    }
}

impl Loading {
    pub(super) const fn of<W: Load>() -> Self {
        Self {
            table: Table::of::<W::Settings>(W::NAME),
            load: |written| {
                let settings = own_settings(written)?;
                Ok(Box::new(W::load(settings)?))
            },
        }
    }

    /// Loads the workload with these settings, and tells the log when it begins and when it is done.
    pub(super) fn load(
        &self,
        written: &Written,
        check: fn() -> io::Result<()>,
    ) -> Result<Box<dyn Loaded>, LoadError> {
        let workload = self.table.name;
        tracing::info!(workload, "loading");
        let start = Instant::now();
        let loaded = survive("load", workload, || {
            let loaded = (self.load)(written)?;
            check()?;
            Ok(loaded)
        })?;
        let seconds = start.elapsed().as_secs_f64();
        tracing::info!(workload, seconds, "loaded");
        Ok(loaded)
    }
}

/// Does what may fail or panic.
pub(super) fn survive<T>(
    what: &str,
    workload: &str,
    doing: impl FnOnce() -> Result<T, AnyError>,
) -> Result<T, LoadError> {
    let why = match catch_unwind(AssertUnwindSafe(doing)) {
        Ok(Ok(done)) => return Ok(done),
        Ok(Err(err)) => chain(&*err),
        Err(panic) => format!("it panicked: {}", text(&*panic)),
    };
    Err(LoadError(format!(
        "cannot {what} the workload `{workload}`: {why}"
    )))
}

/// What a panic says.
fn text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("no message")
}
