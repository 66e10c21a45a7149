//! Settings: defaults < TOML file < `ONELANE_*` environment < flags. The only reader of the
//! environment. What settings there are is in `settings.rs`; this file merges their layers.

mod container;
mod flags;
mod invalid;
mod names;
mod origins;
mod settings;
mod worked_out;

use std::collections::HashMap;
use std::ffi::OsString;

use config::{Config, Environment, File, FileFormat};

pub use flags::Flags;
pub use invalid::Invalid;
pub use names::{LogFormat, LogLevel, Mode};
pub use origins::Origins;
pub use settings::Settings;

impl Settings {
    /// Reads all layers. Nothing is bound and nothing is logged yet.
    pub fn load(flags: &Flags) -> Result<Self, Invalid> {
        let mut layers = Config::builder();
        for (key, value) in &flags.keys.defaults {
            layers = layers.set_default(key, value.as_str())?;
        }
        if let Some(path) = &flags.config {
            layers = layers.add_source(File::from(path.as_path()).format(FileFormat::Toml));
        }
        layers = layers.add_source(environment(std::env::vars_os())?);
        for (key, value) in &flags.keys.given {
            layers = layers.set_override(key, value.as_str())?;
        }
        let written = layers.build()?;
        // None if no layer has it. If its value is not a number, the next line says so.
        let queue_max = written.get("queue_max").ok();
        written.try_deserialize::<Self>()?.worked_out(queue_max)
    }
}

const PREFIX: &str = "ONELANE_";

/// The variables with our prefix; every one of them must turn out to be a known key.
fn environment(
    variables: impl Iterator<Item = (OsString, OsString)>,
) -> Result<Environment, Invalid> {
    let mut ours = HashMap::new();
    for (name, value) in variables {
        let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else {
            continue;
        };
        let value = value
            .into_string()
            .map_err(|_| Invalid(format!("{name}: not valid UTF-8")))?;
        ours.insert(name.to_owned(), value);
    }
    Ok(Environment::with_prefix("ONELANE").source(Some(ours)))
}
