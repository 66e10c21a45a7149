//! Settings: defaults < TOML file < `ONELANE_*` environment < flags. The only reader of the
//! environment. What settings there are is in `settings.rs`, and in a [`Table`] for each workload that has
//! some of its own; this file merges their layers.

mod cgroups;
mod container;
mod environment;
mod fields;
mod flags;
mod invalid;
mod names;
mod origins;
mod own;
mod secret;
mod settings;
#[cfg(feature = "otlp")]
mod traces;
mod whole;
mod worked_out;

use config::{Config, File, FileFormat, Map, Value};

#[cfg(not(feature = "otlp"))]
pub use environment::names_collector;
pub use flags::Flags;
pub use invalid::Invalid;
pub use names::{LogFormat, LogLevel, Mode};
pub use origins::Origins;
pub use own::{Table, Written, settings as own_settings};
pub use secret::Secret;
pub use settings::Settings;
#[cfg(feature = "otlp")]
pub use traces::{RootSampler, Traces};

use environment::Environment;
use invalid::place;

impl Settings {
    /// Reads all layers. Nothing is bound and nothing is logged yet.
    pub fn load(flags: &Flags, tables: &[&Table]) -> Result<Self, Invalid> {
        let mut written = written(flags, tables)?;
        let mut own = Vec::new();
        for table in tables {
            let empty = || Value::from(Map::<String, Value>::new());
            let written = written.remove(table.name).unwrap_or_else(empty);
            own.push((table.name.to_owned(), table.check(written)?));
        }
        let mut settings = engine(&written)?;
        #[cfg(feature = "otlp")]
        {
            settings.traces = Traces::of_environment()?;
        }
        for (name, (written, in_effect)) in own {
            settings.own.insert(name.clone(), written);
            if !in_effect.is_empty() {
                settings.own_in_effect.insert(name, in_effect.into());
            }
        }
        Ok(settings)
    }
}

/// All layers in one table.
fn written(flags: &Flags, tables: &[&Table]) -> Result<Map<String, Value>, Invalid> {
    let mut layers = Config::builder();
    for (key, value) in &flags.keys.defaults {
        layers = layers.set_default(key, value.as_str())?;
    }
    if let Some(path) = &flags.config {
        layers = layers.add_source(File::from(path.as_path()).format(FileFormat::Toml));
    }
    layers = layers.add_source(Environment::new(std::env::vars_os(), tables)?);
    for (key, value) in &flags.keys.given {
        layers = layers.set_override(key, value.as_str())?;
    }
    Ok(layers.build()?.cache.into_table()?)
}

/// What is written of the engine's own settings.
fn engine(written: &Map<String, Value>) -> Result<Settings, Invalid> {
    let known = Settings::keys();
    for (key, value) in own::sorted(written) {
        if !known.contains(key) {
            let place = place(key, Some(value));
            return Err(Invalid(format!("{place}: unknown setting")));
        }
    }
    // None if no layer has it. If its value is not a number, the settings say so.
    let queue_max = written.get("queue_max").cloned();
    let queue_max = queue_max.and_then(|value| value.try_deserialize().ok());
    let wrong = |(key, why)| Invalid(format!("{}: {why}", place(key, written.get(key))));
    let written = Value::from(written.clone());
    let settings = written.clone().try_deserialize::<Settings>();
    let settings = settings.map_err(|err| Invalid::of(err, &written, ""))?;
    settings.worked_out(queue_max).map_err(wrong)
}
