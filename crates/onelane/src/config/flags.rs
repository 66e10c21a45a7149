//! The settings on the command line. They are the lowest layer and the highest: a flag's default
//! holds where the key is not written, and a flag that is given wins over everything else.

use std::collections::HashMap;
use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command, Error, FromArgMatches};

use super::settings::Settings;

/// The flags of the settings, and where the file of the settings is.
#[derive(Debug, Args)]
pub struct Flags {
    /// Read settings from this TOML file
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    #[command(flatten)]
    pub(super) keys: Keys,
}

/// What the command line says about each key. clap has checked it, but it stays text: the other
/// layers belong between these two, and all of them are read into [`Settings`] together.
#[derive(Debug, Default)]
pub(super) struct Keys {
    /// The defaults of the keys that were not given.
    pub(super) defaults: HashMap<String, String>,
    /// The flags that were really there, even if they only repeat a default.
    pub(super) given: HashMap<String, String>,
}

impl FromArgMatches for Keys {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut keys = Self::default();
        let flags = Settings::augment_args(Command::default());
        for key in flags.get_arguments().map(|flag| flag.get_id().as_str()) {
            let Some(value) = matches.get_raw(key).and_then(|mut values| values.next()) else {
                continue;
            };
            let value = value.to_str().expect("clap takes only text for a setting");
            let layer = match matches.value_source(key) {
                Some(ValueSource::CommandLine) => &mut keys.given,
                _ => &mut keys.defaults,
            };
            layer.insert(key.to_owned(), value.to_owned());
        }
        Ok(keys)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for Keys {
    fn augment_args(command: Command) -> Command {
        // So that they may stand before or after the role. The only other flag that the command
        // has by now, `--config`, may do so, too.
        Settings::augment_args(command).mut_args(|flag| flag.global(true))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}
