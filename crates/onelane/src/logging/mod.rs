//! The log: events on stderr, as JSON lines or as text. Those of a computation bear the id of its request.

mod flat;

use std::io::stderr;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::JsonFields;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt, registry};

use crate::config::{LogFormat, LogLevel};
use crate::service::Service;
use flat::Flat;

/// Sends every event of this process, panics included, to stderr. Call it once.
pub fn init(service: &Service, format: LogFormat, level: LogLevel) {
    let level = LevelFilter::from(level);
    // Of libraries only warnings and errors: the rest does not help to run a lane.
    let filter = Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target(env!("CARGO_CRATE_NAME"), level)
        // A service's events bear the name of its crate.
        .with_target(service.name.replace('-', "_"), level);
    let lines = match format {
        LogFormat::Json => fmt::layer()
            .fmt_fields(JsonFields::new())
            .event_format(Flat::default())
            .with_writer(stderr)
            .boxed(),
        LogFormat::Text => fmt::layer().with_ansi(false).with_writer(stderr).boxed(),
    };
    registry().with(lines.with_filter(filter)).init();
    std::panic::set_hook(Box::new(|panic| {
        let why = panic.payload_as_str().unwrap_or("no message");
        let location = panic.location().map(ToString::to_string);
        tracing::error!(why, location, "panic");
    }));
}
